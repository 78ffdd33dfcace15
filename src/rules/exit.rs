//! Classifies the end of a run as a success, a failure of the submission or a platform error: RUN001 to RUN004.
//!
//! The container chooses its exit code, so the code decides only that the run failed. A time limit counts if Referee
//! recorded it before the kill, and a memory limit counts if the kernel reports it. A kill because the host ran out of
//! memory is a platform error.

use super::catalogue::{RUN001, RUN002, RUN003, RUN004};
use crate::model::{Finding, KillReason, Outcome, RunEnd, RunLimits, Severity};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEndClass {
    /// The output can be checked.
    Success,
    /// The output can be checked, but the kernel killed a process because it exceeded the memory limit.
    SuccessAfterOutOfMemory(Finding),
    /// The submission ends.
    Failure { outcome: Outcome, finding: Finding },
    /// The cause is unknown or on the platform's side. Referee repeats the run.
    PlatformError(String),
    /// Referee ended the run because the submission was withdrawn or cancelled.
    Cancelled,
}

/// Engines and shells use these codes for programs that they could not start.
const NOT_EXECUTABLE: i64 = 126;
const NOT_FOUND: i64 = 127;
/// 128 plus the number of a signal.
const KILLED: i64 = 137;
const TERMINATED: i64 = 143;

/// Classifies the end of a run.
///
/// `killed` is Referee's own record. `public` is whether a finding may contain the exit code. On hidden data it may
/// not, because the code could carry hidden data out.
pub fn classify_run_end(end: &RunEnd, killed: Option<KillReason>, limits: &RunLimits, public: bool) -> RunEndClass {
    let platform_error = |message: &str| RunEndClass::PlatformError(message.to_owned());
    match killed {
        Some(KillReason::Time) => {
            return failure(Outcome::TimeLimit, RUN002.finding(time_message(end, limits)));
        }
        Some(KillReason::Cancelled) => return RunEndClass::Cancelled,
        Some(KillReason::Orphaned) => {
            return platform_error("the run lost its lease, and Referee ended it");
        }
        None => {}
    }
    if !end.engine_continuous && (!end.started || matches!(end.exit_code, KILLED | TERMINATED)) {
        return platform_error(&format!(
            "the engine was unavailable during the run, so exit code {} is not reliable",
            end.exit_code
        ));
    }
    if end.host_out_of_memory {
        return platform_error("the kernel killed the container because its host ran out of memory");
    }
    if !end.started {
        return not_started(end);
    }
    let memory = bytes(limits.memory);
    match (end.exit_code, end.out_of_memory) {
        (0, false) => RunEndClass::Success,
        (0, true) => {
            let mut finding = RUN003.finding(format!(
                "The kernel killed a process that exceeded {memory} of memory. The container continued without it"
            ));
            finding.severity = Severity::Warning;
            RunEndClass::SuccessAfterOutOfMemory(finding)
        }
        (_, true) => {
            failure(Outcome::MemoryLimit, RUN003.finding(format!("The container exceeded {memory} of memory")))
        }
        (code, false) => failure(Outcome::RunFailed, exit_finding(code, public)),
    }
}

fn failure(outcome: Outcome, finding: Finding) -> RunEndClass {
    RunEndClass::Failure { outcome, finding }
}

/// There are two limits. The duration of the container shows which one was exceeded.
fn time_message(end: &RunEnd, limits: &RunLimits) -> String {
    let limit = if end.duration >= limits.time { limits.time } else { limits.smoke_time };
    format!("The container exceeded its time limit of {limit}")
}

fn not_started(end: &RunEnd) -> RunEndClass {
    let error = end.error.to_ascii_lowercase();
    let errors_of_the_image = [
        "no such file or directory",
        "executable file not found",
        "permission denied",
        "exec format error",
        "not a directory",
        "is a directory",
    ];
    if end.error.is_empty() || !errors_of_the_image.iter().any(|text| error.contains(text)) {
        let message = format!("the engine did not start the container: {}", end.error);
        return RunEndClass::PlatformError(message);
    }
    let reason = if error.contains("permission denied") {
        "it is not executable"
    } else if error.contains("exec format error") {
        "it has no interpreter line, or is for another platform"
    } else {
        "it or its interpreter is not in the image"
    };
    let message = format!("The engine could not start the program of the image: {reason}");
    failure(Outcome::RunFailed, RUN004.finding(message))
}

fn exit_finding(code: i64, public: bool) -> Finding {
    if !public {
        return RUN001.finding("The container ended with an error");
    }
    let (rule, meaning) = match code {
        NOT_EXECUTABLE => (RUN004, ": a program cannot be executed"),
        NOT_FOUND => (RUN004, ": a program was not found"),
        code => (RUN001, meaning_of(code)),
    };
    rule.finding(format!("The container ended with exit code {code}{meaning}"))
}

fn meaning_of(code: i64) -> &'static str {
    match code {
        132 => " (illegal instruction: built for another processor?)",
        134 => " (aborted)",
        135 => " (bus error: is /dev/shm full?)",
        136 => " (arithmetic error)",
        139 => " (segmentation fault)",
        KILLED => " (killed; the engine reports no cause, and most often memory ran out)",
        TERMINATED => " (terminated, but not by Referee)",
        153 => " (a file exceeded the size limit)",
        _ => "",
    }
}

/// `512 MiB`, `1.5 GiB`
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

    fn class_of(end: &RunEnd, killed: Option<KillReason>, public: bool) -> (String, String) {
        match classify_run_end(end, killed, &samples::limits(), public) {
            RunEndClass::Success => ("success".into(), String::new()),
            RunEndClass::SuccessAfterOutOfMemory(f) => (format!("success {}", f.code), f.message),
            RunEndClass::Failure { outcome, finding } => (format!("{outcome} {}", finding.code), finding.message),
            RunEndClass::PlatformError(message) => ("platform-error".into(), message),
            RunEndClass::Cancelled => ("cancelled".into(), String::new()),
        }
    }

    #[test]
    fn records_and_reports_decide_before_exit_codes() {
        let oom = |code| RunEnd { out_of_memory: true, ..end(code) };
        let away = |code| RunEnd { engine_continuous: false, ..end(code) };
        let crowded = RunEnd { host_out_of_memory: true, ..end(137) };
        let unstarted = |error: &str| RunEnd { started: false, error: error.into(), ..end(127) };
        for (end, killed, expected) in [
            (end(0), None, "success"),
            (end(1), None, "run-failed RUN001"),
            // Forged: nothing killed the container.
            (end(137), None, "run-failed RUN001"),
            (end(124), None, "run-failed RUN001"),
            (end(127), None, "run-failed RUN004"),
            (oom(137), None, "memory-limit RUN003"),
            (oom(1), None, "memory-limit RUN003"),
            (oom(0), None, "success RUN003"),
            (end(137), Some(KillReason::Time), "time-limit RUN002"),
            // The container succeeded at the time of the kill. The record still decides.
            (end(0), Some(KillReason::Time), "time-limit RUN002"),
            (oom(137), Some(KillReason::Time), "time-limit RUN002"),
            (end(137), Some(KillReason::Cancelled), "cancelled"),
            (end(137), Some(KillReason::Orphaned), "platform-error"),
            (away(137), None, "platform-error"),
            (crowded.clone(), None, "platform-error"),
            (crowded, Some(KillReason::Time), "time-limit RUN002"),
            (away(143), None, "platform-error"),
            (away(42), None, "run-failed RUN001"),
            (away(0), None, "success"),
            (unstarted("exec: \"/x\": stat /x: no such file or directory"), None, "run-failed RUN004"),
            (unstarted("exec /x: exec format error"), None, "run-failed RUN004"),
            (unstarted("permission denied: unknown"), None, "run-failed RUN004"),
            (unstarted("could not select device driver"), None, "platform-error"),
            (unstarted(""), None, "platform-error"),
        ] {
            assert_eq!(class_of(&end, killed, true).0, expected, "{end:?}");
        }
    }

    #[test]
    fn findings_of_hidden_runs_contain_no_exit_code() {
        for code in [1, 2, 126, 127, 137, 139, 255] {
            assert_eq!(class_of(&end(code), None, false).1, "The container ended with an error");
        }
        let public = class_of(&end(139), None, true).1;
        assert!(public.contains("139 (segmentation fault)"), "{public}");
    }

    #[test]
    fn messages() {
        let unstarted = |error: &str| RunEnd { started: false, error: error.into(), ..end(127) };
        let oom = |code| RunEnd { out_of_memory: true, ..end(code) };
        let away = RunEnd { engine_continuous: false, ..end(137) };
        let crowded = RunEnd { host_out_of_memory: true, ..end(137) };
        let codes = [1, 126, 127, 132, 134, 135, 136, 137, 139, 143, 153];
        let errors =
            ["no such file or directory", "exec format error", "permission denied", "could not select device driver"];
        let ends = codes.map(end).into_iter().chain(errors.map(unstarted));
        let ends = ends.chain([oom(0), oom(1), away, crowded]);
        let ends = ends
            .map(|end| (end, None))
            .chain([(end(137), Some(KillReason::Time)), (end(137), Some(KillReason::Orphaned))]);
        let blocks = ends.map(|(end, killed)| {
            let class = classify_run_end(&end, killed, &samples::limits(), true);
            match class {
                RunEndClass::SuccessAfterOutOfMemory(finding) => samples::block("success", &[finding]),
                RunEndClass::Failure { outcome, finding } => samples::block(outcome, &[finding]),
                RunEndClass::PlatformError(message) => format!("platform error: {message}\n"),
                RunEndClass::Success | RunEndClass::Cancelled => unreachable!("{end:?}"),
            }
        });
        insta::assert_snapshot!(blocks.collect::<String>());
    }

    #[test]
    fn the_message_names_the_exceeded_limit() {
        let time = |seconds| {
            let end = RunEnd { duration: Duration::seconds(seconds), ..end(137) };
            class_of(&end, Some(KillReason::Time), true).1
        };
        assert_eq!(time(20), "The container exceeded its time limit of 20 s");
        assert_eq!(time(61), "The container exceeded its time limit of 1 min");
        assert_eq!(bytes(512 << 20), "512 MiB");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
        assert_eq!(bytes(100), "100 bytes");
    }
}
