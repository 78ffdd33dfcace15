//! The answers of programs on the engine's host, where that is this host: the GPU driver, gVisor and the NVIDIA
//! toolkit.
//!
//! A program that hangs, as `nvidia-smi` may with a faulty driver, is given up.

use std::process::Stdio;
use std::time::Duration as StdDuration;

use super::versions::{self, TOOLKIT_NAME};
use crate::executor::docker::connection::DockerEngine;
use crate::executor::docker::facts::{EngineFacts, RuntimeFacts};
use crate::model::GpuUuid;
use crate::model::diagnosis::{Check, CheckSeverity};

const ANSWER_TIME: StdDuration = StdDuration::from_secs(10);
/// An option of gVisor that removes the limits of memory and processes without a message.
const NO_LIMITS: &str = "--ignore-cgroups";

/// The standard output of a program, if it exists and succeeds.
async fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(ANSWER_TIME, output).await {
        Ok(Ok(output)) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => None,
    }
}

/// The output of `program --version`, empty if it fails.
async fn version_output(program: &str) -> String {
    output_of(program, &["--version"]).await.unwrap_or_default()
}

impl DockerEngine {
    /// The GPUs that the driver on this host lists. Without a driver there are none.
    pub(in crate::executor::docker) async fn list_gpus(&self) -> Vec<GpuUuid> {
        let arguments = ["--query-gpu=uuid", "--format=csv,noheader"];
        let answer = output_of("nvidia-smi", &arguments).await;
        uuids(&answer.unwrap_or_default())
    }

    /// Checks the runtime of jobs. Also returns whether jobs can be created with it at all.
    pub(super) async fn check_runtime(&self, facts: &EngineFacts) -> (Vec<Check>, bool) {
        let configured = self.options().runtime.as_ref();
        let name = configured.unwrap_or(&facts.default_runtime);
        let known = &facts.runtimes;
        let Some(runtime) = known.get(name) else {
            // Newer engines accept names of shims that they do not list.
            if known.is_empty() || name.starts_with("io.containerd.") {
                return (Vec::new(), true);
            }
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            return (vec![unknown_runtime(name, &names)], false);
        };
        let mut checks = Vec::new();
        if runtime.arguments.iter().any(|a| a.starts_with(NO_LIMITS)) {
            let seen = format!("the engine starts {name} with {NO_LIMITS}");
            checks.push(Check::ok("runtime", seen).with_problem(
                CheckSeverity::Error,
                "without this option: it removes the limits of memory and processes",
                "Remove it from `runtimeArgs` in the engine's daemon.json, and restart the engine.",
            ));
        }
        if name.contains("runsc") || runtime.path.ends_with("runsc") {
            checks.push(self.check_gvisor(facts, name, runtime).await);
        }
        (checks, true)
    }

    async fn check_gvisor(&self, facts: &EngineFacts, name: &str, runtime: &RuntimeFacts) -> Check {
        if !self.is_local(facts) {
            let seen = format!("{name}, on another host: its version is unknown");
            return Check::ok("gVisor", seen);
        }
        let program = if runtime.path.is_empty() { "runsc" } else { &runtime.path };
        versions::gvisor(&version_output(program).await).unwrap_or_else(|| no_version("gVisor", program))
    }

    /// Checks the software that gives GPUs to containers.
    pub(super) async fn check_toolkit(&self, facts: &EngineFacts) -> Check {
        if !self.is_local(facts) {
            let seen = "on another host: its version is unknown";
            return Check::ok(TOOLKIT_NAME, seen).with_problem(
                CheckSeverity::Warning,
                versions::expected_toolkit(),
                "Run `nvidia-ctk --version` on that host.",
            );
        }
        for program in ["nvidia-ctk", "nvidia-container-cli"] {
            if let Some(check) = versions::toolkit(&version_output(program).await) {
                return check;
            }
        }
        no_version(TOOLKIT_NAME, "nvidia-ctk")
    }
}

fn unknown_runtime(name: &str, known: &[&str]) -> Check {
    let seen = format!("the engine does not know the runtime `{name}`");
    Check::ok("runtime", seen).with_problem(
        CheckSeverity::Error,
        format!("one of: {}", known.join(", ")),
        format!(
            "Install it and name it in `runtimes` of the engine's daemon.json (`{name} install` does this for gVisor), \
             or correct `runtime` in referee.toml."
        ),
    )
}

fn no_version(name: &str, program: &str) -> Check {
    Check::ok(name, format!("`{program} --version` gave no answer")).with_problem(
        CheckSeverity::Warning,
        "a version that can be compared with the known fixes",
        "Install it, or check its version by hand.",
    )
}

fn uuids(answer: &str) -> Vec<GpuUuid> {
    answer.lines().map(str::trim).filter(|line| line.starts_with("GPU-")).map(|line| GpuUuid(line.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_messages;
    use super::*;

    #[test]
    fn only_lines_that_name_a_gpu_count() {
        assert_eq!(
            uuids("GPU-3f1a\nNVIDIA-SMI has failed\n GPU-77b0 \n"),
            [GpuUuid("GPU-3f1a".to_owned()), GpuUuid("GPU-77b0".to_owned())]
        );
    }

    #[tokio::test]
    async fn a_missing_program_gives_no_answer() {
        assert_eq!(output_of("/nowhere/runsc", &["--version"]).await, None);
        assert_eq!(output_of("false", &[]).await, None);
        assert_eq!(output_of("echo", &["1.2"]).await.as_deref(), Some("1.2\n"));
    }

    #[test]
    fn the_messages_are_these() {
        let checks = [unknown_runtime("runsc", &["runc", "nvidia"]), no_version("gVisor", "/usr/bin/runsc")];
        assert_messages("host", &checks);
    }

    #[test]
    fn an_unknown_runtime_is_an_error_that_names_the_known_ones() {
        let problem = unknown_runtime("runsc", &["runc"]).problem.expect("a problem");
        assert_eq!(problem.severity, CheckSeverity::Error);
        assert_eq!(problem.expected, "one of: runc");
    }
}
