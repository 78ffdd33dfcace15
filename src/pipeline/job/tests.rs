//! A job whose engine fails is removed before its slot is free.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::executor::{JobLimits, OutputSpec, Result as EngineResult};
use crate::model::{Digest, GpuUuid};

/// An engine that loses its jobs, and fails at the first removal.
#[derive(Default)]
struct Blind {
    cleanups: AtomicU32,
    /// The jobs of an earlier start.
    left: Mutex<Vec<&'static str>>,
}

fn lost<T>() -> EngineResult<T> {
    Err(ExecutorError::Unreachable("it does not answer".into()))
}

#[async_trait]
impl Runner for Blind {
    async fn gpus(&self) -> EngineResult<Vec<GpuUuid>> {
        lost()
    }
    async fn prepare(&self, _: &JobSpec) -> EngineResult<()> {
        Ok(())
    }
    async fn submit(&self, job: &JobSpec) -> EngineResult<JobRef> {
        Ok(JobRef { name: job.name.clone(), id: "1".into() })
    }
    async fn poll(&self, _: &[JobRef]) -> EngineResult<Vec<JobStatus>> {
        lost()
    }
    async fn wait(&self, _: &JobRef, _: Duration) -> EngineResult<JobStatus> {
        lost()
    }
    async fn list_owned(&self) -> EngineResult<Vec<JobRef>> {
        let names = self.left.lock().unwrap();
        Ok(names.iter().map(|name| JobRef::named(name)).collect())
    }
    async fn cancel(&self, _: &JobRef, _: KillReason) -> EngineResult<()> {
        lost()
    }
    async fn logs(&self, _: &JobRef) -> EngineResult<LogExcerpt> {
        lost()
    }
    async fn collect(&self, _: &JobRef, _: &OutputSpec, _: &Path) -> EngineResult<OutputListing> {
        lost()
    }
    async fn cleanup(&self, job: &JobRef) -> EngineResult<()> {
        let mut left = self.left.lock().unwrap();
        if left.contains(&job.name.as_str()) {
            left.retain(|name| *name != job.name);
            return Ok(());
        }
        match self.cleanups.fetch_add(1, Ordering::SeqCst) {
            0 => lost(),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_job_that_may_still_run_is_removed_before_its_slot_is_free() {
    let blind = Arc::new(Blind::default());
    let runner = JobRunner::new(blind.clone(), Cleaner::default());
    let job = JobSpec {
        name: "s1-run1-a1".into(),
        image: Digest::of(b"image"),
        inputs: Vec::new(),
        output: OutputSpec { target: "/output".into(), bytes: 1, files: 1 },
        env: Vec::new(),
        env_remove: Vec::new(),
        limits: JobLimits { cpus: 1.0, memory: 1, pids: 1, shm: 1, tmp: 1, time: Duration::seconds(9) },
        gpus: vec![GpuUuid("GPU-0".into())],
        labels: Vec::new(),
    };
    let into = Path::new("/nowhere");
    let ran = runner.run(&job, into, |_| async { Ok(()) }).await;
    assert!(ran.is_err());
    assert_eq!(blind.cleanups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_jobs_of_an_earlier_start_are_removed_even_if_they_have_ended() {
    let blind = Arc::new(Blind::default());
    let runner = JobRunner::new(blind.clone(), Cleaner::default());
    *blind.left.lock().unwrap() = vec!["s1-run1-a1", "s2-score1-a1"];
    runner.remove_earlier_jobs().await.unwrap();
    assert!(blind.left.lock().unwrap().is_empty());
    runner.remove_earlier_jobs().await.unwrap();
}
