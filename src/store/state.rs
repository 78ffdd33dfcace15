//! The state of a submission as columns, and the one statement that changes it.
//!
//! The model decides which transitions exist. This file repeats the guard in SQL: a row changes only if it
//! still holds the state that the transition started from.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Result, StoreError, row};
use crate::model::{Outcome, Stage, SubmissionId, SubmissionState, Timestamp};

/// The columns of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Columns {
    stage: Stage,
    working: bool,
    undisclosed_outcome: Option<Outcome>,
    outcome: Option<Outcome>,
    incident: Option<String>,
    ended_at: Option<Timestamp>,
}

impl From<&SubmissionState> for Columns {
    fn from(state: &SubmissionState) -> Self {
        let mut columns = Self {
            stage: state.stage(),
            working: state.is_working(),
            undisclosed_outcome: None,
            outcome: state.outcome(),
            incident: state.incident().map(str::to_owned),
            ended_at: state.ended_at(),
        };
        if let SubmissionState::Undisclosed { outcome, incident, .. } = state {
            columns.undisclosed_outcome = Some(*outcome);
            columns.incident.clone_from(incident);
        }
        columns
    }
}

/// Reads the state of a submission.
pub(super) fn read(row: &AnyRow) -> Result<SubmissionState> {
    let working: i64 = row.try_get("working")?;
    let stage = row::word(row, "stage")?;
    let undisclosed = row::optional_word(row, "undisclosed_outcome")?;
    let outcome = row::optional_word(row, "outcome")?;
    let ended_at = row::optional_timestamp(row, "ended_at")?;
    let incident: Option<String> = row.try_get("incident")?;
    match (working != 0, undisclosed, outcome, ended_at) {
        (false, None, None, None) => Ok(SubmissionState::Waiting { stage }),
        (true, None, None, None) => Ok(SubmissionState::Working { stage }),
        (false, Some(outcome), None, None) => Ok(SubmissionState::Undisclosed { stage, outcome, incident }),
        (false, None, Some(outcome), Some(at)) => Ok(SubmissionState::Ended { stage, outcome, at, incident }),
        other => Err(row::corrupt("state of a submission", format!("{stage} {other:?}"))),
    }
}

/// Writes the state that follows a transition. `ready_at` is the time from which the submission waits, or at
/// which its outcome is disclosed.
///
/// # Errors
/// [`StoreError::Stale`] when the row no longer holds the state of `before`.
pub(super) async fn write(
    tx: &mut Transaction<'static, Any>,
    id: SubmissionId,
    before: &SubmissionState,
    after: &SubmissionState,
    ready_at: Timestamp,
) -> Result<()> {
    let (old, new) = (Columns::from(before), Columns::from(after));
    let written = sqlx::query(
        "UPDATE submission SET stage = $1, working = $2, undisclosed_outcome = $3, outcome = $4,
                incident = $5, ended_at = $6, ready_at = $7
         WHERE id = $8 AND stage = $9 AND working = $10
           AND COALESCE(undisclosed_outcome, '') = $11 AND COALESCE(outcome, '') = $12",
    )
    .bind(new.stage.as_str())
    .bind(i64::from(new.working))
    .bind(new.undisclosed_outcome.map(Outcome::as_str))
    .bind(new.outcome.map(Outcome::as_str))
    .bind(new.incident)
    .bind(new.ended_at.map(|at| at.0))
    .bind(ready_at.0)
    .bind(id.0)
    .bind(old.stage.as_str())
    .bind(i64::from(old.working))
    .bind(old.undisclosed_outcome.map_or("", Outcome::as_str))
    .bind(old.outcome.map_or("", Outcome::as_str))
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
