//! Issues and labels. Comments are in `comments`.

use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::shape::{Viewer, time};
use super::state::{Issue, Label, Mode, State};

impl State {
    pub(crate) fn in_issues(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        let mode = self.unit_mode(call.account(), self.repository(id), "repo.issues");
        if mode < Mode::Read {
            return Err(self.not_found());
        }
        if call.method != "GET" {
            self.need_account(call)?;
            self.need_unarchived(id)?;
        }
        match (call.method.as_str(), rest) {
            ("GET", ["labels"]) => {
                let labels = self.repository(id).labels.clone();
                Ok(self.page(call, labels, |label| self.label(id, label)))
            }
            ("POST", ["labels"]) => self.create_label(call, id),
            ("GET", ["issues"]) => Ok(self.issues_of(call, id)),
            ("POST", ["issues"]) => self.create_issue(call, id),
            (_, ["issues", "comments", comment, rest @ ..]) => self.in_comment(call, id, comment, rest),
            (_, ["issues", number, "comments"]) => self.in_comments(call, id, number),
            (_, ["issues", _, "lock" | "pin"]) => self.lock_or_pin(call, id, rest),
            (_, ["issues", number, rest @ ..]) => {
                let issue = self.issue_numbered(id, number).ok_or_else(|| self.not_found())?;
                self.in_issue(call, issue, rest)
            }
            _ => Err(Answer::no_such_page()),
        }
    }

    fn need_account(&self, call: &Call) -> Result<(), Answer> {
        let answer = || self.refuse(401, "token is required");
        call.who.as_ref().map(|_| ()).ok_or_else(answer)
    }

    /// An archived repository takes no issues and comments.
    fn need_unarchived(&self, id: i64) -> Result<(), Answer> {
        if self.repository(id).archived.is_none() {
            return Ok(());
        }
        let full = self.full_name(id);
        Err(self.refuse(
            423,
            &if self.version.is_latest() {
                format!("{full} is archived")
            } else {
                format!("<Repository {id}:{full}> is archived")
            },
        ))
    }

    pub(crate) fn issue_numbered(&self, id: i64, number: &str) -> Option<Issue> {
        let mut all = self.issues.iter();
        let found = all.find(|i| i.repository == id && i.number.to_string() == number);
        found.cloned()
    }

    pub(crate) fn writes_issues(&self, call: &Call, id: i64) -> bool {
        self.unit_mode(call.account(), self.repository(id), "repo.issues") >= Mode::Write
    }

    /// Old forges cannot lock by API; new ones require an administrator.
    fn lock_or_pin(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        if self.version.is_old() && rest[2] == "lock" {
            return Err(Answer::no_such_page());
        }
        self.need_admin(call, self.repository(id))?;
        let issue = self.issue_numbered(id, rest[1]).ok_or_else(|| self.not_found())?;
        if rest[2] == "lock" {
            let locked = call.method == "PUT";
            let change = |i: &mut Issue| i.locked = locked;
            self.issues.iter_mut().filter(|i| i.id == issue.id).for_each(change);
        }
        Ok(Answer::empty(204))
    }

    fn in_issue(&mut self, call: &Call, issue: Issue, rest: &[&str]) -> Reply {
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.issue(&issue, call.account()))),
            ("PATCH", []) => self.edit_issue(call, issue),
            ("DELETE", []) => self.delete_issue(call, &issue),
            ("POST", ["labels"]) => self.add_labels(call, issue),
            _ => Err(Answer::no_such_page()),
        }
    }

    fn issues_of(&self, call: &Call, id: i64) -> Answer {
        let wanted = call.query.get("state").map_or("open", String::as_str);
        let all = self.issues.iter().rev().filter(|issue| {
            issue.repository == id
                && match wanted {
                    "closed" => issue.closed.is_some(),
                    "all" => true,
                    _ => issue.closed.is_none(),
                }
        });
        let all: Vec<&Issue> = all.collect();
        self.page(call, all, |issue| self.issue(issue, call.account()))
    }

    /// Labels are dropped silently for an account that may not write issues.
    fn create_issue(&mut self, call: &Call, id: i64) -> Reply {
        if call.text("title").is_empty() {
            return Err(self.refuse(422, "[Title]: Required"));
        }
        let number = self.repository(id).next_issue;
        self.repository_mut(id).next_issue += 1;
        let labels = if self.writes_issues(call, id) { self.labels_asked(call, id) } else { Vec::new() };
        let now = self.now();
        let issue = Issue {
            id: self.next("issue"),
            repository: id,
            number,
            poster: call.me(),
            title: call.text("title"),
            body: call.text("body"),
            closed: None,
            locked: false,
            labels,
            created: now,
            updated: now,
        };
        self.issues.push(issue.clone());
        self.announce_issue(&issue, call.me(), "issues", "opened", None);
        Ok(Answer::json(201, &self.issue(&issue, call.account())))
    }

    /// Every change of title or state makes a comment of the forge itself, which takes a number.
    fn edit_issue(&mut self, call: &Call, mut issue: Issue) -> Reply {
        if issue.poster != call.me() && !self.writes_issues(call, issue.repository) {
            return Err(Answer::empty(403));
        }
        let mut events = Vec::new();
        if let Some(title) = call.body["title"].as_str() {
            self.next("comment");
            events.push(("edited", Some(json!({"title": {"from": issue.title}}))));
            title.clone_into(&mut issue.title);
        }
        if let Some(body) = call.body["body"].as_str() {
            events.push(("edited", Some(json!({"body": {"from": issue.body}}))));
            body.clone_into(&mut issue.body);
        }
        if let Some(state) = call.body["state"].as_str() {
            self.next("comment");
            let closed = state == "closed";
            issue.closed = closed.then(|| self.now());
            events.push((if closed { "closed" } else { "reopened" }, None));
        }
        issue.updated = self.now();
        let slot = self.issues.iter_mut().find(|other| other.id == issue.id).unwrap();
        *slot = issue.clone();
        for (action, changes) in events {
            self.announce_issue(&issue, call.me(), "issues", action, changes);
        }
        Ok(Answer::json(201, &self.issue(&issue, call.account())))
    }

    fn delete_issue(&mut self, call: &Call, issue: &Issue) -> Reply {
        self.need_admin(call, self.repository(issue.repository))?;
        // Old forges do not deliver it.
        if self.version.is_latest() {
            self.announce_issue(issue, call.me(), "issues", "deleted", None);
        }
        self.issues.retain(|other| other.id != issue.id);
        self.comments.retain(|comment| comment.issue != issue.id);
        Ok(Answer::empty(204))
    }

    fn labels_asked(&self, call: &Call, id: i64) -> Vec<i64> {
        let asked = call.body["labels"].as_array().cloned().unwrap_or_default();
        let known = &self.repository(id).labels;
        let found = asked.iter().filter_map(|asked| {
            known.iter().find(|label| Some(label.id) == asked.as_i64() || Some(label.name.as_str()) == asked.as_str())
        });
        found.map(|label| label.id).collect()
    }

    fn add_labels(&mut self, call: &Call, mut issue: Issue) -> Reply {
        if !self.writes_issues(call, issue.repository) {
            return Err(self.refuse(403, "write permission is required"));
        }
        for label in self.labels_asked(call, issue.repository) {
            if !issue.labels.contains(&label) {
                self.next("comment");
                issue.labels.push(label);
            }
        }
        let slot = self.issues.iter_mut().find(|other| other.id == issue.id).unwrap();
        *slot = issue.clone();
        self.announce_issue(&issue, call.me(), "issue_label", "label_updated", None);
        Ok(Answer::json(200, &self.labels(&issue)))
    }

    fn create_label(&mut self, call: &Call, id: i64) -> Reply {
        if !self.writes_issues(call, id) {
            return Err(self.refuse(403, "write permission is required"));
        }
        let label = Label {
            id: self.next("label"),
            name: call.text("name"),
            color: call.text("color").trim_start_matches('#').to_owned(),
            description: call.text("description"),
        };
        self.repository_mut(id).labels.push(label.clone());
        Ok(Answer::json(201, &self.label(id, &label)))
    }

    pub(crate) fn org_label(&self, org: i64, label: &Label) -> Value {
        let name = &self.account(org).login;
        self.shown_label(&format!("orgs/{name}"), label)
    }

    fn label(&self, id: i64, label: &Label) -> Value {
        self.shown_label(&format!("repos/{}", self.full_name(id)), label)
    }

    fn shown_label(&self, owner: &str, label: &Label) -> Value {
        json!({
            "id": label.id,
            "name": label.name,
            "exclusive": false,
            "is_archived": false,
            "color": label.color,
            "description": label.description,
            "url": format!("{}/api/v1/{owner}/labels/{}", self.root, label.id),
        })
    }

    fn labels(&self, issue: &Issue) -> Value {
        let known = &self.repository(issue.repository).labels;
        let on = known.iter().filter(|label| issue.labels.contains(&label.id));
        on.map(|label| self.label(issue.repository, label)).collect()
    }

    pub(crate) fn issue(&self, issue: &Issue, who: Option<i64>) -> Value {
        let repository = self.repository(issue.repository);
        let full = self.full_name(issue.repository);
        let path = format!("{full}/issues/{}", issue.number);
        let mut shown = json!({
            "id": issue.id,
            "url": format!("{}/api/v1/repos/{path}", self.root),
            "html_url": format!("{}/{path}", self.root),
            "number": issue.number,
            "user": self.user(issue.poster, Viewer::of(who)),
            "original_author": "",
            "original_author_id": 0,
            "title": issue.title,
            "body": issue.body,
            "ref": "",
            "assets": [],
            "labels": self.labels(issue),
            "milestone": null,
            "assignee": null,
            "assignees": null,
            "state": if issue.closed.is_some() { "closed" } else { "open" },
            "is_locked": issue.locked,
            "comments": self.comments.iter().filter(|c| c.issue == issue.id).count(),
            "created_at": time(issue.created),
            "updated_at": time(issue.updated),
            "closed_at": issue.closed.map(time),
            "due_date": null,
            "pull_request": null,
            "repository": {
                "id": issue.repository,
                "name": repository.name,
                "owner": self.account(repository.owner).login,
                "full_name": full,
            },
            "pin_order": 0,
        });
        if self.version.is_latest() {
            shown["projects"] = Value::Null;
            shown["time_estimate"] = json!(0);
            shown["content_version"] = json!(0);
        }
        shown
    }
}
