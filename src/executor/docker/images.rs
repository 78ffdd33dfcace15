//! The images on the engine. The name of a build or load is a tag of `referee/build` that contains the instance.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use async_trait::async_trait;
use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder};

use super::connection::{DockerEngine, Refusal};
use crate::executor::{ExecutorError, ImageStore, LoadEnd, Result};
use crate::model::{Found, ImageFacts, ImageId};

/// The repository of all images that were built or loaded.
pub(super) const BUILDS: &str = "referee/build";

#[async_trait]
impl ImageStore for DockerEngine {
    async fn load(&self, archive: &Path, image: &ImageId, name: &str) -> Result<LoadEnd> {
        self.load_archive(archive, image, name).await
    }

    async fn image_named(&self, name: &str) -> Result<Option<ImageFacts>> {
        self.image_facts(&self.build_tag(name)).await
    }

    async fn images_named(&self, prefix: &str) -> Result<Vec<(ImageId, String)>> {
        let own = format!("{}*", self.build_tag(prefix));
        let before = self.build_tag("");
        let mut named = Vec::new();
        for image in self.list_images(&[("reference", &own)]).await? {
            let id = image_id(Some(&image.id))?;
            let tags = image.repo_tags.iter();
            let names = tags.filter_map(|t| t.strip_prefix(&before));
            let names = names.filter(|name| name.starts_with(prefix));
            named.extend(names.map(|name| (id.clone(), name.to_owned())));
        }
        Ok(named)
    }

    async fn inspect(&self, image: &ImageId) -> Result<Option<ImageFacts>> {
        self.image_facts(image.as_str()).await
    }

    async fn inspect_paths(&self, image: &ImageId, name: &str, paths: &[String]) -> Result<BTreeMap<String, Found>> {
        self.files_at(image, name, paths).await
    }

    async fn remove(&self, image: &ImageId, name: &str) -> Result<()> {
        self.remove_image(&self.build_tag(name), true).await?;
        // The image may be that of another submission too, or a base image.
        let seen = self.inspect_image(image.as_str()).await?;
        let has = |names: &Option<Vec<String>>| names.as_ref().is_some_and(|n| !n.is_empty());
        if seen.is_ok_and(|seen| has(&seen.repo_tags) || has(&seen.repo_digests)) {
            return Ok(());
        }
        self.remove_image(image.as_str(), true).await
    }
}

impl DockerEngine {
    pub(super) fn build_tag(&self, name: &str) -> String {
        format!("{BUILDS}:{}", self.tag_part(name))
    }

    /// The part of a tag behind the colon.
    pub(super) fn tag_part(&self, name: &str) -> String {
        format!("{}.{name}", self.instance())
    }

    /// Gives an image the tag `repository:tag`.
    pub(super) async fn tag_image(
        &self,
        image: &str,
        repository: &str,
        tag: &str,
    ) -> Result<std::result::Result<(), Refusal>> {
        let options = &TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        self.call("tag image", |docker| async move { docker.tag_image(image, Some(options.clone())).await }).await
    }

    /// The images that pass all of these filters.
    pub(super) async fn list_images(&self, filters: &[(&str, &str)]) -> Result<Vec<ImageSummary>> {
        let filters: HashMap<_, _> = filters.iter().map(|(k, v)| (*k, vec![*v])).collect();
        let options = &ListImagesOptionsBuilder::default().filters(&filters).build();
        let answer = self.call("list images", |docker| async move { docker.list_images(Some(options.clone())).await });
        Ok(answer.await??)
    }

    /// An image by id or name.
    pub(super) async fn inspect_image(&self, image: &str) -> Result<std::result::Result<ImageInspect, Refusal>> {
        self.call("inspect image", |docker| async move { docker.inspect_image(image).await }).await
    }

    /// The facts of an image by id or name, if it exists.
    pub(super) async fn image_facts(&self, image: &str) -> Result<Option<ImageFacts>> {
        let seen = match self.inspect_image(image).await? {
            Ok(seen) => seen,
            Err(refusal) if refusal.status == 404 => return Ok(None),
            Err(refusal) => return Err(refusal.into()),
        };
        let config = seen.config.unwrap_or_default();
        let layers = seen.root_fs.and_then(|fs| fs.layers).unwrap_or_default();
        Ok(Some(ImageFacts {
            id: image_id(seen.id.as_deref())?,
            os: seen.os.unwrap_or_default(),
            architecture: seen.architecture.unwrap_or_default(),
            bytes: seen.size.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
            layers: layers.len(),
            user: config.user.unwrap_or_default(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
            volumes: config.volumes.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            on_build: config.on_build.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
        }))
    }

    /// Removes an image and the unnamed images below it. An image that no longer exists is accepted.
    pub(super) async fn remove_image(&self, name: &str, force: bool) -> Result<()> {
        let options = &RemoveImageOptionsBuilder::default().force(force).build();
        let answer = self
            .call("remove image", |docker| async move { docker.remove_image(name, Some(options.clone()), None).await })
            .await?;
        match answer {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.status == 404 => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

fn image_id(text: Option<&str>) -> Result<ImageId> {
    ImageId::new(text.unwrap_or_default())
        .map_err(|e| ExecutorError::Refused(format!("the id of an image is malformed: {e}")))
}
