//! Commit statuses. The forge checks only that the commit exists, and checks it late: the answer to an unknown commit
//! is a failure of the forge.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::git;
use super::refusal::with_all;
use super::shape::{Viewer, time};
use super::state::{Mode, State, Status};

impl State {
    pub(crate) fn in_statuses(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        match (call.method.as_str(), rest) {
            ("POST", ["statuses", sha]) => self.create_status(call, id, sha),
            ("GET", ["statuses", sha] | ["commits", sha, "statuses"]) => {
                let all = self.statuses_of(id, &self.commit_named(id, sha)?);
                Ok(self.page(call, all, |status| self.status(status)))
            }
            ("GET", ["commits", sha, "status"]) => self.combined(call, id, sha),
            _ => Err(Answer::no_such_page()),
        }
    }

    fn commit_named(&self, id: i64, name: &str) -> Result<String, Answer> {
        let git = self.git(id);
        let commit = git::resolve(&git, name).map(|commit| commit.id().to_string());
        commit.ok_or_else(|| self.not_found())
    }

    /// Any state, address and length is accepted; a branch or a short name is resolved. An archived repository accepts
    /// statuses, too.
    fn create_status(&mut self, call: &Call, id: i64, sha: &str) -> Reply {
        if self.unit_mode(call.account(), self.repository(id), "repo.code") < Mode::Write {
            return Err(self.refuse(403, "user should have a permission to write to the target branch"));
        }
        let sha = self.commit_named(id, sha).map_err(|_| self.failed())?;
        let trimmed = |name: &str| call.text(name).trim().to_owned();
        let status = Status {
            id: self.next("status"),
            repository: id,
            sha,
            state: call.text("state"),
            target: trimmed("target_url"),
            description: trimmed("description"),
            context: trimmed("context"),
            creator: call.me(),
            created: self.now(),
        };
        self.statuses.push(status.clone());
        self.announce_status(&status, call.me());
        Ok(Answer::json(201, &self.status(&status)))
    }

    /// Newest second first; within a second in their order of arrival.
    fn statuses_of(&self, id: i64, sha: &str) -> Vec<Status> {
        let all = self.statuses.iter();
        let all = all.filter(|status| status.repository == id && status.sha == sha);
        let mut all: Vec<Status> = all.cloned().collect();
        all.sort_by_key(|status| (-status.created, status.id));
        all
    }

    fn status(&self, status: &Status) -> Value {
        let full = self.full_name(status.repository);
        json!({
            "id": status.id,
            "status": status.state,
            "target_url": status.target,
            "description": status.description,
            "url": format!("{}/api/v1/repos/{full}/statuses/{}", self.root, status.sha),
            "context": status.context,
            "creator": self.user(status.creator, Viewer::Anonymous),
            "created_at": time(status.created),
            "updated_at": time(status.created),
        })
    }

    /// The newest of each context. It has pages like any list, and its total is that of the page.
    fn combined(&self, call: &Call, id: i64, sha: &str) -> Reply {
        let sha = self.commit_named(id, sha)?;
        let mut newest = BTreeMap::new();
        for status in self.statuses_of(id, &sha) {
            let last: &mut Status = newest.entry(status.context.clone()).or_insert(status.clone());
            if status.id > last.id {
                *last = status;
            }
        }
        let mut all: Vec<Status> = newest.into_values().collect();
        all.sort_by_key(|status| status.id);
        let (page, headers) = self.paged(call, all);
        let state = self.worst(&page);
        let bodies: Vec<Value> = page.iter().map(|status| self.status(status)).collect();
        let full = self.full_name(id);
        let url = |rest: &str| {
            if self.version.is_latest() {
                format!("{}/api/v1/repos/{full}/commits/{sha}{rest}", self.root)
            } else {
                String::new()
            }
        };
        let statuses = if bodies.is_empty() { Value::Null } else { json!(bodies) };
        let body = json!({
            "state": state,
            "sha": sha,
            "total_count": bodies.len(),
            "statuses": statuses,
            "repository": self.repo(self.repository(id), call.account()),
            "commit_url": url(""),
            "url": url("/status"),
        });
        Ok(with_all(Answer::json(200, &body), headers))
    }

    /// New forges have three results; old ones take the worst status.
    fn worst(&self, statuses: &[Status]) -> &'static str {
        let has = |states: &[&str]| statuses.iter().any(|s| states.contains(&s.state.as_str()));
        if statuses.is_empty() {
            return if self.version.is_latest() { "pending" } else { "" };
        }
        if !self.version.is_latest() {
            let order = ["error", "failure", "warning", "pending"];
            return order.into_iter().find(|state| has(&[state])).unwrap_or("success");
        }
        let good = |s: &Status| matches!(s.state.as_str(), "success" | "skipped");
        if has(&["error", "failure", "warning"]) {
            "failure"
        } else if statuses.iter().all(good) {
            "success"
        } else {
            "pending"
        }
    }
}
