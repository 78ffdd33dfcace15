//! Comments on issues, and reactions. The right to read issues allows comments; a locked issue takes the right to
//! write.

use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::shape::{Viewer, time};
use super::state::{Comment, State};

const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

impl State {
    /// A comment on an issue that does not exist is a failure of the forge, not a 404.
    pub(crate) fn in_comments(&mut self, call: &Call, id: i64, number: &str) -> Reply {
        match call.method.as_str() {
            "GET" => {
                let issue = self.issue_numbered(id, number).ok_or_else(|| self.not_found())?;
                let all = self.comments.iter().filter(|comment| comment.issue == issue.id);
                let all: Vec<&Comment> = all.collect();
                Ok(self.all(all, |comment| self.comment(comment)))
            }
            "POST" => self.create_comment(call, id, number),
            _ => Err(Answer::no_such_page()),
        }
    }

    /// Comments have no pages: the answer has all.
    fn all<T>(&self, all: Vec<T>, show: impl Fn(&T) -> Value) -> Answer {
        let bodies: Vec<Value> = all.iter().map(show).collect();
        let total = bodies.len().to_string();
        Answer::json(200, &json!(bodies)).with("X-Total-Count", &total)
    }

    fn create_comment(&mut self, call: &Call, id: i64, number: &str) -> Reply {
        if call.text("body").is_empty() {
            return Err(self.refuse(422, "[Body]: Required"));
        }
        let Some(issue) = self.issue_numbered(id, number) else {
            return Err(self.failed());
        };
        if issue.locked && !self.writes_issues(call, id) {
            return Err(self.refuse(403, "You cannot comment on a locked issue."));
        }
        let now = self.now();
        let comment = Comment {
            id: self.next("comment"),
            issue: issue.id,
            poster: call.me(),
            body: call.text("body"),
            created: now,
            updated: now,
            reactions: Vec::new(),
        };
        self.comments.push(comment.clone());
        let mut issues = self.issues.iter_mut();
        issues.find(|other| other.id == issue.id).unwrap().updated = now;
        self.announce_comment(&comment, call.me(), "created", None);
        Ok(Answer::json(201, &self.comment(&comment)))
    }

    pub(crate) fn in_comment(&mut self, call: &Call, id: i64, comment: &str, rest: &[&str]) -> Reply {
        let found = self.comments.iter().find(|found| {
            found.id.to_string() == comment && self.issues.iter().any(|i| i.id == found.issue && i.repository == id)
        });
        let Some(found) = found.cloned() else {
            let error = format!("comment does not exist [id: {comment}, issue_id: 0]");
            return Err(self.absent(self.version.not_found(), &[error]));
        };
        let may_change = found.poster == call.account().unwrap_or_default() || self.writes_issues(call, id);
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.comment(&found))),
            ("PATCH" | "DELETE", []) if !may_change => Err(Answer::empty(403)),
            ("PATCH", []) => self.edit_comment(call, found),
            ("DELETE", []) => {
                self.comments.retain(|other| other.id != found.id);
                self.announce_comment(&found, call.me(), "deleted", None);
                Ok(Answer::empty(204))
            }
            ("GET", ["reactions"]) => {
                let all = found.reactions.clone();
                Ok(self.all(all, |reaction| self.reaction(call, reaction, found.created)))
            }
            ("POST", ["reactions"]) => self.react(call, &found),
            _ => Err(Answer::no_such_page()),
        }
    }

    fn edit_comment(&mut self, call: &Call, mut comment: Comment) -> Reply {
        if call.text("body").is_empty() {
            return Err(self.refuse(422, "[Body]: Required"));
        }
        let before = std::mem::replace(&mut comment.body, call.text("body"));
        comment.updated = self.now();
        let slot = self.comments.iter_mut().find(|other| other.id == comment.id).unwrap();
        *slot = comment.clone();
        self.announce_comment(&comment, call.me(), "edited", Some(before));
        Ok(Answer::json(200, &self.comment(&comment)))
    }

    fn react(&mut self, call: &Call, comment: &Comment) -> Reply {
        let content = call.text("content");
        if !REACTIONS.contains(&content.as_str()) {
            return Err(self.refuse(403, &format!("'{content}' is not an allowed reaction")));
        }
        let reaction = (call.me(), content);
        let known = comment.reactions.contains(&reaction);
        if !known {
            let slot = self.comments.iter_mut().find(|other| other.id == comment.id).unwrap();
            slot.reactions.push(reaction.clone());
        }
        let body = self.reaction(call, &reaction, self.now());
        Ok(Answer::json(if known { 200 } else { 201 }, &body))
    }

    fn reaction(&self, call: &Call, reaction: &(i64, String), at: i64) -> Value {
        let (who, content) = reaction;
        let user = self.user(*who, Viewer::of(call.account()));
        json!({"user": user, "content": content, "created_at": time(at)})
    }

    pub(crate) fn comment(&self, comment: &Comment) -> Value {
        let issue = self.issues.iter().find(|issue| issue.id == comment.issue).unwrap();
        let url = self.page_url(issue.repository, &format!("issues/{}", issue.number));
        json!({
            "id": comment.id,
            "html_url": format!("{url}#issuecomment-{}", comment.id),
            "pull_request_url": "",
            "issue_url": url,
            "user": self.user(comment.poster, Viewer::Anonymous),
            "original_author": "",
            "original_author_id": 0,
            "body": comment.body,
            "assets": [],
            "created_at": time(comment.created),
            "updated_at": time(comment.updated),
        })
    }
}
