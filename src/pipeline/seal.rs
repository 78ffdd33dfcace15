//! Verdicts on hidden data are told on a grid of time. When a run ended tells how long it took, and an
//! image that takes its time writes what it has seen into it, a bit for each moment to choose from.
//!
//! What this does not hide: that somebody else's job starts when one ends.

use super::{App, Progress, Scope, lease};
use crate::model::{Duration, Stage, Timestamp};
use crate::store::{Next, SubmissionRecord, Unsealed};

/// Whether the moments of work at a stage tell something of the phase's data. A step in between, from
/// run to score, is then told to nobody, and the end on the grid.
pub fn hides(scope: Scope<'_>, stage: Stage) -> bool {
    grid(scope).0 > 0 && stage >= Stage::Run
}

fn grid(scope: Scope<'_>) -> Duration {
    scope.phase.show.grid
}

/// What follows an attempt, with an end that is told on the grid.
pub fn sealed(next: Next, scope: Scope<'_>, now: Timestamp) -> Next {
    match next {
        Next::End { outcome, incident } => Next::Seal {
            outcome,
            incident,
            until: now.on_grid(grid(scope)),
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
    let due = app.store.seals_due(now).await?;
    for record in &due {
        tell(app, record, now).await?;
    }
    Ok(match due.is_empty() {
        true => Progress::Idle,
        false => Progress::Worked,
    })
}

async fn tell(app: &App, record: &SubmissionRecord, now: Timestamp) -> anyhow::Result<()> {
    let wishes = lease::verdict(app, record, true);
    match app.store.unseal(record.submission.id, &wishes, now).await? {
        Unsealed::Told | Unsealed::Gone => {}
        Unsealed::ScoredAgain => tracing::info!(
            submission = record.submission.id.0,
            "its board was rescored before its score was told; it is scored again"
        ),
    }
    Ok(())
}
