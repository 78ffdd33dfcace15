//! The output of a build by the classic builder: the current step, the images of its stages, and the reason of a
//! failure. Pure.
//!
//! Steps print into the same stream as the engine, so nothing here is proof. A forged line can only show its author
//! another line of the author's own Dockerfile.

use super::build_cgroup::Exhausted;
use super::instructions::instructions;
use super::log_keeper::plain;
use crate::executor::{BuildEnd, BuildLimitHit, BuildLimits, BuildSpec, ExecutorError, Result};

/// The number of stages whose images are remembered for removal.
const STAGE_IMAGES_MAX: usize = 64;
/// 128 and SIGKILL.
const KILLED: &str = "137";
/// 128 and SIGXFSZ.
const FILE_TOO_LARGE: &str = "153";

/// The state of a build, read from the lines that the engine prints between those of the steps.
#[derive(Debug, Default)]
pub(super) struct ClassicProgress {
    step: u32,
    /// Number of steps of this part.
    steps: u32,
    is_from: bool,
    /// A label of Referee is behind each `FROM`. The engine counts it as a step; reports do not.
    is_labelled: bool,
    /// Number of stages so far.
    stages: u32,
    /// The stage has no image yet. `FROM scratch` gives it none.
    begins_stage: bool,
    /// The last image of each stage.
    stage_images: Vec<String>,
    /// Number of steps that earlier parts of the build have printed.
    printed: u32,
}

impl ClassicProgress {
    /// The start of a part of a build. `printed` steps were printed by earlier parts.
    pub(super) fn new(is_labelled: bool, printed: u32) -> Self {
        Self { is_labelled, printed, ..Self::default() }
    }

    /// The number of steps that were printed, in all parts so far.
    pub(super) fn printed(&self) -> u32 {
        self.step.max(self.printed)
    }

    /// Whether the message that was read last is new: no earlier part has printed it, and it is not the success message
    /// of a part that is not the last one.
    pub(super) fn is_new(&self, text: &str, is_last_part: bool) -> bool {
        self.step > self.printed && (is_last_part || !text.starts_with("Successfully "))
    }

    /// The message with the number of steps of the whole build instead of those of its part.
    pub(super) fn with_total(&self, text: &str, total: u32) -> String {
        match step_line(text) {
            Some((step, steps, _)) if (step, steps) == (self.step, self.steps) && total >= steps => {
                text.replacen(&format!("/{steps} : "), &format!("/{total} : "), 1)
            }
            _ => text.to_owned(),
        }
    }

    /// Reads one message. A step can print such lines too, so only the next number in sequence counts.
    pub(super) fn read(&mut self, text: &str) {
        if let Some((step, steps, instruction)) = step_line(text)
            && step == self.step + 1
            && (self.steps == 0 || self.steps == steps)
        {
            (self.step, self.steps) = (step, steps);
            self.is_from = instruction.starts_with("FROM");
            self.begins_stage |= self.is_from;
            self.stages += u32::from(self.is_from);
        }
        let id = text.trim_end().strip_prefix(" ---> ").unwrap_or_default();
        if id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            // A stage begins with its base. Each later image of the stage replaces the one before.
            if !std::mem::take(&mut self.begins_stage) {
                self.stage_images.pop();
            }
            if self.stage_images.len() < STAGE_IMAGES_MAX {
                self.stage_images.push(id.to_owned());
            }
        }
    }

    pub(super) fn take_stage_images(&mut self) -> Vec<String> {
        std::mem::take(&mut self.stage_images)
    }

    /// The end of a build that the engine gave up. A missing base image is a platform error, because the rules allow
    /// only base images that exist.
    pub(super) fn failure(&self, message: &str) -> Result<BuildEnd> {
        let by_step = message.starts_with("The command") || message.starts_with("COPY failed");
        if self.is_from && !by_step && !is_lost_image(message) {
            return Err(ExecutorError::Refused(format!("base image: {message}")));
        }
        let labels = if self.is_labelled {
            // The label of a stage that has just begun comes next.
            self.stages - u32::from(self.is_from)
        } else {
            0
        };
        Ok(BuildEnd::Failed { step: (self.step > 0).then_some(self.step - labels), message: plain(message.as_bytes()) })
    }
}

/// The number of steps of a whole build as the engine counts them. Each label of Referee is one.
pub(super) fn step_count(spec: &BuildSpec, is_labelled: bool) -> u32 {
    let instructions = instructions(&spec.dockerfile);
    let stages = instructions.iter().filter(|i| i.parts().0 == "FROM").count();
    let labels = spec.labels.len() + 1 + if is_labelled { stages } else { 0 };
    u32::try_from(instructions.len() + labels).unwrap_or(u32::MAX)
}

/// `Step 3/7 : RUN make`
fn step_line(text: &str) -> Option<(u32, u32, &str)> {
    let (count, instruction) = text.strip_prefix("Step ")?.split_once(" : ")?;
    let (step, steps) = count.split_once('/')?;
    Some((step.parse().ok()?, steps.parse().ok()?, instruction))
}

/// The exit code in a message such as `The command 'false' returned a non-zero code: 1`.
pub(super) fn exit_code_in(message: &str) -> Option<&str> {
    message.rsplit_once("non-zero code: ").map(|(_, code)| code.trim())
}

/// The engine's message when an image vanished between its listing and its reading. A step cannot cause it: the message
/// of a failed step begins with the command.
pub(super) fn is_lost_image(message: &str) -> bool {
    message.starts_with("unable to find image \"sha256:")
}

/// Distinguishes an exceeded limit from a failure. The exit code alone proves nothing, because a step may end with
/// `exit 137`. So it is compared with the counts of the kernel. Where the counts are unknown, the message names both
/// explanations.
pub(super) fn limit_or_failure(end: BuildEnd, limits: &BuildLimits, exhausted: Exhausted) -> BuildEnd {
    let BuildEnd::Failed { step, message } = end else {
        return end;
    };
    if exhausted.processes {
        return BuildEnd::Limit(BuildLimitHit::Processes);
    }
    match (exit_code_in(&message), exhausted.memory) {
        (Some(KILLED), Some(true)) => BuildEnd::Limit(BuildLimitHit::Memory),
        (Some(KILLED), None) => {
            let mebibytes = limits.memory / (1024 * 1024);
            let message = format!(
                "{message} (The kernel most likely killed the command for using more than {mebibytes} MiB of memory, \
                 or the command itself ended with this code.)"
            );
            BuildEnd::Failed { step, message }
        }
        (Some(FILE_TOO_LARGE), _) => BuildEnd::Limit(BuildLimitHit::File),
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

    fn progress(lines: &[&str]) -> ClassicProgress {
        let mut steps = ClassicProgress::default();
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
    fn a_part_prints_only_the_steps_that_no_earlier_part_has_printed() {
        let mut first = ClassicProgress::new(false, 0);
        let mut shown = Vec::new();
        let mut show = |steps: &mut ClassicProgress, lines: &[&str], last| {
            for line in lines {
                steps.read(line);
                if steps.is_new(line, last) {
                    shown.push(steps.with_total(line, 3));
                }
            }
        };
        let begin = ["Step 1/2 : FROM x", " ---> a", "Step 2/2 : RUN a", "Step 9/2 : forged"];
        show(&mut first, &begin, false);
        show(&mut first, &["Successfully built a"], false);
        let mut second = ClassicProgress::new(false, first.printed());
        let all = ["Step 1/3 : FROM x", "Step 2/3 : RUN a", " ---> Using cache", "Step 3/3 : RUN b", "b"];
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
        let steps = progress(&[
            "Step 1/3 : FROM sha256:1",
            "\n",
            " ---> 111111111111\n",
            "Step 2/3 : RUN evil",
            " ---> Running in 222222222222\n",
            "Step 9/3 : RUN forged",
            "Step 3/4 : RUN forged",
        ]);
        let message = "The command '/bin/sh -c evil' returned a non-zero code: 3";
        assert_eq!(steps.failure(message).unwrap(), failed(message));
    }

    #[test]
    fn labels_of_referee_are_not_counted() {
        let lines = [
            "Step 1/6 : FROM sha256:1",
            "Step 2/6 : LABEL referee.made-by=i",
            "Step 3/6 : RUN x",
            "Step 4/6 : FROM sha256:1",
            "Step 5/6 : LABEL referee.made-by=i",
            "Step 6/6 : RUN y",
        ];
        let step_after = |count: usize| {
            let mut steps = ClassicProgress::new(true, 0);
            lines[..count].iter().for_each(|line| steps.read(line));
            let message = "The command '/bin/sh -c x' returned a non-zero code: 3";
            match steps.failure(message) {
                Ok(BuildEnd::Failed { step, .. }) => step,
                other => panic!("{other:?}"),
            }
        };
        let all: Vec<_> = (0..=6).map(step_after).collect();
        assert_eq!(all, [0, 1, 1, 2, 3, 3, 4].map(|n| (n > 0).then_some(n)));
    }

    #[test]
    fn a_missing_base_is_not_a_failed_build() {
        let steps = progress(&["Step 1/2 : FROM sha256:0"]);
        assert!(steps.failure("manifest unknown").is_err());
    }

    #[test]
    fn an_image_of_another_build_that_vanished_is_no_missing_base() {
        let lost = "unable to find image \"sha256:8ca1\"";
        let end = progress(&["Step 1/2 : FROM x"]).failure(lost).unwrap();
        assert_eq!(end, BuildEnd::Failed { step: Some(1), message: lost.to_owned() });
        assert!(is_lost_image(lost));
        assert!(!is_lost_image("The command 'unable to find image' returned a non-zero code: 1"));
    }

    #[test]
    fn one_image_per_stage_is_remembered() {
        let mut steps = progress(&[
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
        assert_eq!(steps.take_stage_images(), ["aaaaaaaaaaa2", "bbbbbbbbbbb2"]);
    }

    #[test]
    fn a_stage_from_scratch_keeps_the_image_of_the_stage_before() {
        let mut steps = progress(&[
            "Step 1/4 : FROM a",
            " ---> aaaaaaaaaaa1\n",
            "Step 2/4 : RUN x",
            " ---> aaaaaaaaaaa2\n",
            "Step 3/4 : FROM scratch",
            " ---> \n",
            "Step 4/4 : COPY --from=0 /x /x",
            " ---> bbbbbbbbbbb1\n",
        ]);
        assert_eq!(steps.take_stage_images(), ["aaaaaaaaaaa2", "bbbbbbbbbbb1"]);
    }

    #[test]
    fn an_exit_code_is_compared_with_the_counts_of_the_kernel() {
        let message = "The command '/bin/sh -c x' returned a non-zero code: 137";
        let judged = |memory| {
            let processes = false;
            limit_or_failure(failed(message), &LIMITS, Exhausted { memory, processes })
        };
        assert_eq!(judged(Some(true)), BuildEnd::Limit(BuildLimitHit::Memory));
        assert_eq!(judged(Some(false)), failed(message));
        let BuildEnd::Failed { message, .. } = judged(None) else {
            panic!("a failure");
        };
        assert!(message.ends_with("64 MiB of memory, or the command itself ended with this code.)"));
    }
}
