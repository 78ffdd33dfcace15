//! Webhooks of organizations and repositories: made, listed, tested, deleted.

use serde_json::Value;

use super::call::{Answer, Call, Reply};
use super::state::{Hook, Scope, State};

impl State {
    pub(crate) fn in_repo_hooks(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        self.need_admin(call, self.repository(id))?;
        self.in_hooks(call, Scope::Repository(id), rest)
    }

    pub(crate) fn in_hooks(&mut self, call: &Call, scope: Scope, rest: &[&str]) -> Reply {
        let known = |id: &str| {
            let mut hooks = self.hooks.iter();
            let found = hooks.find(|hook| hook.scope == scope && hook.id.to_string() == id);
            found.cloned().ok_or_else(|| self.not_found())
        };
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(self.page(call, self.hooks_of(scope), |hook| self.hook(hook))),
            ("POST", []) => self.create_hook(call, scope),
            ("GET", [id]) => Ok(Answer::json(200, &self.hook(&known(id)?))),
            ("PATCH", [id]) => {
                let hook = known(id)?;
                Ok(self.edit_hook(call, hook.id))
            }
            ("DELETE", [id]) => {
                let hook = known(id)?;
                self.hooks.retain(|other| other.id != hook.id);
                Ok(Answer::empty(204))
            }
            ("POST", [id, "tests"]) => {
                let hook = known(id)?;
                self.announce_test(&hook, call.me());
                Ok(Answer::empty(204))
            }
            _ => Err(Answer::no_such_page()),
        }
    }

    /// Events, filter and header are replaced, also by empty values; the secret cannot be changed.
    fn edit_hook(&mut self, call: &Call, id: i64) -> Answer {
        let events = self.events(&call.body["events"]);
        let hook = self.hooks.iter_mut().find(|hook| hook.id == id).unwrap();
        hook.events = events;
        hook.branch_filter = call.text("branch_filter");
        hook.authorization = call.text("authorization_header");
        if let Some(url) = call.body["config"]["url"].as_str() {
            url.clone_into(&mut hook.url);
        }
        if let Some(active) = call.body["active"].as_bool() {
            hook.active = active;
        }
        let hook = hook.clone();
        Answer::json(200, &self.hook(&hook))
    }

    /// A hook is inactive unless requested, and without events it gets `push`. A missing address or content type is
    /// refused.
    fn create_hook(&mut self, call: &Call, scope: Scope) -> Reply {
        for needed in ["url", "content_type"] {
            if call.body["config"][needed].as_str().is_none_or(str::is_empty) {
                return Err(self.refuse(422, &format!("Missing config option: {needed}")));
            }
        }
        let config = |name: &str| call.body["config"][name].as_str().unwrap_or_default().to_owned();
        let hook = Hook {
            id: self.next("hook"),
            scope,
            kind: call.text("type"),
            url: config("url"),
            content_type: config("content_type"),
            secret: config("secret"),
            events: self.events(&call.body["events"]),
            branch_filter: call.text("branch_filter"),
            authorization: call.text("authorization_header"),
            active: call.flag("active"),
            created: self.now(),
        };
        self.hooks.push(hook.clone());
        Ok(Answer::json(201, &self.hook(&hook)))
    }

    /// `issues` means all its parts; unknown events are dropped.
    fn events(&self, asked: &Value) -> Vec<String> {
        let known = ["push", "create", "delete", "fork", "repository", "release", "issues", "issue_comment"];
        let late = ["package", "status"];
        let asked: Vec<&str> = asked.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut events: Vec<String> = Vec::new();
        for event in asked {
            if known.contains(&event) || (late.contains(&event) && !self.version.is_old()) {
                events.push(event.to_owned());
            }
            if event == "issues_only" {
                events.push("issues".to_owned());
            }
            if event == "issues" {
                let parts = ["issue_assign", "issue_label", "issue_milestone", "issue_comment"];
                events.extend(parts.map(str::to_owned));
            }
        }
        if events.is_empty() {
            events.push("push".to_owned());
        }
        events.sort();
        events.dedup();
        events
    }
}
