//! Everything that takes the rights of an organization's owner: `referee forge setup`, and the repository, the forge
//! team and the image registry of a participating team.
//!
//! Each step looks first and adds only missing parts. Nothing is ever deleted or taken away, so every call may be
//! repeated.

use async_trait::async_trait;

use super::repositories::ForgeRepository;
use crate::forge::Result;
use crate::model::{Challenge, TeamSlug, Timestamp};

/// How a step of the setup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum StepOutcome {
    /// It was right already.
    Found,
    Created,
    /// It existed and was wrong.
    Fixed,
}

/// A step of the setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub outcome: StepOutcome,
    /// The object of the step: `team phakir/organizers`.
    pub subject: String,
}

impl Step {
    pub fn new(outcome: StepOutcome, subject: impl Into<String>) -> Self {
        Self { outcome, subject: subject.into() }
    }
}

/// A line that the setup prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupLine {
    Step(Step),
    /// Advice for the person at the terminal.
    Note(String),
}

/// Receives each line of a setup at once.
pub type Reporter<'a> = dyn FnMut(SetupLine) + Send + 'a;

/// A team that is to take part. Accounts are named without `@`.
#[derive(Debug, Clone, Copy)]
pub struct NewTeam<'a> {
    /// Its repository, `owner/name`; its forge team gets the same name.
    pub full_name: &'a str,
    /// The repository that the new one is made from.
    pub template: &'a str,
    /// The organizers' forge team, which may read and comment in the new repository.
    pub organizers: Option<&'a str>,
    /// Accounts that may push and comment.
    pub members: &'a [&'a str],
}

/// A team as the forge has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTeam {
    pub repository: ForgeRepository,
    /// The address that its members clone.
    pub url: String,
    pub steps: Vec<Step>,
}

/// The owner whose images count as a team's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedImageOwner {
    /// The forge's number of it.
    pub id: i64,
    pub login: String,
    /// Host of the registry, as `docker push` names it.
    pub registry_host: String,
}

/// A forge as the owner of an organization sees it.
#[async_trait]
pub trait Administration: Send + Sync {
    /// Brings the forge to the state that a challenge needs. The forge will send its deliveries to `hook_url`;
    /// commits are made with the time `now`.
    ///
    /// # Errors
    /// For a person at a terminal. The steps that were reported stay.
    async fn set_up(
        &self,
        challenge: &Challenge,
        hook_url: &str,
        now: Timestamp,
        report: &mut Reporter<'_>,
    ) -> anyhow::Result<()>;

    /// Creates the missing parts of a team: its repository, its forge team and the membership of its accounts.
    ///
    /// # Errors
    /// [`ForgeError::Invalid`](crate::forge::ForgeError::Invalid) for an account that does not exist, before
    /// anything is created.
    async fn create_team(&self, new: &NewTeam<'_>) -> Result<CreatedTeam>;

    /// Creates the missing parts of an owner of images whose registry only this team can push to.
    ///
    /// # Errors
    /// For a person at a terminal; also when another account could push there, because its images would count as
    /// the team's.
    async fn create_image_owner(
        &self,
        challenge: &Challenge,
        team: &TeamSlug,
        members: &[String],
        hook_url: &str,
        report: &mut Reporter<'_>,
    ) -> anyhow::Result<CreatedImageOwner>;
}
