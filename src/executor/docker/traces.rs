//! What builds leave behind: images without a name, and control groups.
//!
//! It refuses to remove anything that is not surely of this build, or of an earlier one of this
//! instance: an image with a name stays, and so does whatever anything else is made from, or runs.

use std::sync::atomic::Ordering;

use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard};

use super::meter::Cage;
use super::{DockerEngine, mark};
use crate::executor::{ExecutorError, Result};
use crate::model::Timestamp;

/// How long the engine may take to let go of a build that was ended.
const CLEARING_ATTEMPTS: u32 = 40;
const CLEARING_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// What must go when a build is over, also when its future is dropped in the middle.
pub(super) struct Traces {
    pub engine: DockerEngine,
    pub cage: Option<Cage>,
    /// The name under which the beginning of a build was kept.
    pub part: Option<String>,
    /// The last image of each stage, as printed. Anything can be printed: see [`Traces::clear`].
    pub tips: Vec<String>,
    pub since: Timestamp,
    /// Nobody looks for what is left of builds meanwhile.
    pub _under_way: OwnedRwLockReadGuard<()>,
    /// Of a build with BuildKit alone.
    pub buildkit: Option<OfBuildKit>,
}

/// What a build with BuildKit leaves, and what keeps the next one waiting until it is gone.
pub(super) struct OfBuildKit {
    /// Names that bases have for its sake.
    pub bases: Vec<String>,
    pub _alone: OwnedMutexGuard<()>,
}

impl Traces {
    /// Removes intermediate images. An id that was printed is believed only if the image has no
    /// name and is younger than the build, and is not forced: an image that anything else is made
    /// from, or runs, stays.
    pub async fn clear(&mut self) {
        let engine = self.engine.clone();
        let (tips, cage) = (std::mem::take(&mut self.tips), self.cage.take());
        let part = self.part.take();
        clear(engine, (part, tips), cage, self.buildkit.take(), self.since).await;
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.engine
            .shared
            .builds
            .count
            .fetch_sub(1, Ordering::SeqCst);
        let (tips, cage) = (std::mem::take(&mut self.tips), self.cage.take());
        let (buildkit, part) = (self.buildkit.take(), self.part.take());
        if tips.is_empty() && cage.is_none() && buildkit.is_none() && part.is_none() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let engine = self.engine.clone();
            runtime.spawn(clear(engine, (part, tips), cage, buildkit, self.since));
        }
    }
}

async fn clear(
    engine: DockerEngine,
    (part, mut tips): (Option<String>, Vec<String>),
    mut cage: Option<Cage>,
    buildkit: Option<OfBuildKit>,
    since: Timestamp,
) {
    if let Some(part) = part
        && let Err(error) = engine.remove_image(&part, true).await
    {
        tracing::warn!(part, %error, "the beginning of a build was not removed");
    }
    for _ in 0..CLEARING_ATTEMPTS {
        let mut held = Vec::new();
        for tip in tips {
            if engine.remove_leftover(&tip, since).await.is_err() {
                held.push(tip);
            }
        }
        tips = held;
        cage = cage.filter(|cage| !cage.remove());
        if tips.is_empty() && cage.is_none() {
            break;
        }
        tokio::time::sleep(CLEARING_PAUSE).await;
    }
    if let Some(buildkit) = &buildkit {
        let forgotten = engine.forget_bases(&buildkit.bases).await;
        if let Err(error) = forgotten.and(engine.prune().await) {
            tracing::warn!(%error, "what BuildKit keeps of a build was not removed");
        }
    }
    if tips.is_empty() && cage.is_none() {
        return;
    }
    tracing::warn!(images = tips.len(), cage = ?cage, "a build left something behind");
}

impl DockerEngine {
    /// The label of all that this instance's builds make.
    pub(super) fn made_by(&self) -> String {
        format!("{}={}", mark::MADE_BY, self.instance())
    }

    /// Removes images without a name that carry our label, none of which belongs to a build under way. The steps of
    /// a build that was cut off may hold on for a moment. How many images the engine was told to remove.
    pub(super) async fn remove_unnamed(&self) -> Result<usize> {
        let Ok(_nothing_under_way) = self.shared.builds.under_way.try_write() else {
            return Ok(0);
        };
        let made_by = self.made_by();
        let ours = [("dangling", "true"), ("label", made_by.as_str())];
        let mut removed = 0;
        for _ in 0..CLEARING_ATTEMPTS {
            let left = self.images(&ours).await?;
            if left.is_empty() {
                return Ok(removed);
            }
            for image in left {
                match self.remove_image(&image.id, false).await {
                    Ok(()) => removed += 1,
                    Err(ExecutorError::Refused(message)) => {
                        tracing::debug!(message, "still in use")
                    }
                    Err(error) => return Err(error),
                }
            }
            tokio::time::sleep(CLEARING_PAUSE).await;
        }
        tracing::warn!("images without a name are still in use; the next look removes them");
        Ok(removed)
    }

    async fn remove_leftover(&self, tip: &str, since: Timestamp) -> Result<()> {
        let answer = self
            .call(
                "image",
                |docker| async move { docker.inspect_image(tip).await },
            )
            .await?;
        let Ok(seen) = answer else {
            return Ok(());
        };
        let created = seen.created.map(|at| at.unix_timestamp_nanos() / 1_000_000);
        let created = created.and_then(|at| i64::try_from(at).ok()).map(Timestamp);
        let unnamed = seen.repo_tags.is_none_or(|tags| tags.is_empty());
        match unnamed && created.is_some_and(|at| at >= since) {
            true => self.remove_image(tip, false).await,
            false => Ok(()),
        }
    }
}
