//! The findings for a failed build: BLD001 and BLD002.
//!
//! The engine counts the steps of the emitted Dockerfile. A finding gives the line of the participant's own file.

use super::catalogue::{BLD001, BLD002};
use super::dockerfile::Dockerfile;
use crate::model::{Finding, Location};

/// Characters of the engine's message that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// A step failed. `step` counts the steps of the emitted file from 1, and `message` is the engine's message.
pub fn failed(path: &str, file: &Dockerfile, step: Option<u32>, message: &str) -> Finding {
    let message: String =
        message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX).collect();
    let location = match step.and_then(|step| file.line_of_step(step)) {
        Some(line) => Location::line(path, line),
        None => Location::file(path),
    };
    let message = match message.trim().trim_end_matches('.') {
        "" => "The build failed at this step".to_owned(),
        reason => format!("The build failed at this step: {reason}"),
    };
    BLD001.finding(message).at(location)
}

/// The build exceeded a limit: `time`, `memory`, `log`, `disk` and so on.
pub fn limit(path: &str, limit: &str) -> Finding {
    BLD002.finding(format!("The build exceeded its limit of {limit}")).at(Location::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Policy, dockerfile};

    #[test]
    fn a_failing_step_has_the_line_of_the_participants_file() {
        let text = b"# why\nFROM scratch\nEXPOSE 80\nRUN a \\\n b\nUSER 1\nCMD [\"x\"]";
        let file = dockerfile::check_dockerfile("Dockerfile", text, &Policy::new(["scratch"], [])).parsed.unwrap();
        let finding = failed("Dockerfile", &file, Some(2), "a:\n not found.");
        assert_eq!(finding.location.unwrap().to_string(), "Dockerfile:4");
        assert_eq!(finding.message, "The build failed at this step: a:  not found");
        assert_eq!(failed("d/Dockerfile", &file, Some(9), "").location.unwrap().to_string(), "d/Dockerfile");
        assert_eq!(limit("Dockerfile", "memory").code, "BLD002");
        let findings = [
            failed("Dockerfile", &file, Some(2), "a:\n not found."),
            failed("Dockerfile", &file, None, ""),
            limit("Dockerfile", "memory"),
        ];
        insta::assert_snapshot!("builds", crate::rules::samples::block("a build", &findings));
    }
}
