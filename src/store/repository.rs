//! Repositories of teams.
//!
//! A repository stays bound to its team. Only its name on the forge is updated.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::audit::{NewAuditEntry, append};
use super::known_ref::{SeenRef, record_refs};
use super::row::ReadRows as _;
use super::{Result, Store, StoreError, next_number, row};
use crate::model::{ChallengeSlug, ForgeName, PageToken, RepositoryId, TeamSlug, Timestamp};

/// The repository of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub id: RepositoryId,
    pub forge: ForgeName,
    /// The forge's own id of the repository. It survives renames.
    pub forge_id: String,
    /// `owner/name` when Referee last saw it.
    pub full_name: String,
    pub challenge: ChallengeSlug,
    pub team: TeamSlug,
    /// The hook of a local repository sends this token to ask about its own pushes.
    pub hook_token: PageToken,
}

fn read(row: &AnyRow) -> Result<Repository> {
    Ok(Repository {
        id: RepositoryId(row.try_get("id")?),
        forge: row::text(row, "forge")?,
        forge_id: row.try_get("forge_id")?,
        full_name: row.try_get("full_name")?,
        challenge: row::text(row, "challenge")?,
        team: row::text(row, "team")?,
        hook_token: row::text(row, "hook_token")?,
    })
}

impl Store {
    /// Binds a team to its repository, and returns whether the binding is new. If both are bound already, updates the
    /// repository's name; the new name may belong to another team, and has no meaning then.
    ///
    /// The refs of a new repository (`present_refs`) are recorded as known in the same transaction, so that no sweep
    /// in between takes the template for a submission.
    ///
    /// # Errors
    /// [`StoreError::RepositoryConflict`] if the team has another repository, or the repository belongs to another
    /// challenge.
    pub async fn bind_repository(
        &self,
        new: &Repository,
        present_refs: &[SeenRef],
        now: Timestamp,
    ) -> Result<(Repository, bool)> {
        let mut tx = self.begin().await?;
        let bound = bind(&mut tx, new, present_refs, now).await?;
        tx.commit().await?;
        Ok(bound)
    }

    /// [`Store::bind_repository`] with an entry of the audit log, which is written only if the team is new.
    ///
    /// # Errors
    /// As [`Store::bind_repository`].
    pub async fn register_repository(
        &self,
        new: &Repository,
        present_refs: &[SeenRef],
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<Repository> {
        let mut tx = self.begin().await?;
        let (bound, is_new) = bind(&mut tx, new, present_refs, now).await?;
        if is_new {
            append(&mut tx, audit, now).await?;
        }
        tx.commit().await?;
        Ok(bound)
    }

    /// The repositories of all teams, oldest first.
    pub async fn repositories(&self) -> Result<Vec<Repository>> {
        sqlx::query("SELECT * FROM repository ORDER BY id").read_all(&self.reads, read).await
    }

    /// The repository with this id of the forge, if it belongs to a team.
    pub async fn repository_of(&self, forge: &ForgeName, id: &str) -> Result<Option<Repository>> {
        sqlx::query("SELECT * FROM repository WHERE forge = $1 AND forge_id = $2")
            .bind(forge.as_str())
            .bind(id)
            .read_optional(&self.reads, read)
            .await
    }

    /// The repository whose hook has this token.
    pub async fn repository_by_token(&self, token: &PageToken) -> Result<Option<Repository>> {
        sqlx::query("SELECT * FROM repository WHERE hook_token = $1")
            .bind(token.as_str())
            .read_optional(&self.reads, read)
            .await
    }

    /// # Errors
    /// The row does not exist.
    pub async fn repository(&self, id: RepositoryId) -> Result<Repository> {
        let found = sqlx::query("SELECT * FROM repository WHERE id = $1").bind(id.0).fetch_one(&self.reads).await?;
        read(&found)
    }
}

/// [`Store::bind_repository`] within a transaction.
pub(super) async fn bind(
    tx: &mut Transaction<'static, Any>,
    new: &Repository,
    present_refs: &[SeenRef],
    now: Timestamp,
) -> Result<(Repository, bool)> {
    let bound = sqlx::query(
        "SELECT * FROM repository WHERE (forge = $1 AND forge_id = $2)
            OR (challenge = $3 AND team = $4)",
    )
    .bind(new.forge.as_str())
    .bind(&new.forge_id)
    .bind(new.challenge.as_str())
    .bind(new.team.as_str())
    .read_all(&mut **tx, read)
    .await?;
    let same = |r: &&Repository| r.forge == new.forge && r.forge_id == new.forge_id;
    let reason = match (bound.iter().find(same), bound.first()) {
        (Some(known), _) if known.challenge == new.challenge => {
            return Ok((rename(tx, known, &new.full_name).await?, false));
        }
        (Some(known), _) => format!("it belongs to challenge {}", known.challenge),
        (None, Some(other)) => format!("the team already has the repository {}", other.full_name),
        (None, None) => {
            let inserted = insert(tx, new, now).await?;
            record_refs(tx, inserted.id, present_refs, now).await?;
            return Ok((inserted, true));
        }
    };
    Err(StoreError::RepositoryConflict { team: new.team.to_string(), repository: new.full_name.clone(), reason })
}

async fn rename(tx: &mut Transaction<'static, Any>, known: &Repository, full_name: &str) -> Result<Repository> {
    sqlx::query("UPDATE repository SET full_name = $1 WHERE id = $2")
        .bind(full_name)
        .bind(known.id.0)
        .execute(&mut **tx)
        .await?;
    Ok(Repository { full_name: full_name.to_owned(), ..known.clone() })
}

async fn insert(tx: &mut Transaction<'static, Any>, new: &Repository, now: Timestamp) -> Result<Repository> {
    let id = next_number(tx, "repository").await?;
    sqlx::query(
        "INSERT INTO repository
           (id, forge, forge_id, full_name, challenge, team, hook_token, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id)
    .bind(new.forge.as_str())
    .bind(&new.forge_id)
    .bind(&new.full_name)
    .bind(new.challenge.as_str())
    .bind(new.team.as_str())
    .bind(new.hook_token.as_str())
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(Repository { id: RepositoryId(id), ..new.clone() })
}
