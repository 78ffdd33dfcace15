//! Whether all this really holds on this engine: what it says of itself, and canaries that run
//! into limits on purpose, in the same sandbox as everybody's jobs.
//!
//! It changes nothing, and leaves nothing behind. A check that is not `ok` names the remedy.

use std::process::Stdio;
use std::time::Duration as StdDuration;

use super::containers::state_of;
use super::sandbox::Role;
use super::{DockerEngine, EngineFacts, holder, meter, programs};
use crate::executor::{Check, Executor, JobRef, JobStatus, OutputSpec, Result};
use crate::model::{Duration, GpuUuid, RunEnd};

/// The oldest engine and runtime without a known hole that matters here: archive calls, builds,
/// masked paths and the page cache (the advisories up to the summer of 2026).
const ENGINE_FLOOR: [u32; 3] = [29, 5, 1];
const RUNC_FLOOR: [u32; 3] = [1, 3, 6];
/// `nvidia-smi` may hang on a driver in trouble.
const GPU_QUESTION_TIME: StdDuration = StdDuration::from_secs(10);
const CANARY_TIME: Duration = Duration::seconds(20);

impl DockerEngine {
    pub(super) async fn self_test(&self) -> Result<Vec<Check>> {
        let facts = self.ask_facts().await?;
        let mut checks = vec![
            patched("the engine", &facts.version, ENGINE_FLOOR),
            patched("runc", &self.runc_version().await?, RUNC_FLOOR),
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
        let why_not = meter::Cage::possible(facts, self.is_local(facts)).err();
        check(
            "builds are limited in processes, memory and disk",
            why_not.is_none(),
            "each has a control group of its own",
            &format!(
                "in memory and CPU only, because {}; give builds an engine of their own, with \
                 --cgroup-parent under a pids limit and a data root of limited size",
                why_not.unwrap_or_default()
            ),
        )
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
        Ok(check(
            "the kernel confirms the sandbox",
            missing.is_empty(),
            "no user, no capability, no new privilege, and a filter of system calls",
            &format!(
                "missing: {} (gVisor shows its own process here)",
                missing.join(", ")
            ),
        ))
    }

    /// A program that takes memory for ever must be killed, and the engine must say why.
    async fn memory_canary(&self) -> Result<Check> {
        let end = self.canary("memory", programs::HOG).await?;
        Ok(check(
            "the memory limit bites",
            end.as_ref().is_some_and(|end| end.out_of_memory),
            "a program that takes memory for ever was killed for it",
            &format!("it went otherwise: {end:?}; enable the memory controller on the host"),
        ))
    }

    /// A program that starts processes for ever ends only if it is refused one. (Where gVisor's
    /// own threads meet the limit first, it is gVisor that gives up, with another code.)
    async fn pids_canary(&self) -> Result<Check> {
        let end = self.canary("pids", programs::FORKS).await?;
        Ok(check(
            "the process limit bites",
            end.as_ref()
                .is_some_and(|end| end.started && !end.out_of_memory),
            "a program that starts processes for ever was refused one",
            &format!("it went otherwise: {end:?}; enable the pids controller on the host"),
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

fn check(what: &str, ok: bool, fine: &str, remedy: &str) -> Check {
    Check {
        what: what.to_owned(),
        ok,
        says: if ok { fine } else { remedy }.to_owned(),
    }
}

fn patched(what: &str, version: &str, floor: [u32; 3]) -> Check {
    let [major, minor, patch] = floor;
    check(
        &format!("{what} is patched"),
        version_of(version) >= floor,
        version,
        &format!(
            "version {version}; known holes are closed from {major}.{minor}.{patch} on, unless \
             your distribution mends older ones"
        ),
    )
}

fn said_by_engine(facts: &EngineFacts) -> Vec<Check> {
    vec![
        check(
            "jobs survive a restart of the engine",
            facts.live_restore,
            "live-restore is on",
            "set \"live-restore\": true in the engine's daemon.json",
        ),
        check(
            "the kernel filters system calls",
            facts.has_seccomp(),
            "seccomp, with a profile of ours",
            "it needs a kernel with CONFIG_SECCOMP_FILTER",
        ),
        check(
            "the kernel has AppArmor",
            facts.has_apparmor(),
            "with the engine's profile docker-default",
            "a second wall around jobs is missing; everything else holds without it",
        ),
        check(
            "the engine can limit memory, swap and processes",
            facts.memory_limit && facts.swap_limit && facts.pids_limit,
            "as /info says",
            &facts.warnings.join("; "),
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
