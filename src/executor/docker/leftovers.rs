//! The objects that builds leave behind: images without a name, control groups, names of bases.
//!
//! Only objects that surely belong to this build, or to an earlier one of this instance, are removed. An image with a
//! name stays, and so does an image that a container or another image needs.

use std::sync::atomic::Ordering;

use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard};

use super::build_cgroup::BuildCgroup;
use super::build_label;
use super::connection::DockerEngine;
use crate::executor::{ExecutorError, Result};
use crate::model::Timestamp;

/// How often Referee tries to remove an object that the engine still uses, and the pause in between.
const ATTEMPTS: u32 = 40;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// The leftovers of one running build. They are removed when the build is over, also when its future is dropped in
/// between.
pub(super) struct Leftovers {
    pub engine: DockerEngine,
    /// The engine's time at the start of the build.
    pub since: Timestamp,
    pub objects: BuildObjects,
    /// Keeps [`DockerEngine::remove_unnamed_images`] away from the images of this build.
    pub _running: OwnedRwLockReadGuard<()>,
}

#[derive(Default)]
pub(super) struct BuildObjects {
    pub cgroup: Option<BuildCgroup>,
    /// The name of the beginning of an inspected build.
    pub part_tag: Option<String>,
    /// The last image of each stage, as printed. A step can print any id: see [`BuildObjects::remove`].
    pub images: Vec<String>,
    pub buildkit: Option<BuildKitObjects>,
}

/// The leftovers of a build with BuildKit.
pub(super) struct BuildKitObjects {
    /// Names that the bases have for this build.
    pub bases: Vec<String>,
    /// Keeps the next build waiting until nothing of this one is left.
    pub _exclusive: OwnedMutexGuard<()>,
}

impl Leftovers {
    pub(super) async fn remove(&mut self) {
        let objects = std::mem::take(&mut self.objects);
        objects.remove(self.engine.clone(), self.since).await;
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        self.engine.builds().count.fetch_sub(1, Ordering::SeqCst);
        let objects = std::mem::take(&mut self.objects);
        if objects.is_empty() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(objects.remove(self.engine.clone(), self.since));
        }
    }
}

impl BuildObjects {
    fn is_empty(&self) -> bool {
        self.cgroup.is_none() && self.part_tag.is_none() && self.images.is_empty() && self.buildkit.is_none()
    }

    /// Removes everything. A printed image id counts only if the image has no name and is younger than the build, and
    /// the removal is not forced: an image that a container or another image needs stays.
    async fn remove(mut self, engine: DockerEngine, since: Timestamp) {
        if let Some(tag) = self.part_tag
            && let Err(error) = engine.remove_image(&tag, true).await
        {
            tracing::warn!(tag, %error, "the image of a part of a build was not removed");
        }
        for _ in 0..ATTEMPTS {
            let mut in_use = Vec::new();
            for image in self.images {
                if engine.remove_unnamed_image(&image, since).await.is_err() {
                    in_use.push(image);
                }
            }
            self.images = in_use;
            self.cgroup = self.cgroup.filter(|cgroup| !cgroup.remove());
            if self.images.is_empty() && self.cgroup.is_none() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(buildkit) = &self.buildkit {
            let forgotten = engine.forget_bases(&buildkit.bases).await;
            if let Err(error) = forgotten.and(engine.prune_build_cache().await) {
                tracing::warn!(%error, "the cache of BuildKit was not removed");
            }
        }
        if !self.images.is_empty() || self.cgroup.is_some() {
            let (images, cgroup) = (self.images.len(), self.cgroup);
            tracing::warn!(images, ?cgroup, "leftovers of a build were not removed");
        }
    }
}

impl DockerEngine {
    /// The label of every image that builds of this instance make.
    pub(super) fn made_by(&self) -> String {
        format!("{}={}", build_label::MADE_BY, self.instance())
    }

    /// Removes the images that have no name and the label of this instance, and returns their number. None of them
    /// belongs to a running build. The steps of an interrupted build may use them for a short time, so the removal is
    /// retried.
    pub(super) async fn remove_unnamed_images(&self) -> Result<usize> {
        let Ok(_no_build_is_running) = self.builds().running.try_write() else {
            return Ok(0);
        };
        let made_by = self.made_by();
        let unnamed = [("dangling", "true"), ("label", made_by.as_str())];
        let mut removed = 0;
        for _ in 0..ATTEMPTS {
            let images = self.list_images(&unnamed).await?;
            if images.is_empty() {
                return Ok(removed);
            }
            for image in images {
                match self.remove_image(&image.id, false).await {
                    Ok(()) => removed += 1,
                    Err(ExecutorError::Refused(message)) => {
                        tracing::debug!(message, "image is still in use");
                    }
                    Err(error) => return Err(error),
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        tracing::warn!("images without a name are still in use; Referee retries at the next sweep");
        Ok(removed)
    }

    /// Removes an image unless it has a name or is older than `since`.
    async fn remove_unnamed_image(&self, image: &str, since: Timestamp) -> Result<()> {
        let Ok(seen) = self.inspect_image(image).await? else {
            return Ok(());
        };
        let created = seen.created.map(|at| at.unix_timestamp_nanos() / 1_000_000);
        let created = created.and_then(|at| i64::try_from(at).ok()).map(Timestamp);
        let unnamed = seen.repo_tags.is_none_or(|tags| tags.is_empty());
        if unnamed && created.is_some_and(|at| at >= since) {
            self.remove_image(image, false).await?;
        }
        Ok(())
    }
}
