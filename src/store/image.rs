//! The images of submissions, and those that no submission needs any more.

use sqlx::Row as _;

use super::row::ReadRows as _;
use super::{Result, Store, row};
use crate::model::{ImageFacts, ImageId};

/// An image whose submissions are all withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnneededImage {
    pub id: ImageId,
    /// The name under which it was built.
    pub build_name: String,
    source: i64,
    dockerfile: String,
}

impl Store {
    /// The image that was built from a source with this Dockerfile, and the name of its build.
    pub async fn image(&self, source: i64, dockerfile: &str) -> Result<Option<(ImageFacts, String)>> {
        sqlx::query("SELECT facts, build_name FROM image WHERE source_id = $1 AND dockerfile = $2")
            .bind(source)
            .bind(dockerfile)
            .read_optional(&self.reads, |r| Ok((row::json(r, "facts")?, r.try_get("build_name")?)))
            .await
    }

    /// Images whose submissions are all withdrawn, those of all tasks that share the image.
    pub async fn unneeded_images(&self) -> Result<Vec<UnneededImage>> {
        sqlx::query(
            "SELECT i.id, i.build_name, i.source_id, i.dockerfile FROM image i
             WHERE NOT EXISTS (SELECT 1 FROM submission s
               WHERE s.source_id = i.source_id AND s.dockerfile = i.dockerfile
                 AND (s.outcome IS NULL OR s.outcome <> 'withdrawn'))",
        )
        .read_all(&self.reads, |r| {
            Ok(UnneededImage {
                id: row::text(r, "id")?,
                build_name: r.try_get("build_name")?,
                source: r.try_get("source_id")?,
                dockerfile: r.try_get("dockerfile")?,
            })
        })
        .await
    }

    /// Deletes the row of an image that the engine no longer has.
    pub async fn delete_image(&self, image: &UnneededImage) -> Result<()> {
        sqlx::query("DELETE FROM image WHERE source_id = $1 AND dockerfile = $2 AND id = $3")
            .bind(image.source)
            .bind(&image.dockerfile)
            .bind(image.id.as_str())
            .execute(&self.writes)
            .await?;
        Ok(())
    }
}
