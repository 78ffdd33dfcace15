//! An unreachable engine. Pages and hooks must work without it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use referee::executor::{
    BuildReport, BuildSpec, Builder, Check, Executor, ExecutorError, JobRef, JobSpec, JobStatus,
    LoadEnd, Look, OutputSpec, Result,
};
use referee::model::{
    Duration, Found, GpuUuid, ImageFacts, ImageId, KillReason, LogExcerpt, OutputListing,
};
use referee::pipeline::Engines;

struct Away;

fn away<T>() -> Result<T> {
    Err(ExecutorError::Unreachable("it is away".into()))
}

/// Three engines that never answer.
pub fn engines() -> Engines {
    Engines {
        builder: Arc::new(Away),
        runner: Arc::new(Away),
        scorer: Arc::new(Away),
        cleaner: Default::default(),
    }
}

#[async_trait]
impl Executor for Away {
    fn name(&self) -> &'static str {
        "away"
    }
    async fn check(&self, _: &[Look]) -> Result<Vec<Check>> {
        away()
    }
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
    async fn load(&self, _: &Path, _: &ImageId, _: &str) -> Result<LoadEnd> {
        away()
    }
    async fn save(&self, _: &ImageId, _: &Path, _: u64) -> Result<()> {
        away()
    }
    async fn built(&self, _: &str) -> Result<Option<ImageFacts>> {
        away()
    }
    async fn resolve(&self, _: &str) -> Result<Option<ImageFacts>> {
        away()
    }
    async fn inspect(&self, _: &ImageId) -> Result<Option<ImageFacts>> {
        away()
    }
    async fn look(&self, _: &ImageId, _: &str, _: &[String]) -> Result<BTreeMap<String, Found>> {
        away()
    }
    async fn made(&self, _: &str) -> Result<Vec<(ImageId, String)>> {
        away()
    }
    async fn sweep(&self) -> Result<usize> {
        away()
    }
    async fn remove(&self, _: &ImageId, _: &str) -> Result<()> {
        away()
    }
}
