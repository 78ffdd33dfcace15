//! Repositories by the API, refs and commits by git.

use std::path::PathBuf;

use async_trait::async_trait;
use reqwest011::{Method, Url};

use super::bodies::{RepositoryBody, split};
use super::forge::GiteaForge;
use crate::forge::{ForgeError, ForgeRepository, Repositories, Result};
use crate::model::{CommitSha, TeamPattern};

#[async_trait]
impl Repositories for GiteaForge {
    async fn team_repositories(&self, teams: &TeamPattern) -> Result<Vec<ForgeRepository>> {
        let (owner, _) = split(&teams.before)?;
        // The API lists the repositories of an organization and of an account at different paths.
        let bodies: Vec<RepositoryBody> = match self.client.list(&["orgs", owner, "repos"], &[]).await {
            Err(ForgeError::NotFound) => self.client.list(&["users", owner, "repos"], &[]).await?,
            other => other?,
        };
        let mut found: Vec<ForgeRepository> = bodies.into_iter().map(Into::into).collect();
        found.retain(|r| teams.team_of(&r.full_name).is_some());
        found.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        // A list that changes between two pages may show a repository twice.
        found.dedup();
        Ok(found)
    }

    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>> {
        let body: Option<RepositoryBody> = self.client.get(&["repositories", id]).await?;
        Ok(body.map(Into::into))
    }

    async fn repository_named(&self, full_name: &str) -> Result<Option<ForgeRepository>> {
        Ok(self.repository_body(full_name).await?.map(Into::into))
    }

    async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        self.git.refs(full_name).await
    }

    async fn fetch_commit(&self, at: &ForgeRepository, full_ref: &str, sha: &CommitSha) -> Result<PathBuf> {
        self.git.fetch_commit(at, full_ref, sha).await
    }

    async fn has_commit(&self, at: &ForgeRepository, sha: &CommitSha) -> Result<bool> {
        let (owner, name) = split(&at.full_name)?;
        let path = ["repos", owner, name, "git", "commits", sha.as_str()];
        // Only the existence of the answer is of interest.
        let query = ["stat", "verification", "files"].map(|part| (part, "false"));
        match self.client.call(Method::GET, &path, &query, None).await {
            Ok(_) => Ok(true),
            Err(ForgeError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn line_url(&self, full_name: &str, sha: &CommitSha, path: &str, line: u32) -> Option<String> {
        let mut url = Url::parse(&self.public_url).ok()?;
        let (owner, name) = split(full_name).ok()?;
        url.path_segments_mut().ok()?.extend([owner, name, "src", "commit", sha.as_str()]).extend(path.split('/'));
        if line > 0 {
            url.set_fragment(Some(&format!("L{line}")));
        }
        Some(url.into())
    }
}
