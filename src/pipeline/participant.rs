//! The participant's container: what it is given, and the commands that show the same at home.
//!
//! Pure. The same value describes the smoke run of the daemon, that of `referee check`, and the run
//! on hidden data; they differ in inputs and time alone.

use std::path::{Path, PathBuf};

use crate::config;
use crate::executor::docker::{AtHome, docker_run};
use crate::executor::{Input, JobLimits, JobSpec, OutputSpec};
use crate::model::{Case, Challenge, Digest, Duration, GpuUuid, ImageId, Stage, Task};

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
            // Else a program that crashes prints why first, and what it said before behind it.
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

/// The job of a smoke run that a person makes: without a name, and with the first of all seeds.
pub fn on_sample(task: &Task, image: &ImageId, case: Option<&Case>) -> JobSpec {
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

/// How a failure shows itself on a participant's own machine. Pure; never names hidden data.
#[derive(Debug, Clone, Copy)]
pub struct Reproduce<'a> {
    /// The challenge.
    pub challenge: &'a Challenge,
    /// The task.
    pub task: &'a Task,
    /// The first case of the sample, for a per-case contract.
    pub case: Option<&'a Case>,
    /// Path of the Dockerfile in the repository; none for an image that was pushed.
    pub dockerfile: Option<&'a str>,
    /// What the participant calls the image.
    pub image: &'a str,
}

impl Reproduce<'_> {
    /// Commands for a shell in a working copy: what `referee check` shows of a failure at this stage,
    /// and then the same by hand.
    pub fn commands(&self, stage: Stage) -> String {
        let slug = &self.challenge.slug;
        let mut lines = vec![format!(
            "CHALLENGE=$(realpath ../{slug})   # the folder of the challenge, as its organizers publish it"
        )];
        let task = &self.task.slug;
        match (self.dockerfile, stage) {
            (None, _) => {}
            (Some(_), Stage::Admission) => lines.push(format!(
                "referee check --challenge \"$CHALLENGE\" --task {task} --rules-only"
            )),
            (Some(_), _) => lines.push(format!(
                "referee check --challenge \"$CHALLENGE\" --task {task}   # --shell looks around inside"
            )),
        }
        if let (Some(dockerfile), true) = (self.dockerfile, stage > Stage::Admission) {
            lines.push("# or by hand:".to_owned());
            lines.push(format!(
                "docker build --network none --file {dockerfile} --tag {} .",
                self.image
            ));
        }
        if stage >= Stage::Smoke {
            lines.push("install -d -m 777 out".to_owned());
            lines.push(self.docker_run());
        }
        lines.join("\n")
    }

    /// The container of the smoke run, on the public sample: the same limits, the same walls.
    pub fn docker_run(&self) -> String {
        let inputs = config::sample_inputs(self.task);
        let shown = match inputs.strip_prefix(&self.challenge.directory) {
            Ok(within) => Path::new("$CHALLENGE").join(within),
            Err(_) => inputs.clone(),
        };
        let mut job = on_sample(self.task, &Digest::of(b""), self.case);
        for input in &mut job.inputs {
            if let Ok(rest) = input.source.strip_prefix(&inputs) {
                input.source = match rest.as_os_str().is_empty() {
                    true => shown.clone(),
                    false => shown.join(rest),
                };
            }
        }
        docker_run(
            &job,
            AtHome {
                image: self.image,
                output: "$PWD/out",
                gpus: self.task.limits.gpus,
            },
        )
    }
}
