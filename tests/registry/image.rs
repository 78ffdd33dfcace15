//! Images made by hand. They are valid until a test changes something.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use referee::model::{Digest, Duration, RunLimits};
use referee::rules::Policy;
use serde_json::{Value, json};

pub(crate) const MIB: u64 = 1024 * 1024;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) fn policy() -> Policy {
    Policy::new(["x"], [])
}

pub(crate) fn limits(image: u64) -> RunLimits {
    RunLimits {
        gpus: 0,
        cpus: 1.0,
        memory: 512 * MIB,
        time: Duration::seconds(60),
        smoke_time: Duration::seconds(20),
        output: MIB,
        files: 8,
        pids: 64,
        shm: MIB,
        tmp: MIB,
        image,
    }
}

/// A layer of one file.
pub(crate) fn layer(path: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, path, content).unwrap();
    tar.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// The blobs of an image as the registry stores them, and the documents that name them.
pub(crate) struct Parts {
    pub blobs: Vec<Vec<u8>>,
    pub config: Value,
    pub manifest: Value,
}

/// An image of these layers, unpacked.
pub(crate) fn parts(layers: &[Vec<u8>]) -> Parts {
    let diff_ids: Vec<_> = layers.iter().map(|tar| Digest::of(tar)).collect();
    parts_of(layers.iter().map(|tar| gzip(tar)).collect(), &diff_ids)
}

/// An image of these blobs; unpacked, they have these digests.
pub(crate) fn parts_of(blobs: Vec<Vec<u8>>, diff_ids: &[Digest]) -> Parts {
    let config = json!({
        "os": "linux",
        "architecture": "amd64",
        "config": { "User": "65534", "Entrypoint": ["/run"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let layers = blobs.iter().map(|blob| json!({ "mediaType": LAYER, "digest": Digest::of(blob), "size": blob.len() }));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "layers": layers.collect::<Vec<_>>(),
    });
    Parts { blobs, config, manifest }
}

impl Parts {
    /// Everything to push: the blobs and the manifest. The manifest's entry for the configuration is made here, so a
    /// test may change the configuration before.
    pub(crate) fn finished(mut self) -> (Vec<Vec<u8>>, Value) {
        let config = self.config.to_string().into_bytes();
        if self.manifest["config"].is_null() {
            self.manifest["config"] = json!({
                "mediaType": CONFIG,
                "digest": Digest::of(&config),
                "size": config.len(),
            });
        }
        self.blobs.push(config);
        (self.blobs, self.manifest)
    }
}
