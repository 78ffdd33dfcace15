//! The replies to commands that cannot be parsed, as one snapshot.

use super::{assert_replies, read_line};
use crate::model::text;

const MISTAKES: &[&str] = &[
    "/rescroe validation",
    "@referee shrug",
    "@referee",
    "@referee a=help",
    "/phase opne val",
    "/team",
    "/rerun",
    "/rerun #x",
    "/rerun #1 #2",
    "/apply #3",
    "/rescore val",
    "/phase open val/a",
    "/freeze Val",
    "/freeze val/A",
    "/freeze phase=val",
    "/pause GPU node is down",
    "/disqualify alpha reason=x",
    "/disqualify team alpha",
    "/disqualify team alpha raeson=\"x\"",
    "/disqualify team alpha reason=it cheats",
    "/disqualify team alpha reason=a reason=b",
    "/disqualify team alpha reason=\"it cheats",
    "/disqualify team alpha reason=\" \"",
    "/grant team alpha 0 val",
    "/grant team alpha 101 val",
    "/team add alpha",
    "/team add Alpha ada",
    "/team add alpha a+b",
    "/team add alpha ada @Ada",
    "/announce",
    "/re\u{200b}run #1",
    "/announce a\u{202e}b",
    "\u{feff}/queue",
    "/rerun `#12`",
    "/phase extend val",
    "/phase extend val 2d",
    "/phase extend val by",
    "/phase extend val by two",
    "/phase extend val by 0d",
    "/phase extend val by 400d",
    "/phase extend val until 2026-09-20T23:59",
    "/phase extend val until 2026-02-30",
];

/// The line with invisible characters as numbers.
fn visible(line: &str) -> String {
    let shown = |c: char| {
        if text::is_visible(c) { c.to_string() } else { format!("<U+{:04X}>", u32::from(c)) }
    };
    line.chars().map(shown).collect()
}

#[test]
fn every_mistake_gets_a_reply_with_problem_column_and_fix() {
    let replies: String =
        MISTAKES.iter().map(|line| format!("----- {}\n\n{}\n\n", visible(line), read_line(line))).collect();
    assert_replies("mistakes", &replies);
}
