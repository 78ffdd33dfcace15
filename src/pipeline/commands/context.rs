//! The circumstances of a command: which challenge, who, when, and in which repository.
//!
//! It also looks up the phases, leaderboards, teams and submissions that a command names, with a refusal for
//! unknown ones, and makes the rows that most commands write. It does not decide who may give a command.

use serde_json::Value;

use super::refusal::{CommandRefusal, CommandResult};
use crate::command::{BoardSelector, CommandRole};
use crate::forge::Capabilities;
use crate::model::{
    Actor, Board, Challenge, Outcome, Override, Phase, PhaseSlug, Setting, Task, TaskSlug, TeamSlug, Timestamp,
};
use crate::pipeline::App;
use crate::pipeline::outbox::{self, Occasion};
use crate::store::{NewAuditEntry, NewOutboxMessage, Repository, Store, SubmissionRecord};

/// Where, when and by whom a command is given.
#[derive(Clone, Copy)]
pub struct CommandContext<'a> {
    pub challenge: &'a Challenge,
    pub store: &'a Store,
    /// The channels of the challenge's forge.
    pub capabilities: Capabilities,
    pub actor: &'a Actor,
    pub now: Timestamp,
    pub role: CommandRole,
    /// The team in whose repository the command is given; none elsewhere.
    pub team: Option<&'a TeamSlug>,
    /// The row of the command; 0 outside the daemon.
    pub command_id: i64,
    /// None in a process beside the daemon, which has the database but no connection to the forge.
    pub(super) daemon: Option<&'a App>,
}

impl<'a> CommandContext<'a> {
    /// An organizer's command in a process that has only the database, such as `referee admin submission`.
    pub fn beside_daemon(
        challenge: &'a Challenge,
        store: &'a Store,
        capabilities: Capabilities,
        actor: &'a Actor,
        now: Timestamp,
    ) -> Self {
        Self {
            challenge,
            store,
            capabilities,
            actor,
            now,
            role: CommandRole::Organizer,
            team: None,
            command_id: 0,
            daemon: None,
        }
    }

    /// An organizer's command in the daemon.
    pub(super) fn in_daemon(app: &'a App, challenge: &'a Challenge, actor: &'a Actor) -> Self {
        let (store, now) = (&app.context.store, app.context.clock.now());
        let capabilities = app.forges.capabilities(challenge);
        Self { daemon: Some(app), ..Self::beside_daemon(challenge, store, capabilities, actor, now) }
    }

    pub(super) fn daemon(&self) -> CommandResult<&'a App> {
        self.daemon.ok_or(CommandRefusal::NeedsDaemon)
    }

    /// The team that gives the command about itself.
    pub(super) fn own_team(&self) -> CommandResult<&'a TeamSlug> {
        self.team.ok_or(CommandRefusal::NeedsTeam)
    }

    pub(super) fn phase(&self, slug: &PhaseSlug) -> CommandResult<&'a Phase> {
        self.challenge.phase(slug).ok_or_else(|| {
            let known = self.challenge.phases.iter().map(|phase| &phase.slug);
            CommandRefusal::unknown("phase", slug, known)
        })
    }

    fn task(&self, slug: &TaskSlug) -> CommandResult<&'a Task> {
        self.challenge.task(slug).ok_or_else(|| {
            let known = self.challenge.tasks.iter().map(|task| &task.slug);
            CommandRefusal::unknown("task", slug, known)
        })
    }

    /// The selected leaderboards, at least one.
    pub(super) fn boards(&self, selector: &BoardSelector) -> CommandResult<Vec<Board>> {
        if let Some(phase) = &selector.phase {
            self.phase(phase)?;
        }
        if let Some(task) = &selector.task {
            self.task(task)?;
        }
        let boards = self.challenge.boards();
        Ok(boards.filter(|board| selector.includes(board)).collect())
    }

    /// The phase and the task of a leaderboard.
    pub(super) fn parts_of(&self, board: &Board) -> CommandResult<(&'a Phase, &'a Task)> {
        Ok((self.phase(&board.phase)?, self.task(&board.task)?))
    }

    pub(super) fn board(&self, phase: &PhaseSlug, task: &TaskSlug) -> Board {
        Board { challenge: self.challenge.slug.clone(), phase: phase.clone(), task: task.clone() }
    }

    /// The repositories of all teams of the challenge.
    pub(super) async fn repositories(&self) -> CommandResult<Vec<Repository>> {
        let mut all = self.store.repositories().await?;
        all.retain(|repository| repository.challenge == self.challenge.slug);
        Ok(all)
    }

    /// The repository of a team of the challenge.
    pub(super) async fn repository_of(&self, team: &TeamSlug) -> CommandResult<Repository> {
        let all = self.repositories().await?;
        let found = all.iter().find(|repository| repository.team == *team);
        found.cloned().ok_or_else(|| {
            let known = all.iter().map(|repository| &repository.team);
            CommandRefusal::unknown("team", team, known)
        })
    }

    /// A submission by the number that pages show.
    pub(super) async fn submission(&self, number: i64) -> CommandResult<SubmissionRecord> {
        let slug = &self.challenge.slug;
        let found = self.store.submission_by_number(slug, number).await?;
        found.ok_or(CommandRefusal::UnknownSubmission { number })
    }

    /// New reports of the scored submissions of these leaderboards, of all teams or of one.
    pub(super) async fn reports(
        &self,
        boards: &[Board],
        team: Option<&TeamSlug>,
    ) -> CommandResult<Vec<NewOutboxMessage>> {
        let slug = &self.challenge.slug;
        let all = self.store.submissions_of_challenge(slug).await?;
        let concerned = all.iter().filter(|record| {
            let submission = &record.submission;
            let board = submission.board();
            submission.outcome() == Some(Outcome::Scored)
                && team.is_none_or(|team| submission.team == *team)
                && board.is_some_and(|board| boards.contains(&board))
        });
        Ok(concerned.flat_map(|record| self.report(record)).collect())
    }

    /// The messages to the forge about a submission that a command changes.
    pub(super) fn report(&self, record: &SubmissionRecord) -> Vec<NewOutboxMessage> {
        let forge = &self.challenge.forge;
        outbox::updates_on(forge, self.capabilities, record, Occasion::End, self.now)
    }

    /// Lets the leaderboard repository show the current standings. A process beside the daemon
    /// leaves that to the daemon.
    pub(super) async fn publish_boards(&self) -> CommandResult<()> {
        let Some(app) = self.daemon else {
            return Ok(());
        };
        if let Some(message) = outbox::leaderboards(&app.context, &app.forges, self.challenge) {
            self.store.enqueue(&message, self.now).await?;
        }
        Ok(())
    }

    /// An entry of the audit log about this command.
    pub(super) fn audit(&self, action: &'static str, subject: impl Into<String>, detail: Value) -> NewAuditEntry {
        NewAuditEntry {
            challenge: self.challenge.slug.clone(),
            actor: self.actor.to_string(),
            action,
            subject: subject.into(),
            detail,
        }
    }

    /// A new override of leaderboards.
    pub(super) fn override_of(&self, selector: &BoardSelector, setting: Setting, reason: &str) -> Override {
        Override {
            id: 0,
            challenge: self.challenge.slug.clone(),
            phase: selector.phase.clone(),
            task: selector.task.clone(),
            team: None,
            setting,
            actor: self.actor.to_string(),
            reason: reason.to_owned(),
            created_at: self.now,
        }
    }
}
