//! A commit as the source of a submission: its files are judged by the rules, and its Dockerfile is built.

use std::fs::File;

use async_trait::async_trait;

use super::{Judged, Source, made};
use crate::forge::ForgeError;
use crate::forge::git::{self, CommitTree, GitError};
use crate::model::{Blame, CommitSha, Finding, Outcome, TaskSlug};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::pipeline::image_build::{self, Building};
use crate::pipeline::lease::Work;
use crate::pipeline::{Engines, eligibility, policy};
use crate::rules;
use crate::store::{Finish, SubmissionRecord};

/// A commit in a team's repository.
pub(super) struct CommitSource<'a> {
    pub context: &'a Context,
    pub forges: &'a Forges,
    pub sha: &'a CommitSha,
}

#[async_trait]
impl Source for CommitSource<'_> {
    async fn judge(&self, work: Work<'_>) -> anyhow::Result<Judged> {
        let commit = match self.read(work.record).await? {
            Ok(commit) => commit,
            Err(finding) => {
                return Ok(Judged { findings: vec![finding], tasks: Vec::new() });
            }
        };
        let challenge = work.context.challenge;
        let policy = policy::policy(&self.context.settings.builder, challenge);
        let template = policy::template(challenge);
        let admission = rules::admission::check_commit(&commit.source, challenge, &policy, template.as_ref());
        let tasks: Vec<&TaskSlug> = admission.tasks.iter().map(|(task, _)| task).collect();
        let eligibility = eligibility::check(self.context, work.record, work.context, Some(&commit.tree), &tasks);
        let eligibility = eligibility.await?;
        let mut findings = admission.findings;
        findings.extend(eligibility.into_iter().map(|f| policy.apply_severity(f)));
        Ok(Judged { findings, tasks: admission.tasks })
    }

    async fn make_image(&self, engines: &Engines, work: Work<'_>) -> anyhow::Result<Finish> {
        let (record, of) = (work.record, work.context);
        let directory = self.context.work_directory(work.lease)?;
        let tar = directory.file("context.tar");
        let repository = self.forges.commit(self.context, record).await?;
        let (sha, out) = (self.sha.clone(), tar.clone());
        let file = record.dockerfile.clone();
        let commit = tokio::task::spawn_blocking(move || -> anyhow::Result<CommitTree> {
            let commit = git::read_commit(&repository, &sha)?;
            let ignore = image_build::ignored(&commit.source, &file)?;
            let out = std::io::BufWriter::new(File::create(&out)?);
            git::write_context(&repository, &sha, &ignore, out)?;
            Ok(commit)
        })
        .await??;
        let policy = policy::policy(&self.context.settings.builder, of.challenge);
        let name = work.lease.name();
        let building = Building {
            name: &name,
            tree: &commit.source,
            dockerfile: &record.dockerfile,
            context: &tar,
            limits: &of.task()?.limits,
            policy: &policy,
        };
        let built = image_build::build(engines, &self.context.settings.builder, &building).await?;
        let finish = match built.image {
            Some(image) => made(image, name, built.findings),
            None => {
                let outcome = built.outcome.unwrap_or(Outcome::BuildFailed);
                Finish::failed(Blame::Participant, outcome).with_findings(built.findings)
            }
        };
        Ok(finish.with_log(built.log))
    }
}

impl CommitSource<'_> {
    /// Reads the commit. A commit that is too large, or that the forge no longer has, is a finding.
    async fn read(&self, record: &SubmissionRecord) -> anyhow::Result<Result<CommitTree, Finding>> {
        let repository = match self.forges.commit(self.context, record).await {
            Ok(repository) => repository,
            Err(ForgeError::Git(GitError::TooLarge(part))) => {
                return Ok(Err(rules::layout::repository_too_large(&part.to_string())));
            }
            Err(ForgeError::Git(GitError::Gone(_))) => {
                return Ok(Err(rules::layout::commit_gone()));
            }
            Err(error) => return Err(error.into()),
        };
        let sha = self.sha.clone();
        let read = tokio::task::spawn_blocking(move || git::read_commit(&repository, &sha));
        match read.await? {
            Ok(commit) => Ok(Ok(commit)),
            Err(GitError::TooLarge(part)) => Ok(Err(rules::layout::repository_too_large(&part.to_string()))),
            Err(error) => Err(error.into()),
        }
    }
}
