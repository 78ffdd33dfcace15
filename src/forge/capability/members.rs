//! Accounts, organizations and membership in teams.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::forge::Result;
use crate::model::Sender;

/// The accounts of a forge.
#[async_trait]
pub trait Members: Send + Sync {
    /// The account that Referee acts as.
    async fn account(&self) -> Result<Sender>;

    /// The organizations that our account belongs to: their current names by their numbers.
    async fn organizations(&self) -> Result<BTreeMap<i64, String>>;

    /// Whether an account is a member of a team of the forge, `organization/team`. The forge is asked each time.
    async fn is_member(&self, team: &str, who: &Sender) -> Result<bool>;
}
