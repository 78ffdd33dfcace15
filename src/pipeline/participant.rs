//! The participant's container: what it is given, and the `docker run` that shows the same at home.
//!
//! Pure. The same value describes the smoke run of the daemon, that of `referee check`, and the run
//! on hidden data; they differ in inputs and time alone.

use std::path::{Path, PathBuf};

use crate::config;
use crate::executor::{Input, JobLimits, JobSpec, OutputSpec};
use crate::model::{Case, ContractMode, Duration, GpuUuid, ImageId, Task};

/// Environment of an image that would act outside the sandbox's walls: the dynamic linker of helper
/// programs and the GPU runtime read it.
const ENV_REMOVED: [&str; 4] = [
    "LD_PRELOAD",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "NVIDIA_DISABLE_REQUIRE",
];

/// What differs between runs of one task.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// Unique name, from the attempt.
    pub name: String,
    /// The task.
    pub task: &'a Task,
    /// What runs.
    pub image: &'a ImageId,
    /// Directory of all inputs.
    pub inputs: PathBuf,
    /// The one case of a per-case contract.
    pub case: Option<&'a Case>,
    /// Wall-clock time.
    pub time: Duration,
    /// Its own GPUs.
    pub gpus: Vec<GpuUuid>,
    /// Its seed.
    pub seed: u32,
    /// For labels: submission, kind.
    pub labels: Vec<(String, String)>,
}

/// The job of a run.
pub fn job(run: &Run<'_>) -> JobSpec {
    let (contract, limits) = (&run.task.contract, &run.task.limits);
    JobSpec {
        name: run.name.clone(),
        image: run.image.clone(),
        inputs: vec![input(&contract.input, &run.inputs, run.case)],
        output: OutputSpec {
            target: contract.output.clone(),
            bytes: limits.output,
            files: limits.files,
        },
        env: vec![
            ("REFEREE_SEED".into(), run.seed.to_string()),
            ("REFEREE_TASK".into(), run.task.slug.to_string()),
        ],
        env_remove: ENV_REMOVED.map(str::to_owned).to_vec(),
        limits: JobLimits {
            cpus: limits.cpus,
            memory: limits.memory,
            pids: limits.pids,
            shm: limits.shm,
            tmp: limits.tmp,
            time: run.time,
        },
        gpus: run.gpus.clone(),
        labels: run.labels.clone(),
    }
}

/// All inputs at the contract's path; of a per-case contract the one case: a folder's content, or a
/// file under its own name.
fn input(target: &str, inputs: &Path, case: Option<&Case>) -> Input {
    let Some(case) = case else {
        return Input {
            source: inputs.to_owned(),
            target: target.to_owned(),
        };
    };
    let source = inputs.join(&case.entry);
    let target = match source.is_dir() {
        true => target.to_owned(),
        false => format!("{}/{}", target.trim_end_matches('/'), case.entry),
    };
    Input { source, target }
}

/// The command that repeats the smoke run on a participant's own machine: same limits, same walls,
/// the public sample. `image` is whatever the participant calls the image there.
pub fn reproduce(task: &Task, image: &str) -> String {
    let (contract, limits) = (&task.contract, &task.limits);
    let sample = config::sample_inputs(task);
    let shown = sample
        .components()
        .rev()
        .take(3)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<PathBuf>();
    let gpus = match limits.gpus {
        0 => String::new(),
        n => format!(" --gpus {n}"),
    };
    let per_case = match contract.mode {
        ContractMode::WholeSet => "",
        ContractMode::PerCase => "/<case>",
    };
    format!(
        "docker run --rm --network none --read-only --user 65534:65534 --cap-drop ALL \
         --security-opt no-new-privileges --memory {memory} --memory-swap {memory} --cpus {cpus} \
         --pids-limit {pids} --shm-size {shm} \
         --tmpfs /tmp:rw,noexec,nosuid,nodev,size={tmp},uid=65534,gid=65534{gpus} \
         --env REFEREE_SEED=1 --env REFEREE_TASK={task} \
         --mount type=bind,source=\"$PWD/{sample}{per_case}\",target={input},readonly \
         --mount type=bind,source=\"$PWD/out\",target={output} {image}",
        memory = limits.memory,
        cpus = limits.cpus,
        pids = limits.pids,
        shm = limits.shm,
        tmp = limits.tmp,
        task = task.slug,
        sample = shown.display(),
        input = contract.input,
        output = contract.output,
    )
}
