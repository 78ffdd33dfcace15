//! What the end of a build means to the participant: BLD001 and BLD002.
//!
//! The engine counts the steps of the emitted Dockerfile; people know the lines of their own.

use super::catalogue::{BLD001, BLD002};
use super::dockerfile::Dockerfile;
use crate::model::{Finding, Location};

/// Characters of the engine's sentence that are kept.
const DESCRIPTION_CHARS_MAX: usize = 300;

/// A step failed. `step` counts the steps of the emitted file from 1; `message` is the engine's sentence.
pub fn failed(path: &str, file: &Dockerfile, step: Option<u32>, message: &str) -> Finding {
    let sentence: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DESCRIPTION_CHARS_MAX)
        .collect();
    let sentence = sentence.trim().trim_end_matches('.');
    let location = match step.and_then(|step| file.line_of_step(step)) {
        Some(line) => Location::line(path, line),
        None => Location::file(path),
    };
    let message = match sentence {
        "" => "The build failed at this step".to_owned(),
        sentence => format!("The build failed at this step: {sentence}"),
    };
    BLD001.finding(message).at(location)
}

/// A limit was reached; `what` is `time`, `memory`, `log` or `disk`.
pub fn limit(path: &str, what: &str) -> Finding {
    BLD002
        .finding(format!("The build exceeded its limit of {what}"))
        .at(Location::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Policy, dockerfile};

    #[test]
    fn a_failing_step_points_to_the_participants_line() {
        let text = b"# why\nFROM scratch\nEXPOSE 80\nRUN a \\\n b\nUSER 1\nCMD [\"x\"]";
        let file = dockerfile::check("Dockerfile", text, &Policy::new(["scratch"], []))
            .parsed
            .unwrap();
        let finding = failed("Dockerfile", &file, Some(2), "a:\n not found.");
        assert_eq!(finding.location.unwrap().to_string(), "Dockerfile:4");
        assert_eq!(
            finding.message,
            "The build failed at this step: a:  not found"
        );
        assert_eq!(
            failed("d/Dockerfile", &file, Some(9), "")
                .location
                .unwrap()
                .to_string(),
            "d/Dockerfile"
        );
        assert_eq!(limit("Dockerfile", "memory").code, "BLD002");
    }
}
