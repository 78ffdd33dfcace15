//! Orders about one submission: cancel or withdraw it, run it again.

use serde_json::json;

use super::{Answer, Desk, Refusal};
use crate::model::{Outcome, Rerun, Stage, TeamSlug};
use crate::store::{Charge, CommandEffects, SubmissionRecord, Withdrawn};

/// A submission that was ended from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Its number.
    pub number: i64,
    /// Its team.
    pub team: TeamSlug,
    /// Whether something of it runs still, for some seconds.
    pub running: bool,
    /// Whether it has cost its team an evaluation.
    pub spent: bool,
}

/// A submission that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// Its number.
    pub number: i64,
    /// Its team.
    pub team: TeamSlug,
    /// How it had ended.
    pub from: Outcome,
    /// The stage that is next.
    pub to: Stage,
}

/// An organizer ends a submission. It costs its team no evaluation, wherever it was.
///
/// # Errors
/// When there is none, or it has ended.
pub async fn cancel(desk: &Desk<'_>, number: i64, why: &str) -> Answer<Cancelled> {
    let record = desk.submission(number).await?;
    end(desk, &record, ("cancel", Charge::Nothing, why)).await
}

/// A team ends its own submission. Before hidden inputs were mounted that costs no evaluation.
///
/// # Errors
/// When there is none, it is another team's, or it has ended.
pub async fn withdraw(desk: &Desk<'_>, team: &TeamSlug, number: i64) -> Answer<Cancelled> {
    let record = desk.submission(number).await?;
    if record.submission.team != *team {
        // As if there were none: numbers of others are nobody's business.
        return Err(Refusal::NoSubmission { number });
    }
    end(desk, &record, ("withdraw", Charge::UsedEvaluation, "")).await
}

async fn end(
    desk: &Desk<'_>,
    record: &SubmissionRecord,
    (action, charge, why): (&'static str, Charge, &str),
) -> Answer<Cancelled> {
    let submission = &record.submission;
    let number = submission.number;
    let detail = json!({
        "before": submission.state.public(),
        "after": Outcome::Withdrawn,
        "team": submission.team,
        "reason": why,
    });
    let audit = desk.audit(action, desk.subject(number), detail);
    let reports = desk.news(record);
    let written = CommandEffects {
        audit: &audit,
        reports: &reports,
    };
    let met = desk
        .store
        .withdraw(record, charge, written, desk.now)
        .await?;
    if let Withdrawn::Ended(outcome) = met {
        return Err(Refusal::Ended { number, outcome });
    }
    Ok(Cancelled {
        number,
        team: submission.team.clone(),
        running: matches!(met, Withdrawn::Working(_)),
        spent: desk.store.spent(submission.id).await? > 0,
    })
}

/// Runs an ended submission again: from the stage at which it ended, or from an earlier one. Old
/// attempts stay, and an evaluation that it has spent is not spent twice.
///
/// # Errors
/// When there is none, or it did not end so that another run makes sense.
pub async fn rerun(
    desk: &Desk<'_>,
    number: i64,
    (stage, why): (Option<Stage>, &str),
) -> Answer<Resumed> {
    let record = desk.submission(number).await?;
    let way = Rerun::of(&record.submission, stage).map_err(|because| Refusal::NoRerun {
        number,
        stage,
        because,
    })?;
    let detail = json!({
        "before": { "outcome": way.from(), "stage": way.ended_at() },
        "after": { "stage": way.to() },
        "reason": why,
    });
    let audit = desk.audit("rerun", desk.subject(number), detail);
    let reports = desk.news(&record);
    let written = CommandEffects {
        audit: &audit,
        reports: &reports,
    };
    desk.store.rerun(&way, written, desk.now).await?;
    Ok(Resumed {
        number,
        team: record.submission.team,
        from: way.from(),
        to: way.to(),
    })
}
