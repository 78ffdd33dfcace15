//! What is answered to a command that cannot be run, word for word.

use super::said;

#[test]
fn every_answer_says_what_where_and_how() {
    for (line, answer) in [
        (
            "/rescroe validation",
            "There is no command `/rescroe`. Did you mean `/rescore`? `/help` lists all commands.",
        ),
        (
            "@referee shrug",
            "There is no command `/shrug`. `/help` lists all commands.",
        ),
        (
            "@referee",
            "No command follows. `/help` lists all commands.",
        ),
        (
            "@referee a=help",
            "There is no command `/a=help`. Did you mean `/help`? `/help` lists all commands.",
        ),
        (
            "/phase opne val",
            "`/phase` cannot be followed by `opne` at column 8. Did you mean `/phase open`? It takes `open`, \
             `close` or `extend`.\n\nUsage: `/phase open PHASE`, `/phase close PHASE`, \
             `/phase extend PHASE (by 2d | until 2026-09-20T23:59Z | until 2026-09-20)`",
        ),
        (
            "/team",
            "`/team` needs one more word: `add`, `approve` or `list`.\n\nUsage: `/team add NAME USER…`, \
             `/team approve NAME`, `/team list`",
        ),
        (
            "/rerun",
            "`/rerun` ends where the number of a submission is needed.\n\nUsage: `/rerun #12`",
        ),
        (
            "/rerun #x",
            "`#x` at column 8 is not the number of a submission, such as `#12`.\n\nUsage: `/rerun #12`",
        ),
        (
            "/rerun #1 #2",
            "`#2` at column 11 is one word too many. Remove it.\n\nUsage: `/rerun #12`",
        ),
        (
            "/apply #3",
            "`#3` at column 8 is not the number of a rescore, such as `3`.\n\nUsage: `/apply [NUMBER]`",
        ),
        (
            "/rescore val",
            "`val` at column 10 is not a board: write phase and task, `PHASE/TASK`.\n\nUsage: `/rescore PHASE/TASK`",
        ),
        (
            "/phase open val/a",
            "`val/a` at column 13 is not a phase: leave out `/` and the task.\n\nUsage: `/phase open PHASE`",
        ),
        (
            "/freeze Val",
            "`Val` at column 9 is not a phase or a board: only a-z, 0-9, `-`, `_` and `.` are allowed.\n\n\
             Usage: `/freeze PHASE[/TASK]`",
        ),
        (
            "/freeze phase=val",
            "`/freeze` takes no `phase=`, found at column 9.\n\nUsage: `/freeze PHASE[/TASK]`",
        ),
        (
            "/pause GPU node is down",
            "`GPU` at column 8 is not a phase or a board: only a-z, 0-9, `-`, `_` and `.` are allowed.\n\n\
             Usage: `/pause [PHASE[/TASK]] [REASON…]`",
        ),
        (
            "/disqualify alpha reason=x",
            "`alpha` at column 13 is not the word `team`, which stands before a team's name.\n\n\
             Usage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/disqualify team alpha",
            "`/disqualify` ends where `reason=\"…\"` is needed.\n\nUsage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/disqualify team alpha raeson=\"x\"",
            "`/disqualify` takes no `raeson=`, found at column 24. Did you mean `reason=`?\n\n\
             Usage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/disqualify team alpha reason=it cheats",
            "`cheats` at column 34 is one word too many. Write a text of several words in quotes: \
             `reason=\"…\"`.\n\nUsage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/disqualify team alpha reason=a reason=b",
            "`reason=` is given twice, the second time at column 33. Keep one of the two.\n\n\
             Usage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/disqualify team alpha reason=\"it cheats",
            "The quote at column 24 does not end. Write `\"` behind it.\n\n\
             Usage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/disqualify team alpha reason=\" \"",
            "` ` at column 24 is not a reason: write a few words in quotes.\n\n\
             Usage: `/disqualify team NAME reason=\"…\"`",
        ),
        (
            "/grant team alpha 0 val",
            "`0` at column 19 is not a number of evaluations from 1 to 1000.\n\n\
             Usage: `/grant team NAME 2 PHASE[/TASK]`",
        ),
        (
            "/team add alpha ada @Ada",
            "`@Ada` is given twice, the second time at column 21. Keep one of the two.\n\n\
             Usage: `/team add NAME USER…`",
        ),
        (
            "/announce",
            "`/announce` ends where a text is needed.\n\nUsage: `/announce TEXT…`",
        ),
        (
            "/re\u{200b}run #1",
            "There is an invisible character, U+200B, at column 4. Delete the line and type it anew.",
        ),
        (
            "/announce a\u{202e}b",
            "There is an invisible character, U+202E, at column 12. Delete the line and type it anew.",
        ),
        (
            "\u{feff}/queue",
            "There is an invisible character, U+FEFF, at column 1. Delete the line and type it anew.",
        ),
        (
            "/rerun `#12`",
            "`'#12'` at column 8 is not the number of a submission, such as `#12`.\n\nUsage: `/rerun #12`",
        ),
    ] {
        assert_eq!(said(line), answer, "{line}");
    }
}

#[test]
fn ends_of_phases_are_moments_or_spans() {
    let usage =
        "\n\nUsage: `/phase extend PHASE (by 2d | until 2026-09-20T23:59Z | until 2026-09-20)`";
    for (rest, answer) in [
        ("", "`/phase extend` ends where `by` or `until` is needed."),
        ("2d", "`2d` at column 19 is not `by` or `until`."),
        (
            "by",
            "`/phase extend` ends where a length of time, such as `2d`, is needed.",
        ),
        (
            "by two",
            "`two` at column 22 is not a length of time, such as `2d`, `36h` or `1d12h`.",
        ),
        (
            "by 0d",
            "`0d` at column 22 is not a length of time, such as `2d`, `36h` or `1d12h`.",
        ),
        ("by 400d", "`400d` at column 22 is not at most 366d."),
        (
            "until 2026-09-20T23:59",
            "`2026-09-20T23:59` at column 25 is not a moment with its time zone, such as `2026-09-20T23:59Z`, \
             nor a day, such as `2026-09-20`.",
        ),
        (
            "until 2026-02-30",
            "`2026-02-30` at column 25 is not a moment with its time zone, such as `2026-09-20T23:59Z`, \
             nor a day, such as `2026-09-20`.",
        ),
    ] {
        let line = format!("/phase extend val {rest}");
        assert_eq!(said(&line), format!("{answer}{usage}"), "{line}");
    }
}
