//! Whether all this really holds on this engine: what it says of itself, and canaries that run
//! into limits on purpose, in the same sandbox as everybody's jobs.
//!
//! It changes nothing, and leaves nothing behind. A check that is not `ok` names the remedy.

use std::process::Stdio;
use std::time::Duration as StdDuration;

use super::sandbox::Role;
use super::{DockerEngine, EngineFacts, holder, meter, programs};
use crate::executor::{Check, Executor, JobStatus, OutputSpec, Result};
use crate::model::{Duration, GpuUuid, RunEnd};

/// The oldest engine without a known hole that matters here (see the advisories of 2026: archive
/// calls, builds and the page cache).
const PATCH_FLOOR: [u32; 3] = [29, 5, 1];
/// `nvidia-smi` may hang on a driver in trouble.
const GPU_QUESTION_TIME: StdDuration = StdDuration::from_secs(10);
const CANARY_TIME: Duration = Duration::seconds(20);

impl DockerEngine {
    pub(super) async fn self_test(&self) -> Result<Vec<Check>> {
        let facts = self.ask_facts().await?;
        let mut checks = said_by_engine(&facts);
        checks.push(self.build_limits(&facts));
        checks.push(self.memory_canary().await?);
        checks.push(self.pids_canary().await?);
        Ok(checks)
    }

    fn build_limits(&self, facts: &EngineFacts) -> Check {
        let possible = meter::Cage::possible(facts, self.is_local(facts));
        check(
            "processes, memory and disk of builds are limited",
            possible.is_ok(),
            match possible {
                Ok(()) => "each build has a control group of its own".to_owned(),
                Err(why) => format!(
                    "memory and CPU only, because {why}; give builds an engine of their own, \
                     with --cgroup-parent under a pids limit and a data root of limited size"
                ),
            },
        )
    }

    /// A program that takes memory for ever must be killed, and the engine must say why.
    async fn memory_canary(&self) -> Result<Check> {
        let end = self.canary("memory", programs::HOG).await?;
        let ok = end.as_ref().is_some_and(|e| e.out_of_memory);
        Ok(check(
            "the memory limit bites",
            ok,
            seen(end, "enable the memory controller on the engine's host"),
        ))
    }

    /// A program that starts processes for ever must be refused one.
    async fn pids_canary(&self) -> Result<Check> {
        let end = self.canary("pids", programs::FORKS).await?;
        let ok = end
            .as_ref()
            .is_some_and(|e| e.exit_code == programs::FORKS_REFUSED);
        Ok(check(
            "the process limit bites",
            ok,
            seen(end, "enable the pids controller on the engine's host"),
        ))
    }

    /// Runs one of our own programs; `None` if it had to be ended after [`CANARY_TIME`].
    async fn canary(&self, what: &str, program: &'static str) -> Result<Option<RunEnd>> {
        let name = format!("check-{what}");
        let none = OutputSpec {
            target: programs::OUTPUT.to_owned(),
            bytes: 0,
            files: 0,
        };
        let job = self.small_job(&name, &none).await?;
        let body = holder::with_command(self.body(&job, Role::Canary).await?, program);
        let container = self.names(&name).container(Role::Canary);
        self.remove_container(&container).await?;
        let made = self.create(&name, Role::Canary, &body).await?;
        let id = made.id.unwrap_or_default();
        let started = self.start(&name, &id).await;
        let reference = crate::executor::JobRef { name, id };
        let status = match started {
            Ok(()) => self.wait(&reference, CANARY_TIME).await,
            Err(e) => Err(e),
        };
        self.cleanup(&reference).await?;
        Ok(match status? {
            JobStatus::Ended(end) => Some(end),
            _ => None,
        })
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

fn check(what: &str, ok: bool, says: impl Into<String>) -> Check {
    Check {
        what: what.to_owned(),
        ok,
        says: says.into(),
    }
}

fn seen(end: Option<RunEnd>, remedy: &str) -> String {
    match end {
        Some(end) => format!(
            "a canary that runs into it ended with {}, out of memory: {} (if that is wrong: {remedy})",
            end.exit_code, end.out_of_memory
        ),
        None => format!("a canary that runs into it went on for {CANARY_TIME}: {remedy}"),
    }
}

fn said_by_engine(facts: &EngineFacts) -> Vec<Check> {
    let version = &facts.version;
    let [major, minor, patch] = PATCH_FLOOR;
    let limits = facts.memory_limit && facts.swap_limit && facts.pids_limit;
    vec![
        check(
            "the engine is patched",
            version_of(version) >= PATCH_FLOOR,
            format!(
                "Docker {version}; known holes are closed from {major}.{minor}.{patch} on, unless your distribution mends older ones"
            ),
        ),
        check(
            "jobs survive a restart of the engine",
            facts.live_restore,
            "live-restore; set \"live-restore\": true in the engine's daemon.json",
        ),
        check(
            "the kernel filters system calls",
            facts.has_seccomp(),
            "seccomp, with a profile of ours; needs a kernel with CONFIG_SECCOMP_FILTER",
        ),
        check(
            "the kernel has AppArmor",
            facts.has_apparmor(),
            "a second wall around jobs; without it everything else holds",
        ),
        check(
            "the engine can limit memory, swap and processes",
            limits,
            match facts.warnings.is_empty() {
                true => "as /info says".to_owned(),
                false => facts.warnings.join("; "),
            },
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
        assert!(version_of("29.10.0") > PATCH_FLOOR);
        assert!(version_of("29.5") < PATCH_FLOOR);
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
