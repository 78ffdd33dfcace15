//! `issues` and `issue_comment`: texts and their authors.
//!
//! Nothing here looks for commands or shortens a text; a text can be as long as a body.

use serde::Deserialize;

use super::fields::{Repository, User};
use crate::model::ForgeEvent;

/// Gitea modules/structs/hook.go, `IssuePayload`.
#[derive(Deserialize)]
pub(super) struct IssueBody {
    action: String,
    issue: Issue,
    changes: Option<Changes>,
    repository: Repository,
    sender: User,
}

/// Gitea modules/structs/issue.go, `Issue`.
#[derive(Deserialize)]
struct Issue {
    number: i64,
    title: String,
    body: String,
    /// `None` when the account was deleted, or belongs to another forge.
    user: Option<User>,
}

/// Gitea modules/structs/hook.go, `ChangesPayload`. It is also sent when only the title was edited.
#[derive(Deserialize)]
struct Changes {
    body: Option<Change>,
}

#[derive(Deserialize)]
struct Change {
    from: String,
}

fn previous(changes: Option<Changes>) -> Option<String> {
    Some(changes?.body?.from)
}

impl From<IssueBody> for ForgeEvent {
    fn from(event: IssueBody) -> Self {
        Self::Issue {
            repository: event.repository.into(),
            action: event.action,
            number: event.issue.number,
            title: event.issue.title,
            body: event.issue.body,
            previous_body: previous(event.changes),
            author_id: event.issue.user.map(|user| user.id),
            sender: event.sender.into(),
        }
    }
}

/// Gitea modules/structs/hook.go, `IssueCommentPayload`.
#[derive(Deserialize)]
pub(super) struct IssueCommentBody {
    action: String,
    issue: IssueNumber,
    comment: Comment,
    changes: Option<Changes>,
    repository: Repository,
    sender: User,
    #[serde(default)]
    is_pull: bool,
}

#[derive(Deserialize)]
struct IssueNumber {
    number: i64,
}

/// Gitea modules/structs/issue_comment.go, `Comment`.
#[derive(Deserialize)]
struct Comment {
    id: i64,
    body: String,
    /// `None` as in an issue.
    user: Option<User>,
}

impl From<IssueCommentBody> for ForgeEvent {
    fn from(event: IssueCommentBody) -> Self {
        // The same as the fine name of the event, for forges that do not send it.
        if event.is_pull {
            return Self::Other { name: "pull_request_comment".to_owned() };
        }
        Self::Comment {
            repository: event.repository.into(),
            action: event.action,
            issue: event.issue.number,
            comment: event.comment.id,
            body: event.comment.body,
            previous_body: previous(event.changes),
            author_id: event.comment.user.map(|user| user.id),
            sender: event.sender.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn comment(user: &serde_json::Value, is_pull: bool) -> ForgeEvent {
        let body = json!({
            "action": "created",
            "issue": {"number": 1},
            "comment": {"id": 2, "body": "/help", "user": user},
            "repository": {"id": 4, "full_name": "phakir/team-alpha"},
            "sender": {"id": 3, "login": "alice"},
            "is_pull": is_pull,
        });
        let body: IssueCommentBody = serde_json::from_value(body).unwrap();
        body.into()
    }

    #[test]
    fn a_comment_without_an_author_has_none() {
        let anonymous = comment(&json!(null), false);
        assert!(matches!(anonymous, ForgeEvent::Comment { author_id: None, .. }));
    }

    #[test]
    fn a_comment_on_a_pull_request_is_another_event() {
        let name = "pull_request_comment".to_owned();
        let alice = json!({"id": 3, "login": "alice"});
        assert_eq!(comment(&alice, true), ForgeEvent::Other { name });
    }
}
