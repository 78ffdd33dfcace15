//! The bodies of deliveries for each event, key by key.

use git2::Oid;
use serde_json::{Value, json};

use super::deliveries::Event;
use super::git;
use super::shape::{Viewer, time};
use super::state::{Comment, Hook, Issue, Package, Repository, State, Status};

/// Commits that a push lists; the others are only counted.
const COMMITS_NAMED: usize = 5;
/// Commits that the push of a new branch counts at most.
const NEW_BRANCH_COMMITS: usize = 10;

/// The values of a ref before and after a push.
struct Ends {
    before: Option<Oid>,
    after: Option<Oid>,
}

fn object(oid: Option<Oid>) -> String {
    oid.unwrap_or_else(|| Oid::from_bytes(&[0; 20]).unwrap()).to_string()
}

/// Forgejo sends the full name of a ref to hooks of its own type.
fn ref_for(hook: &Hook, short: &str, kind: &str) -> String {
    let folder = if kind == "tag" { "tags" } else { "heads" };
    if hook.kind == "forgejo" { format!("refs/{folder}/{short}") } else { short.to_owned() }
}

impl State {
    fn delivered_repo(&self, id: i64, who: Option<i64>) -> Value {
        self.repo(self.repository(id), who)
    }

    fn owner_of(&self, id: i64) -> i64 {
        self.repository(id).owner
    }

    pub(crate) fn announce_repository(&mut self, id: i64, who: i64, action: &str) {
        let owner = self.owner_of(id);
        let mut repository = self.delivered_repo(id, Some(who));
        if action == "created" {
            // The watchers are added later, and so is the first commit of a generated repository.
            repository["watchers_count"] = json!(0);
            if !self.repository(id).made_alone {
                repository["default_branch"] = json!("");
            }
        }
        let body = json!({
            "action": action,
            "repository": repository,
            "organization": self.user(owner, Viewer::Anonymous),
            "sender": self.user(who, Viewer::Anonymous),
        });
        self.notify(Some(id), owner, Event::plain("repository"), |_| body.clone());
    }

    pub(crate) fn announce_fork(&mut self, of: i64, fork: i64, who: i64) {
        let mut forkee = self.delivered_repo(of, Some(who));
        let mut repository = self.delivered_repo(fork, Some(who));
        forkee["forks_count"] = json!(0);
        repository["watchers_count"] = json!(0);
        let body = json!({
            "forkee": forkee,
            "repository": repository,
            "sender": self.user(who, Viewer::Anonymous),
        });
        self.notify(Some(of), self.owner_of(of), Event::plain("fork"), |_| body.clone());
    }

    /// A branch that was made or moved.
    pub(crate) fn announce_push(&mut self, id: i64, who: i64, name: &str, before: Option<Oid>, after: Oid) {
        if before.is_none() {
            self.announce_create(id, who, name.trim_start_matches("refs/heads/"), "branch", after);
        }
        let git = self.git(id);
        let (hidden, most) = match before {
            Some(before) => (Some(before), usize::MAX),
            None => (self.known_before(&git, id, name), NEW_BRANCH_COMMITS),
        };
        let mut commits = git::log(&git, after, hidden, most);
        if before.is_none() && self.version.is_forgejo() && !commits.is_empty() {
            // Forgejo lists the whole history of a branch with commits of its own.
            commits = git::log(&git, after, None, NEW_BRANCH_COMMITS);
        }
        let from = match before {
            Some(before) => Some(before.to_string()),
            None => hidden.map(|_| self.repository(id).default_branch.clone()),
        };
        let compare = from.map_or(String::new(), |from| format!("{}/compare/{from}...{after}", self.full_name(id)));
        let body = self.push_body(id, who, name, Ends { before, after: Some(after) }, &commits, &compare);
        self.notify(Some(id), self.owner_of(id), Event::plain("push"), |_| body.clone());
    }

    /// A new branch counts only commits that the default branch lacks.
    fn known_before(&self, git: &git2::Repository, id: i64, name: &str) -> Option<Oid> {
        let default = format!("refs/heads/{}", self.repository(id).default_branch);
        git.refname_to_id(&default).ok().filter(|_| default != name)
    }

    fn push_body(&self, id: i64, who: i64, name: &str, ends: Ends, commits: &[Oid], compare: &str) -> Value {
        let Ends { before, after } = ends;
        let git = self.git(id);
        let shown = |oid: &Oid| {
            let commit = git.find_object(*oid, None).unwrap().peel_to_commit().unwrap();
            let changes = git::changes(&git, &commit);
            self.payload_commit(id, &commit, Some(&changes))
        };
        let named: Vec<Value> = commits.iter().take(COMMITS_NAMED).map(shown).collect();
        json!({
            "ref": name,
            "before": object(before),
            "after": object(after),
            "compare_url": format!("{}/{compare}", self.root),
            "commits": named,
            "total_commits": commits.len(),
            "head_commit": after.as_ref().map(shown),
            "repository": self.delivered_repo(id, Some(self.owner_of(id))),
            "pusher": self.user(who, Viewer::Anonymous),
            "sender": self.user(who, Viewer::Anonymous),
        })
    }

    /// A tag that was made, moved or deleted. A moved tag also has no value before.
    pub(crate) fn announce_tag(&mut self, id: i64, who: i64, tag: &str, before: Option<Oid>, after: Option<Oid>) {
        let name = format!("refs/tags/{tag}");
        if after.is_none() {
            self.forget_pushes(id, Some(&name));
        }
        let compare =
            after.map_or(String::new(), |after| format!("{}/compare/{}...{after}", self.full_name(id), object(None)));
        let before = before.filter(|_| after.is_none());
        let body = self.push_body(id, who, &name, Ends { before, after }, &[], &compare);
        self.notify(Some(id), self.owner_of(id), Event::plain("push"), |_| body.clone());
        match after {
            Some(after) => self.announce_create(id, who, tag, "tag", after),
            None => self.announce_delete(id, who, tag, "tag"),
        }
    }

    fn announce_create(&mut self, id: i64, who: i64, short: &str, kind: &str, at: Oid) {
        let body = json!({
            "sha": at.to_string(),
            "ref": short,
            "ref_type": kind,
            "repository": self.delivered_repo(id, None),
            "sender": self.user(who, Viewer::Anonymous),
        });
        self.announce_ref(id, "create", short, kind, &body);
    }

    pub(crate) fn announce_delete(&mut self, id: i64, who: i64, short: &str, kind: &str) {
        let body = json!({
            "ref": short,
            "ref_type": kind,
            "pusher_type": "user",
            "repository": self.delivered_repo(id, None),
            "sender": self.user(who, Viewer::Anonymous),
        });
        self.announce_ref(id, "delete", short, kind, &body);
    }

    fn announce_ref(&mut self, id: i64, event: &'static str, short: &str, kind: &str, body: &Value) {
        self.notify(Some(id), self.owner_of(id), Event::plain(event), |hook| {
            let mut body = body.clone();
            body["ref"] = json!(ref_for(hook, short, kind));
            body
        });
    }

    /// The API's test of a repository hook: a push from the head to the head.
    pub(crate) fn announce_test(&mut self, hook: &Hook, who: i64) {
        let super::state::Scope::Repository(id) = hook.scope else {
            return;
        };
        let branch = format!("refs/heads/{}", self.repository(id).default_branch);
        let Ok(head) = self.git(id).refname_to_id(&branch) else {
            return;
        };
        let compare = format!("{}/compare/{head}...{head}", self.full_name(id));
        let ends = Ends { before: Some(head), after: Some(head) };
        let mut body = self.push_body(id, who, &branch, ends, &[head], &compare);
        // It has fewer fields than a push.
        let git = self.git(id);
        let mut commit = self.payload_commit(id, &git.find_commit(head).unwrap(), None);
        commit["verification"] = super::shape_git::unsigned();
        body["commits"] = json!([commit]);
        body["head_commit"] = commit;
        body["repository"] = self.delivered_repo(id, None);
        self.deliver(hook, Event::plain("push"), &body);
    }

    /// New forges also deliver events about our own statuses.
    pub(crate) fn announce_status(&mut self, status: &Status, who: i64) {
        if self.version.is_old() {
            return;
        }
        let git = self.git(status.repository);
        let commit = git.find_commit(Oid::from_str(&status.sha).unwrap()).unwrap();
        let changes = git::changes(&git, &commit);
        let body = json!({
            "commit": self.payload_commit(status.repository, &commit, Some(&changes)),
            "context": status.context,
            "created_at": time(status.created),
            "description": status.description,
            "id": status.id,
            "repository": self.delivered_repo(status.repository, Some(self.owner_of(status.repository))),
            "sender": self.user(who, Viewer::Anonymous),
            "sha": status.sha,
            "state": status.state,
            "target_url": self.absolute(&status.target),
            "updated_at": time(status.created),
        });
        let owner = self.owner_of(status.repository);
        self.notify(Some(status.repository), owner, Event::plain("status"), |_| body.clone());
    }

    /// A target that starts at the forge's root is delivered as a full address, and so is an empty one.
    fn absolute(&self, target: &str) -> String {
        if target.is_empty() || target.starts_with('/') {
            format!("{}/{}", self.root, target.trim_start_matches('/'))
        } else {
            target.to_owned()
        }
    }

    pub(crate) fn announce_issue(
        &mut self,
        issue: &Issue,
        who: i64,
        fine: &'static str,
        action: &str,
        changes: Option<Value>,
    ) {
        let mut body = json!({"action": action, "number": issue.number});
        if let Some(changes) = changes {
            body["changes"] = self.changes(changes);
        }
        let viewer = if action == "deleted" { issue.poster } else { who };
        body["issue"] = self.issue(issue, Some(viewer));
        body["repository"] = self.delivered_repo(issue.repository, Some(who));
        // The repository is from before the event, so it counts the issues that were open then.
        let open = body["repository"]["open_issues_count"].as_i64().unwrap_or_default();
        body["repository"]["open_issues_count"] = json!(match action {
            "opened" | "reopened" => open - 1,
            "closed" => open + 1,
            _ => open,
        });
        body["sender"] = self.user(who, Viewer::Anonymous);
        body["commit_id"] = json!("");
        let event = Event { coarse: "issues", fine };
        self.notify(Some(issue.repository), self.owner_of(issue.repository), event, |_| body.clone());
    }

    /// The latest forge also lists the added and removed labels.
    fn changes(&self, mut changes: Value) -> Value {
        if self.version.is_latest() {
            changes["added_labels"] = Value::Null;
            changes["removed_labels"] = Value::Null;
        }
        changes
    }

    pub(crate) fn announce_comment(&mut self, comment: &Comment, who: i64, action: &str, before: Option<String>) {
        let issue = self.issues.iter().find(|issue| issue.id == comment.issue).cloned().unwrap();
        let mut body = json!({
            "action": action,
            "issue": self.issue(&issue, Some(who)),
            "comment": self.comment(comment),
        });
        if !self.version.is_latest() {
            // The issue is from before the event, so it counts the comments of then.
            let count = body["issue"]["comments"].as_i64().unwrap_or_default();
            body["issue"]["comments"] = json!(match action {
                "created" => count - 1,
                "deleted" => count + 1,
                _ => count,
            });
        }
        if let Some(before) = before {
            body["changes"] = self.changes(json!({"body": {"from": before}}));
        }
        body["repository"] = self.delivered_repo(issue.repository, Some(who));
        body["sender"] = self.user(who, Viewer::Anonymous);
        body["is_pull"] = json!(false);
        let owner = self.owner_of(issue.repository);
        self.notify(Some(issue.repository), owner, Event::plain("issue_comment"), |_| body.clone());
    }

    pub(crate) fn announce_release(&mut self, id: i64, who: i64, release: &Value) {
        let body = json!({
            "action": "published",
            "release": release,
            "repository": self.delivered_repo(id, Some(who)),
            "sender": self.user(who, Viewer::Anonymous),
        });
        self.notify(Some(id), self.owner_of(id), Event::plain("release"), |_| body.clone());
    }

    /// Gitea 1.22 and Forgejo 10 never deliver it.
    pub(crate) fn announce_package(&mut self, package: &Package, who: i64, action: &str) {
        if self.version.is_old() {
            return;
        }
        let body = json!({
            "action": action,
            "repository": null,
            "package": self.package(package, Some(who)),
            "organization": self.organization(package.owner),
            "sender": self.user(who, Viewer::Anonymous),
        });
        let linked = self.repositories.iter().map(|r: &Repository| r.id);
        let linked = linked.filter(|id| Some(*id) == package.repository).max();
        self.notify(linked, package.owner, Event::plain("package"), |_| body.clone());
    }
}
