//! Builder, runner and scorer on three engines: each does only its own work, images are transferred to the engine that
//! needs them, and nothing else stays.
//!
//! The test starts two engines, which needs root and `dockerd`. Without them it prints a message and passes, except
//! under CI.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use referee::model::Stage;

use crate::copy::Copy;
use crate::engine::{self, Engine, copy_base};
use crate::world::{BASE, CLEAN_WITHIN, PATIENCE, World, docker, submission};

const TEAM: &str = "apart";
/// The format of an event: the name of a container, its kind, and the instance that made its image.
const CREATED: &str = "{{.Actor.Attributes.name}} {{index .Actor.Attributes \"referee.kind\"}} \
                       {{index .Actor.Attributes \"referee.made-by\"}}";

/// Records the containers that an engine creates from now on.
struct Recorder {
    process: Child,
    file: PathBuf,
}

impl Recorder {
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

    /// The kinds of the containers of this instance, each once: `run`, `scorer`, and `step` for those of builds, whose
    /// names are the engine's.
    fn kinds(&self, instance: &str) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let mut kinds: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| line.contains(instance)) {
            let mut words = line.split(' ');
            let ours = words.next().is_some_and(|name| name.starts_with("referee-"));
            match words.next().unwrap_or_default() {
                _ if !ours => kinds.push("step".to_owned()),
                "" => {} // an output volume keeper
                kind => kinds.push(kind.to_owned()),
            }
        }
        kinds.sort();
        kinds.dedup();
        kinds
    }
}

impl Drop for Recorder {
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
    copy_base(&[&builder, &scorer], &world.path("base.tar"));
    let sockets = (&builder.socket, &scorer.socket);
    world.settings = format!("[builder]\nsocket = \"{}\"\n[scorer]\nsocket = \"{}\"\n", sockets.0, sockets.1);
    let recorders = [
        Recorder::of(Some(&builder.socket), world.path("builder.events")),
        Recorder::of(None, world.path("runner.events")),
        Recorder::of(Some(&scorer.socket), world.path("scorer.events")),
    ];
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    copy.write("Dockerfile", &dockerfile.replacen('\n', "\nRUN true\n", 1));
    copy.commit("Built on one engine, run on another");
    let pushed = copy.push_main();
    // Doctor runs at the same time, and must not disturb the submission.
    let mut doctor = world.referee(&["doctor"]);
    let doctor = doctor.stdout(Stdio::piped()).spawn().unwrap();
    let (view, outcome) = world.wait_end(&pushed.token());
    assert_eq!(outcome, "scored", "{view}");
    world.settle(PATIENCE);
    every_engine_is_checked(doctor.wait_with_output().unwrap());

    let instance = std::fs::read_to_string(world.path("data/instance")).unwrap();
    let instance = instance.trim();
    let kinds = recorders.each_ref().map(|recorder| recorder.kinds(instance));
    let expected = [vec!["inspect", "step"], vec!["run", "smoke"], vec!["scorer", "step"]];
    assert_eq!(kinds, expected);

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
        scorer.objects().iter().all(|one| one.starts_with("referee/"))
    });
    let on_scorer = images(&scorer.objects().join("\n"));
    assert_eq!(on_scorer.len(), 1, "the scorer's: {on_scorer:?}");
    assert!(on_scorer[0].starts_with("scorer-"));
    let own = ["referee/programs:1", BASE]; // the first one belongs to doctor
    assert_eq!(builder.objects(), own, "no image stays on the builder");

    a_withdrawn_image_is_removed(&mut world, &copy, &on_runner);
    assert_eq!(builder.objects(), own);
}

/// The image of a withdrawn submission is removed from the runner.
fn a_withdrawn_image_is_removed(world: &mut World, copy: &Copy, on_runner: &dyn Fn() -> Vec<String>) {
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

/// Each engine is named by its roles, and checked only for them.
fn every_engine_is_checked(output: Output) {
    let message = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !message.contains("\nERROR "), "{message}");
    for line in [
        "engines: runner: unix://",
        "engine version (runner): ",
        "engine version (scorer): ",
        "engine version (builder): ",
        "restricted system calls in builds (builder): ",
        "restricted system calls in jobs (runner): ",
        "restricted system calls in jobs (scorer): ",
        "memory limit (scorer): ",
        "base image referee/python:3.11 (builder): ",
    ] {
        assert!(message.contains(line), "no {line}in {message}");
    }
    for line in ["calls in builds (runner)", "memory limit (builder)"] {
        assert!(!message.contains(line), "{line} in {message}");
    }
}
