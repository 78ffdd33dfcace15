//! Every rule of the layout is triggered and not triggered.

use proptest::prelude::*;

use super::*;
use crate::model::Entry;
use crate::rules::{Policy, dockerfile, samples};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";

/// A tree of text files. A name that ends in `*` is executable, one that ends in `@` is a submodule, and a text that
/// starts with `->` makes a link.
fn tree(files: &[(&str, &str)]) -> SourceTree {
    let mut tree = SourceTree::default();
    for (name, text) in files {
        let path = name.trim_end_matches(['*', '@']).to_owned();
        let kind = match text.strip_prefix("->") {
            Some(target) => EntryKind::Symlink(target.to_owned()),
            None if name.ends_with('@') => EntryKind::Submodule,
            None => EntryKind::File { executable: name.ends_with('*') },
        };
        if matches!(kind, EntryKind::File { .. }) {
            tree.texts.insert(path.clone(), text.as_bytes().to_vec());
        }
        let head = text.as_bytes().to_vec();
        tree.entries.insert(path, Entry { kind, bytes: text.len() as u64, head });
    }
    tree
}

/// All findings of these files with this Dockerfile.
fn findings(text: &str, files: &[(&str, &str)]) -> Vec<Finding> {
    let mut all = files.to_vec();
    all.push(("Dockerfile", text));
    let seen = dockerfile::check_dockerfile("Dockerfile", text.as_bytes(), &Policy::new(["scratch"], [])).seen;
    let used = [UsedDockerfile { path: "Dockerfile", dockerfile: &seen }];
    check_layout(&tree(&all), &used, None)
}

/// `code severity location` of all findings.
fn found(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    findings(text, files)
        .iter()
        .map(|f| {
            let location = f.location.as_ref().map_or(String::new(), |p| format!(" {p}"));
            format!("{} {}{location}", f.code, f.severity)
        })
        .collect()
}

const PLAIN: &str = "FROM scratch\nCOPY . /app\nCMD [\"/app/x\"]\n";

#[test]
fn a_plain_repository_has_no_findings() {
    let files = [
        ("x*", "#!/bin/sh\n"),
        ("a/b", "text"),
        ("a/link", "->../x"),
        ("a/loop-free", "->./b"),
        ("docs/Bild 1.png", "x"),
        (".gitignore", ""),
    ];
    assert_eq!(found(PLAIN, &files), [""; 0]);
}

#[test]
fn every_path_is_checked() {
    let mut all = String::new();
    for (name, text, expected) in [
        ("lib@", "", "SRC004 error lib"),
        ("w.bin", POINTER, "SRC005 warning w.bin"),
        ("l", "->/etc/passwd", "SRC006 error l"),
        ("l", "->..", "SRC006 error l"),
        ("a/l", "->../../x", "SRC006 error a/l"),
        ("l", "->l", "SRC006 error l"),
        ("l", "->", "SRC006 error l"),
        ("DockerFile", "x", "SRC008 warning Dockerfile"),
        ("a\nb", "x", "SRC009 error"),
        ("a/\u{fffd}", "x", "SRC009 error"),
        ("a/.GIT/config", "x", "SRC009 error"),
        ("a/.g\u{200c}it", "x", "SRC009 error"),
        ("a/../b", "x", "SRC009 error"),
        ("run.sh", "#!/bin/sh\r\n", "SRC010 warning run.sh:1"),
    ] {
        assert_eq!(found(PLAIN, &[(name, text)]), [expected], "{name}");
        all += &samples::block(format!("{name:?} {text:?}"), &findings(PLAIN, &[(name, text)]));
    }
    // Each link alone stays inside. Together they lead out.
    let chain = [("a/b/up", "->../.."), ("out", "->a/b/up/../x")];
    assert_eq!(found(PLAIN, &chain), ["SRC006 error out"]);
    let many: Vec<_> = (0..15).map(|n| format!("m{n:02}@")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(found(PLAIN, &many).len(), 11);
    all += &samples::block("15 submodules", &findings(PLAIN, &many)[10..]);
    let links: Vec<_> = (0..10_001).map(|n| format!("l{n}")).collect();
    let links: Vec<_> = links.iter().map(|name| (name.as_str(), "->x")).collect();
    all += &samples::block("10001 links", &findings(PLAIN, &links));
    let limits = [repository_too_large("more than 20000 files"), commit_gone()];
    assert_eq!(limits[0].code, "SRC003");
    all += &samples::block("the commit", &limits);
    insta::assert_snapshot!("paths", all);
}

#[test]
fn the_sources_of_copy_must_exist() {
    let files = [("main.py", "x"), ("src/a.py", "x"), ("Weights.bin", POINTER), ("link", "->src")];
    for (copy, expected) in [
        ("COPY main.py /app/", &["SRC005 warning Weights.bin"] as &[_]),
        ("COPY . /app/", &["SRC005 warning Weights.bin"]),
        ("COPY Weights.bin /app/", &["SRC005 error Weights.bin"]),
        ("COPY *.bin /app/", &["SRC005 error Weights.bin"]),
        ("COPY ./src/ link/a.py $X *.zip /app/", &["SRC005 warning Weights.bin"]),
        ("COPY weights.bin /app/", &["SRC005 warning Weights.bin", "SRC011 error Dockerfile:2"]),
        ("COPY main.py \\\n  a.py /app/", &["SRC005 warning Weights.bin", "SRC011 error Dockerfile:3"]),
        ("COPY *.zip /app/", &["SRC005 warning Weights.bin", "SRC011 error Dockerfile:2"]),
    ] {
        let text = format!("FROM scratch\n{copy}\nCMD [\"/x\"]\n");
        assert_eq!(found(&text, &files), expected, "{copy}");
    }
    let text = b"FROM scratch\nCOPY weights.bin a.py /app/\n";
    let seen = dockerfile::check_dockerfile("Dockerfile", text, &Policy::new(["scratch"], [])).seen;
    let missing = copies::missing_sources(
        &tree(&files),
        UsedDockerfile { path: "Dockerfile", dockerfile: &seen },
        &DockerIgnore::default(),
    );
    insta::assert_snapshot!("sources", samples::block("COPY weights.bin a.py /app/", &missing));
    assert_eq!(missing[0].help, "Did you mean `Weights.bin`? Names are case-sensitive.");
    assert_eq!(missing[1].help, "Did you mean `src/a.py`? Names are case-sensitive.");
}

/// The findings for a Dockerfile with this COPY and this `.dockerignore`. All of them are errors.
fn ignored(copy: &str, patterns: &str) -> Vec<Finding> {
    let text = format!("FROM scratch\n{copy}\nCMD [\"/x\"]\n");
    let files = [
        ("main.py", ""),
        ("weights.bin", ""),
        ("data/a.csv", ""),
        ("data-b/b.csv", ""),
        (".dockerignore", patterns),
        ("Dockerfile", text.as_str()),
    ];
    let seen = dockerfile::check_dockerfile("Dockerfile", text.as_bytes(), &Policy::new(["scratch"], [])).seen;
    let used = [UsedDockerfile { path: "Dockerfile", dockerfile: &seen }];
    let found = check_layout(&tree(&files), &used, None);
    assert!(found.iter().all(Finding::is_error), "{found:?}");
    found
}

#[test]
fn ignored_files_cannot_be_copied() {
    for (copy, patterns) in [
        ("COPY . /x/", "*"),
        ("COPY main.py weights.bin /x/", "data"),
        ("COPY data /x/", "*.csv"),
        ("COPY data* /x/", "data"),
        ("COPY data /x/", "data/*\n!data/a.csv"),
    ] {
        assert_eq!(ignored(copy, patterns), [], "{copy} {patterns}");
    }
    let mut all = String::new();
    for (copy, patterns, code) in [
        ("COPY main.py weights.bin /x/", "# large\n*.bin", "SRC011"),
        ("COPY ./data/ /x/", "**/*.csv", "SRC011"),
        ("COPY data* /x/", "data*", "SRC011"),
        ("COPY .dockerignore /x/", "", "SRC011"),
        ("COPY . /x/", "data\n[", "SRC012"),
    ] {
        let findings = ignored(copy, patterns);
        all += &samples::block(format!("{copy:?} {patterns:?}"), &findings);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].code, code);
    }
    insta::assert_snapshot!("ignored", all);
}

#[test]
fn a_dockerfile_may_have_an_ignore_file_of_its_own() {
    let files = tree(&[(".dockerignore", "a"), ("d/File.dockerignore", "b"), ("a", "")]);
    let is_ignored = |dockerfile, path| {
        let ignore = DockerIgnore::for_dockerfile(&files, dockerfile).unwrap();
        ignore.ignored_by(path).is_some()
    };
    assert!(is_ignored("Dockerfile", "a") && !is_ignored("Dockerfile", "b"));
    assert!(is_ignored("d/File", "b") && !is_ignored("d/File", "a"));
    let refused = |tree: &SourceTree| *DockerIgnore::for_dockerfile(tree, "Dockerfile").unwrap_err();
    let link = tree(&[(".dockerignore", "->a"), ("a", "")]);
    let many = "x\n".repeat(1001);
    let many = tree(&[(".dockerignore", many.as_str())]);
    let mut large = tree(&[(".dockerignore", "x")]);
    large.texts.clear();
    let mut latin = tree(&[(".dockerignore", "x")]);
    latin.texts.insert(".dockerignore".into(), b"caf\xe9".to_vec());
    let findings = [&link, &many, &large, &latin].map(refused);
    insta::assert_snapshot!("ignore-files", samples::block(".dockerignore", &findings));
}

#[test]
fn the_script_that_the_image_starts_must_be_startable() {
    let mut all = String::new();
    let run = |head, name| [(name, head)];
    for (lines, file, expected) in [
        ("COPY run.sh /run.sh\nCMD [\"/run.sh\"]", run("#!/bin/sh\r\n", "run.sh*"), "SRC010 error run.sh:1"),
        ("COPY run.sh /run.sh\nCMD [\"/run.sh\"]", run("#!/bin/sh\n", "run.sh"), "SRC010 error run.sh:1"),
        (
            "COPY run.sh /run.sh\nRUN make install\nCMD [\"/run.sh\"]",
            run("#!/bin/sh\n", "run.sh"),
            "SRC010 warning run.sh:1",
        ),
        ("COPY run.sh /run.sh\nRUN chmod +x /run.sh\nCMD [\"/run.sh\"]", run("#!/bin/sh\n", "run.sh"), ""),
        ("COPY run.sh /run.sh\nCMD [\"/run.sh\"]", run("#!/bin/sh\n", "run.sh*"), ""),
        ("COPY run.sh /run.sh\nCMD [\"/run.sh\"]", run("echo\n", "run.sh*"), "SRC010 warning run.sh:1"),
        (
            "COPY run.sh /app/\nENTRYPOINT [\"/bin/bash\", \"-e\", \"/app/run.sh\"]",
            run("echo\r\n", "run.sh"),
            "SRC010 error run.sh:1",
        ),
        ("COPY run.sh /app/\nENTRYPOINT [\"sh\", \"/app/run.sh\"]", run("echo\n", "run.sh"), ""),
        (
            "WORKDIR /app\nCOPY . .\nENTRYPOINT [\"./bin/run.sh\"]",
            run("#!/bin/sh\n", "bin/run.sh"),
            "SRC010 error bin/run.sh:1",
        ),
        (
            "WORKDIR /app\nCOPY bin ./b\nENTRYPOINT /app/b/run.sh",
            run("#!/bin/sh\n", "bin/run.sh"),
            "SRC010 error bin/run.sh:1",
        ),
        ("COPY main.py /app/\nCMD [\"python3\", \"/app/main.py\"]", run("import os\r\n", "main.py"), ""),
    ] {
        let text = format!("FROM scratch\n{lines}\n");
        let expected: Vec<_> = Some(expected).filter(|e| !e.is_empty()).into_iter().collect();
        assert_eq!(found(&text, &file), expected, "{lines}");
        all += &samples::block(format!("{lines:?} {file:?}"), &findings(&text, &file));
    }
    insta::assert_snapshot!("scripts", all);
}

#[test]
fn a_missing_dockerfile_is_reported_with_the_nearest_file() {
    let read = |tree: &SourceTree| dockerfile_bytes(tree, "Dockerfile").map(<[u8]>::to_vec);
    assert_eq!(read(&tree(&[("Dockerfile", "FROM x")])), Ok(b"FROM x".to_vec()));
    let mut all = String::new();
    for (files, code) in [
        (&[] as &[_], "SRC001"),
        (&[("dockerfile", "x")], "SRC001"),
        (&[("Dockerfile.txt", "x")], "SRC001"),
        (&[("docker/Dockerfile", "x")], "SRC001"),
        (&[("Dockerfile", "x"), ("dockerfile", "x")], "SRC001"),
        (&[("Dockerfile", "->x")], "SRC002"),
        (&[("Dockerfile@", "")], "SRC002"),
        (&[("Dockerfile/x", "")], "SRC002"),
    ] {
        let findings = read(&tree(files)).unwrap_err();
        assert_eq!(findings[0].code, code, "{files:?}");
        all += &samples::block(format!("{files:?}"), &findings);
    }
    for (bytes, code) in [(1, "SRC002"), (1 << 20, "DF001")] {
        let mut unread = tree(&[("Dockerfile", "x")]);
        unread.texts.clear();
        unread.entries.get_mut("Dockerfile").unwrap().bytes = bytes;
        let findings = read(&unread).unwrap_err();
        assert_eq!(findings[0].code, code);
        all += &samples::block(format!("{bytes} bytes, not read"), &findings);
    }
    insta::assert_snapshot!("dockerfiles", all);
}

#[test]
fn an_unchanged_template_is_reported_with_file_and_line() {
    let template = tree(&[("main.py", "import x\n# TEMPLATE: replace\n"), ("README.md", "x")]);
    let untouched = check_layout(&tree(&[("main.py", "import x\n# TEMPLATE: replace\n")]), &[], Some(&template));
    insta::assert_snapshot!("template", samples::block("unchanged", &untouched));
    let changed = tree(&[("main.py", "import y\n# TEMPLATE: replace\n"), ("README.md", "x")]);
    assert_eq!(check_layout(&changed, &[], Some(&template)), []);
}

proptest! {
    #[test]
    fn odd_trees_never_panic(
        names in prop::collection::vec("(a|b|\\.\\.|\\.git|/|Dockerfile|\n|é|\\*){1,6}", 0..8),
        texts in prop::collection::vec("(->|/|\\.\\.|a|b|#!|\r\n|x){0,6}", 8),
        copy in "(COPY |a|b|/|\\*|\\[|\\.| |\\$|\n){0,20}",
    ) {
        let files: Vec<_> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        let text = format!("FROM scratch\n{copy}\nCMD [\"/a\"]");
        let _ = found(&text, &files);
        let _ = dockerfile_bytes(&tree(&files), "Dockerfile");
    }
}

#[test]
fn hostile_trees_take_no_longer_than_others() {
    let started = std::time::Instant::now();
    let names: Vec<String> = (0..4_000).map(|n| format!("directory/{}/{n}", n % 7)).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
    for (first, second, expected) in [("*a ", "zz ", 0), ("zz ", "*a ", 1)] {
        let copies = [first, second].map(|source| format!("COPY {}/\n", source.repeat(9000)));
        assert_eq!(found(&format!("FROM scratch\n{}", copies.concat()), &files).len(), expected);
    }
    let target = format!("->{}", "directory/../".repeat(75));
    let links: Vec<String> = (0..1000).map(|n| format!("l{n}")).collect();
    files.extend(links.iter().map(|name| (name.as_str(), target.as_str())));
    assert_eq!(found(PLAIN, &files), [""; 0]);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
