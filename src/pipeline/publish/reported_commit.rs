//! The commit that a message is about. Commit statuses and the note both report on all submissions of a commit.

use super::Unpublished;
use crate::model::{CommitSha, RepositoryId};
use crate::pipeline::context::Context;
use crate::pipeline::view;
use crate::report::SubmissionView;
use crate::store::OutboxMessage;

pub(super) struct ReportedCommit {
    pub repository: RepositoryId,
    pub sha: CommitSha,
    /// One for each phase and task that the commit entered.
    pub submissions: Vec<SubmissionView>,
}

impl ReportedCommit {
    pub(super) async fn read(context: &Context, message: &OutboxMessage) -> Result<Self, Unpublished> {
        let repository = RepositoryId(message.payload["repository"].as_i64().unwrap_or_default());
        let sha: CommitSha = serde_json::from_value(message.payload["sha"].clone()).map_err(anyhow::Error::from)?;
        let mut submissions = Vec::new();
        for record in context.store.submissions_of_commit(repository, &sha).await? {
            submissions.push(view::submission(context, &record).await?);
        }
        Ok(Self { repository, sha, submissions })
    }
}
