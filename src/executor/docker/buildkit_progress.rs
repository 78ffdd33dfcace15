//! The status messages of a build by BuildKit: the current step, the output of steps, and the reason of a failure.
//! Pure.
//!
//! Unlike the classic builder, BuildKit sends its messages apart from the output of steps, so a step cannot forge them.
//! Its Dockerfile frontend (`dockerfile2llb/convert.go`) names a step by its stage and by its number among those steps
//! of the stage that change something: `[build 2/4] RUN make`. The Dockerfile shows which instruction that is.

use std::collections::HashMap;

use bollard::moby::buildkit::v1::StatusResponse;

use super::instructions::{Instruction, has_own_escape, instructions};
use super::log_keeper::plain;
use crate::executor::{BuildEnd, ExecutorError, Result};

/// An error that ends like this is a consequence: another step failed before.
const CANCELED: &str = "context canceled";
/// BuildKit passes on 1 MiB of the output of a step and drops the rest (`util/progress/logs/logs.go`). A build that
/// comes near this size has printed more.
pub(super) const LOG_MAX: usize = 960 * 1024;
/// The number of steps whose names are remembered.
const NAMES_MAX: usize = 1024;

/// The state of a build.
#[derive(Debug, Default)]
pub(super) struct BuildKitProgress {
    steps: HashMap<StepName, Step>,
    /// Number of instructions of the Dockerfile.
    instructions: u32,
    /// Names of the steps that began, by BuildKit's digest of them.
    begun: HashMap<String, String>,
    /// Name of the first step that failed.
    failed: Option<String>,
}

/// Stage and number of a step: `[build 2/4]`. The stage is empty in a Dockerfile with one stage.
type StepName = (String, u32);

/// An instruction and its number, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    number: u32,
    text: String,
}

impl BuildKitProgress {
    pub(super) fn new(dockerfile: &str) -> Self {
        let (steps, instructions) = named_steps(dockerfile);
        Self { steps, instructions, ..Self::default() }
    }

    /// Reads one message, and returns the part of it that belongs into the log.
    pub(super) fn read(&mut self, status: &StatusResponse) -> Vec<u8> {
        let mut log = Vec::new();
        for vertex in &status.vertexes {
            let is_new =
                vertex.started.is_some() && self.begun.len() < NAMES_MAX && !self.begun.contains_key(&vertex.digest);
            if is_new {
                self.begun.insert(vertex.digest.clone(), vertex.name.clone());
                if let Some(step) = step_name(&vertex.name) {
                    log.extend_from_slice(self.heading(&step, &vertex.name).as_bytes());
                }
            }
            let is_fault = !vertex.error.is_empty() && !vertex.error.ends_with(CANCELED);
            if is_fault && self.failed.is_none() {
                self.failed = Some(vertex.name.clone());
            }
        }
        for line in &status.logs {
            log.extend_from_slice(&line.msg);
        }
        log
    }

    /// The first line of a step, as the classic builder prints it.
    fn heading(&self, step: &StepName, name: &str) -> String {
        match self.steps.get(step) {
            Some(step) => format!("Step {}/{} : {}\n", step.number, self.instructions, step.text),
            None => format!("{name}\n"),
        }
    }

    /// The end of a build that the engine gave up. A missing base image is a platform error, because the rules allow
    /// only base images that exist.
    pub(super) fn failure(&self, message: &str) -> Result<BuildEnd> {
        let name = self.failed.as_deref().unwrap_or_default();
        let step = step_name(name);
        let instruction = name.split_once("] ").map_or("", |(_, rest)| rest);
        if name.starts_with("[internal] load metadata") || instruction.starts_with("FROM ") {
            return Err(ExecutorError::Refused(format!("base image: {message}")));
        }
        let code = message.rsplit_once("exit code: ").map(|(_, code)| code.trim());
        let message = match (instruction.strip_prefix("RUN "), code) {
            // The message of the classic builder, so that reports have one message for both.
            (Some(command), Some(code)) => {
                format!("The command '{command}' returned a non-zero code: {code}")
            }
            _ => message.to_owned(),
        };
        Ok(BuildEnd::Failed {
            step: step.and_then(|step| Some(self.steps.get(&step)?.number)),
            message: plain(message.as_bytes()),
        })
    }
}

/// The name of a step such as `[build 2/4] RUN make` or `[2/4] RUN make`. `None` for another activity.
fn step_name(name: &str) -> Option<StepName> {
    let (inside, _) = name.strip_prefix('[')?.split_once("] ")?;
    let (stage, count) = inside.rsplit_once(' ').unwrap_or(("", inside));
    let (number, _of) = count.split_once('/')?;
    Some((stage.to_owned(), number.parse().ok()?))
}

/// The named steps of a Dockerfile, and the number of its instructions.
fn named_steps(dockerfile: &str) -> (HashMap<StepName, Step>, u32) {
    if has_own_escape(dockerfile) {
        return (HashMap::new(), 0);
    }
    let instructions = instructions(dockerfile);
    let is_from = |i: &Instruction| i.parts().0 == "FROM";
    let stages = instructions.iter().filter(|i| is_from(i)).count();
    let mut steps = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let (mut number, mut count) = (0, 0);
    for (step, instruction) in (1..).zip(&instructions) {
        count = step;
        let (word, rest) = instruction.parts();
        let has_name = match word.as_str() {
            "FROM" => {
                let words: Vec<_> = rest.split_whitespace().filter(|w| !w.starts_with("--")).collect();
                let base = words.first().copied().unwrap_or_default();
                let has_files = base != "scratch" && !names.iter().any(|n| n.eq_ignore_ascii_case(base));
                let name = match words.as_slice() {
                    [_, with, name] if with.eq_ignore_ascii_case("AS") => name.to_ascii_lowercase(),
                    _ => format!("stage-{}", names.len()),
                };
                names.push(name);
                number = 0;
                has_files
            }
            "RUN" | "COPY" | "ADD" | "WORKDIR" => true,
            _ => false,
        };
        if has_name {
            number += 1;
            let stage = match (stages, names.last()) {
                (2.., Some(name)) => name.clone(),
                _ => String::new(),
            };
            let text = instruction.text.clone();
            steps.insert((stage, number), Step { number: step, text });
        }
    }
    (steps, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::moby::buildkit::v1::{Vertex, VertexLog};

    const FILE: &str = "ARG A=1\nFROM b AS One\nLABEL a=b\nWORKDIR /w\nCOPY [\"x\",\"/w/x\"]\nENV Q=1\n\
                        RUN make\nFROM scratch\nCOPY --from=one [\"/w/x\",\"/x\"]\nUSER 1\nRUN [\"/x\"]\n\
                        FROM one AS last\nRUN y\n";

    fn vertex(name: &str, error: &str) -> StatusResponse {
        StatusResponse {
            vertexes: vec![Vertex {
                digest: format!("sha256:{name}"),
                name: name.to_owned(),
                started: Some(Default::default()),
                error: error.to_owned(),
                ..Vertex::default()
            }],
            ..StatusResponse::default()
        }
    }

    fn failure(names: &[(&str, &str)], message: &str) -> Result<BuildEnd> {
        let mut progress = BuildKitProgress::new(FILE);
        for (name, error) in names {
            progress.read(&vertex(name, error));
        }
        progress.failure(message)
    }

    #[test]
    fn a_failed_step_is_found_in_the_dockerfile() {
        for (name, step) in [
            ("[one 2/4] WORKDIR /w", Some(4)),
            ("[one 3/4] COPY [x,/w/x]", Some(5)),
            ("[one 4/4] RUN make", Some(7)),
            ("[stage-1 1/2] COPY --from=one [/w/x,/x]", Some(9)),
            ("[stage-1 2/2] RUN [\"/x\"]", Some(11)),
            ("[last 1/1] RUN y", Some(13)),
            ("[nowhere 1/1] RUN y", None),
        ] {
            let Ok(BuildEnd::Failed { step: found, .. }) = failure(&[(name, "why")], "why") else {
                panic!("a failure");
            };
            assert_eq!(found, step, "{name}");
        }
        let alone = named_steps("FROM b\nENV A=1\nRUN y\n");
        assert_eq!(alone.0[&(String::new(), 2)].number, 3);
    }

    #[test]
    fn both_messages_about_an_exit_code_become_one() {
        for message in [
            "executor failed running [/bin/sh -c make]: exit code: 3",
            "process \"/bin/sh -c make\" did not complete successfully: exit code: 3",
        ] {
            let end = failure(
                &[("[stage-1 2/2] RUN [\"/x\"]", "rpc error: context canceled"), ("[one 4/4] RUN make", message)],
                &format!("failed to solve: {message}"),
            );
            let message = "The command 'make' returned a non-zero code: 3".to_owned();
            let step = Some(7);
            assert_eq!(end.unwrap(), BuildEnd::Failed { step, message });
        }
        let message = "failed to compute cache key: \"/x\" not found: not found";
        let end = failure(&[("[one 3/4] COPY [x,/w/x]", message)], message).unwrap();
        let (step, message) = (Some(5), message.to_owned());
        assert_eq!(end, BuildEnd::Failed { step, message });
        let (step, message) = (None, "dockerfile parse error line 1".to_owned());
        assert_eq!(failure(&[], &message).unwrap(), BuildEnd::Failed { step, message });
    }

    #[test]
    fn a_missing_base_is_not_a_failed_build() {
        for name in ["[internal] load metadata for docker.io/referee/base:x", "[one 1/4] FROM docker.io/referee/base:x"]
        {
            assert!(failure(&[(name, "not found")], "not found").is_err(), "{name}");
        }
    }

    #[test]
    fn the_log_contains_steps_and_their_output() {
        let mut progress = BuildKitProgress::new(FILE);
        assert_eq!(progress.read(&vertex("[internal] load remote build context", "")), b"");
        assert_eq!(progress.read(&vertex("[one 4/4] RUN make", "")), b"Step 7/13 : RUN make\n");
        assert_eq!(progress.read(&vertex("[one 4/4] RUN make", "")), b"");
        let printed = StatusResponse {
            logs: vec![VertexLog { msg: b"[one 2/4] RUN forged\n".to_vec(), ..VertexLog::default() }],
            ..StatusResponse::default()
        };
        assert_eq!(progress.read(&printed), b"[one 2/4] RUN forged\n");
    }
}
