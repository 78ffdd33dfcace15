//! Verdicts on hidden data are told on a grid of time. When a run ended tells how long it took, and an
//! image that takes its time writes what it has seen into it, a bit for each moment to choose from.
//!
//! What this does not hide: that somebody else's job starts when one ends.

use super::{App, Progress, Scope, lease};
use crate::model::{Duration, Stage, Timestamp};
use crate::store::{Disclosure, Next, SubmissionRecord};

/// Whether the moments of work at a stage tell something of the phase's data. A step in between, from
/// run to score, is then told to nobody, and the end on the grid.
pub fn hides(scope: Scope<'_>, stage: Stage) -> bool {
    disclosure_interval(scope).0 > 0 && stage >= Stage::Run
}

fn disclosure_interval(scope: Scope<'_>) -> Duration {
    scope.phase.show.disclosure_interval
}

/// What follows an attempt, with an end that is told on the grid.
pub fn undisclosed(next: Next, scope: Scope<'_>, now: Timestamp) -> Next {
    match next {
        Next::End { outcome, incident } => Next::Withhold {
            outcome,
            incident,
            until: now.round_up(disclosure_interval(scope)),
        },
        other => other,
    }
}

/// Tells the verdicts whose time has come.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    let due = app.store.disclosures_due(now).await?;
    for record in &due {
        notify(app, record, now).await?;
    }
    Ok(match due.is_empty() {
        true => Progress::Idle,
        false => Progress::Worked,
    })
}

async fn notify(app: &App, record: &SubmissionRecord, now: Timestamp) -> anyhow::Result<()> {
    let messages = lease::verdict(app, record, true);
    match app
        .store
        .disclose(record.submission.id, &messages, now)
        .await?
    {
        Disclosure::Told | Disclosure::Gone => {}
        Disclosure::ScoredAgain => tracing::info!(
            submission = record.submission.id.0,
            "its board was rescored before its score was told; it is scored again"
        ),
    }
    Ok(())
}
