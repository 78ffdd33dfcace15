//! Builder, runner and scorer on three engines: each does its part and no other's, what it makes is
//! carried to where it is needed, and nothing stays where it is not.
//!
//! Two engines are started here, which needs root and `dockerd`; without them the test says so and passes,
//! except under CI.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use referee::model::Stage;

use crate::copy::Copy;
use crate::engine::{self, Engine, bring_base};
use crate::world::{BASE, CLEAN_WITHIN, PATIENCE, World, docker, submission};

const TEAM: &str = "apart";
/// Everything that an engine makes a container of, with what the container is for.
const CREATED: &str = "{{.Actor.Attributes.name}} {{index .Actor.Attributes \"referee.kind\"}} \
                       {{index .Actor.Attributes \"referee.made-by\"}}";

/// Writes down what containers an engine makes from now on.
struct Witness {
    process: Child,
    file: PathBuf,
}

impl Witness {
    fn of(socket: Option<&str>, file: PathBuf) -> Self {
        let host = socket.map(|socket| ["--host", socket]);
        let process = Command::new("docker")
            .args(host.into_iter().flatten())
            .args(["events", "--filter", "type=container"])
            .args(["--filter", "event=create", "--format", CREATED])
            .stdin(Stdio::null())
            .stdout(File::create(&file).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, file }
    }

    /// What containers of this instance were for, each kind once: `run`, `scorer`; `step` for those
    /// of builds, whose names are the engine's.
    fn saw(&self, instance: &str) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let mut kinds: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| line.contains(instance)) {
            let mut words = line.split(' ');
            let ours = words
                .next()
                .is_some_and(|name| name.starts_with("referee-"));
            match words.next().unwrap_or_default() {
                _ if !ours => kinds.push("step".to_owned()),
                "" => {} // keeps the output of one of the others
                kind => kinds.push(kind.to_owned()),
            }
        }
        kinds.sort();
        kinds.dedup();
        kinds
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn three_engines_share_the_work() {
    if !engine::possible(&[]) {
        return;
    }
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    let builder = Engine::start(&world.path("builder"), "{}");
    let scorer = Engine::start(&world.path("scorer"), "{}");
    bring_base(&[&builder, &scorer], &world.path("base.tar"));
    let sockets = (&builder.socket, &scorer.socket);
    world.settings = format!(
        "[builder]\nsocket = \"{}\"\n[scorer]\nsocket = \"{}\"\n",
        sockets.0, sockets.1
    );
    let witnesses = [
        Witness::of(Some(&builder.socket), world.path("builder.events")),
        Witness::of(None, world.path("runner.events")),
        Witness::of(Some(&scorer.socket), world.path("scorer.events")),
    ];
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    copy.write("Dockerfile", &dockerfile.replacen('\n', "\nRUN true\n", 1));
    copy.commit("Built here, run there");
    let pushed = copy.push_main();
    // Beside the submission, which it must not disturb.
    let mut doctor = world.referee(&["doctor"]);
    let doctor = doctor.stdout(Stdio::piped()).spawn().unwrap();
    let (view, outcome) = world.wait_end(&pushed.token());
    assert_eq!(outcome, "scored", "{view}");
    world.settle(PATIENCE);
    looked_at_each(doctor.wait_with_output().unwrap());

    let instance = std::fs::read_to_string(world.path("data/instance")).unwrap();
    let instance = instance.trim();
    let saw = witnesses.each_ref().map(|witness| witness.saw(instance));
    let expected = [
        vec!["look", "step"],
        vec!["run", "smoke"],
        vec!["scorer", "step"],
    ];
    assert_eq!(saw, expected);

    let images = |list: &str| {
        let mine = format!("referee/build:{instance}.");
        let lines = list.lines().filter_map(|line| line.strip_prefix(&mine));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let tags = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
    let on_runner = || images(&docker(&tags).unwrap());
    assert_eq!(on_runner().len(), 1, "the submission's: {:?}", on_runner());
    assert!(!on_runner()[0].starts_with("scorer-"));
    world.until("the scorer's engine is clean", CLEAN_WITHIN, |_| {
        scorer.holds().iter().all(|one| one.starts_with("referee/"))
    });
    let on_scorer = images(&scorer.holds().join("\n"));
    assert_eq!(on_scorer.len(), 1, "the scorer's: {on_scorer:?}");
    assert!(on_scorer[0].starts_with("scorer-"));
    let own = ["referee/holder:2", BASE]; // the first one is the doctor's
    assert_eq!(builder.holds(), own, "nothing stays where it was built");

    withdrawn(&mut world, &copy, &on_runner);
    assert_eq!(builder.holds(), own);
}

/// What is not wanted any more goes from where it runs.
fn withdrawn(world: &mut World, copy: &Copy, on_runner: &dyn Fn() -> Vec<String>) {
    copy.write("main.py", "import time\ntime.sleep(200)\n");
    copy.commit("Never mind");
    copy.push_main();
    world.until("the second submission runs", PATIENCE, |world| {
        let all = world.submissions("nuclei", TEAM);
        let second = all.get(1).map(|r| &r.submission);
        second.is_some_and(|s| s.stage() == Stage::Smoke && s.state.is_working())
    });
    assert_eq!(on_runner().len(), 2, "{:?}", on_runner());
    let number = world.submissions("nuclei", TEAM)[1].submission.number;
    let arguments = ["admin", "submission", "withdraw", &number.to_string()];
    let output = world.referee(&arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    world.until("its image is gone", PATIENCE, |_| on_runner().len() == 1);
    world.settle(PATIENCE);
}

/// Each engine, named by what it is for, and for no more.
fn looked_at_each(output: Output) {
    let message = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !message.contains("\nBAD "),
        "{message}"
    );
    for line in [
        "engines: runner: unix://",
        "engine version (runner): ",
        "engine version (scorer): ",
        "engine version (builder): ",
        "doors of builds (builder): ",
        "doors of jobs (runner): ",
        "doors of jobs (scorer): ",
        "memory limit (scorer): ",
        "base image referee/python:3.11 (builder): ",
    ] {
        assert!(message.contains(line), "no {line}in {message}");
    }
    for line in ["doors of builds (runner)", "memory limit (builder)"] {
        assert!(!message.contains(line), "{line} in {message}");
    }
}
