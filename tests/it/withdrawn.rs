//! A submission is withdrawn from the command line while it waits or while a stage runs. Its containers end at once,
//! the engine keeps nothing of it, and its page and note show the withdrawal.

use std::time::{Duration, Instant};

use referee::model::{Outcome, Stage};

use crate::copy::Copy;
use crate::world::{PATIENCE, World, docker, submission};

const TEAM: &str = "undecided";
/// How long the containers of a withdrawn submission may run on.
const ENDED_WITHIN: Duration = Duration::from_secs(2);
/// A sleep in seconds that is longer than any test waits.
const LONG: u32 = 200;

/// A daemon with one team and the team's working copy of a submission.
fn world(slots: u32) -> Option<(World, Copy)> {
    let mut world = World::with_example("nuclei")?;
    world.slots = slots;
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    Some((world, copy))
}

/// A sleep in seconds that no other test uses, so that the containers of this test can be recognized.
fn unique_sleep(test: u32) -> String {
    format!("{LONG}.{test}{}", std::process::id())
}

/// Adds a sleep to the start of the program: on the sample, or only on hidden data.
fn sleep_in_run(copy: &Copy, on_sample: bool) {
    let main = std::fs::read_to_string(copy.path.join("main.py")).unwrap();
    let is_in = if on_sample { "in" } else { "not in" };
    let sleep = format!("import os, time\nif 'tile_01.png' {is_in} os.listdir('/input'):\n    time.sleep({LONG})\n");
    copy.write("main.py", &format!("{sleep}{main}"));
}

fn wait_for_stage(world: &mut World, stage: Stage) {
    world.until("the stage runs", PATIENCE, |world| {
        let records = world.submissions("nuclei", TEAM);
        let first = records.first().map(|r| &r.submission);
        first.is_some_and(|s| s.stage() == stage && s.state.is_working())
    });
}

fn withdraw(world: &World, number: i64) -> String {
    let number = number.to_string();
    let arguments = ["admin", "submission", "withdraw", &number];
    let output = world.referee(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The running containers with their commands.
fn running() -> String {
    docker(&["ps", "--no-trunc", "--format", "{{.Names}} {{.Command}}"]).unwrap()
}

/// The running containers of this installation that run a participant's program.
fn programs(world: &World) -> Vec<String> {
    let instance = std::fs::read_to_string(world.path("data/instance")).unwrap();
    let mine = format!("referee-{}-", instance.trim());
    let listed = docker(&["ps", "--format", "{{.Names}}"]).unwrap();
    let names = listed.lines().filter(|name| name.starts_with(&mine));
    let programs = names.filter(|name| !name.ends_with("-keeper"));
    programs.map(str::to_owned).collect()
}

/// The time from `asked` until a condition holds, checked every 50 ms.
fn time_until(asked: Instant, holds: impl Fn() -> bool) -> Duration {
    while !holds() {
        assert!(asked.elapsed() < PATIENCE, "it never ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    asked.elapsed()
}

/// The tags of the images that this installation has built for submissions.
fn images(world: &World) -> Vec<String> {
    let instance = std::fs::read_to_string(world.path("data/instance")).unwrap();
    let listed = docker(&["images", "--format", "{{.Tag}}", "referee/build"]).unwrap();
    // The tags of scorers begin with `scorer`.
    let mine = format!("{}.s", instance.trim());
    let tags = listed.lines().filter(|tag| {
        let rest = tag.strip_prefix(&mine);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    tags.map(str::to_owned).collect()
}

/// Asserts that nothing is left and nothing is spent, and that the page and the note show the withdrawal.
fn assert_withdrawn(world: &mut World, copy: &Copy) {
    world.settle(PATIENCE);
    let record = world.submissions("nuclei", TEAM).remove(0);
    assert_eq!(record.submission.outcome(), Some(Outcome::Withdrawn));
    assert_eq!(world.spent(&record), 0);
    world.until("the engine is clean", Duration::from_secs(30), |world| {
        world.left_on_engine().is_empty() && images(world).is_empty()
    });
    let view = world.view(record.submission.token.as_str());
    assert_eq!(view["state"]["at"], "withdrawn", "{view:#}");
    assert_eq!(view["quota"]["used_today"], 0, "{view:#}");
    let note = copy.note(&copy.head());
    assert!(note.starts_with(Outcome::Withdrawn.message()), "{note}");
}

#[test]
fn a_submission_is_withdrawn_during_its_build() {
    let Some((mut world, copy)) = world(2) else {
        return;
    };
    let seconds = unique_sleep(1);
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let (from, rest) = dockerfile.split_once('\n').expect("lines");
    copy.write("Dockerfile", &format!("{from}\nRUN sleep {seconds}\n{rest}"));
    copy.commit("A build without an end");
    copy.push_main();
    world.until("the step runs", PATIENCE, |_| running().contains(&seconds));
    let message = withdraw(&world, 1);
    let took = time_until(Instant::now(), || !running().contains(&seconds));
    assert!(took <= ENDED_WITHIN, "it ended after {took:?}");
    assert!(message.contains("Submission #1 is withdrawn."), "{message}");
    assert_withdrawn(&mut world, &copy);
    let all = docker(&["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]).unwrap();
    assert!(!all.contains(&seconds), "{all}");
}

fn withdraw_during(stage: Stage) {
    let Some((mut world, copy)) = world(2) else {
        return;
    };
    sleep_in_run(&copy, stage == Stage::Smoke);
    copy.commit("A run without an end");
    copy.push_main();
    wait_for_stage(&mut world, stage);
    world.until("the container runs", PATIENCE, |world| programs(world).len() == 1);
    withdraw(&world, 1);
    let took = time_until(Instant::now(), || programs(&world).is_empty());
    assert!(took <= ENDED_WITHIN, "it ended after {took:?}");
    assert_withdrawn(&mut world, &copy);
    // The slot is free again.
    copy.take(&submission("nuclei/baseline-empty"));
    copy.write("different.txt", "again");
    copy.commit("Another one");
    let pushed = copy.push_main();
    let (_, outcome) = world.wait_end(&pushed.token());
    assert_eq!(outcome, "scored");
}

#[test]
fn a_submission_is_withdrawn_during_its_smoke_run() {
    withdraw_during(Stage::Smoke);
}

#[test]
fn a_submission_is_withdrawn_during_its_run() {
    withdraw_during(Stage::Run);
}

#[test]
fn a_submission_is_withdrawn_while_it_waits() {
    let Some((mut world, copy)) = world(1) else {
        return;
    };
    // Another team has the only slot.
    world.add_teams("nuclei", &["occupant"]);
    let other = world.copy_of("nuclei", "occupant");
    other.take(&submission("nuclei/baseline-empty"));
    sleep_in_run(&other, false);
    other.commit("A run without an end");
    other.push_main();
    world.until("the slot is taken", PATIENCE, |world| {
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
    let reply = "Submission #2 is withdrawn. It has used no evaluation of the quota.";
    assert_eq!(message.trim(), reply);
    world.until("its image is gone", Duration::from_secs(30), |world| images(world).len() == 1);
    withdraw(&world, 1);
    assert_withdrawn(&mut world, &copy);
    // A second withdrawal changes nothing and fails.
    let again = world.referee(&["admin", "submission", "withdraw", "2"]);
    let output = { again }.output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("has already ended"), "{message}");
}
