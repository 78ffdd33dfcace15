//! An unreachable engine. Pages and hooks must work without it.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use referee::executor::{
    BuildReport, BuildSpec, Builder, CheckScope, Engine, ExecutorError, ImageStore, JobRef, JobSpec, JobStatus,
    LoadEnd, OutputSpec, Result, Runner, SelfTest,
};
use referee::model::diagnosis::Check;
use referee::model::{Duration, Found, GpuUuid, ImageFacts, ImageId, KillReason, LogExcerpt, OutputListing};
use referee::pipeline::Engines;

struct Away;

fn away<T>() -> Result<T> {
    Err(ExecutorError::Unreachable("it is away".into()))
}

/// Three engines that never answer.
pub(crate) fn engines() -> Engines {
    let engine = Engine::from(Away);
    Engines::new(&engine, &engine, &engine)
}

#[async_trait]
impl SelfTest for Away {
    async fn check(&self, _: &[CheckScope]) -> Result<Vec<Check>> {
        away()
    }
}

#[async_trait]
impl Runner for Away {
    async fn gpus(&self) -> Result<Vec<GpuUuid>> {
        away()
    }
    async fn prepare(&self, _: &JobSpec) -> Result<()> {
        away()
    }
    async fn submit(&self, _: &JobSpec) -> Result<JobRef> {
        away()
    }
    async fn poll(&self, _: &[JobRef]) -> Result<Vec<JobStatus>> {
        away()
    }
    async fn wait(&self, _: &JobRef, _: Duration) -> Result<JobStatus> {
        away()
    }
    async fn list_owned(&self) -> Result<Vec<JobRef>> {
        away()
    }
    async fn cancel(&self, _: &JobRef, _: KillReason) -> Result<()> {
        away()
    }
    async fn logs(&self, _: &JobRef) -> Result<LogExcerpt> {
        away()
    }
    async fn collect(&self, _: &JobRef, _: &OutputSpec, _: &Path) -> Result<OutputListing> {
        away()
    }
    async fn cleanup(&self, _: &JobRef) -> Result<()> {
        away()
    }
}

#[async_trait]
impl Builder for Away {
    async fn build(&self, _: &BuildSpec) -> Result<BuildReport> {
        away()
    }
    async fn base_image(&self, _: &str) -> Result<Option<ImageFacts>> {
        away()
    }
    async fn save(&self, _: &ImageId, _: &Path, _: u64) -> Result<()> {
        away()
    }
    async fn sweep(&self) -> Result<usize> {
        away()
    }
}

#[async_trait]
impl ImageStore for Away {
    async fn load(&self, _: &Path, _: &ImageId, _: &str) -> Result<LoadEnd> {
        away()
    }
    async fn image_named(&self, _: &str) -> Result<Option<ImageFacts>> {
        away()
    }
    async fn images_named(&self, _: &str) -> Result<Vec<(ImageId, String)>> {
        away()
    }
    async fn inspect(&self, _: &ImageId) -> Result<Option<ImageFacts>> {
        away()
    }
    async fn inspect_paths(&self, _: &ImageId, _: &str, _: &[String]) -> Result<BTreeMap<String, Found>> {
        away()
    }
    async fn remove(&self, _: &ImageId, _: &str) -> Result<()> {
        away()
    }
}
