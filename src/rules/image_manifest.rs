//! What a registry says of a pushed image, before a byte of a layer is fetched: IMG002 to IMG004 and
//! IMG011 to IMG014, and all rules of [`image`] that the configuration decides.
//!
//! Three texts, each named by the one before: an index (perhaps), the manifest, the configuration.
//! Nothing of them is believed beyond this gate: fetching compares every size and digest, and the
//! loaded image is judged again by what the engine reports. Two readings of one text are refused, so
//! that a registry, an engine and we never see different images.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::catalogue::{IMG002, IMG003, IMG004, IMG011, IMG012, IMG013, IMG014};
use super::exit::bytes;
use super::image::{self, word};
use super::policy::Policy;
use crate::model::{Digest, Finding, ImageFacts, ImageId, RunLimits, limits};

/// Media types that a registry is asked for, the preferred ones first.
pub const MANIFEST_TYPES: [&str; 4] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX];

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1";
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// What a manifest's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A list of images, one for each platform.
    Index(Vec<Entry>),
    /// One image.
    Image(Manifest),
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Of its manifest.
    pub digest: Digest,
    /// `linux/amd64`, `linux/arm64/v8`; empty when the index does not say.
    pub platform: String,
}

/// One image: where its parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Digest of the configuration: the name by which the image will run.
    pub config: ImageId,
    /// Bytes of the configuration, as claimed.
    pub config_bytes: u64,
    /// From the lowest to the highest.
    pub layers: Vec<Layer>,
    config_type: String,
}

/// One layer, as claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Of the bytes in the registry.
    pub digest: Digest,
    /// How many these are.
    pub bytes: u64,
    /// What they are.
    pub kind: LayerKind,
}

/// What the bytes of a layer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerKind {
    /// A tar file.
    Tar,
    /// A tar file, compressed with gzip.
    Gzip,
    /// To be fetched from elsewhere. Never is.
    Foreign,
    /// Something else, by its media type.
    Other(String),
}

/// An image that has passed: all that fetching needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    /// Where its parts are.
    pub manifest: Manifest,
    /// The configuration, byte for byte: its digest is the image's id.
    pub config: Vec<u8>,
    /// Digests of the unpacked layers, in their order.
    pub diff_ids: Vec<Digest>,
}

/// Reads the text of a manifest or an index. `media_type` is what the registry calls it.
///
/// # Errors
/// What is wrong with it, when it is not an image or an index of images.
pub fn read(media_type: &str, text: &[u8]) -> Result<Document, Finding> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_index = match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST => false,
        OCI_INDEX | DOCKER_INDEX => true,
        old if old.starts_with(SCHEMA_1) => {
            return Err(IMG011.finding_with(
                "The image is in the format of 2014 (schema 1)",
                "Push it again with a `docker` of this decade.",
            ));
        }
        other => {
            return Err(IMG011.finding(format!("The registry holds a `{}`", word(other))));
        }
    };
    let raw: RawDocument = parse("manifest", text)?;
    if raw.schema_version != 2 {
        return Err(IMG011.finding(format!("The manifest has schema {}", raw.schema_version)));
    }
    let claimed = raw.media_type.as_deref();
    let both = raw.manifests.is_some() && (raw.layers.is_some() || raw.config.is_some());
    if both || claimed.is_some_and(|claimed| claimed != media_type) {
        return Err(IMG014.finding("The manifest can be read in two ways"));
    }
    match (is_index, raw.manifests, raw.config, raw.layers) {
        (true, Some(entries), ..) => Ok(Document::Index(
            entries.into_iter().map(RawEntry::entry).collect(),
        )),
        (false, _, Some(config), Some(layers)) => Ok(Document::Image(Manifest {
            config: config.digest,
            config_bytes: config.size,
            layers: layers.into_iter().map(RawBlob::layer).collect(),
            config_type: config.media_type,
        })),
        _ => Err(IMG011.finding("The manifest names no image")),
    }
}

/// The image of an index that is for the server's platform. One without a variant wins over
/// `amd64/v3`, which the server may not run.
///
/// # Errors
/// When there is none.
pub fn choose<'a>(index: &'a [Entry], policy: &Policy) -> Result<&'a Digest, Finding> {
    if let [only] = index
        && only.platform.is_empty()
    {
        return Ok(&only.digest); // its configuration will tell
    }
    let wanted = policy.platform();
    let fits = |entry: &&Entry| {
        let rest = entry.platform.strip_prefix(wanted.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let chosen = index
        .iter()
        .filter(fits)
        .min_by_key(|entry| entry.platform.len());
    if let Some(entry) = chosen {
        return Ok(&entry.digest);
    }
    // Tools put signatures and provenance beside the images, as platform `unknown`.
    let mut platforms: Vec<String> = index
        .iter()
        .filter(|entry| !entry.platform.starts_with("unknown"))
        .map(|entry| format!("`{}`", word(&entry.platform)))
        .collect();
    platforms.sort();
    platforms.dedup();
    let more = platforms.len().saturating_sub(limits::NAMES_LISTED_MAX);
    platforms.truncate(limits::NAMES_LISTED_MAX);
    let mut list = platforms.join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    Err(IMG002.finding(match list.is_empty() {
        true => format!("The image is for no platform; the server is {wanted}"),
        false => format!("The image is for {list}; the server is {wanted}"),
    }))
}

/// Looks at a manifest: what its parts are and how large.
pub fn check(manifest: &Manifest, bounds: &RunLimits, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !CONFIGS.contains(&manifest.config_type.as_str()) {
        let kind = word(&manifest.config_type);
        findings.push(IMG011.finding(format!("The registry holds no image, but a `{kind}`")));
    }
    if manifest.config_bytes > limits::IMAGE_CONFIG_BYTES_MAX {
        findings.push(IMG014.finding_with(
            format!(
                "The configuration of the image has {}, {} are allowed",
                bytes(manifest.config_bytes),
                bytes(limits::IMAGE_CONFIG_BYTES_MAX)
            ),
            "Shorten labels, environment and history: `docker history --no-trunc` shows them.",
        ));
    }
    let many = manifest.layers.len();
    if many > limits::IMAGE_LAYERS_MAX {
        let most = limits::IMAGE_LAYERS_MAX;
        findings.push(IMG004.finding(format!("The image has {many} layers, {most} are allowed")));
    }
    let total: u64 = manifest
        .layers
        .iter()
        .fold(0, |sum, layer| sum.saturating_add(layer.bytes));
    if total > bounds.image {
        findings.push(IMG003.finding(format!(
            "The image has {} compressed, {} are allowed unpacked",
            bytes(total),
            bytes(bounds.image)
        )));
    }
    findings.extend(layers(manifest));
    weighed(findings, policy)
}

/// What is wrong with the layers: of each kind of fault, the first.
fn layers(manifest: &Manifest) -> Vec<Finding> {
    let first = |fault: &dyn Fn(&Layer) -> bool| {
        let at = manifest.layers.iter().position(fault)?;
        Some((at + 1, &manifest.layers[at]))
    };
    let mut findings = Vec::new();
    if let Some((n, _)) = first(&|layer| layer.kind == LayerKind::Foreign) {
        findings.push(IMG012.finding(format!("Layer {n} is to be fetched from another place")));
    }
    let other = manifest
        .layers
        .iter()
        .zip(1..)
        .find_map(|(layer, n)| match &layer.kind {
            LayerKind::Other(kind) => Some((n, kind)),
            _ => None,
        });
    if let Some((n, kind)) = other {
        findings.push(IMG013.finding(format!("Layer {n} is a `{}`", word(kind))));
    }
    if let Some((n, _)) = first(&|layer| layer.bytes == 0) {
        findings.push(IMG014.finding(format!("Layer {n} has no bytes")));
    }
    // The same layer twice is common (an empty one, mostly); with two sizes one of them is a lie.
    let mut sizes = BTreeMap::new();
    for (layer, n) in manifest.layers.iter().zip(1..) {
        if *sizes.entry(&layer.digest).or_insert(layer.bytes) != layer.bytes {
            findings.push(IMG014.finding(format!("Layer {n} is there twice, with two sizes")));
            break;
        }
    }
    findings
}

/// Looks at the configuration of an image. The image is there unless it cannot be read at all;
/// whether it may be fetched is for the findings to say.
pub fn check_config(
    manifest: &Manifest,
    config: &[u8],
    bounds: &RunLimits,
    policy: &Policy,
) -> (Option<PushedImage>, Vec<Finding>) {
    let raw: RawConfig = match parse("configuration", config) {
        Ok(raw) => raw,
        Err(finding) => return (None, weighed(vec![finding], policy)),
    };
    let diff_ids = raw.rootfs.diff_ids.unwrap_or_default();
    let mut findings = Vec::new();
    if diff_ids.len() != manifest.layers.len() {
        findings.push(IMG014.finding(format!(
            "The configuration has {} layers, the manifest has {}",
            diff_ids.len(),
            manifest.layers.len()
        )));
    }
    let inner = raw.config.unwrap_or_default();
    let facts = ImageFacts {
        id: Digest::of(config),
        os: raw.os,
        architecture: raw.architecture,
        bytes: 0,  // known when it is unpacked
        layers: 0, // judged by the manifest already
        user: inner.user.unwrap_or_default(),
        entrypoint: inner.entrypoint.unwrap_or_default(),
        command: inner.cmd.unwrap_or_default(),
        working_dir: inner.working_dir.unwrap_or_default(),
        volumes: inner.volumes.unwrap_or_default().into_keys().collect(),
        env: inner.env.unwrap_or_default(),
        on_build: inner.on_build.unwrap_or_default(),
        labels: inner.labels.unwrap_or_default(),
    };
    let mut findings = weighed(findings, policy);
    findings.extend(image::check(&facts, bounds, policy));
    let image = PushedImage {
        manifest: manifest.clone(),
        config: config.to_vec(),
        diff_ids,
    };
    (Some(image), findings)
}

fn weighed(findings: Vec<Finding>, policy: &Policy) -> Vec<Finding> {
    findings.into_iter().map(|f| policy.adjust(f)).collect()
}

fn parse<T: DeserializeOwned>(what: &str, text: &[u8]) -> Result<T, Finding> {
    let refuse = |why: String| {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        IMG011.finding(format!("The {what} cannot be read: {why}"))
    };
    // Also where nothing of it is used: readers disagree on what such bytes stand for.
    let text = std::str::from_utf8(text).map_err(|e| refuse(e.to_string()))?;
    // Nor may a number that nobody reads here be one that others cannot read.
    serde_json::from_str::<serde_json::Value>(text).map_err(|e| refuse(e.to_string()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| refuse(e.to_string()))?;
    reader.end().map_err(|e| refuse(e.to_string()))?;
    Ok(value)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: u64,
    media_type: Option<String>,
    manifests: Option<Vec<RawEntry>>,
    config: Option<RawBlob>,
    layers: Option<Vec<RawBlob>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBlob {
    media_type: String,
    digest: Digest,
    size: u64,
    urls: Option<Vec<String>>,
}

impl RawBlob {
    fn layer(self) -> Layer {
        let elsewhere = self.urls.is_some_and(|urls| !urls.is_empty());
        let foreign = ["foreign", "nondistributable"]
            .iter()
            .any(|word| self.media_type.contains(word));
        let kind = match self.media_type.as_str() {
            _ if elsewhere || foreign => LayerKind::Foreign,
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => LayerKind::Tar,
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => LayerKind::Gzip,
            other => LayerKind::Other(other.to_owned()),
        };
        Layer {
            digest: self.digest,
            bytes: self.size,
            kind,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry {
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

impl RawEntry {
    fn entry(self) -> Entry {
        let platform = self.platform.map_or_else(String::new, |p| {
            let mut text = format!("{}/{}", p.os, p.architecture);
            if !p.variant.is_empty() {
                text.push('/');
                text.push_str(&p.variant);
            }
            text
        });
        Entry {
            digest: self.digest,
            platform,
        }
    }
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    config: Option<RawInner>,
    rootfs: RawRootFs,
}

#[derive(Deserialize)]
struct RawRootFs {
    diff_ids: Option<Vec<Digest>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawInner {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    volumes: Option<BTreeMap<String, Value>>,
    env: Option<Vec<String>>,
    on_build: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests;
