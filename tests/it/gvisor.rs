//! The runner's runtime is gVisor: submissions run in another kernel than the host's, and get the same verdicts as
//! under runc. `tests/hostile/gvisor.sh` runs the whole corpus of hostile submissions under gVisor, which takes
//! minutes.
//!
//! The test needs root, `dockerd` and `runsc`. Without them it prints a message and passes, except under CI.

use crate::engine::{self, Engine, copy_base};
use crate::world::{CLEAN_WITHIN, PATIENCE, World, submission};

/// The platform of gVisor that works on every machine, without KVM.
const SETTINGS: &str = r#"{"runtimes": {"runsc": {
    "path": "runsc", "runtimeArgs": ["--platform=ptrace", "--network=none"]}}}"#;
/// Examples and their outcomes.
const VERDICTS: [(&str, &str); 6] = [
    ("good-otsu", "scored"),
    ("out-of-memory", "memory-limit"),
    ("fills-output", "output-limit"),
    ("pretends-oom", "run-failed"),
    ("network-access", "run-failed"),
    ("symlink-output", "output-invalid"),
];
/// The team of a program that prints the version of its kernel.
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
    copy_base(&[&engine], &world.path("base.tar"));
    // Scorers belong to the organizers and run under runc. This is the same engine at another address.
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
    let asked = copy.commit("Print the kernel");
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
    assert!(!note.contains(host.trim()), "it runs in the host's kernel: {note}");

    let doctor = world.referee(&["doctor"]).output().unwrap();
    let message = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success(), "{message}");
    for line in ["gVisor (runner", "memory limit (runner", "process limit (runner"] {
        assert!(message.contains(line), "no `{line}` in {message}");
    }
    world.until("nothing is left", CLEAN_WITHIN, |_| engine.objects().iter().all(|one| one.starts_with("referee/")));
    // Two runtimes of one engine: neither may remove the unfinished images of the other as leftovers.
    let log = std::fs::read_to_string(world.path("referee.log")).unwrap();
    assert!(!log.contains("images of interrupted builds were removed"), "{log}");
}
