//! Gitea and Forgejo: their deliveries, read into the vocabulary of [`crate::model::event`], and
//! [`GiteaForge`], which asks and answers.
//!
//! [`delivery`] decides whether a delivery counts, [`payload`] says what it means; the files beside
//! them hold the shapes of the bodies, each with only the fields that are read. Nobody's name or
//! address from a commit is among them (whoever commits can write any), and no URL: addresses come
//! from the configuration.
//!
//! "Gitea services/webhook/deliver.go" and the like name the file of that project which a fact is
//! from. All of them were seen in the deliveries of `webhook-fixtures`.

pub mod delivery;
pub mod owner;
pub mod payload;
pub mod version;

mod client;
mod contents;
mod fields;
mod issue;
mod newcomer;
mod packages;
mod people;
mod port;
mod push;
mod remote;
mod repository;
mod talk;

pub use client::Client;
pub use delivery::{Refusal, accept};
pub use payload::{PayloadError, read};
pub use port::GiteaForge;
pub use version::ForgeVersion;
