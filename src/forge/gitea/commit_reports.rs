//! Commit statuses and git notes.

use async_trait::async_trait;
use gitea_rs::apis::repository_api;
use gitea_rs::models::CreateStatusOption;
use reqwest011::Method;
use serde_json::json;

use super::bodies::split;
use super::client::present;
use super::forge::GiteaForge;
use crate::forge::{CommitNotes, CommitStatus, CommitStatuses, ForgeError, ForgeRepository, Result};
use crate::model::{CommitSha, Timestamp};

#[async_trait]
impl CommitStatuses for GiteaForge {
    /// The forge answers 500 for an unknown commit (recordings, `status-unknown-sha`).
    async fn set_status(&self, full_name: &str, sha: &CommitSha, status: &CommitStatus) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let body = CreateStatusOption {
            context: Some(status.context.clone()),
            description: Some(status.message.clone()),
            state: Some(status.state.as_str().to_owned()),
            target_url: Some(status.url.clone()),
        };
        let created = self.client.generated(|api| {
            let body = Some(body.clone());
            async move { repository_api::repo_create_status(&api, owner, name, sha.as_str(), body).await }
        });
        present(created.await?.id, "a status").map(drop)
    }
}

#[async_trait]
impl CommitNotes for GiteaForge {
    async fn set_note(&self, at: &ForgeRepository, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()> {
        if self.version().await?.writes_notes() {
            let (owner, name) = split(&at.full_name)?;
            let path = ["repos", owner, name, "git", "notes", sha.as_str()];
            let body = json!({ "message": text });
            self.client.call(Method::POST, &path, &[], Some(&body)).await?;
            return Ok(());
        }
        match self.git.set_note(at, sha, text, now).await {
            // Git gives the same answer for every reason.
            Err(ForgeError::Forbidden(_)) if self.is_archived(&at.full_name).await? => Err(ForgeError::Archived),
            other => other,
        }
    }
}

impl GiteaForge {
    async fn is_archived(&self, full_name: &str) -> Result<bool> {
        let body = self.repository_body(full_name).await?;
        Ok(body.is_some_and(|b| b.archived))
    }
}
