//! Delayed disclosure: outcomes of evaluations on hidden data are disclosed at fixed times.
//!
//! The time at which a run ended states how long it took. An image that takes a chosen time could write one bit of the
//! hidden data into each such time. So an outcome is withheld until the next multiple of the phase's
//! `disclosure-interval`, for everyone at once.
//!
//! This does not hide that another team's job starts when one ends.

use super::context::{Context, Progress, SubmissionContext};
use super::forges::Forges;
use super::outbox;
use crate::model::{Stage, Timestamp};
use crate::store::{Disclosure, Next};

/// Whether the times of a stage's attempts could disclose something about hidden data. Then no step between run and
/// scoring is published, and the outcome is withheld.
pub fn is_delayed(context: SubmissionContext<'_>, stage: Stage) -> bool {
    context.phase.show.disclosure_interval.0 > 0 && stage.is_evaluation()
}

/// Turns an end into one that is disclosed later. Other steps stay as they are.
pub fn withhold(next: Next, context: SubmissionContext<'_>, now: Timestamp) -> Next {
    match next {
        Next::End { outcome, incident } => {
            Next::Withhold { outcome, incident, until: now.round_up(context.phase.show.disclosure_interval) }
        }
        other => other,
    }
}

/// Discloses the outcomes that are due.
pub async fn step(context: &Context, forges: &Forges) -> anyhow::Result<Progress> {
    let now = context.clock.now();
    let due = context.store.disclosures_due(now).await?;
    for record in &due {
        let messages = outbox::end_updates(context, forges, record, true);
        let id = record.submission.id;
        match context.store.disclose(id, &messages, now).await? {
            Disclosure::Disclosed | Disclosure::Gone => {}
            Disclosure::ScoredAgain => tracing::info!(
                submission = id.0,
                "the leaderboard was rescored before the score was disclosed; the submission is scored again"
            ),
        }
    }
    Ok(Progress::from_worked(!due.is_empty()))
}
