//! The refs that Referee last saw in the repositories of teams.

use std::collections::BTreeMap;

use sqlx::{Any, Row as _, Transaction};

use super::row::ReadRows as _;
use super::{Result, Store, row};
use crate::model::{CommitSha, RepositoryId, Timestamp};

/// A ref as read from a forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenRef {
    /// Full name, for example `refs/heads/main`.
    pub full_ref: String,
    /// The commit. For an annotated tag, the commit that it points to.
    pub commit: CommitSha,
}

impl Store {
    /// The refs that Referee last saw.
    pub async fn known_refs(&self, repository: RepositoryId) -> Result<Vec<SeenRef>> {
        sqlx::query("SELECT full_ref, sha FROM known_ref WHERE repository_id = $1 ORDER BY full_ref")
            .bind(repository.0)
            .read_all(&self.reads, |r| Ok(SeenRef { full_ref: r.try_get("full_ref")?, commit: row::text(r, "sha")? }))
            .await
    }
}

/// Replaces the known refs of a repository.
pub(super) async fn record_refs(
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
