//! Manifests, indexes and configurations as registries have them, and broken ones.

use serde_json::{Value, json};

use super::*;
use crate::rules::samples;

fn digest(of: &str) -> String {
    Digest::of(of.as_bytes()).to_string()
}

fn layer(of: &str) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": digest(of),
        "size": 1000,
    })
}

fn manifest() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": { "mediaType": CONFIG_TYPES[0], "digest": digest("config"), "size": 300 },
        "layers": [layer("one"), layer("two")],
    })
}

fn index(platforms: &[(&str, &str, &str)]) -> Value {
    let entries = platforms.iter().map(|(os, architecture, variant)| {
        json!({
            "mediaType": OCI_MANIFEST,
            "digest": digest(&format!("{architecture}{variant}")),
            "size": 500,
            "platform": { "os": os, "architecture": architecture, "variant": variant },
        })
    });
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries.collect::<Vec<_>>() })
}

fn config() -> Value {
    json!({
        "os": "linux",
        "architecture": "amd64",
        "config": { "User": "65534", "Entrypoint": ["/run"], "Cmd": null, "Labels": { "a": "b" } },
        "rootfs": { "type": "layers", "diff_ids": [digest("1"), digest("2")] },
    })
}

fn read_json(media_type: &str, text: &Value) -> Result<ManifestDocument, Finding> {
    read_manifest(media_type, text.to_string().as_bytes())
}

fn image(text: &Value) -> Manifest {
    match read_json(OCI_MANIFEST, text) {
        Ok(ManifestDocument::Image(manifest)) => manifest,
        other => panic!("{other:?}"),
    }
}

fn policy() -> Policy {
    Policy::new(["x"], [])
}

/// All findings for a manifest and its configuration.
fn findings(manifest: &Value, config: &Value) -> Vec<Finding> {
    let manifest = image(manifest);
    let mut findings = check_manifest(&manifest, &samples::limits(), &policy());
    let text = config.to_string();
    findings.extend(check_config(&manifest, text.as_bytes(), &samples::limits(), &policy()).1);
    findings
}

/// The codes of all findings.
fn codes(manifest: &Value, config: &Value) -> String {
    let codes = findings(manifest, config).into_iter().map(|f| f.code);
    codes.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_problem_is_found_alone_and_a_good_image_has_none() {
    type Change = fn(&mut Value, &mut Value);
    let changes: [(&str, Change); 22] = [
        ("", |_, _| {}),
        ("", |m, _| m["layers"][1] = layer("one")),
        ("", |m, _| m["layers"][1]["urls"] = json!([])),
        ("", |m, _| {
            m["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
        }),
        ("IMG011", |m, _| {
            m["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
        }),
        ("IMG014", |m, _| m["config"]["size"] = json!(2 << 20)),
        ("IMG003", |m, _| m["layers"][1]["size"] = json!(3_u64 << 30)),
        ("IMG003", |m, _| {
            for n in [0, 1] {
                m["layers"][n]["size"] = json!(u64::MAX);
            }
        }),
        ("IMG012", |m, _| {
            m["layers"][1]["urls"] = json!(["http://127.0.0.1/x"]);
        }),
        ("IMG012", |m, _| {
            m["layers"][1]["mediaType"] = json!("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
        }),
        ("IMG012", |m, _| {
            m["layers"][1]["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        }),
        ("IMG013", |m, _| {
            m["layers"][1]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd");
        }),
        ("IMG014", |m, _| m["layers"][0]["size"] = json!(0)),
        ("IMG014", |m, _| {
            m["layers"][1] = layer("one");
            m["layers"][1]["size"] = json!(999);
        }),
        ("IMG004 IMG014", |m, _| {
            m["layers"] = json!((0..101).map(|n| layer(&n.to_string())).collect::<Vec<_>>());
        }),
        ("IMG014", |_, c| c["rootfs"]["diff_ids"] = json!([digest("1")])),
        ("IMG014", |_, c| c["rootfs"]["diff_ids"] = json!(null)),
        ("IMG011", |_, c| c["rootfs"]["diff_ids"] = json!(["sha256:1", "x"])),
        ("IMG002", |_, c| c["architecture"] = json!("arm64")),
        ("IMG001", |_, c| c["config"]["Entrypoint"] = json!([])),
        ("IMG005", |_, c| c["config"]["Volumes"] = json!({ "/x": {} })),
        ("IMG001 IMG008", |_, c| c["config"] = json!(null)),
    ];
    let mut all = String::new();
    for (n, (wanted, change)) in changes.into_iter().enumerate() {
        let (mut manifest, mut config) = (manifest(), config());
        change(&mut manifest, &mut config);
        assert_eq!(codes(&manifest, &config), wanted, "change {n}");
        all += &samples::block(format!("change {n}"), &findings(&manifest, &config));
    }
    insta::assert_snapshot!("images", all);
}

#[test]
fn all_problems_are_reported_at_once() {
    let (mut manifest, mut config) = (manifest(), config());
    manifest["layers"][0]["urls"] = json!(["http://x"]);
    manifest["layers"][1]["size"] = json!(0);
    config["architecture"] = json!("arm64");
    config["config"]["WorkingDir"] = json!("/proc/self/fd/7");
    assert_eq!(codes(&manifest, &config), "IMG012 IMG014 IMG002 IMG009");
}

#[test]
fn an_accepted_image_has_everything_for_the_fetch() {
    let config = config().to_string();
    let manifest = image(&manifest());
    let (image, findings) = check_config(&manifest, config.as_bytes(), &samples::limits(), &policy());
    let image = image.unwrap();
    assert_eq!(findings, []);
    assert_eq!(image.config, config.as_bytes());
    assert_eq!(image.diff_ids.len(), 2);
    assert_eq!(image.manifest.layers[1].kind, LayerKind::Gzip);
}

#[test]
fn the_image_for_the_servers_platform_is_chosen_from_an_index() {
    let choice = |platforms: &[(&str, &str, &str)]| match read_json(OCI_INDEX, &index(platforms)) {
        Ok(ManifestDocument::Index(entries)) => choose_image(&entries, &policy()).cloned(),
        other => panic!("{other:?}"),
    };
    let arm = ("linux", "arm64", "v8");
    let none = ("unknown", "unknown", "");
    let v3 = ("linux", "amd64", "v3");
    let amd = ("linux", "amd64", "");
    let found = |of: &str| Ok(Digest::of(of.as_bytes()));
    assert_eq!(choice(&[arm, v3, amd, none]), found("amd64"));
    assert_eq!(choice(&[arm, v3]), found("amd64v3"));
    let refused = choice(&[arm, none]).unwrap_err();
    assert_eq!(refused.code, "IMG002");
    assert_eq!(refused.message, "The image is for `linux/arm64/v8`, but the server is linux/amd64");
    assert!(refused.help.contains("--platform linux/amd64"));
    assert!(choice(&[]).is_err());
    assert!(choice(&[("windows", "amd64", "")]).is_err());
    assert!(choice(&[("linux", "amd64x", "")]).is_err());
    let mut bare = index(&[amd]);
    bare["manifests"][0]["platform"] = json!(null);
    let Ok(ManifestDocument::Index(entries)) = read_json(OCI_INDEX, &bare) else {
        panic!("an index");
    };
    assert_eq!(choose_image(&entries, &policy()), Ok(&Digest::of(b"amd64")));
}

#[test]
fn objects_that_are_not_images_are_refused() {
    let refused = std::cell::RefCell::new(Vec::new());
    let code = |media_type: &str, text: &Value| {
        let finding = read_json(media_type, text).unwrap_err();
        refused.borrow_mut().push(finding.clone());
        finding.code
    };
    let with = |key: &str, value: Value| {
        let mut text = manifest();
        text[key] = value;
        text
    };
    let old = format!("{SCHEMA_1}+prettyjws");
    assert_eq!(code(&old, &json!({ "schemaVersion": 1 })), "IMG011");
    assert_eq!(code("text/html", &manifest()), "IMG011");
    assert_eq!(code(OCI_MANIFEST, &with("schemaVersion", json!(1))), "IMG011");
    assert_eq!(code(OCI_MANIFEST, &with("layers", json!(null))), "IMG011");
    assert_eq!(code(OCI_MANIFEST, &json!([])), "IMG011");
    // One text with two meanings.
    assert_eq!(code(DOCKER_MANIFEST, &manifest()), "IMG014");
    assert_eq!(code(OCI_MANIFEST, &with("manifests", json!([]))), "IMG014");
    for text in ["", "{", "{} {}", "\u{feff}{}", &"[".repeat(100_000)] {
        let finding = read_manifest(OCI_MANIFEST, text.as_bytes()).unwrap_err();
        assert_eq!(finding.code, "IMG011", "{}", finding.message);
        refused.borrow_mut().push(finding);
    }
    let none = choose_image(&[], &policy()).unwrap_err();
    refused.borrow_mut().push(none);
    insta::assert_snapshot!("refused", samples::block("objects", &refused.borrow()));
    let mut negative = manifest();
    negative["layers"][1]["size"] = json!(-1);
    let finding = read_json(OCI_MANIFEST, &negative).unwrap_err();
    assert!(finding.message.contains("layers[1].size"), "{}", finding.message);
}

#[test]
fn a_challenge_may_set_the_severity_of_these_rules() {
    let strict = policy().with_severities([("IMG008".to_owned(), crate::model::Severity::Error)].into());
    let mut text = config();
    text["config"]["User"] = json!("root");
    let manifest = image(&manifest());
    let (_, findings) = check_config(&manifest, text.to_string().as_bytes(), &samples::limits(), &strict);
    assert!(findings[0].is_error());
}

#[test]
fn invalid_utf8_is_refused_in_every_field() {
    let text = manifest().to_string().replace("{\"schemaVersion", "{\"x\":\"?\",\"schemaVersion");
    assert!(read_manifest(OCI_MANIFEST, text.as_bytes()).is_ok());
    let bytes: Vec<u8> = text.bytes().map(|b| if b == b'?' { 0xa8 } else { b }).collect();
    let refused = read_manifest(OCI_MANIFEST, &bytes).unwrap_err();
    assert_eq!(refused.code, "IMG011");
    assert!(refused.message.contains("utf-8"), "{}", refused.message);
}

#[test]
fn numbers_that_some_readers_cannot_represent_are_refused_in_every_field() {
    let text = manifest().to_string().replace("{\"schemaVersion", "{\"x\":1e999,\"schemaVersion");
    let refused = read_manifest(OCI_MANIFEST, text.as_bytes()).unwrap_err();
    assert_eq!(refused.code, "IMG011");
    assert!(refused.message.contains("number"), "{}", refused.message);
}
