//! `repository` and `package`: created and deleted ones.
//!
//! The body of a package has no digest, and the same tag pushed again is one more `created`. A renamed or transferred
//! repository sends nothing at all.

use serde::Deserialize;

use super::fields::{Repository, User};
use crate::model::ForgeEvent;

/// Gitea modules/structs/hook.go, `RepositoryPayload`.
#[derive(Deserialize)]
pub(super) struct RepositoryBody {
    action: String,
    repository: Repository,
    sender: User,
}

impl From<RepositoryBody> for ForgeEvent {
    fn from(event: RepositoryBody) -> Self {
        Self::Repository { repository: event.repository.into(), action: event.action, sender: event.sender.into() }
    }
}

/// Gitea modules/structs/hook.go, `PackagePayload`. Its own `repository` is never set.
#[derive(Deserialize)]
pub(super) struct PackageBody {
    action: String,
    package: Package,
    sender: User,
}

/// Gitea modules/structs/package.go, `Package`.
#[derive(Deserialize)]
struct Package {
    owner: User,
    /// Set only when the package was linked to a repository that the sender may read.
    repository: Option<Repository>,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    version: String,
}

impl From<PackageBody> for ForgeEvent {
    fn from(event: PackageBody) -> Self {
        let package = event.package;
        Self::Package {
            repository: package.repository.map(Into::into),
            action: event.action,
            kind: package.kind,
            owner: package.owner.login,
            owner_id: package.owner.id,
            name: package.name,
            version: package.version,
            sender: event.sender.into(),
        }
    }
}
