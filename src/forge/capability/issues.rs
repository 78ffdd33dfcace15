//! Issues, comments and the reaction to commands.

use async_trait::async_trait;

use crate::forge::Result;
use crate::model::{Sender, Timestamp};

/// An issue: the part of it that Referee reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Number within the repository.
    pub number: i64,
    /// The forge's number of the account that opened it; `None` when that account was deleted.
    pub author: Option<i64>,
    pub body: String,
}

/// A comment in an issue, or the opening text of the issue itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The forge's number of it.
    pub id: i64,
    /// The account that wrote it, as the forge authenticated it.
    pub author: Option<Sender>,
    pub body: String,
}

/// The text that gets a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReactionTarget {
    /// The opening text of the issue with this number.
    Issue(i64),
    /// The comment with this id.
    Comment(i64),
}

/// The issues of a forge's repositories.
#[async_trait]
pub trait Issues: Send + Sync {
    /// The issues that our account opened in a repository, the newest first.
    async fn our_issues(&self, full_name: &str) -> Result<Vec<Issue>>;

    /// The opening text of an issue. `None` when the issue no longer exists.
    async fn issue(&self, full_name: &str, number: i64) -> Result<Option<Comment>>;

    /// Opens an issue and returns its number.
    async fn open_issue(&self, full_name: &str, title: &str, body: &str) -> Result<i64>;

    /// Closes an issue of our account and replaces its text, in one call.
    async fn close_issue(&self, full_name: &str, number: i64, body: &str) -> Result<()>;

    /// The comments of an issue that were written or edited since a time.
    async fn comments(&self, full_name: &str, issue: i64, since: Timestamp) -> Result<Vec<Comment>>;

    /// A comment. `None` when it no longer exists.
    async fn comment(&self, full_name: &str, id: i64) -> Result<Option<Comment>>;

    /// Writes a comment and returns its id.
    async fn write_comment(&self, full_name: &str, issue: i64, body: &str) -> Result<i64>;

    async fn edit_comment(&self, full_name: &str, id: i64, body: &str) -> Result<()>;

    async fn delete_comment(&self, full_name: &str, id: i64) -> Result<()>;

    /// Adds a reaction which shows that Referee has read the text.
    async fn acknowledge(&self, full_name: &str, target: ReactionTarget) -> Result<()>;
}
