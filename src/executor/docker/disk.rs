//! The growth of the engine's disk during a build.
//!
//! The disk does not show which build took its space. So a build that runs alone is ended when the disk has lost too
//! much. Of several builds, the one with visibly large containers is ended. If there is none, no build is blamed.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration as StdDuration;

use bollard::query_parameters::InspectContainerOptionsBuilder;

use super::build_cgroup::BuildCgroup;
use super::connection::DockerEngine;
use crate::executor::{BuildEnd, BuildLimitHit, ExecutorError, Result};

/// With less free space the engine itself is in danger, whichever build took it.
const FREE_BYTES_MIN: u64 = 512 * 1024 * 1024;
/// Files and folders that a build may add to a file system with a limited number of them.
const FILES_MAX: u64 = 2_000_000;
const CHECK_PERIOD: StdDuration = StdDuration::from_secs(1);
/// While several builds run, Referee tries this often to find the one that exceeds its limit.
const CHECKS_OVER_LIMIT_MAX: u32 = 10;

/// The free space of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FreeSpace {
    bytes: u64,
    /// Files that can still be made. `None` where their number has no limit of its own.
    files: Option<u64>,
}

impl FreeSpace {
    fn of(path: &Path) -> io::Result<Self> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Self {
            bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            files: (stat.f_files > 0).then_some(stat.f_favail),
        })
    }
}

impl DockerEngine {
    /// Returns when the build has exceeded `bytes_max` of disk. Never returns where the disk is not visible from here.
    pub(super) async fn watch_disk(&self, bytes_max: u64, cgroup: Option<&BuildCgroup>) -> Result<BuildEnd> {
        let facts = self.facts().await?;
        let at_start = self.is_local(&facts).then(|| FreeSpace::of(&facts.root));
        let Some(Ok(at_start)) = at_start else {
            return std::future::pending().await;
        };
        let (mut shared, mut checks_over_limit) = (false, 0);
        loop {
            tokio::time::sleep(CHECK_PERIOD).await;
            shared |= self.builds().count.load(Ordering::SeqCst) > 1;
            let free = FreeSpace::of(&facts.root)?;
            let files = at_start.files.zip(free.files);
            let files = files.map_or(0, |(before, now)| before.saturating_sub(now));
            let bytes = at_start.bytes.saturating_sub(free.bytes);
            checks_over_limit = if files > FILES_MAX || bytes > bytes_max { checks_over_limit + 1 } else { 0 };
            if checks_over_limit > 0 && (!shared || self.visible_bytes(cgroup).await > bytes_max / 2) {
                return Ok(BuildEnd::Limit(BuildLimitHit::Disk));
            }
            if checks_over_limit > CHECKS_OVER_LIMIT_MAX || free.bytes < FREE_BYTES_MIN {
                return Err(ExecutorError::Refused(format!(
                    "only {} MiB are free on the engine's disk, and Referee cannot determine which build used the \
                     space",
                    free.bytes / (1024 * 1024)
                )));
            }
        }
    }

    /// Bytes in the writable layers of this build's containers. Files that were removed while open are not among them.
    async fn visible_bytes(&self, cgroup: Option<&BuildCgroup>) -> u64 {
        let options = &InspectContainerOptionsBuilder::default().size(true).build();
        let mut bytes = 0;
        for container in &cgroup.map(BuildCgroup::containers).unwrap_or_default() {
            let answer = self
                .call("inspect container", |docker| async move {
                    let options = Some(options.clone());
                    docker.inspect_container(container, options).await
                })
                .await;
            if let Ok(Ok(seen)) = answer {
                bytes += seen.size_rw.and_then(|b| u64::try_from(b).ok()).unwrap_or(0);
            }
        }
        bytes
    }
}
