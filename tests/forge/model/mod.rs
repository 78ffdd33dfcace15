//! A model of Gitea and Forgejo at the level of HTTP, in the four versions that were recorded.
//!
//! Its accounts, teams, issues, statuses and hooks are in memory; its repositories are real. It imitates the recorded
//! exchanges, and answers all other requests with the forge's own 404. It does not enforce the rules of protected
//! branches.
//!
//! Other test programs include it by `#[path = "../forge/model/mod.rs"] mod model;`, start it with [`Forge::start`],
//! and fill it by the functions of [`world`]. Two tests of this program compare it with the recordings, so a change
//! here that makes another test pass cannot hide a wrong assumption.

mod access;
mod admin;
pub mod api;
mod bodies;
pub mod call;
mod code;
mod comments;
mod contents;
pub mod deliveries;
pub mod fault_injection;
pub mod git;
mod hooks;
mod issues;
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
