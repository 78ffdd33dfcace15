//! Checks the manifest and the configuration of a pushed image before Referee fetches a layer: IMG002 to IMG004, IMG011
//! to IMG014, and all rules of [`image`] that depend on the configuration.
//!
//! A registry has up to three texts, each named by the one before: an index, the manifest and the configuration.
//! Referee does not rely on these checks alone: the fetch compares every size and digest, and the engine's report of
//! the loaded image is checked again. A text with two possible meanings is refused, so that registry, engine and
//! Referee always see the same image.

use std::collections::BTreeMap;

use super::catalogue::{IMG002, IMG003, IMG011, IMG012, IMG013, IMG014};
use super::exit::bytes;
use super::image::{self, printable, too_many_layers};
use super::policy::Policy;
use crate::model::{Digest, Finding, ImageFacts, ImageId, RunLimits, limits};

use wire::{RawConfig, RawDocument, parse};

mod wire;

#[cfg(test)]
mod tests;

/// The accepted media types of a request to a registry, in the order of preference.
pub const MANIFEST_TYPES: [&str; 4] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX];

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1";
const CONFIG_TYPES: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestDocument {
    /// A list of images, one per platform.
    Index(Vec<IndexEntry>),
    /// One image.
    Image(Manifest),
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Of the manifest.
    pub digest: Digest,
    /// `linux/amd64`, `linux/arm64/v8`; empty if the index names no platform.
    pub platform: String,
}

/// The parts of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Digest of the configuration. The image runs under this id.
    pub config: ImageId,
    /// Claimed size of the configuration.
    pub config_bytes: u64,
    /// From the lowest to the highest.
    pub layers: Vec<Layer>,
    config_type: String,
}

/// The manifest's claims about one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Of the bytes in the registry.
    pub digest: Digest,
    /// Size in the registry.
    pub bytes: u64,
    pub kind: LayerKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerKind {
    Tar,
    /// A tar file, compressed with gzip.
    Gzip,
    /// A layer at another address. Referee never fetches it.
    Foreign,
    /// Another media type.
    Other(String),
}

/// An image that has passed the checks, with everything that the fetch needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    pub manifest: Manifest,
    /// The configuration, byte for byte. Its digest is the image's id.
    pub config: Vec<u8>,
    /// Digests of the unpacked layers, in their order.
    pub diff_ids: Vec<Digest>,
}

/// Reads a manifest or an index. `media_type` is the registry's claim.
///
/// # Errors
/// If the text is not an image or an index of images.
pub fn read_manifest(media_type: &str, text: &[u8]) -> Result<ManifestDocument, Finding> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_index = match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST => false,
        OCI_INDEX | DOCKER_INDEX => true,
        old if old.starts_with(SCHEMA_1) => {
            return Err(IMG011.finding_with(
                "The image has the outdated manifest format (schema 1)",
                "Push the image again with a current version of `docker`.",
            ));
        }
        other => {
            let message = format!("The registry has a `{}`, not an image", printable(other));
            return Err(IMG011.finding(message));
        }
    };
    let raw: RawDocument = parse("manifest", text)?;
    if raw.schema_version != 2 {
        let message = format!("The manifest has schema {}, not 2", raw.schema_version);
        return Err(IMG011.finding(message));
    }
    let claimed = raw.media_type.as_deref();
    let both = raw.manifests.is_some() && (raw.layers.is_some() || raw.config.is_some());
    if both || claimed.is_some_and(|claimed| claimed != media_type) {
        return Err(IMG014.finding("The manifest has two possible meanings"));
    }
    match (is_index, raw.manifests, raw.config, raw.layers) {
        (true, Some(entries), ..) => Ok(ManifestDocument::Index(entries.into_iter().map(IndexEntry::from).collect())),
        (false, _, Some(config), Some(layers)) => Ok(ManifestDocument::Image(Manifest {
            config: config.digest,
            config_bytes: config.size,
            layers: layers.into_iter().map(Layer::from).collect(),
            config_type: config.media_type,
        })),
        _ => Err(IMG011.finding("The manifest describes no image")),
    }
}

/// The image of an index for the server's platform. An image without a variant is preferred to `amd64/v3`, which the
/// server may not support.
///
/// # Errors
/// The finding IMG002, if there is none.
pub fn choose_image<'a>(index: &'a [IndexEntry], policy: &Policy) -> Result<&'a Digest, Finding> {
    if let [only] = index
        && only.platform.is_empty()
    {
        return Ok(&only.digest); // Its configuration has the platform.
    }
    let wanted = policy.platform();
    let fits = |entry: &&IndexEntry| {
        let rest = entry.platform.strip_prefix(wanted.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let chosen = index.iter().filter(fits).min_by_key(|entry| entry.platform.len());
    if let Some(entry) = chosen {
        return Ok(&entry.digest);
    }
    let platforms = match platforms(index) {
        list if list.is_empty() => "no platform".to_owned(),
        list => list,
    };
    let message = format!("The image is for {platforms}, but the server is {wanted}");
    Err(IMG002.finding(message))
}

/// The platforms of an index, for a message.
fn platforms(index: &[IndexEntry]) -> String {
    // Tools store signatures and provenance beside the images, with the platform `unknown`.
    let mut platforms: Vec<String> = index
        .iter()
        .filter(|entry| !entry.platform.starts_with("unknown"))
        .map(|entry| format!("`{}`", printable(&entry.platform)))
        .collect();
    platforms.sort();
    platforms.dedup();
    let more = platforms.len().saturating_sub(limits::NAMES_LISTED_MAX);
    platforms.truncate(limits::NAMES_LISTED_MAX);
    match more {
        0 => platforms.join(", "),
        more => format!("{} and {more} more", platforms.join(", ")),
    }
}

/// Checks the kinds and sizes of an image's parts.
pub fn check_manifest(manifest: &Manifest, bounds: &RunLimits, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !CONFIG_TYPES.contains(&manifest.config_type.as_str()) {
        let kind = printable(&manifest.config_type);
        let message = format!("The registry has an object of type `{kind}`, not an image");
        findings.push(IMG011.finding(message));
    }
    if manifest.config_bytes > limits::IMAGE_CONFIG_BYTES_MAX {
        findings.push(IMG014.finding_with(
            format!(
                "The configuration of the image has {}. At most {} is allowed",
                bytes(manifest.config_bytes),
                bytes(limits::IMAGE_CONFIG_BYTES_MAX)
            ),
            "Shorten labels, environment and history. `docker history --no-trunc` shows them.",
        ));
    }
    let layers = manifest.layers.len();
    if layers > limits::IMAGE_LAYERS_MAX {
        findings.push(too_many_layers(layers));
    }
    let total: u64 = manifest.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.bytes));
    if total > bounds.image {
        findings.push(IMG003.finding(format!(
            "Compressed image size: {}. At most {} is allowed after unpacking",
            bytes(total),
            bytes(bounds.image)
        )));
    }
    findings.extend(check_layers(manifest));
    with_severities(findings, policy)
}

/// Reports the first layer with each kind of problem.
fn check_layers(manifest: &Manifest) -> Vec<Finding> {
    let numbered = || (1..).zip(&manifest.layers);
    let mut findings = Vec::new();
    if let Some((n, _)) = numbered().find(|(_, layer)| layer.kind == LayerKind::Foreign) {
        findings.push(IMG012.finding(format!("Layer {n} is not in this registry")));
    }
    let other = numbered().find_map(|(n, layer)| match &layer.kind {
        LayerKind::Other(kind) => Some((n, kind)),
        _ => None,
    });
    if let Some((n, kind)) = other {
        let message = format!("Layer {n} has the unsupported type `{}`", printable(kind));
        findings.push(IMG013.finding(message));
    }
    if let Some((n, _)) = numbered().find(|(_, layer)| layer.bytes == 0) {
        findings.push(IMG014.finding(format!("Layer {n} has no bytes")));
    }
    // A layer may occur twice, and an empty one often does. With two sizes, one of them is wrong.
    let mut sizes = BTreeMap::new();
    let two_sizes = numbered().find(|(_, layer)| *sizes.entry(&layer.digest).or_insert(layer.bytes) != layer.bytes);
    if let Some((n, _)) = two_sizes {
        findings.push(IMG014.finding(format!("Layer {n} occurs twice, with different sizes")));
    }
    findings
}

/// Checks the configuration of an image. Returns the image unless the configuration is unreadable. The findings decide
/// whether Referee may fetch it.
pub fn check_config(
    manifest: &Manifest,
    config: &[u8],
    bounds: &RunLimits,
    policy: &Policy,
) -> (Option<PushedImage>, Vec<Finding>) {
    let raw: RawConfig = match parse("configuration", config) {
        Ok(raw) => raw,
        Err(finding) => return (None, with_severities(vec![finding], policy)),
    };
    let diff_ids = raw.rootfs.diff_ids.unwrap_or_default();
    let mut findings = Vec::new();
    if diff_ids.len() != manifest.layers.len() {
        findings.push(IMG014.finding(format!(
            "Number of layers: {} in the configuration, but {} in the manifest",
            diff_ids.len(),
            manifest.layers.len()
        )));
    }
    let container = raw.config.unwrap_or_default();
    let facts = ImageFacts {
        id: Digest::of(config),
        os: raw.os,
        architecture: raw.architecture,
        bytes: 0,  // Known only after unpacking.
        layers: 0, // The check of the manifest has counted them.
        user: container.user.unwrap_or_default(),
        entrypoint: container.entrypoint.unwrap_or_default(),
        command: container.cmd.unwrap_or_default(),
        working_dir: container.working_dir.unwrap_or_default(),
        volumes: container.volumes.unwrap_or_default().into_keys().collect(),
        env: container.env.unwrap_or_default(),
        on_build: container.on_build.unwrap_or_default(),
        labels: container.labels.unwrap_or_default(),
    };
    let mut findings = with_severities(findings, policy);
    findings.extend(image::check_image(&facts, bounds, policy));
    let image = PushedImage { manifest: manifest.clone(), config: config.to_vec(), diff_ids };
    (Some(image), findings)
}

fn with_severities(findings: Vec<Finding>, policy: &Policy) -> Vec<Finding> {
    let adjusted = findings.into_iter().map(|f| policy.apply_severity(f));
    adjusted.collect()
}
