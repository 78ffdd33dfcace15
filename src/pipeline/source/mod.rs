//! The source of a submission: a commit, or an image in a forge's registry. Only this file decides which.

mod commit;
mod image;

use async_trait::async_trait;

use super::Engines;
use super::context::Context;
use super::forges::Forges;
use super::lease::Work;
use crate::model::{AttemptDetail, Finding, ImageFacts, Origin, Stage, TaskSlug};
use crate::store::{Effect, Finish, Next, SubmissionRecord};

/// The judgement of a source by the rules.
#[derive(Debug)]
pub struct Judged {
    pub findings: Vec<Finding>,
    /// The tasks that the source enters, each with the path of its Dockerfile. The path is empty for an image.
    pub tasks: Vec<(TaskSlug, String)>,
}

/// A source of a submission.
#[async_trait]
pub trait Source: Send + Sync {
    /// Judges the source by everything that can be judged without an engine.
    ///
    /// # Errors
    /// When the forge, its registry or the database fails. Problems of the source are findings.
    async fn judge(&self, work: Work<'_>) -> anyhow::Result<Judged>;

    /// Makes the image of the submission on the runner.
    ///
    /// # Errors
    /// When the forge, its registry, an engine or the disk fails. Problems of the source are findings.
    async fn make_image(&self, engines: &Engines, work: Work<'_>) -> anyhow::Result<Finish>;
}

/// The source of a submission.
pub fn of<'a>(context: &'a Context, forges: &'a Forges, record: &'a SubmissionRecord) -> Box<dyn Source + 'a> {
    match &record.submission.origin {
        Origin::Commit { sha, .. } => Box::new(commit::CommitSource { context, forges, sha }),
        Origin::Image { image_name, digest, .. } => {
            Box::new(image::ImageSource { context, forges, image_name, digest })
        }
    }
}

/// The end of a build that found an image which another task of the same push had made.
pub fn reused(image: ImageFacts) -> Finish {
    let detail = AttemptDetail::Build { reused: true, image_bytes: image.bytes };
    Finish::passed(Next::Advance(Stage::Smoke)).with_detail(detail).with_effect(Effect::UseImage(image.id))
}

/// The end of a build, or of a fetch, that made an image under this name.
fn made(image: ImageFacts, build_name: String, findings: Vec<Finding>) -> Finish {
    let detail = AttemptDetail::Build { reused: false, image_bytes: image.bytes };
    Finish::passed(Next::Advance(Stage::Smoke))
        .with_findings(findings)
        .with_detail(detail)
        .with_effect(Effect::UseImage(image.id.clone()))
        .with_effect(Effect::Image { facts: Box::new(image), build_name })
}
