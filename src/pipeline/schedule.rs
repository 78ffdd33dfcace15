//! The order in which waiting submissions get a slot of the runner: smoke runs before evaluations, and teams in turn.
//!
//! [`fair_order`] is pure. The stage runner takes slots and claims attempts in this order.

use std::collections::BTreeMap;

use super::context::{Context, SubmissionContext};
use crate::model::{ChallengeSlug, Overrides, Stage, SubmissionId, TeamSlug, Timestamp};
use crate::store::SubmissionRecord;

/// The facts about a waiting submission that decide its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub submission: SubmissionId,
    pub team: TeamSlug,
    /// Smoke or run.
    pub stage: Stage,
    /// The time from which it waits.
    pub ready_at: Timestamp,
}

impl From<&SubmissionRecord> for Waiting {
    fn from(record: &SubmissionRecord) -> Self {
        let submission = &record.submission;
        Self {
            submission: submission.id,
            team: submission.team.clone(),
            stage: submission.stage(),
            ready_at: record.ready_at,
        }
    }
}

/// The order in which waiting submissions start, given the running jobs of each team.
///
/// Smoke runs come first: they are short, and a person waits for the result at a terminal. Then comes the team with
/// the fewest running jobs, and of one team the submission that has waited longest. Each further submission of a team
/// counts as one more running job of the team.
pub fn fair_order(mut waiting: Vec<Waiting>, running: &BTreeMap<TeamSlug, usize>) -> Vec<SubmissionId> {
    waiting.sort_by_key(|w| (w.ready_at, w.submission));
    let mut load = running.clone();
    let mut keyed: Vec<_> = waiting
        .into_iter()
        .map(|w| {
            let jobs = load.entry(w.team).or_default();
            let key = (w.stage, *jobs, w.ready_at, w.submission);
            *jobs += 1;
            key
        })
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(.., id)| id).collect()
}

/// All submissions that wait for a slot, in the order in which they start.
pub async fn order(context: &Context) -> anyhow::Result<Vec<SubmissionRecord>> {
    let now = context.clock.now();
    let mut waiting = context.store.waiting_for(Stage::Smoke, now).await?;
    waiting.extend(context.store.waiting_for(Stage::Run, now).await?);
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let running = running_jobs(context).await?;
    let order = fair_order(waiting.iter().map(Waiting::from).collect(), &running);
    let position: BTreeMap<SubmissionId, usize> = order.into_iter().zip(0..).collect();
    waiting.sort_by_key(|record| position.get(&record.submission.id).copied());
    Ok(waiting)
}

/// The number of running jobs of each team.
async fn running_jobs(context: &Context) -> anyhow::Result<BTreeMap<TeamSlug, usize>> {
    let mut running = BTreeMap::new();
    for record in context.store.submissions_under_way().await? {
        let submission = record.submission;
        if submission.state.is_working() && needs_slot(submission.stage()) {
            *running.entry(submission.team).or_default() += 1;
        }
    }
    Ok(running)
}

/// Whether a stage runs a participant's container and so needs a slot of the runner.
pub fn needs_slot(stage: Stage) -> bool {
    matches!(stage, Stage::Smoke | Stage::Run)
}

/// The leaderboards whose evaluations are paused.
#[derive(Debug)]
pub struct PausedBoards(BTreeMap<ChallengeSlug, Overrides>);

impl PausedBoards {
    /// Reads the overrides of all challenges.
    pub async fn read(context: &Context) -> anyhow::Result<Self> {
        let mut overrides = BTreeMap::new();
        for challenge in &context.challenges {
            let slug = &challenge.slug;
            overrides.insert(slug.clone(), context.store.overrides(slug).await?);
        }
        Ok(Self(overrides))
    }

    /// Whether the next step of a submission is an evaluation that must not start now.
    pub fn contains(&self, record: &SubmissionRecord) -> bool {
        let submission = &record.submission;
        submission.stage() == Stage::Run
            && submission.board().is_some_and(|board| {
                let overrides = self.0.get(&board.challenge);
                overrides.is_some_and(|o| o.paused(&board).is_some())
            })
    }
}

/// Whether the team has as many evaluations of this leaderboard under way as the phase allows. An evaluation is under
/// way until its outcome is disclosed: otherwise the start of the next one would disclose when it really ended.
pub async fn is_at_limit(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
) -> anyhow::Result<bool> {
    let under_way = context.store.evaluations_under_way(record).await?;
    Ok(under_way >= i64::from(of.phase.quota.concurrent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(id: i64, team: &str, stage: Stage, at: i64) -> Waiting {
        Waiting { submission: SubmissionId(id), team: TeamSlug::new(team).unwrap(), stage, ready_at: Timestamp(at) }
    }

    fn order(waiting: Vec<Waiting>, busy: &[(&str, usize)]) -> Vec<i64> {
        let running = busy.iter().map(|(team, n)| (TeamSlug::new(*team).unwrap(), *n)).collect();
        fair_order(waiting, &running).iter().map(|s| s.0).collect()
    }

    #[test]
    fn smoke_runs_go_first_and_teams_take_turns() {
        let run = Stage::Run;
        let list = vec![
            waiting(1, "alpha", run, 1),
            waiting(2, "alpha", run, 2),
            waiting(3, "alpha", run, 3),
            waiting(4, "beta", run, 4),
            waiting(5, "gamma", Stage::Smoke, 9),
        ];
        assert_eq!(order(list.clone(), &[]), [5, 1, 4, 2, 3]);
        assert_eq!(order(list, &[("alpha", 2)]), [5, 4, 1, 2, 3]);
    }
}
