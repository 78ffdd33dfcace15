//! `[engine]`, `[scorer]`, `[builder]` and `[runner]`: the engines of the three roles, and the capacity of the runner.
//!
//! Nothing here connects to an engine. `executor` opens engines from these settings.

use toml_edit::Value;

use crate::config::reader::Section;
use crate::config::values::{
    ValueError, ValueResult, duration, format_size, integer, invalid, number, parsed, size, text,
};
use crate::model::{BuildsWith, Duration, GpuUuid};

/// The engine that runs submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// `unix:///…` or `tcp://host:port`.
    pub socket: String,
    /// OCI runtime, by the engine's name for it: `runc`, `runsc`.
    pub runtime: String,
}

/// The engine that runs the organizers' scorers, with the ground truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScorerSettings {
    /// `unix:///…` or `tcp://host:port`.
    pub socket: String,
    /// OCI runtime, by the engine's name for it.
    pub runtime: String,
}

/// The engine that builds images, and the limits of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuilderSettings {
    /// `unix:///…` or `tcp://host:port`.
    pub socket: String,
    /// The engine's builder that makes images.
    pub with: BuildsWith,
    /// Network of `RUN` steps, by the engine's name for it. `none` by default.
    pub network: String,
    /// Wall-clock time of a build.
    pub time: Duration,
    /// Bytes of memory of a step.
    pub memory: u64,
    /// CPU cores of a step, possibly a fraction.
    pub cpus: f64,
    /// Bytes of log.
    pub log: u64,
    /// Bytes by which the engine's disk may grow.
    pub disk: u64,
    /// Bytes of a single file that a step writes.
    pub file: u64,
    /// Processes of a step.
    pub processes: u64,
    /// Images that a Dockerfile may start from, as Dockerfiles name them.
    pub bases: Vec<String>,
}

/// The capacity of the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerSettings {
    /// GPUs that runs may have.
    pub gpus: Gpus,
    /// Number of parallel runs without a GPU.
    pub slots: u32,
}

/// GPUs that runs may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gpus {
    /// All GPUs of the engine's host.
    Auto,
    /// Only these. Empty means none.
    These(Vec<GpuUuid>),
}

/// Reads `[engine]`.
pub(super) fn engine(s: &Section<'_>) -> Option<EngineSettings> {
    let address = s.required("socket", socket);
    let runtime = s.required("runtime", name());
    Some(EngineSettings { socket: address?, runtime: runtime? })
}

/// Reads `[scorer]`. The default is the engine that runs submissions.
pub(super) fn scorer(s: &Section<'_>, engine: Option<&EngineSettings>) -> Option<ScorerSettings> {
    let own_socket = s.optional("socket", socket);
    let own_runtime = s.optional("runtime", name());
    Some(ScorerSettings {
        socket: own_socket.or_else(|| Some(engine?.socket.clone()))?,
        runtime: own_runtime.or_else(|| Some(engine?.runtime.clone()))?,
    })
}

/// Reads `[builder]`. The default is the engine that runs submissions.
pub(super) fn builder(s: &Section<'_>, engine: Option<&EngineSettings>) -> Option<BuilderSettings> {
    let own = s.optional("socket", socket);
    let with = s.required("with", builds_with);
    let network = s.required("network", name());
    let time = s.required("time", duration);
    let memory = s.required("memory", size(64 << 20));
    let cpus = s.required("cpus", number(0.1, 1024.0));
    let log = s.required("log", size(1024));
    let disk = s.required("disk", size(1 << 20));
    let file = s.required("file", size(1 << 20));
    let processes = s.required("processes", integer(1, 1_000_000));
    let bases = s.required_list("bases", parsed("Write for example `referee/python:3.11`.", reference));
    if let (Some(disk), Some(file)) = (disk, file)
        && file > disk
    {
        let (file, disk) = (format_size(file), format_size(disk));
        let message = format!("The limit of a file is {file}, and that of the whole build only {disk}.");
        s.contradiction("file", message, "Lower `file`, or raise `disk`.");
    }
    if network.as_deref() == Some("host") {
        let help = "Write `none`, or the name of a network that reaches only a mirror.";
        s.invalid("network", "Build steps would reach every service of the host.", help);
    }
    if with == Some(BuildsWith::BuildKit)
        && let Some(network) = network.as_deref().filter(|n| !matches!(*n, "none" | "default"))
    {
        let message = format!("BuildKit cannot use the engine's network `{network}`.");
        let help = "Write `none`, or set `with = \"classic\"`.";
        s.contradiction("network", message, help);
    }
    Some(BuilderSettings {
        socket: own.or_else(|| Some(engine?.socket.clone()))?,
        with: with?,
        network: network?,
        time: time?,
        memory: memory?,
        cpus: cpus?,
        log: log?,
        disk: disk?,
        file: file?,
        processes: processes?,
        bases: bases?,
    })
}

/// Reads `[runner]`.
pub(super) fn runner(s: &Section<'_>) -> Option<RunnerSettings> {
    let gpus = s.required("gpus", gpus);
    let slots = s.required("slots", integer(1, 1024));
    Some(RunnerSettings { gpus: gpus?, slots: slots? })
}

fn socket(value: &Value) -> ValueResult<String> {
    let written = text(value)?;
    let valid = match written.split_once("://") {
        Some(("unix", file)) => file.starts_with('/'),
        Some(("tcp", host)) => {
            host.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        }
        _ => false,
    };
    if valid && !written.contains(char::is_whitespace) {
        return Ok(written);
    }
    invalid("is not an address of an engine", "Write `unix:///var/run/docker.sock` or `tcp://host:port`.")
}

fn builds_with(value: &Value) -> ValueResult<BuildsWith> {
    match text(value)?.parse() {
        Ok(builder) => Ok(builder),
        Err(_) => invalid("is not a builder", "Write `classic` or `buildkit`."),
    }
}

/// The engine's name of a runtime or a network.
fn name() -> impl Fn(&Value) -> ValueResult<String> {
    parsed("Write a name of a-z, A-Z, 0-9, `-`, `_` and `.`.", |t| {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        t.chars().all(ok).then(|| t.to_owned())
    })
}

/// An image as a Dockerfile names it after `FROM`.
fn reference(written: &str) -> Option<String> {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@');
    (written.chars().all(ok) && written.starts_with(|c: char| c.is_ascii_alphanumeric())).then(|| written.to_owned())
}

fn gpus(value: &Value) -> ValueResult<Gpus> {
    let wanted = || ValueError::Type("`\"auto\"`, a list such as `[\"GPU-…\"]`, or `0`".to_owned());
    if value.as_str() == Some("auto") {
        return Ok(Gpus::Auto);
    }
    if value.as_integer() == Some(0) {
        return Ok(Gpus::These(Vec::new()));
    }
    let names: Vec<String> = value.as_array().ok_or_else(wanted)?.iter().map(text).collect::<ValueResult<_>>()?;
    let known = |n: &String| n.starts_with("GPU-") || n.starts_with("MIG-");
    if names.iter().all(known) {
        return Ok(Gpus::These(names.into_iter().map(GpuUuid).collect()));
    }
    invalid(
        "contains a text that is not the name of a GPU",
        "Write the names that `nvidia-smi -L` prints, `GPU-…`. Indices change with a restart.",
    )
}
