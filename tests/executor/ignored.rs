//! The files that `.dockerignore` excludes: Referee's reading is compared with Docker's own client.
//!
//! Two forms are not compared, because Docker's own clients differ: `!**/name` below an excluded directory, and
//! `**name`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use referee::forge::folder;
use referee::rules::layout::DockerIgnore;

use crate::bench::Bench;

/// Every case has these files.
const FILES: [&str; 16] = [
    "Dockerfile",
    "README.md",
    "main.py",
    "a.log",
    "ab",
    "data/a.csv",
    "data/a.log",
    "data/deep/a.log",
    "data/deep/er/b.csv",
    "data-b/b.csv",
    "src/main.py",
    "src/data/x",
    "src/tests/t.py",
    "with space/f",
    "[odd]/f",
    "é/ü.txt",
];

const CASES: [&str; 43] = [
    "",
    "# *",
    "*",
    "**",
    ".",
    "/",
    "data",
    "/data",
    "data/",
    "./data",
    "src/../data",
    "../data",
    "data\n!data/a.csv",
    "!data\ndata",
    "data/*\n!data/deep",
    "data/**\n!data/deep/er",
    "data/**/*.csv",
    "*\n!main.py\n!src",
    "*\n!src/tests",
    "*\n! main.py",
    "*.log",
    "**/*.log",
    "**/a.log\n!a.log",
    "*/*.log",
    "*/*/a.log",
    "**/data",
    "**/deep/**",
    "data/**/b.csv",
    "a?",
    "?.log",
    "[a-c].log",
    "[^a].log",
    "a[b]",
    "\\[odd\\]",
    "with space",
    "  with space/f  ",
    "é",
    "é/?.txt",
    " # a.log\na.log",
    "\u{feff}data",
    "README.md\r\ndata\r\n",
    "Dockerfile\n.dockerignore",
    "data\n!data/deep\ndata/deep/er",
];

fn lay_out(folder: &Path, patterns: &str) {
    for file in FILES {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    std::fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY . /x/\nCMD [\"x\"]\n").unwrap();
    std::fs::write(folder.join(".dockerignore"), patterns).unwrap();
}

fn docker(arguments: &[&str]) -> std::process::Output {
    Command::new("docker").args(arguments).env("DOCKER_BUILDKIT", "0").stdin(Stdio::null()).output().unwrap()
}

/// The files that Docker's client sends, as they are in the image. `None` if the client refuses.
fn by_docker(folder: &Path, name: &str) -> Option<BTreeSet<String>> {
    let context = folder.to_str().unwrap();
    let built = docker(&["build", "--quiet", "--no-cache", "--tag", name, context]);
    if !built.status.success() {
        return None;
    }
    let made = docker(&["create", name]);
    assert!(made.status.success(), "{made:?}");
    let container = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let image = docker(&["export", &container]);
    docker(&["rm", &container]);
    docker(&["rmi", name]);
    Some(files(&image.stdout, "x/"))
}

/// The regular files of a tar archive below this folder.
fn files(tar: &[u8], below: &str) -> BTreeSet<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(Result::unwrap);
    entries
        .filter(|e| e.header().entry_type().is_file())
        .map(|e| e.path().unwrap().display().to_string())
        .filter_map(|path| Some(path.strip_prefix(below)?.to_owned()))
        .collect()
}

/// The files of Referee's build context. `None` if the rules refuse.
fn by_referee(folder: &Path) -> Option<BTreeSet<String>> {
    let tree = folder::read(folder).unwrap();
    let ignore = DockerIgnore::for_dockerfile(&tree, "Dockerfile").ok()?;
    let mut context = Vec::new();
    folder::write_context(folder, &tree, &ignore, &mut context).unwrap();
    Some(files(&context, ""))
}

#[tokio::test]
async fn a_build_excludes_the_same_files_as_docker() {
    if Bench::new().await.is_none() {
        return;
    }
    for (number, patterns) in CASES.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path(), patterns);
        let name = format!("referee-test-ignored:{}-{number}", std::process::id());
        let theirs = by_docker(folder.path(), &name);
        let ours = by_referee(folder.path());
        // An image cannot be made of nothing: then COPY found no file.
        let theirs = theirs.or_else(|| ours.clone().filter(BTreeSet::is_empty));
        assert_eq!(ours, theirs, "{patterns:?}");
    }
}

#[tokio::test]
async fn a_file_that_docker_cannot_read_is_refused() {
    if Bench::new().await.is_none() {
        return;
    }
    for patterns in ["!", "a[", "[]a", "a\\", "[a-", "data\n[-x]"] {
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path(), patterns);
        let name = format!("referee-test-refused:{}", std::process::id());
        assert_eq!(by_docker(folder.path(), &name), None, "{patterns:?}");
        assert_eq!(by_referee(folder.path()), None, "{patterns:?}");
    }
}
