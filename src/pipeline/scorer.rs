//! The organizers' scorer: its image, its container and its report.
//!
//! A scorer is trusted more than a submission. It runs in the same sandbox, because its inputs are untrusted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::engines::{Engines, ScorerEngine};
use super::job::Ran;
use crate::executor::{BuildEnd, BuildLimits, BuildSpec, ExecutorError, Input, JobLimits, JobSpec, OutputSpec};
use crate::forge::git;
use crate::model::{CaseId, Digest, EntryKind, ImageId, KillReason, LogExcerpt, MetricSpec, ScorerSpec, Task, limits};
use crate::scoring::{self, MetricsProblem, ScoreReport};

/// The paths of a scorer. The evaluators of Grand Challenge use the same ones.
const PREDICTIONS: &str = "/predictions";
const GROUND_TRUTH: &str = "/truth";
const OUTPUT: &str = "/output";
const METRICS: &str = "metrics.json";

/// The result of a scorer.
#[derive(Debug)]
pub enum Scored {
    /// A valid report.
    Report(Box<ScoreReport>),
    /// The scorer or its report is at fault. The organizers must act.
    Broken {
        /// Each with its location and help.
        problems: Vec<String>,
        log: LogExcerpt,
    },
}

/// The inputs of a scoring.
#[derive(Debug)]
pub struct Scoring<'a> {
    /// A name unique to the attempt.
    pub name: String,
    pub task: &'a Task,
    /// The scorer's image.
    pub image: &'a ImageId,
    /// Directory of predictions.
    pub predictions: PathBuf,
    /// Directory of the ground truth.
    pub ground_truth: PathBuf,
    /// Cases that must be reported.
    pub cases: &'a [CaseId],
    /// An empty directory for the report.
    pub into: &'a Path,
    /// Passed to the scorer as `REFEREE_SEED`.
    pub seed: u32,
}

/// The names of all scorer images begin with this.
const NAME_PREFIX: &str = "scorer-";

/// A scorer's folder, packed.
struct ScorerContext {
    /// A tar archive.
    bytes: Vec<u8>,
    dockerfile: String,
}

impl ScorerContext {
    async fn pack(spec: &ScorerSpec) -> anyhow::Result<Self> {
        let spec = spec.clone();
        tokio::task::spawn_blocking(move || pack(&spec)).await?
    }

    /// The name of the image of exactly this context.
    fn image_name(&self) -> String {
        let digest = Digest::of(&[&self.bytes, self.dockerfile.as_bytes()].concat());
        format!("{NAME_PREFIX}{}", &digest.hex()[..16])
    }
}

/// Removes the images of scorers that are neither among `images` nor built from the current contents of these folders.
/// Returns their number.
///
/// # Errors
/// When a folder cannot be read, or the engine does not answer. The next call removes the rest.
pub async fn remove_others(
    engines: &Engines,
    images: &BTreeSet<ImageId>,
    specs: &[ScorerSpec],
) -> anyhow::Result<usize> {
    let mut names = BTreeSet::new();
    for spec in specs {
        names.insert(ScorerContext::pack(spec).await?.image_name());
    }
    let store = &engines.scorer.images;
    let mut removed = 0;
    for (image, name) in store.images_named(NAME_PREFIX).await? {
        if !images.contains(&image) && !names.contains(&name) {
            store.remove(&image, &name).await?;
            tracing::info!(name, "removed the image of a scorer that no leaderboard uses");
            removed += 1;
        }
    }
    Ok(removed)
}

/// The image of a scorer. It is built on the engine that runs it, unless an image of exactly the same context exists
/// there. The engine that builds submissions never sees it.
///
/// # Errors
/// When the context cannot be read or built. Then the task cannot be scored.
pub async fn image(engines: &Engines, spec: &ScorerSpec, work: &Path) -> anyhow::Result<ImageId> {
    let context = ScorerContext::pack(spec).await?;
    let name = context.image_name();
    match engines.scorer.images.image_named(&name).await? {
        Some(facts) => Ok(facts.id),
        None => build(&engines.scorer, spec, context, work).await,
    }
}

async fn build(
    engine: &ScorerEngine,
    spec: &ScorerSpec,
    context: ScorerContext,
    work: &Path,
) -> anyhow::Result<ImageId> {
    let file = write(work, &context.bytes)?;
    tracing::info!(scorer = %spec.build.display(), "building the scorer");
    let build = BuildSpec {
        name: context.image_name(),
        context: file.clone(),
        dockerfile: context.dockerfile,
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
        inspection_key: None,
    };
    let report = engine.builds.build(&build).await;
    std::fs::remove_file(&file)?;
    let report = report?;
    let folder = spec.build.display();
    match report.end {
        BuildEnd::Built(facts) => Ok(facts.id),
        BuildEnd::Failed { message, .. } => {
            let log = report.log.text();
            anyhow::bail!("the scorer in {folder} cannot be built: {message}\n{log}")
        }
        BuildEnd::Limit(hit) => {
            anyhow::bail!("the build of the scorer in {folder} exceeded its {hit} limit")
        }
    }
}

fn pack(spec: &ScorerSpec) -> anyhow::Result<ScorerContext> {
    let dockerfile = std::fs::read_to_string(spec.build.join(&spec.dockerfile))
        .with_context(|| format!("reading {} of {}", spec.dockerfile, spec.build.display()))?;
    let mut archive = tar::Builder::new(Vec::new());
    append_folder(&mut archive, &spec.build, Path::new(""))?;
    Ok(ScorerContext { bytes: archive.into_inner()?, dockerfile })
}

fn write(work: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(work)?;
    let nonce = hex::encode(crate::clock::random_bytes::<6>());
    let path = work.join(format!("scorer-{nonce}.tar"));
    std::fs::write(&path, bytes)?;
    Ok(path)
}

fn append_folder(archive: &mut tar::Builder<Vec<u8>>, root: &Path, inner: &Path) -> anyhow::Result<()> {
    let mut names: Vec<_> = std::fs::read_dir(root.join(inner))
        .with_context(|| format!("reading {}", root.join(inner).display()))?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<_>>()?;
    names.sort();
    for name in names {
        // A run of the script on the organizers' own machine creates it.
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
            let kind = EntryKind::File { executable: is_executable(&metadata) };
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
            Input { source: scoring.predictions.clone(), target: PREDICTIONS.into() },
            Input { source: scoring.ground_truth.clone(), target: GROUND_TRUTH.into() },
        ],
        output: OutputSpec { target: OUTPUT.into(), bytes: limits::SCORER_OUTPUT_BYTES, files: 100 },
        env: vec![
            ("REFEREE_SEED".into(), scoring.seed.to_string()),
            ("REFEREE_TASK".into(), scoring.task.slug.to_string()),
        ],
        env_remove: Vec::new(),
        limits: JobLimits { cpus: 2.0, memory: spec.memory, pids: 512, shm: 64 << 20, tmp: 256 << 20, time: spec.time },
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
    let ran = engines.scorer.jobs.run(&job, scoring.into, nothing_to_record);
    let ran = ran.await?;
    if let Some(problem) = problem_of(&ran, &scoring.task.scorer)? {
        return Ok(Scored::Broken { problems: vec![problem], log: ran.log });
    }
    let bytes = std::fs::read(scoring.into.join(METRICS)).context("reading the scorer's report")?;
    Ok(read(&bytes, &scoring.task.metrics, scoring.cases, ran.log))
}

fn read(bytes: &[u8], metrics: &[MetricSpec], cases: &[CaseId], log: LogExcerpt) -> Scored {
    match scoring::read_metrics(bytes, metrics, cases) {
        Ok(report) => Scored::Report(Box::new(report)),
        Err(problems) => Scored::Broken { problems: problems.iter().map(MetricsProblem::to_string).collect(), log },
    }
}

/// The problem of a scorer's run, before its report is read.
///
/// # Errors
/// When the engine or its host failed, so that the end of the run proves nothing.
fn problem_of(ran: &Ran, spec: &ScorerSpec) -> anyhow::Result<Option<String>> {
    if ran.killed.is_some() {
        return Ok(Some(format!("the scorer exceeded its time limit of {}", spec.time)));
    }
    if !ran.end.engine_continuous && ran.end.exit_code != 0 {
        anyhow::bail!("the engine was interrupted while the scorer ran");
    }
    if ran.end.host_out_of_memory {
        anyhow::bail!("the scorer was killed because its host ran out of memory");
    }
    if !ran.end.started {
        return Ok(Some(format!("the scorer did not start: {}", ran.end.error)));
    }
    if ran.end.out_of_memory {
        return Ok(Some(format!("the scorer exceeded its memory limit of {} MiB", spec.memory >> 20)));
    }
    if ran.end.exit_code != 0 {
        return Ok(Some(format!("the scorer ended with exit code {}", ran.end.exit_code)));
    }
    if !ran.output.files.contains_key(METRICS) {
        return Ok(Some("the scorer wrote no /output/metrics.json".into()));
    }
    Ok(None)
}
