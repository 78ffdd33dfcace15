//! A pushed image in the place of a commit: judged by its manifest and configuration, then fetched.
//!
//! The engine never pulls. What the rules have not passed is not fetched, and what was fetched is
//! the image of the pinned digest or nothing.

use anyhow::Context as _;
use serde_json::json;

use super::admission::{self, Judged};
use super::{App, Scope, build, images};
use crate::executor::LoadEnd;
use crate::forge::registry::{Look, PullEnd, Registry};
use crate::model::finding::any_error;
use crate::model::{AttemptState, Blame, Digest, Finding, Lease, Origin, Outcome};
use crate::rules::catalogue::IMG014;
use crate::rules::{self, Policy};
use crate::store::{Finish, Next, SubmissionRecord};

/// Where an image is.
struct Place {
    registry: Registry,
    /// As the registry calls it.
    repository: String,
    digest: Digest,
    policy: Policy,
}

impl Place {
    async fn of(app: &App, record: &SubmissionRecord, scope: Scope<'_>) -> anyhow::Result<Self> {
        let Origin::Image {
            image_name, digest, ..
        } = &record.submission.origin
        else {
            anyhow::bail!("submission {} is no image", record.submission.id);
        };
        let owner = app.store.image_owner_of(record.source).await?;
        let owner = owner.context("the image has no owner")?;
        Ok(Self {
            registry: app.forge(&owner.forge)?.registry().await?,
            repository: images::in_registry(&owner, image_name),
            digest: digest.clone(),
            policy: admission::policy(&app.settings.builder, scope.challenge),
        })
    }

    async fn look(&self, scope: Scope<'_>) -> anyhow::Result<Look> {
        let limits = &scope.task()?.limits;
        let look = self
            .registry
            .look(&self.repository, &self.digest, limits, &self.policy);
        Ok(look.await?)
    }
}

/// The rules stage: what the registry says of the image, and everything that rules ask of a commit
/// that is not in its files.
///
/// # Errors
/// When the registry does not answer or the database fails.
pub(super) async fn judge(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
) -> anyhow::Result<Judged> {
    let place = Place::of(app, record, scope).await?;
    let look = place.look(scope).await?;
    let content = look.image.as_ref().map(|i| i.manifest.config.to_string());
    let tasks = vec![(scope.task()?.slug.clone(), String::new())];
    let outside = admission::outside(app, record, scope, (content.as_deref(), &tasks)).await?;
    let mut findings = look.findings;
    findings.extend(outside.into_iter().map(|f| place.policy.adjust(f)));
    Ok(Judged { findings, tasks })
}

/// The build stage: fetches the image into the attempt's directory and has the engine take it in.
///
/// # Errors
/// When registry, engine or disk fail. What is wrong with the image is a finding.
pub(super) async fn fetch(
    app: &App,
    (record, scope): (&SubmissionRecord, Scope<'_>),
    lease: &Lease,
) -> anyhow::Result<Finish> {
    let place = Place::of(app, record, scope).await?;
    let limits = &scope.task()?.limits;
    let Look {
        image,
        findings: told,
    } = place.look(scope).await?;
    let Some(image) = image else {
        // It passed the rules; the registry has lost it since, or a limit was lowered.
        return Ok(refused(told));
    };
    let directory = app.work_directory(lease)?;
    let file = directory.file("image.tar");
    let pulled = place
        .registry
        .pull(&place.repository, &image, limits.image, &file);
    if let PullEnd::Refused(finding) = pulled.await? {
        return Ok(refused(vec![place.policy.adjust(finding)]));
    }
    let (id, name) = (&image.manifest.config, lease.name());
    // It was judged already and is run, not built: the builder never sees it.
    let facts = match app.engines.runner.load(&file, id, &name).await? {
        LoadEnd::Loaded(facts) => *facts,
        LoadEnd::Refused(message) => {
            let finding = IMG014.finding(format!("The engine does not take the image: {message}"));
            return Ok(refused(vec![finding]));
        }
    };
    let mut findings = rules::image::check(&facts, limits, &place.policy);
    if !any_error(&findings) {
        let runner = &*app.engines.runner;
        findings.extend(build::misplaced(runner, &facts, &name, &place.policy).await?);
    }
    if any_error(&findings) {
        app.engines.runner.remove(&facts.id, &name).await?;
        return Ok(refused(findings));
    }
    // What the configuration said was told by the rules already.
    findings.retain(|f| !told.contains(f));
    Ok(build::passed((facts, Some(name)), findings))
}

fn refused(findings: Vec<Finding>) -> Finish {
    Finish {
        state: AttemptState::Failed,
        blame: Some(Blame::Participant),
        findings,
        log: None,
        detail: json!({}),
        artifact: None,
        next: Next::End {
            outcome: Outcome::ImageRejected,
            incident: None,
        },
        effects: Vec::new(),
    }
}
