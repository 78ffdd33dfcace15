//! Jobs from submission to clean-up.

use super::bench::*;

use referee::executor::{Executor, JobStatus};
use referee::model::{Duration, KillReason};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_and_its_output_is_collected() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let inputs = bench.dir.path().join("inputs");
    std::fs::create_dir(&inputs).unwrap();
    std::fs::write(inputs.join("a.txt"), "hidden").unwrap();
    let mut job = bench
        .job(
            "plain",
            "mkdir /output/a && tr a-z A-Z </input/a.txt >/output/a/b.txt; echo done",
        )
        .await;
    job.inputs = vec![input(&inputs, "/input")];
    let reference = bench.submit(&job).await;
    let end = bench.end_of(&reference).await;
    assert!(end.started && end.engine_continuous, "{end:?}");
    assert!(!end.out_of_memory, "{end:?}");
    assert_eq!((end.exit_code, end.error.as_str()), (0, ""));
    let (listing, into) = bench.collect(&job, &reference).await;
    let files: Vec<_> = listing.files.into_iter().collect();
    assert_eq!(files, [("a/b.txt".to_owned(), 6)]);
    let text = std::fs::read_to_string(into.join("a/b.txt")).unwrap();
    assert_eq!(text, "HIDDEN");
    let log = bench.engine.logs(&reference).await.unwrap();
    assert_eq!(log.text(), "done\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_is_dead_at_once_whatever_it_traps() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let job = bench
        .job(
            "stubborn",
            "trap '' TERM INT HUP; while :; do sleep 60; done",
        )
        .await;
    let reference = bench.submit(&job).await;
    let running = bench.engine.wait(&reference, Duration(300)).await.unwrap();
    assert_eq!(running, JobStatus::Running);
    let clock = std::time::Instant::now();
    let reason = KillReason::Time;
    bench.engine.cancel(&reference, reason).await.unwrap();
    let end = bench.end_of(&reference).await;
    assert!(clock.elapsed().as_secs() < 5);
    assert_eq!((end.exit_code, end.out_of_memory), (137, false));
    bench.engine.cancel(&reference, reason).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_passes_its_own_canaries() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let checks = bench.engine.check().await.unwrap();
    for check in &checks {
        println!("{} {}: {}", check.ok, check.what, check.says);
    }
    let bites = checks.iter().filter(|c| c.what.ends_with("bites"));
    assert_eq!(bites.filter(|c| c.ok).count(), 2);
}
