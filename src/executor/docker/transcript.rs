//! What a build's output tells: the step it is at, what it leaves behind, and why it failed. Pure.
//!
//! Steps print into the same stream as the engine, so nothing here is proof: the worst that a
//! forged line does is to show its author another line of the own Dockerfile.

use super::log::plain;
use super::meter::Used;
use crate::executor::{BuildEnd, BuildLimitHit, BuildLimits, ExecutorError, Result};

/// Stages of a Dockerfile whose images we remember, to remove them.
const TIPS_MAX: usize = 64;

/// Where a build is, from the lines that the engine prints between those of the steps.
#[derive(Debug, Default)]
pub(super) struct Steps {
    now: u32,
    of: u32,
    is_from: bool,
    /// Whether a label of ours is behind each `FROM`, and stages so far: it is a step of the engine's,
    /// and of nobody else.
    marked: bool,
    stages: u32,
    /// Whether the stage has no image yet; `FROM scratch` gives it none.
    begins: bool,
    /// The last image of each stage.
    tips: Vec<String>,
    /// Steps that an earlier part of the build has shown.
    shown: u32,
}

impl Steps {
    /// Steps of a Dockerfile that was `marked`, or not, of which so many were shown already.
    pub(super) fn new(marked: bool, shown: u32) -> Self {
        Self {
            marked,
            shown,
            ..Self::default()
        }
    }

    /// How many steps have been shown, in all parts so far.
    pub(super) fn shown(&self) -> u32 {
        self.now.max(self.shown)
    }

    /// Whether a message that was read says something that no earlier part has said, and is no end but the `last`.
    pub(super) fn is_news(&self, text: &str, last: bool) -> bool {
        self.now > self.shown && (last || !text.starts_with("Successfully "))
    }

    /// The message with the number of all steps in the place of those of its part.
    pub(super) fn counted(&self, text: &str, all: u32) -> String {
        match step_line(text) {
            Some((number, of, _)) if (number, of) == (self.now, self.of) && all >= of => {
                text.replacen(&format!("/{of} : "), &format!("/{all} : "), 1)
            }
            _ => text.to_owned(),
        }
    }

    /// Reads one message. A step can print such lines, too; only the next number in the row counts.
    pub(super) fn read(&mut self, text: &str) {
        if let Some((number, of, instruction)) = step_line(text)
            && number == self.now + 1
            && (self.of == 0 || self.of == of)
        {
            (self.now, self.of) = (number, of);
            self.is_from = instruction.starts_with("FROM");
            self.begins |= self.is_from;
            self.stages += u32::from(self.is_from);
        }
        let id = text.trim_end().strip_prefix(" ---> ").unwrap_or_default();
        if id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            // A stage begins with its base; after that, each image stands on the one before.
            if !std::mem::take(&mut self.begins) {
                self.tips.pop();
            }
            if self.tips.len() < TIPS_MAX {
                self.tips.push(id.to_owned());
            }
        }
    }

    pub(super) fn take_tips(&mut self) -> Vec<String> {
        std::mem::take(&mut self.tips)
    }

    /// How a build that the engine gave up has ended. A base image that is not there is nobody's
    /// fault but ours: rules allow only those that we have.
    pub(super) fn failure(&self, message: String) -> Result<BuildEnd> {
        let by_step = message.starts_with("The command") || message.starts_with("COPY failed");
        if self.is_from && !by_step {
            return Err(ExecutorError::Refused(format!("base image: {message}")));
        }
        // That of the stage just begun comes next.
        let labels = match self.marked {
            true => self.stages - u32::from(self.is_from),
            false => 0,
        };
        Ok(BuildEnd::Failed {
            step: (self.now > 0).then_some(self.now - labels),
            message: plain(message.as_bytes()),
        })
    }
}

/// `Step 3/7 : RUN make`
fn step_line(text: &str) -> Option<(u32, u32, &str)> {
    let (count, instruction) = text.strip_prefix("Step ")?.split_once(" : ")?;
    let (number, of) = count.split_once('/')?;
    Some((number.parse().ok()?, of.parse().ok()?, instruction))
}

/// Tells a limit from a failure. The code alone proves nothing (`exit 137` is easily written), so
/// it is held against what the kernel counted; where that is not known, both are named.
pub(super) fn explain(end: BuildEnd, limits: &BuildLimits, used: &Used) -> BuildEnd {
    let BuildEnd::Failed { step, message } = end else {
        return end;
    };
    if used.processes_ran_out {
        return BuildEnd::Limit(BuildLimitHit::Processes);
    }
    let code = message
        .rsplit_once("non-zero code: ")
        .map(|(_, c)| c.trim());
    match (code, used.memory_ran_out) {
        (Some("137"), Some(true)) => BuildEnd::Limit(BuildLimitHit::Memory),
        (Some("137"), None) => {
            let mebibytes = limits.memory / (1024 * 1024);
            let message = format!(
                "{message} (It was killed, most likely for using more than {mebibytes} MiB of \
                 memory, or it ended itself with this code.)"
            );
            BuildEnd::Failed { step, message }
        }
        // 128 and SIGXFSZ.
        (Some("153"), _) => BuildEnd::Limit(BuildLimitHit::File),
        _ => BuildEnd::Failed { step, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BuildLimits = BuildLimits {
        time: crate::model::Duration::seconds(1),
        memory: 64 << 20,
        cpu_percent: 100,
        log: 1,
        disk: 1,
        file: 1,
        processes: 1,
    };

    fn steps(lines: &[&str]) -> Steps {
        let mut steps = Steps::default();
        for line in lines {
            steps.read(line);
        }
        steps
    }

    fn failed(message: &str) -> BuildEnd {
        let (step, message) = (Some(2), message.to_owned());
        BuildEnd::Failed { step, message }
    }

    #[test]
    fn a_part_shows_what_no_earlier_one_has_shown() {
        let mut first = Steps::new(false, 0);
        let mut shown = Vec::new();
        let mut show = |steps: &mut Steps, lines: &[&str], last| {
            for line in lines {
                steps.read(line);
                if steps.is_news(line, last) {
                    shown.push(steps.counted(line, 3));
                }
            }
        };
        let begin = [
            "Step 1/2 : FROM x",
            " ---> a",
            "Step 2/2 : RUN a",
            "Step 9/2 : forged",
        ];
        show(&mut first, &begin, false);
        show(&mut first, &["Successfully built a"], false);
        let mut second = Steps::new(false, first.shown());
        let all = [
            "Step 1/3 : FROM x",
            "Step 2/3 : RUN a",
            " ---> Using cache",
            "Step 3/3 : RUN b",
            "b",
        ];
        show(&mut second, &all, true);
        show(&mut second, &["Successfully built b"], true);
        assert_eq!(
            shown,
            [
                "Step 1/3 : FROM x",
                " ---> a",
                "Step 2/3 : RUN a",
                "Step 9/2 : forged",
                "Step 3/3 : RUN b",
                "b",
                "Successfully built b"
            ]
        );
    }

    #[test]
    fn the_step_is_the_last_one_that_was_announced_in_order() {
        let steps = steps(&[
            "Step 1/3 : FROM sha256:1",
            "\n",
            " ---> 111111111111\n",
            "Step 2/3 : RUN evil",
            " ---> Running in 222222222222\n",
            "Step 9/3 : RUN forged",
            "Step 3/4 : RUN forged",
        ]);
        let message = "The command '/bin/sh -c evil' returned a non-zero code: 3";
        assert_eq!(steps.failure(message.to_owned()).unwrap(), failed(message));
    }

    #[test]
    fn labels_of_ours_are_not_counted() {
        let lines = [
            "Step 1/6 : FROM sha256:1",
            "Step 2/6 : LABEL referee.made-by=i",
            "Step 3/6 : RUN x",
            "Step 4/6 : FROM sha256:1",
            "Step 5/6 : LABEL referee.made-by=i",
            "Step 6/6 : RUN y",
        ];
        let step_after = |count: usize| {
            let mut steps = Steps::new(true, 0);
            lines[..count].iter().for_each(|line| steps.read(line));
            let message = "The command '/bin/sh -c x' returned a non-zero code: 3";
            match steps.failure(message.to_owned()) {
                Ok(BuildEnd::Failed { step, .. }) => step,
                other => panic!("{other:?}"),
            }
        };
        let all: Vec<_> = (0..=6).map(step_after).collect();
        assert_eq!(all, [0, 1, 1, 2, 3, 3, 4].map(|n| (n > 0).then_some(n)));
    }

    #[test]
    fn a_missing_base_is_not_a_failed_build() {
        let steps = steps(&["Step 1/2 : FROM sha256:0"]);
        assert!(steps.failure("manifest unknown".to_owned()).is_err());
    }

    #[test]
    fn one_image_per_stage_is_remembered() {
        let mut steps = steps(&[
            "Step 1/4 : FROM a",
            " ---> aaaaaaaaaaa1\n",
            "Step 2/4 : RUN x",
            " ---> aaaaaaaaaaa2\n",
            "Step 3/4 : FROM b",
            " ---> bbbbbbbbbbb1\n",
            "Step 4/4 : RUN y",
            " ---> Running in cccccccccccc\n",
            " ---> bbbbbbbbbbb2\n",
        ]);
        assert_eq!(steps.take_tips(), ["aaaaaaaaaaa2", "bbbbbbbbbbb2"]);
    }

    #[test]
    fn a_stage_from_nothing_takes_no_place_of_the_one_before() {
        let mut steps = steps(&[
            "Step 1/4 : FROM a",
            " ---> aaaaaaaaaaa1\n",
            "Step 2/4 : RUN x",
            " ---> aaaaaaaaaaa2\n",
            "Step 3/4 : FROM scratch",
            " ---> \n",
            "Step 4/4 : COPY --from=0 /x /x",
            " ---> bbbbbbbbbbb1\n",
        ]);
        assert_eq!(steps.take_tips(), ["aaaaaaaaaaa2", "bbbbbbbbbbb1"]);
    }

    #[test]
    fn a_code_is_held_against_what_the_kernel_counted() {
        let message = "The command '/bin/sh -c x' returned a non-zero code: 137";
        let judged = |memory_ran_out| {
            let used = Used {
                memory_ran_out,
                processes_ran_out: false,
            };
            explain(failed(message), &LIMITS, &used)
        };
        assert_eq!(judged(Some(true)), BuildEnd::Limit(BuildLimitHit::Memory));
        assert_eq!(judged(Some(false)), failed(message));
        let BuildEnd::Failed { message, .. } = judged(None) else {
            panic!("a failure");
        };
        assert!(message.ends_with("64 MiB of memory, or it ended itself with this code.)"));
    }
}
