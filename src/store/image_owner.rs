//! Owners of images that teams push to a forge's registry, the tags that we last saw, and what they
//! enter. An owner is its number on the forge; a name that passes to somebody else brings nothing.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::submission::{NewSubmission, insert};
use super::{Change, Repository, Result, Store, StoreError, next_number, row};
use crate::model::{
    Digest, ForgeName, PageToken, PhaseSlug, RepositoryId, Stage, SubmissionId, TaskSlug, Timestamp,
};

/// Where a team pushes its images: an organization of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOwner {
    /// Row.
    pub id: i64,
    /// On this forge.
    pub forge: ForgeName,
    /// The forge's own number of it, which survives renames.
    pub owner_id: i64,
    /// Its name as last seen.
    pub login: String,
    /// The team's repository, which says whose it is and takes the reports.
    pub repository: RepositoryId,
}

/// A tag of an image and what it stands for, as read from a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenImage {
    /// Name within the owner.
    pub name: String,
    /// Tag.
    pub tag: String,
    /// Of the manifest or index.
    pub digest: Digest,
}

impl SeenImage {
    /// `name:tag`.
    pub fn pushed_as(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

/// An image that a changed tag enters for a task in a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    /// The tag and its image.
    pub seen: SeenImage,
    /// The phase that the name triggers.
    pub phase: PhaseSlug,
    /// The task that the tag names.
    pub task: TaskSlug,
    /// Address of the page of a submission that this makes.
    pub token: PageToken,
    /// Digest of the challenge.toml in force.
    pub config_digest: Digest,
}

/// What was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    /// The tag and its image.
    pub seen: SeenImage,
    /// For this phase.
    pub phase: PhaseSlug,
    /// The submission that stands for it.
    pub submission: SubmissionId,
    /// Whether it is new; otherwise the image was entered for the task before.
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

impl Store {
    /// Binds a team to the owner of its images, or finds it bound already (then with its new name).
    ///
    /// # Errors
    /// [`StoreError::OwnerBound`] when the team has another owner or the owner is another team's; or when
    /// the database fails.
    pub async fn bind_image_owner(&self, new: &ImageOwner, now: Timestamp) -> Result<ImageOwner> {
        let mut tx = self.begin().await?;
        let standing = sqlx::query(
            "SELECT * FROM image_owner WHERE (forge = $1 AND owner_id = $2) OR repository_id = $3",
        )
        .bind(new.forge.as_str())
        .bind(new.owner_id)
        .bind(new.repository.0)
        .fetch_all(&mut *tx)
        .await?
        .iter()
        .map(read)
        .collect::<Result<Vec<_>>>()?;
        let same = |o: &&ImageOwner| {
            o.forge == new.forge && o.owner_id == new.owner_id && o.repository == new.repository
        };
        let id = match (standing.iter().find(same), standing.first()) {
            (Some(known), _) => {
                sqlx::query("UPDATE image_owner SET login = $1 WHERE id = $2")
                    .bind(&new.login)
                    .bind(known.id)
                    .execute(&mut *tx)
                    .await?;
                known.id
            }
            (None, Some(other)) => {
                let because = match other.repository == new.repository {
                    true => format!("its images are in {}", other.login),
                    false => "it is another team's".to_owned(),
                };
                return Err(StoreError::OwnerBound {
                    owner: new.login.clone(),
                    because,
                });
            }
            (None, None) => insert_owner(&mut tx, new, now).await?,
        };
        tx.commit().await?;
        Ok(ImageOwner { id, ..new.clone() })
    }

    /// All owners of teams' images, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_owners(&self) -> Result<Vec<ImageOwner>> {
        sqlx::query("SELECT * FROM image_owner ORDER BY id")
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The team's owner that a forge calls by this number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_owner(&self, forge: &ForgeName, id: i64) -> Result<Option<ImageOwner>> {
        sqlx::query("SELECT * FROM image_owner WHERE forge = $1 AND owner_id = $2")
            .bind(forge.as_str())
            .bind(id)
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The owner of the image that a source is; none for a commit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_owner_of(&self, source: i64) -> Result<Option<ImageOwner>> {
        sqlx::query(
            "SELECT w.* FROM image_owner w JOIN source o ON o.image_owner_id = w.id
             WHERE o.id = $1",
        )
        .bind(source)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(read)
        .transpose()
    }

    /// The tags that we last saw.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_images(&self, owner: &ImageOwner) -> Result<Vec<SeenImage>> {
        sqlx::query(
            "SELECT name, tag, digest FROM known_image WHERE image_owner_id = $1
             ORDER BY name, tag",
        )
        .bind(owner.id)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|r| {
            Ok(SeenImage {
                name: r.try_get("name")?,
                tag: r.try_get("tag")?,
                digest: row::text(r, "digest")?,
            })
        })
        .collect()
    }

    /// Takes note of all tags of an owner that may be submissions, and enters those images that are
    /// new to a phase and task of the team. Tags that are gone are forgotten.
    ///
    /// # Errors
    /// When the database fails; then nothing was noted.
    pub async fn observe_images(
        &self,
        (owner, repository): (&ImageOwner, &Repository),
        seen: &[SeenImage],
        entered: &[NewImage],
        now: Timestamp,
    ) -> Result<Vec<ImageRecord>> {
        let mut tx = self.begin().await?;
        remember(&mut tx, owner, seen, now).await?;
        let mut records = Vec::new();
        for new in entered {
            records.push(enter(&mut tx, (owner, repository), new, now).await?);
        }
        tx.commit().await?;
        for record in records.iter().filter(|r| r.new) {
            self.notify(Change::Submission(record.submission));
        }
        Ok(records)
    }
}

async fn insert_owner(
    tx: &mut Transaction<'static, Any>,
    new: &ImageOwner,
    now: Timestamp,
) -> Result<i64> {
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

async fn remember(
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
    (owner, repository): (&ImageOwner, &Repository),
    new: &NewImage,
    now: Timestamp,
) -> Result<ImageRecord> {
    let pushed_as = new.seen.pushed_as();
    let source = source(tx, (owner, new), &pushed_as, now).await?;
    let standing: Option<i64> =
        sqlx::query_scalar("SELECT id FROM submission WHERE source_id = $1 AND task = $2")
            .bind(source)
            .bind(new.task.as_str())
            .fetch_optional(&mut **tx)
            .await?;
    let submission = match standing {
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
    Ok(ImageRecord {
        seen: new.seen.clone(),
        phase: new.phase.clone(),
        submission,
        new: standing.is_none(),
    })
}

/// The source of an image for a phase, whatever it is called.
async fn source(
    tx: &mut Transaction<'static, Any>,
    (owner, new): (&ImageOwner, &NewImage),
    pushed_as: &str,
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
    .bind(pushed_as)
    .bind(now.0)
    .bind(owner.id)
    .execute(&mut **tx)
    .await?;
    let standing = sqlx::query_scalar(
        "SELECT id FROM source WHERE repository_id = $1 AND sha = $2 AND phase = $3",
    )
    .bind(owner.repository.0)
    .bind(new.seen.digest.as_str())
    .bind(new.phase.as_str())
    .fetch_one(&mut **tx)
    .await?;
    Ok(standing)
}
