//! L2, the only module that speaks to a forge.
//!
//! [`local`] is the forge that comes with Referee: bare repositories under one root. [`gitea`] reads
//! the deliveries of Gitea and Forgejo. [`registry`] fetches images that were pushed to a forge. [`git`] reads commits of
//! any repository on this disk, [`folder`] a working copy.
//! Nothing here decides what a push means; that is the pipeline's business.

pub mod folder;
pub mod git;
pub mod gitea;
pub mod local;
pub mod registry;
pub mod signature;
