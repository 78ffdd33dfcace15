//! Programs of ours that run into limits and try doors on purpose, in the same sandbox as everybody's
//! jobs, and in a step of a build: a limit is only believed once it was seen to bite.
//!
//! Nothing of them stays on the engine.

use super::super::containers::state_of;
use super::super::programs::Opened;
use super::super::sandbox::Role;
use super::super::{DockerEngine, EngineFacts, holder, programs};
use crate::executor::{
    BuildEnd, Builder as _, Check, Executor as _, JobRef, JobStatus, Result, Weight,
};
use crate::model::{Duration, RunEnd};

const CANARY_TIME: Duration = Duration::seconds(20);
const DOORS_OF_BUILDS: &str = "doors of builds";

impl DockerEngine {
    /// All that are for jobs.
    pub(super) async fn canaries(&self, facts: &EngineFacts) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        if self.is_local(facts) {
            checks.push(self.sandbox_canary().await?);
        }
        checks.push(self.doors_of_jobs().await?);
        checks.push(self.memory_canary().await?);
        checks.push(self.pids_canary().await?);
        Ok(checks)
    }

    /// Doors of the kernel, from the sandbox of jobs: our profile shuts them.
    async fn doors_of_jobs(&self) -> Result<Check> {
        let end = self.canary("doors", programs::DOORS).await?;
        let code = end.filter(|end| end.started).map(|end| end.exit_code);
        let runtime = self.options().runtime.as_deref();
        let flaw = opened_to_jobs(runtime);
        Ok(doors("doors of jobs", code.map(Opened), (flaw.0, &flaw.1)))
    }

    /// The same doors from a step of a build, where the engine's own profile holds.
    pub(super) async fn doors_of_builds(&self) -> Result<Check> {
        let holder = self.small_job("doors", &holder::no_output()).await?.image;
        let name = "check-doors".to_owned();
        let dockerfile = format!("FROM {holder}\nRUN [\"{}\"]\n", programs::DOORS);
        let report = match self
            .build(&holder::small_build(name.clone(), dockerfile))
            .await
        {
            Ok(report) => report,
            Err(error) => return Ok(no_build(error.to_string())),
        };
        let message = match report.end {
            BuildEnd::Failed { message, .. } => message,
            BuildEnd::Built(facts) => {
                self.remove(&facts.id, &name).await?;
                String::new()
            }
            BuildEnd::Limit(_) => String::new(),
        };
        Ok(doors(
            DOORS_OF_BUILDS,
            code_of_step(&message).map(Opened),
            (
                Weight::Warning,
                "The engine's own profile holds in builds: newer engines shut more (AF_ALG from 29.4.3 on), \
                 and `seccomp-profile` in daemon.json names a stricter one. Until then keep the kernel's \
                 updates on, and give builds an engine of their own on a host that holds no hidden data \
                 (`[builder] socket`).",
            ),
        ))
    }

    /// What the kernel says of a process in the sandbox, whatever the engine believes.
    async fn sandbox_canary(&self) -> Result<Check> {
        let reference = self.start_canary("sandbox", programs::HOLD).await?;
        let seen = self.inspect_role(&reference.name, Role::Canary).await;
        let status = seen.map(|seen| {
            let pid = seen.and_then(|seen| state_of(&seen).pid).unwrap_or(0);
            std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
        });
        self.cleanup(&reference).await?;
        let status = status?;
        let missing: Vec<_> = [
            "Uid:\t65534\t65534\t65534\t65534",
            "CapBnd:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ]
        .into_iter()
        .filter(|line| !status.lines().any(|l| l.trim_end() == *line))
        .map(|line| line.replace('\t', " "))
        .collect();
        Ok(confirmed(&missing, self.options().runtime.as_deref()))
    }

    /// A program that takes memory for ever must be killed, and the engine must say why.
    async fn memory_canary(&self) -> Result<Check> {
        let end = self.canary("memory", programs::HOG).await?;
        Ok(bites(
            "memory limit",
            "a program that takes memory for ever",
            (end.as_ref(), |end| end.out_of_memory),
            "Enable the memory controller on the host: the kernel's command line needs \
             `cgroup_enable=memory swapaccount=1`.",
        ))
    }

    /// A program that starts processes for ever ends only if it is refused one. (Where gVisor's
    /// own threads meet the limit first, it is gVisor that gives up, with another code; and its
    /// processes may take all memory before.)
    async fn pids_canary(&self) -> Result<Check> {
        let end = self.canary("pids", programs::FORKS).await?;
        let own_kernel = !matches!(self.options().runtime.as_deref(), None | Some("runc"));
        Ok(bites(
            "process limit",
            "a program that starts processes for ever",
            (end.as_ref(), |end| {
                end.started && (own_kernel || !end.out_of_memory)
            }),
            "Enable the pids controller on the host: the kernel needs `CONFIG_CGROUP_PIDS`.",
        ))
    }

    /// Runs one of our own programs; `None` if it had to be ended after [`CANARY_TIME`].
    async fn canary(&self, what: &str, program: &'static str) -> Result<Option<RunEnd>> {
        let reference = self.start_canary(what, program).await?;
        let status = self.wait(&reference, CANARY_TIME).await;
        self.cleanup(&reference).await?;
        Ok(match status? {
            JobStatus::Ended(end) => Some(end),
            _ => None,
        })
    }

    /// In the same sandbox as everybody's jobs, without output.
    async fn start_canary(&self, what: &str, program: &'static str) -> Result<JobRef> {
        let name = format!("check-{what}");
        let job = self.small_job(&name, &holder::no_output()).await?;
        let body = holder::with_command(self.body(&job, Role::Canary).await?, program);
        self.remove_container(&self.names(&name).container(Role::Canary))
            .await?;
        let made = self.create(&name, Role::Canary, &body).await?;
        let id = made.id.unwrap_or_default();
        let started = self.start(&name, &id).await;
        let reference = JobRef { name, id };
        if let Err(error) = started {
            self.cleanup(&reference).await?;
            return Err(error);
        }
        Ok(reference)
    }
}

/// The kernel's own words about a process in the sandbox, as far as they were `missing`.
fn confirmed(missing: &[String], runtime: Option<&str>) -> Check {
    let what = "sandbox, by the kernel";
    if missing.is_empty() {
        let seen = "no user, no capability, no new privilege, and a filter of system calls";
        return Check::fine(what, seen);
    }
    let expected = missing.join(", ");
    let seen = "not all that was asked for";
    match runtime {
        None | Some("runc") => Check::fine(what, seen).flawed(
            Weight::Bad,
            expected,
            "Do not run submissions here. Compare the versions of engine, runc and kernel with \
             those that your distribution supports together.",
        ),
        Some(other) => Check::fine(what, seen).flawed(
            Weight::Warning,
            expected,
            format!(
                "Nothing, if {other} runs jobs in a kernel of its own, as gVisor does: then the \
                 host sees only {other}'s process."
            ),
        ),
    }
}

/// Whether a canary ended as a limit ends a program; without an end it ran on for ever.
fn bites(
    what: &str,
    canary: &str,
    (end, stopped): (Option<&RunEnd>, impl Fn(&RunEnd) -> bool),
    help: &str,
) -> Check {
    let seconds = CANARY_TIME;
    match end {
        Some(end) if stopped(end) => Check::fine(what, format!("{canary} was stopped by it")),
        Some(end) => Check::fine(what, format!("{canary} ended with code {}", end.exit_code))
            .flawed(Weight::Bad, "it is stopped by the limit", help),
        None => Check::fine(what, format!("{canary} still ran after {seconds}")).flawed(
            Weight::Bad,
            "it is stopped by the limit",
            help,
        ),
    }
}

fn no_build(error: String) -> Check {
    Check::fine(DOORS_OF_BUILDS, error).flawed(
        Weight::Bad,
        "a build of one step by the classic builder, which comes to its end",
        "Look into the log of the engine; without builds no commit can be evaluated.",
    )
}

/// `The command '/doors' returned a non-zero code: 8`
fn code_of_step(message: &str) -> Option<i64> {
    let (_, code) = message.rsplit_once("non-zero code: ")?;
    code.trim().parse().ok()
}

/// How much a door weighs that is open to jobs under this runtime, and what is to be done.
fn opened_to_jobs(runtime: Option<&str>) -> (Weight, String) {
    match runtime {
        None | Some("runc") => (
            Weight::Bad,
            "Do not run submissions here: the engine does not keep to the profile that it is given. \
             Compare its version with the kernel's."
                .to_owned(),
        ),
        Some(other) => (
            Weight::Warning,
            format!(
                "Nothing, if {other} runs jobs in a kernel of its own, as gVisor does: then it is \
                 a door of that one, and the host's stays shut."
            ),
        ),
    }
}

/// What a door leads to, for people who have to decide whether it matters to them.
fn behind(door: &str) -> String {
    let leads = match door {
        "AF_ALG" => "to the kernel's page cache, where CVE-2026-31431 is open",
        "AF_VSOCK" => "to what runs this machine, if it is a virtual one",
        _ => "past filters of system calls",
    };
    format!("{door}, which leads {leads}")
}

/// What opened, and how much that weighs; `None` if the program did not come to its end.
fn doors(what: &str, opened: Option<Opened>, (weight, help): (Weight, &str)) -> Check {
    let expected = "AF_ALG, AF_VSOCK and io_uring are refused";
    match opened.and_then(Opened::doors) {
        None => Check::fine(what, "the program that tries them did not do its work").flawed(
            Weight::Warning,
            expected,
            "Run `referee doctor` again; if it stays so, look into the log of the engine.",
        ),
        Some(open) if open.is_empty() => Check::fine(
            what,
            "AF_ALG, AF_VSOCK and io_uring were tried, and refused",
        ),
        Some(open) => {
            let open: Vec<_> = open.into_iter().map(behind).collect();
            let seen = format!("what must not be reached, can be: {}", open.join("; "));
            Check::fine(what, seen).flawed(weight, expected, help)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_that_is_not_one_is_bad_unless_the_runtime_hides_it() {
        let missing = ["Seccomp: 2".to_owned()];
        let weight = |runtime| confirmed(&missing, runtime).flaw.map(|f| f.weight);
        assert_eq!(weight(None), Some(Weight::Bad));
        assert_eq!(weight(Some("runc")), Some(Weight::Bad));
        assert_eq!(weight(Some("runsc")), Some(Weight::Warning));
        assert!(confirmed(&[], None).is_fine());
    }

    #[test]
    fn a_canary_that_lives_on_is_bad() {
        let still = bites("memory limit", "a program", (None, |_| true), "Mend it.");
        assert_eq!(still.seen, "a program still ran after 20 s");
        assert_eq!(still.flaw.map(|f| f.weight), Some(Weight::Bad));
    }

    #[test]
    fn a_door_that_opens_weighs_as_much_as_where_it_does() {
        let seen = |code| doors("doors", code, (Weight::Bad, "Mend it."));
        assert!(seen(Some(Opened(8))).is_fine());
        let open = seen(Some(Opened(8 + 2)));
        assert!(open.seen.contains("AF_VSOCK, which leads"), "{open:?}");
        assert!(!open.seen.contains("AF_ALG"), "{open:?}");
        assert_eq!(opened_to_jobs(Some("runc")).0, Weight::Bad);
        assert_eq!(opened_to_jobs(Some("runsc")).0, Weight::Warning);
        assert_eq!(open.flaw.map(|f| f.weight), Some(Weight::Bad));
        for unknown in [None, Some(Opened(0)), Some(Opened(137))] {
            let weight = seen(unknown).flaw.map(|f| f.weight);
            assert_eq!(weight, Some(Weight::Warning), "{unknown:?}");
        }
    }

    #[test]
    fn the_code_of_a_step_is_read_from_the_engines_sentence() {
        let message = "The command '/doors' returned a non-zero code: 10";
        assert_eq!(code_of_step(message), Some(10));
        assert_eq!(code_of_step("no space left on device"), None);
    }
}
