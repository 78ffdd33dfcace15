//! The positions in an untrusted Dockerfile at which the result so far must be inspected. Pure.
//!
//! Before each step the engine itself reads `/etc/passwd` and `/etc/group` of the result so far. For `COPY --from` it
//! opens every file that it copies. Both happen outside of every limit: a device has no end, and a pipe blocks for
//! ever. So Referee builds the file up to a checkpoint, inspects the result, and builds the same file a little further.
//! The engine takes the steps before from its cache.

use super::instructions::{has_own_escape, instructions};

/// A position between two instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// The number of lines before it.
    pub lines: usize,
    /// The last instruction before it, from 1.
    pub step: u32,
    /// The stage that it is in or ends, from 0.
    pub stage: usize,
}

/// A `COPY --from` that opens files of an untrusted stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyFromStage {
    /// The instruction, from 1.
    pub step: u32,
    /// The stage, from 0.
    pub stage: usize,
    /// Paths in that stage, up to the folder in which the engine would expand a pattern or variable.
    pub sources: Vec<String>,
    /// The number of checkpoints before the instruction.
    pub checkpoints: usize,
}

/// All inspections of a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub checkpoints: Vec<Checkpoint>,
    pub copies: Vec<CopyFromStage>,
}

#[derive(Debug, Default, Clone)]
struct Stage {
    name: Option<String>,
    /// An untrusted step has run in the stage, or in the stage that it starts from.
    untrusted: bool,
    /// An untrusted step has run since the last inspection.
    uninspected: bool,
}

/// Reads a Dockerfile that the rules have emitted. The plan of a file with its own escape character is empty.
pub(super) fn plan(dockerfile: &str) -> Plan {
    let mut plan = Plan::default();
    if has_own_escape(dockerfile) {
        return plan;
    }
    let mut stages: Vec<Stage> = Vec::new();
    let mut lines = 0;
    for (step, instruction) in (1..).zip(instructions(dockerfile)) {
        let (word, rest) = instruction.parts();
        let current = stages.len().saturating_sub(1);
        let mut add_checkpoint = || {
            plan.checkpoints.push(Checkpoint { lines, step: step - 1, stage: current });
        };
        match (word.as_str(), stages.last_mut()) {
            ("FROM", last) => {
                if last.is_some_and(|stage| stage.untrusted) {
                    add_checkpoint();
                }
                let stage = new_stage(rest, &stages);
                stages.push(stage);
            }
            ("RUN", Some(stage)) => {
                if std::mem::replace(&mut stage.uninspected, true) {
                    add_checkpoint();
                }
                stage.untrusted = true;
            }
            ("COPY", Some(_)) => {
                let copy = copy(rest, &stages);
                let untrusted = copy.from.filter(|from| stages[*from].untrusted);
                let stage = &mut stages[current];
                if copy.has_owner && std::mem::take(&mut stage.uninspected) {
                    add_checkpoint();
                }
                if let Some(from) = untrusted {
                    plan.copies.push(CopyFromStage {
                        step,
                        stage: from,
                        sources: copy.sources,
                        checkpoints: plan.checkpoints.len(),
                    });
                    (stage.untrusted, stage.uninspected) = (true, true);
                }
            }
            _ => {}
        }
        lines = instruction.last_line.map_or(lines, |last| last + 1);
    }
    plan
}

/// The stage that `FROM` with these words begins.
fn new_stage(rest: &str, before: &[Stage]) -> Stage {
    let words: Vec<_> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let from = words.first().and_then(|base| stage_number(base, before));
    let name = match words.as_slice() {
        [_, with, name] if with.eq_ignore_ascii_case("AS") => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    Stage {
        name,
        untrusted: from.is_some_and(|from| before[from].untrusted),
        // The other stage was inspected at its end.
        uninspected: false,
    }
}

fn stage_number(name: &str, stages: &[Stage]) -> Option<usize> {
    let named = |stage: &Stage| {
        let own = stage.name.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    stages.iter().position(named)
}

struct Copy {
    from: Option<usize>,
    /// The engine looks the owner up in the account files.
    has_owner: bool,
    sources: Vec<String>,
}

fn copy(rest: &str, stages: &[Stage]) -> Copy {
    let mut copy = Copy { from: None, has_owner: false, sources: Vec::new() };
    let mut rest = rest;
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, more) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        if let Some(stage) = flag.strip_prefix("from=") {
            let by_number = stage.parse().ok().filter(|n| *n < stages.len());
            copy.from = by_number.or_else(|| stage_number(stage, stages));
        }
        copy.has_owner |= flag.starts_with("chown=");
        rest = more.trim_start();
    }
    let mut words: Vec<String> = match serde_json::from_str(rest) {
        Ok(words) => words,
        Err(_) => rest.split_whitespace().map(str::to_owned).collect(),
    };
    words.pop();
    copy.sources = words.iter().map(|word| without_patterns(word)).collect();
    copy
}

/// The path up to the folder in which the first pattern or variable occurs.
fn without_patterns(source: &str) -> String {
    let plain = match source.find(['*', '?', '[', '\\', '$', '"', '\'']) {
        Some(at) => source[..at].rsplit_once('/').map_or("", |(folder, _)| folder),
        None => source,
    };
    format!("/{}", plain.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoints(dockerfile: &str) -> Vec<(usize, usize)> {
        let checkpoints = plan(dockerfile).checkpoints.into_iter();
        checkpoints.map(|c| (c.lines, c.stage)).collect()
    }

    #[test]
    fn a_step_is_inspected_before_the_next_one() {
        assert_eq!(checkpoints("FROM x\nCOPY [\"a\",\"/\"]\nRUN a\nUSER 1\nCMD [\"x\"]\n"), []);
        assert_eq!(checkpoints("FROM x\nRUN a\nENV A=1\nRUN b\nRUN c\n"), [(3, 0), (4, 0)]);
        assert_eq!(checkpoints("FROM x\nRUN a\nCOPY --chown=me [\"a\",\"/\"]\nRUN b\n"), [(2, 0)]);
        assert_eq!(checkpoints("# escape=`\nFROM x\nRUN a\nRUN b\n"), []);
    }

    #[test]
    fn a_stage_is_inspected_at_its_end() {
        let file = "FROM x AS one\nRUN a\nFROM y\nCOPY --from=0 [\"/f\",\"b*\",\"/x\"]\nRUN b\n";
        assert_eq!(checkpoints(file), [(2, 0), (4, 1)]);
        let copy = CopyFromStage { step: 4, stage: 0, sources: vec!["/f".into(), "/".into()], checkpoints: 1 };
        assert_eq!(plan(file).copies, [copy]);
        // A stage that only starts from another, or copies from a trusted one.
        assert_eq!(checkpoints("FROM x AS one\nFROM one\nCOPY --from=one [\"/a\",\"/b\"]\nRUN b\n"), []);
        assert_eq!(checkpoints("FROM x AS one\nRUN a\nFROM ONE\nRUN b\n"), [(2, 0)]);
        assert_eq!(checkpoints("FROM x AS one\nRUN a\nFROM one AS two\nFROM y\n"), [(2, 0), (3, 1)]);
    }

    #[test]
    fn sources_end_before_the_first_pattern() {
        for (source, path) in
            [("a/b", "/a/b"), ("/opt/v*/x", "/opt"), ("$A/b", "/"), ("/opt/x\\ y", "/opt"), ("//f", "/f")]
        {
            assert_eq!(without_patterns(source), path);
        }
    }
}
