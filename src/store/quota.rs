//! The quota ledger: entries with reasons. Usage is the sum of entries.
//!
//! No counter is stored that could disagree with the entries.

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row as _, Transaction};

use super::audit::append;
use super::row::{BindBoard as _, ReadRows as _};
use super::submission::SubmissionRecord;
use super::{NewAuditEntry, Result, Store, next_number, row};
use crate::model::{Board, Duration, SubmissionId, TaskSlug, TeamSlug, Timestamp};

/// The quota of a board that a team has used. Days are in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Evaluations on hidden data today, including those under way.
    pub today: u32,
    /// Evaluations on hidden data in the phase, including those under way.
    pub total: u32,
    /// Pushes today.
    pub submissions_today: u32,
    /// Submissions under way.
    pub under_way: u32,
    /// Evaluations that organizers granted today.
    pub granted_today: u32,
    /// Evaluations that organizers granted in the phase.
    pub granted: u32,
}

/// Additional evaluations that an organizer grants to a team on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant<'a> {
    pub board: &'a Board,
    pub team: &'a TeamSlug,
    pub amount: u32,
    pub reason: &'a str,
}

/// Adds an entry of +1 or -1 for a submission, unless the submission has spent already or has nothing to refund.
pub(super) async fn enter(
    tx: &mut Transaction<'static, Any>,
    record: &SubmissionRecord,
    kind: &str,
    amount: i64,
    reason: &str,
    now: Timestamp,
) -> Result<()> {
    let submission = &record.submission;
    let spent: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM quota_entry
         WHERE submission_id = $1 AND kind = $2",
    )
    .bind(submission.id.0)
    .bind(kind)
    .fetch_one(&mut **tx)
    .await?;
    if !(0..=1).contains(&(spent + amount)) {
        return Ok(());
    }
    let id = next_number(tx, "quota_entry").await?;
    sqlx::query(
        "INSERT INTO quota_entry (id, challenge, phase, task, team, submission_id, kind, amount,
                                  reason, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(submission.challenge.as_str())
    .bind(submission.phase.as_str())
    .bind(submission.task.as_ref().map_or("", TaskSlug::as_str))
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

/// The part of a team's usage that is due to one submission.
struct Share {
    id: i64,
    /// Entries of +1 minus entries of -1.
    spent: u32,
    spent_at: Option<Timestamp>,
    under_way: bool,
}

fn read(row: &AnyRow) -> Result<Share> {
    let spent: i64 = row.try_get("spent")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    Ok(Share {
        id: row.try_get("id")?,
        spent: u32::try_from(spent.max(0)).unwrap_or(u32::MAX),
        spent_at: row::optional_timestamp(row, "spent_at")?,
        under_way: outcome.is_none(),
    })
}

/// A refund counts for the day on which the quota was spent, not for the day of the refund.
fn add_up(shares: &[Share], except: i64, midnight: Timestamp) -> Usage {
    let mut usage = Usage::default();
    for share in shares {
        usage.total += share.spent;
        if share.spent_at >= Some(midnight) {
            usage.today += share.spent;
        }
        if share.under_way && share.id != except {
            usage.under_way += 1;
            if share.spent == 0 {
                usage.total += 1;
                usage.today += 1;
            }
        }
    }
    usage
}

/// [`Store::usage`], within a transaction or without one.
pub(super) async fn used(
    connection: &mut AnyConnection,
    board: &Board,
    team: &TeamSlug,
    except: i64,
    now: Timestamp,
) -> Result<Usage> {
    let midnight = now.start_of_day();
    let shares = sqlx::query(
        "SELECT s.id, s.outcome, CAST(COALESCE(SUM(q.amount), 0) AS BIGINT) AS spent,
                MAX(CASE WHEN q.amount > 0 THEN q.created_at END) AS spent_at
         FROM submission s
         LEFT JOIN quota_entry q ON q.submission_id = s.id AND q.kind = 'evaluation'
         WHERE s.challenge = $1 AND s.phase = $2 AND s.task = $3 AND s.team = $4
         GROUP BY s.id, s.outcome",
    )
    .bind_board(board)
    .bind(team.as_str())
    .read_all(&mut *connection, read)
    .await?;
    let pushes: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM source o JOIN repository r ON r.id = o.repository_id
         WHERE r.challenge = $1 AND r.team = $2 AND o.phase = $3
           AND o.observed_at >= $4 AND o.observed_at < $5",
    )
    .bind(board.challenge.as_str())
    .bind(team.as_str())
    .bind(board.phase.as_str())
    .bind(midnight.0)
    .bind(midnight.plus(Duration::DAY).0)
    .fetch_one(&mut *connection)
    .await?;
    Ok(Usage {
        submissions_today: u32::try_from(pushes).unwrap_or(u32::MAX),
        granted: granted(connection, board, team, Timestamp(0)).await?,
        granted_today: granted(connection, board, team, midnight).await?,
        ..add_up(&shares, except, midnight)
    })
}

/// Evaluations that organizers granted since this time.
async fn granted(connection: &mut AnyConnection, board: &Board, team: &TeamSlug, since: Timestamp) -> Result<u32> {
    let sum: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(-amount), 0) AS BIGINT) FROM quota_entry
         WHERE submission_id IS NULL AND kind = 'evaluation' AND challenge = $1 AND phase = $2
           AND task = $3 AND team = $4 AND created_at >= $5",
    )
    .bind_board(board)
    .bind(team.as_str())
    .bind(since.0)
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(sum.max(0)).unwrap_or(u32::MAX))
}

impl Store {
    /// The quota of a board that a team has used. A submission that has not reached the hidden data yet counts while
    /// it is under way, so that pushes at the same time cannot exceed the quota. The submission `except` does not
    /// count (0: all count).
    pub async fn usage(&self, board: &Board, team: &TeamSlug, except: i64, now: Timestamp) -> Result<Usage> {
        let mut connection = self.reads.acquire().await?;
        used(&mut connection, board, team, except, now).await
    }

    /// The evaluations that a submission has spent: 0 or 1.
    pub async fn spent(&self, submission: SubmissionId) -> Result<i64> {
        Ok(sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM quota_entry
             WHERE submission_id = $1 AND kind = 'evaluation'",
        )
        .bind(submission.0)
        .fetch_one(&self.reads)
        .await?)
    }

    /// Adds a grant: an entry with a negative amount and without a submission.
    pub async fn grant(&self, grant: &Grant<'_>, audit: &NewAuditEntry, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = next_number(&mut tx, "quota_entry").await?;
        sqlx::query(
            "INSERT INTO quota_entry (id, challenge, phase, task, team, kind, amount, reason,
                                      created_at)
             VALUES ($1, $2, $3, $4, $5, 'evaluation', $6, $7, $8)",
        )
        .bind(id)
        .bind_board(grant.board)
        .bind(grant.team.as_str())
        .bind(-i64::from(grant.amount))
        .bind(grant.reason)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        Ok(())
    }
}
