//! Tests of commands: what is read from a text, what is answered, and properties of both.

mod answers;
mod properties;
mod texts;

use super::table::{TABLE, row};
use super::*;

/// A line as it is understood, in its plainest form, or the answer.
fn said(line: &str) -> String {
    let found = read(line, "referee");
    assert_eq!(found.len(), 1, "{line:?}: {found:?}");
    match &found[0].command {
        Ok(command) => command.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_command_has_its_row_and_every_example_is_that_command() {
    for (n, entry) in TABLE.iter().enumerate() {
        assert_eq!(
            entry.verb as usize, n,
            "{} stands at a wrong place",
            entry.name
        );
        assert_eq!(row(entry.verb).name, entry.name);
        assert!(!entry.summary.is_empty() && !entry.details.is_empty());
        assert!(!entry.examples.is_empty(), "{}", entry.name);
        for example in entry.examples {
            let found = read(example, "referee");
            let [written] = found.as_slice() else {
                panic!("{example}: {found:?}");
            };
            let command = written.command.as_ref().unwrap();
            assert_eq!(command.verb(), entry.verb, "{example}");
            let again = &read(&command.to_string(), "referee")[0];
            assert_eq!(again.command.as_ref(), Ok(command), "{example}");
            let split: Vec<&str> = example.split(' ').collect();
            if !example.contains('"') {
                assert_eq!(words(&split).as_ref(), Ok(command), "{example}");
            }
        }
    }
}

#[test]
fn commands_are_read_in_their_plainest_form() {
    for (line, plain) in [
        ("/help /phase OPEN", "/help phase open"),
        ("/Status 12", "/status #12"),
        ("/status TEAM alpha", "/status team alpha"),
        ("/rerun\t12", "/rerun #12"),
        ("/rerun\u{a0}#012", "/rerun #12"),
        ("@referee rerun #12", "/rerun #12"),
        ("@Referee, rerun #12", "/rerun #12"),
        ("@referee: /rerun #12", "/rerun #12"),
        ("/pause \"disk is full\"", "/pause reason=\"disk is full\""),
        (
            "/pause val disk is full",
            "/pause val reason=\"disk is full\"",
        ),
        (
            "/pause val \"disk is full\"",
            "/pause val reason=\"disk is full\"",
        ),
        (
            "/pause val/a Reason=“disk is full”",
            "/pause val/a reason=\"disk is full\"",
        ),
        ("/pause reason=full val", "/pause val reason=\"full\""),
        ("/pause reason=„so “", "/pause reason=\"so\""),
        ("/pause reason=«so»", "/pause reason=\"so\""),
        (
            r#"/pause "a \"b\" \\ c\d""#,
            r#"/pause reason="a \"b\" \\ c\\d""#,
        ),
        (
            "/pause \"the “final” board\"",
            "/pause reason=\"the “final” board\"",
        ),
        ("/phase extend val by 36H", "/phase extend val by 1d12h"),
        (
            "/phase extend val until 2026-09-20",
            "/phase extend val until 2026-09-20T23:59:59Z",
        ),
        (
            "/phase extend val until 2026-09-20T23:59+02:00",
            "/phase extend val until 2026-09-20T21:59:00Z",
        ),
        (
            "/team add alpha @Ada grace.h",
            "/team add alpha Ada grace.h",
        ),
        (
            "/announce  See **this**, don\"t wait: a=1 a=1 👩\u{200d}🔬 ",
            "/announce See **this**, don\"t wait: a=1 a=1 👩\u{200d}🔬",
        ),
    ] {
        assert_eq!(said(line), plain, "{line}");
    }
}

#[test]
fn a_command_line_needs_no_second_layer_of_quotes() {
    let plain = |arguments: &[&str]| match words(arguments) {
        Ok(command) => command.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(plain(&["phase", "close", "val"]), "/phase close val");
    assert_eq!(plain(&["/status", "#3"]), "/status #3");
    assert_eq!(
        plain(&["pause", "disk is full"]),
        "/pause reason=\"disk is full\""
    );
    assert_eq!(
        plain(&["disqualify", "team", "alpha", "reason=it \"cheats\""]),
        "/disqualify team alpha reason=\"it \\\"cheats\\\"\""
    );
    assert_eq!(
        plain(&["announce", "All is", "well."]),
        "/announce All is well."
    );
    assert_eq!(
        plain(&[]),
        "No command follows. `/help` lists all commands."
    );
    let wrong = plain(&["phase", "close", "Val"]);
    assert!(
        wrong.starts_with("`Val` at column 13 is not a phase"),
        "{wrong}"
    );
}

#[test]
fn roles_keep_to_their_commands() {
    let may = |line: &str, role| read(line, "")[0].command.clone().unwrap().permit(role);
    for (line, organizer, participant) in [
        ("/help", true, true),
        ("/status", true, true),
        ("/status #1", true, true),
        ("/status team alpha", true, false),
        ("/status val", true, false),
        ("/withdraw #1", true, true),
        ("/quota", false, true),
        ("/choose #1", false, true),
        ("/freeze val", true, false),
        ("/queue", true, false),
    ] {
        assert_eq!(may(line, Role::Organizer).is_ok(), organizer, "{line}");
        assert_eq!(may(line, Role::Participant).is_ok(), participant, "{line}");
    }
    assert_eq!(
        may("/freeze val", Role::Participant)
            .unwrap_err()
            .to_string(),
        "`/freeze` is for organizers."
    );
    assert_eq!(
        may("/quota", Role::Organizer).unwrap_err().to_string(),
        "`/quota` is for members of a team, in the team's own repository."
    );
    assert_eq!(
        may("/status val", Role::Participant)
            .unwrap_err()
            .to_string(),
        "`/status` is for organizers in this form."
    );
}

#[test]
fn help_lists_what_somebody_may_give_and_explains_each() {
    let (organizer, participant) = (help(Role::Organizer), help(Role::Participant));
    let listed: Vec<&str> = participant
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(listed.len(), 5, "{participant}");
    assert!(participant.contains("| `/choose #12` | "));
    assert!(!participant.contains("/freeze"));
    assert!(organizer.contains("| `/status [#12 \\| team NAME \\| PHASE[/TASK]]` | "));
    assert!(!organizer.contains("`/quota`"));
    for entry in &TABLE {
        let text = help_on(entry.name).unwrap();
        assert!(text.contains(&format!("**`{}`**", entry.usage())), "{text}");
        // Help is posted where commands are read.
        assert_eq!(read(&text, "referee"), []);
    }
    assert_eq!(read(&organizer, "referee"), []);
    assert_eq!(help_on("/phase").unwrap().matches("**`/phase ").count(), 3);
    assert_eq!(
        help_on("rescroe").unwrap_err().to_string(),
        "There is no command `/rescroe`. Did you mean `/rescore`? `/help` lists all commands."
    );
}

#[test]
fn an_edit_runs_only_what_is_new_and_nothing_destructive() {
    let fresh = |before: &str, now: &str| -> Vec<String> {
        super::fresh(&read(before, "referee"), &read(now, "referee"))
            .into_iter()
            .map(|written| match written.command {
                Ok(command) => format!("{}: {command}", written.line),
                Err(error) => format!("{}: {error}", written.line),
            })
            .collect()
    };
    let before = "Please.\n/rerun #1\n/freeze val\n/rescroe val/a\n/withdraw #9";
    assert_eq!(fresh(before, before), [""; 0]);
    let reordered =
        "Now, please:\n\n- /freeze   val\n\n@referee rerun 1\n/rescroe  val/a\n/withdraw 9";
    assert_eq!(fresh(before, reordered), [""; 0]);
    assert_eq!(fresh(before, "/rerun #1\n/rerun #2"), ["2: /rerun #2"]);
    assert_eq!(fresh("/rerun #1", "/rerun #1\n/rerun #1"), ["2: /rerun #1"]);
    assert_eq!(fresh("> /rerun #1", "/rerun #1"), ["1: /rerun #1"]);
    assert_eq!(
        fresh("/rescroe val/a", "/rescore val/a"),
        ["1: /rescore val/a"]
    );
    assert_eq!(
        fresh("/rerun #1", "/rerun #1\n/cancel #1"),
        [
            "2: `/cancel` was not run, because it came into the text by an edit. Write it in a new comment."
        ]
    );
}
