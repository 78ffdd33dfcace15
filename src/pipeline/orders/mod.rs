//! What organizers and teams order: one function for each verb, each with a typed answer that a
//! reply can be written from.
//!
//! Who may order what was found out before. Each verb checks that the order makes sense, says in a
//! [`Refusal`] why it does not, and otherwise commits its effect and the ledger's entry in one
//! transaction. Nothing here reads a comment or writes a reply, and nothing needs a running daemon:
//! the command line orders the same way.
//!
//! - [`phases`]: open, close, extend.
//! - [`boards`]: pause, resume, freeze, unfreeze, publish.
//! - [`teams`]: disqualify, reinstate, grant, choose.
//! - [`repositories`]: add, pending, approve, refuse.
//! - [`submissions`]: cancel, withdraw, rerun.
//! - [`mod@rescore`]: rescore, preview, apply, discard.

pub mod boards;
pub mod phases;
pub mod refusal;
pub mod repositories;
pub mod rescore;
pub mod submissions;
pub mod teams;

use serde_json::Value;

pub use refusal::{Answer, Refusal};

use super::outbox::{self, Occasion};
use crate::forge::Capabilities;
use crate::model::{
    Actor, Board, Challenge, Outcome, Override, Phase, PhaseSlug, Setting, Task, TaskSlug,
    TeamSlug, Timestamp,
};
use crate::store::{NewAuditEntry, NewOutboxMessage, Repository, Store, SubmissionRecord};

/// Where an order is given: in which challenge, by whom, when.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The challenge that it is about.
    pub challenge: &'a Challenge,
    /// The rows.
    pub store: &'a Store,
    /// What the challenge's forge shows.
    pub shows: Capabilities,
    /// Who gives it.
    pub actor: &'a Actor,
    /// The present moment.
    pub now: Timestamp,
}

/// Which boards an order is about: all of a challenge, of a phase, of a task, or one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// In this phase alone.
    pub phase: Option<PhaseSlug>,
    /// For this task alone.
    pub task: Option<TaskSlug>,
}

impl Reach {
    /// One board.
    pub fn of(board: &Board) -> Self {
        Self {
            phase: Some(board.phase.clone()),
            task: Some(board.task.clone()),
        }
    }
}

impl<'a> Desk<'a> {
    fn phase(&self, slug: &PhaseSlug) -> Answer<&'a Phase> {
        self.challenge.phase(slug).ok_or_else(|| {
            let known = self.challenge.phases.iter();
            Refusal::unknown("phase", slug, known.map(|p| p.slug.as_str()))
        })
    }

    fn task(&self, slug: &TaskSlug) -> Answer<&'a Task> {
        self.challenge.task(slug).ok_or_else(|| {
            let known = self.challenge.tasks.iter();
            Refusal::unknown("task", slug, known.map(|t| t.slug.as_str()))
        })
    }

    /// The boards within reach, at least one.
    fn boards(&self, reach: &Reach) -> Answer<Vec<Board>> {
        if let Some(phase) = &reach.phase {
            self.phase(phase)?;
        }
        if let Some(task) = &reach.task {
            self.task(task)?;
        }
        let within = |board: &Board| {
            reach.phase.as_ref().is_none_or(|p| *p == board.phase)
                && reach.task.as_ref().is_none_or(|t| *t == board.task)
        };
        Ok(self.challenge.boards().filter(within).collect())
    }

    /// The board of a phase and a task.
    fn board(&self, board: &Board) -> Answer<(&'a Phase, &'a Task)> {
        Ok((self.phase(&board.phase)?, self.task(&board.task)?))
    }

    /// The repository of a team that takes part.
    async fn team(&self, team: &TeamSlug) -> Answer<Repository> {
        let mut all = self.store.repositories().await?;
        all.retain(|r| r.challenge == self.challenge.slug);
        match all.iter().find(|r| r.team == *team) {
            Some(repository) => Ok(repository.clone()),
            None => {
                let known = all.iter().map(|r| r.team.as_str());
                Err(Refusal::unknown("team", team, known))
            }
        }
    }

    /// A submission by the number that people see.
    async fn submission(&self, number: i64) -> Answer<SubmissionRecord> {
        let found = self
            .store
            .submission_by_number(&self.challenge.slug, number)
            .await?;
        found.ok_or_else(|| Refusal::NoSubmission { number })
    }

    /// The reports of scored submissions of these boards and teams, to be renewed.
    async fn reports(
        &self,
        boards: &[Board],
        of: impl Fn(&TeamSlug) -> bool,
    ) -> Answer<Vec<NewOutboxMessage>> {
        let all = self
            .store
            .submissions_of_challenge(&self.challenge.slug)
            .await?;
        let told = all.iter().filter(|record| {
            let submission = &record.submission;
            let board = submission.board();
            submission.outcome() == Some(Outcome::Scored)
                && of(&submission.team)
                && board.is_some_and(|board| boards.contains(&board))
        });
        Ok(told.flat_map(|r| self.news(r)).collect())
    }

    /// A submission as the ledger names it.
    fn subject(&self, number: i64) -> String {
        format!("{}#{number}", self.challenge.slug)
    }

    /// What the forge is told of a submission that an order has changed.
    fn news(&self, record: &SubmissionRecord) -> Vec<NewOutboxMessage> {
        outbox::updates_on(
            &self.challenge.forge,
            self.shows,
            record,
            Occasion::End,
            self.now,
        )
    }

    /// An entry of the ledger about this order.
    fn audit(
        &self,
        action: &'static str,
        subject: impl Into<String>,
        detail: Value,
    ) -> NewAuditEntry {
        NewAuditEntry {
            actor: self.actor.to_string(),
            action,
            subject: subject.into(),
            detail,
        }
    }

    /// A row to be.
    fn set(&self, reach: &Reach, team: Option<&TeamSlug>, setting: Setting, why: &str) -> Override {
        Override {
            id: 0,
            challenge: self.challenge.slug.clone(),
            phase: reach.phase.clone(),
            task: reach.task.clone(),
            team: team.cloned(),
            setting,
            actor: self.actor.to_string(),
            reason: why.to_owned(),
            created_at: self.now,
        }
    }
}

#[cfg(test)]
mod tests;
