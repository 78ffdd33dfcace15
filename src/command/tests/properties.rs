//! What holds for every text and every command.

use proptest::option;
use proptest::prelude::*;

use crate::command::table::{TABLE, names};
use crate::command::{Command, Extension, Login, Scope, Subject, Topic, fresh, read, words};
use crate::model::{Duration, PhaseSlug, TaskSlug, TeamSlug, Timestamp};

/// Texts that are more often near a command than letters by chance.
fn texts() -> impl Strategy<Value = String> {
    let examples: Vec<&str> = TABLE.iter().flat_map(|row| row.examples).copied().collect();
    let part = prop_oneof![
        Just("/".to_owned()),
        Just("@referee ".to_owned()),
        proptest::sample::select(examples).prop_map(str::to_owned),
        proptest::sample::select(vec![
            "\n", "\r\n", "\n\n", "> ", "- ", "    ", "\t", "```\n", "`", "<!--", "-->", "**", "[",
            "](x)", "# ", "| ", "|--", "\u{a0}", "\u{200b}", "“", "”", "\"", "=", "reason=", "#1",
            "\\", "<code>",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    proptest::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

fn slug() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9_-]{0,9}"
}

/// A phase that can be asked for alone by `/status`.
fn phase() -> impl Strategy<Value = PhaseSlug> {
    "[a-su-z][a-z0-9_-]{0,9}".prop_map(|text| PhaseSlug::new(text).unwrap())
}

fn scope() -> impl Strategy<Value = Scope> {
    let task = option::of(slug().prop_map(|text| TaskSlug::new(text).unwrap()));
    (phase(), task).prop_map(|(phase, task)| Scope { phase, task })
}

fn team() -> impl Strategy<Value = TeamSlug> {
    slug().prop_map(|text| TeamSlug::new(text).unwrap())
}

/// Text with quotes, escapes and blanks, as a person can see it.
fn prose() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 \"\\\\“”„«»=#@/äß日.,!'*_`-]{0,20}".prop_map(|text| format!("x{}", text.trim_end()))
}

fn commands() -> impl Strategy<Value = Command> {
    let number = 1..=i64::MAX;
    let topic = proptest::sample::select(names().collect::<Vec<_>>()).prop_map(Topic);
    let subject = prop_oneof![
        number.clone().prop_map(Subject::Submission),
        team().prop_map(Subject::Team),
        scope().prop_map(Subject::Scope),
    ];
    let extension = prop_oneof![
        (1..=31_622_400_000_i64).prop_map(|ms| Extension::By(Duration(ms))),
        (-10_000_000_000..10_000_000_000_i64).prop_map(|s| Extension::Until(Timestamp(s * 1000))),
    ];
    let members = proptest::collection::btree_set("[a-z0-9._-]{1,12}", 1..6)
        .prop_map(|names| names.into_iter().map(Login).collect());
    let scopes = prop_oneof![
        scope().prop_map(Command::Freeze),
        scope().prop_map(Command::Unfreeze),
        scope().prop_map(Command::Publish),
        scope().prop_map(Command::Export),
        option::of(scope()).prop_map(Command::Resume),
        (option::of(scope()), option::of(prose()))
            .prop_map(|(scope, reason)| Command::Pause { scope, reason }),
        (phase(), slug()).prop_map(|(phase, task)| Command::Rescore {
            phase,
            task: TaskSlug::new(task).unwrap()
        }),
        phase().prop_map(Command::PhaseOpen),
        phase().prop_map(Command::PhaseClose),
        (phase(), extension).prop_map(|(phase, to)| Command::PhaseExtend { phase, to }),
    ];
    let numbers = prop_oneof![
        number.clone().prop_map(Command::Choose),
        number.clone().prop_map(Command::Withdraw),
        number.clone().prop_map(Command::Rerun),
        number.clone().prop_map(Command::Cancel),
        option::of(number.clone()).prop_map(Command::Apply),
        option::of(number).prop_map(Command::Discard),
    ];
    let teams = prop_oneof![
        (team(), prose()).prop_map(|(team, reason)| Command::Disqualify { team, reason }),
        team().prop_map(Command::Reinstate),
        (team(), 1..=1000_i64, scope()).prop_map(|(team, evaluations, scope)| Command::Grant {
            team,
            evaluations,
            scope
        }),
        (team(), members).prop_map(|(team, members)| Command::TeamAdd { team, members }),
        team().prop_map(Command::TeamApprove),
    ];
    prop_oneof![
        option::of(topic).prop_map(Command::Help),
        option::of(subject).prop_map(Command::Status),
        Just(Command::Quota),
        Just(Command::Queue),
        Just(Command::TeamList),
        prose().prop_map(Command::Announce),
        scopes,
        numbers,
        teams,
    ]
}

/// The words of a line as a shell splits them, for the quotes that `Display` writes.
fn shell(line: &str) -> Vec<String> {
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
    fn no_text_is_too_strange(text in texts(), bot in ".{0,4}") {
        for written in read(&text, "referee").into_iter().chain(read(&text, &bot)) {
            prop_assert!(written.line >= 1);
            if let Err(error) = written.command {
                let answer = error.to_string();
                prop_assert!(answer.ends_with(['.', '`']), "{}", answer);
                prop_assert_eq!(read(&answer, "referee"), []);
            }
        }
    }

    #[test]
    fn arbitrary_characters_are_read(text in "\\PC*|.{0,40}") {
        let again = read(&text, "referee");
        prop_assert_eq!(fresh(&again, &again), []);
    }

    #[test]
    fn quoting_silences(text in texts()) {
        let quoted: String = text.split(['\n', '\r']).map(|line| format!("> {line}\n")).collect();
        prop_assert_eq!(read(&quoted, "referee"), []);
    }

    #[test]
    fn fencing_silences(text in texts()) {
        let fenced = format!("``````\n{text}\n``````\n");
        prop_assert_eq!(read(&fenced, "referee"), []);
    }

    #[test]
    fn commands_read_back_as_they_are_written(command in commands()) {
        let line = command.to_string();
        let found = read(&line, "referee");
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].source, &line);
        prop_assert_eq!(found[0].command.as_ref(), Ok(&command));
        if !matches!(command, Command::Announce(_)) {
            let split = shell(&line);
            let split: Vec<&str> = split.iter().map(String::as_str).collect();
            prop_assert_eq!(words(&split), Ok(command), "{:?}", split);
        }
    }

    #[test]
    fn an_edit_that_only_moves_commands_runs_nothing(text in texts()) {
        let before = read(&text, "referee");
        let mut now = before.clone();
        now.reverse();
        prop_assert_eq!(fresh(&before, &now), []);
        prop_assert_eq!(fresh(&[], &now).len(), now.len());
    }
}
