//! A submission is withdrawn from the command line while the daemon works on it, or before: what
//! runs of it ends at once, nothing of it stays on the engine, and it says so everywhere.

use std::time::{Duration, Instant};

use referee::model::{Outcome, Stage};

use crate::copy::Copy;
use crate::world::{PATIENCE, World, docker, submission};

const TEAM: &str = "undecided";
/// What runs of a withdrawn submission has ended by then.
const ENDED_WITHIN: Duration = Duration::from_secs(2);
/// A sleep that no other test has, and that nothing would wait for.
const LONG: u32 = 200;

/// A daemon with one team and a working copy whose image is slow where it is wanted.
fn world(slots: u32) -> Option<(World, Copy)> {
    let mut world = World::with_example("nuclei")?;
    world.slots = slots;
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    Some((world, copy))
}

/// A number of seconds that marks what this test runs.
fn mark(test: u32) -> String {
    format!("{LONG}.{test}{}", std::process::id())
}

/// Puts a sleep at the start of the program: on the sample, or on hidden data alone.
fn sleep_in_run(copy: &Copy, on_sample: bool) {
    let main = std::fs::read_to_string(copy.path.join("main.py")).unwrap();
    let is_in = if on_sample { "in" } else { "not in" };
    let sleep = format!(
        "import os, time\nif 'tile_01.png' {is_in} os.listdir('/input'):\n    time.sleep({LONG})\n"
    );
    copy.write("main.py", &format!("{sleep}{main}"));
}

fn reach(world: &mut World, stage: Stage) {
    world.until("the stage is under way", PATIENCE, |world| {
        let records = world.submissions("nuclei", TEAM);
        let first = records.first().map(|r| &r.submission);
        first.is_some_and(|s| s.stage() == stage && s.state.is_working())
    });
}

fn withdraw(world: &World, number: i64) -> String {
    let number = number.to_string();
    let arguments = ["admin", "submission", "withdraw", &number];
    let output = world.referee(&arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Containers that run now, with their commands.
fn running() -> String {
    docker(&["ps", "--no-trunc", "--format", "{{.Names}} {{.Command}}"]).unwrap()
}

/// Running containers of this installation that hold a participant's program.
fn programs(world: &World) -> Vec<String> {
    let instance = std::fs::read_to_string(world.path("data/instance")).unwrap();
    let mine = format!("referee-{}-", instance.trim());
    let listed = docker(&["ps", "--format", "{{.Names}}"]).unwrap();
    let names = listed.lines().filter(|name| name.starts_with(&mine));
    let programs = names.filter(|name| !name.ends_with("-holder"));
    programs.map(str::to_owned).collect()
}

/// How long it takes until something is so, asked often.
fn within(asked: Instant, is_so: impl Fn() -> bool) -> Duration {
    while !is_so() {
        assert!(asked.elapsed() < PATIENCE, "it never ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    asked.elapsed()
}

/// Tags of images that this installation has built for submissions.
fn images(world: &World) -> Vec<String> {
    let instance = std::fs::read_to_string(world.path("data/instance")).unwrap();
    let listed = docker(&["images", "--format", "{{.Tag}}", "referee/build"]).unwrap();
    // Those of scorers begin with `scorer`.
    let mine = format!("{}.s", instance.trim());
    let tags = listed.lines().filter(|tag| {
        let rest = tag.strip_prefix(&mine);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    tags.map(str::to_owned).collect()
}

/// Nothing is left, nothing is spent, and page and note say what became of it.
fn assert_withdrawn(world: &mut World, copy: &Copy) {
    world.settle(PATIENCE);
    let record = world.submissions("nuclei", TEAM).remove(0);
    assert_eq!(record.submission.outcome(), Some(Outcome::Withdrawn));
    assert_eq!(world.spent(&record), 0);
    world.until("nothing of it is left", Duration::from_secs(30), |world| {
        world.left_on_engine().is_empty() && images(world).is_empty()
    });
    let view = world.view(record.submission.token.as_str());
    assert_eq!(view["state"]["at"], "withdrawn", "{view:#}");
    assert_eq!(view["quota"]["used_today"], 0, "{view:#}");
    let note = copy.note(&copy.head());
    assert!(note.starts_with(Outcome::Withdrawn.message()), "{note}");
}

#[test]
fn during_a_build() {
    let Some((mut world, copy)) = world(2) else {
        return;
    };
    let mark = mark(1);
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let (from, rest) = dockerfile.split_once('\n').expect("lines");
    copy.write("Dockerfile", &format!("{from}\nRUN sleep {mark}\n{rest}"));
    copy.commit("A build without an end");
    copy.push_main();
    world.until("the step runs", PATIENCE, |_| running().contains(&mark));
    let message = withdraw(&world, 1);
    let took = within(Instant::now(), || !running().contains(&mark));
    assert!(took <= ENDED_WITHIN, "it took {took:?}");
    assert!(message.contains("#1 is withdrawn"), "{message}");
    assert_withdrawn(&mut world, &copy);
    let all = docker(&["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]).unwrap();
    assert!(!all.contains(&mark), "{all}");
}

fn during_a_run(stage: Stage) {
    let Some((mut world, copy)) = world(2) else {
        return;
    };
    sleep_in_run(&copy, stage == Stage::Smoke);
    copy.commit("A run without an end");
    copy.push_main();
    reach(&mut world, stage);
    world.until("the container runs", PATIENCE, |world| {
        programs(world).len() == 1
    });
    withdraw(&world, 1);
    let took = within(Instant::now(), || programs(&world).is_empty());
    assert!(took <= ENDED_WITHIN, "it took {took:?}");
    assert_withdrawn(&mut world, &copy);
    // The place is free again.
    copy.take(&submission("nuclei/baseline-empty"));
    copy.write("different.txt", "again");
    copy.commit("Another one");
    let pushed = copy.push_main();
    let (_, outcome) = world.wait_end(&pushed.token());
    assert_eq!(outcome, "scored");
}

#[test]
fn during_a_smoke_run() {
    during_a_run(Stage::Smoke);
}

#[test]
fn during_an_evaluation() {
    during_a_run(Stage::Run);
}

#[test]
fn while_it_waits() {
    let Some((mut world, copy)) = world(1) else {
        return;
    };
    // Another team has the only place.
    world.add_teams("nuclei", &["occupant"]);
    let other = world.copy_of("nuclei", "occupant");
    other.take(&submission("nuclei/baseline-empty"));
    sleep_in_run(&other, false);
    other.commit("A run without an end");
    other.push_main();
    world.until("the place is taken", PATIENCE, |world| {
        let records = world.submissions("nuclei", "occupant");
        let first = records.first().map(|r| &r.submission);
        first.is_some_and(|s| s.stage() == Stage::Run && s.state.is_working())
    });
    copy.commit("It waits");
    copy.push_main();
    world.until("it is built and waits", PATIENCE, |world| {
        let records = world.submissions("nuclei", TEAM);
        let first = records.first().map(|r| &r.submission);
        first.is_some_and(|s| s.stage() == Stage::Smoke && !s.state.is_working())
    });
    assert_eq!(images(&world).len(), 2);
    let message = withdraw(&world, 2);
    assert_eq!(message.trim(), "#2 is withdrawn.");
    world.until("its image is gone", Duration::from_secs(30), |world| {
        images(world).len() == 1
    });
    withdraw(&world, 1);
    assert_withdrawn(&mut world, &copy);
    // Again changes nothing, and says so.
    let again = world.referee(&["admin", "submission", "withdraw", "2"]);
    let output = { again }.output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("has ended already"), "{message}");
}
