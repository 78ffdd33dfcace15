//! Jobs from preparation to cleanup: repeated calls, and the blame for a failed start.

use super::bench::*;

use referee::executor::{CheckScope, ExecutorError, JobRef, JobStatus, Runner, SelfTest};
use referee::model::diagnosis::{Check, CheckSeverity};
use referee::model::{Digest, Duration, KillReason};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_and_its_output_is_collected() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let inputs = bench.dir.path().join("inputs");
    std::fs::create_dir(&inputs).unwrap();
    std::fs::write(inputs.join("a.txt"), "hidden").unwrap();
    let script = "mkdir /output/a && tr a-z A-Z </input/a.txt >/output/a/b.txt; echo done";
    let mut job = bench.job("plain", script).await;
    job.inputs = vec![input(&inputs, "/input")];
    let reference = bench.submit(&job).await;
    let end = bench.end_of(&reference).await;
    assert!(end.started && end.engine_continuous, "{end:?}");
    assert!(!end.out_of_memory, "{end:?}");
    assert_eq!((end.exit_code, end.error.as_str()), (0, ""));
    for _ in 0..2 {
        let (listing, into) = bench.collect(&job, &reference).await;
        let files: Vec<_> = listing.files.into_iter().collect();
        assert_eq!(files, [("a/b.txt".to_owned(), 6)]);
        let text = std::fs::read_to_string(into.join("a/b.txt")).unwrap();
        assert_eq!(text, "HIDDEN");
    }
    let log = bench.engine.logs(&reference).await.unwrap();
    assert_eq!(log.text(), "done\n");

    bench.engine.cleanup(&reference).await.unwrap();
    bench.engine.cleanup(&reference).await.unwrap();
    assert_eq!(bench.engine.list_owned().await.unwrap(), []);
    let gone = bench.engine.poll(&[reference]).await.unwrap();
    assert_eq!(gone, [JobStatus::Unknown]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_ends_at_once_whatever_signals_it_traps() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let script = "trap '' TERM INT HUP; while :; do sleep 60; done";
    let job = bench.job("stubborn", script).await;
    let reference = bench.submit(&job).await;
    let running = bench.engine.wait(&reference, Duration(300)).await.unwrap();
    assert_eq!(running, JobStatus::Running);
    let into = bench.dir.path();
    let early = bench.engine.collect(&reference, &job.output, into).await;
    assert!(matches!(early, Err(ExecutorError::Refused(_))), "{early:?}");
    let clock = std::time::Instant::now();
    let reason = KillReason::Time;
    bench.engine.cancel(&reference, reason).await.unwrap();
    let end = bench.end_of(&reference).await;
    assert!(clock.elapsed().as_secs() < 60, "it slept to its end");
    assert_eq!((end.exit_code, end.out_of_memory), (137, false));
    bench.engine.cancel(&reference, reason).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_once_however_often_it_is_submitted() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let job = bench.job("once", "echo ran >>/output/runs; sleep 1").await;
    let first = bench.submit(&job).await;
    assert_eq!(bench.submit(&job).await, first);
    bench.end_of(&first).await;
    // Also after its end, when the engine's `start` would run it again.
    assert_eq!(bench.submit(&job).await, first);
    bench.end_of(&first).await;
    let (listing, _) = bench.collect(&job, &first).await;
    assert_eq!(listing.files["runs"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_daemon_adopts_what_runs() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let job = bench.job("kept", "echo early; sleep 2; echo late; exit 5").await;
    let reference = bench.submit(&job).await;
    let next = bench.restarted();
    assert_eq!(next.list_owned().await.unwrap(), std::slice::from_ref(&reference));
    next.prepare(&job).await.unwrap();
    assert_eq!(next.submit(&job).await.unwrap(), reference);
    let status = next.wait(&reference, Duration::seconds(30)).await.unwrap();
    let JobStatus::Ended(end) = status else {
        panic!("{status:?}");
    };
    assert!(end.engine_continuous);
    assert_eq!(end.exit_code, 5);
    // The engine records the start after the process has begun, so two seconds of sleep may appear as a little less.
    assert!(end.duration.0 >= 1_500, "{} ms", end.duration.0);
    assert_eq!(next.logs(&reference).await.unwrap().text(), "early\nlate\n");
    // Another job under the same name is not this one.
    let mut other = job.clone();
    other.env.push(("MORE".to_owned(), "1".to_owned()));
    let refused = next.submit(&other).await;
    assert!(matches!(refused, Err(ExecutorError::Unsafe(_))), "{refused:?}");
    assert_eq!(next.list_owned().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_run_in_parallel_and_isolated() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut one = bench.job("one", "sleep 8; echo 1 >/output/x").await;
    let mut two = one.clone();
    "two".clone_into(&mut two.name);
    two.env[0].1 = "sleep 8; ls /output; echo 22 >/output/x".to_owned();
    one.limits.cpus = 0.5;
    let (first, second) = tokio::join!(bench.submit(&one), bench.submit(&two));
    let unknown = JobRef { name: "never".to_owned(), id: String::new() };
    let jobs = [second.clone(), unknown, first.clone()];
    let status = bench.engine.poll(&jobs).await.unwrap();
    assert_eq!(status[0], JobStatus::Running);
    assert_eq!(status[1], JobStatus::Unknown);
    assert_eq!(status[2], JobStatus::Running);
    tokio::join!(bench.end_of(&first), bench.end_of(&second));
    assert_eq!(bench.collect(&one, &first).await.0.files["x"], 2);
    assert_eq!(bench.collect(&two, &second).await.0.files["x"], 3);
    assert_eq!(bench.engine.logs(&second).await.unwrap().text(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_because_of_the_image_is_an_end_and_not_an_error() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let from = |rest: &str| format!("FROM {BASE}\n{rest}\n");
    let cases = [
        ("closed", from("RUN mkdir -m 700 /app\nWORKDIR /app\nCMD [\"ls\"]"), Some(2)),
        ("file", from("RUN echo >/output\nCMD [\"ls\"]"), None),
        ("missing", from("CMD [\"/no/such/program\"]"), Some(127)),
        ("closed-program", from("CMD [\"/etc/passwd\"]"), Some(126)),
        ("fault", from("CMD [\"sh\", \"-c\", \"kill -SEGV $$\"]"), Some(139)),
        ("forged", from("CMD [\"sh\", \"-c\", \"exit 137\"]"), Some(137)),
    ];
    for (name, dockerfile, code) in cases {
        let mut job = plain_job(name);
        job.image = bench.image(name, &dockerfile).await.id;
        let reference = bench.submit(&job).await;
        let end = bench.end_of(&reference).await;
        println!("{name}: {end:?}");
        assert!(end.engine_continuous && !end.out_of_memory);
        assert_eq!(end.started, code.is_some(), "{name}");
        match code {
            Some(code) => assert_eq!(end.exit_code, code, "{name}"),
            None => assert!(!end.error.is_empty(), "{name}"),
        }
        assert_eq!(bench.submit(&job).await, reference);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_because_of_referee_is_an_error() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let job = bench.job("lonely", "true").await;
    let unprepared = bench.engine.submit(&job).await;
    assert!(matches!(unprepared, Err(ExecutorError::Refused(_))), "{unprepared:?}");

    let mut job = job.clone();
    "no-image".clone_into(&mut job.name);
    job.image = Digest::of(b"not there");
    bench.engine.prepare(&job).await.unwrap();
    let refused = bench.engine.submit(&job).await;
    assert!(matches!(refused, Err(ExecutorError::Refused(_))), "{refused:?}");

    let mut job = bench.job("no-input", "true").await;
    job.inputs = vec![input(&bench.dir.path().join("not-there"), "/input")];
    bench.engine.prepare(&job).await.unwrap();
    let refused = bench.engine.submit(&job).await;
    assert!(matches!(refused, Err(ExecutorError::Refused(_))), "{refused:?}");
    assert!(!bench.dir.path().join("not-there").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_cannot_add_to_its_sandbox() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    for (name, line) in [("volume", "VOLUME /data"), ("workdir", "WORKDIR /proc/self")] {
        let mut job = plain_job(name);
        let dockerfile = format!("FROM {BASE}\n{line}\nCMD [\"true\"]\n");
        job.image = bench.image(name, &dockerfile).await.id;
        bench.engine.prepare(&job).await.unwrap();
        let refused = bench.engine.submit(&job).await;
        assert!(matches!(refused, Err(ExecutorError::Unsafe(_))), "{refused:?}");
    }
    let dockerfile = format!(
        "FROM {BASE}\nENV LD_PRELOAD=/evil.so GREETING=image\nUSER root\nSTOPSIGNAL SIGCONT\n\
         HEALTHCHECK --interval=1s CMD echo leak\nWORKDIR /app\nLABEL referee.instance=forged\n\
         CMD [\"sh\", \"-c\", \"env; id -u; pwd\"]\n"
    );
    let mut job = plain_job("ambitious");
    job.image = bench.image("ambitious", &dockerfile).await.id;
    job.env = vec![("GREETING".to_owned(), "ours".to_owned())];
    job.env_remove = vec!["LD_PRELOAD".to_owned()];
    let (end, log) = bench.run(&job).await;
    assert_eq!(end.exit_code, 0, "{log}");
    assert!(log.contains("GREETING=ours\n") && !log.contains("LD_PRELOAD"), "{log}");
    assert!(log.ends_with("65534\n/app\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_passes_the_self_test() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let checks = bench.engine.check(&[CheckScope::Engine, CheckScope::Builds, CheckScope::Jobs]).await.unwrap();
    for check in &checks {
        println!("{check:?}");
    }
    for name in ["memory limit", "process limit"] {
        let passed = |c: &Check| c.problem.is_none() && c.name == name;
        assert!(checks.iter().any(passed), "{name}");
    }
    let is_error = |c: &&Check| {
        let problem = c.problem.as_ref();
        problem.is_some_and(|p| p.severity == CheckSeverity::Error)
    };
    assert_eq!(checks.iter().find(is_error), None);
    assert_eq!(bench.engine.list_owned().await.unwrap(), []);
}
