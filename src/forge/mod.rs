//! L2: the only module that speaks to a forge.
//!
//! Every [`Forge`] has [`Repositories`]. Everything else is a capability that a forge has or lacks, and the rest of
//! Referee asks for the capability, never for the kind of forge.
//!
//! | where | content |
//! |---|---|
//! | `capability` | one trait for each capability, with the values that it takes and gives |
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

pub use capability::administration::{
    Administration, CreatedImageOwner, CreatedTeam, NewTeam, Reporter, SetupLine, Step, StepOutcome,
};
pub use capability::commit_reports::{CommitNotes, CommitStatus, CommitStatuses};
pub use capability::diagnosis::Diagnosis;
pub use capability::files::FileCommits;
pub use capability::hosting::Hosting;
pub use capability::issues::{Comment, Issue, Issues, ReactionTarget};
pub use capability::members::Members;
pub use capability::packages::{ImageTag, Packages};
pub use capability::repositories::{ForgeRepository, Repositories};
pub use error::{ForgeError, Result};
pub use local::hook_address;
pub use webhook::Webhooks;

/// A forge, as one account.
///
/// All calls are bounded in time. A call that asks for something that is already so changes nothing and may be
/// repeated. Only new issues and new comments are different: the caller looks for them before it repeats the call.
///
/// Each method below gives a capability, or [`ForgeError::Unsupported`] where the forge lacks it.
pub trait Forge: Repositories {
    /// Statuses of commits, such as `referee/admission: success`.
    fn commit_statuses(&self) -> Result<&dyn CommitStatuses> {
        Err(ForgeError::Unsupported("commit statuses"))
    }

    /// Texts attached to commits as git notes.
    fn commit_notes(&self) -> Result<&dyn CommitNotes> {
        Err(ForgeError::Unsupported("git notes"))
    }

    /// Issues and comments: reports go out, commands come in.
    fn issues(&self) -> Result<&dyn Issues> {
        Err(ForgeError::Unsupported("issues"))
    }

    /// Accounts, organizations and teams.
    fn members(&self) -> Result<&dyn Members> {
        Err(ForgeError::Unsupported("accounts"))
    }

    /// Container images in the forge's registry.
    fn packages(&self) -> Result<&dyn Packages> {
        Err(ForgeError::Unsupported("container registry"))
    }

    /// Commits that Referee makes in a repository on the forge, such as the leaderboard's.
    fn file_commits(&self) -> Result<&dyn FileCommits> {
        Err(ForgeError::Unsupported("way to write files"))
    }

    /// Repositories that Referee keeps on its own disk.
    fn hosting(&self) -> Result<&dyn Hosting> {
        Err(ForgeError::Unsupported("repositories on this disk"))
    }

    /// Everything that takes the rights of an organization's owner.
    fn administration(&self) -> Result<&dyn Administration> {
        Err(ForgeError::Unsupported("owner's token"))
    }

    /// The checks that `referee doctor` makes of this forge.
    fn diagnosis(&self) -> Result<&dyn Diagnosis> {
        Err(ForgeError::Unsupported("checks"))
    }

    /// The ways in which this forge can show something.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            statuses: self.commit_statuses().is_ok(),
            notes: self.commit_notes().is_ok(),
            issues: self.issues().is_ok(),
            files: self.file_commits().is_ok(),
        }
    }
}

/// The ways in which a forge can show something, for code that has no [`Forge`] at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// [`Forge::commit_statuses`].
    pub statuses: bool,
    /// [`Forge::commit_notes`].
    pub notes: bool,
    /// [`Forge::issues`].
    pub issues: bool,
    /// [`Forge::file_commits`].
    pub files: bool,
}

impl Capabilities {
    /// Git notes alone: every forge that keeps its repositories with git has at least these.
    pub const NOTES_ONLY: Self = Self { statuses: false, notes: true, issues: false, files: false };
}
