//! Sources and submissions: what was observed, once, and how it stands.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row as _, Transaction};

use super::attempt::corrupt;
use super::repository::SeenRef;
use super::{Change, Repository, Result, Store, next_number, row, state};
use crate::model::{
    Board, ChallengeSlug, CommitSha, Digest, ImageId, Origin, PageToken, PhaseSlug, RepositoryId,
    Stage, Submission, SubmissionId, TaskSlug, Timestamp,
};

/// A commit that a changed ref enters for a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    /// The ref and its commit.
    pub seen: SeenRef,
    /// The phase that the ref triggers.
    pub phase: PhaseSlug,
    /// Address of the page of a submission that this makes.
    pub token: PageToken,
    /// Digest of the challenge.toml in force.
    pub config_digest: Digest,
}

/// What was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// The ref and its commit.
    pub seen: SeenRef,
    /// For this phase.
    pub phase: PhaseSlug,
    /// The submission that stands for it (the first, where there is one for each task).
    pub submission: SubmissionId,
    /// Whether it is new; otherwise the commit was entered before.
    pub new: bool,
}

/// A submission with what only the pipeline needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionRecord {
    /// The submission.
    pub submission: Submission,
    /// Commit or image, and phase, that it was made from; shared by the tasks of one push.
    pub source: i64,
    /// The team's: where the commit is, or where an image is reported on.
    pub repository: RepositoryId,
    /// Path of its Dockerfile; empty until the rules have passed, and for an image.
    pub dockerfile: String,
    /// Digest of the challenge.toml that judges it.
    pub config_digest: Digest,
    /// Its image, once built.
    pub image: Option<ImageId>,
    /// Since when it waits for its stage.
    pub ready_at: Timestamp,
}

/// Columns of a submission with those of its source; every reader below uses them.
const SELECT: &str = "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at
     FROM submission s JOIN source o ON o.id = s.source_id ";

/// An image stands in the place of a commit where the submission has a name that it was pushed as.
fn origin(row: &AnyRow) -> Result<Origin> {
    match row.try_get::<Option<String>, _>("pushed_as")? {
        None => Ok(Origin::Commit {
            sha: row::text(row, "sha")?,
            full_ref: row.try_get("full_ref")?,
        }),
        Some(name) => Origin::image(&name, row::text(row, "sha")?)
            .ok_or_else(|| corrupt("image", name.clone())),
    }
}

/// A second tag of an image, for another task, counts from its own moment: tasks of one commit were
/// all in it from the beginning, those of an image were not.
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

/// A row to be: the part of a submission that differs between making one and making a sibling.
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

/// A submission by its row, as a transaction sees it.
pub(super) async fn record(
    connection: &mut AnyConnection,
    id: SubmissionId,
) -> Result<SubmissionRecord> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE s.id = $1")))
        .bind(id.0)
        .fetch_one(connection)
        .await?;
    read(&found)
}

impl Store {
    /// Takes note of all refs of a repository and enters those commits that are new to a phase.
    /// `refs` is everything that stands in the repository; refs that are gone are forgotten.
    ///
    /// # Errors
    /// When the database fails; then nothing was noted.
    pub async fn observe(
        &self,
        repository: &Repository,
        refs: &[SeenRef],
        entered: &[NewSource],
        now: Timestamp,
    ) -> Result<Vec<SourceRecord>> {
        let mut tx = self.begin().await?;
        remember_refs(&mut tx, repository.id, refs, now).await?;
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

    /// A submission by its row.
    ///
    /// # Errors
    /// When the database fails or there is none.
    pub async fn submission(&self, id: SubmissionId) -> Result<SubmissionRecord> {
        let mut connection = self.reads.acquire().await?;
        record(&mut connection, id).await
    }

    /// A submission by the address of its page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn submission_by_token(&self, token: &PageToken) -> Result<Option<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE s.token = $1")))
            .bind(token.as_str())
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// A submission by the number that people see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn submission_by_number(
        &self,
        challenge: &ChallengeSlug,
        number: i64,
    ) -> Result<Option<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE s.challenge = $1 AND s.number = $2"
        )))
        .bind(challenge.as_str())
        .bind(number)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(read)
        .transpose()
    }

    /// All submissions of a source, in the order of their numbers: one for each task.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn submissions_of_source(&self, source: i64) -> Result<Vec<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE s.source_id = $1 ORDER BY s.number"
        )))
        .bind(source)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// All submissions of a commit, over all phases and tasks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn submissions_of_commit(
        &self,
        repository: RepositoryId,
        sha: &CommitSha,
    ) -> Result<Vec<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE o.repository_id = $1 AND o.sha = $2 ORDER BY s.number"
        )))
        .bind(repository.0)
        .bind(sha.as_str())
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// All submissions to a challenge, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn submissions_of_challenge(
        &self,
        challenge: &ChallengeSlug,
    ) -> Result<Vec<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE s.challenge = $1 ORDER BY s.number"
        )))
        .bind(challenge.as_str())
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Submissions that wait for a stage at this moment, longest waiting first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_for(&self, stage: Stage, now: Timestamp) -> Result<Vec<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE s.outcome IS NULL AND s.working = 0 AND s.stage = $1
               AND s.undisclosed_outcome IS NULL AND s.ready_at <= $2 ORDER BY s.ready_at, s.id LIMIT 1000"
        )))
        .bind(stage.as_str())
        .bind(now.0)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Submissions whose verdict is sealed and may be told at this moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn disclosures_due(&self, now: Timestamp) -> Result<Vec<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE s.undisclosed_outcome IS NOT NULL AND s.ready_at <= $1 ORDER BY s.ready_at, s.id"
        )))
        .bind(now.0)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Submissions without an outcome, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn submissions_under_way(&self) -> Result<Vec<SubmissionRecord>> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE s.outcome IS NULL ORDER BY s.id"
        )))
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// How many other evaluations of the same team on the same board have begun and are not over: what
    /// runs, waits for its next case or for the scorer, or for the moment in which its verdict is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evaluations_under_way(&self, record: &SubmissionRecord) -> Result<i64> {
        let mine = &record.submission;
        // One that was taken up again is ready since then, later than its earlier attempts.
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

    /// How many submissions a board has had, and how many of them are under way.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn board_counts(&self, board: &Board) -> Result<(i64, i64)> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS all_of_them, COUNT(*) - COUNT(outcome) AS under_way
             FROM submission WHERE challenge = $1 AND phase = $2 AND task = $3",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .fetch_one(&self.reads)
        .await?;
        Ok((row.try_get("all_of_them")?, row.try_get("under_way")?))
    }

    /// An earlier submission of the same content to the same phase and task that was scored or is
    /// under way. `tree` is the git tree of this one, or the configuration of an image, which is
    /// remembered. The tag of an image names its task, so the same image for another is another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn same_content(
        &self,
        record: &SubmissionRecord,
        tree: &str,
    ) -> Result<Option<SubmissionRecord>> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE source SET content_digest = $1 WHERE id = $2")
            .bind(tree)
            .bind(record.source)
            .execute(&mut *tx)
            .await?;
        let found = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE o.content_digest = $1 AND o.repository_id = $2 AND o.phase = $3
               AND s.id < $4 AND s.source_id <> $5
               AND (s.pushed_as IS NULL OR s.task = $6)
               AND (s.outcome IS NULL OR s.outcome = 'scored') ORDER BY s.id LIMIT 1"
        )))
        .bind(tree)
        .bind(record.repository.0)
        .bind(record.submission.phase.as_str())
        .bind(record.submission.id.0)
        .bind(record.source)
        .bind(record.submission.task.as_ref().map_or("", TaskSlug::as_str))
        .fetch_optional(&mut *tx)
        .await?;
        let found = found.as_ref().map(read).transpose()?;
        tx.commit().await?;
        Ok(found)
    }
}

pub(super) async fn remember_refs(
    tx: &mut Transaction<'static, Any>,
    repository: RepositoryId,
    refs: &[SeenRef],
    now: Timestamp,
) -> Result<()> {
    let rows = sqlx::query("SELECT full_ref, sha FROM known_ref WHERE repository_id = $1")
        .bind(repository.0)
        .fetch_all(&mut **tx)
        .await?;
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for row in &rows {
        known.insert(row.try_get("full_ref")?, row.try_get("sha")?);
    }
    for seen in refs {
        if known.remove(&seen.full_ref).as_deref() == Some(seen.commit.as_str()) {
            continue;
        }
        sqlx::query(
            "INSERT INTO known_ref (repository_id, full_ref, sha, seen_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (repository_id, full_ref)
             DO UPDATE SET sha = excluded.sha, seen_at = excluded.seen_at",
        )
        .bind(repository.0)
        .bind(&seen.full_ref)
        .bind(seen.commit.as_str())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    }
    for gone in known.keys() {
        sqlx::query("DELETE FROM known_ref WHERE repository_id = $1 AND full_ref = $2")
            .bind(repository.0)
            .bind(gone)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
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
    Ok(SourceRecord {
        seen: new.seen.clone(),
        phase: new.phase.clone(),
        submission,
        new: is_new,
    })
}
