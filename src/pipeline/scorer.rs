//! The organizers' scorer: its image, its container, its report.
//!
//! Trusted more than a submission, but run in the same sandbox: what it reads comes from strangers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Engines;
use super::job::{self, Ran};
use crate::executor::{
    BuildEnd, BuildLimits, BuildSpec, ExecutorError, Input, JobLimits, JobSpec, OutputSpec,
};
use crate::forge::git;
use crate::model::{
    CaseId, Digest, EntryKind, ImageId, KillReason, LogExcerpt, MetricSpec, ScorerSpec, Task,
    limits,
};
use crate::scoring::{self, MetricsProblem, ScoreReport};

/// Where a scorer finds and leaves things, as Grand Challenge's evaluators do.
const PREDICTIONS: &str = "/predictions";
const GROUND_TRUTH: &str = "/truth";
const OUTPUT: &str = "/output";
const METRICS: &str = "metrics.json";

/// What a scorer made of predictions.
#[derive(Debug)]
pub enum Scored {
    /// A report that holds.
    Report(Box<ScoreReport>),
    /// The scorer or its report is at fault: the organizers' business.
    Broken {
        /// What is wrong, each sentence with place and remedy.
        problems: Vec<String>,
        /// What it printed.
        log: LogExcerpt,
    },
}

/// A scoring to be done.
#[derive(Debug)]
pub struct Scoring<'a> {
    /// Unique name, from the attempt.
    pub name: String,
    /// The task.
    pub task: &'a Task,
    /// The scorer's image.
    pub image: &'a ImageId,
    /// Directory of predictions.
    pub predictions: PathBuf,
    /// Directory of the truth.
    pub ground_truth: PathBuf,
    /// Cases that must be reported.
    pub cases: &'a [CaseId],
    /// Empty directory of ours for the report.
    pub into: &'a Path,
    /// Given to the scorer as `REFEREE_SEED`.
    pub seed: u32,
}

/// Names of builds of scorers begin so.
const BUILT: &str = "scorer-";

/// The name of the build of this very context.
fn name_of(bytes: &[u8], dockerfile: &str) -> String {
    let digest = Digest::of(&[bytes, dockerfile.as_bytes()].concat());
    format!("{BUILT}{}", &digest.hex()[..16])
}

/// Removes the images of scorers that are neither of these nor made from these folders as they are now.
/// Returns how many.
///
/// # Errors
/// When a folder cannot be read, or the engine does not answer; what was not removed is next time.
pub async fn remove_others(
    engines: &Engines,
    images: &BTreeSet<ImageId>,
    specs: &[ScorerSpec],
) -> anyhow::Result<usize> {
    let mut names = BTreeSet::new();
    for spec in specs {
        let spec = spec.clone();
        let (bytes, dockerfile) = tokio::task::spawn_blocking(move || pack(&spec)).await??;
        names.insert(name_of(&bytes, &dockerfile));
    }
    let mut removed = 0;
    for (image, name) in engines.scorer.made(BUILT).await? {
        if !images.contains(&image) && !names.contains(&name) {
            engines.scorer.remove(&image, &name).await?;
            tracing::info!(name, "image of a scorer that no board uses removed");
            removed += 1;
        }
    }
    Ok(removed)
}

/// The image of a scorer, built where it runs, unless an image of the very same context is there: the engine
/// that builds for strangers neither sees it nor could change it.
///
/// # Errors
/// When the context cannot be read or built: then nothing of this task can be scored.
pub async fn image(engines: &Engines, spec: &ScorerSpec, work: &Path) -> anyhow::Result<ImageId> {
    let (bytes, dockerfile) = {
        let spec = spec.clone();
        tokio::task::spawn_blocking(move || pack(&spec)).await??
    };
    let name = name_of(&bytes, &dockerfile);
    if let Some(facts) = engines.scorer.built(&name).await? {
        return Ok(facts.id);
    }
    let context = write(work, &bytes)?;
    tracing::info!(scorer = %spec.build.display(), "building the scorer");
    let report = engines
        .scorer
        .build(&BuildSpec {
            name,
            context: context.clone(),
            dockerfile,
            limits: BuildLimits {
                time: limits::BUILD_TIME,
                memory: limits::BUILD_MEMORY_BYTES,
                cpu_percent: 200,
                log: limits::BUILD_LOG_BYTES_MAX,
                disk: limits::BUILD_DISK_BYTES,
                file: limits::BUILD_FILE_BYTES,
                processes: limits::BUILD_PROCESSES,
            },
            network: "none".into(),
            labels: vec![("referee.kind".into(), "scorer".into())],
            guarded: None,
        })
        .await;
    std::fs::remove_file(&context)?;
    let report = report?;
    match report.end {
        BuildEnd::Built(facts) => Ok(facts.id),
        BuildEnd::Failed { message, .. } => Err(anyhow::anyhow!(
            "the scorer in {} cannot be built: {message}\n{}",
            spec.build.display(),
            report.log.text()
        )),
        BuildEnd::Limit(hit) => Err(anyhow::anyhow!(
            "the build of the scorer in {} exceeded its limit of {hit:?}",
            spec.build.display()
        )),
    }
}

/// Packs a scorer's folder; returns the tar and the Dockerfile.
fn pack(spec: &ScorerSpec) -> anyhow::Result<(Vec<u8>, String)> {
    let dockerfile = std::fs::read_to_string(spec.build.join(&spec.dockerfile))
        .with_context(|| format!("reading {} of {}", spec.dockerfile, spec.build.display()))?;
    let mut archive = tar::Builder::new(Vec::new());
    append_folder(&mut archive, &spec.build, Path::new(""))?;
    Ok((archive.into_inner()?, dockerfile))
}

fn write(work: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(work)?;
    let nonce = hex::encode(crate::clock::random_bytes::<6>());
    let path = work.join(format!("scorer-{nonce}.tar"));
    std::fs::write(&path, bytes)?;
    Ok(path)
}

fn append_folder(
    archive: &mut tar::Builder<Vec<u8>>,
    root: &Path,
    inner: &Path,
) -> anyhow::Result<()> {
    let mut names: Vec<_> = std::fs::read_dir(root.join(inner))
        .with_context(|| format!("reading {}", root.join(inner).display()))?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<_>>()?;
    names.sort();
    for name in names {
        // What a run of the script on the organizers' own machine leaves behind.
        if name == "__pycache__" {
            continue;
        }
        let path = inner.join(name);
        let full = root.join(&path);
        let metadata = std::fs::symlink_metadata(&full)?;
        let shown = path.to_string_lossy().into_owned();
        if metadata.is_dir() {
            append_folder(archive, root, &path)?;
        } else if metadata.is_file() {
            let kind = EntryKind::File {
                executable: is_executable(&metadata),
            };
            git::append(archive, &shown, &std::fs::read(&full)?, &kind)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

fn spec(scoring: &Scoring<'_>) -> JobSpec {
    let spec = &scoring.task.scorer;
    JobSpec {
        name: scoring.name.clone(),
        image: scoring.image.clone(),
        inputs: vec![
            Input {
                source: scoring.predictions.clone(),
                target: PREDICTIONS.into(),
            },
            Input {
                source: scoring.ground_truth.clone(),
                target: GROUND_TRUTH.into(),
            },
        ],
        output: OutputSpec {
            target: OUTPUT.into(),
            bytes: limits::SCORER_OUTPUT_BYTES,
            files: 100,
        },
        env: vec![
            ("REFEREE_SEED".into(), scoring.seed.to_string()),
            ("REFEREE_TASK".into(), scoring.task.slug.to_string()),
        ],
        env_remove: Vec::new(),
        limits: JobLimits {
            cpus: 2.0,
            memory: spec.memory,
            pids: 512,
            shm: 64 << 20,
            tmp: 256 << 20,
            time: spec.time,
        },
        gpus: Vec::new(),
        labels: vec![("referee.kind".into(), "scorer".into())],
    }
}

/// Runs the scorer and reads its report.
///
/// # Errors
/// When the engine fails.
pub async fn score(engines: &Engines, scoring: &Scoring<'_>) -> anyhow::Result<Scored> {
    let job = spec(scoring);
    let nothing_to_record = |_: KillReason| async { Ok::<_, ExecutorError>(()) };
    let ran = job::run(
        (engines.scorer.clone(), &engines.cleaner),
        &job,
        scoring.into,
        nothing_to_record,
    )
    .await?;
    if let Some(problem) = broken(&ran, &scoring.task.scorer)? {
        return Ok(Scored::Broken {
            problems: vec![problem],
            log: ran.log,
        });
    }
    let bytes = std::fs::read(scoring.into.join(METRICS)).context("reading the scorer's report")?;
    Ok(read(&bytes, &scoring.task.metrics, scoring.cases, ran.log))
}

fn read(bytes: &[u8], metrics: &[MetricSpec], cases: &[CaseId], log: LogExcerpt) -> Scored {
    match scoring::read_metrics(bytes, metrics, cases) {
        Ok(report) => Scored::Report(Box::new(report)),
        Err(problems) => Scored::Broken {
            problems: problems.iter().map(MetricsProblem::to_string).collect(),
            log,
        },
    }
}

/// What is wrong with a scorer's run, before its report is looked at.
///
/// # Errors
/// When the engine was away, so that nothing can be said.
fn broken(ran: &Ran, spec: &ScorerSpec) -> anyhow::Result<Option<String>> {
    if ran.killed.is_some() {
        return Ok(Some(format!(
            "the scorer exceeded its time of {}",
            spec.time
        )));
    }
    if !ran.end.engine_continuous && ran.end.exit_code != 0 {
        anyhow::bail!("the engine was away while the scorer ran");
    }
    if ran.end.host_out_of_memory {
        anyhow::bail!("the scorer was killed because its host ran out of memory");
    }
    if !ran.end.started {
        return Ok(Some(format!("the scorer did not start: {}", ran.end.error)));
    }
    if ran.end.out_of_memory {
        return Ok(Some(format!(
            "the scorer exceeded its memory of {} MiB",
            spec.memory >> 20
        )));
    }
    if ran.end.exit_code != 0 {
        return Ok(Some(format!(
            "the scorer ended with exit code {}",
            ran.end.exit_code
        )));
    }
    if !ran.output.files.contains_key(METRICS) {
        return Ok(Some("the scorer wrote no /output/metrics.json".into()));
    }
    Ok(None)
}
