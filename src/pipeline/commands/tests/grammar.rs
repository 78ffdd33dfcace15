//! Grammar, permission, help and edits of all commands.

use super::{read, read_line};
use crate::command::{
    CommandRole, CommandSet as _, explain_commands, find_topic, list_commands, new_commands, parse_arguments,
};
use crate::pipeline::commands::Command;
use crate::pipeline::commands::permission::permit;

#[test]
fn every_example_is_the_command_that_it_explains() {
    for row in Command::TABLE {
        let spec = row.spec;
        assert!(!spec.summary.is_empty() && !spec.details.is_empty());
        assert!(!spec.examples.is_empty(), "{}", spec.name);
        for example in spec.examples {
            let found = read(example);
            let [written] = found.as_slice() else {
                panic!("{example}: {found:?}");
            };
            let command = written.command.as_ref().unwrap();
            assert_eq!(command.spec(), spec, "{example}");
            let again = &read(&command.to_string())[0];
            assert_eq!(again.command.as_ref(), Ok(command), "{example}");
            let split: Vec<&str> = example.split(' ').collect();
            if !example.contains('"') {
                assert_eq!(parse_arguments(&split).as_ref(), Ok(command), "{example}");
            }
        }
    }
}

#[test]
fn commands_have_a_normal_form() {
    for (line, normal_form) in [
        ("/help /phase OPEN", "/help phase open"),
        ("/Status 12", "/status #12"),
        ("/status TEAM alpha", "/status team alpha"),
        ("/rerun\t12", "/rerun #12"),
        ("/rerun\u{a0}#012", "/rerun #12"),
        ("@referee rerun #12", "/rerun #12"),
        ("@Referee, rerun #12", "/rerun #12"),
        ("@referee: /rerun #12", "/rerun #12"),
        ("/pause \"disk is full\"", "/pause reason=\"disk is full\""),
        ("/pause val disk is full", "/pause val reason=\"disk is full\""),
        ("/pause val \"disk is full\"", "/pause val reason=\"disk is full\""),
        ("/pause val/a Reason=“disk is full”", "/pause val/a reason=\"disk is full\""),
        ("/pause reason=full val", "/pause val reason=\"full\""),
        ("/pause reason=„so “", "/pause reason=\"so\""),
        ("/pause reason=«so»", "/pause reason=\"so\""),
        (r#"/pause "a \"b\" \\ c\d""#, r#"/pause reason="a \"b\" \\ c\\d""#),
        ("/pause \"the “final” board\"", "/pause reason=\"the “final” board\""),
        ("/phase extend val by 36H", "/phase extend val by 1d12h"),
        ("/phase extend val until 2026-09-20", "/phase extend val until 2026-09-20T23:59:59Z"),
        ("/phase extend val until 2026-09-20T23:59+02:00", "/phase extend val until 2026-09-20T21:59:00Z"),
        ("/team add alpha @Ada grace.h", "/team add alpha Ada grace.h"),
        (
            "/announce  See **this**, don\"t wait: a=1 a=1 👩\u{200d}🔬 ",
            "/announce See **this**, don\"t wait: a=1 a=1 👩\u{200d}🔬",
        ),
    ] {
        assert_eq!(read_line(line), normal_form, "{line}");
    }
}

#[test]
fn a_command_line_needs_no_second_layer_of_quotes() {
    let normal_form = |arguments: &[&str]| match parse_arguments::<Command>(arguments) {
        Ok(command) => command.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(normal_form(&["phase", "close", "val"]), "/phase close val");
    assert_eq!(normal_form(&["/status", "#3"]), "/status #3");
    assert_eq!(normal_form(&["pause", "disk is full"]), "/pause reason=\"disk is full\"");
    assert_eq!(
        normal_form(&["disqualify", "team", "alpha", "reason=it \"cheats\""]),
        "/disqualify team alpha reason=\"it \\\"cheats\\\"\""
    );
    assert_eq!(normal_form(&["announce", "All is", "well."]), "/announce All is well.");
    assert_eq!(normal_form(&[]), "No command is given. Use `/help` to list all commands.");
    let wrong = normal_form(&["phase", "close", "Val"]);
    assert!(wrong.starts_with("`Val` at column 13 is invalid"), "{wrong}");
}

#[test]
fn each_role_may_give_only_its_commands() {
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
        let command = read(line)[0].command.clone().unwrap();
        let may = |role| permit(&command, role).is_ok();
        assert_eq!(may(CommandRole::Organizer), organizer, "{line}");
        assert_eq!(may(CommandRole::Participant), participant, "{line}");
    }
}

#[test]
fn help_lists_the_commands_of_a_role_and_explains_each() {
    let organizer = list_commands::<Command>(CommandRole::Organizer);
    let participant = list_commands::<Command>(CommandRole::Participant);
    let listed = participant.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(listed.count(), 5, "{participant}");
    assert!(participant.contains("| `/choose #12` | "));
    assert!(!participant.contains("/freeze"));
    assert!(organizer.contains("| `/status [#12 \\| team NAME \\| PHASE[/TASK]]` | "));
    assert!(!organizer.contains("`/quota`"));
    for row in Command::TABLE {
        let text = explain_commands::<Command>(row.spec.name);
        assert!(text.contains(&format!("**`{}`**", row.spec.usage())), "{text}");
        // Help is posted where commands are read.
        assert_eq!(read(&text), []);
    }
    assert_eq!(read(&organizer), []);
    let family = explain_commands::<Command>("phase");
    assert_eq!(family.matches("**`/phase ").count(), 3);
    assert_eq!(
        find_topic::<Command>("rescroe").unwrap_err().to_string(),
        "Unknown command `/rescroe`. Did you mean `/rescore`? Use `/help` to list all commands."
    );
}

#[test]
fn an_edit_adds_only_new_commands_and_no_destructive_ones() {
    let added = |before: &str, now: &str| -> Vec<String> {
        new_commands(&read(before), &read(now))
            .into_iter()
            .map(|written| match written.command {
                Ok(command) => format!("{}: {command}", written.line),
                Err(error) => format!("{}: {error}", written.line),
            })
            .collect()
    };
    let before = "Please.\n/rerun #1\n/freeze val\n/rescroe val/a\n/withdraw #9";
    assert_eq!(added(before, before), [""; 0]);
    let reordered = "Now, please:\n\n- /freeze   val\n\n@referee rerun 1\n/rescroe  val/a\n/withdraw 9";
    assert_eq!(added(before, reordered), [""; 0]);
    assert_eq!(added(before, "/rerun #1\n/rerun #2"), ["2: /rerun #2"]);
    assert_eq!(added("/rerun #1", "/rerun #1\n/rerun #1"), ["2: /rerun #1"]);
    assert_eq!(added("> /rerun #1", "/rerun #1"), ["1: /rerun #1"]);
    assert_eq!(added("/rescroe val/a", "/rescore val/a"), ["1: /rescore val/a"]);
    assert_eq!(
        added("/rerun #1", "/rerun #1\n/cancel #1"),
        ["2: `/cancel` was not run, because an edit added it to the text. Write it in a new comment."]
    );
}
