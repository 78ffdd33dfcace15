//! Builds with the engine's BuildKit: the same images, failures and limits as with the classic builder.
//!
//! They are one test, because one such build runs at a time on an engine.

use super::bench::*;
use super::build::{any_process, each_limit_ends_a_build};

use std::process::Command;

use referee::executor::docker::DockerOptions;
use referee::executor::{BuildEnd, Builder, CheckScope, ExecutorError, ImageStore, SelfTest};
use referee::model::BuildsWith;

#[tokio::test(flavor = "multi_thread")]
async fn buildkit_builds_within_the_same_limits() {
    let options = DockerOptions { builds_with: BuildsWith::BuildKit, ..DockerOptions::default() };
    let Some(bench) = Bench::with(options).await else {
        return;
    };
    an_image_is_built_and_described(&bench).await;
    a_build_finds_no_results_of_another(&bench).await;
    a_failure_names_its_step(&bench).await;
    a_missing_base_image_is_a_platform_error(&bench).await;
    // BuildKit of an old engine does not limit the size of a file; see the self-test.
    each_limit_ends_a_build(&bench, None).await;
    a_dropped_build_ends(&bench).await;
    the_engine_can_be_checked(&bench).await;
    nothing_is_left(&bench).await;
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn an_image_is_built_and_described(bench: &Bench) {
    let base = bench.engine.base_image(BASE).await.unwrap().unwrap().id;
    let dockerfile = format!(
        "FROM {base} AS tools\nRUN echo tool >/tool; cat /proc/net/dev\n\
         FROM {base}\nCOPY --from=tools [\"/tool\",\"/tool\"]\nCOPY [\"main.txt\",\"/app/\"]\n\
         ENV MODE=fast\nLABEL team=a\nWORKDIR /app\nUSER 1000\nENTRYPOINT [\"cat\"]\n\
         CMD [\"/tool\", \"main.txt\"]\n"
    );
    let files = [
        ("main.txt", "hello\n"),
        ("Dockerfile", "FROM scratch\nADD http://127.0.0.1/ /\n"),
        (".referee-described.Dockerfile", "FROM scratch\nRUN evil\n"),
    ];
    let report = bench.build(&bench.build_spec("described", &dockerfile, &files)).await;
    let log = report.log.text();
    let BuildEnd::Built(facts) = &report.end else {
        panic!("{:?}\n{log}", report.end);
    };
    assert_eq!((facts.os.as_str(), facts.user.as_str()), ("linux", "1000"));
    assert_eq!(facts.entrypoint, ["cat"]);
    assert_eq!(facts.command, ["/tool", "main.txt"]);
    assert_eq!(facts.working_dir, "/app");
    assert!(facts.env.contains(&"MODE=fast".to_owned()));
    assert_eq!(facts.labels["team"], "a");
    assert_eq!(facts.labels["referee.submission"], "7");
    assert!(log.contains("Step 2/11 : RUN echo tool"), "{log}");
    assert!(log.contains("lo:") && !log.contains("eth0"), "{log}");
    let there = bench.engine.image_named("described").await.unwrap();
    assert_eq!(there.as_ref(), Some(&**facts));
    let mut job = plain_job("described");
    job.image = facts.id.clone();
    assert_eq!(bench.run(&job).await.1, "tool\nhello\n");
}

/// The same step runs twice: the second time it does not find the result of the first.
async fn a_build_finds_no_results_of_another(bench: &Bench) {
    let dockerfile = format!(
        "FROM {BASE}\nRUN test ! -e /seen; cat /proc/sys/kernel/random/uuid >/seen; echo made here; cat /seen\n"
    );
    let mut made = Vec::new();
    for name in ["first", "second"] {
        let report = bench.build(&bench.build_spec(name, &dockerfile, &[])).await;
        assert!(matches!(report.end, BuildEnd::Built(_)), "{report:?}");
        let log = report.log.text();
        assert!(log.contains("made here"), "{log}");
        made.push(log);
    }
    assert_ne!(made[0], made[1]);
}

async fn a_failure_names_its_step(bench: &Bench) {
    let failure = async |name: &str, dockerfile: String| {
        let report = bench.build(&bench.build_spec(name, &dockerfile, &[])).await;
        match report.end {
            BuildEnd::Failed { step, message } => (step, message, report.log.text()),
            other => panic!("{other:?}"),
        }
    };
    let dockerfile = format!("FROM {BASE}\nENV A=b\nRUN echo why >&2; exit 3\nCMD [\"true\"]\n");
    let (step, message, log) = failure("failing", dockerfile).await;
    assert_eq!(step, Some(3));
    assert_eq!(message, "The command 'echo why >&2; exit 3' returned a non-zero code: 3");
    assert!(log.contains("why\n"), "{log}");

    let dockerfile = format!("FROM {BASE}\nCOPY [\"nothing\",\"/\"]\nCMD [\"true\"]\n");
    let (step, message, _) = failure("copying", dockerfile).await;
    assert_eq!(step, Some(2));
    assert!(message.contains("nothing"), "{message}");

    let (step, ..) = failure("unread", "FROM a b c\n".to_owned()).await;
    assert_eq!(step, None);
}

async fn a_missing_base_image_is_a_platform_error(bench: &Bench) {
    for base in ["127.0.0.1:1/none:1".to_owned(), format!("sha256:{}", "0".repeat(64))] {
        let dockerfile = format!("FROM {base}\nCMD [\"true\"]\n");
        let refused = bench.engine.build(&bench.build_spec("baseless", &dockerfile, &[])).await;
        assert!(matches!(refused, Err(ExecutorError::Refused(_))), "{refused:?}");
    }
}

async fn a_dropped_build_ends(bench: &Bench) {
    let dockerfile = format!("FROM {BASE}\nRUN trap '' TERM; sleep 740316\nCMD [\"true\"]\n");
    let spec = bench.build_spec("dropped", &dockerfile, &[]);
    let build = bench.engine.build(&spec);
    let dropped = tokio::time::timeout(std::time::Duration::from_secs(3), build).await;
    assert!(dropped.is_err());
    // The next build waits until nothing of this one is left.
    bench.image("behind", &format!("FROM {BASE}\nCMD [\"true\"]\n")).await;
    assert!(!any_process("740316"));
}

async fn the_engine_can_be_checked(bench: &Bench) {
    let scopes = [CheckScope::Engine, CheckScope::Builds];
    let checks = bench.engine.check(&scopes).await.unwrap();
    let check = |name: &str| checks.iter().find(|c| c.name == name).unwrap();
    assert!(check("BuildKit").seen.contains("part of the engine"), "{checks:?}");
    let limits = &check("build limits").seen;
    assert!(limits.contains("in the control group docker/buildkit"), "{limits}");
    let syscalls = &check("restricted system calls in builds").seen;
    assert!(!syscalls.contains("did not run"), "{checks:?}");
}

/// Neither names of bases, nor a cache, nor a control group.
async fn nothing_is_left(bench: &Bench) {
    bench.engine.sweep().await.unwrap();
    let bases = format!("reference=referee/base:{}*", bench.instance());
    assert_eq!(docker(&["images", "-q", "--filter", &bases]), "");
    let used = docker(&["system", "df", "--format", "{{.Type}} {{.TotalCount}}"]);
    assert!(used.contains("Build Cache 0"), "{used}");
    assert!(!std::path::Path::new("/sys/fs/cgroup/pids/docker/buildkit").exists());
}
