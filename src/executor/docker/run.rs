//! The life of a job: prepare, submit, wait, cancel, collect, clean up.
//!
//! It refuses to believe `wait` (it answers 0 for a container that never started) and exit codes
//! (a container claims what it likes): how a job ended is read from `inspect`. Names are derived
//! from the job, so every call may be made again after a crash and finds what the last one left.
//! Whether the engine was there the whole time is the holder's to know.

use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use bollard::models::{ContainerCreateBody, ContainerState, ContainerStateStatusEnum as At};
use bollard::query_parameters::{KillContainerOptionsBuilder, WaitContainerOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt};

use super::DockerEngine;
use super::containers::{is_running, start_error, state_of, was_started};
use super::kernel_log::{self, RanOut};
use super::sandbox::{self, Place, Role};
use crate::executor::{
    Check, Executor, ExecutorError, JobRef, JobSpec, JobStatus, Look, OutputSpec, Result,
};
use crate::model::{Duration, GpuUuid, KillReason, LogExcerpt, OutputListing, RunEnd, Timestamp};

/// Containers looked at in parallel by one `poll`.
const INSPECTIONS_AT_ONCE: usize = 8;
/// How often, and when, a job is looked at again that was killed by nobody knows what.
const OOM_LOOKS: u32 = 3;
const OOM_LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(150);
/// 128 and SIGKILL.
const KILLED: i64 = 137;
/// The longest single `wait` call: a connection that died silently is noticed after this.
const WAIT_CALL: std::time::Duration = std::time::Duration::from_secs(20);

#[async_trait]
impl Executor for DockerEngine {
    fn name(&self) -> &'static str {
        "docker"
    }

    async fn check(&self, looks: &[Look]) -> Result<Vec<Check>> {
        self.self_test(looks).await
    }

    async fn gpus(&self) -> Result<Vec<GpuUuid>> {
        Ok(self.list_gpus().await)
    }

    async fn prepare(&self, job: &JobSpec) -> Result<()> {
        if let Some(seen) = self.inspect_role(&job.name, Role::Job).await?
            && was_started(&state_of(&seen))
        {
            return Ok(()); // the output is what it is
        }
        if self.is_continuous(&job.name).await? {
            return Ok(());
        }
        // A holder without its memory of the engine is no witness; nothing was written yet.
        self.remove_container(&self.names(&job.name).container(Role::Holder))
            .await?;
        let holder = self.create_holder(job).await?;
        // The volume is there, so the job's own container can be made while the holder starts.
        // What may be wrong with it is told by `submit`, which makes it again.
        let (started, _) = tokio::join!(self.start_holder(&holder), async {
            let body = self.body(job, Role::Job).await?;
            self.create(&job.name, Role::Job, &body).await
        });
        started
    }

    async fn submit(&self, job: &JobSpec) -> Result<JobRef> {
        let body = self.body(job, Role::Job).await?;
        let seen = self.create(&job.name, Role::Job, &body).await?;
        let id = seen.id.clone().unwrap_or_default();
        let reference = JobRef {
            name: job.name.clone(),
            id,
        };
        let state = state_of(&seen);
        if state.status == Some(At::CREATED) && start_error(&state).is_none() {
            if !self.is_continuous(&job.name).await? {
                return Err(ExecutorError::Refused(format!(
                    "job {}: its output is not held; prepare it first",
                    job.name
                )));
            }
            self.start(&job.name, &reference.id).await?;
        }
        self.follow(&job.name, &reference.id);
        Ok(reference)
    }

    async fn poll(&self, jobs: &[JobRef]) -> Result<Vec<JobStatus>> {
        let looks: Vec<_> = jobs.iter().map(|job| self.status(job)).collect();
        futures_util::stream::iter(looks)
            .buffered(INSPECTIONS_AT_ONCE)
            .try_collect()
            .await
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
            // When `wait` cannot be trusted to have waited, this keeps the loop from spinning.
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
        // `stop` would wait for a program that has every reason to ignore it.
        let name = &self.names(&job.name).container(Role::Job);
        let options = &KillContainerOptionsBuilder::default()
            .signal("SIGKILL")
            .build();
        let answer = self
            .call("kill", |docker| async move {
                docker.kill_container(name, Some(options.clone())).await
            })
            .await?;
        match answer {
            Ok(()) => Ok(()),
            // It is not there, or not running any more.
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

    async fn collect(
        &self,
        job: &JobRef,
        output: &OutputSpec,
        into: &Path,
    ) -> Result<OutputListing> {
        match self.status(job).await? {
            JobStatus::Ended(end) if !end.engine_continuous => {
                return Err(ExecutorError::Refused(format!(
                    "job {}: the engine was restarted meanwhile; what it wrote is lost",
                    job.name
                )));
            }
            JobStatus::Ended(_) => {}
            other => {
                return Err(ExecutorError::Refused(format!(
                    "job {} has not ended: {other:?}",
                    job.name
                )));
            }
        }
        let holder = self.names(&job.name).container(Role::Holder);
        self.download(&holder, output, into).await
    }

    async fn cleanup(&self, job: &JobRef) -> Result<()> {
        self.unfollow(&job.name);
        let names = self.names(&job.name);
        let (container, holder) = (names.container(Role::Job), names.container(Role::Holder));
        tokio::try_join!(
            self.remove_container(&container),
            self.remove_container(&holder)
        )?;
        self.remove_volume(&names.volume()).await
    }
}

impl DockerEngine {
    /// The body to create a container with, from the job as its caller wrote it.
    pub(super) async fn body(&self, job: &JobSpec, role: Role) -> Result<ContainerCreateBody> {
        let engine = self.facts().await?;
        let configured = self.options().runtime.as_deref();
        let runtime = configured.filter(|_| role != Role::Holder);
        let mut job = job.clone();
        for input in &mut job.inputs {
            input.source = self.on_host(&input.source);
        }
        sandbox::create_body(
            &job,
            &Place {
                names: self.names(&job.name),
                role,
                engine: &engine,
                runtime: runtime.unwrap_or(&engine.default_runtime),
                output: self.options().output,
            },
        )
    }

    async fn status(&self, job: &JobRef) -> Result<JobStatus> {
        let Some(seen) = self.inspect_role(&job.name, Role::Job).await? else {
            return Ok(JobStatus::Unknown);
        };
        let mut state = state_of(&seen);
        let mut ran_out = None;
        if is_unexplained_kill(&state) {
            let id = seen.id.clone().unwrap_or_default();
            ran_out = tokio::task::spawn_blocking(move || kernel_log::of(&id).ok().flatten())
                .await
                .unwrap_or_default();
        }
        // That memory ran out is an event of its own to the engine, and may reach it behind the end.
        let mut looks = 0..OOM_LOOKS;
        while ran_out.is_none() && is_unexplained_kill(&state) && looks.next().is_some() {
            tokio::time::sleep(OOM_LOOK_EVERY).await;
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
            out_of_memory: state.oom_killed == Some(true) || ran_out == Some(RanOut::Container),
            host_out_of_memory: ran_out == Some(RanOut::Host),
            engine_continuous: self.is_continuous(&job.name).await?,
            error,
            duration: if started { ran(&state) } else { Duration(0) },
        }))
    }

    /// Returns when the job is over, or has not ended in time, or the engine is gone. Which of
    /// these it was is not told: the caller looks.
    async fn until_exit(&self, job: &str, at_most: std::time::Duration) {
        let name = self.names(job).container(Role::Job);
        let Ok(client) = self.client() else {
            return;
        };
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let mut answers = std::pin::pin!(client.wait_container(&name, Some(options)));
        let _ = tokio::time::timeout(at_most, answers.next()).await;
    }
}

/// Whether a job was killed, and the engine does not say (yet) that memory ran out. Kills of ours look so, too.
fn is_unexplained_kill(state: &ContainerState) -> bool {
    !is_running(state) && state.exit_code == Some(KILLED) && state.oom_killed != Some(true)
}

fn ran(state: &ContainerState) -> Duration {
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
    fn never_started_is_the_year_one() {
        let state = |started: &str| ContainerState {
            started_at: Some(started.to_owned()),
            finished_at: Some("2024-07-29T10:00:02.5Z".to_owned()),
            ..ContainerState::default()
        };
        assert!(!was_started(&state("0001-01-01T00:00:00Z")));
        assert!(!was_started(&state("")));
        let ended = state("2024-07-29T10:00:00.123456789Z");
        assert!(was_started(&ended));
        assert_eq!(ran(&ended), Duration(2377));
    }
}
