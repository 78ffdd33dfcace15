//! Manifests and configurations of pushed images: a lenient JSON parser sees the same image.
//!
//! The bytes are the media type, a line break, the manifest, a NUL byte and the configuration.

use referee::model::{Duration, Finding, RunLimits};
use referee::rules::image_manifest::{
    Manifest, ManifestDocument, check_config, check_manifest, choose_image, read_manifest,
};
use referee::rules::policy::Policy;
use serde_json::Value;

pub(super) fn keeps(bytes: &[u8]) {
    let policy = Policy::new(["x"], []);
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let media_type = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut parts = parts.next().unwrap_or_default().splitn(2, |byte| *byte == 0);
    let (text, config) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let document = read_manifest(&media_type, text);
    if document.is_ok() {
        // For this parser, the last of several equal keys counts.
        let lenient: Value = serde_json::from_slice(text).expect("JSON");
        let again = read_manifest(&media_type, lenient.to_string().as_bytes());
        assert_eq!(again, document);
    }
    match document {
        Err(finding) => is_short(&[finding], text),
        Ok(ManifestDocument::Image(manifest)) => image(&manifest, config, text, &policy),
        Ok(ManifestDocument::Index(entries)) => match choose_image(&entries, &policy) {
            Ok(digest) => assert!(entries.iter().any(|entry| &entry.digest == digest)),
            Err(finding) => is_short(&[finding], text),
        },
    }
}

fn image(manifest: &Manifest, config: &[u8], text: &[u8], policy: &Policy) {
    let bounds = bounds();
    is_short(&check_manifest(manifest, &bounds, policy), text);
    let (image, findings) = check_config(manifest, config, &bounds, policy);
    is_short(&findings, config);
    match image {
        Some(image) => {
            assert_eq!((&image.manifest, image.config.as_slice()), (manifest, config));
            let lenient: Value = serde_json::from_slice(config).expect("JSON");
            let lenient = lenient.to_string();
            let again = check_config(manifest, lenient.as_bytes(), &bounds, policy).0;
            assert_eq!(again.map(|again| again.diff_ids), Some(image.diff_ids));
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
