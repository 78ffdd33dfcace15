//! The abilities of an engine, each as a trait: building, keeping images, running jobs, testing itself.
//!
//! No type of an engine's client library occurs here.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;

use super::build::{BuildReport, BuildSpec};
use super::error::Result;
use super::job::{JobRef, JobSpec, JobStatus, OutputSpec};
use crate::model::diagnosis::Check;
use crate::model::{Duration, Found, GpuUuid, ImageFacts, ImageId, KillReason, LogExcerpt, OutputListing};

/// Builds images.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Builds an image. Dropping the future ends the build and leaves nothing running.
    async fn build(&self, spec: &BuildSpec) -> Result<BuildReport>;
    /// The image that a reference such as `referee/python:3.11` means now.
    async fn base_image(&self, reference: &str) -> Result<Option<ImageFacts>>;
    /// Writes an image into a new file of at most `bytes_max` bytes, in the form that [`ImageStore::load`] accepts:
    /// only this image, and without a name.
    async fn save(&self, image: &ImageId, into: &Path, bytes_max: u64) -> Result<()>;
    /// Removes the images that interrupted builds of this instance left, and returns their number. Does nothing while a
    /// build is running.
    async fn sweep(&self) -> Result<usize>;
}

/// Keeps the images that were built or loaded. Each has the name of its build or load.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Loads an image from an archive that holds `manifest.json`, the configuration and the layers of this image alone.
    /// The image gets `name`.
    async fn load(&self, archive: &Path, image: &ImageId, name: &str) -> Result<LoadEnd>;
    /// The image of this name, if it still exists.
    async fn image_named(&self, name: &str) -> Result<Option<ImageFacts>>;
    /// The images whose names begin with `prefix`, with their names.
    async fn images_named(&self, prefix: &str) -> Result<Vec<(ImageId, String)>>;
    /// The facts of an image, if it still exists.
    async fn inspect(&self, image: &ImageId) -> Result<Option<ImageFacts>>;
    /// The kind of file at each of these paths of an image. The image is not started. `name` is its name.
    async fn inspect_paths(&self, image: &ImageId, name: &str, paths: &[String]) -> Result<BTreeMap<String, Found>>;
    /// Removes the name, and the image too unless it has another name.
    async fn remove(&self, image: &ImageId, name: &str) -> Result<()>;
}

/// The result of loading an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadEnd {
    Loaded(Box<ImageFacts>),
    /// The archive is at fault. The text is the engine's message.
    Refused(String),
}

/// Runs jobs. Every call is idempotent and limited in time.
#[async_trait]
pub trait Runner: Send + Sync {
    /// All GPUs of the engine's host.
    async fn gpus(&self) -> Result<Vec<GpuUuid>>;
    /// Creates the output file system of a job.
    async fn prepare(&self, job: &JobSpec) -> Result<()>;
    /// Creates a job, compares its effective configuration with the requested one, and starts it. The same name finds
    /// the same job, also after a crash in between.
    async fn submit(&self, job: &JobSpec) -> Result<JobRef>;
    /// The states of these jobs, in the same sequence.
    async fn poll(&self, jobs: &[JobRef]) -> Result<Vec<JobStatus>>;
    /// Waits until the job has ended or `at_most` has passed.
    async fn wait(&self, job: &JobRef, at_most: Duration) -> Result<JobStatus>;
    /// Every job that this instance of Referee created and has not cleaned up.
    async fn list_owned(&self) -> Result<Vec<JobRef>>;
    /// Kills the job. The caller has recorded the reason before.
    async fn cancel(&self, job: &JobRef, reason: KillReason) -> Result<()>;
    /// The kept part of the job's output. Reading it never slows the job down.
    async fn logs(&self, job: &JobRef) -> Result<LogExcerpt>;
    /// After the end: copies the regular files of the output into the directory `into` and lists everything that was
    /// there. Follows no link, and copies no more than the limits of the output.
    async fn collect(&self, job: &JobRef, output: &OutputSpec, into: &Path) -> Result<OutputListing>;
    /// Removes everything of the job from the engine.
    async fn cleanup(&self, job: &JobRef) -> Result<()>;
}

/// Checks for `referee doctor` whether an engine is fit for its roles.
#[async_trait]
pub trait SelfTest: Send + Sync {
    /// Makes the checks of these scopes. Leaves no container and changes no setting.
    async fn check(&self, scopes: &[CheckScope]) -> Result<Vec<Check>>;
}

/// A part of an engine that [`SelfTest::check`] checks. An engine with one role needs only some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckScope {
    /// The engine and its host: versions and settings.
    Engine,
    /// The limits of build steps, and the parts of the kernel that steps can reach.
    Builds,
    /// The sandbox of jobs under their runtime. Small jobs exceed limits to verify that the limits are enforced.
    Jobs,
    /// The software that gives GPUs to jobs.
    Gpus,
    /// These base images.
    BaseImages(Vec<String>),
}
