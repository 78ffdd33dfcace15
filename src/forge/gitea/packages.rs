//! Container images as packages: the tags of an owner, and the registry.
//!
//! The API also lists untagged manifests, as versions that are digests; no phase is triggered by those. The digest of a
//! tag is asked of the registry, because a list may be outdated when it arrives.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::forge::GiteaForge;
use crate::forge::registry::{Registry, RegistryAccount};
use crate::forge::{ForgeError, ImageTag, Members as _, Packages, Result};

/// How to get a registry where there is none.
pub(super) const REGISTRY_HELP: &str = "An administrator of the forge has to set `[packages] ENABLED = true` in its \
    app.ini and restart it";

/// Gitea modules/structs/package.go, `Package`.
#[derive(Deserialize)]
struct PackageBody {
    owner: OwnerBody,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    version: String,
}

/// Gitea modules/structs/user.go, `User`.
#[derive(Deserialize)]
struct OwnerBody {
    id: i64,
}

#[async_trait]
impl Packages for GiteaForge {
    async fn image_tags(&self, owner: &str) -> Result<Vec<ImageTag>> {
        let path = ["packages", owner];
        let all: Vec<PackageBody> = self.client.list(&path, &[("type", "container")]).await?;
        let tags = all
            .into_iter()
            .filter(|p| p.kind == "container" && !p.version.starts_with("sha256:"))
            .map(|p| ImageTag { owner_id: p.owner.id, name: p.name, tag: p.version });
        Ok(tags.collect())
    }

    async fn registry(&self) -> Result<Registry> {
        let open = || async {
            let account =
                RegistryAccount { user: self.account().await?.login, credentials: Arc::clone(&self.credentials) };
            // The registry is at the root of the host, also where the forge's pages are below a path.
            Registry::new(&self.url, Some(account))
                .and_then(|registry| registry.with_public_address(&self.public_url))
                .map_err(|e| ForgeError::Invalid(e.to_string()))
        };
        self.registry.get_or_try_init(open).await.cloned()
    }
}
