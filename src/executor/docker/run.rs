//! The life of a job: prepare, submit, wait, cancel, collect, clean up.
//!
//! It refuses to believe `wait` (it answers 0 for a container that never started) and exit codes
//! (a container claims what it likes): how a job ended is read from `inspect`. Names are derived
//! from the job, so every call may be made again after a crash and finds what the last one left.
//!
//! **Was the engine there the whole time?** A restarted engine without live-restore has killed the
//! job (it looks like exit 143), and one with live-restore reports an out-of-memory kill that it
//! slept through as a plain 137. So each holder carries an exec instance that is created and
//! never started: engines keep those in memory only (moby `daemon/exec.go`), so it is there as
//! long as the engine has not restarted since, whoever asks. A restart of *this* daemon does not
//! disturb it. The volume of a restarted engine is lost to us, too: it would be mounted again,
//! empty, so [`Executor::collect`] refuses rather than report that nothing was written.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use bollard::exec::CreateExecOptions;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as At,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, WaitContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};

use super::sandbox::{self, Names, Place, Role};
use super::{DockerEngine, OutputStore, holder};
use crate::executor::{
    Check, Executor, ExecutorError, JobLimits, JobRef, JobSpec, JobStatus, OutputSpec, Result,
};
use crate::model::{
    Digest, Duration, GpuUuid, ImageId, KillReason, LogExcerpt, OutputListing, RunEnd, Timestamp,
};

/// Containers looked at in parallel by one `poll`.
const INSPECTIONS_AT_ONCE: usize = 8;
/// The longest single `wait` call: a connection that died silently is noticed after this.
const WAIT_CALL: std::time::Duration = std::time::Duration::from_secs(20);

#[async_trait]
impl Executor for DockerEngine {
    fn name(&self) -> &'static str {
        "docker"
    }

    async fn check(&self) -> Result<Vec<Check>> {
        self.self_test().await
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
        self.start_holder(job).await
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
            if status == JobStatus::Running {
                self.until_exit(&job.name, left.min(WAIT_CALL)).await;
            }
            // When `wait` cannot be trusted to have waited, this keeps the loop from spinning.
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 3 / 2).min(std::time::Duration::from_millis(250));
        }
    }

    async fn list_owned(&self) -> Result<Vec<JobRef>> {
        let mut found = self.owned_volumes().await?;
        found.extend(self.owned_containers().await?);
        Ok(found
            .into_iter()
            .map(|(name, id)| JobRef { name, id })
            .collect())
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
        self.remove_container(&names.container(Role::Job)).await?;
        self.remove_container(&names.container(Role::Holder))
            .await?;
        self.remove_volume(&names.volume()).await
    }
}

impl DockerEngine {
    pub(super) fn names<'a>(&'a self, job: &'a str) -> Names<'a> {
        let instance = self.instance();
        Names { instance, job }
    }

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

    /// Creates or finds the container, and returns it only if it is what was asked for.
    pub(super) async fn create(
        &self,
        job: &str,
        role: Role,
        body: &ContainerCreateBody,
    ) -> Result<ContainerInspectResponse> {
        let name = &self.names(job).container(role);
        let options = &CreateContainerOptionsBuilder::default().name(name).build();
        let created = self
            .call("create", |docker| async move {
                let options = Some(options.clone());
                docker.create_container(options, body.clone()).await
            })
            .await?;
        match created {
            Ok(made) if !made.warnings.is_empty() => {
                self.remove_container(name).await?;
                return Err(ExecutorError::Unsafe(made.warnings.join("; ")));
            }
            // It is there from an earlier try, and is compared like a new one.
            Err(refusal) if refusal.status == 409 => {}
            Err(refusal) => return Err(refusal.into()),
            Ok(_) => {}
        }
        let seen = self.inspect_name(name).await?.ok_or_else(|| {
            ExecutorError::Refused(format!(
                "container {name} vanished right after its creation"
            ))
        })?;
        let found = sandbox::differences(body, &seen);
        if found.is_empty() {
            return Ok(seen);
        }
        // Only what never ran may be thrown away: another container is not ours to judge.
        let ours = sandbox::is_owned(&seen, self.instance(), job);
        if ours && state_of(&seen).status == Some(At::CREATED) {
            self.remove_container(name).await?;
        }
        Err(ExecutorError::Unsafe(format!(
            "{name}: {}",
            found.join("; ")
        )))
    }

    /// Starts a created container. A start that fails because of the image is no error of ours:
    /// the engine keeps its sentence in the container's state, where [`Self::status`] finds it.
    pub(super) async fn start(&self, job: &str, id: &str) -> Result<()> {
        let answer = self
            .call("start", |docker| async move {
                docker.start_container(id, None).await
            })
            .await?;
        let Err(refusal) = answer else {
            return Ok(());
        };
        match self.inspect_name(id).await? {
            Some(seen) if start_error(&state_of(&seen)).is_some() => Ok(()),
            _ => {
                tracing::warn!(job, status = refusal.status, "start refused");
                Err(refusal.into())
            }
        }
    }

    /// Makes the output file system and the container that keeps it mounted.
    async fn start_holder(&self, job: &JobSpec) -> Result<()> {
        let waiting = self.small_job(&job.name, &job.output).await?;
        let body = with_command(self.body(&waiting, Role::Holder).await?, holder::HOLD);
        let seen = self.create(&job.name, Role::Holder, &body).await?;
        self.check_volume(&job.name, &job.output).await?;
        let id = &seen.id.unwrap_or_default();
        self.call("start", |docker| async move {
            docker.start_container(id, None).await
        })
        .await??;
        let never_started = &CreateExecOptions {
            cmd: Some(vec![holder::HOLD]),
            ..CreateExecOptions::default()
        };
        self.call("exec", |docker| async move {
            docker.create_exec(id, never_started.clone()).await
        })
        .await??;
        Ok(())
    }

    /// A job that runs one of our own programs, in the same sandbox as everybody's.
    pub(super) async fn small_job(&self, name: &str, output: &OutputSpec) -> Result<JobSpec> {
        Ok(JobSpec {
            name: name.to_owned(),
            image: self.holder_image().await?,
            inputs: Vec::new(),
            output: OutputSpec {
                target: holder::OUTPUT.to_owned(),
                ..output.clone()
            },
            env: Vec::new(),
            env_remove: Vec::new(),
            limits: JobLimits {
                cpus: 0.5,
                memory: 32 * 1024 * 1024,
                pids: 64,
                shm: 64 * 1024,
                tmp: 64 * 1024,
                time: Duration::DAY,
            },
            gpus: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// The image of [`holder`], imported at first need.
    async fn holder_image(&self) -> Result<ImageId> {
        if let Some(facts) = self.image_facts(holder::IMAGE).await? {
            return Ok(facts.id);
        }
        let engine = self.facts().await?;
        let root_fs = &bytes::Bytes::from(holder::root_fs(&engine.architecture)?);
        let (name, tag) = holder::IMAGE.split_once(':').unwrap_or_default();
        let options = &CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(name)
            .tag(tag)
            .build();
        self.call("import", |docker| async move {
            let body = bollard::body_full(root_fs.clone());
            let mut lines = docker.create_image(Some(options.clone()), Some(body), None);
            while let Some(line) = lines.next().await {
                line?;
            }
            Ok(())
        })
        .await??;
        let made = self.image_facts(holder::IMAGE).await?;
        made.map(|facts| facts.id)
            .ok_or_else(|| ExecutorError::Refused("the holder image could not be imported".into()))
    }

    /// A volume of that name with other options could be larger than the job may write.
    async fn check_volume(&self, job: &str, output: &OutputSpec) -> Result<()> {
        let name = &self.names(job).volume();
        let volume = self
            .call("volume", |docker| async move {
                docker.inspect_volume(name).await
            })
            .await??;
        let OutputStore::Tmpfs = self.options().output;
        let wanted = sandbox::volume_options(output, self.options().output);
        match volume.options == wanted {
            true => Ok(()),
            false => Err(ExecutorError::Unsafe(format!(
                "volume {name} has other options than asked for"
            ))),
        }
    }

    /// Whether the engine has been the same process since this job was prepared.
    async fn is_continuous(&self, job: &str) -> Result<bool> {
        let holder = self.inspect_role(job, Role::Holder).await?;
        Ok(holder.is_some_and(|seen| {
            is_running(&state_of(&seen)) && seen.exec_ids.is_some_and(|ids| !ids.is_empty())
        }))
    }

    async fn status(&self, job: &JobRef) -> Result<JobStatus> {
        let Some(seen) = self.inspect_role(&job.name, Role::Job).await? else {
            return Ok(JobStatus::Unknown);
        };
        let state = state_of(&seen);
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
            out_of_memory: state.oom_killed.unwrap_or(false),
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

    pub(super) async fn inspect_role(
        &self,
        job: &str,
        role: Role,
    ) -> Result<Option<ContainerInspectResponse>> {
        self.inspect_name(&self.names(job).container(role)).await
    }

    pub(super) async fn inspect_name(
        &self,
        name: &str,
    ) -> Result<Option<ContainerInspectResponse>> {
        let answer = self
            .call("inspect", |docker| async move {
                docker.inspect_container(name, None).await
            })
            .await?;
        match answer {
            Ok(seen) => Ok(Some(seen)),
            Err(refusal) if refusal.status == 404 => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Kills it if it still runs, and takes its anonymous volumes along. Gone already is fine.
    pub(super) async fn remove_container(&self, name: &str) -> Result<()> {
        let options = &RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        for pause in [20, 50, 100, 200, 400, 800, 1600] {
            let answer = self
                .call("remove", |docker| async move {
                    docker.remove_container(name, Some(options.clone())).await
                })
                .await?;
            match answer {
                Err(refusal) if refusal.status == 404 => return Ok(()),
                // Another removal is under way; wait until it has happened.
                Ok(()) => return Ok(()),
                Err(refusal) if refusal.status == 409 => {}
                Err(refusal) => return Err(refusal.into()),
            }
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        }
        Err(ExecutorError::Refused(format!(
            "container {name} cannot be removed"
        )))
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let options = &RemoveVolumeOptions { force: true };
        let answer = self
            .call("volume", |docker| async move {
                docker.remove_volume(name, Some(options.clone())).await
            })
            .await?;
        match answer {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.status == 404 => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn owned_filter(&self) -> HashMap<String, Vec<String>> {
        let label = format!("{}={}", sandbox::LABEL_INSTANCE, self.instance());
        HashMap::from([("label".to_owned(), vec![label])])
    }

    /// Jobs of which any container is left; the id is the job's own container's, if it has one.
    async fn owned_containers(&self) -> Result<BTreeMap<String, String>> {
        let options = &ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&self.owned_filter())
            .build();
        let listed = self
            .call("list", |docker| async move {
                docker.list_containers(Some(options.clone())).await
            })
            .await??;
        let mut found = BTreeMap::new();
        for container in listed {
            let labels = container.labels.unwrap_or_default();
            let Some(job) = labels.get(sandbox::LABEL_JOB) else {
                continue;
            };
            let id: &mut String = found.entry(job.clone()).or_default();
            if labels
                .get(sandbox::LABEL_ROLE)
                .is_some_and(|role| role == "job")
            {
                *id = container.id.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Jobs of which a volume is left, with no id.
    async fn owned_volumes(&self) -> Result<BTreeMap<String, String>> {
        let options = &ListVolumesOptionsBuilder::default()
            .filters(&self.owned_filter())
            .build();
        let listed = self
            .call("volumes", |docker| async move {
                docker.list_volumes(Some(options.clone())).await
            })
            .await??;
        let volumes = listed.volumes.unwrap_or_default();
        Ok(volumes
            .into_iter()
            .filter_map(|mut volume| volume.labels.remove(sandbox::LABEL_JOB))
            .map(|job| (job, String::new()))
            .collect())
    }
}

pub(super) fn with_command(body: ContainerCreateBody, program: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        cmd: Some(vec![program.to_owned()]),
        ..body
    }
}

pub(super) fn state_of(seen: &ContainerInspectResponse) -> ContainerState {
    seen.state.clone().unwrap_or_default()
}

fn is_running(state: &ContainerState) -> bool {
    matches!(
        state.status,
        Some(At::RUNNING | At::PAUSED | At::RESTARTING | At::STOPPING)
    )
}

/// The engine writes the year 1 for "never".
fn was_started(state: &ContainerState) -> bool {
    state
        .started_at
        .as_deref()
        .is_some_and(|at| !at.is_empty() && !at.starts_with("0001-"))
}

fn ran(state: &ContainerState) -> Duration {
    let moment = |text: &Option<String>| Timestamp::parse(text.as_deref()?).ok();
    match (moment(&state.started_at), moment(&state.finished_at)) {
        (Some(start), Some(end)) => end.since(start),
        _ => Duration(0),
    }
}

/// The engine's sentence about a start that failed because of what is in the image.
fn start_error(state: &ContainerState) -> Option<String> {
    let error = state.error.as_deref().filter(|e| !e.is_empty())?;
    (state.status == Some(At::CREATED) && is_images_fault(error)).then(|| error.to_owned())
}

/// Sentences of runc and the engine (20.10 to 29) that only an image can provoke; every other
/// failed start counts as ours. A missing program is not among them: it is the init process that
/// does not find it, and exits with 127.
fn is_images_fault(error: &str) -> bool {
    const SENTENCES: [&str; 9] = [
        "chdir to cwd",                  // the working directory is closed to others than root
        "executable file not found",     // without init
        "exec format error",             // another processor's program
        "exec: \"",                      // without init: what was to be run is named
        "not a directory",               // a file where an input is to be mounted
        "mount a directory onto a file", // the same, in the engine's words
        "is not within the root",        // a link that leads out
        "inside /proc",                  // a link that leads there
        "outside of rootfs",
    ];
    SENTENCES.iter().any(|sentence| error.contains(sentence))
}

impl DockerEngine {
    /// Images are named by digest; the name of one is a digest or one of our own tags.
    pub(super) fn image_id(text: Option<&str>) -> Result<ImageId> {
        let text = text.unwrap_or_default();
        Digest::new(text)
            .map_err(|e| ExecutorError::Refused(format!("the engine names an image oddly: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: At, started: &str, error: &str) -> ContainerState {
        ContainerState {
            status: Some(status),
            started_at: Some(started.to_owned()),
            finished_at: Some("2024-07-29T10:00:02.5Z".to_owned()),
            error: Some(error.to_owned()),
            ..ContainerState::default()
        }
    }

    #[test]
    fn never_started_is_the_year_one() {
        assert!(!was_started(&state(
            At::CREATED,
            "0001-01-01T00:00:00Z",
            ""
        )));
        let ended = state(At::EXITED, "2024-07-29T10:00:00.123456789Z", "");
        assert!(was_started(&ended));
        assert_eq!(ran(&ended), Duration(2377));
    }

    #[test]
    fn a_failed_start_is_the_images_fault_only_if_an_image_can_cause_it() {
        let fault = |error| start_error(&state(At::CREATED, "", error)).is_some();
        assert!(fault(
            "OCI runtime create failed: runc create failed: unable to start container process: \
             chdir to cwd (\"/root\") set in config.json failed: permission denied: unknown"
        ));
        assert!(!fault(
            "could not select device driver \"nvidia\" with capabilities: [[gpu]]"
        ));
        assert!(!fault("write /var/lib/docker/x: no space left on device"));
        assert!(!fault(""));
    }
}
