//! Programs of Referee that exceed limits and make restricted system calls on purpose: in the sandbox of jobs, and in a
//! build step. A limit is believed only after it has stopped a program.
//!
//! Nothing of them stays on the engine.

use crate::executor::docker::classic_progress::exit_code_in;
use crate::executor::docker::connection::DockerEngine;
use crate::executor::docker::containers::state_of;
use crate::executor::docker::facts::EngineFacts;
use crate::executor::docker::output_keeper::{no_output, probe_build, with_command};
use crate::executor::docker::own_programs::{self, SyscallProbe};
use crate::executor::docker::sandbox::Role;
use crate::executor::{BuildEnd, Builder as _, ImageStore as _, JobRef, JobStatus, Result, Runner as _};
use crate::model::diagnosis::{Check, CheckSeverity};
use crate::model::{Duration, RunEnd};

const PROBE_TIME: Duration = Duration::seconds(20);
const SYSCALLS_OF_JOBS: &str = "restricted system calls in jobs";
const SYSCALLS_OF_BUILDS: &str = "restricted system calls in builds";
/// Lines of `/proc/<pid>/status` of every process in the sandbox.
const SANDBOX_STATUS: [&str; 5] = [
    "Uid:\t65534\t65534\t65534\t65534",
    "CapBnd:\t0000000000000000",
    "CapEff:\t0000000000000000",
    "NoNewPrivs:\t1",
    "Seccomp:\t2",
];

impl DockerEngine {
    /// Probes the sandbox of jobs.
    pub(super) async fn probe_sandbox(&self, facts: &EngineFacts) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        if self.is_local(facts) {
            checks.push(self.check_process_status().await?);
        }
        checks.push(self.probe_syscalls_of_jobs().await?);
        checks.push(self.probe_memory_limit().await?);
        checks.push(self.probe_process_limit().await?);
        Ok(checks)
    }

    /// Makes restricted system calls in the sandbox of jobs, where Referee's profile must refuse them.
    async fn probe_syscalls_of_jobs(&self) -> Result<Check> {
        let program = own_programs::PROBE_SYSCALLS;
        let end = self.run_probe("syscalls", program).await?;
        let code = end.filter(|end| end.started).map(|end| end.exit_code);
        let (severity, help) = allowed_in_jobs(self.runtime_with_own_kernel());
        Ok(syscall_check(SYSCALLS_OF_JOBS, code, severity, &help))
    }

    /// Makes the same calls in a build step, where the engine's own profile applies.
    pub(super) async fn probe_syscalls_of_builds(&self) -> Result<Check> {
        let image = self.own_image().await?;
        let name = "check-syscalls".to_owned();
        let program = own_programs::PROBE_SYSCALLS;
        let dockerfile = format!("FROM {image}\nRUN [\"{program}\"]\n");
        let report = match self.build(&probe_build(name.clone(), dockerfile)).await {
            Ok(report) => report,
            Err(error) => return Ok(failed_build(error.to_string())),
        };
        let message = match report.end {
            BuildEnd::Failed { message, .. } => message,
            BuildEnd::Built(facts) => {
                self.remove(&facts.id, &name).await?;
                String::new()
            }
            BuildEnd::Limit(_) => String::new(),
        };
        Ok(syscall_check(
            SYSCALLS_OF_BUILDS,
            code_of_step(&message),
            CheckSeverity::Warning,
            "The engine's own profile applies to builds. Upgrade the engine to 29.4.3 or later, which refuses AF_ALG, \
             or name a stricter profile in `seccomp-profile` of daemon.json. Until then, install kernel updates, and \
             give builds an engine of their own (`[builder] socket`) on a host without hidden data.",
        ))
    }

    /// Compares the kernel's description of a process in the sandbox with the request.
    async fn check_process_status(&self) -> Result<Check> {
        let probe = self.start_probe("sandbox", own_programs::WAIT).await?;
        let seen = self.inspect_role(&probe.name, Role::Probe).await;
        let status = seen.map(|seen| {
            let pid = seen.and_then(|seen| state_of(&seen).pid).unwrap_or(0);
            std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
        });
        self.cleanup(&probe).await?;
        let status = status?;
        let missing: Vec<_> = SANDBOX_STATUS
            .into_iter()
            .filter(|line| !status.lines().any(|l| l.trim_end() == *line))
            .map(|line| line.replace('\t', " "))
            .collect();
        Ok(status_check(&missing, self.runtime_with_own_kernel()))
    }

    /// A program that takes memory without end must be killed, and the engine must report the reason.
    async fn probe_memory_limit(&self) -> Result<Check> {
        let end = self.run_probe("memory", own_programs::TAKE_MEMORY).await?;
        let stopped = end.as_ref().is_some_and(|end| end.out_of_memory);
        Ok(MEMORY_LIMIT.check(end.as_ref(), stopped))
    }

    /// A program that starts processes without end stops only when the kernel refuses one. Under gVisor, gVisor's own
    /// threads may reach the limit first: then gVisor gives up with another exit code, or its processes take all memory
    /// before.
    async fn probe_process_limit(&self) -> Result<Check> {
        let end = self.run_probe("pids", own_programs::FORK).await?;
        let own_kernel = self.runtime_with_own_kernel().is_some();
        let stopped = |end: &RunEnd| end.started && (own_kernel || !end.out_of_memory);
        let stopped = end.as_ref().is_some_and(stopped);
        Ok(PROCESS_LIMIT.check(end.as_ref(), stopped))
    }

    /// The runtime, if it may run jobs in a kernel of its own.
    fn runtime_with_own_kernel(&self) -> Option<&str> {
        let runtime = self.options().runtime.as_deref();
        runtime.filter(|runtime| *runtime != "runc")
    }

    /// Runs one of Referee's own programs. `None` if it still ran after [`PROBE_TIME`] and was ended.
    async fn run_probe(&self, purpose: &str, program: &'static str) -> Result<Option<RunEnd>> {
        let probe = self.start_probe(purpose, program).await?;
        let status = self.wait(&probe, PROBE_TIME).await;
        self.cleanup(&probe).await?;
        Ok(match status? {
            JobStatus::Ended(end) => Some(end),
            _ => None,
        })
    }

    /// Starts a program in the same sandbox as every job, without an output.
    async fn start_probe(&self, purpose: &str, program: &'static str) -> Result<JobRef> {
        let name = format!("check-{purpose}");
        let job = self.own_job(&name, &no_output()).await?;
        let body = self.container_body(&job, Role::Probe).await?;
        let body = with_command(body, program);
        self.remove_container(&self.names(&name).container(Role::Probe)).await?;
        let made = self.create(&name, Role::Probe, &body).await?;
        let id = made.id.unwrap_or_default();
        let started = self.start(&name, &id).await;
        let probe = JobRef { name, id };
        if let Err(error) = started {
            self.cleanup(&probe).await?;
            return Err(error);
        }
        Ok(probe)
    }
}

/// A limit, and the program that exceeds it.
struct LimitProbe {
    name: &'static str,
    program: &'static str,
    help: &'static str,
}

const MEMORY_LIMIT: LimitProbe = LimitProbe {
    name: "memory limit",
    program: "a program that takes memory without end",
    help: "Enable the memory controller on the host: the kernel's command line needs `cgroup_enable=memory \
           swapaccount=1`.",
};
const PROCESS_LIMIT: LimitProbe = LimitProbe {
    name: "process limit",
    program: "a program that starts processes without end",
    help: "Enable the pids controller on the host: the kernel needs `CONFIG_CGROUP_PIDS`.",
};

impl LimitProbe {
    /// `end` is missing if the program still ran. `stopped` states whether the limit ended it.
    fn check(&self, end: Option<&RunEnd>, stopped: bool) -> Check {
        let program = self.program;
        let seen = match end {
            Some(_) if stopped => {
                return Check::ok(self.name, format!("the limit stopped {program}"));
            }
            Some(end) => format!("{program} ended with exit code {}", end.exit_code),
            None => format!("{program} still ran after {PROBE_TIME}"),
        };
        let expected = "the limit stops it";
        Check::ok(self.name, seen).with_problem(CheckSeverity::Error, expected, self.help)
    }
}

/// `missing` are the lines of [`SANDBOX_STATUS`] that the kernel did not show.
fn status_check(missing: &[String], runtime_with_own_kernel: Option<&str>) -> Check {
    let name = "sandbox, as the kernel shows it";
    if missing.is_empty() {
        let seen = "no root user, no capabilities, no new privileges, and system calls are filtered";
        return Check::ok(name, seen);
    }
    let check = Check::ok(name, "parts of the requested isolation are missing");
    match runtime_with_own_kernel {
        None => check.with_problem(
            CheckSeverity::Error,
            missing.join(", "),
            "Do not run submissions here. Check whether the versions of the engine, runc and the kernel fit together.",
        ),
        Some(runtime) => check.with_problem(
            CheckSeverity::Warning,
            missing.join(", "),
            format!(
                "No action is needed if {runtime} runs jobs in a kernel of its own, as gVisor does. Then the host sees \
                 only the process of {runtime}."
            ),
        ),
    }
}

/// Severity and help of a restricted system call that jobs can make.
fn allowed_in_jobs(runtime_with_own_kernel: Option<&str>) -> (CheckSeverity, String) {
    match runtime_with_own_kernel {
        None => (
            CheckSeverity::Error,
            "Do not run submissions here: the engine does not apply the requested profile. Check whether the versions \
             of the engine and the kernel fit together."
                .to_owned(),
        ),
        Some(runtime) => (
            CheckSeverity::Warning,
            format!(
                "No action is needed if {runtime} runs jobs in a kernel of its own, as gVisor does. Then the calls \
                 reach only that kernel, and the host refuses them."
            ),
        ),
    }
}

fn failed_build(error: String) -> Check {
    Check::ok(SYSCALLS_OF_BUILDS, error).with_problem(
        CheckSeverity::Error,
        "a build of one step succeeds",
        "Read the log of the engine. Without builds no commit can be evaluated.",
    )
}

/// The exit code in `The command '/probe-syscalls' returned a non-zero code: 8`.
fn code_of_step(message: &str) -> Option<i64> {
    exit_code_in(message)?.parse().ok()
}

/// The consequence of an allowed system call.
fn consequence(call: &str) -> String {
    let reaches = match call {
        "AF_ALG" => "reaches the kernel's page cache (CVE-2026-31431)",
        "AF_VSOCK" => "reaches the hypervisor of a virtual machine",
        _ => "bypasses filters of system calls",
    };
    format!("{call} {reaches}")
}

/// `code` is the exit code of the probe, if it ran.
fn syscall_check(name: &str, code: Option<i64>, severity: CheckSeverity, help: &str) -> Check {
    let expected = "AF_ALG, AF_VSOCK and io_uring are refused";
    match code.map(SyscallProbe).and_then(SyscallProbe::allowed) {
        None => Check::ok(name, "the probe did not run to its end").with_problem(
            CheckSeverity::Warning,
            expected,
            "Run `referee doctor` again. If the result is the same, read the log of the engine.",
        ),
        Some(allowed) if allowed.is_empty() => Check::ok(name, expected),
        Some(allowed) => {
            let allowed: Vec<_> = allowed.into_iter().map(consequence).collect();
            let seen = format!("these calls are allowed: {}", allowed.join("; "));
            Check::ok(name, seen).with_problem(severity, expected, help)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_messages;
    use super::*;

    #[test]
    fn missing_isolation_is_an_error_unless_the_runtime_has_its_own_kernel() {
        let missing = ["Seccomp: 2".to_owned()];
        let severity = |runtime| status_check(&missing, runtime).problem.map(|p| p.severity);
        assert_eq!(severity(None), Some(CheckSeverity::Error));
        assert_eq!(severity(Some("runsc")), Some(CheckSeverity::Warning));
        assert_eq!(status_check(&[], None).problem, None);
    }

    #[test]
    fn a_program_that_no_limit_stops_is_an_error() {
        let still = MEMORY_LIMIT.check(None, false);
        assert_eq!(still.seen, "a program that takes memory without end still ran after 20 s");
        let severity = still.problem.map(|p| p.severity);
        assert_eq!(severity, Some(CheckSeverity::Error));
    }

    #[test]
    fn an_allowed_system_call_has_the_severity_of_its_sandbox() {
        let check = |code| syscall_check("calls", code, CheckSeverity::Error, "Fix it.");
        assert_eq!(check(Some(8)).problem, None);
        let allowed = check(Some(8 + 2));
        assert!(allowed.seen.contains("AF_VSOCK reaches"), "{allowed:?}");
        assert!(!allowed.seen.contains("AF_ALG"), "{allowed:?}");
        let severity = allowed.problem.map(|p| p.severity);
        assert_eq!(severity, Some(CheckSeverity::Error));
        assert_eq!(allowed_in_jobs(None).0, CheckSeverity::Error);
        assert_eq!(allowed_in_jobs(Some("runsc")).0, CheckSeverity::Warning);
        for unknown in [None, Some(0), Some(137)] {
            let severity = check(unknown).problem.map(|p| p.severity);
            assert_eq!(severity, Some(CheckSeverity::Warning), "{unknown:?}");
        }
    }

    #[test]
    fn the_exit_code_of_a_step_is_read_from_the_engines_message() {
        let message = "The command '/probe-syscalls' returned a non-zero code: 10";
        assert_eq!(code_of_step(message), Some(10));
        assert_eq!(code_of_step("no space left on device"), None);
    }

    #[test]
    fn the_messages_are_these() {
        let warning = CheckSeverity::Warning;
        let end = RunEnd {
            started: true,
            exit_code: 7,
            out_of_memory: false,
            host_out_of_memory: false,
            engine_continuous: true,
            error: String::new(),
            duration: Duration(0),
        };
        assert_messages(
            "limit-probes",
            &[
                status_check(&[], None),
                status_check(&["Seccomp: 2".to_owned()], None),
                status_check(&["Seccomp: 2".to_owned()], Some("runsc")),
                MEMORY_LIMIT.check(Some(&end), true),
                MEMORY_LIMIT.check(Some(&end), false),
                PROCESS_LIMIT.check(None, false),
                syscall_check(SYSCALLS_OF_JOBS, Some(8), warning, ""),
                syscall_check(SYSCALLS_OF_JOBS, Some(15), warning, &allowed_in_jobs(None).1),
                syscall_check(SYSCALLS_OF_JOBS, Some(9), warning, &allowed_in_jobs(Some("runsc")).1),
                syscall_check(SYSCALLS_OF_BUILDS, None, warning, ""),
                failed_build("the engine does not answer: build: lost".to_owned()),
            ],
        );
    }
}
