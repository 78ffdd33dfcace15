//! An image from an archive that Referee made: its configuration and its layers.
//!
//! An archive of another image than announced is refused. The engine's own id of the loaded image must be the digest of
//! the configuration; only then does the image get its name. The archive contains no name, so no image on the engine
//! can lose its name to it.

use std::path::Path;

use bollard::query_parameters::ImportImageOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;

use super::build_context;
use super::connection::{DockerEngine, is_name, refusal};
use super::images::BUILDS;
use crate::executor::{ExecutorError, LoadEnd, Result};
use crate::model::{ImageId, limits};

/// The engine's message about a full disk. The archive is not at fault.
const DISK_FULL: &str = "no space left on device";

impl DockerEngine {
    pub(super) async fn load_archive(&self, archive: &Path, image: &ImageId, name: &str) -> Result<LoadEnd> {
        if !is_name(name, 63) {
            return Err(ExecutorError::Refused(format!("image name `{name}`")));
        }
        if let Some(message) = self.import(archive).await? {
            return Ok(LoadEnd::Refused(message));
        }
        // An engine that identifies images by their manifests does not know this id.
        if self.image_facts(image.as_str()).await?.is_none() {
            return Err(ExecutorError::Refused(format!(
                "it loaded an image but does not find it as {image}. Use an engine whose image store identifies \
                 images by their configuration"
            )));
        }
        let tag = self.tag_part(name);
        self.tag_image(image.as_str(), BUILDS, &tag).await??;
        match self.image_facts(&self.build_tag(name)).await? {
            Some(facts) if facts.id == *image => Ok(LoadEnd::Loaded(Box::new(facts))),
            _ => Err(ExecutorError::Refused(format!("another image has the name of {image}"))),
        }
    }

    /// The engine's objection to the archive, if it has one.
    async fn import(&self, archive: &Path) -> Result<Option<String>> {
        let file = tokio::fs::File::open(archive).await?;
        let length = file.metadata().await?.len();
        let body = bollard::body_try_stream(build_context::stream(file, length, Bytes::new()));
        // The answer begins after the whole archive was loaded.
        let client = self.client()?.with_timeout(limits::IMAGE_LOAD_TIME.std());
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut messages = std::pin::pin!(client.import_image(options, body, None));
        let listen = async {
            while let Some(message) = messages.next().await {
                match message.map_err(refusal) {
                    Ok(_) => {}
                    // Reported in the stream: the archive is wrong, or the disk is full.
                    Err(Ok(refusal)) if refusal.status == 200 && !refusal.message.contains(DISK_FULL) => {
                        return Ok(Some(refusal.message));
                    }
                    Err(Ok(refusal)) => return Err(refusal.into()),
                    Err(Err(why)) => {
                        return Err(ExecutorError::Unreachable(format!("load: {why}")));
                    }
                }
            }
            Ok(None)
        };
        let time = limits::IMAGE_LOAD_TIME;
        let late = |_| ExecutorError::Unreachable(format!("load: no answer within {time}"));
        tokio::time::timeout(time.std(), listen).await.map_err(late)?
    }
}
