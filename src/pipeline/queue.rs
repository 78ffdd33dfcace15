//! Who runs next: smoke runs before evaluations, and teams in turn. Evaluations of a paused board
//! keep their places and are not started.
//!
//! The order is pure; taking a place and claiming an attempt come after it, in that order.

use std::collections::BTreeMap;

use super::{App, Progress, Scope, lease, run, smoke};
use crate::model::{ChallengeSlug, Overrides, Stage, SubmissionId, TeamSlug, Timestamp};
use crate::store::SubmissionRecord;

/// What the order depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The submission.
    pub submission: SubmissionId,
    /// Its team.
    pub team: TeamSlug,
    /// Smoke or run.
    pub stage: Stage,
    /// Since when it waits.
    pub ready_at: Timestamp,
}

/// The order in which waiting submissions are tried. Smoke runs first: they are short, and somebody
/// waits in front of a terminal for them. Then the team with the fewest jobs under way, and within
/// that who has waited longest; each further submission of a team counts as one more job of it.
pub fn fair_order(
    mut waiting: Vec<Waiting>,
    under_way: &BTreeMap<TeamSlug, usize>,
) -> Vec<SubmissionId> {
    waiting.sort_by_key(|w| (w.ready_at, w.submission));
    let mut load = under_way.clone();
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

/// Everything that waits for a place, in the order in which it will be tried.
///
/// # Errors
/// When the database fails.
pub async fn order(app: &App) -> anyhow::Result<Vec<SubmissionRecord>> {
    let now = app.clock.now();
    let mut waiting = app.store.waiting_for(Stage::Smoke, now).await?;
    waiting.extend(app.store.waiting_for(Stage::Run, now).await?);
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let order = fair_order(waiting.iter().map(header).collect(), &load(app).await?);
    let position: BTreeMap<SubmissionId, usize> = order.into_iter().zip(0..).collect();
    waiting.sort_by_key(|record| position.get(&record.submission.id).copied());
    Ok(waiting)
}

fn header(record: &SubmissionRecord) -> Waiting {
    Waiting {
        submission: record.submission.id,
        team: record.submission.team.clone(),
        stage: record.submission.stage,
        ready_at: record.ready_at,
    }
}

/// Jobs under way for each team.
async fn load(app: &App) -> anyhow::Result<BTreeMap<TeamSlug, usize>> {
    let mut load = BTreeMap::new();
    for record in app.store.submissions_under_way().await? {
        let submission = record.submission;
        if submission.working && matches!(submission.stage, Stage::Smoke | Stage::Run) {
            *load.entry(submission.team).or_default() += 1;
        }
    }
    Ok(load)
}

/// What stands above the file of each challenge.
async fn orders(app: &App) -> anyhow::Result<BTreeMap<ChallengeSlug, Overrides>> {
    let mut orders = BTreeMap::new();
    for challenge in &app.challenges {
        let slug = &challenge.slug;
        orders.insert(slug.clone(), app.store.overrides(slug).await?);
    }
    Ok(orders)
}

/// Whether the evaluation that is next for a submission is not to be started now.
fn is_paused(orders: &BTreeMap<ChallengeSlug, Overrides>, record: &SubmissionRecord) -> bool {
    let submission = &record.submission;
    submission.stage == Stage::Run
        && submission.board().is_some_and(|board| {
            let orders = orders.get(&board.challenge);
            orders.is_some_and(|o| o.paused(&board).is_some())
        })
}

/// Does one smoke run or run, if one waits and there is a place for it.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let orders = orders(app).await?;
    for record in &order(app).await? {
        let scope = match app.context(record) {
            Ok(scope) => scope,
            Err(error) => {
                tracing::error!(
                    submission = record.submission.id.0,
                    error = format!("{error:#}"),
                    "a submission cannot go on"
                );
                continue;
            }
        };
        if is_paused(&orders, record) {
            continue;
        }
        if start(app, record, scope).await? == Progress::Worked {
            return Ok(Progress::Worked);
        }
    }
    Ok(Progress::Idle)
}

async fn start(app: &App, record: &SubmissionRecord, scope: Scope<'_>) -> anyhow::Result<Progress> {
    let task = scope.task()?;
    if record.submission.stage == Stage::Run && at_its_limit(app, record, scope).await? {
        return Ok(Progress::Idle);
    }
    let Some(slot) = app.slots.take(task.limits.gpus) else {
        return Ok(Progress::Idle);
    };
    let case = match record.submission.stage {
        Stage::Run => run::next_case(app, record, scope).await?,
        _ => None,
    };
    let Some(lease) = app.claim(record, case).await? else {
        return Ok(Progress::Idle);
    };
    // Errors of these are ended within; what comes back is the database's, or a lost lease.
    let result = match record.submission.stage {
        Stage::Smoke => {
            let doing = smoke::attempt(app, (record, scope), &lease, &slot);
            lease::work(app, record, &lease, doing).await
        }
        _ => {
            let doing = run::attempt(app, (record, scope), &lease, &slot);
            lease::work(app, record, &lease, doing).await
        }
    };
    if let Err(error) = result {
        tracing::error!(attempt = lease.attempt.id.0, %error, "attempt not ended");
    }
    Ok(Progress::Worked)
}

/// Whether the team has as many evaluations of this board under way as the phase allows. One is under
/// way until its verdict is told: the start of the next would tell when it really ended.
async fn at_its_limit(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
) -> anyhow::Result<bool> {
    let running = app.store.evaluations_under_way(record).await?;
    Ok(running >= i64::from(scope.phase.quota.concurrent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(id: i64, team: &str, stage: Stage, at: i64) -> Waiting {
        Waiting {
            submission: SubmissionId(id),
            team: TeamSlug::new(team).unwrap(),
            stage,
            ready_at: Timestamp(at),
        }
    }

    fn order(waiting: Vec<Waiting>, busy: &[(&str, usize)]) -> Vec<i64> {
        let load = busy
            .iter()
            .map(|(team, n)| (TeamSlug::new(*team).unwrap(), *n))
            .collect();
        fair_order(waiting, &load).iter().map(|s| s.0).collect()
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
