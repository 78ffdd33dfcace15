//! Manifests and configurations of pushed images: who reads them loosely sees the same image.
//!
//! The bytes are the media type, a line end, the manifest, and after a NUL byte the configuration.

use referee::model::{Duration, Finding, RunLimits};
use referee::rules::image_manifest::{
    Manifest, ManifestDocument, check, check_config, choose, read,
};
use referee::rules::policy::Policy;
use serde_json::Value;

pub fn keeps(bytes: &[u8]) {
    let policy = Policy::new(["x"], []);
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let media_type = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut parts = parts
        .next()
        .unwrap_or_default()
        .splitn(2, |byte| *byte == 0);
    let (text, config) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let document = read(&media_type, text);
    if document.is_ok() {
        // A reader for which the last of two keys counts, and that drops what is behind.
        let loose: Value = serde_json::from_slice(text).expect("JSON");
        assert_eq!(read(&media_type, loose.to_string().as_bytes()), document);
    }
    match document {
        Err(finding) => is_short(&[finding], text),
        Ok(ManifestDocument::Image(manifest)) => image(&manifest, config, text, &policy),
        Ok(ManifestDocument::Index(entries)) => match choose(&entries, &policy) {
            Ok(digest) => assert!(entries.iter().any(|entry| &entry.digest == digest)),
            Err(finding) => is_short(&[finding], text),
        },
    }
}

fn image(manifest: &Manifest, config: &[u8], text: &[u8], policy: &Policy) {
    let bounds = bounds();
    is_short(&check(manifest, &bounds, policy), text);
    let (image, findings) = check_config(manifest, config, &bounds, policy);
    is_short(&findings, config);
    match image {
        Some(image) => {
            assert_eq!(
                (&image.manifest, image.config.as_slice()),
                (manifest, config)
            );
            let loose: Value = serde_json::from_slice(config).expect("JSON");
            let loose = check_config(manifest, loose.to_string().as_bytes(), &bounds, policy).0;
            assert_eq!(loose.map(|loose| loose.diff_ids), Some(image.diff_ids));
        }
        None => assert!(findings.iter().any(Finding::is_error)),
    }
}

fn is_short(findings: &[Finding], about: &[u8]) {
    super::assert_fit_to_show(findings, about);
    for finding in findings {
        assert!(!finding.message.contains(char::is_control), "{finding:?}");
    }
}

fn bounds() -> RunLimits {
    RunLimits {
        gpus: 0,
        cpus: 1.0,
        memory: 1 << 30,
        time: Duration::seconds(60),
        smoke_time: Duration::seconds(20),
        output: 1 << 20,
        files: 10,
        pids: 64,
        shm: 1 << 20,
        tmp: 1 << 20,
        image: 1 << 30,
    }
}
