//! The output volume keeper: a container that keeps a job's output volume mounted and detects a restart of the engine.
//!
//! A volume of type tmpfs works on local and remote engines. Its pages count as the job's memory. A file mounted as a
//! loop device would survive a restart of the engine, but needs a helper with root on the engine's host.
//!
//! A volume of type tmpfs is unmounted and lost when no container uses it. The keeper uses it from before the start of
//! the job until its output was collected.
//!
//! The keeper also shows whether the engine ran without interruption. An engine that restarted without live-restore has
//! killed the job, which looks like exit code 143. One with live-restore may report an out-of-memory kill as a plain
//! 137, and it mounts the volume again, empty (seen on 20.10). So each keeper has an exec instance that was created and
//! never started. Engines hold these in memory only (moby `daemon/exec.go`), so it exists exactly as long as the
//! engine's process. A restart of Referee or a broken connection does not affect it.

use bollard::exec::CreateExecOptions;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::connection::DockerEngine;
use super::containers::{is_running, state_of};
use super::own_programs;
use super::sandbox::{self, Role};
use crate::executor::{BuildLimits, BuildSpec, ExecutorError, JobLimits, JobSpec, OutputSpec, Result};
use crate::model::{Duration, ImageId, limits};

const MIB: u64 = 1024 * 1024;
/// A build of one step of Referee's own is over by then.
const PROBE_BUILD_TIME: Duration = Duration::seconds(20);
/// An empty context.
const NO_CONTEXT: &str = "/dev/null";

impl DockerEngine {
    /// Creates the output volume and its keeper, and returns the keeper's id.
    pub(super) async fn create_keeper(&self, job: &JobSpec) -> Result<String> {
        let waiting = self.own_job(&job.name, &job.output).await?;
        let body = self.container_body(&waiting, Role::Keeper).await?;
        let body = with_command(body, own_programs::WAIT);
        let seen = self.create(&job.name, Role::Keeper, &body).await?;
        self.check_volume(&job.name, &job.output).await?;
        Ok(seen.id.unwrap_or_default())
    }

    /// Starts a created keeper, and gives it the exec instance that does not survive a restart of the engine.
    pub(super) async fn start_keeper(&self, id: &str) -> Result<()> {
        self.call("start container", |docker| async move { docker.start_container(id, None).await }).await??;
        let never_started = &CreateExecOptions { cmd: Some(vec![own_programs::WAIT]), ..CreateExecOptions::default() };
        self.call("create exec", |docker| async move { docker.create_exec(id, never_started.clone()).await }).await??;
        Ok(())
    }

    /// Whether the engine has been the same process since this job was prepared.
    pub(super) async fn is_continuous(&self, job: &str) -> Result<bool> {
        let keeper = self.inspect_role(job, Role::Keeper).await?;
        Ok(keeper.is_some_and(|seen| is_running(&state_of(&seen)) && seen.exec_ids.is_some_and(|ids| !ids.is_empty())))
    }

    /// A job that runs one of Referee's own programs, in the same sandbox as every job.
    pub(super) async fn own_job(&self, name: &str, output: &OutputSpec) -> Result<JobSpec> {
        Ok(JobSpec {
            name: name.to_owned(),
            image: self.own_image().await?,
            inputs: Vec::new(),
            output: OutputSpec { target: own_programs::OUTPUT.to_owned(), ..output.clone() },
            env: Vec::new(),
            env_remove: Vec::new(),
            limits: JobLimits {
                cpus: 0.5,
                memory: 64 * MIB,
                pids: 512, // gVisor's own threads count too
                shm: 64 * 1024,
                tmp: 64 * 1024,
                time: Duration::DAY,
            },
            gpus: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// The image of Referee's own programs, imported at the first use.
    /// The image with the programs of Referee, imported if the engine does not have it.
    pub(super) async fn own_image(&self) -> Result<ImageId> {
        if let Some(facts) = self.image_facts(own_programs::IMAGE).await? {
            return Ok(facts.id);
        }
        let engine = self.facts().await?;
        let root_fs = &bytes::Bytes::from(own_programs::root_fs(&engine.architecture)?);
        let (name, tag) = own_programs::IMAGE.split_once(':').unwrap_or_default();
        let options = &CreateImageOptionsBuilder::default().from_src("-").repo(name).tag(tag).build();
        self.call("import image", |docker| async move {
            let body = bollard::body_full(root_fs.clone());
            let mut messages = docker.create_image(Some(options.clone()), Some(body), None);
            while let Some(message) = messages.next().await {
                message?;
            }
            Ok(())
        })
        .await??;
        let made = self.image_facts(own_programs::IMAGE).await?;
        made.map(|facts| facts.id)
            .ok_or_else(|| ExecutorError::Refused(format!("the image {} could not be imported", own_programs::IMAGE)))
    }

    /// A volume of that name with other options could be larger than the job may write.
    async fn check_volume(&self, job: &str, output: &OutputSpec) -> Result<()> {
        let name = &self.names(job).volume();
        let volume = self.call("inspect volume", |docker| async move { docker.inspect_volume(name).await }).await??;
        if volume.options == sandbox::volume_options(output) {
            return Ok(());
        }
        Err(ExecutorError::Unsafe(format!("volume {name} has other options than requested")))
    }
}

pub(super) fn with_command(body: ContainerCreateBody, program: &str) -> ContainerCreateBody {
    ContainerCreateBody { cmd: Some(vec![program.to_owned()]), ..body }
}

/// The output of a job that may write nothing.
pub(super) fn no_output() -> OutputSpec {
    OutputSpec { target: own_programs::OUTPUT.to_owned(), bytes: 0, files: 0 }
}

/// A build of one step of Referee's own, without a context.
pub(super) fn probe_build(name: String, dockerfile: String) -> BuildSpec {
    BuildSpec {
        name,
        context: NO_CONTEXT.into(),
        dockerfile,
        limits: BuildLimits {
            time: PROBE_BUILD_TIME,
            memory: 64 * MIB,
            cpu_percent: 50,
            log: 64 * 1024,
            disk: limits::BUILD_DISK_BYTES,
            file: MIB,
            processes: 64,
        },
        network: "none".to_owned(),
        labels: Vec::new(),
        inspection_key: None,
    }
}
