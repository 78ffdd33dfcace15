//! The state of the forge. Commits, refs and notes are not here, but in real bare repositories.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use referee::clock::Clock;
use serde_json::Value;

use super::deliveries::Delivery;
use super::version::ForgeVersion;

/// A level of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    None,
    Read,
    Write,
    Admin,
    Owner,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let all = [Self::Read, Self::Write, Self::Admin, Self::Owner];
        let found = all.into_iter().find(|mode| mode.name() == text);
        found.unwrap_or(Self::None)
    }
}

/// A person or an organization; both share one space of numbers and names.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub id: i64,
    pub login: String,
    pub full_name: String,
    pub email: String,
    /// Seconds since 1970.
    pub created: i64,
    pub visibility: String,
    /// Persons only.
    pub password: Option<String>,
    pub is_admin: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub id: i64,
    /// Empty where a test made it.
    pub name: String,
    pub account: i64,
    pub secret: String,
    pub scopes: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub id: i64,
    pub organization: i64,
    pub name: String,
    pub mode: Mode,
    pub units: BTreeMap<String, Mode>,
    pub all_repositories: bool,
    pub may_create: bool,
    pub members: BTreeSet<i64>,
    pub repositories: BTreeSet<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub id: i64,
    pub owner: i64,
    pub name: String,
    pub private: bool,
    pub archived: Option<i64>,
    pub template: bool,
    /// Not generated and not forked: Forgejo shows the branch of its wiki.
    pub made_alone: bool,
    pub fork_of: Option<i64>,
    pub default_branch: String,
    pub created: i64,
    pub updated: i64,
    pub watchers: BTreeSet<i64>,
    pub collaborators: BTreeMap<i64, Mode>,
    pub labels: Vec<Label>,
    pub protections: Vec<Value>,
    /// Number of the next issue.
    pub next_issue: i64,
    pub releases: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub id: i64,
    pub name: String,
    pub color: String,
    pub description: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub id: i64,
    pub repository: i64,
    pub sha: String,
    pub state: String,
    pub target: String,
    pub description: String,
    pub context: String,
    pub creator: i64,
    pub created: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub id: i64,
    pub repository: i64,
    pub number: i64,
    pub poster: i64,
    pub title: String,
    pub body: String,
    pub closed: Option<i64>,
    pub locked: bool,
    pub labels: Vec<i64>,
    pub created: i64,
    pub updated: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub id: i64,
    pub issue: i64,
    pub poster: i64,
    pub body: String,
    pub created: i64,
    pub updated: i64,
    pub reactions: Vec<(i64, String)>,
}

/// The owner of the events that a hook gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Organization(i64),
    Repository(i64),
}

#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub id: i64,
    pub scope: Scope,
    pub kind: String,
    pub url: String,
    pub content_type: String,
    pub secret: String,
    pub events: Vec<String>,
    pub branch_filter: String,
    pub authorization: String,
    pub active: bool,
    pub created: i64,
}

/// One tag of a container image.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub id: i64,
    pub owner: i64,
    pub creator: i64,
    pub name: String,
    pub version: String,
    pub repository: Option<i64>,
    /// Digest of the manifest.
    pub digest: String,
    pub created: i64,
}

/// The whole state.
#[derive(Debug)]
pub(crate) struct State {
    pub version: ForgeVersion,
    /// Address of the forge, without a slash at its end.
    pub root: String,
    /// Folder of the bare repositories, one per number.
    pub folder: PathBuf,
    pub clock: Clock,
    pub accounts: Vec<Account>,
    pub tokens: Vec<Token>,
    pub teams: Vec<Team>,
    /// Labels of organizations, by their number.
    pub org_labels: BTreeMap<i64, Vec<Label>>,
    pub repositories: Vec<Repository>,
    /// Owner, name, and the number of the repository that had this name before.
    pub former_names: Vec<(i64, String, i64)>,
    pub statuses: Vec<Status>,
    pub issues: Vec<Issue>,
    pub comments: Vec<Comment>,
    pub hooks: Vec<Hook>,
    pub packages: Vec<Package>,
    /// Contents of the registry by digest, with their media types.
    pub blobs: BTreeMap<String, (String, Vec<u8>)>,
    /// Whether packages are disabled on the instance.
    pub registry_is_off: bool,
    /// Deliveries that wait to be sent, oldest first.
    pub outbox: VecDeque<Delivery>,
    counters: BTreeMap<&'static str, i64>,
}

impl State {
    pub(crate) fn new(version: ForgeVersion, root: &str, folder: PathBuf, clock: Clock) -> Self {
        Self {
            version,
            root: root.to_owned(),
            folder,
            clock,
            accounts: Vec::new(),
            tokens: Vec::new(),
            teams: Vec::new(),
            org_labels: BTreeMap::new(),
            repositories: Vec::new(),
            former_names: Vec::new(),
            statuses: Vec::new(),
            issues: Vec::new(),
            comments: Vec::new(),
            hooks: Vec::new(),
            packages: Vec::new(),
            blobs: BTreeMap::new(),
            registry_is_off: false,
            outbox: VecDeque::new(),
            counters: BTreeMap::new(),
        }
    }

    /// The next number of a kind; no number is used twice.
    pub(crate) fn next(&mut self, kind: &'static str) -> i64 {
        let counter = self.counters.entry(kind).or_default();
        *counter += 1;
        *counter
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().0.div_euclid(1000)
    }

    pub(crate) fn account(&self, id: i64) -> &Account {
        self.accounts.iter().find(|a| a.id == id).unwrap()
    }

    pub(crate) fn account_named(&self, login: &str) -> Option<&Account> {
        let mut all = self.accounts.iter();
        all.find(|account| account.login.eq_ignore_ascii_case(login))
    }

    pub(crate) fn repository(&self, id: i64) -> &Repository {
        self.repositories.iter().find(|r| r.id == id).unwrap()
    }

    pub(crate) fn repository_mut(&mut self, id: i64) -> &mut Repository {
        self.repositories.iter_mut().find(|r| r.id == id).unwrap()
    }

    pub(crate) fn repository_named(&self, owner: &str, name: &str) -> Option<&Repository> {
        let owner = self.account_named(owner)?.id;
        let mut all = self.repositories.iter();
        all.find(|r| r.owner == owner && r.name.eq_ignore_ascii_case(name))
    }

    /// `owner/name`.
    pub(crate) fn full_name(&self, id: i64) -> String {
        let repository = self.repository(id);
        format!("{}/{}", self.account(repository.owner).login, repository.name)
    }

    /// The folder of a repository.
    pub(crate) fn git_folder(&self, id: i64) -> PathBuf {
        self.folder.join(format!("{id}.git"))
    }

    pub(crate) fn git(&self, id: i64) -> git2::Repository {
        git2::Repository::open_bare(self.git_folder(id)).unwrap()
    }
}
