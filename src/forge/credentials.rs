//! Where the tokens for an account on a forge come from.
//!
//! Every call asks for the token anew, and a token that the forge refuses can be replaced: the token of a GitHub App
//! lives for one hour, and one from a file lives until an administrator replaces it.

use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::config::Secret;

/// A source of tokens for one account.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// A token that is valid now, unless the forge has revoked it.
    async fn token(&self) -> Result<Secret>;

    /// Drops a token that the forge has refused. Whether another one may be had, so that the refused call is worth
    /// one repetition.
    async fn renew(&self, refused: &Secret) -> Result<bool>;
}

/// A token that an administrator wrote into a file. It cannot be renewed.
struct FixedToken(Secret);

#[async_trait]
impl Credentials for FixedToken {
    async fn token(&self) -> Result<Secret> {
        Ok(self.0.clone())
    }

    async fn renew(&self, _refused: &Secret) -> Result<bool> {
        Ok(false)
    }
}

/// Credentials that consist of one token.
pub fn fixed(token: &Secret) -> Arc<dyn Credentials> {
    Arc::new(FixedToken(token.clone()))
}
