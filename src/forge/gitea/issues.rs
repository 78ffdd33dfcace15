//! Issues, comments and reactions.

use async_trait::async_trait;
use gitea_rs::apis::issue_api;
use gitea_rs::models::{CreateIssueCommentOption, CreateIssueOption, EditIssueCommentOption};
use reqwest011::Method;
use serde::Deserialize;
use serde_json::json;

use super::bodies::{UserBody, split};
use super::client::present;
use super::forge::GiteaForge;
use crate::forge::{Comment, ForgeError, Issue, Issues, Members as _, ReactionTarget, Result};
use crate::model::Timestamp;

/// Gitea modules/structs/issue_comment.go, `Comment`; also the opening text of an issue.
#[derive(Deserialize)]
struct CommentBody {
    id: i64,
    user: Option<UserBody>,
    body: Option<String>,
}

impl From<CommentBody> for Comment {
    fn from(body: CommentBody) -> Self {
        Self { id: body.id, author: body.user.and_then(UserBody::sender), body: body.body.unwrap_or_default() }
    }
}

/// Gitea modules/structs/issue.go, `Issue`.
#[derive(Deserialize)]
struct IssueBody {
    number: i64,
    user: Option<UserBody>,
    body: Option<String>,
    pull_request: Option<serde_json::Value>,
}

#[async_trait]
impl Issues for GiteaForge {
    async fn our_issues(&self, full_name: &str) -> Result<Vec<Issue>> {
        let me = self.account().await?;
        let (owner, name) = split(full_name)?;
        let query = [("state", "all"), ("type", "issues"), ("created_by", me.login.as_str())];
        let path = ["repos", owner, name, "issues"];
        let bodies: Vec<IssueBody> = self.client.list(&path, &query).await?;
        Ok(bodies
            .into_iter()
            .filter(|i| i.pull_request.is_none())
            .map(|i| Issue { number: i.number, author: i.user.map(|u| u.id), body: i.body.unwrap_or_default() })
            // A forge that ignores `created_by` lists the issues of all authors.
            .filter(|i| i.author == Some(me.id))
            .collect())
    }

    async fn issue(&self, full_name: &str, number: i64) -> Result<Option<Comment>> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "issues", &number.to_string()];
        let body: Option<CommentBody> = self.client.get(&path).await?;
        Ok(body.map(Into::into))
    }

    async fn open_issue(&self, full_name: &str, title: &str, body: &str) -> Result<i64> {
        let (owner, name) = split(full_name)?;
        let body = CreateIssueOption { body: Some(body.to_owned()), ..CreateIssueOption::new(title.to_owned()) };
        let created = self.client.generated(|api| {
            let body = Some(body.clone());
            async move { issue_api::issue_create_issue(&api, owner, name, body).await }
        });
        present(created.await?.number, "an issue")
    }

    /// The account that opened an issue may close it and edit its text.
    async fn close_issue(&self, full_name: &str, number: i64, body: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "issues", &number.to_string()];
        let body = json!({ "state": "closed", "body": body });
        let closed = self.client.call(Method::PATCH, &path, &[], Some(&body));
        closed.await.map(drop)
    }

    /// No version pages this list: the answer holds all comments (recordings, `comments-list`).
    async fn comments(&self, full_name: &str, issue: i64, since: Timestamp) -> Result<Vec<Comment>> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "issues", &issue.to_string(), "comments"];
        let query = [("since", &*since.to_string())];
        let answer = self.client.call(Method::GET, &path, &query, None).await?;
        let bodies: Vec<CommentBody> = answer.json()?;
        Ok(bodies.into_iter().map(Into::into).collect())
    }

    async fn comment(&self, full_name: &str, id: i64) -> Result<Option<Comment>> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "issues", "comments", &id.to_string()];
        let body: Option<CommentBody> = self.client.get(&path).await?;
        Ok(body.map(Into::into))
    }

    /// The forge answers 500 for an unknown issue (recordings, `comment-create-unknown-issue`).
    async fn write_comment(&self, full_name: &str, issue: i64, body: &str) -> Result<i64> {
        let (owner, name) = split(full_name)?;
        let body = CreateIssueCommentOption::new(body.to_owned());
        let written = self.client.generated(|api| {
            let body = Some(body.clone());
            async move { issue_api::issue_create_comment(&api, owner, name, issue, body).await }
        });
        present(written.await?.id, "a comment")
    }

    async fn edit_comment(&self, full_name: &str, id: i64, body: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let body = EditIssueCommentOption::new(body.to_owned());
        let edited = self.client.generated(|api| {
            let body = Some(body.clone());
            async move { issue_api::issue_edit_comment(&api, owner, name, id, body).await }
        });
        present(edited.await?.id, "a comment").map(drop)
    }

    async fn delete_comment(&self, full_name: &str, id: i64) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let path = ["repos", owner, name, "issues", "comments", &id.to_string()];
        match self.client.call(Method::DELETE, &path, &[], None).await {
            Ok(_) | Err(ForgeError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The forge answers 200 instead of 201 when the reaction exists already. Every instance has `eyes` by default
    /// (`[ui] REACTIONS`).
    async fn acknowledge(&self, full_name: &str, target: ReactionTarget) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let (folder, number): (&[&str], _) = match target {
            ReactionTarget::Issue(number) => (&[], number.to_string()),
            ReactionTarget::Comment(id) => (&["comments"], id.to_string()),
        };
        let issues = ["repos", owner, name, "issues"];
        let path = [&issues, folder, &[&number, "reactions"]].concat();
        let body = json!({ "content": "eyes" });
        let added = self.client.call(Method::POST, &path, &[], Some(&body));
        added.await.map(drop)
    }
}
