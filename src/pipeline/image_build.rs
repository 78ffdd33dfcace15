//! Building an image from a Dockerfile: the base images, the build, the checks of the result, and the transfer to the
//! runner.
//!
//! Shared by the daemon and `referee check`. The builder gets the Dockerfile that Referee emits from its own parse,
//! never the participant's text.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use super::engines::{Engines, NamedImage};
use crate::clock;
use crate::config::BuilderSettings;
use crate::executor::{BuildEnd, BuildLimits, BuildReport, BuildSpec, ImageStore};
use crate::model::finding::any_error;
use crate::model::{Finding, ImageFacts, LogExcerpt, Outcome, RunLimits, SourceTree};
use crate::rules::{self, Policy, dockerfile::Dockerfile, layout::DockerIgnore};

/// The result of a build.
#[derive(Debug)]
pub struct Built {
    /// The image, on the runner. `None` if the findings end the submission.
    pub image: Option<ImageFacts>,
    /// The output of the build.
    pub log: LogExcerpt,
    pub findings: Vec<Finding>,
    /// The outcome, if the submission ends here.
    pub outcome: Option<Outcome>,
}

/// The inputs of a build.
#[derive(Debug)]
pub struct Building<'a> {
    /// A name unique to the attempt.
    pub name: &'a str,
    /// The files of the submission.
    pub tree: &'a SourceTree,
    /// Path of the Dockerfile in the repository.
    pub dockerfile: &'a str,
    /// The build context, a tar file.
    pub context: &'a Path,
    /// Limits of the task's images.
    pub limits: &'a RunLimits,
    pub policy: &'a Policy,
}

/// The limits of a build from the settings.
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

/// The files that `.dockerignore` excludes from the context of a build.
///
/// # Errors
/// When the file cannot be read. Admission rejects such a submission.
pub fn ignored(tree: &SourceTree, dockerfile: &str) -> anyhow::Result<DockerIgnore> {
    DockerIgnore::for_dockerfile(tree, dockerfile).map_err(|finding| anyhow::anyhow!(finding.message))
}

/// Builds an image, checks it, and transfers it to the runner.
///
/// # Errors
/// When an engine fails, an allowed base image does not exist on the builder, or the Dockerfile did not pass admission.
pub async fn build(engines: &Engines, settings: &BuilderSettings, building: &Building<'_>) -> anyhow::Result<Built> {
    let text = building.tree.text(building.dockerfile).unwrap_or_default();
    let dockerfile = rules::dockerfile::check_dockerfile(building.dockerfile, text, building.policy)
        .parsed
        .context("the Dockerfile passed admission and cannot be read now")?;
    let mut bases = BTreeMap::new();
    let mut final_base = None;
    for name in dockerfile.bases() {
        let facts = engines.builder.builds.base_image(name).await?;
        let facts = facts.with_context(|| {
            format!("the base image {name} is allowed, but it does not exist on the builder: pull or build it")
        })?;
        bases.insert(name.to_owned(), facts.id.clone());
        if dockerfile.final_base() == Some(name) {
            final_base = Some(facts);
        }
    }
    let report = engines
        .builder
        .builds
        .build(&BuildSpec {
            name: building.name.to_owned(),
            context: building.context.to_owned(),
            dockerfile: rules::dockerfile::emit(&dockerfile, &bases)?,
            limits: build_limits(settings),
            network: settings.network.clone(),
            labels: vec![("referee.kind".into(), "submission".into())],
            inspection_key: Some(hex::encode(clock::random_bytes::<16>())),
        })
        .await?;
    let name = building.name;
    let built_image = match &report.end {
        BuildEnd::Built(facts) => Some(facts.id.clone()),
        _ => None,
    };
    let mut built = judge(building, &dockerfile, final_base.as_ref(), report);
    if let Some(image) = &built.image {
        let findings = inspect_paths(&*engines.builder.images, image, name, building.policy).await?;
        if any_error(&findings) {
            (built.image, built.outcome) = (None, Some(Outcome::ImageRejected));
        }
        built.findings.extend(findings);
    }
    match (&built.image, built_image) {
        (Some(image), _) => {
            let archive = building.context.with_file_name("carried.tar");
            let image = NamedImage { facts: image, name };
            engines.transfer(image, &archive).await?;
        }
        // No row of the database will refer to this image.
        (None, Some(refused)) => engines.builder.images.remove(&refused, name).await?,
        (None, None) => {}
    }
    Ok(built)
}

/// The findings about the paths of an image that an engine reads itself or mounts over. No container of the image is
/// started before.
pub async fn inspect_paths(
    images: &dyn ImageStore,
    image: &ImageFacts,
    name: &str,
    policy: &Policy,
) -> anyhow::Result<Vec<Finding>> {
    let paths = rules::image::inspected_paths(policy);
    let found = images.inspect_paths(&image.id, name, &paths).await?;
    Ok(rules::image::check_inspected_paths(&found, policy))
}

/// Judges the result of a build. `base` is the final base image: its own settings are not the participant's fault.
fn judge(building: &Building<'_>, dockerfile: &Dockerfile, base: Option<&ImageFacts>, report: BuildReport) -> Built {
    let BuildReport { end, log } = report;
    match end {
        BuildEnd::Built(image) => {
            let limits = building.limits;
            let findings = rules::image::check_image_on_base(&image, base, limits, building.policy);
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
            findings: vec![rules::build::failed(building.dockerfile, dockerfile, step, &message)],
            outcome: Some(Outcome::BuildFailed),
        },
        BuildEnd::Limit(hit) => Built {
            image: None,
            log,
            findings: vec![rules::build::limit(building.dockerfile, &hit.to_string())],
            outcome: Some(Outcome::BuildLimit),
        },
    }
}
