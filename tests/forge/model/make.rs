//! Makes accounts, organizations, teams and repositories, for the API and for tests.

use std::collections::{BTreeMap, BTreeSet};

use super::git::{self, Author, Files};
use super::state::{Account, Mode, Repository, State, Team};

const OWNER_UNITS: [&str; 10] = [
    "repo.code",
    "repo.issues",
    "repo.pulls",
    "repo.releases",
    "repo.wiki",
    "repo.ext_wiki",
    "repo.ext_issues",
    "repo.projects",
    "repo.packages",
    "repo.actions",
];

impl State {
    pub(crate) fn make_person(&mut self, login: &str, password: &str, is_admin: bool) -> i64 {
        let email = format!("{login}@example.org");
        self.make_account(login, &email, "public", Some(password.to_owned()), is_admin)
    }

    fn make_account(
        &mut self,
        login: &str,
        email: &str,
        visibility: &str,
        password: Option<String>,
        is_admin: bool,
    ) -> i64 {
        let id = self.next("account");
        let created = self.now();
        self.accounts.push(Account {
            id,
            login: login.to_owned(),
            full_name: String::new(),
            email: email.to_owned(),
            created,
            visibility: visibility.to_owned(),
            password,
            is_admin,
        });
        id
    }

    /// Gives an account another name. The old name is free.
    pub(crate) fn rename_account(&mut self, id: i64, login: &str) {
        let mut all = self.accounts.iter_mut();
        let account = all.find(|account| account.id == id).unwrap();
        login.clone_into(&mut account.login);
    }

    /// An organization with its team of owners.
    pub(crate) fn make_org(&mut self, name: &str, visibility: &str, owner: i64) -> i64 {
        let visibility = if visibility.is_empty() { "public" } else { visibility };
        let org = self.make_account(name, "", visibility, None, false);
        let units: Vec<_> = OWNER_UNITS.iter().map(|u| ((*u).to_owned(), Mode::Owner)).collect();
        let team = self.make_team(org, "Owners", &units, true);
        let owners = self.teams.iter_mut().find(|t| t.id == team).unwrap();
        owners.mode = Mode::Owner;
        owners.may_create = true;
        owners.members = BTreeSet::from([owner]);
        org
    }

    /// A team with rights by unit. Old forges also derive a general right from them: the least.
    pub(crate) fn make_team(&mut self, org: i64, name: &str, units: &[(String, Mode)], all: bool) -> i64 {
        let id = self.next("team");
        let least = units.iter().map(|(_, mode)| *mode).min();
        self.teams.push(Team {
            id,
            organization: org,
            name: name.to_owned(),
            mode: least.filter(|_| self.version.is_old()).unwrap_or(Mode::None),
            units: units.iter().cloned().collect(),
            all_repositories: all,
            may_create: false,
            members: BTreeSet::new(),
            repositories: BTreeSet::new(),
        });
        id
    }

    pub(crate) fn add_member(&mut self, team: i64, account: i64) {
        let team = self.teams.iter_mut().find(|t| t.id == team).unwrap();
        team.members.insert(account);
        self.watch();
    }

    pub(crate) fn give_team(&mut self, team: i64, repository: i64) {
        let team = self.teams.iter_mut().find(|t| t.id == team).unwrap();
        team.repositories.insert(repository);
        self.watch();
    }

    /// An empty private repository.
    pub(crate) fn make_repo(&mut self, owner: i64, name: &str, branch: &str) -> i64 {
        let id = self.next("repository");
        let now = self.now();
        self.repositories.push(Repository {
            id,
            owner,
            name: name.to_owned(),
            private: true,
            archived: None,
            template: false,
            made_alone: false,
            fork_of: None,
            default_branch: branch.to_owned(),
            created: now,
            updated: now,
            watchers: BTreeSet::new(),
            collaborators: BTreeMap::new(),
            labels: Vec::new(),
            protections: Vec::new(),
            next_issue: 1,
            releases: 0,
        });
        git::init(&self.git_folder(id), branch);
        self.watch();
        id
    }

    /// The first commit that the forge makes itself.
    pub(crate) fn initialize(&self, id: i64, who: i64) {
        let repository = self.repository(id);
        let readme = format!("# {}\n\n", repository.name).into_bytes();
        let files = Files::from([("README.md".to_owned(), Some(readme))]);
        self.add_commit(id, &files, &self.author(who), "Initial commit\n");
    }

    /// The author of the commits that the forge makes for an account.
    pub(crate) fn author(&self, who: i64) -> Author {
        let account = self.account(who);
        Author { name: account.login.clone(), email: account.email.clone(), at: self.now() }
    }

    /// A commit on the default branch, without any event.
    pub(crate) fn add_commit(&self, id: i64, files: &Files, by: &Author, message: &str) -> git2::Oid {
        let git = self.git(id);
        let branch = format!("refs/heads/{}", self.repository(id).default_branch);
        let head = git.refname_to_id(&branch).ok();
        let commit = git::commit(&git, head, files, by, message);
        git::point(&git, &branch, commit);
        commit
    }

    /// All refs and objects of one repository in another that was just made.
    pub(crate) fn copy_git(&self, from: i64, to: i64) {
        let source = self.git_folder(from);
        let git = self.git(to);
        let mut remote = git.remote_anonymous(source.to_str().unwrap()).unwrap();
        remote.fetch(&["+refs/heads/*:refs/heads/*"], None, None).unwrap();
    }
}
