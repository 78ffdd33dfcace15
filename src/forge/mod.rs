//! L2, the only module that speaks to a forge.

pub mod gitea;
pub mod signature;
