//! The server itself, accounts, tokens, organizations and teams.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::{Answer, Call, Reply};
use super::shape::{Viewer, ZERO_TIME};
use super::state::{Mode, Repository, Scope, State, Team};

impl State {
    pub(crate) fn version(&self) -> Answer {
        Answer::json(200, &json!({"version": self.version.version()}))
    }

    pub(crate) fn settings(&self) -> Answer {
        let mut settings = json!({
            "max_response_items": 50,
            "default_paging_num": 30,
            "default_git_trees_per_page": 1000,
            "default_max_blob_size": 10_485_760,
        });
        if !self.version.is_old() {
            settings["default_max_response_size"] = json!(104_857_600);
        }
        Answer::json(200, &settings)
    }

    pub(crate) fn current_user(&self, call: &Call) -> Answer {
        Answer::json(200, &self.user(call.me(), Viewer::Account(call.me())))
    }

    /// Organizations that the account is in.
    pub(crate) fn our_orgs(&self, call: &Call) -> Answer {
        let all = self.accounts.iter().map(|account| account.id);
        let mine: Vec<i64> = all.filter(|org| self.is_member(call.me(), *org)).collect();
        self.page(call, mine, |org| self.organization(*org))
    }

    pub(crate) fn one_user(&self, call: &Call, login: &str) -> Reply {
        let Some(account) = self.account_named(login) else {
            return Err(self.no_such_user(login));
        };
        let viewer = Viewer::of(call.account());
        Ok(Answer::json(200, &self.user(account.id, viewer)))
    }

    /// Tokens are made with a password, never with another token.
    pub(crate) fn create_token(&mut self, call: &Call, login: &str) -> Reply {
        let account = self.account_named(login).map(|account| account.id);
        let account = account.ok_or_else(|| self.not_found())?;
        if call.who.as_ref().is_none_or(|who| who.scopes.is_some() || who.account != account) {
            return Err(self.refuse(401, "auth required"));
        }
        let name = call.text("name");
        if self.tokens.iter().any(|t| t.account == account && t.name == name && !name.is_empty()) {
            return Err(self.refuse(400, "access token name has been used already"));
        }
        let scopes = call.body["scopes"].as_array().cloned().unwrap_or_default();
        let scopes: Vec<String> = scopes.iter().filter_map(|s| s.as_str().map(str::to_owned)).collect();
        let (id, secret, scopes) = self.make_token(account, scopes);
        let mut made = self.tokens.iter_mut();
        made.find(|token| token.id == id).unwrap().name.clone_from(&name);
        let mut body = json!({
            "id": id,
            "name": name,
            "sha1": secret,
            "token_last_eight": &secret[secret.len() - 8..],
            "scopes": scopes,
        });
        if self.version == super::version::ForgeVersion::Gitea122 {
            body["scopes"] = Value::Null;
        }
        if self.version.is_latest() {
            body["created_at"] = json!(ZERO_TIME);
            body["last_used_at"] = json!(ZERO_TIME);
        }
        Ok(Answer::json(201, &body))
    }

    /// A token with its scopes in the order that the forge keeps them in.
    pub(crate) fn make_token(&mut self, account: i64, mut scopes: Vec<String>) -> (i64, String, Vec<String>) {
        const AREAS: [&str; 9] =
            ["activitypub", "admin", "misc", "notification", "organization", "package", "issue", "repository", "user"];
        let area = |scope: &String| AREAS.iter().position(|area| scope.ends_with(area));
        scopes.sort_by_key(area);
        let id = self.next("token");
        let secret = hex::encode(referee::clock::random_bytes::<20>());
        self.tokens.push(super::state::Token {
            id,
            name: String::new(),
            account,
            secret: secret.clone(),
            scopes: scopes.clone(),
        });
        (id, secret, scopes)
    }

    pub(crate) fn org_permissions(&self, call: &Call, login: &str, org: &str) -> Reply {
        let org = self.visible_org(call, org)?;
        let Some(account) = self.account_named(login) else {
            return Err(self.refuse(404, &format!("user redirect does not exist [name: {login}]")));
        };
        let teams = self.teams.iter();
        let teams = teams.filter(|t| t.organization == org && t.members.contains(&account.id));
        let mode = teams.map(|team| team.mode).max().unwrap_or(Mode::None);
        Ok(Answer::json(
            200,
            &json!({
                "is_owner": mode >= Mode::Owner,
                "is_admin": mode >= Mode::Admin,
                "can_write": mode >= Mode::Write,
                "can_read": mode >= Mode::Read,
                "can_create_repository": mode >= Mode::Owner,
            }),
        ))
    }

    fn visible_org(&self, call: &Call, name: &str) -> Result<i64, Answer> {
        let org = self.account_named(name).filter(|account| account.password.is_none());
        let org = org.ok_or_else(|| self.not_found())?;
        let member = call.account().is_some_and(|who| self.is_member(who, org.id) || self.account(who).is_admin);
        match org.visibility.as_str() {
            "private" if !member => Err(self.not_found()),
            "limited" if call.who.is_none() => Err(self.not_found()),
            _ => Ok(org.id),
        }
    }

    pub(crate) fn create_org(&mut self, call: &Call) -> Reply {
        let id = self.make_org(&call.text("username"), &call.text("visibility"), call.me());
        let full = call.text("full_name");
        self.accounts.iter_mut().filter(|a| a.id == id).for_each(|a| a.full_name.clone_from(&full));
        Ok(Answer::json(201, &self.organization(id)))
    }

    pub(crate) fn in_org(&mut self, call: &Call, org: &str, rest: &[&str]) -> Reply {
        let org = self.visible_org(call, org)?;
        let is_member = self.is_member(call.me(), org);
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.organization(org))),
            ("DELETE", []) => self.delete_org(call, org),
            (_, ["labels"]) => self.in_org_labels(call, org),
            ("GET", ["members", login]) => self.org_member(call, org, login),
            ("GET", ["repos"]) => Ok(self.org_repos(call, org)),
            ("POST", ["repos"]) => self.create_repo(call, org),
            (_, ["teams", ..]) if !is_member => Err(self.refuse(403, "Must be an organization member")),
            ("GET", ["teams"]) => Ok(self.org_teams(call, org)),
            ("GET", ["teams", "search"]) => Ok(self.search_teams(call, org)),
            (_, ["teams" | "hooks", ..]) if !self.is_owner(call.me(), org) => {
                Err(self.refuse(403, "Must be an organization owner"))
            }
            ("POST", ["teams"]) => self.create_team(call, org),
            (_, ["hooks", rest @ ..]) => self.in_hooks(call, Scope::Organization(org), rest),
            _ => Err(Answer::no_such_page()),
        }
    }

    /// Only members see the other members; others are redirected to the list of public members.
    fn org_member(&self, call: &Call, org: i64, login: &str) -> Reply {
        let Some(account) = self.account_named(login) else {
            return Err(self.no_such_user(login));
        };
        if !self.is_member(call.me(), org) {
            let path = call.path.replacen("/members/", "/public_members/", 1);
            return Err(Answer::redirect(call, 303, "See Other", &path));
        }
        if self.is_member(account.id, org) { Ok(Answer::empty(204)) } else { Err(self.not_found()) }
    }

    fn org_repos(&self, call: &Call, org: i64) -> Answer {
        let all = self
            .repositories
            .iter()
            .filter(|repository| repository.owner == org && self.may_see(call.account(), repository));
        let all: Vec<&Repository> = all.collect();
        self.page(call, all, |repository| self.repo(repository, call.account()))
    }

    fn teams_sorted(&self, org: i64, owners_first: bool) -> Vec<Team> {
        let teams = self.teams.iter().filter(|team| team.organization == org);
        let mut teams: Vec<Team> = teams.cloned().collect();
        teams.sort_by_key(|team| {
            let owners = owners_first && team.mode == Mode::Owner;
            (!owners, team.name.to_lowercase())
        });
        teams
    }

    fn org_teams(&self, call: &Call, org: i64) -> Answer {
        let teams = self.teams_sorted(org, self.version.is_latest());
        self.page(call, teams, |team| self.team(team, false))
    }

    fn search_teams(&self, call: &Call, org: i64) -> Answer {
        let wanted = call.query.get("q").cloned().unwrap_or_default();
        let mut teams = self.teams_sorted(org, self.version.is_latest());
        teams.retain(|team| team.name.contains(&wanted));
        let (teams, headers) = self.paged(call, teams);
        let bodies: Vec<Value> = teams.iter().map(|team| self.team(team, false)).collect();
        super::refusal::with_all(Answer::json(200, &json!({"data": bodies, "ok": true})), headers)
    }

    /// Teams with access to a repository, the owners first.
    pub(crate) fn repo_teams(&self, id: i64) -> Answer {
        let mut teams = self.teams_sorted(self.repository(id).owner, true);
        teams.retain(|team| team.all_repositories || team.repositories.contains(&id));
        let bodies: Vec<Value> = teams.iter().map(|team| self.team(team, false)).collect();
        Answer::json(200, &json!(bodies))
    }

    fn create_team(&mut self, call: &Call, org: i64) -> Reply {
        let name = call.text("name");
        if self.teams.iter().any(|team| team.organization == org && team.name == name) {
            return Err(self.refuse(422, "team already exists"));
        }
        let units = call.body["units_map"].as_object().cloned().unwrap_or_default();
        let units: Vec<(String, Mode)> =
            units.into_iter().map(|(unit, mode)| (unit, Mode::parse(mode.as_str().unwrap_or_default()))).collect();
        let id = self.make_team(org, &name, &units, call.flag("includes_all_repositories"));
        let team = self.teams.iter_mut().find(|team| team.id == id).unwrap();
        team.may_create = call.flag("can_create_org_repo");
        if call.text("permission") == "admin" {
            team.mode = Mode::Admin;
        }
        let team = team.clone();
        Ok(Answer::json(201, &self.team(&team, true)))
    }

    /// A missing field keeps its value, except for the rights, which are replaced.
    fn edit_team(&mut self, call: &Call, mut team: Team) -> Answer {
        if let Some(units) = call.body["units_map"].as_object() {
            let mode = |mode: &Value| Mode::parse(mode.as_str().unwrap_or_default());
            let units = units.iter().map(|(unit, right)| (unit.clone(), mode(right)));
            team.units = units.collect();
        }
        if let Some(all) = call.body["includes_all_repositories"].as_bool() {
            team.all_repositories = all;
        }
        if let Some(may) = call.body["can_create_org_repo"].as_bool() {
            team.may_create = may;
        }
        let slot = self.teams.iter_mut().find(|other| other.id == team.id).unwrap();
        *slot = team.clone();
        self.watch();
        Answer::json(200, &self.team(&team, false))
    }

    pub(crate) fn in_team(&mut self, call: &Call, id: &str, rest: &[&str]) -> Reply {
        let team = self.teams.iter().find(|team| team.id.to_string() == id).cloned();
        let team = team.ok_or_else(|| self.not_found())?;
        let owner = self.is_owner(call.me(), team.organization) || self.account(call.me()).is_admin;
        if !owner && !team.members.contains(&call.me()) {
            return Err(self.refuse(403, "Must be a team member"));
        }
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.team(&team, true))),
            ("GET", ["members"]) => {
                let members: Vec<i64> = team.members.iter().copied().collect();
                let viewer = Viewer::of(call.account());
                Ok(self.page(call, members, |id| self.user(*id, viewer)))
            }
            ("GET", ["members", login]) => self.team_member(call, &team, login),
            (_, _) if !owner => Err(self.refuse(403, "Must be an organization owner")),
            ("PATCH", []) => Ok(self.edit_team(call, team)),
            ("PUT", ["members", login]) => {
                let account = self.account_named(login).map(|account| account.id);
                let account = account.ok_or_else(|| self.no_such_user(login))?;
                self.add_member(team.id, account);
                Ok(Answer::empty(204))
            }
            ("DELETE", ["members", login]) => {
                let account = self.account_named(login).map(|account| account.id);
                let account = account.ok_or_else(|| self.no_such_user(login))?;
                let team = self.teams.iter_mut().find(|t| t.id == team.id).unwrap();
                team.members.remove(&account);
                Ok(Answer::empty(204))
            }
            ("PUT", ["repos", org, name]) => {
                let repository = self.repository_named(org, name).map(|found| found.id);
                let repository = repository.ok_or_else(|| self.not_found())?;
                self.give_team(team.id, repository);
                Ok(Answer::empty(204))
            }
            _ => Err(Answer::no_such_page()),
        }
    }

    fn team_member(&self, call: &Call, team: &Team, login: &str) -> Reply {
        let Some(account) = self.account_named(login) else {
            return Err(self.no_such_user(login));
        };
        if !team.members.contains(&account.id) {
            return Err(self.not_found());
        }
        let viewer = Viewer::of(call.account());
        Ok(Answer::json(200, &self.user(account.id, viewer)))
    }

    /// Members watch the repositories that they have access to.
    pub(crate) fn watch(&mut self) {
        let teams = self.teams.clone();
        for repository in &mut self.repositories {
            let with_access = teams.iter().filter(|team| {
                let has = team.all_repositories || team.repositories.contains(&repository.id);
                has && team.organization == repository.owner
            });
            let members: BTreeSet<i64> = with_access.flat_map(|team| team.members.clone()).collect();
            repository.watchers.extend(members);
        }
    }
}
