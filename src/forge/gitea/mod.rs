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
