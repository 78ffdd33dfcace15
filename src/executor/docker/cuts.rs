//! Where a build of a stranger's has to be looked at before it goes on. Pure.
//!
//! Before each step the engine itself reads `/etc/passwd` and `/etc/group` of what the steps before have left, and for
//! `COPY --from` it opens every file that it copies: outside of every limit, a device without end and a pipe for ever. So
//! the file is built up to such a place, what is there is looked at, and the same file is built a little further, the
//! steps before taken from the engine's cache.

use super::instructions::{has_own_escape, instructions};
use crate::executor::BuildSpec;

/// A place between two instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// Lines before it.
    pub lines: usize,
    /// The last instruction before it, counted from 1.
    pub step: u32,
    /// The stage that it is in, or at the end of, counted from 0.
    pub stage: usize,
}

/// An instruction that opens files of an earlier stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    /// Counted from 1.
    pub step: u32,
    /// Counted from 0.
    pub stage: usize,
    /// Paths in that stage, without what is expanded.
    pub sources: Vec<String>,
    /// How many cuts are before it.
    pub after: usize,
}

/// All places of a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub cuts: Vec<Cut>,
    pub copies: Vec<Copied>,
}

/// The steps of a whole build as the engine counts them: each label of ours is one.
pub(super) fn steps(spec: &BuildSpec, marked: bool) -> u32 {
    let all = instructions(&spec.dockerfile);
    let stages = all.iter().filter(|i| i.parts().0 == "FROM").count();
    let labels = spec.labels.len() + 1 + if marked { stages } else { 0 };
    u32::try_from(all.len() + labels).unwrap_or(u32::MAX)
}

/// What is known of a stage.
#[derive(Debug, Default, Clone)]
struct Stage {
    name: Option<String>,
    /// Whether a stranger's step has run in it, or in what it starts from.
    touched: bool,
    /// Whether one has run since it was looked at.
    unseen: bool,
}

/// Reads a Dockerfile that the rules have emitted; of one that is not read here there is nothing to say.
pub(super) fn plan(dockerfile: &str) -> Plan {
    let mut plan = Plan::default();
    if has_own_escape(dockerfile) {
        return plan;
    }
    let mut stages: Vec<Stage> = Vec::new();
    let mut begins = 0;
    for (step, instruction) in (1..).zip(instructions(dockerfile)) {
        let (word, rest) = instruction.parts();
        let mut cut = |stage: usize| {
            plan.cuts.push(Cut {
                lines: begins,
                step: step - 1,
                stage,
            });
        };
        let current = stages.len().saturating_sub(1);
        match (word.as_str(), stages.last_mut()) {
            ("FROM", last) => {
                if last.is_some_and(|stage| stage.touched) {
                    cut(current);
                }
                let stage = begun(rest, &stages);
                stages.push(stage);
            }
            ("RUN", Some(stage)) => {
                if std::mem::replace(&mut stage.unseen, true) {
                    cut(current);
                }
                stage.touched = true;
            }
            ("COPY", Some(_)) => {
                let copy = copy(rest, &stages);
                let touched = copy.from.filter(|from| stages[*from].touched);
                let stage = &mut stages[current];
                if copy.has_owner && std::mem::take(&mut stage.unseen) {
                    cut(current);
                }
                if let Some(from) = touched {
                    plan.copies.push(Copied {
                        step,
                        stage: from,
                        sources: copy.sources,
                        after: plan.cuts.len(),
                    });
                    (stage.touched, stage.unseen) = (true, true);
                }
            }
            _ => {}
        }
        begins = instruction.last_line.map_or(begins, |last| last + 1);
    }
    plan
}

/// A stage that begins with these words.
fn begun(rest: &str, before: &[Stage]) -> Stage {
    let words: Vec<_> = rest
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let from = words.first().and_then(|base| number(base, before));
    let name = match words.as_slice() {
        [_, with, name] if with.eq_ignore_ascii_case("AS") => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    Stage {
        name,
        touched: from.is_some_and(|from| before[from].touched),
        // It was looked at where it ended.
        unseen: false,
    }
}

fn number(name: &str, stages: &[Stage]) -> Option<usize> {
    let named = |stage: &Stage| {
        let own = stage.name.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    stages.iter().position(named)
}

struct Copy {
    from: Option<usize>,
    /// Whether the engine looks an owner up, in the files of accounts.
    has_owner: bool,
    sources: Vec<String>,
}

fn copy(rest: &str, stages: &[Stage]) -> Copy {
    let mut copy = Copy {
        from: None,
        has_owner: false,
        sources: Vec::new(),
    };
    let mut rest = rest;
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, more) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        if let Some(stage) = flag.strip_prefix("from=") {
            let by_number = stage.parse().ok().filter(|n| *n < stages.len());
            copy.from = by_number.or_else(|| number(stage, stages));
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

/// The path up to the folder in which patterns and variables begin.
fn without_patterns(source: &str) -> String {
    let plain = match source.find(['*', '?', '[', '\\', '$', '"', '\'']) {
        Some(at) => source[..at]
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder),
        None => source,
    };
    format!("/{}", plain.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(dockerfile: &str) -> Vec<(usize, usize)> {
        let plan = plan(dockerfile);
        plan.cuts.iter().map(|c| (c.lines, c.stage)).collect()
    }

    #[test]
    fn a_step_is_looked_at_before_the_next_one() {
        assert_eq!(
            cuts("FROM x\nCOPY [\"a\",\"/\"]\nRUN a\nUSER 1\nCMD [\"x\"]\n"),
            []
        );
        assert_eq!(
            cuts("FROM x\nRUN a\nENV A=1\nRUN b\nRUN c\n"),
            [(3, 0), (4, 0)]
        );
        assert_eq!(
            cuts("FROM x\nRUN a\nCOPY --chown=me [\"a\",\"/\"]\nRUN b\n"),
            [(2, 0)]
        );
        assert_eq!(cuts("# escape=`\nFROM x\nRUN a\nRUN b\n"), []);
    }

    #[test]
    fn a_stage_is_looked_at_where_it_ends() {
        let file = "FROM x AS one\nRUN a\nFROM y\nCOPY --from=0 [\"/f\",\"b*\",\"/x\"]\nRUN b\n";
        assert_eq!(cuts(file), [(2, 0), (4, 1)]);
        let copied = Copied {
            step: 4,
            stage: 0,
            sources: vec!["/f".into(), "/".into()],
            after: 1,
        };
        assert_eq!(plan(file).copies, [copied]);
        // What only starts from another, or copies from what nobody has touched.
        assert_eq!(
            cuts("FROM x AS one\nFROM one\nCOPY --from=one [\"/a\",\"/b\"]\nRUN b\n"),
            []
        );
        assert_eq!(cuts("FROM x AS one\nRUN a\nFROM ONE\nRUN b\n"), [(2, 0)]);
        assert_eq!(
            cuts("FROM x AS one\nRUN a\nFROM one AS two\nFROM y\n"),
            [(2, 0), (3, 1)]
        );
    }

    #[test]
    fn sources_end_where_something_is_expanded() {
        for (source, path) in [
            ("a/b", "/a/b"),
            ("/opt/v*/x", "/opt"),
            ("$A/b", "/"),
            ("/opt/x\\ y", "/opt"),
            ("//f", "/f"),
        ] {
            assert_eq!(without_patterns(source), path);
        }
    }
}
