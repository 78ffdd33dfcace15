//! The JSON texts of a registry: index, manifest and configuration.
//!
//! The types are our own. Those of oci-spec have no `OnBuild`, require fields that may be absent here, and refuse
//! images because of fields that Referee does not use. Images of Docker would then be refused, or admitted differently.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{IndexEntry, Layer, LayerKind};
use crate::model::{Digest, Finding};
use crate::rules::catalogue::IMG011;

/// Characters of a reader's error that a message shows.
const REASON_CHARS_MAX: usize = 200;

/// Reads one of the texts.
///
/// # Errors
/// If other readers could read the text differently, or if it lacks a required field.
pub(super) fn parse<T: DeserializeOwned>(name: &str, text: &[u8]) -> Result<T, Finding> {
    let refuse = |reason: String| {
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect();
        IMG011.finding(format!("Referee cannot read the {name}: {reason}"))
    };
    // Invalid UTF-8 is refused also in unused fields, because readers replace it differently.
    let text = std::str::from_utf8(text).map_err(|e| refuse(e.to_string()))?;
    // Numbers that some readers cannot represent are refused also in unused fields.
    serde_json::from_str::<Value>(text).map_err(|e| refuse(e.to_string()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| refuse(e.to_string()))?;
    reader.end().map_err(|e| refuse(e.to_string()))?;
    Ok(value)
}

/// A manifest or an index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct RawDocument {
    pub(super) schema_version: u64,
    pub(super) media_type: Option<String>,
    pub(super) manifests: Option<Vec<RawEntry>>,
    pub(super) config: Option<RawBlob>,
    pub(super) layers: Option<Vec<RawBlob>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct RawBlob {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    urls: Option<Vec<String>>,
}

impl From<RawBlob> for Layer {
    fn from(blob: RawBlob) -> Self {
        let has_urls = blob.urls.is_some_and(|urls| !urls.is_empty());
        let foreign = ["foreign", "nondistributable"].iter().any(|word| blob.media_type.contains(word));
        let kind = match blob.media_type.as_str() {
            _ if has_urls || foreign => LayerKind::Foreign,
            "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => LayerKind::Tar,
            "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
                LayerKind::Gzip
            }
            other => LayerKind::Other(other.to_owned()),
        };
        Self { digest: blob.digest, bytes: blob.size, kind }
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct RawEntry {
    digest: Digest,
    platform: Option<RawPlatform>,
}

#[derive(Deserialize)]
struct RawPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

impl From<RawEntry> for IndexEntry {
    fn from(entry: RawEntry) -> Self {
        let platform = entry.platform.map_or_else(String::new, |p| {
            let mut text = format!("{}/{}", p.os, p.architecture);
            if !p.variant.is_empty() {
                text.push('/');
                text.push_str(&p.variant);
            }
            text
        });
        Self { digest: entry.digest, platform }
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    pub(super) config: Option<RawContainerConfig>,
    pub(super) rootfs: RawRootFs,
}

#[derive(Deserialize)]
pub(super) struct RawRootFs {
    pub(super) diff_ids: Option<Vec<Digest>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawContainerConfig {
    pub(super) user: Option<String>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) cmd: Option<Vec<String>>,
    pub(super) working_dir: Option<String>,
    pub(super) volumes: Option<BTreeMap<String, Value>>,
    pub(super) env: Option<Vec<String>>,
    pub(super) on_build: Option<Vec<String>>,
    pub(super) labels: Option<BTreeMap<String, String>>,
}
