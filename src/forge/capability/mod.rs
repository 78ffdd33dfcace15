//! [`Forge`] and the capabilities that it may have: one trait in each file, without any implementation.

mod administration;
mod commit_reports;
mod diagnosis;
mod files;
mod hosting;
mod issues;
mod members;
mod packages;
mod repositories;

pub use administration::{
    Administration, CreatedImageOwner, CreatedTeam, NewTeam, Reporter, SetupLine, Step, StepOutcome,
};
pub use commit_reports::{CommitNotes, CommitStatus, CommitStatuses};
pub use diagnosis::Diagnosis;
pub use files::FileCommits;
pub use hosting::Hosting;
pub use issues::{Comment, Issue, Issues, ReactionTarget};
pub use members::Members;
pub use packages::{ImageTag, Packages};
pub use repositories::{ForgeRepository, Repositories};

use super::error::{ForgeError, Result};

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
