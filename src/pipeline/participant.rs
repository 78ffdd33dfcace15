//! The participant's container, and the commands that reproduce it locally. Pure.
//!
//! The same value describes the smoke run of the daemon, the smoke run of `referee check`, and the run on hidden data.
//! They differ only in inputs and time. Commands never name hidden data.

use std::path::{Path, PathBuf};

use crate::config;
use crate::executor::{Input, JobLimits, JobSpec, LocalRun, OutputSpec, local_build_command, local_run_command};
use crate::model::{Case, Challenge, Digest, Duration, GpuUuid, ImageId, Stage, Task};

/// Variables of an image that would have an effect outside the sandbox: the dynamic linker of helper programs and the
/// GPU runtime read them.
const ENV_REMOVED: [&str; 4] = ["LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "NVIDIA_DISABLE_REQUIRE"];

/// The values that differ between runs of one task.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// A name unique to the attempt.
    pub name: String,
    pub task: &'a Task,
    pub image: &'a ImageId,
    /// Directory of all inputs.
    pub inputs: PathBuf,
    /// The case of this run, if the contract runs one container per case.
    pub case: Option<&'a Case>,
    /// Limit of the wall-clock time.
    pub time: Duration,
    /// GPUs that are reserved for this run.
    pub gpus: Vec<GpuUuid>,
    /// Passed to the container as `REFEREE_SEED`.
    pub seed: u32,
    /// Labels of the container.
    pub labels: Vec<(String, String)>,
}

/// The job of a run.
pub fn job(run: &Run<'_>) -> JobSpec {
    let (contract, limits) = (&run.task.contract, &run.task.limits);
    JobSpec {
        name: run.name.clone(),
        image: run.image.clone(),
        inputs: vec![input(&contract.input, &run.inputs, run.case)],
        output: OutputSpec { target: contract.output.clone(), bytes: limits.output, files: limits.files },
        env: vec![
            ("REFEREE_SEED".into(), run.seed.to_string()),
            ("REFEREE_TASK".into(), run.task.slug.to_string()),
            // Otherwise a program that crashes prints the reason before its earlier output.
            ("PYTHONUNBUFFERED".into(), "1".into()),
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

/// All inputs at the contract's path, or those of one case: the contents of a folder, or a file with its own name.
fn input(target: &str, inputs: &Path, case: Option<&Case>) -> Input {
    let Some(case) = case else {
        return Input { source: inputs.to_owned(), target: target.to_owned() };
    };
    let source = inputs.join(&case.entry);
    let target =
        if source.is_dir() { target.to_owned() } else { format!("{}/{}", target.trim_end_matches('/'), case.entry) };
    Input { source, target }
}

/// The job of a smoke run on a person's machine. It has no name, and its seed is 1.
pub(crate) fn sample_job(task: &Task, image: &ImageId, case: Option<&Case>) -> JobSpec {
    job(&Run {
        name: String::new(),
        task,
        image,
        inputs: config::sample_inputs(task),
        case,
        time: task.limits.smoke_time,
        gpus: Vec::new(),
        seed: 1,
        labels: Vec::new(),
    })
}

/// The reproduction of a failure on a participant's own machine.
#[derive(Debug, Clone, Copy)]
pub struct Reproduce<'a> {
    pub challenge: &'a Challenge,
    pub task: &'a Task,
    /// The first case of the sample, if the contract runs one container per case.
    pub case: Option<&'a Case>,
    /// Path of the Dockerfile in the repository. `None` for a pushed image.
    pub dockerfile: Option<&'a str>,
    /// The participant's name of the image.
    pub image: &'a str,
}

impl Reproduce<'_> {
    /// Shell commands for a working copy: `referee check` up to this stage, and then the same by hand.
    pub fn commands(&self, stage: Stage) -> String {
        let slug = &self.challenge.slug;
        let mut lines = vec![format!(
            "CHALLENGE=$(realpath ../{slug})   # the folder of the challenge, as its organizers publish it"
        )];
        let task = &self.task.slug;
        match (self.dockerfile, stage) {
            (None, _) => {}
            (Some(_), Stage::Admission) => {
                lines.push(format!("referee check --challenge \"$CHALLENGE\" --task {task} --rules-only"))
            }
            (Some(_), _) => lines.push(format!(
                "referee check --challenge \"$CHALLENGE\" --task {task}   # --shell opens a shell in the container"
            )),
        }
        if let (Some(dockerfile), true) = (self.dockerfile, stage > Stage::Admission) {
            lines.push("# or by hand:".to_owned());
            lines.push(local_build_command(dockerfile, self.image, "."));
        }
        if stage >= Stage::Smoke {
            lines.push("install -d -m 777 out".to_owned());
            lines.push(self.run_command());
        }
        lines.join("\n")
    }

    /// The command that runs the container of the smoke run on the public sample, with the same limits and isolation.
    pub fn run_command(&self) -> String {
        let inputs = config::sample_inputs(self.task);
        let shown = match inputs.strip_prefix(&self.challenge.directory) {
            Ok(within) => Path::new("$CHALLENGE").join(within),
            Err(_) => inputs.clone(),
        };
        let mut job = sample_job(self.task, &Digest::of(b""), self.case);
        for input in &mut job.inputs {
            if let Ok(rest) = input.source.strip_prefix(&inputs) {
                input.source = if rest.as_os_str().is_empty() { shown.clone() } else { shown.join(rest) };
            }
        }
        let run = LocalRun { image: self.image, output: "$PWD/out", gpus: self.task.limits.gpus };
        local_run_command(&job, run)
    }
}
