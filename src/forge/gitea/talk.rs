//! Statuses, issues, comments and reactions.
//!
//! Writes go through gitea-rs, whose answer has to be readable: it takes a redirect for success, but
//! a redirect's body is no comment, so nothing is taken for written that was not.

use gitea_rs::apis::{issue_api, repository_api};
use gitea_rs::models::{
    CreateIssueCommentOption, CreateIssueOption, CreateStatusOption, EditIssueCommentOption,
};
use reqwest011::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::fault;
use super::port::{GiteaForge, split};
use crate::forge::{Comment, CommitStatus, ForgeError, Issue, Reaction, ReactionTarget, Result};
use crate::model::{CommitSha, Sender, Timestamp};

/// Gitea modules/structs/user.go, `User`.
#[derive(Debug, Deserialize)]
pub(super) struct UserBody {
    id: i64,
    login: String,
}

impl UserBody {
    /// None for the ghost of an account that was deleted.
    pub(super) fn sender(self) -> Option<Sender> {
        (self.id > 0).then_some(Sender {
            id: self.id,
            login: self.login,
        })
    }
}

/// Gitea modules/structs/issue_comment.go, `Comment`; of an issue its opening text.
#[derive(Deserialize)]
struct CommentBody {
    id: i64,
    user: Option<UserBody>,
    body: Option<String>,
}

impl From<CommentBody> for Comment {
    fn from(body: CommentBody) -> Self {
        Self {
            id: body.id,
            author: body.user.and_then(UserBody::sender),
            body: body.body.unwrap_or_default(),
        }
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

fn unreadable(what: &str) -> ForgeError {
    ForgeError::Unreadable(format!("an answer without {what}"))
}

impl GiteaForge {
    /// An unknown commit is answered with 500 (recordings, `status-unknown-sha`).
    pub(super) async fn post_status(
        &self,
        full_name: &str,
        sha: &CommitSha,
        status: &CommitStatus,
    ) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let body = CreateStatusOption {
            context: Some(status.context.clone()),
            description: Some(status.message.clone()),
            state: Some(status.state.to_owned()),
            target_url: Some(status.url.clone()),
        };
        let api = self.client.api();
        repository_api::repo_create_status(api, owner, name, sha.as_str(), Some(body))
            .await
            .map_err(fault)?
            .id
            .ok_or_else(|| unreadable("the status"))?;
        Ok(())
    }

    pub(super) async fn issues_by(&self, full_name: &str, author: &Sender) -> Result<Vec<Issue>> {
        let (owner, name) = split(full_name)?;
        let query = [
            ("state", "all"),
            ("type", "issues"),
            ("created_by", author.login.as_str()),
        ];
        let bodies: Vec<IssueBody> = self
            .client
            .list(&["repos", owner, name, "issues"], &query)
            .await?;
        Ok(bodies
            .into_iter()
            .filter(|i| i.pull_request.is_none())
            .map(|i| Issue {
                number: i.number,
                author: i.user.map(|u| u.id),
                body: i.body.unwrap_or_default(),
            })
            // A forge that does not know `created_by` gives everybody's.
            .filter(|i| i.author == Some(author.id))
            .collect())
    }

    pub(super) async fn read_issue(&self, full_name: &str, number: i64) -> Result<Option<Comment>> {
        let (owner, name) = split(full_name)?;
        let number = number.to_string();
        let body: Option<CommentBody> = self
            .client
            .get(&["repos", owner, name, "issues", &number])
            .await?;
        Ok(body.map(Into::into))
    }

    pub(super) async fn create_issue(
        &self,
        full_name: &str,
        title: &str,
        body: &str,
    ) -> Result<i64> {
        let (owner, name) = split(full_name)?;
        let body = CreateIssueOption {
            body: Some(body.to_owned()),
            ..CreateIssueOption::new(title.to_owned())
        };
        issue_api::issue_create_issue(self.client.api(), owner, name, Some(body))
            .await
            .map_err(fault)?
            .number
            .ok_or_else(|| unreadable("the issue's number"))
    }

    /// Whoever opened an issue may close it and change its text.
    pub(super) async fn end_issue(&self, full_name: &str, number: i64, body: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let number = number.to_string();
        let path = ["repos", owner, name, "issues", &number];
        let body = json!({ "state": "closed", "body": body });
        self.client
            .call(Method::PATCH, &path, &[], Some(&body))
            .await?;
        Ok(())
    }

    /// Not paged by any of the forges: the answer has them all (recordings, `comments-list`).
    pub(super) async fn read_comments(
        &self,
        full_name: &str,
        issue: i64,
        since: Timestamp,
    ) -> Result<Vec<Comment>> {
        let (owner, name) = split(full_name)?;
        let (issue, since) = (issue.to_string(), since.to_string());
        let path = ["repos", owner, name, "issues", &issue, "comments"];
        let query = [("since", since.as_str())];
        let answer = self.client.call(Method::GET, &path, &query, None).await?;
        let bodies: Vec<CommentBody> = answer.json()?;
        Ok(bodies.into_iter().map(Into::into).collect())
    }

    pub(super) async fn read_comment(&self, full_name: &str, id: i64) -> Result<Option<Comment>> {
        let (owner, name) = split(full_name)?;
        let id = id.to_string();
        let body: Option<CommentBody> = self
            .client
            .get(&["repos", owner, name, "issues", "comments", &id])
            .await?;
        Ok(body.map(Into::into))
    }

    /// An issue that is not there is answered with 500 (recordings, `comment-create-unknown-issue`).
    pub(super) async fn create_comment(
        &self,
        full_name: &str,
        issue: i64,
        body: &str,
    ) -> Result<i64> {
        let (owner, name) = split(full_name)?;
        let body = CreateIssueCommentOption::new(body.to_owned());
        issue_api::issue_create_comment(self.client.api(), owner, name, issue, Some(body))
            .await
            .map_err(fault)?
            .id
            .ok_or_else(|| unreadable("the comment's number"))
    }

    pub(super) async fn change_comment(&self, full_name: &str, id: i64, body: &str) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let body = EditIssueCommentOption::new(body.to_owned());
        issue_api::issue_edit_comment(self.client.api(), owner, name, id, Some(body))
            .await
            .map_err(fault)?
            .id
            .ok_or_else(|| unreadable("the comment's number"))?;
        Ok(())
    }

    pub(super) async fn remove_comment(&self, full_name: &str, id: i64) -> Result<()> {
        let (owner, name) = split(full_name)?;
        let id = id.to_string();
        let path = ["repos", owner, name, "issues", "comments", &id];
        match self.client.call(Method::DELETE, &path, &[], None).await {
            Ok(_) | Err(ForgeError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The same reaction again is answered with 200 instead of 201.
    pub(super) async fn put_reaction(
        &self,
        full_name: &str,
        comment_id: ReactionTarget,
        reaction: Reaction,
    ) -> Result<()> {
        let (owner, name) = split(full_name)?;
        // From the set that every instance has as it comes (`[ui] REACTIONS`).
        let content = match reaction {
            Reaction::Seen => "eyes",
            Reaction::Done => "+1",
            Reaction::Refused => "confused",
        };
        let number = match comment_id {
            ReactionTarget::Issue(number) | ReactionTarget::Comment(number) => number.to_string(),
        };
        let tail: &[&str] = match comment_id {
            ReactionTarget::Issue(_) => &[&number, "reactions"],
            ReactionTarget::Comment(_) => &["comments", &number, "reactions"],
        };
        let path = [&["repos", owner, name, "issues"], tail].concat();
        let body = json!({ "content": content });
        self.client
            .call(Method::POST, &path, &[], Some(&body))
            .await?;
        Ok(())
    }
}
