//! A pushed image as the source of a submission: it is judged by its manifest and configuration, then fetched.
//!
//! The engine never pulls. An image that admission has rejected is not fetched. A fetched image has the pinned digest,
//! or it is refused.

use anyhow::Context as _;
use async_trait::async_trait;

use super::{Judged, Source, made};
use crate::executor::LoadEnd;
use crate::forge::registry::{InspectedImage, PullEnd, Registry};
use crate::model::finding::any_error;
use crate::model::{Blame, Digest, Finding, Outcome};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::pipeline::lease::Work;
use crate::pipeline::{Engines, eligibility, image_build, images, policy};
use crate::rules::catalogue::IMG014;
use crate::rules::{self, Policy};
use crate::store::Finish;

/// An image in a forge's registry.
pub(super) struct ImageSource<'a> {
    pub context: &'a Context,
    pub forges: &'a Forges,
    /// Its name within its owner.
    pub image_name: &'a str,
    pub digest: &'a Digest,
}

/// An image in the registry that holds it.
struct Located {
    registry: Registry,
    /// The registry's name of the repository.
    repository: String,
    policy: Policy,
}

#[async_trait]
impl Source for ImageSource<'_> {
    async fn judge(&self, work: Work<'_>) -> anyhow::Result<Judged> {
        let located = self.locate(work).await?;
        let look = self.look(&located, work).await?;
        let content = look.image.as_ref().map(|i| i.manifest.config.to_string());
        let task = work.context.task()?.slug.clone();
        let (record, of) = (work.record, work.context);
        let eligibility = eligibility::check(self.context, record, of, content.as_deref(), &[&task]).await?;
        let mut findings = look.findings;
        findings.extend(eligibility.into_iter().map(|f| located.policy.apply_severity(f)));
        Ok(Judged { findings, tasks: vec![(task, String::new())] })
    }

    async fn make_image(&self, engines: &Engines, work: Work<'_>) -> anyhow::Result<Finish> {
        let located = self.locate(work).await?;
        let policy = &located.policy;
        let limits = &work.context.task()?.limits;
        let InspectedImage { image, findings: known } = self.look(&located, work).await?;
        let Some(image) = image else {
            // It passed admission. The registry has lost it since, or a limit was lowered.
            return Ok(rejected(known));
        };
        let directory = self.context.work_directory(work.lease)?;
        let file = directory.file("image.tar");
        let pulled = located.registry.pull(&located.repository, &image, limits.image, &file);
        if let PullEnd::Refused(finding) = pulled.await? {
            return Ok(rejected(vec![policy.apply_severity(finding)]));
        }
        let (id, name) = (&image.manifest.config, work.lease.name());
        // The runner loads it directly. The builder never sees it.
        let facts = match engines.runner.images.load(&file, id, &name).await? {
            LoadEnd::Loaded(facts) => *facts,
            LoadEnd::Refused(reason) => {
                let message = format!("The engine does not take the image: {reason}");
                return Ok(rejected(vec![IMG014.finding(message)]));
            }
        };
        let mut findings = rules::image::check_image(&facts, limits, policy);
        if !any_error(&findings) {
            let images = &*engines.runner.images;
            findings.extend(image_build::inspect_paths(images, &facts, &name, policy).await?);
        }
        if any_error(&findings) {
            engines.runner.images.remove(&facts.id, &name).await?;
            return Ok(rejected(findings));
        }
        // Admission has reported the findings about the configuration already.
        findings.retain(|f| !known.contains(f));
        Ok(made(facts, name, findings))
    }
}

impl ImageSource<'_> {
    async fn locate(&self, work: Work<'_>) -> anyhow::Result<Located> {
        let owner = self.context.store.image_owner_of(work.record.source).await?;
        let owner = owner.context("the image has no owner")?;
        let builder = &self.context.settings.builder;
        Ok(Located {
            registry: self.forges.require(&owner.forge)?.packages()?.registry().await?,
            repository: images::in_registry(&owner, self.image_name),
            policy: policy::policy(builder, work.context.challenge),
        })
    }

    async fn look(&self, located: &Located, work: Work<'_>) -> anyhow::Result<InspectedImage> {
        let limits = &work.context.task()?.limits;
        let look = located.registry.inspect_image(&located.repository, self.digest, limits, &located.policy);
        Ok(look.await?)
    }
}

fn rejected(findings: Vec<Finding>) -> Finish {
    Finish::failed(Blame::Participant, Outcome::ImageRejected).with_findings(findings)
}
