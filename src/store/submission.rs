//! Sources and submissions.
//!
//! A source is a commit or an image, entered for a phase. It is entered once, however often it is observed, and has a
//! submission per task.

use std::collections::BTreeMap;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Row as _, Transaction};

use super::known_ref::{SeenRef, record_refs};
use super::row::{BindBoard as _, ReadRows as _, corrupt};
use super::{Change, Repository, Result, Store, StoreError, next_number, row, state};
use crate::model::submission::InvalidTransition;
use crate::model::{
    Board, ChallengeSlug, CommitSha, Digest, ImageId, Origin, PageToken, PhaseSlug, RepositoryId, Stage, Submission,
    SubmissionId, SubmissionState, TaskSlug, TeamSlug, Timestamp,
};

/// A commit that a new or moved ref enters for a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    pub seen: SeenRef,
    pub phase: PhaseSlug,
    /// Page address of the new submission.
    pub token: PageToken,
    /// Digest of the present challenge.toml.
    pub config_digest: Digest,
}

/// A commit that was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    pub seen: SeenRef,
    pub phase: PhaseSlug,
    /// The submission of the commit. If it has one per task, the first.
    pub submission: SubmissionId,
    /// Whether the submission is new. Otherwise the commit was entered before.
    pub new: bool,
}

/// A submission with the columns that only the pipeline needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionRecord {
    pub submission: Submission,
    /// Row of the source. The submissions of all tasks of a push share it.
    pub source: i64,
    /// The repository of the team. It holds the commit, or the reports about an image.
    pub repository: RepositoryId,
    /// Path of the Dockerfile. Empty before admission has passed, and for an image.
    pub dockerfile: String,
    /// Digest of the challenge.toml that judges the submission.
    pub config_digest: Digest,
    /// The image, once it is built.
    pub image: Option<ImageId>,
    /// The time from which it waits for its stage, or at which its outcome is disclosed.
    pub ready_at: Timestamp,
}

/// Columns of a submission and of its source.
const SELECT: &str = "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at
     FROM submission s JOIN source o ON o.id = s.source_id ";

/// All submissions that fulfil a condition.
fn select(condition: &str) -> Query<'static, Any, AnyArguments> {
    sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE {condition}")))
}

/// The source is an image if the submission has the name under which it was pushed.
fn origin(row: &AnyRow) -> Result<Origin> {
    match row.try_get::<Option<String>, _>("pushed_as")? {
        None => Ok(Origin::Commit { sha: row::text(row, "sha")?, full_ref: row.try_get("full_ref")? }),
        Some(name) => Origin::image(&name, row::text(row, "sha")?).ok_or_else(|| corrupt("image", name.clone())),
    }
}

/// A second tag of an image, for another task, counts from its own time: one commit holds all its tasks from the
/// beginning, but an image gets its tags one by one.
fn observed_at(row: &AnyRow) -> Result<Timestamp> {
    match row.try_get::<Option<String>, _>("pushed_as")? {
        None => row::timestamp(row, "observed_at"),
        Some(_) => row::timestamp(row, "created_at"),
    }
}

pub(super) fn read(row: &AnyRow) -> Result<SubmissionRecord> {
    Ok(SubmissionRecord {
        submission: Submission {
            id: SubmissionId(row.try_get("id")?),
            number: row.try_get("number")?,
            token: row::text(row, "token")?,
            challenge: row::text(row, "challenge")?,
            phase: row::text(row, "phase")?,
            task: row::optional_text(row, "task")?,
            team: row::text(row, "team")?,
            origin: origin(row)?,
            observed_at: observed_at(row)?,
            state: state::read(row)?,
        },
        source: row.try_get("source_id")?,
        repository: RepositoryId(row.try_get("repository_id")?),
        dockerfile: row.try_get("dockerfile")?,
        config_digest: row::text(row, "config_digest")?,
        image: row::optional_text(row, "image_id")?,
        ready_at: row::timestamp(row, "ready_at")?,
    })
}

pub(super) struct NewSubmission<'a> {
    pub source: i64,
    pub token: &'a PageToken,
    pub phase: &'a PhaseSlug,
    pub task: &'a str,
    pub dockerfile: &'a str,
    pub team: &'a str,
    pub challenge: &'a ChallengeSlug,
    pub config_digest: &'a Digest,
    pub stage: Stage,
    /// `name:tag` of an image.
    pub pushed_as: Option<&'a str>,
}

pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    new: &NewSubmission<'_>,
    now: Timestamp,
) -> Result<SubmissionId> {
    let id = next_number(tx, "submission").await?;
    let number = next_number(tx, &format!("submission {}", new.challenge)).await?;
    sqlx::query(
        "INSERT INTO submission
           (id, source_id, challenge, number, token, phase, task, team, dockerfile, config_digest,
            stage, working, created_at, ready_at, pushed_as)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $12, $13)",
    )
    .bind(id)
    .bind(new.source)
    .bind(new.challenge.as_str())
    .bind(number)
    .bind(new.token.as_str())
    .bind(new.phase.as_str())
    .bind(new.task)
    .bind(new.team)
    .bind(new.dockerfile)
    .bind(new.config_digest.as_str())
    .bind(new.stage.as_str())
    .bind(now.0)
    .bind(new.pushed_as)
    .execute(&mut **tx)
    .await?;
    Ok(SubmissionId(id))
}

/// A submission by its row, within a transaction or without one.
pub(super) async fn record(connection: &mut AnyConnection, id: SubmissionId) -> Result<SubmissionRecord> {
    let found = select("s.id = $1").bind(id.0).fetch_one(connection).await?;
    read(&found)
}

/// Applies a transition to a submission and writes the result. The record holds the new state afterwards.
///
/// # Errors
/// [`StoreError::Stale`] when the submission has no such transition from its state, or the row has changed.
pub(super) async fn transition(
    tx: &mut Transaction<'static, Any>,
    record: &mut SubmissionRecord,
    ready_at: Timestamp,
    step: impl FnOnce(SubmissionState) -> std::result::Result<SubmissionState, InvalidTransition>,
) -> Result<()> {
    let before = record.submission.state.clone();
    let after = step(before.clone()).map_err(|_| StoreError::Stale)?;
    state::write(tx, record.submission.id, &before, &after, ready_at).await?;
    record.submission.state = after;
    record.ready_at = ready_at;
    Ok(())
}

impl Store {
    /// Records all refs of a repository, and enters those commits that are new to a phase. Deletes known refs that are
    /// not among `refs`. Everything happens in one transaction.
    pub async fn observe(
        &self,
        repository: &Repository,
        refs: &[SeenRef],
        entered: &[NewSource],
        now: Timestamp,
    ) -> Result<Vec<SourceRecord>> {
        let mut tx = self.begin().await?;
        record_refs(&mut tx, repository.id, refs, now).await?;
        let mut records = Vec::new();
        for new in entered {
            records.push(enter(&mut tx, repository, new, now).await?);
        }
        tx.commit().await?;
        for record in records.iter().filter(|r| r.new) {
            self.notify(Change::Submission(record.submission));
        }
        Ok(records)
    }

    /// # Errors
    /// The row does not exist.
    pub async fn submission(&self, id: SubmissionId) -> Result<SubmissionRecord> {
        let mut connection = self.reads.acquire().await?;
        record(&mut connection, id).await
    }

    /// The submission with this page address.
    pub async fn submission_by_token(&self, token: &PageToken) -> Result<Option<SubmissionRecord>> {
        select("s.token = $1").bind(token.as_str()).read_optional(&self.reads, read).await
    }

    /// The submission with this number in a challenge.
    pub async fn submission_by_number(
        &self,
        challenge: &ChallengeSlug,
        number: i64,
    ) -> Result<Option<SubmissionRecord>> {
        select("s.challenge = $1 AND s.number = $2")
            .bind(challenge.as_str())
            .bind(number)
            .read_optional(&self.reads, read)
            .await
    }

    /// All submissions of a source, one per task, in the order of their numbers.
    pub async fn submissions_of_source(&self, source: i64) -> Result<Vec<SubmissionRecord>> {
        select("s.source_id = $1 ORDER BY s.number").bind(source).read_all(&self.reads, read).await
    }

    /// All submissions of a commit, in all phases and for all tasks.
    pub async fn submissions_of_commit(
        &self,
        repository: RepositoryId,
        sha: &CommitSha,
    ) -> Result<Vec<SubmissionRecord>> {
        select("o.repository_id = $1 AND o.sha = $2 ORDER BY s.number")
            .bind(repository.0)
            .bind(sha.as_str())
            .read_all(&self.reads, read)
            .await
    }

    /// All submissions to a challenge, oldest first.
    pub async fn submissions_of_challenge(&self, challenge: &ChallengeSlug) -> Result<Vec<SubmissionRecord>> {
        select("s.challenge = $1 ORDER BY s.number").bind(challenge.as_str()).read_all(&self.reads, read).await
    }

    /// Submissions that wait for a stage at this time, the longest waiting first.
    pub async fn waiting_for(&self, stage: Stage, now: Timestamp) -> Result<Vec<SubmissionRecord>> {
        select(
            "s.outcome IS NULL AND s.working = 0 AND s.stage = $1
               AND s.undisclosed_outcome IS NULL AND s.ready_at <= $2 ORDER BY s.ready_at, s.id LIMIT 1000",
        )
        .bind(stage.as_str())
        .bind(now.0)
        .read_all(&self.reads, read)
        .await
    }

    /// Submissions whose outcome is to be disclosed at this time.
    pub async fn disclosures_due(&self, now: Timestamp) -> Result<Vec<SubmissionRecord>> {
        select("s.undisclosed_outcome IS NOT NULL AND s.ready_at <= $1 ORDER BY s.ready_at, s.id")
            .bind(now.0)
            .read_all(&self.reads, read)
            .await
    }

    /// The number of submissions of each team of a challenge that has any.
    pub async fn submission_counts(&self, challenge: &ChallengeSlug) -> Result<BTreeMap<TeamSlug, i64>> {
        let counts =
            sqlx::query("SELECT team, COUNT(*) AS submissions FROM submission WHERE challenge = $1 GROUP BY team")
                .bind(challenge.as_str())
                .read_all(&self.reads, |row| Ok((row::text(row, "team")?, row.try_get("submissions")?)))
                .await?;
        Ok(counts.into_iter().collect())
    }

    /// Submissions without an outcome, oldest first.
    pub async fn submissions_under_way(&self) -> Result<Vec<SubmissionRecord>> {
        select("s.outcome IS NULL ORDER BY s.id").read_all(&self.reads, read).await
    }

    /// The number of other evaluations of the same team on the same board that have begun and have not ended: a case
    /// runs, or the submission waits for its next case, for the scorer or for the disclosure of its outcome.
    pub async fn evaluations_under_way(&self, record: &SubmissionRecord) -> Result<i64> {
        let mine = &record.submission;
        // A submission that runs again is ready since the rerun, which is later than its earlier attempts.
        Ok(sqlx::query_scalar(
            "SELECT COUNT(*) FROM submission s
             WHERE s.challenge = $1 AND s.phase = $2 AND s.task = $3 AND s.team = $4
               AND s.id <> $5 AND s.outcome IS NULL
               AND (s.stage = 'scoring' OR s.undisclosed_outcome IS NOT NULL
                    OR (s.stage = 'run' AND s.working = 1)
                    OR (s.stage = 'run' AND EXISTS (
                          SELECT 1 FROM attempt a
                          WHERE a.submission_id = s.id AND a.stage = 'run'
                            AND a.state = 'succeeded' AND a.started_at >= s.ready_at)))",
        )
        .bind(mine.challenge.as_str())
        .bind(mine.phase.as_str())
        .bind(mine.task.as_ref().map_or("", TaskSlug::as_str))
        .bind(mine.team.as_str())
        .bind(mine.id.0)
        .fetch_one(&self.reads)
        .await?)
    }

    /// The number of submissions to a board, and the number of those that are under way.
    pub async fn board_counts(&self, board: &Board) -> Result<(i64, i64)> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS all_of_them, COUNT(*) - COUNT(outcome) AS under_way
             FROM submission WHERE challenge = $1 AND phase = $2 AND task = $3",
        )
        .bind_board(board)
        .fetch_one(&self.reads)
        .await?;
        Ok((row.try_get("all_of_them")?, row.try_get("under_way")?))
    }

    /// Records the content of a source, and returns an earlier submission of the same content to the same phase and
    /// task that was scored or is under way. `content` is a git tree, or the configuration of an image. The same image
    /// with the tag of another task is not a duplicate.
    pub async fn same_content(&self, record: &SubmissionRecord, content: &str) -> Result<Option<SubmissionRecord>> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE source SET content_digest = $1 WHERE id = $2")
            .bind(content)
            .bind(record.source)
            .execute(&mut *tx)
            .await?;
        let found = select(
            "o.content_digest = $1 AND o.repository_id = $2 AND o.phase = $3
               AND s.id < $4 AND s.source_id <> $5
               AND (s.pushed_as IS NULL OR s.task = $6)
               AND (s.outcome IS NULL OR s.outcome = 'scored') ORDER BY s.id LIMIT 1",
        )
        .bind(content)
        .bind(record.repository.0)
        .bind(record.submission.phase.as_str())
        .bind(record.submission.id.0)
        .bind(record.source)
        .bind(record.submission.task.as_ref().map_or("", TaskSlug::as_str))
        .read_optional(&mut *tx, read)
        .await?;
        tx.commit().await?;
        Ok(found)
    }
}

async fn enter(
    tx: &mut Transaction<'static, Any>,
    repository: &Repository,
    new: &NewSource,
    now: Timestamp,
) -> Result<SourceRecord> {
    let id = next_number(tx, "source").await?;
    let inserted = sqlx::query(
        "INSERT INTO source (id, repository_id, sha, phase, full_ref, observed_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (repository_id, sha, phase) DO NOTHING",
    )
    .bind(id)
    .bind(repository.id.0)
    .bind(new.seen.commit.as_str())
    .bind(new.phase.as_str())
    .bind(&new.seen.full_ref)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    let is_new = inserted.rows_affected() == 1;
    let submission = if is_new {
        let new = NewSubmission {
            source: id,
            token: &new.token,
            phase: &new.phase,
            task: "",
            dockerfile: "",
            team: repository.team.as_str(),
            challenge: &repository.challenge,
            config_digest: &new.config_digest,
            stage: Stage::Admission,
            pushed_as: None,
        };
        insert(tx, &new, now).await?
    } else {
        let id: i64 = sqlx::query_scalar(
            "SELECT MIN(s.id) FROM submission s JOIN source o ON o.id = s.source_id
             WHERE o.repository_id = $1 AND o.sha = $2 AND o.phase = $3",
        )
        .bind(repository.id.0)
        .bind(new.seen.commit.as_str())
        .bind(new.phase.as_str())
        .fetch_one(&mut **tx)
        .await?;
        SubmissionId(id)
    };
    Ok(SourceRecord { seen: new.seen.clone(), phase: new.phase.clone(), submission, new: is_new })
}
