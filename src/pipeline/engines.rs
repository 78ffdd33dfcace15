//! Where images are: each on the engine that runs it, and on no other.
//!
//! The engine that builds is the most exposed of all, so nothing that runs elsewhere stays on it, and
//! what comes from it is named by us.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::Engines;
use crate::executor::{self, LoadEnd};
use crate::model::{ImageFacts, ImageId, KillReason, limits};

impl Engines {
    /// Brings an image that the builder made as `name` to the runner, by way of the file `archive`,
    /// which is gone afterwards. On one engine nothing is to be done.
    ///
    /// # Errors
    /// When an engine or the disk fails; then the image is on neither of them.
    pub async fn carry(
        &self,
        (image, name): (&ImageFacts, &str),
        archive: &Path,
    ) -> anyhow::Result<()> {
        let there = self.runner.built(name).await?;
        if there.is_some_and(|facts| facts.id == image.id) {
            return Ok(());
        }
        let carried = self.hand_over((image, name), archive).await;
        if archive.exists() {
            std::fs::remove_file(archive)?;
        }
        let removed = match &carried {
            Ok(()) => self.builder.remove(&image.id, name).await,
            Err(_) => self.forget(&image.id, name).await,
        };
        if let Err(error) = removed {
            // It goes with the submission's image, at the latest.
            tracing::warn!(name, %error, "image left on the engine that builds");
        }
        carried
    }

    async fn hand_over(
        &self,
        (image, name): (&ImageFacts, &str),
        archive: &Path,
    ) -> anyhow::Result<()> {
        // An archive pads each of its files.
        let most = image.bytes.saturating_mul(2) + limits::IMAGE_ARCHIVE_EXTRA_BYTES;
        let saved = self.builder.save(&image.id, archive, most).await;
        saved.context("saving the image on the engine that builds")?;
        match self.runner.load(archive, &image.id, name).await? {
            LoadEnd::Loaded(_) => Ok(()),
            LoadEnd::Refused(message) => {
                anyhow::bail!("the engine that runs does not take the image: {message}")
            }
        }
    }

    /// Removes the image of a submission from the runner, and from the builder, should it still be
    /// there. Gone already is fine.
    ///
    /// # Errors
    /// When an engine does not answer, or a container still uses it.
    pub async fn forget(&self, image: &ImageId, name: &str) -> executor::Result<()> {
        self.runner.remove(image, name).await?;
        match Arc::ptr_eq(&self.runner, &self.builder) {
            true => Ok(()),
            false => self.builder.remove(image, name).await,
        }
    }

    /// Removes the jobs of this name, or of this name and a suffix, and the image of such a build. What cannot be removed is
    /// told in the log.
    pub async fn remove_jobs_of(&self, mine: &str, reason: KillReason) {
        for engine in [&self.runner, &self.scorer] {
            let jobs = match engine.list_owned().await {
                Ok(jobs) => jobs,
                Err(error) => {
                    tracing::warn!(work = mine, %error, "jobs left on the engine");
                    continue;
                }
            };
            // The jobs of an attempt are its own name, or that name and a suffix.
            for job in jobs.iter().filter(|job| {
                job.name
                    .strip_prefix(mine)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }) {
                // It may be gone already; what counts is that nothing stays.
                let _ = engine.cancel(job, reason).await;
                if let Err(error) = engine.cleanup(job).await {
                    tracing::warn!(job = job.name, %error, "job left on the engine");
                }
            }
        }
        if let Err(error) = self.forget_build(mine).await {
            tracing::warn!(work = mine, %error, "image left on the engine");
        }
    }

    /// Removes what builds left that were cut off, wherever something is built. How many images.
    ///
    /// # Errors
    /// When an engine does not answer.
    pub async fn sweep(&self) -> executor::Result<usize> {
        let mut removed = self.builder.sweep().await?;
        if !Arc::ptr_eq(&self.scorer, &self.builder) {
            removed += self.scorer.sweep().await?;
        }
        if removed > 0 {
            tracing::warn!(
                removed,
                "images without a name, left by builds that were cut off"
            );
        }
        Ok(removed)
    }

    /// Removes an image of this name that no row knows, wherever it is.
    ///
    /// # Errors
    /// When an engine does not answer.
    pub async fn forget_build(&self, name: &str) -> executor::Result<()> {
        for engine in [&self.runner, &self.builder] {
            if let Some(image) = engine.built(name).await? {
                engine.remove(&image.id, name).await?;
            }
        }
        Ok(())
    }
}
