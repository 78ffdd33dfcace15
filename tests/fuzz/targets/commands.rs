//! Comments: a command reads back as it is written, and no answer is a command.

use referee::command::{Written, fresh, read, words};
use referee::model::limits;

pub fn keeps(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found = read(&text, "referee");
    assert!(found.len() <= limits::COMMANDS_PER_TEXT_MAX + 1);
    assert_eq!(fresh(&found, &found), []);
    // Line ends of every kind count.
    let lines = text.split(['\n', '\r']).count();
    for written in found {
        assert!((1..=lines).contains(&written.line), "{written:?}");
        assert!(written.source.len() <= text.len());
        reads_back(&written);
    }
    // The same bytes as arguments of a command line.
    let arguments: Vec<&str> = text.split(' ').collect();
    if let Err(error) = words(&arguments) {
        assert!(!error.to_string().is_empty());
    }
}

fn reads_back(written: &Written) {
    let line = match &written.command {
        Ok(command) => command.to_string(),
        Err(error) => {
            let answer = error.to_string();
            assert!(!answer.is_empty());
            assert_eq!(read(&answer, "referee"), [], "an answer is a command");
            return;
        }
    };
    let again = read(&line, "referee");
    assert_eq!(again.len(), 1, "{line:?}");
    assert_eq!(again[0].command, written.command, "{line:?}");
}
