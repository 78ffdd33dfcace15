//! Properties of every text and every command.

use proptest::option;
use proptest::prelude::*;

use super::{Command, read};
use crate::command::{BoardSelector, CommandSet as _, new_commands, parse_arguments, read_commands};
use crate::model::{PhaseSlug, TaskSlug, TeamSlug};

/// Texts that are more often close to a command than random letters are.
fn texts() -> impl Strategy<Value = String> {
    let rows = Command::TABLE.iter();
    let examples: Vec<&str> = rows.flat_map(|row| row.spec.examples).copied().collect();
    let part = prop_oneof![
        Just("/".to_owned()),
        Just("@referee ".to_owned()),
        proptest::sample::select(examples).prop_map(str::to_owned),
        proptest::sample::select(vec![
            "\n", "\r\n", "\n\n", "> ", "- ", "    ", "\t", "```\n", "`", "<!--", "-->", "**", "[", "](x)", "# ", "| ",
            "|--", "\u{a0}", "\u{200b}", "“", "”", "\"", "=", "reason=", "#1", "\\", "<code>",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    proptest::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

fn slug() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9_-]{0,9}"
}

pub(crate) fn arbitrary_number() -> impl Strategy<Value = i64> + Clone {
    1..=i64::MAX
}

/// A phase that `/status` does not read as a number or as the word `team`.
pub(crate) fn arbitrary_phase() -> impl Strategy<Value = PhaseSlug> {
    "[a-su-z][a-z0-9_-]{0,9}".prop_map(|text| PhaseSlug::new(text).unwrap())
}

pub(crate) fn arbitrary_task() -> impl Strategy<Value = TaskSlug> {
    slug().prop_map(|text| TaskSlug::new(text).unwrap())
}

/// `PHASE` or `PHASE/TASK`.
pub(crate) fn arbitrary_boards() -> impl Strategy<Value = BoardSelector> {
    (arbitrary_phase(), option::of(arbitrary_task()))
        .prop_map(|(phase, task)| BoardSelector { phase: Some(phase), task })
}

/// `PHASE`, `PHASE/TASK` or nothing.
pub(crate) fn arbitrary_optional_boards() -> impl Strategy<Value = BoardSelector> {
    option::of(arbitrary_boards()).prop_map(Option::unwrap_or_default)
}

pub(crate) fn arbitrary_team() -> impl Strategy<Value = TeamSlug> {
    slug().prop_map(|text| TeamSlug::new(text).unwrap())
}

/// A visible text with quotes, escapes and blanks.
pub(crate) fn arbitrary_text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 \"\\\\“”„«»=#@/äß日.,!'*_`-]{0,20}".prop_map(|text| format!("x{}", text.trim_end()))
}

/// The words of a line as a shell splits them, for the quotes of normal forms.
fn split_by_shell(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => word.extend(chars.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

proptest! {
    #[test]
    fn every_text_is_read_and_no_reply_is_a_command(text in texts(), bot in ".{0,4}") {
        for command in read(&text).into_iter().chain(read_commands(&text, &bot)) {
            prop_assert!(command.line >= 1);
            if let Err(error) = command.command {
                let reply = error.to_string();
                prop_assert!(reply.ends_with(['.', '`']), "{}", reply);
                prop_assert_eq!(read(&reply), []);
            }
        }
    }

    #[test]
    fn arbitrary_characters_are_read(text in "\\PC*|.{0,40}") {
        let again = read(&text);
        prop_assert_eq!(new_commands(&again, &again), []);
    }

    #[test]
    fn a_quoted_text_has_no_commands(text in texts()) {
        let quoted: String = text.split(['\n', '\r']).map(|line| format!("> {line}\n")).collect();
        prop_assert_eq!(read(&quoted), []);
    }

    #[test]
    fn a_fenced_text_has_no_commands(text in texts()) {
        let fenced = format!("``````\n{text}\n``````\n");
        prop_assert_eq!(read(&fenced), []);
    }

    #[test]
    fn the_normal_form_of_a_command_is_that_command(command in Command::any()) {
        let line = command.to_string();
        let found = read(&line);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].source, &line);
        prop_assert_eq!(found[0].command.as_ref(), Ok(&command));
        // The text of an announcement is not quoted.
        if !matches!(command, Command::Announce(_)) {
            let split = split_by_shell(&line);
            let split: Vec<&str> = split.iter().map(String::as_str).collect();
            prop_assert_eq!(parse_arguments(&split), Ok(command), "{:?}", split);
        }
    }

    #[test]
    fn an_edit_that_only_moves_commands_runs_nothing(text in texts()) {
        let before = read(&text);
        let mut now = before.clone();
        now.reverse();
        prop_assert_eq!(new_commands(&before, &now), []);
        prop_assert_eq!(new_commands(&[], &now).len(), now.len());
    }
}
