//! Actions of the forge's administrator, and deletions: accounts are made and deleted, tokens and organizations
//! deleted. An object with dependants is not deleted.

use super::call::{Answer, Call, Reply};
use super::shape::Viewer;
use super::state::{Label, Scope, State};

impl State {
    pub(crate) fn in_admin(&mut self, call: &Call, rest: &[&str]) -> Reply {
        if !self.account(call.me()).is_admin {
            return Err(self.refuse(403, "user should be the site admin"));
        }
        match (call.method.as_str(), rest) {
            ("POST", ["users"]) => self.create_user(call),
            ("DELETE", ["users", login]) => self.delete_user(login),
            _ => Err(Answer::no_such_page()),
        }
    }

    fn create_user(&mut self, call: &Call) -> Reply {
        let login = call.text("username");
        if self.account_named(&login).is_some() {
            return Err(self.refuse(422, &format!("user already exists [name: {login}]")));
        }
        let id = self.make_person(&login, &call.text("password"), false);
        let shown = self.user(id, Viewer::of(call.account()));
        Ok(Answer::json(201, &shown))
    }

    fn delete_user(&mut self, login: &str) -> Reply {
        let person = self.account_named(login).filter(|a| a.password.is_some());
        let id = person.map(|account| account.id);
        let id = id.ok_or_else(|| self.no_such_user(login))?;
        if self.repositories.iter().any(|r| r.owner == id) {
            let words = format!("user still has ownership of repositories [uid: {id}]");
            return Err(self.refuse(422, &words));
        }
        if self.teams.iter().any(|team| team.members.contains(&id)) {
            let words = format!("user still has membership of organizations [uid: {id}]");
            return Err(self.refuse(422, &words));
        }
        self.tokens.retain(|token| token.account != id);
        for repository in &mut self.repositories {
            repository.collaborators.remove(&id);
            repository.watchers.remove(&id);
        }
        // Its number stays on its texts; signing in by that name is impossible.
        let mut accounts = self.accounts.iter_mut();
        let account = accounts.find(|account| account.id == id).unwrap();
        account.login = format!("ghost-{id}");
        account.password = None;
        Ok(Answer::empty(204))
    }

    /// By name or number, and with a password alone.
    pub(crate) fn delete_token(&mut self, call: &Call, login: &str, token: &str) -> Reply {
        let account = self.account_named(login).map(|account| account.id);
        let account = account.ok_or_else(|| self.not_found())?;
        let who = call.who.as_ref();
        if who.is_none_or(|who| who.scopes.is_some() || who.account != account) {
            return Err(self.refuse(401, "auth required"));
        }
        let before = self.tokens.len();
        self.tokens.retain(|known| known.account != account || (known.name != token && known.id.to_string() != token));
        if self.tokens.len() == before {
            return Err(self.not_found());
        }
        Ok(Answer::empty(204))
    }

    pub(crate) fn delete_org(&mut self, call: &Call, org: i64) -> Reply {
        if !self.is_owner(call.me(), org) && !self.account(call.me()).is_admin {
            return Err(self.refuse(403, "Must be an organization owner"));
        }
        if self.repositories.iter().any(|r| r.owner == org) || self.packages.iter().any(|p| p.owner == org) {
            return Err(self.failed());
        }
        self.teams.retain(|team| team.organization != org);
        self.hooks.retain(|hook| hook.scope != Scope::Organization(org));
        self.org_labels.remove(&org);
        self.former_names.retain(|(owner, _, _)| *owner != org);
        self.accounts.retain(|account| account.id != org);
        Ok(Answer::empty(204))
    }

    /// Labels of all repositories of an organization.
    pub(crate) fn in_org_labels(&mut self, call: &Call, org: i64) -> Reply {
        if call.method == "GET" {
            let labels = self.org_labels.get(&org).cloned().unwrap_or_default();
            return Ok(self.page(call, labels, |label| self.org_label(org, label)));
        }
        if call.method != "POST" {
            return Err(Answer::no_such_page());
        }
        if !self.is_owner(call.me(), org) {
            return Err(self.refuse(403, "Must be an organization owner"));
        }
        let label = Label {
            id: self.next("label"),
            name: call.text("name"),
            color: call.text("color").trim_start_matches('#').to_owned(),
            description: call.text("description"),
        };
        self.org_labels.entry(org).or_default().push(label.clone());
        Ok(Answer::json(201, &self.org_label(org, &label)))
    }
}
