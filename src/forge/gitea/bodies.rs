//! Bodies that several calls answer with, and names as parts of a path.

use serde::Deserialize;

use crate::forge::{ForgeError, ForgeRepository, Result};
use crate::model::Sender;

/// Gitea modules/structs/repo.go, `Repository`.
#[derive(Debug, Deserialize)]
pub(super) struct RepositoryBody {
    id: i64,
    full_name: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) default_branch: String,
    #[serde(default)]
    pub(super) permissions: Permissions,
}

/// Gitea modules/structs/repo.go, `Permission`: the rights of the account that asks.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) push: bool,
}

impl From<RepositoryBody> for ForgeRepository {
    fn from(body: RepositoryBody) -> Self {
        Self { id: body.id.to_string(), full_name: body.full_name, private: body.private, archived: body.archived }
    }
}

/// Gitea modules/structs/user.go, `User`.
#[derive(Debug, Deserialize)]
pub(super) struct UserBody {
    pub(super) id: i64,
    pub(super) login: String,
}

impl UserBody {
    /// `None` for the placeholder ("Ghost") of a deleted account.
    pub(super) fn sender(self) -> Option<Sender> {
        (self.id > 0).then_some(Sender { id: self.id, login: self.login })
    }
}

/// Owner and name of `owner/name`.
pub(super) fn split(full_name: &str) -> Result<(&str, &str)> {
    full_name
        .split_once('/')
        .ok_or_else(|| ForgeError::Invalid(format!("`{full_name}` does not have the form owner/name")))
}
