//! A container job: its specification, its limits and its state on an engine.

use std::path::PathBuf;

use serde::Serialize;

use crate::model::{Digest, Duration, GpuUuid, ImageId, RunEnd};

/// The complete specification of a job. An engine adds nothing that this value does not name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobSpec {
    /// Unique to the attempt, `[a-z0-9-]{1,63}`. Submitting the same name again finds the same job.
    pub name: String,
    pub image: ImageId,
    /// Read-only inputs.
    pub inputs: Vec<Input>,
    pub output: OutputSpec,
    /// `NAME=value` pairs that are added to the environment of the image.
    pub env: Vec<(String, String)>,
    /// Variables of the image that are removed, such as `LD_PRELOAD`.
    pub env_remove: Vec<String>,
    pub limits: JobLimits,
    /// GPUs that the caller has reserved for this job alone.
    pub gpus: Vec<GpuUuid>,
    /// Submission, attempt and kind. An operator can identify a container by them.
    pub labels: Vec<(String, String)>,
}

impl JobSpec {
    /// A digest of the whole specification. An engine labels the container with it and so recognises another job that
    /// has the same name.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Digest::of(&json)
    }
}

/// A directory or file that a job reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Path on Referee's host. The engine maps it to its own host.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: String,
}

/// The directory that a job writes to. It is a file system of its own with a fixed size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputSpec {
    /// Absolute path in the container.
    pub target: String,
    /// Limit in bytes.
    pub bytes: u64,
    /// Limit of files and directories together.
    pub files: u64,
}

/// The limits of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobLimits {
    /// CPU cores.
    pub cpus: f64,
    /// Bytes of memory. There is no swap.
    pub memory: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of `/dev/shm`.
    pub shm: u64,
    /// Bytes of `/tmp`.
    pub tmp: u64,
    /// Wall-clock time. The caller measures it and cancels the job.
    pub time: Duration,
}

/// A job on an engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobRef {
    /// [`JobSpec::name`].
    pub name: String,
    /// The engine's own id. May be empty: the name suffices.
    pub id: String,
}

impl JobRef {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), id: String::new() }
    }
}

/// The state of a job on its engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Created, not started.
    Waiting,
    Running,
    Ended(RunEnd),
    /// The engine has no such job.
    Unknown,
}
