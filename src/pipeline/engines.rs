//! The engines of the three roles, and the transfer of images between them.
//!
//! An image exists only on the engine that runs it. The builder is the most exposed engine: no image stays there that
//! another engine runs, and Referee names every image that comes from it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::job::{Cleaner, JobRunner};
use crate::executor::{self, Builder, Engine, ImageStore, LoadEnd};
use crate::model::{ImageFacts, ImageId, KillReason, limits};

/// The engines of this installation. They may be one engine, or three on three machines.
#[derive(Clone)]
pub struct Engines {
    pub builder: BuilderEngine,
    pub runner: RunnerEngine,
    pub scorer: ScorerEngine,
    /// Removes ended jobs from the engines.
    pub cleaner: Cleaner,
}

/// Runs untrusted Dockerfiles. Never sees hidden data.
#[derive(Clone)]
pub struct BuilderEngine {
    pub builds: Arc<dyn Builder>,
    pub images: Arc<dyn ImageStore>,
}

/// Runs untrusted images on hidden inputs. Never sees the ground truth.
#[derive(Clone)]
pub struct RunnerEngine {
    pub jobs: JobRunner,
    pub images: Arc<dyn ImageStore>,
}

/// Builds and runs the organizers' scorers, with the ground truth.
#[derive(Clone)]
pub struct ScorerEngine {
    pub builds: Arc<dyn Builder>,
    pub jobs: JobRunner,
    pub images: Arc<dyn ImageStore>,
}

/// An image and the name of its build or load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedImage<'a> {
    pub facts: &'a ImageFacts,
    pub name: &'a str,
}

impl Engines {
    pub fn new(builder: &Engine, runner: &Engine, scorer: &Engine) -> Self {
        let cleaner = Cleaner::default();
        Self {
            builder: BuilderEngine { builds: builder.builder.clone(), images: builder.images.clone() },
            runner: RunnerEngine {
                jobs: JobRunner::new(runner.runner.clone(), cleaner.clone()),
                images: runner.images.clone(),
            },
            scorer: ScorerEngine {
                builds: scorer.builder.clone(),
                jobs: JobRunner::new(scorer.runner.clone(), cleaner.clone()),
                images: scorer.images.clone(),
            },
            cleaner,
        }
    }

    /// Transfers an image from the builder to the runner through the file `archive`, which is removed afterwards. Does
    /// nothing if both are one engine.
    ///
    /// # Errors
    /// When an engine or the disk fails. Then the image is on neither engine.
    pub(crate) async fn transfer(&self, image: NamedImage<'_>, archive: &Path) -> anyhow::Result<()> {
        let NamedImage { facts, name } = image;
        let existing = self.runner.images.image_named(name).await?;
        if existing.is_some_and(|existing| existing.id == facts.id) {
            return Ok(());
        }
        let transferred = self.save_and_load(image, archive).await;
        if archive.exists() {
            std::fs::remove_file(archive)?;
        }
        let removed = match &transferred {
            Ok(()) => self.builder.images.remove(&facts.id, name).await,
            Err(_) => self.remove_image(&facts.id, name).await,
        };
        if let Err(error) = removed {
            // It is removed with the submission's image at the latest.
            tracing::warn!(name, %error, "an image was left on the builder");
        }
        transferred
    }

    async fn save_and_load(&self, image: NamedImage<'_>, archive: &Path) -> anyhow::Result<()> {
        let NamedImage { facts, name } = image;
        // An archive pads each of its files.
        let bytes_max = facts.bytes.saturating_mul(2) + limits::IMAGE_ARCHIVE_EXTRA_BYTES;
        let saved = self.builder.builds.save(&facts.id, archive, bytes_max);
        saved.await.context("saving the image on the builder")?;
        match self.runner.images.load(archive, &facts.id, name).await? {
            LoadEnd::Loaded(_) => Ok(()),
            LoadEnd::Refused(message) => {
                anyhow::bail!("the runner refused the image: {message}")
            }
        }
    }

    /// Removes the image of a submission from the runner, and from the builder if it is still there. An image that no
    /// longer exists is accepted.
    ///
    /// # Errors
    /// When an engine does not answer, or a container still uses the image.
    pub(crate) async fn remove_image(&self, image: &ImageId, name: &str) -> executor::Result<()> {
        self.runner.images.remove(image, name).await?;
        if Arc::ptr_eq(&self.runner.images, &self.builder.images) {
            return Ok(());
        }
        self.builder.images.remove(image, name).await
    }

    /// Removes the image of this name, which no row refers to, from the runner and the builder.
    async fn remove_image_named(&self, name: &str) -> executor::Result<()> {
        for images in [&self.runner.images, &self.builder.images] {
            if let Some(image) = images.image_named(name).await? {
                images.remove(&image.id, name).await?;
            }
        }
        Ok(())
    }

    /// Removes the jobs whose name is `name`, or `name` and a suffix, and the image of a build of this name. Failures
    /// are logged.
    pub(crate) async fn remove_jobs_of(&self, name: &str, reason: KillReason) {
        for jobs in [&self.runner.jobs, &self.scorer.jobs] {
            jobs.remove_jobs_of(name, reason).await;
        }
        if let Err(error) = self.remove_image_named(name).await {
            tracing::warn!(name, %error, "an image was left on an engine");
        }
    }

    /// Removes the jobs that an earlier start left. A builder ends its steps when its client disconnects, so only
    /// images are left of builds: see [`Engines::sweep`].
    pub(crate) async fn remove_earlier_jobs(&self) -> executor::Result<()> {
        // Both may be one engine. Then the second call finds nothing.
        self.runner.jobs.remove_earlier_jobs().await?;
        self.scorer.jobs.remove_earlier_jobs().await
    }

    /// Removes the images that interrupted builds left on any engine, and returns their number.
    pub(crate) async fn sweep(&self) -> executor::Result<usize> {
        let mut removed = self.builder.builds.sweep().await?;
        if !Arc::ptr_eq(&self.scorer.builds, &self.builder.builds) {
            removed += self.scorer.builds.sweep().await?;
        }
        if removed > 0 {
            tracing::warn!(removed, "images of interrupted builds were removed");
        }
        Ok(removed)
    }
}
