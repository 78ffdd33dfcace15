//! L2: the only module that speaks to a forge.
//!
//! Every [`Forge`] has [`Repositories`]. Everything else is a capability that a forge has or lacks, and the rest of
//! Referee asks for the capability, never for the kind of forge.
//!
//! | where | content |
//! |---|---|
//! | `capability` | [`Forge`], and one trait for each capability, with the values that it takes and gives |
//! | [`kind`] | the one list of kinds: from `[forge.*]` in `referee.toml` to a forge and to its webhooks |
//! | [`credentials`] | where tokens come from, and how a refused token is replaced |
//! | [`error`] | why a forge did not do something, in one vocabulary |
//! | [`webhook`], [`signature`] | how a delivery is verified, before it is read |
//! | [`local`] | bare repositories that Referee keeps itself, with their `post-receive` hook |
//! | [`gitea`] | Gitea and Forgejo |
//! | [`git`], [`folder`] | commits of any repository on this disk, mirrors of remote ones, and working copies |
//! | [`registry`] | container images, fetched by digest |
//!
//! A new kind of forge is one folder here, one line in this file, one in [`kind`] and its settings in `config`.
//! Nothing here decides about submissions or permissions: `pipeline` does.

pub mod credentials;
pub mod error;
pub mod folder;
pub mod git;
pub mod gitea;
pub mod kind;
pub mod local;
pub mod registry;
pub mod signature;
pub mod webhook;

mod capability;

pub use capability::*;
pub use error::{ForgeError, Result};
pub use local::hook_address;
pub use webhook::Webhooks;
