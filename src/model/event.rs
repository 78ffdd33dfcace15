//! The events that a forge announces, in one vocabulary for all kinds of forge.
//!
//! An event is a hint and not a record: Referee reads the forge again before it acts on one. A kind of forge may lack
//! some events, or announce one change twice.

use serde::{Deserialize, Serialize};

use super::ids::CommitSha;

/// A repository in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRef {
    /// The forge's own number of it, which survives renames.
    pub id: i64,
    /// `owner/name` at the time of the event.
    pub full_name: String,
}

/// The account that acted, as the forge authenticated it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The forge's own number of it, which survives renames.
    pub id: i64,
    /// Login name at the time of the event.
    pub login: String,
}

/// Branch or tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefKind {
    /// `refs/heads/…`
    Branch,
    /// `refs/tags/…`
    Tag,
}

impl RefKind {
    /// The beginning of the full names of this kind.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Branch => "refs/heads/",
            Self::Tag => "refs/tags/",
        }
    }

    /// The kind of a full name; `None` for `refs/notes/commits` and others.
    pub fn of(full_ref: &str) -> Option<Self> {
        [Self::Branch, Self::Tag].into_iter().find(|kind| full_ref.starts_with(kind.prefix()))
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ForgeEvent {
    /// The forge tests its webhook.
    Ping {
        /// The repository of the test.
        repository: RepositoryRef,
    },
    /// A ref was created or moved. The event does not show whether its history was rewritten.
    Pushed {
        repository: RepositoryRef,
        /// Full name, `refs/heads/main`.
        full_ref: String,
        /// Value before; `None` for a new ref. Some forges leave it out for every tag.
        before: Option<CommitSha>,
        /// New value. For an annotated tag this is the tag object, not the commit.
        after: CommitSha,
        sender: Sender,
    },
    /// A ref was created. Its push arrives as another event.
    Created {
        repository: RepositoryRef,
        /// Full name, `refs/heads/main`.
        full_ref: String,
        kind: RefKind,
        after: CommitSha,
        sender: Sender,
    },
    /// A ref was deleted. Some forges announce a deleted tag twice.
    Deleted {
        repository: RepositoryRef,
        /// Full name, `refs/heads/main`.
        full_ref: String,
        kind: RefKind,
        sender: Sender,
    },
    /// An issue was opened, edited or closed, or changed in another way.
    Issue {
        repository: RepositoryRef,
        /// `opened`, `edited`, …
        action: String,
        /// Number within the repository.
        number: i64,
        title: String,
        body: String,
        /// The text before an edit of the text.
        previous_body: Option<String>,
        /// The forge's number of the author's account, if it still exists.
        author_id: Option<i64>,
        /// The account that acted, which may differ from the author.
        sender: Sender,
    },
    /// A comment in an issue was written, edited or deleted. A comment on a pull request is [`Other`](Self::Other).
    Comment {
        repository: RepositoryRef,
        /// `created`, `edited`, `deleted`.
        action: String,
        /// Number of the issue.
        issue: i64,
        /// The forge's number of the comment.
        comment: i64,
        /// The text after the event; of a deleted comment its last text.
        body: String,
        /// The text before an edit.
        previous_body: Option<String>,
        /// The forge's number of the author's account, if it still exists.
        author_id: Option<i64>,
        /// The account that acted, which may differ from the author.
        sender: Sender,
    },
    /// A repository was created, renamed or deleted. Some forges do not announce a new name.
    Repository {
        /// With its name after the event.
        repository: RepositoryRef,
        /// `created`, `deleted`, …
        action: String,
        sender: Sender,
    },
    /// A package (such as a container image) was pushed or deleted.
    Package {
        /// The repository that it is linked to, if any.
        repository: Option<RepositoryRef>,
        /// `created`, `deleted`.
        action: String,
        /// `container` for images.
        kind: String,
        /// Login of the owner.
        owner: String,
        /// The forge's number of the owner.
        owner_id: i64,
        name: String,
        /// Tag or digest.
        version: String,
        sender: Sender,
    },
    /// An event that Referee does not use. It is answered, stored and ignored.
    Other {
        /// The forge's name for it.
        name: String,
    },
}
