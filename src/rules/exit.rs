//! What the end of a run means: whose fault it was, and what to say about it: RUN001 to RUN004.
//!
//! Exit codes are the container's own claim and decide nothing but "it failed": a time limit is what
//! we recorded before we killed, a memory limit is what the kernel reports. A kill for the host's memory is nobody's but ours.

use super::catalogue::{RUN001, RUN002, RUN003, RUN004};
use crate::model::{Finding, KillReason, Outcome, RunEnd, RunLimits};

/// What follows from the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Look at the output.
    Fine,
    /// Look at the output; a process was killed for want of memory on the way.
    FineButOom(Finding),
    /// The submission ends here.
    Ended {
        /// How.
        outcome: Outcome,
        /// Why.
        finding: Finding,
    },
    /// Nobody knows what happened; the same run is tried again.
    Infrastructure(String),
    /// We ended it because nobody wants the result.
    Cancelled,
}

/// Codes with which engines and shells end a container that they could not start.
const NOT_EXECUTABLE: i64 = 126;
const NOT_FOUND: i64 = 127;
/// 128 and the number of a signal.
const KILLED: i64 = 137;
const TERMINATED: i64 = 143;

/// Judges the end of a run. `killed` is our own record, `public` whether exit codes may be told:
/// never about hidden data, where each would be a message out.
pub fn classify(
    end: &RunEnd,
    killed: Option<KillReason>,
    limits: &RunLimits,
    public: bool,
) -> Verdict {
    match killed {
        Some(KillReason::Time) => {
            return ended(
                Outcome::TimeLimit,
                RUN002.finding(time_sentence(end, limits)),
            );
        }
        Some(KillReason::Cancelled) => return Verdict::Cancelled,
        Some(KillReason::Orphaned) => {
            return Verdict::Infrastructure("the run lost its lease and was ended".into());
        }
        None => {}
    }
    if !end.engine_continuous && (!end.started || matches!(end.exit_code, KILLED | TERMINATED)) {
        return Verdict::Infrastructure(format!(
            "the engine was away during the run, so exit code {} means nothing",
            end.exit_code
        ));
    }
    if end.host_out_of_memory {
        return Verdict::Infrastructure(
            "the kernel killed the container because its host ran out of memory".into(),
        );
    }
    if !end.started {
        return not_started(end);
    }
    let memory = || format!("The container exceeded {} of memory", bytes(limits.memory));
    match (end.exit_code, end.out_of_memory) {
        (0, false) => Verdict::Fine,
        (0, true) => {
            let mut finding = RUN003.finding(format!(
                "A process was killed because it exceeded {} of memory; the container went on without it",
                bytes(limits.memory)
            ));
            finding.severity = crate::model::Severity::Warning;
            Verdict::FineButOom(finding)
        }
        (_, true) => ended(Outcome::MemoryLimit, RUN003.finding(memory())),
        (code @ (NOT_EXECUTABLE | NOT_FOUND), false) if public => {
            let why = if code == NOT_FOUND {
                "was not found"
            } else {
                "cannot be executed"
            };
            let message = format!("The container ended with exit code {code}: a program {why}");
            ended(Outcome::RunFailed, RUN004.finding(message))
        }
        (code, false) if public => ended(Outcome::RunFailed, RUN001.finding(exit_sentence(code))),
        (_, false) => ended(
            Outcome::RunFailed,
            RUN001.finding("The container ended with an error"),
        ),
    }
}

fn ended(outcome: Outcome, finding: Finding) -> Verdict {
    Verdict::Ended { outcome, finding }
}

/// Two limits exist; the container's own duration tells which one ended it.
fn time_sentence(end: &RunEnd, limits: &RunLimits) -> String {
    let limit = if end.duration >= limits.time {
        limits.time
    } else {
        limits.smoke_time
    };
    format!("The container exceeded its time limit of {limit}")
}

fn not_started(end: &RunEnd) -> Verdict {
    let error = end.error.to_ascii_lowercase();
    let theirs = [
        "no such file or directory",
        "executable file not found",
        "permission denied",
        "exec format error",
        "not a directory",
        "is a directory",
    ];
    if end.error.is_empty() || !theirs.iter().any(|sign| error.contains(sign)) {
        return Verdict::Infrastructure(format!("the container was not started: {}", end.error));
    }
    let why = if error.contains("permission denied") {
        "it is not executable"
    } else if error.contains("exec format error") {
        "it has no interpreter line, or is for another platform"
    } else {
        "it or its interpreter is not in the image"
    };
    ended(
        Outcome::RunFailed,
        RUN004.finding(format!(
            "The program of the image could not be started: {why}"
        )),
    )
}

fn exit_sentence(code: i64) -> String {
    let meaning = match code {
        132 => " (illegal instruction: built for another processor?)",
        134 => " (aborted)",
        135 => " (bus error: is /dev/shm full?)",
        136 => " (arithmetic error)",
        139 => " (segmentation fault)",
        KILLED => " (killed, and the engine does not say by what; most often memory ran out)",
        TERMINATED => " (terminated, and not by us)",
        153 => " (a file grew beyond the limit)",
        _ => "",
    };
    format!("The container ended with exit code {code}{meaning}")
}

/// `512 MiB`, `1.5 GiB`.
pub(in crate::rules) fn bytes(n: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(value.fract() > 0.04 && value < 100.0);
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Duration;
    use crate::rules::samples;

    fn end(exit_code: i64) -> RunEnd {
        RunEnd {
            started: true,
            exit_code,
            out_of_memory: false,
            host_out_of_memory: false,
            engine_continuous: true,
            error: String::new(),
            duration: Duration::seconds(20),
        }
    }

    fn told(end: &RunEnd, killed: Option<KillReason>, public: bool) -> (String, String) {
        match classify(end, killed, &samples::limits(), public) {
            Verdict::Fine => ("fine".into(), String::new()),
            Verdict::FineButOom(f) => (format!("fine {}", f.code), f.message),
            Verdict::Ended { outcome, finding } => {
                (format!("{outcome} {}", finding.code), finding.message)
            }
            Verdict::Infrastructure(message) => ("again".into(), message),
            Verdict::Cancelled => ("cancelled".into(), String::new()),
        }
    }

    #[test]
    fn the_order_of_the_questions_decides() {
        let oom = |code| RunEnd {
            out_of_memory: true,
            ..end(code)
        };
        let away = |code| RunEnd {
            engine_continuous: false,
            ..end(code)
        };
        let crowded = RunEnd {
            host_out_of_memory: true,
            ..end(137)
        };
        let unstarted = |error: &str| RunEnd {
            started: false,
            error: error.into(),
            ..end(127)
        };
        for (end, killed, expected) in [
            (end(0), None, "fine"),
            (end(1), None, "run-failed RUN001"),
            // Forged: nobody was killed.
            (end(137), None, "run-failed RUN001"),
            (end(124), None, "run-failed RUN001"),
            (end(127), None, "run-failed RUN004"),
            (oom(137), None, "memory-limit RUN003"),
            (oom(1), None, "memory-limit RUN003"),
            (oom(0), None, "fine RUN003"),
            (end(137), Some(KillReason::Time), "time-limit RUN002"),
            // It ended well in the moment of the kill: our record still decides.
            (end(0), Some(KillReason::Time), "time-limit RUN002"),
            (oom(137), Some(KillReason::Time), "time-limit RUN002"),
            (end(137), Some(KillReason::Cancelled), "cancelled"),
            (end(137), Some(KillReason::Orphaned), "again"),
            (away(137), None, "again"),
            (crowded.clone(), None, "again"),
            (crowded, Some(KillReason::Time), "time-limit RUN002"),
            (away(143), None, "again"),
            (away(42), None, "run-failed RUN001"),
            (away(0), None, "fine"),
            (
                unstarted("exec: \"/x\": stat /x: no such file or directory"),
                None,
                "run-failed RUN004",
            ),
            (
                unstarted("exec /x: exec format error"),
                None,
                "run-failed RUN004",
            ),
            (
                unstarted("permission denied: unknown"),
                None,
                "run-failed RUN004",
            ),
            (unstarted("could not select device driver"), None, "again"),
            (unstarted(""), None, "again"),
        ] {
            assert_eq!(told(&end, killed, true).0, expected, "{end:?}");
        }
    }

    #[test]
    fn hidden_runs_say_no_code() {
        for code in [1, 2, 126, 127, 137, 139, 255] {
            assert_eq!(
                told(&end(code), None, false).1,
                "The container ended with an error"
            );
        }
        assert!(
            told(&end(139), None, true)
                .1
                .contains("139 (segmentation fault)")
        );
    }

    #[test]
    fn the_limit_that_held_is_the_one_that_is_named() {
        let time = |seconds| {
            let end = RunEnd {
                duration: Duration::seconds(seconds),
                ..end(137)
            };
            told(&end, Some(KillReason::Time), true).1
        };
        assert_eq!(time(20), "The container exceeded its time limit of 20 s");
        assert_eq!(time(61), "The container exceeded its time limit of 1 min");
        assert_eq!(bytes(512 << 20), "512 MiB");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
        assert_eq!(bytes(100), "100 bytes");
    }
}
