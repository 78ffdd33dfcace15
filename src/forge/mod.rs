//! L2, the only module that speaks to a forge.
//!
//! [`local`] is the forge that comes with Referee: bare repositories under one root. [`gitea`] speaks
//! to Gitea and Forgejo. Both are a [`Forge`]; nothing above knows which. [`registry`] fetches images
//! that were pushed to a forge. [`git`] reads commits of any repository on this disk, [`folder`] a working copy. Nothing here decides what a push means, or who
//! may command: that is the pipeline's business.

pub mod error;
pub mod folder;
pub mod git;
pub mod gitea;
pub mod local;
pub mod registry;
pub mod signature;

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

pub use error::{ForgeError, Result};

use crate::model::{CommitSha, Sender, TeamPattern, Timestamp};
use registry::Registry;

/// A repository as the forge knows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeRepository {
    /// The forge's own name of it, which survives renames.
    pub id: String,
    /// `owner/name`.
    pub full_name: String,
    /// Whether only those who were given access see it.
    pub private: bool,
    /// Whether nothing can be written there any more.
    pub archived: bool,
}

/// What a forge can show, beside a git note on a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A lamp for each gate on a commit.
    pub statuses: bool,
    /// Issues with comments: reports out, commands in.
    pub issues: bool,
    /// Branches of repositories that we write to over the network.
    pub files: bool,
}

impl Capabilities {
    /// What a local forge shows.
    pub const LOCAL: Self = Self {
        statuses: false,
        issues: false,
        files: false,
    };
    /// What Gitea and Forgejo show.
    pub const GITEA: Self = Self {
        statuses: true,
        issues: true,
        files: true,
    };
}

/// A lamp on a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// Which lamp: `referee/admission`.
    pub context: String,
    /// `pending`, `success`, `failure` or `error`.
    pub state: &'static str,
    /// One line.
    pub message: String,
    /// Where more is said.
    pub url: String,
}

/// An issue, as far as we care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Number within the repository.
    pub number: i64,
    /// The forge's number of its author.
    pub author: Option<i64>,
    /// Its text.
    pub body: String,
}

/// A comment of an issue, or the text of the issue itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The forge's number of it.
    pub id: i64,
    /// Who wrote it, as the forge authenticated it.
    pub author: Option<Sender>,
    /// Its text.
    pub body: String,
}

/// A team that is to take part. An account is named without `@`.
#[derive(Debug, Clone, Copy)]
pub struct NewTeam<'a> {
    /// Its repository, `owner/name`; its forge team is called the same.
    pub full_name: &'a str,
    /// The repository that it is made from.
    pub template: &'a str,
    /// The forge team of those who organize, and may read and comment there.
    pub organizers: Option<&'a str>,
    /// Accounts that may push and comment.
    pub members: &'a [&'a str],
}

/// What a forge has of a team now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeTeam {
    /// Its repository.
    pub repository: ForgeRepository,
    /// What its members clone.
    pub url: String,
    /// What was `found`, `made` or `mended`, in order.
    pub steps: Vec<(&'static str, String)>,
}

/// A tag of an image, as a forge lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PushedTag {
    /// The forge's number of the owner.
    pub owner_id: i64,
    /// Name within the owner.
    pub name: String,
    /// Tag.
    pub tag: String,
}

/// What a reaction is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReactionTarget {
    /// The text that opened this issue.
    Issue(i64),
    /// This comment.
    Comment(i64),
}

/// What a reaction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Seen; the answer follows.
    Seen,
    /// Done.
    Done,
    /// Not done; the reply says why.
    Refused,
}

/// A forge. All calls are bounded in time and may be repeated: a write that is already so changes nothing,
/// but for new issues and comments, which the caller looks for before it writes them again.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What it can show.
    fn shows(&self) -> Capabilities;
    /// All repositories that may be a team's.
    async fn repositories(&self, teams: &TeamPattern) -> Result<Vec<ForgeRepository>>;
    /// The repository with this id, whatever it is called now; none when it is gone.
    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>>;
    /// The repository of this name.
    async fn repository_named(&self, full_name: &str) -> Result<Option<ForgeRepository>>;
    /// All branches and tags with the commits that they stand for.
    async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>>;
    /// A bare repository on this disk that holds this commit of a ref of that repository.
    async fn commit(&self, at: &ForgeRepository, commit: (&str, &CommitSha)) -> Result<PathBuf>;
    /// Whether the repository still has a commit: one that was pushed over may be cleared away.
    async fn has_commit(&self, at: &ForgeRepository, sha: &CommitSha) -> Result<bool>;
    /// Shows a text as the note of a commit.
    async fn show_note(
        &self,
        at: &ForgeRepository,
        sha: &CommitSha,
        text: &str,
        now: Timestamp,
    ) -> Result<()>;
    /// Lights a lamp on a commit.
    async fn show_status(
        &self,
        full_name: &str,
        sha: &CommitSha,
        status: &CommitStatus,
    ) -> Result<()>;
    /// Where a browser shows a line of a file of a commit.
    fn line_url(&self, full_name: &str, sha: &CommitSha, location: (&str, u32)) -> Option<String>;

    /// All tags of images that an owner has in the forge's registry.
    async fn images(&self, owner: &str) -> Result<Vec<PushedTag>>;
    /// The forge's registry, as our account.
    async fn registry(&self) -> Result<Registry>;

    /// Makes what is missing of a team, and takes nothing away; none where we were not given the rights of
    /// an owner.
    async fn make_team(&self, new: &NewTeam<'_>) -> Result<Option<MadeTeam>>;
    /// The account that we act as.
    async fn account(&self) -> Result<Sender>;
    /// All organizations that our account is in, by their numbers with their names now.
    async fn organizations(&self) -> Result<BTreeMap<i64, String>>;
    /// Whether somebody is a member of a forge team, `organization/team`. Asked anew each time.
    async fn is_member(&self, team: &str, who: &Sender) -> Result<bool>;
    /// Issues that we opened in a repository, the newest first.
    async fn our_issues(&self, full_name: &str) -> Result<Vec<Issue>>;
    /// An issue; none when it is gone.
    async fn issue(&self, full_name: &str, number: i64) -> Result<Option<Comment>>;
    /// Opens an issue and returns its number.
    async fn open_issue(&self, full_name: &str, title: &str, body: &str) -> Result<i64>;
    /// Closes an issue of ours and gives it another text, in one.
    async fn close_issue(&self, full_name: &str, number: i64, body: &str) -> Result<()>;
    /// Comments of an issue that were written or changed since a moment.
    async fn comments(&self, full_name: &str, issue: i64, since: Timestamp)
    -> Result<Vec<Comment>>;
    /// A comment; none when it is gone.
    async fn comment(&self, full_name: &str, id: i64) -> Result<Option<Comment>>;
    /// Writes a comment and returns its number.
    async fn write_comment(&self, full_name: &str, issue: i64, body: &str) -> Result<i64>;
    /// Changes a comment's text.
    async fn edit_comment(&self, full_name: &str, id: i64, body: &str) -> Result<()>;
    /// Removes a comment of ours.
    async fn delete_comment(&self, full_name: &str, id: i64) -> Result<()>;
    /// Puts a reaction.
    async fn react(
        &self,
        full_name: &str,
        comment_id: ReactionTarget,
        reaction: Reaction,
    ) -> Result<()>;
    /// Makes these files of a repository's default branch hold these bytes, in one commit, and none
    /// when they do already. Files that the branch holds beyond them stay.
    async fn put_files(
        &self,
        full_name: &str,
        files: &BTreeMap<String, Vec<u8>>,
        message: &str,
    ) -> Result<()>;
}
