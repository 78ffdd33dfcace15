//! L2, the only module that knows an engine: its paths, devices, sockets and names of things.
//!
//! Everything above speaks of jobs, images and data by the types below. [`docker`] is the first
//! engine. An executor never decides whose fault an end was: `rules::exit` does.

pub mod docker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::model::{
    Digest, Duration, Found, GpuUuid, ImageFacts, ImageId, KillReason, LogExcerpt, OutputListing,
    RunEnd,
};

/// What went wrong between us and an engine. Never the participant's fault.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The engine does not answer; the call may be tried again, no verdict follows.
    #[error("the engine does not answer: {0}")]
    Unreachable(String),
    /// The engine refuses what was asked; trying again will not help.
    #[error("the engine refuses: {0}")]
    Refused(String),
    /// The effective configuration differs from the requested one, or the engine warned.
    #[error("the sandbox is not what was asked for: {0}")]
    Unsafe(String),
    /// Staging of inputs or outputs failed on our side.
    #[error("staging: {0}")]
    Staging(#[from] std::io::Error),
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, ExecutorError>;

/// A job, complete. The executor adds nothing that a reader of this value would be surprised by.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpec {
    /// Unique to the attempt, `[a-z0-9-]{1,63}`: the idempotency key and the fence.
    pub name: String,
    /// What runs.
    pub image: ImageId,
    /// Read-only inputs.
    pub inputs: Vec<Input>,
    /// Where the job writes; a size- and file-capped file system of its own.
    pub output: OutputSpec,
    /// `NAME=value` pairs added to the image's. Names the image must not set are removed.
    pub env: Vec<(String, String)>,
    /// Environment names of the image to remove (`LD_PRELOAD` and the like).
    pub env_remove: Vec<String>,
    /// Bounds.
    pub limits: JobLimits,
    /// GPUs that it gets for itself, already reserved.
    pub gpus: Vec<GpuUuid>,
    /// For labels: submission, attempt and kind, so that a stray container can be traced.
    pub labels: Vec<(String, String)>,
}

/// A directory or file that a job reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Path as the daemon sees it; the executor maps it to the engine's host.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: String,
}

/// Where a job writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// Absolute path in the container.
    pub target: String,
    /// Bytes.
    pub bytes: u64,
    /// Files and directories.
    pub files: u64,
}

/// Bounds of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLimits {
    /// CPU cores.
    pub cpus: f64,
    /// Bytes of memory, swap included.
    pub memory: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of `/dev/shm`.
    pub shm: u64,
    /// Bytes of `/tmp`.
    pub tmp: u64,
    /// Wall-clock time; the caller watches it and cancels, the executor records it.
    pub time: Duration,
}

/// A job as the engine knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobRef {
    /// [`JobSpec::name`].
    pub name: String,
    /// The engine's own id.
    pub id: String,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Made, not started.
    Waiting,
    /// It runs.
    Running,
    /// It ended.
    Ended(RunEnd),
    /// The engine does not know it.
    Unknown,
}

/// What a self-test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, for example `memory limit`.
    pub what: String,
    /// What was seen.
    pub seen: String,
    /// What is wrong with it, if anything.
    pub flaw: Option<Flaw>,
}

/// Why a [`Check`] is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Whether one can go on with it.
    pub weight: Weight,
    /// What should have been seen.
    pub expected: String,
    /// How to get there, as a sentence.
    pub help: String,
}

/// How much a [`Flaw`] weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// A second wall is missing, or nobody can tell from here: worth knowing, and one can go on.
    Warning,
    /// Submissions would fail, or would not be held.
    Bad,
}

impl Check {
    /// As it should be.
    pub fn fine(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            seen: seen.into(),
            flaw: None,
        }
    }

    /// The same with a flaw of this weight.
    #[must_use]
    pub fn flawed(
        mut self,
        weight: Weight,
        expected: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        self.flaw = Some(Flaw {
            weight,
            expected: expected.into(),
            help: help.into(),
        });
        self
    }

    /// Whether all is as it should be.
    pub fn is_fine(&self) -> bool {
        self.flaw.is_none()
    }
}

/// What a self-test looks at: an engine may have one task of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The engine and its host: versions, settings.
    Engine,
    /// What bounds the steps of builds, and what they can reach.
    Builds,
    /// The sandbox of jobs under their runtime: by canaries, whether limits really bite.
    Jobs,
    /// What gives GPUs to jobs, for an engine that has some or shall have.
    Gpus,
}

/// An engine that runs jobs. All calls are idempotent and bounded in time.
#[async_trait]
pub trait Executor: Send + Sync {
    /// `docker`, for logs and pages.
    fn name(&self) -> &'static str;
    /// Looks at the engine as far as wanted; changes nothing.
    async fn check(&self, looks: &[Look]) -> Result<Vec<Check>>;
    /// All GPUs of the engine's host.
    async fn gpus(&self) -> Result<Vec<GpuUuid>>;
    /// Makes what the job needs (output file system). May be called again.
    async fn prepare(&self, job: &JobSpec) -> Result<()>;
    /// Creates, compares the effective configuration with the requested one, starts. The same name
    /// gives the same job, also after a crash in between.
    async fn submit(&self, job: &JobSpec) -> Result<JobRef>;
    /// How these jobs stand, in their order.
    async fn poll(&self, jobs: &[JobRef]) -> Result<Vec<JobStatus>>;
    /// Waits until the job has ended or `at_most` has passed; cheaper than polling in a loop.
    async fn wait(&self, job: &JobRef, at_most: Duration) -> Result<JobStatus>;
    /// Every job that this instance of Referee ever made and has not cleaned up.
    async fn list_owned(&self) -> Result<Vec<JobRef>>;
    /// Kills. The caller has recorded the reason already.
    async fn cancel(&self, job: &JobRef, reason: KillReason) -> Result<()>;
    /// The kept part of what it printed. No back-pressure on the job, whenever called.
    async fn logs(&self, job: &JobRef) -> Result<LogExcerpt>;
    /// After the end: copies regular files of the output into the directory `into`, bounded by the
    /// job's own output limits, following nothing, and lists everything that was there.
    async fn collect(
        &self,
        job: &JobRef,
        output: &OutputSpec,
        into: &Path,
    ) -> Result<OutputListing>;
    /// Removes everything of the job from the engine.
    async fn cleanup(&self, job: &JobRef) -> Result<()>;
}

/// A build, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildSpec {
    /// Unique to the attempt: the idempotency key; the image is tagged with it.
    pub name: String,
    /// A tar file with the context (without the Dockerfile of the repository).
    pub context: PathBuf,
    /// The Dockerfile as re-emitted from our own parse.
    pub dockerfile: String,
    /// Bounds.
    pub limits: BuildLimits,
    /// Engine network for RUN steps; `none` by default.
    pub network: String,
    /// Labels put on the image.
    pub labels: Vec<(String, String)>,
    /// Of a build whose steps are a stranger's: a random word, for this build alone. What the steps leave is then looked
    /// at before an engine reads it.
    pub guarded: Option<String>,
}

/// Bounds of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// Wall-clock time.
    pub time: Duration,
    /// Bytes of memory of a step.
    pub memory: u64,
    /// CPU cores times 100.
    pub cpu_percent: u32,
    /// Bytes of log.
    pub log: usize,
    /// Bytes that the engine's disk may grow.
    pub disk: u64,
    /// Bytes of a single file written by a step.
    pub file: u64,
    /// Processes of a step.
    pub processes: u64,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEnd {
    /// There is an image.
    Built(Box<ImageFacts>),
    /// A step failed.
    Failed {
        /// Step of the re-emitted Dockerfile, counted from 1, if known.
        step: Option<u32>,
        /// The engine's sentence.
        message: String,
    },
    /// A limit was reached and the build was ended.
    Limit(BuildLimitHit),
}

/// The limit that a build reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildLimitHit {
    /// [`BuildLimits::time`]
    Time,
    /// [`BuildLimits::memory`]
    Memory,
    /// [`BuildLimits::log`]
    Log,
    /// [`BuildLimits::disk`]
    Disk,
    /// [`BuildLimits::file`]
    File,
    /// [`BuildLimits::processes`]
    Processes,
}

/// What a build did, whether it succeeded or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildReport {
    /// How it ended.
    pub end: BuildEnd,
    /// What it printed.
    pub log: LogExcerpt,
}

/// What became of an archive that an engine was to take in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadEnd {
    /// There is an image.
    Loaded(Box<ImageFacts>),
    /// The engine does not take it, in its own sentence: the archive is at fault.
    Refused(String),
}

/// An engine that builds images. It may be another one than the executor's.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Builds. Dropping the future ends the build and leaves nothing running.
    async fn build(&self, spec: &BuildSpec) -> Result<BuildReport>;
    /// Takes in an image from an archive (`manifest.json`, its configuration, its layers) that
    /// holds no other image and no name, and names it as a build of this name would be named.
    async fn load(&self, archive: &Path, image: &ImageId, name: &str) -> Result<LoadEnd>;
    /// Writes an image into a new file as [`Builder::load`] takes it: itself alone, without a name.
    /// Ended when the file grows beyond `most` bytes.
    async fn save(&self, image: &ImageId, into: &Path, most: u64) -> Result<()>;
    /// The image that an earlier build or load of this name made, if it is still there.
    async fn built(&self, name: &str) -> Result<Option<ImageFacts>>;
    /// The image that a reference (`referee/python:3.11`) stands for right now.
    async fn resolve(&self, reference: &str) -> Result<Option<ImageFacts>>;
    /// Whether an image is still there.
    async fn inspect(&self, image: &ImageId) -> Result<Option<ImageFacts>>;
    /// What is at these paths of an image, which is not started. `name` is that of its build or load.
    async fn look(
        &self,
        image: &ImageId,
        name: &str,
        paths: &[String],
    ) -> Result<BTreeMap<String, Found>>;
    /// The images that builds whose names begin so have made, with those names.
    async fn made(&self, beginning: &str) -> Result<Vec<(ImageId, String)>>;
    /// Removes what builds of this instance left that were cut off: images without a name. Does
    /// nothing while one is under way. How many.
    async fn sweep(&self) -> Result<usize>;
    /// Removes an image, and what else the build of that name left. An image that has another
    /// name as well, another submission's or an organizer's, stays.
    async fn remove(&self, image: &ImageId, name: &str) -> Result<()>;
}

/// An engine as a whole: images are on it, and jobs run from them.
pub trait Engine: Executor + Builder {}

impl<T: Executor + Builder> Engine for T {}

/// The digest of a container specification, for the record of an evaluation.
pub fn spec_digest(job: &JobSpec) -> Digest {
    Digest::of(format!("{job:?}").as_bytes())
}
