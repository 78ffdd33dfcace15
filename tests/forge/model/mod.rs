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
pub(crate) mod api;
mod bodies;
pub(crate) mod call;
mod code;
mod comments;
mod contents;
pub(crate) mod deliveries;
pub(crate) mod fault_injection;
pub(crate) mod git;
mod hooks;
mod issues;
mod make;
mod notes;
pub(crate) mod packages;
mod people;
mod refusal;
mod registry;
mod repos;
mod routes;
pub(crate) mod sender;
pub(crate) mod server;
mod settings;
mod shape;
mod shape_git;
mod smart;
pub(crate) mod state;
mod statuses;
pub(crate) mod version;
pub(crate) mod world;

pub(crate) use api::Forge;
pub(crate) use version::ForgeVersion;
