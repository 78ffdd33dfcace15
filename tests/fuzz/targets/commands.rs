//! Comments: the normal form of a command is that command, and no reply is a command.

use referee::command::{TextCommand, new_commands, parse_arguments, read_commands};
use referee::model::limits;
use referee::pipeline::commands::Command;

fn read(text: &str) -> Vec<TextCommand<Command>> {
    read_commands(text, "referee")
}

pub(super) fn keeps(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found = read(&text);
    assert!(found.len() <= limits::COMMANDS_PER_TEXT_MAX + 1);
    assert_eq!(new_commands(&found, &found), []);
    // Line ends of every kind count.
    let lines = text.split(['\n', '\r']).count();
    for command in found {
        assert!((1..=lines).contains(&command.line), "{command:?}");
        assert!(command.source.len() <= text.len());
        reads_back(&command);
    }
    // The same bytes as arguments of a command line.
    let arguments: Vec<&str> = text.split(' ').collect();
    if let Err(error) = parse_arguments::<Command>(&arguments) {
        assert!(!error.to_string().is_empty());
    }
}

fn reads_back(command: &TextCommand<Command>) {
    let line = match &command.command {
        Ok(command) => command.to_string(),
        Err(error) => {
            let reply = error.to_string();
            assert!(!reply.is_empty());
            assert_eq!(read(&reply), [], "a reply is a command");
            return;
        }
    };
    let again = read(&line);
    assert_eq!(again.len(), 1, "{line:?}");
    assert_eq!(again[0].command, command.command, "{line:?}");
}
