//! A model of Gitea and Forgejo at the level of the wire, in four dialects that were recorded.
//!
//! Its people, teams, issues, statuses and hooks are in memory; its repositories are real. It
//! imitates what the recordings hold, and refuses the rest with the forge's own 404. It does not
//! enforce the rules of protected branches.
//!
//! Other test programs include it by `#[path = "../forge/model/mod.rs"] mod model;`, start it with
//! [`Forge::start`], and fill it with what [`world`] has. Two tests of this program hold it to the
//! recordings, so a change here that makes another test pass is not a lie.

mod access;
mod admin;
pub mod api;
mod bodies;
pub mod call;
mod code;
mod comments;
mod contents;
pub mod deliveries;
pub mod git;
mod hooks;
mod issues;
pub mod knobs;
mod make;
mod notes;
pub mod packages;
mod people;
mod refusal;
mod registry;
mod repos;
mod routes;
pub mod sender;
pub mod server;
mod settings;
mod shape;
mod shape_git;
mod smart;
pub mod state;
mod statuses;
pub mod version;
pub mod world;

pub use api::Forge;
pub use version::ForgeVersion;
