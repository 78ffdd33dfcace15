//! The quota ledger: entries with reasons, summed when asked.

use sqlx::{Any, Row as _, Transaction};

use super::submission::SubmissionRecord;
use super::{Result, Store, next_number};
use crate::model::{Board, Duration, TeamSlug, Timestamp};

/// What a team has used of its quota on a board.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Evaluations on hidden data since midnight UTC, those under way included.
    pub today: u32,
    /// Evaluations on hidden data in the phase, those under way included.
    pub total: u32,
    /// Pushes since midnight UTC.
    pub tries_today: u32,
    /// Submissions under way.
    pub under_way: u32,
}

pub(super) async fn enter(
    tx: &mut Transaction<'static, Any>,
    record: &SubmissionRecord,
    (kind, amount, reason): (&str, i64, &str),
    now: Timestamp,
) -> Result<()> {
    let id = next_number(tx, "quota_entry").await?;
    let submission = &record.submission;
    sqlx::query(
        "INSERT INTO quota_entry (id, challenge, phase, task, team, submission_id, kind, amount,
                                  reason, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(submission.challenge.as_str())
    .bind(submission.phase.as_str())
    .bind(submission.task.as_ref().map_or("", |t| t.as_str()))
    .bind(submission.team.as_str())
    .bind(submission.id.0)
    .bind(kind)
    .bind(amount)
    .bind(reason)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn count(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

impl Store {
    /// What a team has used on a board. Submissions that have not reached the hidden data yet count
    /// as used while they are under way, so that pushes at the same time cannot overspend.
    /// `except` is left out: the submission that asks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(
        &self,
        board: &Board,
        team: &TeamSlug,
        except: i64,
        now: Timestamp,
    ) -> Result<Usage> {
        let midnight = now.start_of_day();
        let spent = sqlx::query(
            "SELECT CAST(COALESCE(SUM(CASE WHEN created_at >= $5 THEN amount ELSE 0 END), 0)
                         AS BIGINT) AS today,
                    CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total
             FROM quota_entry
             WHERE challenge = $1 AND phase = $2 AND task = $3 AND team = $4
               AND kind = 'evaluation'",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .bind(team.as_str())
        .bind(midnight.0)
        .fetch_one(&self.pool)
        .await?;
        let open = sqlx::query(
            "SELECT COUNT(*) AS under_way,
                    CAST(COALESCE(SUM(CASE WHEN NOT EXISTS
                       (SELECT 1 FROM quota_entry q
                        WHERE q.submission_id = submission.id AND q.kind = 'evaluation')
                     THEN 1 ELSE 0 END), 0) AS BIGINT) AS unspent
             FROM submission
             WHERE challenge = $1 AND phase = $2 AND task = $3 AND team = $4
               AND outcome IS NULL AND id <> $5",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .bind(team.as_str())
        .bind(except)
        .fetch_one(&self.pool)
        .await?;
        let tries: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM source o JOIN repository r ON r.id = o.repository_id
             WHERE r.challenge = $1 AND r.team = $2 AND o.phase = $3
               AND o.observed_at >= $4 AND o.observed_at < $5",
        )
        .bind(board.challenge.as_str())
        .bind(team.as_str())
        .bind(board.phase.as_str())
        .bind(midnight.0)
        .bind(midnight.plus(Duration::DAY).0)
        .fetch_one(&self.pool)
        .await?;
        let unspent: i64 = open.try_get("unspent")?;
        let (today, total): (i64, i64) = (spent.try_get("today")?, spent.try_get("total")?);
        Ok(Usage {
            today: count(today + unspent),
            total: count(total + unspent),
            tries_today: count(tries),
            under_way: count(open.try_get("under_way")?),
        })
    }
}
