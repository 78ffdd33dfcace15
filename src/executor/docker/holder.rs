//! The container that keeps a job's output mounted, and remembers whether the engine was there.
//!
//! An output volume of type tmpfs is unmounted, and empty, as soon as no container uses it; the
//! holder uses it from before the job's start until everything was collected. It also answers the
//! question **whether the engine was there the whole time**. A restarted engine without
//! live-restore has killed the job (it looks like exit 143); one with live-restore reports an
//! out-of-memory kill that it slept through as a plain 137, and mounts the volume again, empty
//! (seen on 20.10: the archive of the running holder lost its files with the restart). So each
//! holder carries an exec instance that was created and never started: engines keep those in
//! memory only (moby `daemon/exec.go`), so it is there exactly as long as the engine's process,
//! whoever asks. A restart of this daemon, or a broken connection, does not disturb it.

use bollard::exec::CreateExecOptions;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::containers::{is_running, state_of};
use super::sandbox::{self, Role};
use super::{DockerEngine, OutputStore, programs};
use crate::executor::{
    BuildLimits, BuildSpec, ExecutorError, JobLimits, JobSpec, OutputSpec, Result,
};
use crate::model::{Duration, ImageId, limits};

/// A build of one step of ours is over by then.
const SMALL_BUILD_TIME: Duration = Duration::seconds(20);
/// A context without anything in it.
const NO_CONTEXT: &str = "/dev/null";

impl DockerEngine {
    /// Makes the output file system and the container that keeps it mounted; the container's id.
    pub(super) async fn create_holder(&self, job: &JobSpec) -> Result<String> {
        let waiting = self.small_job(&job.name, &job.output).await?;
        let body = with_command(self.body(&waiting, Role::Holder).await?, programs::HOLD);
        let seen = self.create(&job.name, Role::Holder, &body).await?;
        self.check_volume(&job.name, &job.output).await?;
        Ok(seen.id.unwrap_or_default())
    }

    /// Starts a created holder and gives it its memory of the engine.
    pub(super) async fn start_holder(&self, id: &str) -> Result<()> {
        self.call("start", |docker| async move {
            docker.start_container(id, None).await
        })
        .await??;
        let never_started = &CreateExecOptions {
            cmd: Some(vec![programs::HOLD]),
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
                target: programs::OUTPUT.to_owned(),
                ..output.clone()
            },
            env: Vec::new(),
            env_remove: Vec::new(),
            limits: JobLimits {
                cpus: 0.5,
                memory: 64 * 1024 * 1024,
                pids: 512, // gVisor's own threads count, too
                shm: 64 * 1024,
                tmp: 64 * 1024,
                time: Duration::DAY,
            },
            gpus: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// The image of the holder, imported at first need.
    async fn holder_image(&self) -> Result<ImageId> {
        if let Some(facts) = self.image_facts(programs::IMAGE).await? {
            return Ok(facts.id);
        }
        let engine = self.facts().await?;
        let root_fs = &bytes::Bytes::from(programs::root_fs(&engine.architecture)?);
        let (name, tag) = programs::IMAGE.split_once(':').unwrap_or_default();
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
        let made = self.image_facts(programs::IMAGE).await?;
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
    pub(super) async fn is_continuous(&self, job: &str) -> Result<bool> {
        let holder = self.inspect_role(job, Role::Holder).await?;
        Ok(holder.is_some_and(|seen| {
            is_running(&state_of(&seen)) && seen.exec_ids.is_some_and(|ids| !ids.is_empty())
        }))
    }
}

pub(super) fn with_command(body: ContainerCreateBody, program: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        cmd: Some(vec![program.to_owned()]),
        ..body
    }
}

/// No output at all.
pub(super) fn no_output() -> OutputSpec {
    OutputSpec {
        target: programs::OUTPUT.to_owned(),
        bytes: 0,
        files: 0,
    }
}

/// A build of one step of ours, without a context.
pub(super) fn small_build(name: String, dockerfile: String) -> BuildSpec {
    const MIB: u64 = 1024 * 1024;
    BuildSpec {
        name,
        context: NO_CONTEXT.into(),
        dockerfile,
        limits: BuildLimits {
            time: SMALL_BUILD_TIME,
            memory: 64 * MIB,
            cpu_percent: 50,
            log: 64 * 1024,
            disk: limits::BUILD_DISK_BYTES,
            file: MIB,
            processes: 64,
        },
        network: "none".to_owned(),
        labels: Vec::new(),
        guarded: None,
    }
}
