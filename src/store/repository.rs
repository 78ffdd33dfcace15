//! Team repositories and the refs that we last saw in them. A binding is never changed here, only
//! the name that the forge shows for it.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::submission::remember_refs;
use super::{Result, Store, StoreError, next_number, row};
use crate::model::{
    ChallengeSlug, CommitSha, ForgeName, PageToken, RepositoryId, TeamSlug, Timestamp,
};

/// A team's repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Row.
    pub id: RepositoryId,
    /// On this forge.
    pub forge: ForgeName,
    /// The forge's own name of it, which survives renames.
    pub forge_id: String,
    /// `owner/name` as last seen.
    pub full_name: String,
    /// For this challenge.
    pub challenge: ChallengeSlug,
    /// Of this team.
    pub team: TeamSlug,
    /// What its hook shows to be told about its own pushes.
    pub hook_token: PageToken,
}

/// A ref and its value, as read from a forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenRef {
    /// Full name.
    pub full_ref: String,
    /// The commit it stands for (annotated tags peeled).
    pub commit: CommitSha,
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
    /// Binds a team to its repository, or finds it bound already (then with its new name). A bound
    /// repository stays its team's whatever it is called. Whether it is new comes with it: what stands
    /// in a new one (`standing_refs`) is known from the same moment on, so that no sweep in between
    /// takes its template for a submission.
    ///
    /// # Errors
    /// [`StoreError::Bound`] when the team has another repository or the repository takes part in
    /// another challenge; or when the database fails.
    pub async fn bind_repository(
        &self,
        new: &Repository,
        standing_refs: &[SeenRef],
        now: Timestamp,
    ) -> Result<(Repository, bool)> {
        let mut tx = self.begin().await?;
        let bound = bind(&mut tx, new, standing_refs, now).await?;
        tx.commit().await?;
        Ok(bound)
    }

    /// All repositories, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn repositories(&self) -> Result<Vec<Repository>> {
        sqlx::query("SELECT * FROM repository ORDER BY id")
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The repository that a forge calls by this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn repository_of(&self, forge: &ForgeName, id: &str) -> Result<Option<Repository>> {
        sqlx::query("SELECT * FROM repository WHERE forge = $1 AND forge_id = $2")
            .bind(forge.as_str())
            .bind(id)
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The repository whose hook shows this token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn repository_by_token(&self, token: &PageToken) -> Result<Option<Repository>> {
        sqlx::query("SELECT * FROM repository WHERE hook_token = $1")
            .bind(token.as_str())
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// A repository by its row.
    ///
    /// # Errors
    /// When the database fails or the row is gone.
    pub async fn repository(&self, id: RepositoryId) -> Result<Repository> {
        let found = sqlx::query("SELECT * FROM repository WHERE id = $1")
            .bind(id.0)
            .fetch_one(&self.reads)
            .await?;
        read(&found)
    }

    /// The refs that we last saw.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_refs(&self, repository: RepositoryId) -> Result<Vec<SeenRef>> {
        sqlx::query(
            "SELECT full_ref, sha FROM known_ref WHERE repository_id = $1 ORDER BY full_ref",
        )
        .bind(repository.0)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|r| {
            Ok(SeenRef {
                full_ref: r.try_get("full_ref")?,
                commit: row::text(r, "sha")?,
            })
        })
        .collect()
    }
}

/// [`Store::bind_repository`] within a transaction.
pub(super) async fn bind(
    tx: &mut Transaction<'static, Any>,
    new: &Repository,
    standing_refs: &[SeenRef],
    now: Timestamp,
) -> Result<(Repository, bool)> {
    let standing = sqlx::query(
        "SELECT * FROM repository WHERE (forge = $1 AND forge_id = $2)
            OR (challenge = $3 AND team = $4)",
    )
    .bind(new.forge.as_str())
    .bind(&new.forge_id)
    .bind(new.challenge.as_str())
    .bind(new.team.as_str())
    .fetch_all(&mut **tx)
    .await?
    .iter()
    .map(read)
    .collect::<Result<Vec<_>>>()?;
    let same = |r: &&Repository| r.forge == new.forge && r.forge_id == new.forge_id;
    let (bound, is_new) = match standing.iter().find(same) {
        Some(known) if known.challenge == new.challenge => {
            (rename(tx, known, &new.full_name).await?, false)
        }
        Some(taken) => {
            return Err(refuse(
                new,
                format!("it belongs to challenge {}", taken.challenge),
            ));
        }
        None => match standing.first() {
            Some(other) => {
                return Err(refuse(
                    new,
                    format!("its repository is {}", other.full_name),
                ));
            }
            None => (insert(tx, new, now).await?, true),
        },
    };
    if is_new {
        remember_refs(tx, bound.id, standing_refs, now).await?;
    }
    Ok((bound, is_new))
}

fn refuse(new: &Repository, because: String) -> StoreError {
    StoreError::Bound {
        team: new.team.to_string(),
        wanted: new.full_name.clone(),
        because,
    }
}

async fn rename(
    tx: &mut Transaction<'static, Any>,
    known: &Repository,
    full_name: &str,
) -> Result<Repository> {
    sqlx::query("UPDATE repository SET full_name = $1 WHERE id = $2")
        .bind(full_name)
        .bind(known.id.0)
        .execute(&mut **tx)
        .await?;
    Ok(Repository {
        full_name: full_name.to_owned(),
        ..known.clone()
    })
}

async fn insert(
    tx: &mut Transaction<'static, Any>,
    new: &Repository,
    now: Timestamp,
) -> Result<Repository> {
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
    Ok(Repository {
        id: RepositoryId(id),
        ..new.clone()
    })
}
