//! The verdict on one run of a participant's container: its end, then its output.
//!
//! Pure. The findings are complete; `report::redact` removes the parts that a phase with hidden data must not disclose.

use super::job::Ran;
use crate::model::finding::any_error;
use crate::model::{CaseId, Finding, Outcome, Task};
use crate::rules::{self, Policy, exit::RunEndClass};

/// The verdict on one run.
#[derive(Debug)]
pub struct RunVerdict {
    pub findings: Vec<Finding>,
    /// The outcome, if the submission ends here.
    pub outcome: Option<Outcome>,
}

/// Judges one run. A finding that the challenge has made an error ends the submission.
///
/// # Errors
/// When the engine is at fault and not the container.
pub fn judge_run(ran: &Ran, task: &Task, cases: &[CaseId], policy: &Policy) -> anyhow::Result<RunVerdict> {
    let mut outcome = None;
    let mut findings = match rules::exit::classify_run_end(&ran.end, ran.killed, &task.limits, true) {
        RunEndClass::Success => Vec::new(),
        RunEndClass::SuccessAfterOutOfMemory(finding) => {
            let finding = policy.apply_severity(finding);
            outcome = finding.is_error().then_some(Outcome::MemoryLimit);
            vec![finding]
        }
        RunEndClass::Failure { outcome, finding } => {
            let mut findings = vec![finding];
            if outcome == Outcome::RunFailed {
                findings.extend(rules::hint::hints(&ran.log, &task.contract));
            }
            return Ok(RunVerdict { findings, outcome: Some(outcome) });
        }
        RunEndClass::PlatformError(reason) => anyhow::bail!("the engine: {reason}"),
        RunEndClass::Cancelled => anyhow::bail!("the run was cancelled"),
    };
    let output = rules::output::check_output(&ran.output, &task.contract, cases, &task.limits);
    findings.extend(output.findings.into_iter().map(|f| policy.apply_severity(f)));
    // A program that hides its errors ends well and writes nothing. Its last lines explain why.
    if any_error(&findings) {
        findings.extend(rules::hint::hints(&ran.log, &task.contract));
    }
    let invalid = any_error(&findings).then_some(Outcome::OutputInvalid);
    Ok(RunVerdict { findings, outcome: outcome.or(output.outcome).or(invalid) })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::model::{LogExcerpt, OutputListing, RunEnd, Severity};

    /// The verdict on a run of the example that wrote one file too many, or that lost a process because of memory.
    fn verdict(out_of_memory: bool, code: &str, severity: Severity) -> (Option<Outcome>, String) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let challenge = config::read_challenge(&example).unwrap();
        let extra = if out_of_memory { vec![] } else { vec!["notes.txt"] };
        let files = ["a.png"].into_iter().chain(extra);
        let ran = Ran {
            end: RunEnd {
                started: true,
                exit_code: 0,
                out_of_memory,
                host_out_of_memory: false,
                engine_continuous: true,
                error: String::new(),
                duration: crate::model::Duration::seconds(1),
            },
            killed: None,
            log: LogExcerpt::default(),
            output: OutputListing {
                files: files.map(|name| (name.to_owned(), 1)).collect(),
                ..OutputListing::default()
            },
        };
        let policy = Policy::new(["x"], []).with_severities([(code.to_owned(), severity)].into());
        let case = CaseId::new("a").unwrap();
        let verdict = judge_run(&ran, &challenge.tasks[0], &[case], &policy).unwrap();
        assert_eq!(verdict.findings.len(), 1, "{:?}", verdict.findings);
        let finding = &verdict.findings[0];
        (verdict.outcome, format!("{} {}", finding.code, finding.severity))
    }

    #[test]
    fn a_challenge_can_turn_findings_of_a_run_into_errors() {
        let by_default = Severity::Advice;
        assert_eq!(verdict(false, "OUT007", by_default), (None, "OUT007 advice".into()));
        assert_eq!(verdict(false, "OUT007", Severity::Error), (Some(Outcome::OutputInvalid), "OUT007 error".into()));
        assert_eq!(verdict(true, "RUN003", by_default), (None, "RUN003 warning".into()));
        assert_eq!(verdict(true, "RUN003", Severity::Error), (Some(Outcome::MemoryLimit), "RUN003 error".into()));
    }
}
