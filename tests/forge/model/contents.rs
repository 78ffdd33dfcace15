//! Writing files by API: one commit for all of them, refused as a whole. When another writer moves the branch between a
//! writer's look and its commit, the writer loses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::{Commit, Oid};
use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::git::{self, Files};
use super::shape_git::unsigned;
use super::state::{Mode, State};

impl State {
    /// The commit of the branch that a request will write to; `None` for other requests.
    pub(crate) fn looked_at(&self, call: &Call) -> Option<String> {
        let steps: Vec<&str> = call.steps.iter().map(String::as_str).collect();
        let ["repos", owner, name, "contents", ..] = steps[..] else {
            return None;
        };
        if call.method == "GET" {
            return None;
        }
        let id = self.repository_named(owner, name)?.id;
        let head = self.git(id).refname_to_id(&self.branch_ref(call, id)).ok()?;
        Some(head.to_string())
    }

    fn branch_ref(&self, call: &Call, id: i64) -> String {
        let branch = Some(call.text("branch")).filter(|branch| !branch.is_empty());
        let branch = branch.unwrap_or_else(|| self.repository(id).default_branch.clone());
        format!("refs/heads/{branch}")
    }

    pub(crate) fn write_contents(&mut self, call: &Call, id: i64, path: &str) -> Reply {
        if self.unit_mode(call.account(), self.repository(id), "repo.code") < Mode::Write {
            return Err(self.refuse(403, "user should have a permission to write to the target branch"));
        }
        if self.repository(id).archived.is_some() {
            return Err(self.refuse(423, &format!("{} is archived", self.full_name(id))));
        }
        let git = self.git(id);
        let branch = self.branch_ref(call, id);
        let head = git.refname_to_id(&branch).map_err(|_| self.not_found())?;
        let seen = call.seen.as_ref().map_or(head, |seen| Oid::from_str(seen).unwrap());
        let base = git.find_commit(seen).unwrap();
        let asked = asked(call, path);
        let files = self.planned(&base, &asked)?;
        if head != seen {
            return Err(self.lost(&branch, head, seen));
        }
        let message = format!("{}\n", call.text("message"));
        let commit = git::commit(&git, Some(head), &files, &self.author(call.me()), &message);
        git::point(&git, &branch, commit);
        self.announce_push(id, call.me(), &branch, Some(head), commit);
        let commit = git.find_commit(commit).unwrap();
        let at = branch.trim_start_matches("refs/heads/");
        let bodies = asked
            .iter()
            .filter(|asked| asked["operation"] != "delete")
            .map(|asked| self.file(id, &commit, asked["path"].as_str().unwrap_or_default(), at, true));
        let bodies: Vec<Value> = bodies.collect();
        let mut body = json!({"commit": self.file_commit(id, &commit), "verification": unsigned()});
        if path.is_empty() {
            body["files"] = json!(bodies);
        } else {
            body["content"] = bodies.into_iter().next().unwrap_or_default();
        }
        let created = path.is_empty() || call.method == "POST";
        Ok(Answer::json(if created { 201 } else { 200 }, &body))
    }

    /// The latest forge reports the reason; the others fail without a message.
    fn lost(&self, branch: &str, head: Oid, seen: Oid) -> Answer {
        if self.version.is_latest() {
            let words = format!("cannot lock ref '{branch}': is at {head} but expected {seen}");
            self.refuse(403, &words)
        } else {
            self.failed()
        }
    }

    /// The files after the operations, on top of a commit.
    fn planned(&self, base: &Commit, asked: &[Value]) -> Result<Files, Answer> {
        let tree = base.tree().unwrap();
        let mut files = Files::new();
        for asked in asked {
            let path = asked["path"].as_str().unwrap_or_default();
            if path.is_empty() || path.split('/').any(|step| matches!(step, "" | "." | ".." | ".git")) {
                return Err(self.failed());
            }
            let now = tree.get_path(path.as_ref()).ok().map(|entry| entry.id().to_string());
            let given = asked["sha"].as_str().filter(|sha| !sha.is_empty());
            match (asked["operation"].as_str().unwrap_or_default(), &now) {
                ("create", Some(_)) => {
                    let words = format!("repository file already exists [path: {path}]");
                    return Err(self.refuse(422, &words));
                }
                ("update" | "delete", None) => return Err(self.not_found()),
                ("update" | "delete", Some(now)) if given != Some(now) => {
                    let given = given.unwrap_or_default();
                    let words = format!("sha does not match [given: {given}, expected: {now}]");
                    return Err(self.refuse(422, &words));
                }
                _ => {}
            }
            let content = STANDARD.decode(asked["content"].as_str().unwrap_or_default());
            let content = content.map_err(|_| self.refuse(422, "illegal base64 data"))?;
            let keeps = asked["operation"] != "delete";
            files.insert(path.to_owned(), keeps.then_some(content));
        }
        Ok(files)
    }
}

/// The operations of a request: its list, or the operation of its method and path.
fn asked(call: &Call, path: &str) -> Vec<Value> {
    if path.is_empty() {
        return call.body["files"].as_array().cloned().unwrap_or_default();
    }
    let mut one = call.body.clone();
    one["path"] = json!(path);
    let fresh = one["sha"].as_str().is_none_or(str::is_empty);
    one["operation"] = json!(match call.method.as_str() {
        "DELETE" => "delete",
        "PUT" if !fresh => "update",
        _ => "create",
    });
    vec![one]
}
