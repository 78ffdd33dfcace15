//! The runner's runtime is gVisor, by configuration: submissions run in a kernel that is not the host's, and get
//! the verdicts that they get under runc. The whole corpus of hostile submissions under gVisor is run by
//! `tests/hostile/gvisor.sh`, which takes minutes.
//!
//! Needs root, `dockerd` and `runsc`; without them the test says so and passes, except under CI.

use crate::engine::{self, Engine, bring_base};
use crate::world::{CLEAN_WITHIN, PATIENCE, World, submission};

/// The platform that needs nothing of the machine, not even KVM.
const SETTINGS: &str = r#"{"runtimes": {"runsc": {
    "path": "runsc", "runtimeArgs": ["--platform=ptrace", "--network=none"]}}}"#;
/// Examples, and how they end.
const VERDICTS: [(&str, &str); 6] = [
    ("good-otsu", "scored"),
    ("out-of-memory", "memory-limit"),
    ("fills-output", "output-limit"),
    ("pretends-oom", "run-failed"),
    ("network-access", "run-failed"),
    ("symlink-output", "output-invalid"),
];
/// Its team pushes a program that says what kernel it sees.
const ASKS: &str = "asks-the-kernel";
const PROGRAM: &str = "raise SystemExit(open('/proc/version').read())\n";

#[test]
fn gvisor_runs_what_is_submitted() {
    if !engine::possible(&["runsc"]) {
        return;
    }
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    let engine = Engine::start(&world.path("engine"), SETTINGS);
    bring_base(&[&engine], &world.path("base.tar"));
    // Scorers are the organizers' own and as trusted as these. The same engine, written in another way.
    let again = engine.socket.replace("/engine.sock", "/./engine.sock");
    world.settings = format!(
        "[engine]\nsocket = \"{}\"\nruntime = \"runsc\"\n[scorer]\nsocket = \"{again}\"\nruntime = \"runc\"\n",
        engine.socket
    );
    let teams: Vec<&str> = VERDICTS.iter().map(|(team, _)| *team).collect();
    world.add_teams("nuclei", &teams);
    world.add_teams("nuclei", &[ASKS]);
    world.start();

    let copy = world.copy_of("nuclei", ASKS);
    copy.take(&submission("nuclei/crashes"));
    copy.write("main.py", PROGRAM);
    let asked = copy.commit("What is this?");
    let asks = (copy.push_main(), "run-failed");
    let mut pushed: Vec<_> = VERDICTS
        .iter()
        .map(|(team, outcome)| {
            let copy = world.copy_of("nuclei", team);
            copy.take(&submission(&format!("nuclei/{team}")));
            copy.commit("Our method");
            (copy.push_main(), *outcome)
        })
        .collect();
    pushed.push(asks);
    for (pushed, expected) in &pushed {
        let (view, outcome) = world.wait_end(&pushed.token());
        assert_eq!(&outcome, expected, "{view}");
    }
    world.settle(PATIENCE);

    let host = std::fs::read_to_string("/proc/version").unwrap();
    let note = copy.note(&asked);
    assert!(note.contains("Linux version"), "{note}");
    assert!(!note.contains(host.trim()), "it sees the host's: {note}");

    let doctor = world.referee(&["doctor"]).output().unwrap();
    let message = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success(), "{message}");
    for line in [
        "gVisor (runner",
        "memory limit (runner",
        "process limit (runner",
    ] {
        assert!(message.contains(line), "no `{line}` in {message}");
    }
    world.until("nothing is left", CLEAN_WITHIN, |_| {
        engine.holds().iter().all(|one| one.starts_with("referee/"))
    });
    // Two runtimes of one engine: neither side may take for a leftover what the other builds.
    let log = std::fs::read_to_string(world.path("referee.log")).unwrap();
    assert!(!log.contains("left by builds that were cut off"), "{log}");
}
