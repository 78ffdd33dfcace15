//! An image from an archive that we made ourselves: configuration, layers, nothing else.
//!
//! It refuses an archive that turns out to be another image than was announced: the engine's own
//! id for what it took in must be the digest of the configuration, and only then is it named. The
//! archive has no name in it, so nothing that the engine had before can lose its own.

use std::path::Path;

use bollard::query_parameters::{ImportImageOptionsBuilder, TagImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt;

use super::build::BUILDS;
use super::{DockerEngine, context, is_name, refusal};
use crate::executor::{ExecutorError, LoadEnd, Result};
use crate::model::{ImageId, limits};

/// What an engine says of its own disk, whatever it was given.
const FULL: &str = "no space left on device";

impl DockerEngine {
    pub(super) async fn load_archive(
        &self,
        archive: &Path,
        image: &ImageId,
        name: &str,
    ) -> Result<LoadEnd> {
        if !is_name(name, 63) {
            return Err(ExecutorError::Refused(format!("image name `{name}`")));
        }
        if let Some(message) = self.take_in(archive).await? {
            return Ok(LoadEnd::Refused(message));
        }
        // Engines that keep images by their manifests do not know this id, and are told apart here.
        if self.image_facts(image.as_str()).await?.is_none() {
            return Err(ExecutorError::Refused(format!(
                "it took an image in, and does not know it as {image}: its image store must name \
                 images by their configuration"
            )));
        }
        let options = &TagImageOptionsBuilder::default()
            .repo(BUILDS)
            .tag(&self.tag_part(name))
            .build();
        self.call("tag", |docker| async move {
            docker
                .tag_image(image.as_str(), Some(options.clone()))
                .await
        })
        .await??;
        match self.image_facts(&self.build_tag(name)).await? {
            Some(facts) if facts.id == *image => Ok(LoadEnd::Loaded(Box::new(facts))),
            _ => Err(ExecutorError::Refused(format!(
                "another image than {image} has its name"
            ))),
        }
    }

    /// `None` when the engine says nothing against it.
    async fn take_in(&self, archive: &Path) -> Result<Option<String>> {
        let file = tokio::fs::File::open(archive).await?;
        let length = file.metadata().await?.len();
        let body = bollard::body_try_stream(context::stream(file, length, Bytes::new()));
        let client = self
            .client()
            .map_err(|e| ExecutorError::Unreachable(e.to_string()))?
            .with_timeout(limits::IMAGE_LOAD_TIME.std()); // the answer begins when all is taken in
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut lines = std::pin::pin!(client.import_image(options, body, None));
        let listen = async {
            while let Some(line) = lines.next().await {
                match line.map_err(refusal) {
                    Ok(_) => {}
                    // Told in the stream: what it was given is wrong, or its disk is full.
                    Err(Ok(no)) if no.status == 200 && !no.message.contains(FULL) => {
                        return Ok(Some(no.message));
                    }
                    Err(Ok(no)) => return Err(no.into()),
                    Err(Err(why)) => {
                        return Err(ExecutorError::Unreachable(format!("load: {why}")));
                    }
                }
            }
            Ok(None)
        };
        let time = limits::IMAGE_LOAD_TIME;
        let late = |_| ExecutorError::Unreachable(format!("load: no answer within {time}"));
        tokio::time::timeout(time.std(), listen)
            .await
            .map_err(late)?
    }
}
