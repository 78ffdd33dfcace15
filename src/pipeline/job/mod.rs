//! One container from start to end: the same sequence for smoke runs, runs and scorers.
//!
//! Decides nothing about blame: it returns what happened and whether we ended it ourselves.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::RwLock;

use crate::executor::{self, Executor, JobSpec, JobStatus};
use crate::model::{Duration, KillReason, LogExcerpt, OutputListing, RunEnd};

/// How long one wait for the engine lasts; leases are renewed beside it.
const WAIT_SLICE: Duration = Duration::seconds(20);
/// A killed container is gone within a fraction of a second; this is for a busy machine.
const KILL_PATIENCE: Duration = Duration::seconds(30);
/// Tries to remove a job that may still run, and the first pause between them; doubled each time.
const CLEAN_ATTEMPTS: u32 = 6;
const CLEAN_PAUSE: Duration = Duration::seconds(1);

/// What a container did.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// Its end, as the engine tells it.
    pub end: RunEnd,
    /// Why we ended it, if we did.
    pub killed: Option<KillReason>,
    /// What it printed.
    pub log: LogExcerpt,
    /// What is in its output directory; the regular files are now in `into`.
    pub output: OutputListing,
}

/// Removes what ended jobs leave on their engine, beside the work that follows: nobody has to wait
/// for it.
#[derive(Debug, Clone, Default)]
pub struct Cleaner(Arc<RwLock<()>>);

impl Cleaner {
    async fn clean(&self, engine: Arc<dyn Executor>, job: &str) {
        let at_work = Arc::clone(&self.0).read_owned().await;
        let reference = executor::JobRef {
            name: job.to_owned(),
            id: String::new(),
        };
        tokio::spawn(async move {
            if let Err(error) = engine.cleanup(&reference).await {
                // Not worth losing a result for; the next start removes what is left.
                tracing::warn!(job = reference.name, %error, "cleanup failed");
            }
            drop(at_work);
        });
    }

    /// Removes a job that may still run, and waits for it: its place must not be given to another
    /// before. An engine that is away is asked a few times; then the next start removes what is left.
    async fn clean_first(engine: &dyn Executor, job: &str) {
        let reference = executor::JobRef {
            name: job.to_owned(),
            id: String::new(),
        };
        let mut pause = CLEAN_PAUSE;
        for _ in 0..CLEAN_ATTEMPTS {
            match engine.cleanup(&reference).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(job, %error, "cleanup failed"),
            }
            tokio::time::sleep(pause.std()).await;
            pause.0 *= 2;
        }
        tracing::error!(job, "a job that may still run was left on the engine");
    }

    /// Waits until everything that was begun is done.
    pub async fn done(&self) {
        drop(self.0.write().await);
    }
}

/// Removes from an engine what jobs of an earlier start left there.
///
/// # Errors
/// When the engine does not answer.
pub async fn clear(engine: &dyn Executor) -> executor::Result<()> {
    for job in engine.list_owned().await? {
        tracing::warn!(job = job.name, "left by an earlier start, removed");
        // It may have ended already; removing is what counts.
        let _ = engine.cancel(&job, KillReason::Orphaned).await;
        // One that the engine itself cannot get rid of must not keep everybody else from starting.
        if let Err(error) = engine.cleanup(&job).await {
            tracing::error!(job = job.name, %error, "it cannot be removed, and is left on the engine");
        }
    }
    Ok(())
}

/// Runs a job and copies its output into `into`, an empty directory of ours. `record_kill` is
/// awaited before a kill is sent. Everything of the job is removed from the engine: by the cleaner,
/// later, when the container has ended, and on errors before this returns.
///
/// # Errors
/// When the engine fails; never because of what the container did.
pub async fn run<F>(
    (engine, cleaner): (Arc<dyn Executor>, &Cleaner),
    job: &JobSpec,
    into: &Path,
    record_kill: impl FnOnce(KillReason) -> F,
) -> executor::Result<Ran>
where
    F: Future<Output = executor::Result<()>>,
{
    let ran = run_uncleaned(&*engine, job, into, record_kill).await;
    match ran {
        Ok(_) => cleaner.clean(engine, &job.name).await,
        Err(_) => Cleaner::clean_first(&*engine, &job.name).await,
    }
    ran
}

async fn run_uncleaned<F>(
    engine: &dyn Executor,
    job: &JobSpec,
    into: &Path,
    record_kill: impl FnOnce(KillReason) -> F,
) -> executor::Result<Ran>
where
    F: Future<Output = executor::Result<()>>,
{
    engine.prepare(job).await?;
    let reference = engine.submit(job).await?;
    let mut killed = None;
    let end = match wait(engine, &reference, job.limits.time).await? {
        Some(end) => end,
        None => {
            record_kill(KillReason::Time).await?;
            killed = Some(KillReason::Time);
            engine.cancel(&reference, KillReason::Time).await?;
            wait(engine, &reference, KILL_PATIENCE)
                .await?
                .ok_or_else(|| {
                    executor::ExecutorError::Unreachable(format!(
                        "{} does not die of SIGKILL",
                        job.name
                    ))
                })?
        }
    };
    let log = engine.logs(&reference).await?;
    let output = match end.started {
        true => engine.collect(&reference, &job.output, into).await?,
        false => OutputListing::default(),
    };
    Ok(Ran {
        end,
        killed,
        log,
        output,
    })
}

async fn wait(
    engine: &dyn Executor,
    job: &executor::JobRef,
    at_most: Duration,
) -> executor::Result<Option<RunEnd>> {
    // Monotonic: a clock that is set must end nobody's run.
    let started = std::time::Instant::now();
    loop {
        let elapsed = Duration(i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX));
        if elapsed >= at_most {
            return Ok(None);
        }
        let slice = Duration((at_most.0 - elapsed.0).min(WAIT_SLICE.0));
        match engine.wait(job, slice).await? {
            JobStatus::Ended(end) => return Ok(Some(end)),
            JobStatus::Unknown => {
                return Err(executor::ExecutorError::Unreachable(format!(
                    "the engine has forgotten {}",
                    job.name
                )));
            }
            JobStatus::Waiting | JobStatus::Running => {}
        }
    }
}
