//! What programs on the engine's host answer, where that is this host: the driver, gVisor, and what
//! gives GPUs to containers.
//!
//! A program that hangs, as `nvidia-smi` may on a driver in trouble, is given up.

use std::process::Stdio;
use std::time::Duration as StdDuration;

use super::super::{DockerEngine, EngineFacts};
use super::versions;
use crate::executor::{Check, Weight};
use crate::model::GpuUuid;

const QUESTION_TIME: StdDuration = StdDuration::from_secs(10);
/// A flag of gVisor that takes the limits of memory and processes away, without a word.
const NO_LIMITS: &str = "--ignore-cgroups";

/// What it printed, if it is there and succeeded.
async fn asked(program: &str, arguments: &[&str]) -> Option<String> {
    let question = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(QUESTION_TIME, question).await {
        Ok(Ok(answer)) if answer.status.success() => {
            Some(String::from_utf8_lossy(&answer.stdout).into_owned())
        }
        _ => None,
    }
}

impl DockerEngine {
    /// As configured, or as the driver on this host lists them. No driver, no GPUs.
    pub(in crate::executor::docker) async fn list_gpus(&self) -> Vec<GpuUuid> {
        if !self.options().gpus.is_empty() {
            return self.options().gpus.clone();
        }
        let answer = asked("nvidia-smi", &["--query-gpu=uuid", "--format=csv,noheader"]).await;
        uuids(&answer.unwrap_or_default())
    }

    /// The runtime of jobs: that the engine knows it, and what it is, where it is gVisor. Whether
    /// jobs can be made under it at all comes with it.
    pub(super) async fn runtime(&self, facts: &EngineFacts) -> (Vec<Check>, bool) {
        let name = match &self.options().runtime {
            Some(name) => name,
            None => &facts.default_runtime,
        };
        let known = &facts.runtimes;
        let Some(runtime) = known.get(name) else {
            // Newer engines take names of shims that they do not list.
            if known.is_empty() || name.starts_with("io.containerd.") {
                return (Vec::new(), true);
            }
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            return (vec![unknown(name, &names)], false);
        };
        let mut checks = Vec::new();
        if runtime.arguments.iter().any(|a| a.starts_with(NO_LIMITS)) {
            checks.push(Check::fine("runtime", format!("{name} is started with {NO_LIMITS}")).flawed(
                Weight::Bad,
                "without it: it takes the limits of memory and processes away",
                "Take it off `runtimeArgs` in the engine's daemon.json, and restart the engine.",
            ));
        }
        if !(name.contains("runsc") || runtime.path.ends_with("runsc")) {
            return (checks, true);
        }
        checks.push(match self.is_local(facts) {
            false => Check::fine(
                "gVisor",
                format!("{name}, on another host, where it was not asked"),
            ),
            true => {
                let program = match runtime.path.as_str() {
                    "" => "runsc",
                    path => path,
                };
                let answer = asked(program, &["--version"]).await.unwrap_or_default();
                versions::gvisor(&answer).unwrap_or_else(|| not_asked("gVisor", program))
            }
        });
        (checks, true)
    }

    /// What gives GPUs to containers, on a host that has some.
    pub(super) async fn toolkit(&self, facts: &EngineFacts) -> Check {
        const WHAT: &str = "NVIDIA container toolkit";
        if !self.is_local(facts) {
            let seen = "on another host, where it was not asked";
            return Check::fine(WHAT, seen).flawed(
                Weight::Warning,
                "1.17.8 or newer, which nobody can tell from here",
                "Look there, with `nvidia-ctk --version`.",
            );
        }
        for program in ["nvidia-ctk", "nvidia-container-cli"] {
            let answer = asked(program, &["--version"]).await.unwrap_or_default();
            if let Some(check) = versions::toolkit(&answer) {
                return check;
            }
        }
        not_asked(WHAT, "nvidia-ctk")
    }
}

fn unknown(name: &str, known: &[&str]) -> Check {
    let seen = format!("the engine does not know `{name}`");
    Check::fine("runtime", seen).flawed(
        Weight::Bad,
        format!("one that it knows: {}", known.join(", ")),
        format!(
            "Install it and name it in `runtimes` of the engine's daemon.json (`{name} install` does \
             it for gVisor), or correct `runtime` in referee.toml."
        ),
    )
}

fn not_asked(what: &str, program: &str) -> Check {
    Check::fine(what, format!("`{program} --version` gave no answer")).flawed(
        Weight::Warning,
        "a version, to be held against what is known",
        "Install it, or look by hand whether it is up to date.",
    )
}

fn uuids(answer: &str) -> Vec<GpuUuid> {
    answer
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("GPU-"))
        .map(|line| GpuUuid(line.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_name_a_gpu_count() {
        assert_eq!(
            uuids("GPU-3f1a\nNVIDIA-SMI has failed\n GPU-77b0 \n"),
            [
                GpuUuid("GPU-3f1a".to_owned()),
                GpuUuid("GPU-77b0".to_owned())
            ]
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_gives_no_answer() {
        assert_eq!(asked("/nowhere/runsc", &["--version"]).await, None);
        assert_eq!(asked("false", &[]).await, None);
        assert_eq!(asked("echo", &["1.2"]).await.as_deref(), Some("1.2\n"));
    }

    #[test]
    fn an_unknown_runtime_names_those_that_are_known() {
        let flaw = unknown("runsc", &["runc"]).flaw.expect("a flaw");
        assert_eq!(flaw.weight, Weight::Bad);
        assert_eq!(flaw.expected, "one that it knows: runc");
    }
}
