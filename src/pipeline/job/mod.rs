//! One container from start to end. Smoke runs, runs and scorers use the same sequence.
//!
//! Nothing here decides who is responsible for an end. The result states the facts, and whether Referee ended the
//! container.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::RwLock;

use crate::executor::{self, ExecutorError, JobRef, JobSpec, JobStatus, Runner};
use crate::model::{Duration, KillReason, LogExcerpt, OutputListing, RunEnd};

/// Duration of one wait for the engine. Leases are renewed at the same time.
const WAIT_SLICE: Duration = Duration::seconds(20);
/// The time in which a killed container must end. It takes a fraction of a second except on a busy machine.
const KILL_PATIENCE: Duration = Duration::seconds(30);
/// Attempts to remove a job that may still run, and the first pause in between. Each pause is twice as long as the one
/// before.
const CLEAN_ATTEMPTS: u32 = 6;
const CLEAN_PAUSE: Duration = Duration::seconds(1);

/// The result of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// The end, as the engine reports it.
    pub end: RunEnd,
    /// The reason, if Referee ended the container.
    pub killed: Option<KillReason>,
    pub log: LogExcerpt,
    /// The contents of the output directory. The regular files were copied.
    pub output: OutputListing,
}

/// Counts the removals of ended jobs, which run beside the following work.
#[derive(Debug, Clone, Default)]
pub struct Cleaner(Arc<RwLock<()>>);

impl Cleaner {
    /// Waits until all removals that have begun are done.
    pub async fn done(&self) {
        drop(self.0.write().await);
    }
}

/// Runs jobs on one engine, and removes them when they have ended.
#[derive(Clone)]
pub struct JobRunner {
    engine: Arc<dyn Runner>,
    cleaner: Cleaner,
}

impl JobRunner {
    pub fn new(engine: Arc<dyn Runner>, cleaner: Cleaner) -> Self {
        Self { engine, cleaner }
    }

    pub fn engine(&self) -> &dyn Runner {
        &*self.engine
    }

    /// Runs a job and copies its output into `into`, an empty directory. Awaits `record_kill` before it kills the job.
    /// Everything of the job is removed from the engine: an ended job beside the following work, and a job that may
    /// still run before this returns.
    ///
    /// # Errors
    /// When the engine fails. The container itself never causes an error.
    pub async fn run<F>(
        &self,
        job: &JobSpec,
        into: &Path,
        record_kill: impl FnOnce(KillReason) -> F,
    ) -> executor::Result<Ran>
    where
        F: Future<Output = executor::Result<()>>,
    {
        let ran = self.run_to_end(job, into, record_kill).await;
        let reference = JobRef::named(&job.name);
        match ran {
            Ok(_) => self.remove_later(reference).await,
            Err(_) => self.remove_now(&reference).await,
        }
        ran
    }

    async fn run_to_end<F>(
        &self,
        job: &JobSpec,
        into: &Path,
        record_kill: impl FnOnce(KillReason) -> F,
    ) -> executor::Result<Ran>
    where
        F: Future<Output = executor::Result<()>>,
    {
        self.engine.prepare(job).await?;
        let reference = self.engine.submit(job).await?;
        let mut killed = None;
        let end = match self.wait(&reference, job.limits.time).await? {
            Some(end) => end,
            None => {
                record_kill(KillReason::Time).await?;
                killed = Some(KillReason::Time);
                self.engine.cancel(&reference, KillReason::Time).await?;
                let end = self.wait(&reference, KILL_PATIENCE).await?;
                end.ok_or_else(|| {
                    let message = format!("{} still runs after SIGKILL", job.name);
                    ExecutorError::Unreachable(message)
                })?
            }
        };
        let log = self.engine.logs(&reference).await?;
        let output = if end.started {
            self.engine.collect(&reference, &job.output, into).await?
        } else {
            OutputListing::default()
        };
        Ok(Ran { end, killed, log, output })
    }

    /// Waits for the end of a job. `None` if it still runs after `at_most`.
    async fn wait(&self, job: &JobRef, at_most: Duration) -> executor::Result<Option<RunEnd>> {
        // A monotonic clock: a change of the system time must not end a run.
        let started = std::time::Instant::now();
        loop {
            let elapsed = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            let left = Duration(at_most.0.saturating_sub(elapsed));
            if left.0 <= 0 {
                return Ok(None);
            }
            match self.engine.wait(job, left.min(WAIT_SLICE)).await? {
                JobStatus::Ended(end) => return Ok(Some(end)),
                JobStatus::Unknown => {
                    let message = format!("the engine has lost {}", job.name);
                    return Err(ExecutorError::Unreachable(message));
                }
                JobStatus::Waiting | JobStatus::Running => {}
            }
        }
    }

    /// Removes an ended job beside the following work.
    async fn remove_later(&self, job: JobRef) {
        let removing = Arc::clone(&self.cleaner.0).read_owned().await;
        let engine = Arc::clone(&self.engine);
        tokio::spawn(async move {
            if let Err(error) = engine.cleanup(&job).await {
                // The result is kept. The next start of the daemon removes the job.
                tracing::warn!(job = job.name, %error, "cleanup failed");
            }
            drop(removing);
        });
    }

    /// Removes a job that may still run, and waits for it: its slot must not be given to another job before. Retries a
    /// few times; after that, the next start of the daemon removes the job.
    async fn remove_now(&self, job: &JobRef) {
        let mut pause = CLEAN_PAUSE;
        for _ in 0..CLEAN_ATTEMPTS {
            match self.engine.cleanup(job).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(job = job.name, %error, "cleanup failed"),
            }
            tokio::time::sleep(pause.std()).await;
            pause.0 *= 2;
        }
        tracing::error!(job = job.name, "a job that may still run was left on the engine");
    }

    /// Cancels and removes the jobs whose name is `name`, or `name` and a suffix. Failures are logged.
    pub(super) async fn remove_jobs_of(&self, name: &str, reason: KillReason) {
        let jobs = match self.engine.list_owned().await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(name, %error, "jobs were left on the engine");
                return;
            }
        };
        let belongs = |job: &JobRef| {
            let suffix = job.name.strip_prefix(name);
            suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('-'))
        };
        for job in jobs.iter().filter(|job| belongs(job)) {
            // It may have ended already. The removal is what counts.
            let _ = self.engine.cancel(job, reason).await;
            if let Err(error) = self.engine.cleanup(job).await {
                tracing::warn!(job = job.name, %error, "a job was left on the engine");
            }
        }
    }

    /// Removes the jobs that an earlier start of the daemon left.
    pub(super) async fn remove_earlier_jobs(&self) -> executor::Result<()> {
        for job in self.engine.list_owned().await? {
            tracing::warn!(job = job.name, "a job of an earlier start is removed");
            // It may have ended already. The removal is what counts.
            let _ = self.engine.cancel(&job, KillReason::Orphaned).await;
            // One container that the engine cannot remove must not keep the daemon from starting.
            if let Err(error) = self.engine.cleanup(&job).await {
                tracing::error!(job = job.name, %error, "a job cannot be removed and is left on the engine");
            }
        }
        Ok(())
    }
}
