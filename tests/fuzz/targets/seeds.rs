//! Seeds: recorded deliveries, files of the examples, and a few texts. No seed is a file of its own.

use std::fs;
use std::path::{Path, PathBuf};

use referee::command::CommandSet as _;
use referee::pipeline::commands::Command;
use serde_json::{Value, json};
use tar::{EntryType, Header};

/// The seeds of a target.
pub fn of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "commands" => commands(),
        "delivery" => deliveries(),
        "dockerfile" => files("examples", &|name| name.starts_with("Dockerfile")),
        "escape" => texts(ESCAPES),
        "layer" => layers(),
        "manifest" => manifests(),
        "metrics" => texts(METRICS),
        "output" => outputs(),
        "submission" => files("examples", &|name| name == "submission.toml"),
        other => panic!("no target {other}"),
    }
}

/// Texts that a change inserts, because parsers react to them.
pub const WORDS: &[&str] = &[
    "\\\n",
    "FROM scratch\n",
    "RUN ",
    "COPY --from=0 ",
    "<<EOF",
    "# escape=`\n",
    "[\"a\"]",
    "\"",
    "'",
    "$A",
    "\0",
    "\u{202e}",
    "\u{1b}[31m",
    "\u{9b}",
    "`",
    "```",
    "@referee ",
    "/status ",
    "<!--",
    "|",
    "\r\n",
    "\t",
    "null",
    "NaN",
    "1e999",
    "{\"a\":1}",
    ",",
    "dockerfile = \"../x\"\n",
    "[[a]]\n",
    "x-gitea-event: push\n",
    "\u{feff}",
    "é",
    "=",
    "-",
];

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The root of the repository. Two packages at different depths compile this file.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| folder.join("webhook-fixtures").is_dir();
    here.ancestors().find(is_root).expect("the repository")
}

/// The content of all files below a folder with a wanted name, in the order of their paths.
fn files(folder: &str, wanted: &dyn Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let found = paths(&root().join(folder)).into_iter().filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        path.is_file() && name.is_some_and(wanted)
    });
    found.map(|path| fs::read(path).expect("a file")).collect()
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    let below = |path: PathBuf| {
        if path.is_dir() && !path.is_symlink() { paths(&path) } else { vec![path] }
    };
    found.into_iter().flat_map(below).collect()
}

fn commands() -> Vec<Vec<u8>> {
    let rows = Command::TABLE.iter();
    let examples = rows.flat_map(|row| row.spec.examples.iter().copied());
    let mut seeds = texts(&examples.clone().collect::<Vec<_>>());
    seeds.push(examples.collect::<Vec<_>>().join("\n\n").into_bytes());
    seeds.extend(texts(&[
        "> /quota\n\n- /quota\n- @referee queue\n\n```\n/quota\n```\n",
        "/pause \"a phase\" reason=“it is \\\"late\\\"”\r\n/statsu #12, please\n",
        "@referee: /help\n<!-- /help -->\n| /help |\n|--|\n",
    ]));
    seeds
}

fn deliveries() -> Vec<Vec<u8>> {
    let recorded = paths(&root().join("webhook-fixtures")).into_iter();
    let bodies = recorded.filter(|path| path.extension().is_some_and(|end| end == "body"));
    bodies
        .map(|path| {
            let headers = fs::read(path.with_extension("headers.json")).expect("its headers");
            let request: Value = serde_json::from_slice(&headers).expect("JSON");
            let mut seed = Vec::new();
            for header in request["headers"].as_array().expect("a list") {
                let text = |at: usize| header[at].as_str().unwrap_or_default().to_owned();
                seed.extend(format!("{}: {}\n", text(0), text(1)).into_bytes());
            }
            seed.push(b'\n');
            seed.extend(fs::read(path).expect("a body"));
            seed
        })
        .collect()
}

fn layers() -> Vec<Vec<u8>> {
    let long = "a/".repeat(150) + "file";
    let entries = [
        (EntryType::Directory, "dev/", &b""[..]),
        (EntryType::Char, "dev/null", b""),
        (EntryType::Regular, &long, b"content"),
        (EntryType::Symlink, "bin", b""),
        (EntryType::Regular, "etc/passwd", &[7; 1500]),
        (EntryType::Block, "sda", b""),
        (EntryType::GNUSparse, "sparse", b""),
    ];
    let mut seeds: Vec<Vec<u8>> = (1..=entries.len()).map(|n| tar_of(&entries[..n], &[])).collect();
    for records in [
        &[("size", &b"1024"[..])],
        &[("path", b"dev/../sda")],
        &[("GNU.sparse.major", b"1")],
        &[("SCHILY.xattr.user.x", b"a\n9 size=9\n")],
    ] {
        seeds.push(tar_of(&entries[2..5], records));
    }
    seeds
}

/// A tar archive of the entries. The first entry has the extended headers.
fn tar_of(entries: &[(EntryType, &str, &[u8])], records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    if !records.is_empty() {
        tar.append_pax_extensions(records.iter().copied()).expect("memory");
    }
    for (kind, path, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        let appended = if kind.is_symlink() {
            tar.append_link(&mut header, path, "target")
        } else {
            tar.append_data(&mut header, path, *content)
        };
        appended.expect("memory");
    }
    tar.into_inner().expect("memory")
}

fn manifests() -> Vec<Vec<u8>> {
    let digest = |of: &str| referee::model::Digest::of(of.as_bytes()).to_string();
    let blob = |kind: &str, of: &str| json!({ "mediaType": kind, "digest": digest(of), "size": 300 });
    let (manifest, index, config) = (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.config.v1+json",
    );
    let image = json!({
        "schemaVersion": 2,
        "mediaType": manifest,
        "config": blob(config, "config"),
        "layers": [
            blob("application/vnd.oci.image.layer.v1.tar+gzip", "one"),
            blob("application/vnd.docker.image.rootfs.diff.tar", "two"),
        ],
    });
    let configuration = json!({
        "os": "linux",
        "architecture": "amd64",
        "config": {
            "User": "65534", "Entrypoint": ["/run"], "Cmd": null, "Labels": { "a": "b" }, "Env": ["A=1"],
            "Volumes": { "/v": {} }, "OnBuild": ["RUN x"], "WorkingDir": "/app",
        },
        "rootfs": { "type": "layers", "diff_ids": [digest("1"), digest("2")] },
    });
    let platform = |name: &str| {
        let mut entry = blob(manifest, name);
        entry["platform"] = json!({ "os": "linux", "architecture": name, "variant": "v8" });
        entry
    };
    let list = json!({ "schemaVersion": 2, "manifests": [platform("arm64"), platform("amd64")] });
    let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws\n{}";
    vec![
        format!("{manifest}\n{image}\0{configuration}").into_bytes(),
        format!("{index}\n{list}").into_bytes(),
        schema_1.as_bytes().to_vec(),
    ]
}

fn outputs() -> Vec<Vec<u8>> {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x07\x80\0\0\x04\x38\x08\0\0\0\0".to_vec();
    // Version 1: size of the header, 3 dimensions, type and bits of a value, and the magic bytes.
    let mut first = vec![0; 352];
    first[..4].copy_from_slice(&348_i32.to_le_bytes());
    first[40..48].copy_from_slice(&[3, 0, 64, 0, 64, 0, 32, 0]);
    first[70..74].copy_from_slice(&[2, 0, 8, 0]);
    first[344..348].copy_from_slice(b"n+1\0");
    // Version 2 in big-endian byte order.
    let mut second = vec![0; 544];
    second[..12].copy_from_slice(b"\0\0\x02\x1cn+2\0\r\n\x1a\n");
    second[12..16].copy_from_slice(&[0, 16, 0, 32]);
    for (n, side) in [3_i64, 64, 64, 32].iter().enumerate() {
        second[16 + 8 * n..][..8].copy_from_slice(&side.to_be_bytes());
    }
    let mut seeds = vec![super::output::with_its_sum(png), first, second];
    seeds.extend(texts(&[
        "frame,class\r\n0,\"a, b\"\r\n25,2\r\n",
        "\u{feff}class;frame\n1;2\n",
        r#"{"frame_000000": [1, 2.5], "frame_000025": []}"#,
        r#"{"c001": [NaN, -1e9]}"#,
        "[[[[[[{\"a\":null}]]]]]]",
    ]));
    seeds
}

const METRICS: &[&str] = &[
    r#"{"results":[{"case":"c001","dice":0.5,"hd95":1.5,"count":-1},
        {"case":"c002","dice":null,"hd95":null,"count":1e1,"reason":"no prediction"}]}"#,
    r#"{"results":{"case":{"0":"c001","1":"c002"},"dice":{"0":0.5,"1":1},"hd95":{"0":3,"1":0},
        "count":{"0":1,"1":2}},"aggregates":{"dice":{"mean":0.75},"hd95":1.5}}"#,
    r#"{"results":[{"case":"c001","Dice":2,"hd95":NaN,"count":"1"},{"case":"c003"},{"case":"c001"}],
        "aggregates":{"dice":Infinity}}"#,
];

const ESCAPES: &[&str] = &[
    "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}\u{9b}2J\u{90}q\u{9c}",
    "see @org/team, owner/repo#12, ABC-1, deadbeef1 or https://evil.example/x?a=b&c=<d>",
    "# heading\n- item\n1. item\n> quote\n```\ncode\n```\n| a | b |\n|---|---|\n",
    "**bold** _it_ ~~no~~ `code` [text](https://evil.example) ![x](y.png) <b>x</b> &lt; $x^2$ {#id} [^1]: note",
    "a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{0}f\u{7f}g\u{e0041}h\u{ad}i \u{a0}j\u{3000}",
    "`\n- item `code` `\n# end",
    "https://forge.example/a/b?c=d|e`f`[g]\\h\"i\"<j>{k}^l",
    "www.evil.example mailto:a@b.example :tada: [[wiki|page]] \\(y\\) \\[z\\] ||x|| --- === :: +++ ~~~",
];
