//! Gitea and Forgejo.
//!
//! [`GiteaForge`] acts as Referee's account, each capability in a file of its own; `owner` has the calls that take an
//! owner's token, `administration` and `setup` use them. [`webhook`] reads deliveries. `client` explains which calls go
//! through the library gitea-rs.
//!
//! The structs that a body is parsed into hold only the fields that are read. No name or address from a commit is among
//! them, because the author of a commit chooses them, and no URL: addresses come from the configuration. A comment like
//! "Gitea services/webhook/deliver.go" names the file of that project where a fact can be found. All facts about
//! deliveries were also seen in the recordings of `webhook-fixtures`.

pub mod version;
pub mod webhook;

mod administration;
mod bodies;
mod client;
mod commit_reports;
mod diagnosis;
mod files;
mod forge;
mod issues;
mod kind;
mod members;
mod owner;
mod packages;
mod repositories;
mod setup;

pub use forge::GiteaForge;
pub use version::ForgeVersion;
pub use webhook::GiteaWebhooks;
pub use webhook::payload::read_event;

use super::{
    Administration, CommitNotes, CommitStatuses, Diagnosis, FileCommits, Forge, Issues, Members, Packages, Result,
};

/// What a Gitea or Forgejo has.
impl Forge for GiteaForge {
    fn commit_statuses(&self) -> Result<&dyn CommitStatuses> {
        Ok(self)
    }

    fn commit_notes(&self) -> Result<&dyn CommitNotes> {
        Ok(self)
    }

    fn issues(&self) -> Result<&dyn Issues> {
        Ok(self)
    }

    fn members(&self) -> Result<&dyn Members> {
        Ok(self)
    }

    fn packages(&self) -> Result<&dyn Packages> {
        Ok(self)
    }

    fn file_commits(&self) -> Result<&dyn FileCommits> {
        Ok(self)
    }

    fn administration(&self) -> Result<&dyn Administration> {
        self.owner()?;
        Ok(self)
    }

    fn diagnosis(&self) -> Result<&dyn Diagnosis> {
        Ok(self)
    }
}
