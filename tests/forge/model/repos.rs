//! Repositories as a whole: made, generated, renamed, archived, transferred, forked, deleted.

use serde_json::json;

use super::call::{Answer, Call, Reply};
use super::git::{self, Files};
use super::state::{Mode, State};

impl State {
    fn shown(&self, status: u16, id: i64, call: &Call) -> Answer {
        Answer::json(status, &self.repo(self.repository(id), call.account()))
    }

    pub(crate) fn repo_by_id(&self, call: &Call, id: &str) -> Reply {
        let found = self.repositories.iter().find(|r| r.id.to_string() == id);
        let found = found.filter(|repository| self.may_see(call.account(), repository));
        let found = found.ok_or_else(|| self.not_found())?;
        Ok(self.shown(200, found.id, call))
    }

    fn name_is_free(&self, owner: i64, name: &str) -> Result<(), Answer> {
        if self.repository_named(&self.account(owner).login, name).is_some() {
            return Err(self.refuse(409, "The repository with the same name already exists."));
        }
        Ok(())
    }

    pub(crate) fn create_repo(&mut self, call: &Call, owner: i64) -> Reply {
        if !self.is_owner(call.me(), owner) {
            return Err(self.refuse(403, "Given user is not allowed to create repository in organization."));
        }
        let name = call.text("name");
        self.name_is_free(owner, &name)?;
        let id = self.make_repo(owner, &name, &call.text("default_branch"));
        let repository = self.repository_mut(id);
        repository.private = call.flag("private");
        repository.template = call.flag("template");
        repository.made_alone = true;
        if call.flag("auto_init") {
            self.initialize(id, call.me());
        }
        self.announce_repository(id, call.me(), "created");
        Ok(self.shown(201, id, call))
    }

    pub(crate) fn in_repo_itself(&mut self, call: &Call, id: i64, rest: &[&str]) -> Reply {
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(self.shown(200, id, call)),
            ("POST", ["generate"]) => self.generate(call, id),
            ("POST", ["forks"]) => self.fork(call, id),
            _ => {
                self.need_admin(call, self.repository(id))?;
                match (call.method.as_str(), rest) {
                    ("PATCH", []) => self.edit_repo(call, id),
                    ("DELETE", []) => self.delete_repo(call, id),
                    ("POST", ["transfer"]) => self.transfer(call, id),
                    _ => Err(Answer::no_such_page()),
                }
            }
        }
    }

    /// A repository with the files of a template, as one first commit. The answer is from before the files exist.
    fn generate(&mut self, call: &Call, template: i64) -> Reply {
        let owner = self.account_named(&call.text("owner")).map(|account| account.id);
        let owner = owner.ok_or_else(|| self.not_found())?;
        let name = call.text("name");
        self.name_is_free(owner, &name)?;
        let branch = self.repository(template).default_branch.clone();
        let id = self.make_repo(owner, &name, &branch);
        self.repository_mut(id).private = call.flag("private");
        if call.flag("git_content") {
            self.copy_files(template, id, call.me());
        }
        if call.flag("labels") {
            self.repository_mut(id).labels = self.repository(template).labels.clone();
        }
        self.announce_repository(id, call.me(), "created");
        let mut answer = self.repo(self.repository(id), call.account());
        for (key, early) in [
            ("default_branch", json!("")),
            ("watchers_count", json!(0)),
            ("size", json!(0)),
            ("branch_count", json!(0)),
        ] {
            if answer.get(key).is_some() {
                answer[key] = early;
            }
        }
        Ok(Answer::json(201, &answer))
    }

    fn copy_files(&self, from: i64, to: i64, who: i64) {
        let source = self.git(from);
        let Some(head) = git::resolve(&source, "HEAD") else {
            return;
        };
        let mut files = Files::new();
        let mut entries = Vec::new();
        let tree = head.tree().unwrap();
        tree.walk(git2::TreeWalkMode::PreOrder, |root, entry| {
            let name = entry.name().unwrap_or_default();
            entries.push((format!("{root}{name}"), entry.id()));
            0
        })
        .unwrap();
        for (path, oid) in entries {
            if let Ok(blob) = source.find_blob(oid) {
                files.insert(path, Some(blob.content().to_vec()));
            }
        }
        self.add_commit(to, &files, &self.author(who), "Initial commit\n");
    }

    fn edit_repo(&mut self, call: &Call, id: i64) -> Reply {
        let now = self.now();
        if let Some(name) = call.body["name"].as_str() {
            self.rename(id, name);
        }
        if let Some(archived) = call.body["archived"].as_bool() {
            let repository = self.repository_mut(id);
            repository.archived = archived.then_some(now);
        }
        if let Some(template) = call.body["template"].as_bool() {
            self.repository_mut(id).template = template;
        }
        if let Some(private) = call.body["private"].as_bool() {
            self.repository_mut(id).private = private;
        }
        Ok(self.shown(200, id, call))
    }

    /// From now on the old name redirects, until another repository takes it.
    pub(crate) fn rename(&mut self, id: i64, name: &str) {
        let repository = self.repository(id);
        let (owner, old) = (repository.owner, repository.name.clone());
        if old != name {
            self.forget_pushes(id, None);
            self.former_names.push((owner, old, id));
            self.former_names.retain(|former| *former != (owner, name.to_owned(), id));
            name.clone_into(&mut self.repository_mut(id).name);
        }
    }

    pub(crate) fn move_to(&mut self, id: i64, owner: i64) {
        let repository = self.repository(id);
        let (old, name) = (repository.owner, repository.name.clone());
        self.former_names.push((old, name.clone(), id));
        self.former_names.retain(|former| *former != (owner, name.clone(), id));
        self.repository_mut(id).owner = owner;
        for team in &mut self.teams {
            team.repositories.remove(&id);
        }
    }

    fn transfer(&mut self, call: &Call, id: i64) -> Reply {
        let owner = self.account_named(&call.text("new_owner")).map(|account| account.id);
        let owner = owner.ok_or_else(|| self.not_found())?;
        self.move_to(id, owner);
        Ok(self.shown(202, id, call))
    }

    fn fork(&mut self, call: &Call, of: i64) -> Reply {
        let owner = match call.body["organization"].as_str() {
            Some(name) => self.account_named(name).map(|account| account.id),
            None => call.account(),
        };
        let owner = owner.ok_or_else(|| self.not_found())?;
        let name = self.repository(of).name.clone();
        self.name_is_free(owner, &name)?;
        let branch = self.repository(of).default_branch.clone();
        let id = self.make_repo(owner, &name, &branch);
        self.repository_mut(id).fork_of = Some(of);
        self.copy_git(of, id);
        self.announce_fork(of, id, call.me());
        let mut answer = self.repo(self.repository(id), call.account());
        // The answer is from before the fork is filled.
        for (key, early) in [("watchers_count", json!(0)), ("size", json!(0))] {
            answer[key] = early;
        }
        Ok(Answer::json(202, &answer))
    }

    fn delete_repo(&mut self, call: &Call, id: i64) -> Reply {
        if self.general_mode(call.account(), self.repository(id)) < Mode::Owner {
            return Err(self.refuse(403, "Must be owner"));
        }
        self.announce_repository(id, call.me(), "deleted");
        self.repositories.retain(|repository| repository.id != id);
        self.statuses.retain(|status| status.repository != id);
        let gone: Vec<i64> = self.issues.iter().filter(|i| i.repository == id).map(|i| i.id).collect();
        self.comments.retain(|comment| !gone.contains(&comment.issue));
        self.issues.retain(|issue| issue.repository != id);
        Ok(Answer::empty(204))
    }
}
