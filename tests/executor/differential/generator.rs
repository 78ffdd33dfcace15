//! Generated Dockerfiles that parsers could read differently. Most are valid; each contains something unusual.
//!
//! They use the difficult parts of the format: directives, continuations across comments and empty lines, quotes, lists
//! that are nearly JSON, here-documents, blanks of all kinds.

use proptest::prelude::*;
use proptest::sample::select;

use super::pieces::*;

/// A whole file on this base.
pub(super) fn file(base: &str) -> impl Strategy<Value = String> + use<> {
    let stage = from(base.to_owned())
        .prop_flat_map(|from| prop::collection::vec(line(), 1..4).prop_map(move |lines| from.clone() + &lines.concat()))
        .boxed();
    let stages = prop_oneof![
        8 => prop::collection::vec(stage.clone(), 1),
        1 => prop::collection::vec(stage, 2),
    ];
    let end = prop_oneof![
        12 => Just(""),
        1 => select(vec!["\\", "\\\n", "#", "\n\n", " ", "\r", "# \\\n", "CMD [\"x\"]"]),
    ];
    let slip = prop_oneof![
        24 => Just(None),
        1 => (select(SLIPS), any::<prop::sample::Index>()).prop_map(Some),
    ];
    (head(), stages, end, slip).prop_map(|(head, stages, end, slip)| {
        let text = format!("{head}{}{end}", stages.concat());
        let Some((piece, at)) = slip else {
            return text;
        };
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let (before, after) = text.split_at(ends[at.index(ends.len())]);
        format!("{before}{piece}{after}")
    })
}

/// The text above the first instruction.
fn head() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        8 => Just(""),
        3 => select(vec![
            "\n", "# c\n", " \t# c\n", "\r\n", "# unknown=x\n", "# c \\\n", "#\n", "ARG A=1\n",
            "arg A\n", "#escape\n", "# escape: `\n", "# see=escape=`\n", "# a\u{a0}comment\n",
            "ARG ESCAPE=`\n# escape=`\n", "# syntaxes=x\n", "#\u{a0}escape=`\n",
        ]),
        1 => select(vec![
            "# escape=`\n", "#escape=\\\n", "# Escape = `\r\n", "# c\n# escape=`\n", "\n# escape=`\n",
            "\t# escape=`\n", "\u{feff}", "\u{feff}# escape=`\n", "# syntax=docker/dockerfile:1\n",
            "#!escape=`\n", "//escape=`\n", "#\tESCAPE\t=\t`\n", "# check=skip=all\n",
            "# escape\u{a0}=`\n", "# escape=``\n", "# escape=`#\n", "# x=y\n# escape=`\n",
            "#\u{b}escape=`\n", "# escape=`\u{c}\n", "#\r# escape=`\n",
        ]),
    ]
}

fn from(base: String) -> impl Strategy<Value = String> {
    let name = prop_oneof![
        10 => Just(base),
        1 => Just("scratch".to_owned()),
    ];
    let odd = select(vec!["$A", "${A:-scratch}", "\"scratch\"", "SCRATCH", "first", "0"]);
    let name = prop_oneof![40 => name, 1 => odd.prop_map(str::to_owned)];
    let alias = prop_oneof![
        6 => Just(""),
        1 => select(vec!["AS first", "as First", "AS 1st", "aS a.b_c-d", "AS", "first", "AS $A"]),
    ];
    let flag = prop_oneof![
        12 => Just(""),
        1 => select(vec!["--platform=linux/amd64", "--platform=$A", "--platform"]),
    ];
    (flag, name, alias).prop_flat_map(|(flag, name, alias)| {
        let words = [flag.to_owned(), name, alias.to_owned()];
        let words = words.into_iter().filter(|word| !word.is_empty()).collect();
        laid_out("FROM", words)
    })
}

/// Mostly an instruction, with its line end.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        32 => sound(),
        2 => wild(),
        2 => select(BETWEEN).prop_map(str::to_owned),
    ]
}

/// An instruction with arguments of its own kind.
fn sound() -> impl Strategy<Value = String> {
    let several = |words: &'static [&'static str]| prop::collection::vec(select(words), 1..4);
    let one = |words: &'static [&'static str]| prop::collection::vec(select(words), 1);
    let instruction = prop_oneof![
        6 => (Just("ENV"), several(PAIRS)),
        1 => (Just("ENV"), one(OLD_PAIRS)),
        3 => (Just("LABEL"), several(LABELS)),
        2 => (Just("ARG"), one(ARGS)),
        2 => (Just("USER"), one(USERS)),
        2 => (Just("WORKDIR"), one(FOLDERS)),
        5 => (Just("COPY"), one(COPIES)),
        4 => (Just("CMD"), one(COMMANDS)),
        2 => (Just("ENTRYPOINT"), one(COMMANDS)),
        1 => (Just("SHELL"), one(SHELLS)),
        2 => (Just("RUN"), one(RUNS)),
        1 => select(UNBUILT).prop_map(|(keyword, rest)| (keyword, vec![rest])),
    ];
    instruction.prop_flat_map(|(keyword, words)| {
        let words = words.iter().flat_map(|words| words.split(' '));
        laid_out(keyword, words.map(str::to_owned).collect())
    })
}

/// An instruction with arbitrary text behind it.
fn wild() -> impl Strategy<Value = String> {
    let keyword = select(vec![
        "ENV",
        "LABEL",
        "ARG",
        "USER",
        "WORKDIR",
        "COPY",
        "CMD",
        "ENTRYPOINT",
        "SHELL",
        "RUN true",
        "ENV A",
        "ENV A=",
        "COPY a.txt",
        "RUNx",
        "",
    ]);
    let pieces = prop::collection::vec(select(PIECES), 0..7);
    (keyword, pieces).prop_map(|(keyword, pieces)| format!("{keyword} {}\n", pieces.concat()))
}

/// The words with blanks or continuations between them, and a line end.
fn laid_out(keyword: &'static str, words: Vec<String>) -> impl Strategy<Value = String> {
    let keyword = prop_oneof![
        8 => Just(keyword.to_owned()),
        1 => Just(keyword.to_lowercase()),
        1 => Just(format!("{}{}", &keyword[..1], keyword[1..].to_lowercase())),
        1 => Just(format!(" \t{keyword}")),
        1 => Just(format!("\\\n{keyword}")),
    ];
    let joint = prop_oneof![60 => Just(" "), 20 => select(JOINTS), 1 => select(ODD_JOINTS)];
    let joints = prop::collection::vec(joint, words.len());
    let end = prop_oneof![24 => Just("\n"), 4 => select(ENDS)];
    (keyword, joints, end).prop_map(move |(keyword, joints, end)| {
        let rest = joints.iter().zip(&words);
        let rest: String = rest.map(|(joint, word)| format!("{joint}{word}")).collect();
        format!("{keyword}{rest}{end}")
    })
}
