//! Container images as packages: which tags an owner has.
//!
//! The API lists untagged manifests, too, as versions that are digests; no phase is triggered by
//! those. What a tag stands for is asked of the registry: a list is old when it arrives.

use serde::Deserialize;

use super::port::GiteaForge;
use crate::forge::{PushedTag, Result};

/// Gitea modules/structs/package.go, `Package`.
#[derive(Deserialize)]
struct PackageBody {
    owner: OwnerBody,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    version: String,
}

/// Gitea modules/structs/user.go, `User`: what we read of it.
#[derive(Deserialize)]
struct OwnerBody {
    id: i64,
}

impl GiteaForge {
    /// # Errors
    /// When the forge says no, or has no such owner.
    pub(super) async fn pushed_tags(&self, owner: &str) -> Result<Vec<PushedTag>> {
        let path = ["packages", owner];
        let all: Vec<PackageBody> = self.client.list(&path, &[("type", "container")]).await?;
        let tags = all
            .into_iter()
            .filter(|p| p.kind == "container" && !p.version.starts_with("sha256:"))
            .map(|p| PushedTag {
                owner_id: p.owner.id,
                name: p.name,
                tag: p.version,
            });
        Ok(tags.collect())
    }
}
