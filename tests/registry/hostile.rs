//! Hostile images: each becomes its finding early, and leaves nothing on the disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use referee::forge::registry::PullEnd;
use referee::model::{Digest, Finding};
use serde_json::json;

use super::image::*;
use super::server::{Access, Server};

const NAME: &str = "phakir/team-a";

struct Pulled {
    end: PullEnd,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

/// The findings about an image that is refused before it is fetched.
async fn refused(server: &Server, pinned: &Digest, most: u64) -> Vec<Finding> {
    let inspected = server.registry().inspect_image(NAME, pinned, &limits(most), &policy()).await.unwrap();
    assert_eq!(inspected.image, None);
    inspected.findings
}

/// Fetches an image that passed the first check.
async fn pull(server: &Server, pinned: &Digest, most: u64) -> Pulled {
    let registry = server.registry();
    let inspected = registry.inspect_image(NAME, pinned, &limits(most), &policy()).await.unwrap();
    let image = inspected.image.unwrap_or_else(|| panic!("{:?}", inspected.findings));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    let end = registry.pull(NAME, &image, most, &file).await.unwrap();
    Pulled { end, file, _folder: folder }
}

/// The finding that ends the fetch.
async fn fault(server: &Server, pinned: &Digest, most: u64) -> Finding {
    let pulled = pull(server, pinned, most).await;
    assert!(!pulled.file.exists(), "half a file was left");
    match pulled.end {
        PullEnd::Refused(finding) => finding,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_image_is_fetched_by_its_pinned_digest_after_its_tag_moved() {
    let Some(server) = Server::start(Access::Locked).await else {
        return;
    };
    let (first, second) = (layer("run", b"first"), layer("run", b"second"));
    let same = [first.clone(), second.clone(), first.clone()];
    parts(&same).push(&server, NAME, "phase").await;
    let registry = server.registry();
    assert_eq!(registry.tags(NAME).await.unwrap(), ["phase"]);
    let pinned = registry.manifest(NAME, "phase").await.unwrap().digest;
    let moved = parts(&[second]).push(&server, NAME, "phase").await;
    assert_eq!(registry.manifest(NAME, "phase").await.unwrap().digest, moved);
    assert_ne!(moved, pinned);

    let pulled = pull(&server, &pinned, MIB).await;
    let bytes = 3 * first.len() as u64;
    assert_eq!(pulled.end, PullEnd::Pulled { bytes });
    let mut archive = tar::Archive::new(std::fs::File::open(&pulled.file).unwrap());
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        if name == "0.tar" {
            assert_eq!(content, first);
        }
        if name == "manifest.json" {
            let list: serde_json::Value = serde_json::from_slice(&content).unwrap();
            assert_eq!(list[0]["Layers"], json!(["0.tar", "1.tar", "0.tar"]));
        }
        names.push(name);
    }
    assert_eq!(names.len(), 4, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_for_another_platform_is_refused() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let mut arm = parts(&[layer("run", b"x")]);
    arm.config["architecture"] = json!("arm64");
    let manifest = arm.push(&server, NAME, "arm").await;
    let alone = refused(&server, &manifest, MIB).await;
    assert_eq!(alone[0].code, "IMG002");

    let bytes = server.registry().manifest(NAME, "arm").await.unwrap().bytes;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": manifest,
            "size": bytes.len(),
            "platform": { "os": "linux", "architecture": "arm64" },
        }],
    });
    let pinned = server.push_manifest(NAME, "laptop", &index).await;
    let findings = refused(&server, &pinned, MIB).await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].message, "The image is for `linux/arm64`, but the server is linux/amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_ended_early() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    // Members of a gzip file follow each other: 2 GiB in some 2 MiB.
    let mut bomb = gzip(header.as_bytes());
    let zeros = gzip(&vec![0; 16 << 20]);
    for _ in 0..128 {
        bomb.extend(&zeros);
    }
    assert!(bomb.len() < 16 << 20);
    let image = parts_of(vec![bomb], &[Digest::of(b"never compared")]);
    let pinned = image.push(&server, NAME, "bomb").await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    let registry = server.registry();
    let inspected = registry.inspect_image(NAME, &pinned, &limits(64 * MIB), &policy()).await.unwrap();
    let image = inspected.image.unwrap();
    let begun = Instant::now();
    let pull = registry.pull(NAME, &image, 64 * MIB, &file);
    let watch = async {
        let mut largest = 0;
        loop {
            largest = largest.max(std::fs::metadata(&file).map_or(0, |m| m.len()));
            assert!(largest <= 65 * MIB, "{largest} bytes on the disk");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let end = tokio::select! {
        end = pull => end.unwrap(),
        () = watch => unreachable!(),
    };
    let PullEnd::Refused(finding) = end else {
        panic!("{end:?}");
    };
    assert_eq!(finding.code, "IMG003");
    assert!(finding.message.contains("64.0 MiB") || finding.message.contains("64 MiB"), "{}", finding.message);
    assert!(!file.exists());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_counts_as_often_as_the_image_has_it() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let heavy = layer("x", &vec![1; MIB as usize]);
    let pinned = parts(&vec![heavy; 5]).push(&server, NAME, "many").await;
    let finding = fault(&server, &pinned, 4 * MIB).await;
    assert_eq!(finding.code, "IMG003");
    assert!(finding.message.ends_with("layer 4"), "{}", finding.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_layers_are_never_fetched() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let mut image = parts(&[layer("run", b"x")]);
    image.manifest["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    image.manifest["layers"][0]["urls"] = json!(["http://127.0.0.1:1/layer"]);
    let pinned = image.push(&server, NAME, "foreign").await;
    let findings = refused(&server, &pinned, MIB).await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "IMG012");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_differ_from_their_names_are_refused() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    // Other bytes in the registry's store than were pushed.
    let noise: Vec<u8> = (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let good = layer("run", &noise);
    let blob = Digest::of(&gzip(&good));
    let pinned = parts(std::slice::from_ref(&good)).push(&server, NAME, "damaged").await;
    let file = server.blob_file(&blob);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&file, &bytes).unwrap();
    let finding = fault(&server, &pinned, 8 * MIB).await;
    assert_eq!(finding.code, "IMG014");
    assert!(finding.message.contains("manifest"), "{}", finding.message);

    // A wrong size, in both directions.
    for (tag, lie) in [("small", 10), ("large", 5000)] {
        let mut image = parts(&[layer("run", b"lies")]);
        image.manifest["layers"][0]["size"] = json!(lie);
        let pinned = image.push(&server, NAME, tag).await;
        let finding = fault(&server, &pinned, MIB).await;
        assert_eq!(finding.code, "IMG014", "{}", finding.message);
    }

    // A configuration that promises another layer.
    let other = Digest::of(b"another layer");
    let image = parts_of(vec![gzip(&layer("run", b"x"))], &[other]);
    let pinned = image.push(&server, NAME, "swapped").await;
    let finding = fault(&server, &pinned, MIB).await;
    assert_eq!(finding.code, "IMG014");
    assert!(finding.message.contains("configuration"), "{}", finding.message);

    // A configuration with fewer layers than the manifest.
    let image = parts_of(vec![gzip(&layer("run", b"x"))], &[]);
    let pinned = image.push(&server, NAME, "fewer").await;
    assert_eq!(refused(&server, &pinned, MIB).await[0].code, "IMG014");
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_an_engine_would_obey_are_refused() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let mut tar = tar::Builder::new(Vec::new());
    // A hole of a terabyte, written in 13 bytes.
    let sparse: &[(&str, &[u8])] = &[("GNU.sparse.major", b"1"), ("GNU.sparse.realsize", b"1099511627776")];
    tar.append_pax_extensions(sparse.iter().copied()).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    tar.append_data(&mut header, "hole", std::io::empty()).unwrap();
    let sparse = tar.into_inner().unwrap();

    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "dev", "/host").unwrap();
    let link = tar.into_inner().unwrap();

    for (tag, bad, code) in
        [("sparse", sparse, "IMG015"), ("link", link, "IMG015"), ("text", b"no tar at all".to_vec(), "IMG014")]
    {
        let pinned = parts(&[layer("run", b"x"), bad]).push(&server, NAME, tag).await;
        let finding = fault(&server, &pinned, MIB).await;
        assert_eq!(finding.code, code);
        assert!(finding.message.starts_with("Layer 2 "), "{}", finding.message);
    }
    let pinned = parts_of(vec![b"no gzip".to_vec()], &[Digest::of(b"")]).push(&server, NAME, "plain").await;
    assert_eq!(fault(&server, &pinned, MIB).await.code, "IMG013");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_blob_or_manifest_is_a_finding() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let good = layer("run", b"x");
    let blob = Digest::of(&gzip(&good));
    let pinned = parts(std::slice::from_ref(&good)).push(&server, NAME, "gone").await;
    std::fs::remove_file(server.blob_file(&blob)).unwrap();
    assert_eq!(fault(&server, &pinned, MIB).await.code, "IMG016");
    server.delete_manifest(NAME, &pinned).await;
    let findings = refused(&server, &pinned, MIB).await;
    assert_eq!(findings[0].code, "IMG016");
    assert!(findings[0].message.contains(pinned.as_str()));
}
