//! Whether all this really holds on this engine: what it says of itself, and canaries that run
//! into limits on purpose, in the same sandbox as everybody's jobs.
//!
//! It changes nothing, and leaves nothing behind. A flaw always comes with what was expected and
//! with its remedy.

use std::process::Stdio;
use std::time::Duration as StdDuration;

use super::containers::state_of;
use super::sandbox::Role;
use super::{DockerEngine, EngineFacts, holder, meter, programs};
use crate::executor::{Check, Executor, JobRef, JobStatus, OutputSpec, Result, Weight};
use crate::model::{Duration, GpuUuid, RunEnd};

/// The oldest engine and runtime without a known hole that matters here: archive calls, builds,
/// masked paths and the page cache (the advisories up to the summer of 2026).
const ENGINE_FLOOR: [u32; 3] = [29, 5, 1];
const RUNC_FLOOR: [u32; 3] = [1, 3, 6];
/// `nvidia-smi` may hang on a driver in trouble.
const GPU_QUESTION_TIME: StdDuration = StdDuration::from_secs(10);
const CANARY_TIME: Duration = Duration::seconds(20);
const BUILD_LIMITS: &str = "limits of builds";

impl DockerEngine {
    pub(super) async fn self_test(&self) -> Result<Vec<Check>> {
        let facts = self.ask_facts().await?;
        let mut checks = vec![
            patched("engine version", &facts.version, ENGINE_FLOOR),
            patched("runc version", &self.runc_version().await?, RUNC_FLOOR),
        ];
        checks.extend(said_by_engine(&facts));
        checks.push(self.build_limits(&facts));
        if self.is_local(&facts) {
            checks.push(self.sandbox_canary().await?);
        }
        checks.push(self.memory_canary().await?);
        checks.push(self.pids_canary().await?);
        Ok(checks)
    }

    async fn runc_version(&self) -> Result<String> {
        let version = self
            .call("version", |docker| async move { docker.version().await })
            .await??;
        let components = version.components.unwrap_or_default();
        let runc = components.into_iter().find(|c| c.name == "runc");
        Ok(runc.map(|c| c.version).unwrap_or_default())
    }

    fn build_limits(&self, facts: &EngineFacts) -> Check {
        match meter::Cage::possible(facts, self.is_local(facts)) {
            Ok(()) => Check::fine(BUILD_LIMITS, "each build has a control group of its own"),
            Err(why) => Check::fine(BUILD_LIMITS, format!("memory and CPU alone; {why}")).flawed(
                Weight::Warning,
                "processes and disk are limited as well",
                "Give builds an engine of their own (`[builder] socket`), started with \
                 `--cgroup-parent` under a limit of processes and with a data root of limited size.",
            ),
        }
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
    /// own threads meet the limit first, it is gVisor that gives up, with another code.)
    async fn pids_canary(&self) -> Result<Check> {
        let end = self.canary("pids", programs::FORKS).await?;
        Ok(bites(
            "process limit",
            "a program that starts processes for ever",
            (end.as_ref(), |end| end.started && !end.out_of_memory),
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
        let none = OutputSpec {
            target: programs::OUTPUT.to_owned(),
            bytes: 0,
            files: 0,
        };
        let job = self.small_job(&name, &none).await?;
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

    /// As configured, or as the driver on this host lists them. No driver, no GPUs.
    pub(super) async fn list_gpus(&self) -> Vec<GpuUuid> {
        if !self.options().gpus.is_empty() {
            return self.options().gpus.clone();
        }
        let question = tokio::process::Command::new("nvidia-smi")
            .args(["--query-gpu=uuid", "--format=csv,noheader"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        match tokio::time::timeout(GPU_QUESTION_TIME, question).await {
            Ok(Ok(answer)) if answer.status.success() => uuids(&answer.stdout),
            _ => Vec::new(),
        }
    }
}

fn uuids(answer: &[u8]) -> Vec<GpuUuid> {
    String::from_utf8_lossy(answer)
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("GPU-"))
        .map(|line| GpuUuid(line.to_owned()))
        .collect()
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
    remedy: &str,
) -> Check {
    let seconds = CANARY_TIME;
    match end {
        Some(end) if stopped(end) => Check::fine(what, format!("{canary} was stopped by it")),
        Some(end) => Check::fine(what, format!("{canary} ended with code {}", end.exit_code))
            .flawed(Weight::Bad, "it is stopped by the limit", remedy),
        None => Check::fine(what, format!("{canary} still ran after {seconds}")).flawed(
            Weight::Bad,
            "it is stopped by the limit",
            remedy,
        ),
    }
}

/// A warning only: distributions close holes without changing the number before the `+`.
fn patched(what: &str, version: &str, floor: [u32; 3]) -> Check {
    let seen = match version {
        "" => "not told by the engine",
        version => version,
    };
    let check = Check::fine(what, seen);
    if version_of(version) >= floor {
        return check;
    }
    let [major, minor, patch] = floor;
    check.flawed(
        Weight::Warning,
        format!("{major}.{minor}.{patch} or newer, in which the holes known to us are closed"),
        "Install a newer one. If your distribution closes holes in old versions, as Debian does, \
         keep its security updates on and live with this line.",
    )
}

fn said_by_engine(facts: &EngineFacts) -> Vec<Check> {
    let said = |what: &str, good: bool, [yes, no]: [&str; 2], flaw: (Weight, &str, &str)| {
        let (weight, expected, remedy) = flaw;
        match good {
            true => Check::fine(what, yes),
            false => Check::fine(what, no).flawed(weight, expected, remedy),
        }
    };
    let limits = facts.memory_limit && facts.swap_limit && facts.pids_limit;
    let warnings = match facts.warnings.is_empty() {
        true => "not all of them".to_owned(),
        false => facts.warnings.join("; "),
    };
    vec![
        said(
            "restart of the engine",
            facts.live_restore,
            ["jobs survive it: live-restore is on", "it ends all jobs"],
            (
                Weight::Warning,
                "jobs survive it",
                "Set \"live-restore\": true in the engine's daemon.json. Without it the jobs of \
                 that moment are run again.",
            ),
        ),
        said(
            "system calls",
            facts.has_seccomp(),
            ["filtered by seccomp, with a profile of ours", "no seccomp"],
            (
                Weight::Bad,
                "the kernel filters them",
                "Use a kernel with CONFIG_SECCOMP_FILTER and an engine that is built with seccomp.",
            ),
        ),
        said(
            "AppArmor",
            facts.has_apparmor(),
            [
                "on, with the engine's profile docker-default",
                "off, or not in this kernel",
            ],
            (
                Weight::Warning,
                "on: a second wall around jobs",
                "Boot with AppArmor (`security=apparmor`). All other walls stand without it.",
            ),
        ),
        said(
            "limits of the engine",
            limits,
            ["memory, swap and processes", &warnings],
            (
                Weight::Bad,
                "memory, swap and processes can be limited",
                "Enable the controllers on the kernel's command line: `cgroup_enable=memory \
                 swapaccount=1`.",
            ),
        ),
    ]
}

/// `20.10.24+dfsg1` is 20, 10, 24.
fn version_of(text: &str) -> [u32; 3] {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version_of("20.10.24+dfsg1"), [20, 10, 24]);
        assert!(version_of("29.10.0") > ENGINE_FLOOR);
        assert!(version_of("29.5") < ENGINE_FLOOR);
        assert_eq!(version_of(""), [0, 0, 0]);
    }

    #[test]
    fn an_old_version_is_a_warning_and_no_more() {
        let old = patched("engine version", "20.10.24+dfsg1", ENGINE_FLOOR);
        let flaw = old.flaw.unwrap();
        assert_eq!(flaw.weight, Weight::Warning);
        assert!(flaw.expected.starts_with("29.5.1 or newer"), "{flaw:?}");
        assert!(flaw.remedy.contains("Debian"), "{flaw:?}");
        assert!(patched("engine version", "29.5.1", ENGINE_FLOOR).is_fine());
        assert_eq!(
            patched("x", "", ENGINE_FLOOR).seen,
            "not told by the engine"
        );
    }

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
    fn only_lines_that_name_a_gpu_count() {
        let answer = b"GPU-3f1a\nNVIDIA-SMI has failed\n GPU-77b0 \n";
        assert_eq!(
            uuids(answer),
            [
                GpuUuid("GPU-3f1a".to_owned()),
                GpuUuid("GPU-77b0".to_owned())
            ]
        );
    }
}
