//! The build stage: the re-emitted Dockerfile over the commit's files, then a look at the image.
//!
//! The Dockerfile of the repository itself is never given to an engine.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::{App, Engines, Progress, Scope, lease, pushed};
use crate::clock;
use crate::config::BuilderSettings;
use crate::executor::{BuildEnd, BuildLimits, BuildReport, BuildSpec, Engine};
use crate::forge::git::{self, CommitTree};
use crate::model::finding::any_error;
use crate::model::{
    AttemptState, Blame, Finding, ImageFacts, Lease, LogExcerpt, Origin, Outcome, RunLimits,
    SourceTree, Stage,
};
use crate::rules::{self, Policy, dockerfile::Dockerfile, layout::Ignore};
use crate::store::{Effect, Finish, Next, SubmissionRecord};

/// What came of building.
#[derive(Debug)]
pub struct Built {
    /// The image, on the runner, unless the findings end the submission.
    pub image: Option<ImageFacts>,
    /// What the engine printed.
    pub log: LogExcerpt,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How the submission ends, if it does.
    pub outcome: Option<Outcome>,
}

/// A build to be done.
#[derive(Debug)]
pub struct Building<'a> {
    /// Unique name, from the attempt.
    pub name: &'a str,
    /// Path of the Dockerfile in the repository.
    pub path: &'a str,
    /// As checked.
    pub dockerfile: &'a Dockerfile,
    /// The build context, a tar.
    pub context: &'a Path,
    /// Bounds of the task's images.
    pub limits: &'a RunLimits,
    /// What the organizers allow.
    pub policy: &'a Policy,
}

/// Bounds of a build as configured.
pub fn build_limits(settings: &BuilderSettings) -> BuildLimits {
    BuildLimits {
        time: settings.time,
        memory: settings.memory,
        cpu_percent: (settings.cpus * 100.0) as u32,
        log: usize::try_from(settings.log).unwrap_or(usize::MAX),
        disk: settings.disk,
        file: settings.file,
        processes: settings.processes,
    }
}

/// What the build of this Dockerfile leaves out of its context.
///
/// # Errors
/// When it cannot be read, which the rules refuse.
pub fn ignored(tree: &SourceTree, dockerfile: &str) -> anyhow::Result<Ignore> {
    Ignore::of(tree, dockerfile).map_err(|finding| anyhow::anyhow!(finding.message))
}

/// Builds, looks at the image, and brings it to the engine that runs it. Shared by the daemon and `referee check`.
///
/// # Errors
/// When the engine fails, or a base image that is allowed is not there.
pub async fn build(
    engines: &Engines,
    settings: &BuilderSettings,
    building: &Building<'_>,
) -> anyhow::Result<Built> {
    let mut bases = BTreeMap::new();
    let mut final_base = None;
    for name in building.dockerfile.bases() {
        let facts = engines.builder.resolve(name).await?.with_context(|| {
            format!("the base image {name} is allowed but not on the engine; pull or make it")
        })?;
        bases.insert(name.to_owned(), facts.id.clone());
        if building.dockerfile.final_base() == Some(name) {
            final_base = Some(facts);
        }
    }
    let report = engines
        .builder
        .build(&BuildSpec {
            name: building.name.to_owned(),
            context: building.context.to_owned(),
            dockerfile: rules::dockerfile::emit(building.dockerfile, &bases)?,
            limits: build_limits(settings),
            network: settings.network.clone(),
            labels: vec![("referee.kind".into(), "submission".into())],
            guarded: Some(hex::encode(clock::random_bytes::<16>())),
        })
        .await?;
    let name = building.name;
    let made = match &report.end {
        BuildEnd::Built(facts) => Some(facts.id.clone()),
        _ => None,
    };
    let mut built = judge(building, final_base.as_ref(), report);
    if let Some(image) = &built.image {
        let wrong = misplaced(&*engines.builder, image, name, building.policy).await?;
        if any_error(&wrong) {
            (built.image, built.outcome) = (None, Some(Outcome::ImageRejected));
        }
        built.findings.extend(wrong);
    }
    match (&built.image, made) {
        (Some(image), _) => {
            let archive = building.context.with_file_name("carried.tar");
            engines.carry((image, name), &archive).await?;
        }
        // No row will know it.
        (None, Some(refused)) => engines.builder.remove(&refused, name).await?,
        (None, None) => {}
    }
    Ok(built)
}

/// What is wrong with the places of an image that an engine reads, or mounts over, itself. Nothing is started before
/// they have been looked at.
///
/// # Errors
/// When the engine fails.
pub(super) async fn misplaced(
    engine: &dyn Engine,
    image: &ImageFacts,
    name: &str,
    policy: &Policy,
) -> anyhow::Result<Vec<Finding>> {
    let locations = rules::image::locations(policy);
    let found = engine.look(&image.id, name, &locations).await?;
    Ok(rules::image::check_places(&found, policy))
}

/// `base` is what the image was made from: what it brings along is not the participant's doing.
fn judge(building: &Building<'_>, base: Option<&ImageFacts>, report: BuildReport) -> Built {
    let BuildReport { end, log } = report;
    match end {
        BuildEnd::Built(image) => {
            let limits = building.limits;
            let findings = rules::image::check_on_base(&image, base, limits, building.policy);
            let refused = any_error(&findings);
            Built {
                image: (!refused).then_some(*image),
                log,
                findings,
                outcome: refused.then_some(Outcome::ImageRejected),
            }
        }
        BuildEnd::Failed { step, message } => Built {
            image: None,
            log,
            findings: vec![rules::build::failed(
                building.path,
                building.dockerfile,
                step,
                &message,
            )],
            outcome: Some(Outcome::BuildFailed),
        },
        BuildEnd::Limit(hit) => Built {
            image: None,
            log,
            findings: vec![rules::build::limit(
                building.path,
                &format!("{hit:?}").to_lowercase(),
            )],
            outcome: Some(Outcome::BuildLimit),
        },
    }
}

/// Does one build, if one waits.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    for record in app.store.waiting_for(Stage::Build, now).await? {
        let Ok(scope) = app.context(&record) else {
            continue;
        };
        let Some(lease) = app.claim(&record, None).await? else {
            continue;
        };
        let doing = attempt(app, (&record, scope), &lease);
        if let Err(error) = lease::work(app, &record, &lease, doing).await {
            tracing::error!(attempt = lease.attempt.id.0, %error, "attempt not ended");
        }
        return Ok(Progress::Worked);
    }
    Ok(Progress::Idle)
}

async fn attempt(
    app: &App,
    (record, scope): (&SubmissionRecord, Scope<'_>),
    lease: &Lease,
) -> anyhow::Result<Finish> {
    if let Some((facts, _)) = app.store.image(record.source, &record.dockerfile).await?
        && app.engines.runner.inspect(&facts.id).await?.is_some()
    {
        // Another task of the same push has built or fetched it.
        return Ok(passed((facts, None), Vec::new()));
    }
    let Origin::Commit { sha, .. } = &record.submission.origin else {
        return pushed::fetch(app, (record, scope), lease).await;
    };
    let directory = app.work_directory(lease)?;
    let context = directory.file("context.tar");
    let path = app.commit(record).await?;
    let (sha, out) = (sha.clone(), context.clone());
    let file = record.dockerfile.clone();
    let commit = tokio::task::spawn_blocking(move || -> anyhow::Result<CommitTree> {
        let commit = git::read_commit(&path, &sha)?;
        let ignore = ignored(&commit.source, &file)?;
        let out = std::io::BufWriter::new(File::create(&out)?);
        git::write_context(&path, &sha, &ignore, out)?;
        Ok(commit)
    })
    .await??;
    let policy = super::admission::policy(&app.settings.builder, scope.challenge);
    let text = commit.source.text(&record.dockerfile).unwrap_or_default();
    let dockerfile = rules::dockerfile::check(&record.dockerfile, text, &policy)
        .parsed
        .context("the Dockerfile passed the rules but cannot be read now")?;
    let building = Building {
        name: &lease.name(),
        path: &record.dockerfile,
        dockerfile: &dockerfile,
        context: &context,
        limits: &scope.task()?.limits,
        policy: &policy,
    };
    let built = build(&app.engines, &app.settings.builder, &building).await?;
    Ok(match (built.image, built.outcome) {
        (Some(image), _) => {
            let mut finish = passed((image, Some(lease.name())), built.findings);
            finish.log = Some(built.log);
            finish
        }
        (None, outcome) => Finish {
            state: AttemptState::Failed,
            blame: Some(Blame::Participant),
            findings: built.findings,
            log: Some(built.log),
            detail: json!({}),
            artifact: None,
            next: Next::End {
                outcome: outcome.unwrap_or(Outcome::BuildFailed),
                incident: None,
            },
            effects: Vec::new(),
        },
    })
}

/// A build that made an image, or found one that had been made (then without a name).
pub(super) fn passed(
    (image, built_as): (ImageFacts, Option<String>),
    findings: Vec<Finding>,
) -> Finish {
    let mut effects = vec![Effect::UseImage(image.id.clone())];
    let reused = built_as.is_none();
    let bytes = image.bytes;
    if let Some(name) = built_as {
        effects.push(Effect::Image(Box::new(image), name));
    }
    Finish {
        state: AttemptState::Succeeded,
        blame: None,
        findings,
        log: None,
        detail: json!({ "reused": reused, "bytes": bytes }),
        artifact: None,
        next: Next::Advance(Stage::Smoke),
        effects,
    }
}
