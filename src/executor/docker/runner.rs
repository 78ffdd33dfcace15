//! The life of a job: prepare, submit, wait, cancel, collect, clean up.
//!
//! The end of a job is read from `inspect`. The engine's `wait` is not believed: it answers 0 for a container that
//! never started. Exit codes are claims of the container. Names are derived from the job, so every call may be repeated
//! after a crash and finds the objects of the last one. The output volume keeper shows whether the engine ran without
//! interruption.

use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use bollard::models::{ContainerCreateBody, ContainerState, ContainerStateStatusEnum as At};
use bollard::query_parameters::{KillContainerOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt};

use super::connection::DockerEngine;
use super::containers::{is_running, start_error, state_of, was_started};
use super::kernel_log::{self, OutOfMemory};
use super::sandbox::{self, Role, SandboxContext};
use crate::executor::{ExecutorError, JobRef, JobSpec, JobStatus, OutputSpec, Result, Runner};
use crate::model::{Duration, GpuUuid, KillReason, LogExcerpt, OutputListing, RunEnd, Timestamp};

/// Containers that one `poll` inspects in parallel.
const PARALLEL_INSPECTIONS: usize = 8;
/// How often a job that was killed for an unknown reason is inspected again, and the pause in between.
const OOM_INSPECTIONS: u32 = 3;
const OOM_PAUSE: std::time::Duration = std::time::Duration::from_millis(150);
/// 128 and SIGKILL.
const KILLED: i64 = 137;
/// The longest `wait` call. A connection that was lost silently is noticed after this time.
const WAIT_CALL: std::time::Duration = std::time::Duration::from_secs(20);

#[async_trait]
impl Runner for DockerEngine {
    async fn gpus(&self) -> Result<Vec<GpuUuid>> {
        Ok(self.list_gpus().await)
    }

    async fn prepare(&self, job: &JobSpec) -> Result<()> {
        if let Some(seen) = self.inspect_role(&job.name, Role::Job).await?
            && was_started(&state_of(&seen))
        {
            return Ok(()); // it may have written already
        }
        if self.is_continuous(&job.name).await? {
            return Ok(());
        }
        // The keeper has lost its exec instance. The job has not started, so a new keeper loses nothing.
        self.remove_container(&self.names(&job.name).container(Role::Keeper)).await?;
        let keeper = self.create_keeper(job).await?;
        // The volume exists, so the job's own container can be created while the keeper starts. `submit` creates it
        // again and reports its errors.
        let (started, _) = tokio::join!(self.start_keeper(&keeper), async {
            let body = self.container_body(job, Role::Job).await?;
            self.create(&job.name, Role::Job, &body).await
        });
        started
    }

    async fn submit(&self, job: &JobSpec) -> Result<JobRef> {
        let body = self.container_body(job, Role::Job).await?;
        let seen = self.create(&job.name, Role::Job, &body).await?;
        let id = seen.id.clone().unwrap_or_default();
        let reference = JobRef { name: job.name.clone(), id };
        let state = state_of(&seen);
        if state.status == Some(At::CREATED) && start_error(&state).is_none() {
            if !self.is_continuous(&job.name).await? {
                return Err(ExecutorError::Refused(format!(
                    "job {}: its output volume has no keeper; prepare the job first",
                    job.name
                )));
            }
            self.start(&job.name, &reference.id).await?;
        }
        self.follow(&job.name, &reference.id);
        Ok(reference)
    }

    async fn poll(&self, jobs: &[JobRef]) -> Result<Vec<JobStatus>> {
        let inspections: Vec<_> = jobs.iter().map(|job| self.status(job)).collect();
        futures_util::stream::iter(inspections).buffered(PARALLEL_INSPECTIONS).try_collect().await
    }

    async fn wait(&self, job: &JobRef, at_most: Duration) -> Result<JobStatus> {
        let until = Instant::now() + at_most.std();
        let mut pause = std::time::Duration::from_millis(50);
        loop {
            let status = self.status(job).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !matches!(status, JobStatus::Running | JobStatus::Waiting) || left.is_zero() {
                return Ok(status);
            }
            let asked = Instant::now();
            if status == JobStatus::Running {
                self.until_exit(&job.name, left.min(WAIT_CALL)).await;
            }
            // `wait` may return at once. Then this pause keeps the loop from spinning.
            if let Some(rest) = pause.min(left).checked_sub(asked.elapsed()) {
                tokio::time::sleep(rest).await;
                pause = (pause * 3 / 2).min(std::time::Duration::from_millis(250));
            }
        }
    }

    async fn list_owned(&self) -> Result<Vec<JobRef>> {
        let mut found = self.owned_volumes().await?;
        found.extend(self.owned_containers().await?);
        let reference = |(name, id)| JobRef { name, id };
        Ok(found.into_iter().map(reference).collect())
    }

    async fn cancel(&self, job: &JobRef, _reason: KillReason) -> Result<()> {
        // `stop` would first wait for a program that may ignore its signal.
        let name = &self.names(&job.name).container(Role::Job);
        let options = &KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        let answer = self
            .call("kill container", |docker| async move { docker.kill_container(name, Some(options.clone())).await })
            .await?;
        match answer {
            Ok(()) => Ok(()),
            // It does not exist, or it does not run any more.
            Err(refusal) if matches!(refusal.status, 404 | 409) => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn logs(&self, job: &JobRef) -> Result<LogExcerpt> {
        match self.inspect_role(&job.name, Role::Job).await? {
            Some(seen) => {
                let state = state_of(&seen);
                let ended = !is_running(&state);
                let id = seen.id.unwrap_or_default();
                self.excerpt(&job.name, &id, ended).await
            }
            None => Ok(LogExcerpt::default()),
        }
    }

    async fn collect(&self, job: &JobRef, output: &OutputSpec, into: &Path) -> Result<OutputListing> {
        match self.status(job).await? {
            JobStatus::Ended(end) if !end.engine_continuous => {
                return Err(ExecutorError::Refused(format!(
                    "job {}: the engine was restarted meanwhile, and the output is lost",
                    job.name
                )));
            }
            JobStatus::Ended(_) => {}
            other => {
                return Err(ExecutorError::Refused(format!("job {} has not ended: {other:?}", job.name)));
            }
        }
        let keeper = self.names(&job.name).container(Role::Keeper);
        self.download(&keeper, output, into).await
    }

    async fn cleanup(&self, job: &JobRef) -> Result<()> {
        self.unfollow(&job.name);
        let names = self.names(&job.name);
        let (container, keeper) = (names.container(Role::Job), names.container(Role::Keeper));
        tokio::try_join!(self.remove_container(&container), self.remove_container(&keeper))?;
        self.remove_volume(&names.volume()).await
    }
}

impl DockerEngine {
    /// The create request of a container of this job.
    pub(super) async fn container_body(&self, job: &JobSpec, role: Role) -> Result<ContainerCreateBody> {
        let engine = self.facts().await?;
        let configured = self.options().runtime.as_deref();
        let runtime = configured.filter(|_| role != Role::Keeper);
        let mut job = job.clone();
        for input in &mut job.inputs {
            input.source = self.on_engine_host(&input.source);
        }
        sandbox::create_body(
            &job,
            &SandboxContext {
                names: self.names(&job.name),
                role,
                engine: &engine,
                runtime: runtime.unwrap_or(&engine.default_runtime),
            },
        )
    }

    async fn status(&self, job: &JobRef) -> Result<JobStatus> {
        let Some(seen) = self.inspect_role(&job.name, Role::Job).await? else {
            return Ok(JobStatus::Unknown);
        };
        let mut state = state_of(&seen);
        let mut out_of_memory = None;
        if is_unexplained_kill(&state) {
            let id = seen.id.clone().unwrap_or_default();
            let read = move || kernel_log::out_of_memory(&id).ok().flatten();
            out_of_memory = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        }
        // The engine learns of an out-of-memory kill by a separate event, which may arrive after the end of the
        // container.
        let mut inspections = 0..OOM_INSPECTIONS;
        while out_of_memory.is_none() && is_unexplained_kill(&state) && inspections.next().is_some() {
            tokio::time::sleep(OOM_PAUSE).await;
            match self.inspect_role(&job.name, Role::Job).await? {
                Some(seen) => state = state_of(&seen),
                None => return Ok(JobStatus::Unknown),
            }
        }
        if is_running(&state) {
            self.follow(&job.name, &seen.id.unwrap_or_default());
            return Ok(JobStatus::Running);
        }
        let error = match state.status {
            Some(At::CREATED) => match start_error(&state) {
                Some(error) => error,
                None => return Ok(JobStatus::Waiting),
            },
            Some(At::EXITED | At::DEAD) => state.error.clone().unwrap_or_default(),
            _ => return Ok(JobStatus::Unknown), // it is being removed
        };
        let started = was_started(&state);
        Ok(JobStatus::Ended(RunEnd {
            started,
            exit_code: state.exit_code.unwrap_or(-1),
            out_of_memory: state.oom_killed == Some(true) || out_of_memory == Some(OutOfMemory::Container),
            host_out_of_memory: out_of_memory == Some(OutOfMemory::Host),
            engine_continuous: self.is_continuous(&job.name).await?,
            error,
            duration: if started { run_time(&state) } else { Duration(0) },
        }))
    }

    /// Returns when the job has ended, `at_most` has passed, or the connection was lost. The caller inspects the job
    /// afterwards.
    async fn until_exit(&self, job: &str, at_most: std::time::Duration) {
        let name = self.names(job).container(Role::Job);
        let Ok(client) = self.client() else {
            return;
        };
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut answers = std::pin::pin!(client.wait_container(&name, Some(options)));
        let _ = tokio::time::timeout(at_most, answers.next()).await;
    }
}

/// Whether a job was killed and the engine does not report (yet) that memory ran out. Kills by Referee look like this
/// too.
fn is_unexplained_kill(state: &ContainerState) -> bool {
    !is_running(state) && state.exit_code == Some(KILLED) && state.oom_killed != Some(true)
}

fn run_time(state: &ContainerState) -> Duration {
    let timestamp = |text: &Option<String>| Timestamp::parse(text.as_deref()?).ok();
    match (timestamp(&state.started_at), timestamp(&state.finished_at)) {
        (Some(start), Some(end)) => end.since(start),
        _ => Duration(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_one_means_never_started() {
        let state = |started: &str| ContainerState {
            started_at: Some(started.to_owned()),
            finished_at: Some("2024-07-29T10:00:02.5Z".to_owned()),
            ..ContainerState::default()
        };
        assert!(!was_started(&state("0001-01-01T00:00:00Z")));
        assert!(!was_started(&state("")));
        let ended = state("2024-07-29T10:00:00.123456789Z");
        assert!(was_started(&ended));
        assert_eq!(run_time(&ended), Duration(2377));
    }
}
