//! Accounts, organizations, teams, repositories and hooks as the API shows them, key by key.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::state::{Account, Hook, Mode, Repository, Scope, State, Team};

pub(super) const ZERO_TIME: &str = "0001-01-01T00:00:00Z";
pub(super) const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A time as the forge writes it.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// The reader of an account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// The forge does not check the reader: the address is hidden.
    Anonymous,
    /// Any account that is signed in.
    SignedIn,
    /// This account, which sees more of itself.
    Account(i64),
}

impl Viewer {
    pub(crate) fn of(account: Option<i64>) -> Self {
        account.map_or(Self::Anonymous, Self::Account)
    }
}

/// The keys of an object, to be completed by version.
fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

impl State {
    fn avatar(&self, account: &Account) -> String {
        let hash = hex::encode(Sha256::digest(account.email.as_bytes()));
        format!("{}/avatars/{}", self.root, &hash[..32])
    }

    /// An account as `user`, `owner`, `sender`.
    pub(crate) fn user(&self, id: i64, viewer: Viewer) -> Value {
        let account = self.account(id);
        let full = match viewer {
            Viewer::Anonymous | Viewer::SignedIn => false,
            Viewer::Account(who) => who == id || self.account(who).is_admin,
        };
        let email = match viewer {
            Viewer::Anonymous => self.version.placeholder(id, &account.login),
            Viewer::SignedIn | Viewer::Account(_) => account.email.clone(),
        };
        let mut user = map(json!({
            "id": id,
            "login": account.login,
            "login_name": "",
            "source_id": 0,
            "full_name": account.full_name,
            "email": email,
            "avatar_url": self.avatar(account),
            "html_url": format!("{}/{}", self.root, account.login),
            "language": "",
            "is_admin": full && account.is_admin,
            "last_login": if full { EPOCH } else { ZERO_TIME },
            "created": time(account.created),
            "restricted": false,
            "active": full,
            "prohibit_login": false,
            "location": "",
            "pronouns": "",
            "website": "",
            "description": "",
            "visibility": account.visibility,
            "followers_count": 0,
            "following_count": 0,
            "starred_repos_count": 0,
            "username": account.login,
        }));
        if self.version == super::version::ForgeVersion::Gitea122 {
            user.shift_remove("html_url");
        }
        if !self.version.is_forgejo() {
            user.shift_remove("pronouns");
        }
        Value::Object(user)
    }

    pub(crate) fn organization(&self, id: i64) -> Value {
        let account = self.account(id);
        json!({
            "id": id,
            "name": account.login,
            "full_name": account.full_name,
            "email": "",
            "avatar_url": self.avatar(account),
            "description": "",
            "website": "",
            "location": "",
            "visibility": account.visibility,
            "repo_admin_change_team_access": false,
            "username": account.login,
        })
    }

    pub(crate) fn team(&self, team: &Team, with_organization: bool) -> Value {
        let units: Vec<&String> = team.units.keys().collect();
        let rights = team.units.iter();
        let rights: Map<String, Value> = rights.map(|(unit, mode)| (unit.clone(), json!(mode.name()))).collect();
        json!({
            "id": team.id,
            "name": team.name,
            "description": "",
            "organization": with_organization.then(|| self.organization(team.organization)),
            "includes_all_repositories": team.all_repositories,
            "permission": team.mode.name(),
            "units": units,
            "units_map": rights,
            "can_create_org_repo": team.may_create,
        })
    }

    pub(crate) fn hook(&self, hook: &Hook) -> Value {
        let mut shown = map(json!({
            "id": hook.id,
            "type": hook.kind,
            "branch_filter": hook.branch_filter,
            "config": {"content_type": hook.content_type, "url": hook.url},
            "events": hook.events,
            "authorization_header": hook.authorization,
            "active": hook.active,
            "updated_at": time(hook.created),
            "created_at": time(hook.created),
        }));
        if self.version.is_latest() {
            shown.insert("name".to_owned(), json!(""));
        }
        if self.version.is_forgejo() {
            shown.insert("url".to_owned(), json!(hook.url));
            shown.insert("content_type".to_owned(), json!(hook.content_type));
            shown.insert("metadata".to_owned(), Value::Null);
        }
        Value::Object(shown)
    }

    /// Hooks of one level, oldest first.
    pub(crate) fn hooks_of(&self, scope: Scope) -> Vec<Hook> {
        let hooks = self.hooks.iter().filter(|hook| hook.scope == scope);
        hooks.cloned().collect()
    }

    /// A repository for an account; the owner's address is always hidden.
    pub(crate) fn repo(&self, repository: &Repository, who: Option<i64>) -> Value {
        let (push, pull) = self.access(repository, who);
        let general = self.general_mode(who, repository);
        let owner = if general > Mode::None { Viewer::SignedIn } else { Viewer::Anonymous };
        let permissions = json!({"admin": general >= Mode::Admin, "push": push, "pull": pull});
        let mut repo = self.repo_facts(repository);
        repo.extend(self.repo_defaults());
        repo.insert("owner".to_owned(), self.user(repository.owner, owner));
        repo.insert("permissions".to_owned(), permissions);
        self.repo_settings(repository, who, &mut repo);
        Value::Object(repo)
    }

    /// Whether an account may push to a repository, and read it.
    fn access(&self, repository: &Repository, who: Option<i64>) -> (bool, bool) {
        let code = self.unit_mode(who, repository, "repo.code");
        let issues = self.unit_mode(who, repository, "repo.issues");
        let best = code.max(issues);
        (best >= Mode::Write, best >= Mode::Read)
    }

    fn repo_facts(&self, repository: &Repository) -> Map<String, Value> {
        let full = self.full_name(repository.id);
        let url = format!("{}/{full}", self.root);
        let api = format!("{}/api/v1/repos/{full}", self.root);
        let host = self.root.split("://").nth(1).unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let archived = repository.archived.map_or(EPOCH.to_owned(), time);
        let open = self.issues.iter().filter(|issue| issue.repository == repository.id && issue.closed.is_none());
        map(json!({
            "id": repository.id,
            "owner": null,
            "name": repository.name,
            "full_name": full,
            "description": "",
            "empty": super::git::refs(&self.git(repository.id)).is_empty(),
            "private": repository.private,
            "fork": repository.fork_of.is_some(),
            "template": repository.template,
            "mirror": false,
            "size": 25,
            "language": "",
            "languages_url": format!("{api}/languages"),
            "html_url": url,
            "url": api,
            "link": "",
            "ssh_url": format!("forge@{host}:{full}.git"),
            "clone_url": format!("{url}.git"),
            "original_url": "",
            "website": "",
            "stars_count": 0,
            "forks_count": self.repositories.iter()
                .filter(|fork| fork.fork_of == Some(repository.id)).count(),
            "watchers_count": repository.watchers.len(),
            "open_issues_count": open.count(),
            "open_pr_counter": 0,
            "release_counter": repository.releases,
            "default_branch": repository.default_branch,
            "archived": repository.archived.is_some(),
            "created_at": time(repository.created),
            "updated_at": time(repository.updated),
            "archived_at": archived,
            "permissions": null,
        }))
    }

    /// The keys that are the same for all repositories of the model.
    fn repo_defaults(&self) -> Map<String, Value> {
        map(json!({
            "has_issues": true,
            "internal_tracker": {
                "enable_time_tracker": true,
                "allow_only_contributors_to_track_time": true,
                "enable_issue_dependencies": true,
            },
            "has_wiki": true,
            "has_pull_requests": true,
            "has_projects": true,
            "has_releases": true,
            "has_packages": true,
            "has_actions": true,
            "ignore_whitespace_conflicts": false,
            "allow_merge_commits": true,
            "allow_rebase": true,
            "allow_rebase_explicit": true,
            "allow_squash_merge": true,
            "allow_fast_forward_only_merge": true,
            "allow_rebase_update": true,
            "default_delete_branch_after_merge": false,
            "default_merge_style": "merge",
            "default_allow_maintainer_edit": self.version.is_latest(),
            "avatar_url": "",
            "internal": false,
            "mirror_interval": "",
            "object_format_name": "sha1",
            "mirror_updated": ZERO_TIME,
        }))
    }

    /// The keys in which the versions differ.
    fn repo_settings(&self, of: &Repository, who: Option<i64>, repo: &mut Map<String, Value>) {
        use super::version::ForgeVersion as D;
        let mut set = |key: &str, value: Value| repo.insert(key.to_owned(), value);
        if self.version.is_forgejo() {
            set("globally_editable_wiki", json!(false));
            set("default_update_style", json!("merge"));
            set("topics", Value::Null);
            if of.made_alone {
                set("wiki_branch", json!("main"));
            }
        } else {
            set("projects_mode", json!("all"));
        }
        match self.version {
            D::Gitea127 => {
                set("has_actions", json!(!of.template));
                set("branch_count", json!(self.branch_count(of.id)));
                set("has_code", json!(true));
                set("allow_manual_merge", json!(false));
                set("autodetect_manual_merge", json!(false));
                set("topics", json!([]));
                set("licenses", json!([]));
            }
            D::Gitea124 => {
                set("has_actions", json!(!of.template));
                set("topics", json!([]));
                set("licenses", Value::Null);
            }
            D::Gitea122 => {
                set("object_format_name", json!(""));
            }
            D::Forgejo10 => {}
        }
        if of.fork_of.is_some() {
            for part in ["issues", "wiki", "projects", "releases", "packages", "actions"] {
                set(&format!("has_{part}"), json!(false));
            }
        }
        let parent = of.fork_of.map(|id| self.repository(id));
        if !self.version.is_latest() {
            set("repo_transfer", Value::Null);
            set("parent", json!(parent.map(|parent| self.repo(parent, who))));
        } else if let Some(parent) = parent {
            set("parent", self.repo(parent, who));
        }
        if of.fork_of.is_some() {
            repo.shift_remove("internal_tracker");
        }
    }

    fn branch_count(&self, id: i64) -> usize {
        let git = self.git(id);
        let branches = git.branches(Some(git2::BranchType::Local)).unwrap();
        branches.count()
    }
}
