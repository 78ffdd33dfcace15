//! What a forge can tell us, in one vocabulary for all forges.
//!
//! An event is a hint, never the truth: whoever acts on one reads the forge again.

use serde::{Deserialize, Serialize};

use super::ids::CommitSha;

/// A repository as an event names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRef {
    /// The forge's own number, which survives renames.
    pub id: i64,
    /// `owner/name` at the time of the event.
    pub full_name: String,
}

/// The account that acted, as the forge authenticated it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The forge's own number, which survives renames.
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
    /// What the full names of this kind start with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Branch => "refs/heads/",
            Self::Tag => "refs/tags/",
        }
    }

    /// Which kind a full name is of; none for `refs/notes/commits` and the like.
    pub fn of(full_ref: &str) -> Option<Self> {
        [Self::Branch, Self::Tag]
            .into_iter()
            .find(|kind| full_ref.starts_with(kind.prefix()))
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ForgeEvent {
    /// The forge tries whether we are there (`before == after`).
    Ping {
        /// In this repository.
        repository: RepositoryRef,
    },
    /// A ref got a new value, or was made. Nothing says whether history was rewritten.
    Pushed {
        /// In this repository.
        repository: RepositoryRef,
        /// Full name, `refs/heads/main`.
        full_ref: String,
        /// Value before; none for a new ref, and on Gitea for every tag.
        before: Option<CommitSha>,
        /// New value. For an annotated tag this is the tag object, not the commit.
        after: CommitSha,
        /// Who pushed.
        sender: Sender,
    },
    /// A ref was made; the push that made it comes as an event of its own.
    Created {
        /// In this repository.
        repository: RepositoryRef,
        /// Full name, `refs/heads/main`.
        full_ref: String,
        /// Branch or tag.
        kind: RefKind,
        /// Its value.
        after: CommitSha,
        /// Who made it.
        sender: Sender,
    },
    /// A ref is gone. For a tag, Gitea says it twice.
    Deleted {
        /// In this repository.
        repository: RepositoryRef,
        /// Full name, `refs/heads/main`.
        full_ref: String,
        /// Branch or tag.
        kind: RefKind,
        /// Who deleted it.
        sender: Sender,
    },
    /// An issue was opened, edited, closed and so on.
    Issue {
        /// In this repository.
        repository: RepositoryRef,
        /// `opened`, `edited`, …
        action: String,
        /// Number within the repository.
        number: i64,
        /// Title as it is now.
        title: String,
        /// Text as it is now.
        body: String,
        /// Text before an edit of the text.
        previous_body: Option<String>,
        /// The forge's number of the account that wrote it, if there is one.
        author_id: Option<i64>,
        /// Who acted; not always who wrote.
        sender: Sender,
    },
    /// A comment of an issue was written, edited or deleted. Those of pull requests are [`Other`](Self::Other).
    Comment {
        /// In this repository.
        repository: RepositoryRef,
        /// `created`, `edited`, `deleted`.
        action: String,
        /// Number of the issue.
        issue: i64,
        /// The forge's number of the comment.
        comment: i64,
        /// Text as it is now; that of a deleted comment is its last.
        body: String,
        /// Text before an edit.
        previous_body: Option<String>,
        /// The forge's number of the account that wrote it, if there is one.
        author_id: Option<i64>,
        /// Who acted; not always who wrote.
        sender: Sender,
    },
    /// A repository was made, renamed or deleted. Gitea and Forgejo are silent about new names.
    Repository {
        /// This repository, by its name after the event.
        repository: RepositoryRef,
        /// `created`, `deleted`, …
        action: String,
        /// Who acted.
        sender: Sender,
    },
    /// A package (such as a container image) was pushed or deleted.
    Package {
        /// The repository that it was linked to, if any.
        repository: Option<RepositoryRef>,
        /// `created`, `deleted`.
        action: String,
        /// `container` for images.
        kind: String,
        /// Owner's login.
        owner: String,
        /// The forge's number of the owner.
        owner_id: i64,
        /// Name of the package.
        name: String,
        /// Tag or digest.
        version: String,
        /// Who acted.
        sender: Sender,
    },
    /// An event that means nothing to us; answered, stored, ignored.
    Other {
        /// The forge's name of it.
        name: String,
    },
}
