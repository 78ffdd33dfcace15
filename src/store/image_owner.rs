//! The owners of teams' images in a forge's registry, the tags that Referee last saw, and the submissions that new
//! tags make.
//!
//! An owner is identified by the forge's id. Its name may change hands, and then means nothing.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::audit::{NewAuditEntry, append};
use super::row::ReadRows as _;
use super::submission::{NewSubmission, insert};
use super::{Change, Repository, Result, Store, StoreError, next_number, row};
use crate::model::{Digest, ForgeName, PageToken, PhaseSlug, RepositoryId, Stage, SubmissionId, TaskSlug, Timestamp};

/// The organization to whose registry a team pushes its images. Each team has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOwner {
    /// Row.
    pub id: i64,
    pub forge: ForgeName,
    /// The forge's own id of the organization. It survives renames.
    pub owner_id: i64,
    /// The name when Referee last saw it.
    pub login: String,
    /// The repository of the team. Referee reports there.
    pub repository: RepositoryId,
}

/// A tag of an image with its digest, as read from a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenImage {
    /// Name within the owner.
    pub name: String,
    pub tag: String,
    /// Digest of the manifest or index.
    pub digest: Digest,
}

impl SeenImage {
    /// `name:tag`.
    pub fn pushed_as(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

/// An image that a new or moved tag enters for a task in a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    pub seen: SeenImage,
    pub phase: PhaseSlug,
    /// The task that the tag names.
    pub task: TaskSlug,
    /// Page address of the new submission.
    pub token: PageToken,
    /// Digest of the present challenge.toml.
    pub config_digest: Digest,
}

/// An image that was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    pub seen: SeenImage,
    pub phase: PhaseSlug,
    pub submission: SubmissionId,
    /// Whether the submission is new. Otherwise the image was entered for the task before.
    pub new: bool,
}

fn read(row: &AnyRow) -> Result<ImageOwner> {
    Ok(ImageOwner {
        id: row.try_get("id")?,
        forge: row::text(row, "forge")?,
        owner_id: row.try_get("owner_id")?,
        login: row.try_get("login")?,
        repository: RepositoryId(row.try_get("repository_id")?),
    })
}

/// Binds a team to the owner of its images within a transaction. Returns whether the owner is new.
async fn bind(tx: &mut Transaction<'static, Any>, new: &ImageOwner, now: Timestamp) -> Result<(ImageOwner, bool)> {
    let bound = sqlx::query("SELECT * FROM image_owner WHERE (forge = $1 AND owner_id = $2) OR repository_id = $3")
        .bind(new.forge.as_str())
        .bind(new.owner_id)
        .bind(new.repository.0)
        .read_all(&mut **tx, read)
        .await?;
    let same = |o: &&ImageOwner| o.forge == new.forge && o.owner_id == new.owner_id && o.repository == new.repository;
    let (id, is_new) = match (bound.iter().find(same), bound.first()) {
        (Some(known), _) => {
            sqlx::query("UPDATE image_owner SET login = $1 WHERE id = $2")
                .bind(&new.login)
                .bind(known.id)
                .execute(&mut **tx)
                .await?;
            (known.id, false)
        }
        (None, Some(other)) => {
            let reason = if other.repository == new.repository {
                format!("the team's images are in {}", other.login)
            } else {
                "it belongs to another team".to_owned()
            };
            return Err(StoreError::ImageOwnerConflict { owner: new.login.clone(), reason });
        }
        (None, None) => (insert_owner(tx, new, now).await?, true),
    };
    Ok((ImageOwner { id, ..new.clone() }, is_new))
}

impl Store {
    /// Binds a team to the owner of its images. If both are bound already, updates the owner's name.
    ///
    /// # Errors
    /// [`StoreError::ImageOwnerConflict`] if the team has another owner, or the owner belongs to another team.
    pub async fn bind_image_owner(&self, new: &ImageOwner, now: Timestamp) -> Result<ImageOwner> {
        let mut tx = self.begin().await?;
        let (bound, _) = bind(&mut tx, new, now).await?;
        tx.commit().await?;
        Ok(bound)
    }

    /// [`Store::bind_image_owner`] with an entry of the audit log, which is written only if the owner is new.
    ///
    /// # Errors
    /// As [`Store::bind_image_owner`].
    pub async fn register_image_owner(
        &self,
        new: &ImageOwner,
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<ImageOwner> {
        let mut tx = self.begin().await?;
        let (bound, is_new) = bind(&mut tx, new, now).await?;
        if is_new {
            append(&mut tx, audit, now).await?;
        }
        tx.commit().await?;
        Ok(bound)
    }

    /// The owners of all teams' images, oldest first.
    pub async fn image_owners(&self) -> Result<Vec<ImageOwner>> {
        sqlx::query("SELECT * FROM image_owner ORDER BY id").read_all(&self.reads, read).await
    }

    /// The owner with this id of the forge, if it belongs to a team.
    pub async fn image_owner(&self, forge: &ForgeName, id: i64) -> Result<Option<ImageOwner>> {
        sqlx::query("SELECT * FROM image_owner WHERE forge = $1 AND owner_id = $2")
            .bind(forge.as_str())
            .bind(id)
            .read_optional(&self.reads, read)
            .await
    }

    /// The owner of the image of a source. `None` for a commit.
    pub async fn image_owner_of(&self, source: i64) -> Result<Option<ImageOwner>> {
        sqlx::query(
            "SELECT w.* FROM image_owner w JOIN source o ON o.image_owner_id = w.id
             WHERE o.id = $1",
        )
        .bind(source)
        .read_optional(&self.reads, read)
        .await
    }

    /// The tags that Referee last saw.
    pub async fn known_images(&self, owner: &ImageOwner) -> Result<Vec<SeenImage>> {
        sqlx::query(
            "SELECT name, tag, digest FROM known_image WHERE image_owner_id = $1
             ORDER BY name, tag",
        )
        .bind(owner.id)
        .read_all(&self.reads, |r| {
            Ok(SeenImage { name: r.try_get("name")?, tag: r.try_get("tag")?, digest: row::text(r, "digest")? })
        })
        .await
    }

    /// Records all tags of an owner that may be submissions, and enters those images that are new to a phase and a
    /// task of the team. Deletes tags that no longer exist. Everything happens in one transaction.
    pub async fn observe_images(
        &self,
        owner: &ImageOwner,
        repository: &Repository,
        seen: &[SeenImage],
        entered: &[NewImage],
        now: Timestamp,
    ) -> Result<Vec<ImageRecord>> {
        let mut tx = self.begin().await?;
        record_tags(&mut tx, owner, seen, now).await?;
        let mut records = Vec::new();
        for new in entered {
            records.push(enter(&mut tx, owner, repository, new, now).await?);
        }
        tx.commit().await?;
        for record in records.iter().filter(|r| r.new) {
            self.notify(Change::Submission(record.submission));
        }
        Ok(records)
    }
}

async fn insert_owner(tx: &mut Transaction<'static, Any>, new: &ImageOwner, now: Timestamp) -> Result<i64> {
    let id = next_number(tx, "image_owner").await?;
    sqlx::query(
        "INSERT INTO image_owner (id, forge, owner_id, login, repository_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(new.forge.as_str())
    .bind(new.owner_id)
    .bind(&new.login)
    .bind(new.repository.0)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

async fn record_tags(
    tx: &mut Transaction<'static, Any>,
    owner: &ImageOwner,
    seen: &[SeenImage],
    now: Timestamp,
) -> Result<()> {
    for image in seen {
        sqlx::query(
            "INSERT INTO known_image (image_owner_id, name, tag, digest, seen_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (image_owner_id, name, tag)
             DO UPDATE SET digest = excluded.digest, seen_at = excluded.seen_at
             WHERE known_image.digest <> excluded.digest",
        )
        .bind(owner.id)
        .bind(&image.name)
        .bind(&image.tag)
        .bind(image.digest.as_str())
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
    }
    let rows = sqlx::query("SELECT name, tag FROM known_image WHERE image_owner_id = $1")
        .bind(owner.id)
        .fetch_all(&mut **tx)
        .await?;
    for row in &rows {
        let (name, tag): (String, String) = (row.try_get("name")?, row.try_get("tag")?);
        if seen.iter().any(|s| s.name == name && s.tag == tag) {
            continue;
        }
        sqlx::query("DELETE FROM known_image WHERE image_owner_id = $1 AND name = $2 AND tag = $3")
            .bind(owner.id)
            .bind(&name)
            .bind(&tag)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn enter(
    tx: &mut Transaction<'static, Any>,
    owner: &ImageOwner,
    repository: &Repository,
    new: &NewImage,
    now: Timestamp,
) -> Result<ImageRecord> {
    let pushed_as = new.seen.pushed_as();
    let source = put_source(tx, owner, new, now).await?;
    let known: Option<i64> = sqlx::query_scalar("SELECT id FROM submission WHERE source_id = $1 AND task = $2")
        .bind(source)
        .bind(new.task.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    let submission = match known {
        Some(id) => SubmissionId(id),
        None => {
            let new = NewSubmission {
                source,
                token: &new.token,
                phase: &new.phase,
                task: new.task.as_str(),
                dockerfile: "",
                team: repository.team.as_str(),
                challenge: &repository.challenge,
                config_digest: &new.config_digest,
                stage: Stage::Admission,
                pushed_as: Some(&pushed_as),
            };
            insert(tx, &new, now).await?
        }
    };
    Ok(ImageRecord { seen: new.seen.clone(), phase: new.phase.clone(), submission, new: known.is_none() })
}

/// Adds the source of an image for a phase, unless the image was entered before under any name. Returns its row.
async fn put_source(
    tx: &mut Transaction<'static, Any>,
    owner: &ImageOwner,
    new: &NewImage,
    now: Timestamp,
) -> Result<i64> {
    let id = next_number(tx, "source").await?;
    sqlx::query(
        "INSERT INTO source (id, repository_id, sha, phase, full_ref, observed_at, image_owner_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (repository_id, sha, phase) DO NOTHING",
    )
    .bind(id)
    .bind(owner.repository.0)
    .bind(new.seen.digest.as_str())
    .bind(new.phase.as_str())
    .bind(new.seen.pushed_as())
    .bind(now.0)
    .bind(owner.id)
    .execute(&mut **tx)
    .await?;
    Ok(sqlx::query_scalar("SELECT id FROM source WHERE repository_id = $1 AND sha = $2 AND phase = $3")
        .bind(owner.repository.0)
        .bind(new.seen.digest.as_str())
        .bind(new.phase.as_str())
        .fetch_one(&mut **tx)
        .await?)
}
