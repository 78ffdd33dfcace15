//! Every rule is triggered and not triggered; hostile texts; emitted files read back as the same instructions.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Digest, ImageId, Severity};
use crate::rules::samples;

fn policy() -> Policy {
    let mut policy = Policy::new(["referee/python:3.11", "scratch", "cuda:12"], []);
    policy.mounts = vec!["/input".into(), "/output".into()];
    policy
}

fn checked(text: &str) -> CheckedDockerfile {
    check_dockerfile("Dockerfile", text.as_bytes(), &policy())
}

/// `line code` of all findings of this severity or a higher one.
fn found(text: &str, lowest: Severity) -> Vec<String> {
    checked(text)
        .findings
        .iter()
        .filter(|f| f.severity >= lowest)
        .map(|f| {
            let line = f.location.as_ref().unwrap().line.map_or("-".into(), |l| l.to_string());
            format!("{line} {}", f.code)
        })
        .collect()
}

/// A file with these lines in the middle. The first of them is line 2.
fn within(middle: &str) -> String {
    format!("FROM referee/python:3.11\n{middle}\nUSER 65534\nENTRYPOINT [\"python3\", \"/app/main.py\"]\n")
}

#[test]
fn allowed_instructions_have_no_findings() {
    for middle in [
        "RUN echo a",
        "run echo a && \\\n  # a comment\n\n   echo b",
        "RUN [\"echo\", \"a b\"]",
        "RUN [ -f x ] && echo y",
        "RUN [[ -f x ]] || echo y",
        "RUN [ \"$x\" = y ] && echo z",
        "COPY . /app/",
        "COPY --chown=65534:65534 a.py b*.py [c-d].py /app/",
        "COPY [\"a b\", \"/app/\"]",
        "ARG X=1\nARG Y\nENV A=1 B=\"x y\" C=$X\nENV OLD some value",
        "ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        "LABEL \"com.example.vendor\"=\"ACME\" version=1",
        "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]",
        "WORKDIR /app\r",
        "WORKDIR /application",
        "WORKDIR /inputs",
        "# an ordinary comment with a\u{a0}blank",
        "RUN echo $((1 << 2)) && cat <<< word",
        "RUN python3 -c 'print(1 << 2, \"<<EOF\")'",
        "RUN echo \"a\\\"<<EOF\"",
        "COPY [\"a\\\"<<EOF\", \"/app/\"]",
        "RUN pip install --no-index --find-links wheels numpy==1.26.4",
        "RUN pip install ./package wheels/a.whl",
        "RUN useradd -l -u 1000000 me && useradd -u 1000 you",
        "ARG API_TOKEN",
        "ENV KEYBOARD=us MONKEY=1",
        "ENV A=1 B=$A$A C=${B:-$B}",
        "ENV PATH=/a:$PATH\nENV PATH=/b:$PATH\nENV PATH=/c:$PATH",
        "# syntax=late directives are comments",
    ] {
        assert_eq!(checked(&within(middle)).findings, [], "{middle}");
    }
    assert_eq!(
        found("# Version=1 of us\n\nFROM scratch AS a\nFROM a\nUSER 1\nCMD [\"/x\"]\n", Severity::Advice),
        [""; 0]
    );
}

/// A line, and the expected codes.
const CAUGHT: &[(&str, &[&str])] = &[
    ("RUN echo a\u{a0}b", &["DF001"]),
    ("RUN echo \u{202e}b", &["DF001"]),
    ("RUN echo a\rADD x y", &["DF001"]),
    ("RUN echo \u{7}", &["DF001"]),
    ("RUN <<EOF\nADD http://x/ /\nEOF", &["DF003"]),
    ("RUN cat <<-'E' > x\nbody\n\tE", &["DF003"]),
    ("RUN cat << EOF > x\nbody\nEOF", &["DF003"]),
    ("COPY <<EOF /x\nbody\nEOF", &["DF003"]),
    ("RUN cat \\\" <<EOF\nbody\nEOF", &["DF003"]),
    ("RUN cat '\\' <<EOF\nbody\nEOF", &["DF003"]),
    ("RUNN x", &["DF004"]),
    ("COPY --chmod=755 a /b", &["DF004"]),
    ("COPY --link a /b", &["DF004"]),
    ("COPY --from a /b", &["DF004"]),
    ("COPY --chown=$X a /b", &["DF004"]),
    ("ENV --x=1 A=1", &["DF004"]),
    ("CMD --help", &["DF004"]),
    ("COPY a", &["DF005"]),
    ("COPY a b /c", &["DF005"]),
    ("COPY a b .", &["DF005"]),
    ("RUN", &["DF005"]),
    ("ENV A", &["DF005"]),
    ("ENV A=1 B", &["DF005"]),
    ("ENV A it's", &["DF005"]),
    ("LABEL a=\"x", &["DF005"]),
    ("LABEL =x", &["DF005"]),
    ("RUN ['a']", &["DF005"]),
    ("RUN [\"a\"] && b", &["DF005"]),
    ("RUN [\"a\", 1]", &["DF005"]),
    ("RUN [\"\\ud800\"]", &["DF005"]),
    ("COPY [\"a\", \"b\"] c", &["DF005"]),
    ("RUN a \\\\\nADD b c", &["DF005"]),
    ("ADD https://example.org/x /x", &["DF020"]),
    ("aDd x y", &["DF020"]),
    ("\\\nADD x y", &["DF020"]),
    ("AD\\\nD x y", &["DF020"]),
    ("COPY --from=other/image /a /b", &["DF021"]),
    ("COPY --from=0 /a /b", &["DF021"]),
    ("COPY --from=+0 /a /b", &["DF021"]),
    ("COPY --from= /a /b", &["DF021"]),
    ("COPY ../a /b", &["DF022"]),
    ("COPY a/../../b /b", &["DF022"]),
    ("COPY /etc/passwd /b", &["DF022"]),
    ("COPY [\"..\", \"/b\"]", &["DF022"]),
    ("COPY https://example.org/x /b", &["DF022"]),
    ("RUN --mount=type=cache,target=/x true", &["DF030"]),
    ("RUN --network=host true", &["DF030"]),
    ("RUN -- true", &["DF030"]),
    ("ONBUILD RUN x", &["DF031"]),
    ("ONBUILD ADD x y", &["DF031"]),
    ("VOLUME /x", &["DF032"]),
    ("VOLUME [\"/x\"]", &["DF032"]),
    ("EXPOSE 80", &["DF033"]),
    ("HEALTHCHECK CMD x", &["DF034"]),
    ("STOPSIGNAL SIGCONT", &["DF035"]),
    ("MAINTAINER me", &["DF035"]),
    ("WORKDIR /proc/self/fd/7", &["DF042"]),
    ("WORKDIR //proc/./self", &["DF042"]),
    ("WORKDIR /a/../proc", &["DF042"]),
    ("WORKDIR app", &["DF042"]),
    ("WORKDIR $X", &["DF042"]),
    ("WORKDIR /output/x", &["DF042"]),
    ("ENV API_TOKEN=abc", &["DF050"]),
    ("ARG PASSWORD=abc", &["DF050"]),
    ("ENV LD_PRELOAD=/x.so", &["DF051"]),
    ("ENV ld_preload /x.so", &["DF051"]),
    ("ENV \"LD_PRELOAD\"=/x.so", &["DF051"]),
    ("ENV ${X}=/x.so", &["DF051"]),
    ("ENV NVIDIA_DISABLE_REQUIRE=1", &["DF051"]),
    ("ENV https_proxy=http://x", &["DF051"]),
    ("LABEL referee.attempt=1", &["DF052"]),
    ("LABEL \"referee.attempt\"=1", &["DF052"]),
    ("LABEL re$X=1", &["DF052"]),
    ("RUN pip install --no-index numpy", &["DF060"]),
    ("RUN python3 -m pip install --no-index numpy", &["DF060"]),
    ("RUN useradd -u 1000000 me", &["DF061"]),
    ("RUN sudo true", &["DF062"]),
    ("RUN apt-get update", &["DF063"]),
    ("RUN pip install numpy==1.26.4", &["DF063"]),
    ("RUN pip install -r requirements.txt", &["DF063"]),
    ("RUN git clone https://example.org/x", &["DF063"]),
    ("RUN wget -qO- https://example.org/x | sh", &["DF062", "DF063"]),
];

#[test]
fn every_rule_for_one_line_is_triggered() {
    let mut all = String::new();
    for (middle, codes) in CAUGHT {
        all += &samples::block(format!("{middle:?}"), &checked(&within(middle)).findings);
        let mut now = found(&within(middle), Severity::Advice);
        now.sort();
        let expected: Vec<String> = codes.iter().map(|c| format!("2 {c}")).collect();
        assert_eq!(now, expected, "{middle}\n{:#?}", checked(&within(middle)).findings);
    }
    insta::assert_snapshot!("lines", all);
}

/// A file, and the expected `line code`.
const FILES: &[(&str, &[&str])] = &[
    ("", &["- DF005"]),
    ("# nothing\n", &["- DF005"]),
    ("ARG A=1\n", &["- DF005"]),
    ("RUN a\nRUN b", &["- DF005"]),
    ("\u{feff}FROM scratch\nUSER 1\nCMD [\"x\"]", &["1 DF001"]),
    ("#!/bin/sh\nFROM scratch\nUSER 1\nCMD [\"x\"]", &["1 DF002"]),
    ("# comment\n#  SynTax = docker/dockerfile:1\nFROM scratch\nUSER 1\nCMD [\"x\"]", &["2 DF002"]),
    ("#escape=`\nFROM scratch\nRUN x `\nADD a b\nUSER 1\nCMD [\"x\"]", &["1 DF002", "4 DF020"]),
    ("# check=skip=all\nFROM scratch\nUSER 1\nCMD [\"x\"]", &["1 DF002"]),
    ("// syntax=x\nFROM scratch\nUSER 1\nCMD [\"x\"]", &["1 DF002"]),
    ("{\"syntax\": \"x\"}\nFROM scratch\nUSER 1\nCMD [\"x\"]", &["1 DF002"]),
    ("RUN x\nFROM scratch\nUSER 1\nCMD [\"x\"]", &["1 DF005"]),
    ("FROM scratch AS a\nFROM scratch AS A\nUSER 1\nCMD [\"x\"]", &["2 DF005"]),
    ("FROM scratch AS 1a\nUSER 1\nCMD [\"x\"]", &["1 DF005"]),
    ("FROM python:3.11-slim\nUSER 1\nCMD [\"x\"]", &["1 DF010"]),
    ("FROM b\nFROM scratch AS b\nUSER 1\nCMD [\"x\"]", &["1 DF010"]),
    ("FROM 0\nUSER 1\nCMD [\"x\"]", &["1 DF010"]),
    ("ARG V=3.11\nFROM referee/python:$V\nUSER 1\nCMD [\"x\"]", &["2 DF011"]),
    ("FROM --platform=linux/arm64 scratch\nUSER 1\nCMD [\"x\"]", &["1 DF012"]),
    ("FROM --platform=linux/amd64 scratch\nUSER 1\nCMD [\"x\"]", &[]),
    ("FROM scratch\nUSER 1", &["1 DF040"]),
    ("FROM scratch\nUSER 1\nENTRYPOINT []", &["1 DF040"]),
    ("FROM scratch\nUSER 1\nCMD ['x']", &["3 DF005"]),
    ("FROM scratch\nUSER 1\nCMD x", &["3 DF040"]),
    ("FROM scratch\nUSER 1\nENTRYPOINT []\nCMD [\"x\"]", &[]),
    ("FROM scratch\nUSER 1\nCMD [\"x\"]\nCMD [\"y\"]", &["3 DF040"]),
    ("FROM scratch AS a\nUSER 1\nCMD [\"x\"]\nFROM a", &[]),
    ("FROM scratch AS a\nCMD [\"x\"]\nFROM scratch\nUSER 1", &["3 DF040"]),
    ("FROM scratch\nCMD [\"x\"]", &["1 DF041"]),
    ("FROM scratch\nUSER root\nCMD [\"x\"]", &["2 DF041"]),
    ("FROM scratch\nUSER 0:0\nCMD [\"x\"]", &["2 DF041"]),
    ("FROM scratch\nUSER me\nCMD [\"x\"]", &["2 DF041"]),
    // The engine refuses the whole file.
    ("FROM scratch\nUSER 1\nCMD [\"x\"]\n \\\n", &["4 DF005"]),
    ("FROM scratch\nUSER 1\nCMD [\"x\"]\n\\\n\\\n# end", &["4 DF005"]),
];

#[test]
fn every_rule_for_the_whole_file_is_triggered() {
    let long = format!("FROM scratch\nUSER 1\nCMD [\"x\"]\n{}", "RUN x\n".repeat(198));
    let stages = format!("{}USER 1\nCMD [\"x\"]\n", "FROM scratch\n".repeat(11));
    let limits = [(long.as_str(), &["201 DF001"] as &[_]), (stages.as_str(), &["- DF001"])];
    let mut all = String::new();
    for (text, expected) in FILES.iter().copied().chain(limits) {
        let start: String = text.chars().take(100).collect();
        all += &samples::block(format!("{start:?}"), &checked(text).findings);
        assert_eq!(found(text, Severity::Advice), expected, "{text}\n{:#?}", checked(text).findings);
    }
    for bytes in [&b"FROM scratch\0"[..], b"\xff\xfeF\0", &[b' '; 70_000]] {
        let checked = check_dockerfile("Dockerfile", bytes, &policy());
        assert_eq!((checked.findings.len(), checked.parsed), (1, None));
        assert_eq!(checked.findings[0].code, "DF001");
        all += &samples::block(format!("{} bytes", bytes.len()), &checked.findings);
    }
    insta::assert_snapshot!("files", all);
    let latin = check_dockerfile("Dockerfile", b"FROM scratch\n# caf\xe9\nUSER 1\nCMD [\"x\"]", &policy());
    assert_eq!(latin.findings[0].location.as_ref().unwrap().line, Some(2));
}

/// Findings that no other snapshot has.
#[test]
fn further_findings() {
    let x = "x".repeat(40_000);
    let sum = (0..20).map(|n| format!("ENV B{n}=$A\n"));
    let mut all = String::new();
    for (input, text) in [
        ("unknown instruction", within("frobnicate")),
        ("unknown flag of FROM", "FROM --x=1 scratch".to_owned()),
        ("flag twice", within("COPY --chown=1 --chown=2 a /b")),
        ("a stage with a similar name", { "FROM scratch AS build\nFROM scratch\nCOPY --from=biuld /a /a".to_owned() }),
        ("name `scratch`", "FROM scratch AS scratch".to_owned()),
        ("backslash at the end", within("RUN a") + "RUN b \\"),
        ("long line", within(&format!("USER {}", "x".repeat(60_001)))),
        ("large variable", within(&format!("ENV A={x}\nENV B=$A$A"))),
        ("large variables", within(&format!("ENV A={x}\n{}", sum.collect::<String>()))),
        ("two packages", within("RUN pip install --no-index a b")),
        ("string in a list", "FROM scratch\nUSER 1\nCMD [\"python3 x.py\"]".to_owned()),
        ("ENTRYPOINT is a string", "FROM scratch\nUSER 1\nENTRYPOINT x".to_owned()),
        ("300 mistakes", within(&"LABEL a=\"x\n".repeat(190)) + &"RUN a \\\\\\\n".repeat(110)),
    ] {
        let findings = checked(&text).findings;
        let last = findings.len().saturating_sub(2);
        all += &samples::block(input, &findings[last..]);
    }
    insta::assert_snapshot!("further", all);
}

#[test]
fn five_mistakes_are_five_findings_in_the_order_of_the_lines() {
    let text = "FROM ubuntu:latest\nCOPY main.py /app/main.py\nADD https://example.org/w.tar.gz /app/\n\
        RUN --mount=type=cache,target=/root/.cache python3 -c \"import numpy\"\nVOLUME /scratch\n\
        ENV LD_LIBRARY_PATH=/app/lib\nUSER 65534\nENTRYPOINT [\"python3\", \"/app/main.py\"]\n";
    assert_eq!(found(text, Severity::Error), ["1 DF010", "3 DF020", "4 DF030", "5 DF032", "6 DF051"]);
    let add = &checked(text).findings[1];
    assert_eq!(add.message, "ADD is not allowed");
    assert_eq!(add.help, "Use COPY: ADD can fetch URLs and unpack archives.");
    let location = add.location.as_ref().unwrap();
    assert_eq!(location.to_string(), "Dockerfile:3");
    assert_eq!(location.text.as_deref(), Some("ADD https://example.org/w.tar.gz /app/"));
}

#[test]
fn locations_are_the_physical_lines_of_a_continued_instruction() {
    let text = within("ENV A=1 \\\n    # why\n    B=2 \\\n    LD_PRELOAD=/x.so");
    assert_eq!(found(&text, Severity::Error), ["5 DF051"]);
    let text = within("COPY a \\\n  ../b \\\n  /c/");
    assert_eq!(found(&text, Severity::Error), ["3 DF022"]);
}

#[test]
fn help_names_the_nearest_base_image_and_stage() {
    let help = |text: &str| checked(text).findings[0].help.clone();
    assert!(help("FROM referee/python:3.10").starts_with("Did you mean `referee/python:3.11`?"));
    assert!(help("FROM python:3.11-slim").starts_with("Did you mean `referee/python:3.11`?"));
    assert_eq!(help("FROM zzz"), "Use one of `referee/python:3.11`, `scratch`, `cuda:12`.");
    let stages = "FROM scratch AS build\nFROM scratch\nCOPY --from=biuld /a /a\nUSER 1\nCMD [\"x\"]";
    assert!(help(stages).ends_with("Did you mean `build`?"));
}

fn ids() -> BTreeMap<String, ImageId> {
    policy().bases.iter().map(|b| (b.clone(), Digest::of(b.as_bytes()))).collect()
}

#[test]
fn the_emitted_file_is_canonical() {
    let text = "ARG A=1\nfrom referee/python:3.11 as Build\nRUN  a && \\\n  # no\n    b\nEXPOSE 80\nFROM build\n\
        COPY --from=build --chown=1:2 /a b\\\n /c/\nWORKDIR /app\nUSER 1\nCMD [ \"x\\u00e9\\n\" ]";
    let file = checked(text).parsed.unwrap();
    let id = &ids()["referee/python:3.11"];
    assert_eq!(
        emit(&file, &ids()).unwrap(),
        format!(
            "ARG A=1\nFROM {id} AS build\nRUN a &&     b\nFROM build\n\
            COPY --from=0 --chown=1:2 [\"/a\",\"b\",\"/c/\"]\n\
            WORKDIR /app\nUSER 1\nCMD [\"xé\\u000a\"]\n"
        )
    );
    let lines: Vec<_> = (0..9).map(|step| file.line_of_step(step)).collect();
    assert_eq!(lines, [None, Some(1), Some(2), Some(3), Some(7), Some(8), Some(10), Some(11), Some(12)]);
    assert_eq!(file.bases(), ["referee/python:3.11"]);
    assert_eq!(file.final_base(), Some("referee/python:3.11"));
    assert_eq!(emit(&file, &BTreeMap::new()), Err(UnresolvedBase("referee/python:3.11".into())));
}

/// Reads the emitted file. Its base images are ids, which are on the list.
fn read_back(file: &Dockerfile) -> (String, Dockerfile) {
    let text = emit(file, &ids()).unwrap();
    let mut policy = policy();
    policy.bases.extend(ids().values().map(ToString::to_string));
    let again = check_dockerfile("Dockerfile", text.as_bytes(), &policy);
    (text, again.parsed.unwrap_or_else(|| panic!("{:#?}", again.findings)))
}

fn assert_stable(text: &str) {
    let Some(file) = checked(text).parsed else {
        return;
    };
    let (emitted, again) = read_back(&file);
    assert_eq!(again.steps.len(), emitted.lines().count());
    for (n, (old, new)) in (1..).zip(file.steps.iter().zip(&again.steps)) {
        assert_eq!(new.line, n);
        match (&old.instruction, &new.instruction) {
            (
                Instruction::From { base: Base::Image(name), name: a },
                Instruction::From { base: Base::Image(id), name: b },
            ) => assert_eq!((ids()[name].as_str(), a), (id.as_str(), b)),
            (old, new) => assert_eq!(old, new),
        }
    }
    // The other parser reads the same instructions from the whole emitted file.
    if !emitted.contains("ENTRYPOINT []") {
        assert_eq!(parse_dockerfile::parse(&emitted).unwrap().instructions.len(), file.steps.len());
    }
}

/// Pieces that parsers have read differently.
const PIECES: &[&str] = &[
    "FROM scratch\n",
    "FROM scratch AS a\n",
    "FROM a\n",
    "FROM referee/python:3.11\n",
    "RUN ",
    "COPY ",
    "ADD ",
    "CMD ",
    "ENTRYPOINT ",
    "ENV ",
    "LABEL ",
    "ARG ",
    "USER 1\n",
    "WORKDIR /a\n",
    "SHELL ",
    "VOLUME ",
    "ONBUILD ",
    "EXPOSE 1\n",
    "HEALTHCHECK ",
    "--from=a ",
    "--from=0 ",
    "--mount=x ",
    "-- ",
    "[\"a\", \"b\"]",
    "[\"a\\\"\\u00e9\\n\"]",
    "['a']",
    "[",
    "]",
    "\"",
    "'",
    "`",
    "\\",
    "\\\n",
    "\\ \n",
    "\\\\\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    "# x\n",
    "# syntax=x\n",
    "<<EOF",
    "<<-E",
    "EOF\n",
    "E\n",
    "$X",
    "${X}",
    "=",
    "a=b ",
    "x",
    ".",
    "/",
    "..",
    "é",
    "\u{a0}",
    "\u{2028}",
    "\0",
    "{",
    "//",
    "|",
    "&&",
    ";",
    "(",
    ")",
    "10",
    "NONE",
    "AS",
];

fn piece() -> impl Strategy<Value = String> {
    prop::sample::select(PIECES).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let checked = check_dockerfile("Dockerfile", &bytes, &policy());
        prop_assert_eq!(checked.parsed.is_none(), crate::model::finding::any_error(&checked.findings));
    }

    #[test]
    fn odd_files_never_panic_and_emit_the_checked_instructions(pieces in prop::collection::vec(piece(), 0..40)) {
        assert_stable(&pieces.concat());
    }

    #[test]
    fn odd_instructions_in_a_correct_file_emit_the_checked_instructions(
        pieces in prop::collection::vec(piece(), 0..12),
    ) {
        assert_stable(&within(&pieces.concat()));
    }

    #[test]
    fn odd_arguments_emit_the_checked_instructions(
        keyword in prop::sample::select(
            &["RUN", "COPY a", "CMD", "ENV A", "ENV A=1", "LABEL", "ARG", "USER", "SHELL"][..]
        ),
        rest in "[ -~é\u{2028}]{0,40}",
    ) {
        assert_stable(&within(&format!("{keyword} {rest}")));
    }
}

#[test]
fn hostile_texts_take_no_longer_than_others() {
    let started = std::time::Instant::now();
    for piece in [
        "X\n",
        "RUN <<A\n",
        "\\\\\n",
        "a\\\n",
        "RUN \"a\"b;",
        "curl;",
        "\"cu\"rl;",
        "<<",
        "[",
        "[[\"",
        "pip install a b c;",
        "ENV A",
        "\u{a0}\n",
        "#\\\n",
        " \\\n",
    ] {
        for head in ["", "FROM scratch\nRUN ", "FROM scratch\nENV A="] {
            let text = format!("{head}{}", piece.repeat((65_000 - head.len()) / piece.len()));
            let found = checked(&text).findings.len();
            assert!(found < 500, "{piece:?} {found}");
        }
    }
    // 45 files of 64 KiB. A quadratic step would take minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn variables_that_grow_are_refused_before_an_engine_expands_them() {
    let findings = |body: String| {
        let file = format!("FROM python:3.11\n{body}\nUSER 65534\nENTRYPOINT [\"x\"]\n");
        let checked = check_dockerfile("Dockerfile", file.as_bytes(), &policy());
        let errors = checked.findings.into_iter();
        errors.filter(|f| f.severity == crate::model::Severity::Error).map(|f| (f.code, f.message)).collect::<Vec<_>>()
    };
    let x = "x".repeat(40_000);
    for (body, message) in [
        (format!("ENV A={x}\nENV B=$A$A"), "ENV has more than 64 KiB"),
        (format!("ARG A={x}\nLABEL b=${{A}}${A}", A = "A"), "LABEL has more than 64 KiB"),
        (format!("ENV A={}\nENV B=${{A//x/xxxxxxxxxxxxxxx}}", &x[..8_000]), "ENV has more than 64 KiB"),
        (format!("ARG A={x}\nCOPY $A$A /x"), "COPY has more than 64 KiB"),
        ((0..17).fold("ENV A=xx".to_owned(), |all, _| all + "\nENV A=$A$A"), "ENV has more than 64 KiB"),
        ((0..20).fold(format!("ENV A={x}"), |all, n| all + &format!("\nENV B{n}=$A")), "have more than 512 KiB"),
    ] {
        let found = findings(body);
        assert!(found.iter().any(|(code, text)| code == "DF001" && text.contains(message)), "{message}: {found:?}");
    }
}

#[test]
fn a_command_line_in_one_string_of_a_list_is_refused() {
    let file = |end: &str| format!("FROM scratch\nUSER 65534\n{end}\n");
    for end in ["ENTRYPOINT [\"python3 /app/main.py\"]", "CMD [\"python3 /app/main.py\"]"] {
        assert_eq!(found(&file(end), Severity::Error), ["3 DF040"], "{end}");
    }
    for end in [
        "ENTRYPOINT [\"/app/main.py\", \"--name\", \"two words\"]",
        "ENTRYPOINT [\"/app/main.py\"]\nCMD [\"two words\"]",
    ] {
        assert_eq!(found(&file(end), Severity::Error), [""; 0], "{end}");
    }
}
