//! One challenge on one forge: an organization, its people and teams, and a daemon.
//!
//! It refuses to leave anything behind, also when a story fails: repositories, organization and people
//! are removed from the forge, and what the daemon made from the engine. All names carry a number
//! drawn for this world, so that a forge can have several at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use referee::store::Store;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::api::{Api, By};
use crate::copy::Copy;
use crate::daemon::Daemon;
use crate::model::Forge;
use crate::place::Place;
use crate::{challenge, engine};

/// What is to happen has happened by then, also by a sweep on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(150);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Somebody of the model who administers it.
const ADMINISTRATOR: &str = "root-admin";

/// Everybody, each with the scopes of their token. Those of the bot are what the documentation names;
/// the owner's setup has a token of its own.
const CAST: [(&str, &[&str]); 5] = [
    (
        "owner",
        &[
            "write:organization",
            "write:repository",
            "write:issue",
            "read:user",
        ],
    ),
    (
        "bot",
        &[
            "write:repository",
            "write:issue",
            "read:organization",
            "read:user",
            "read:package",
        ],
    ),
    ("alice", &["write:repository", "write:issue"]),
    ("bob", &["write:repository", "write:issue"]),
    ("eve", &["write:repository", "write:issue"]),
];
/// What the documentation names for `referee forge setup` and `referee team add`.
const SETUP: [&str; 3] = ["write:organization", "write:repository", "read:user"];

struct Person {
    login: String,
    password: String,
    token: String,
}

/// A challenge on a forge.
pub struct World {
    /// The forge's API.
    pub api: Api,
    /// Name of the organization.
    pub organization: String,
    /// The installation.
    pub daemon: Daemon,
    admin: By,
    people: BTreeMap<&'static str, Person>,
    store: OnceLock<Store>,
    copies: u32,
    _model: Option<Forge>,
    runtime: Arc<Runtime>,
}

impl World {
    /// The organization as `referee forge setup` leaves it, and a daemon at work. `None` where
    /// submissions cannot be run.
    pub fn new(place: Place) -> Option<Self> {
        if !engine::is_there() {
            return None;
        }
        // reqwest wants a provider before its first client, also for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = Arc::new(builder.worker_threads(2).enable_all().build().unwrap());
        let (url, token, model) = match place {
            Place::Real { url, token } => (url, token, None),
            Place::Model(dialect) => {
                let forge = runtime.block_on(Forge::start(dialect));
                let all = vec!["all".to_owned()];
                let mut state = forge.state();
                let root = state.make_person(ADMINISTRATOR, "root-admin-pw", true);
                let (_, token, _) = state.make_token(root, all);
                drop(state);
                (forge.root(), token, Some(forge))
            }
        };
        let number = hex::encode(referee::clock::random_bytes::<4>());
        let mut world = Self {
            api: Api::new(&url, Arc::clone(&runtime)),
            organization: format!("acc-{number}"),
            daemon: Daemon::new(&url),
            admin: By::token(&token),
            people: BTreeMap::new(),
            store: OnceLock::new(),
            copies: 0,
            _model: model,
            runtime,
        };
        for (name, scopes) in CAST {
            world.enter(name, scopes);
        }
        challenge::write(&world.daemon.path("challenge"), &world.organization);
        world.set_up();
        world.start();
        Some(world)
    }

    /// Makes a person of the cast with a password and a token.
    fn enter(&mut self, name: &'static str, scopes: &[&str]) {
        let login = format!("{}-{name}", self.organization);
        let password = hex::encode(referee::clock::random_bytes::<12>());
        let body = json!({
            "username": login, "email": format!("{login}@example.org"), "password": password,
            "must_change_password": false,
        });
        self.api.must(&self.admin, ("POST", "/admin/users"), &body);
        let person = Person {
            login,
            password,
            token: String::new(),
        };
        self.people.insert(name, person);
        let token = self.new_token(name, "first", scopes);
        self.people.get_mut(name).unwrap().token = token;
    }

    /// A further token of a person.
    pub fn new_token(&self, name: &str, called: &str, scopes: &[&str]) -> String {
        let path = format!("/users/{}/tokens", self.login(name));
        let body = json!({ "name": called, "scopes": scopes });
        let made = self.api.must(&self.signed_in(name), ("POST", &path), &body);
        made["sha1"].as_str().expect("a token").to_owned()
    }

    /// A new token of the bot for the daemon's next start, with the scopes that the first one had.
    pub fn renew_bot(&self) {
        let (_, scopes) = CAST.iter().find(|(name, _)| *name == "bot").unwrap();
        let token = self.new_token("bot", "second", scopes);
        self.daemon.write_token("bot.token", &token);
    }

    /// Somebody by their password.
    pub fn signed_in(&self, name: &str) -> By {
        let person = &self.people[name];
        By::password(&person.login, &person.password)
    }

    fn set_up(&mut self) {
        let token = self.new_token("owner", "setup", &SETUP);
        self.daemon.write_token("owner.token", &token);
        self.daemon
            .write_token("bot.token", &self.people["bot"].token);
        let setup = ["forge", "setup", "--owner-token-file", "owner.token"];
        let first = self.daemon.run(&setup);
        let done = |text: &str, word: &str| text.lines().filter(|l| l.starts_with(word)).count();
        assert!(
            done(&first, "made ") >= 8,
            "the first setup should make it all:\n{first}"
        );
        let again = self.daemon.run(&setup);
        assert!(
            done(&again, "found ") >= 8 && done(&again, "made ") + done(&again, "mended ") == 0,
            "a second setup should find everything:\n{again}"
        );
        self.join("organizers", "bob");
    }

    /// Somebody becomes a member of a forge team, as the owner does it.
    fn join(&self, team: &str, name: &str) {
        let path = format!("/orgs/{}/teams?limit=50", self.organization);
        let teams = self.call("owner", "GET", &path, &Value::Null);
        let teams = teams.as_array().expect("teams");
        let found = teams.iter().find(|t| t["name"] == team);
        let id = &found.unwrap_or_else(|| panic!("no team {team}: {teams:?}"))["id"];
        let path = format!("/teams/{id}/members/{}", self.login(name));
        self.call("owner", "PUT", &path, &Value::Null);
    }

    /// Account of a person.
    pub fn login(&self, name: &str) -> String {
        self.people[name].login.clone()
    }

    /// Name of a repository of the organization.
    pub fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.organization)
    }

    /// Makes a participating team with `referee team add`; its repository.
    pub fn team(&self, team: &str, members: &[&str]) -> String {
        let logins: Vec<String> = members.iter().map(|name| self.login(name)).collect();
        let mut arguments = vec!["team", "add", "--owner-token-file", "owner.token", team];
        arguments.extend(logins.iter().map(String::as_str));
        self.daemon.run(&arguments);
        self.repository(&format!("team-{team}"))
    }

    /// What somebody asks of the API, status and body.
    pub fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let by = By::token(&self.people[who].token);
        self.api.ask(&by, (method, path), body)
    }

    /// What somebody does by the API, and may.
    pub fn call(&self, who: &str, method: &str, path: &str, body: &Value) -> Value {
        let by = By::token(&self.people[who].token);
        self.api.must(&by, (method, path), body)
    }

    /// Where somebody pushes to, with the password in it.
    pub fn remote(&self, who: &str, repository: &str) -> String {
        let Person {
            login, password, ..
        } = &self.people[who];
        let (scheme, host) = self.api.root().split_once("://").expect("an address");
        format!("{scheme}://{login}:{password}@{host}/{repository}.git")
    }

    /// A working copy of somebody's.
    pub fn clone_of(&mut self, who: &str, repository: &str) -> Copy {
        self.copies += 1;
        let path = self.daemon.path(&format!("copies/{}", self.copies));
        Copy::clone_of(Path::new(&self.remote(who, repository)), path)
    }

    /// Starts the daemon and waits until it answers.
    pub fn start(&mut self) {
        self.daemon.start();
        let url = format!("{}/health", self.daemon.url());
        self.until("the daemon should be up", |world| {
            match world.api.page(&url) {
                Ok(200) => Ok(()),
                other => Err(format!("{url} gives {other:?}")),
            }
        });
    }

    /// Waits until something is so: `look` gives it, or says what it sees instead.
    pub fn until<T>(&mut self, what: &str, look: impl Fn(&Self) -> Result<T, String>) -> T {
        let started = Instant::now();
        loop {
            let seen = match look(self) {
                Ok(found) => return found,
                Err(seen) => seen,
            };
            assert!(
                started.elapsed() < PATIENCE,
                "not within {PATIENCE:?}: {what}; seen last: {seen}"
            );
            if let Some(ended) = self.daemon.ended() {
                panic!("{ended}, while {what}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The daemon's database, to be read only.
    pub fn store(&self) -> &Store {
        self.store.get_or_init(|| {
            let database = self.daemon.database();
            self.runtime.block_on(Store::open(&database)).unwrap()
        })
    }

    /// What the database says.
    pub fn read<T>(&self, asked: impl Future<Output = referee::store::Result<T>>) -> T {
        self.runtime.block_on(asked).unwrap()
    }

    /// Removes everything from the forge. What could not be.
    fn clear_forge(&self) -> Vec<String> {
        let mut left = Vec::new();
        let remove = |path: String, left: &mut Vec<String>| {
            let (status, says) = self.api.ask(&self.admin, ("DELETE", &path), &Value::Null);
            if !matches!(status, 204 | 404) {
                left.push(format!("{path}: {status} {says}"));
            }
        };
        let path = format!("/orgs/{}/repos?limit=50", self.organization);
        let (_, repositories) = self.api.ask(&self.admin, ("GET", &path), &Value::Null);
        for repository in repositories.as_array().into_iter().flatten() {
            let name = repository["full_name"].as_str().unwrap_or_default();
            remove(format!("/repos/{name}"), &mut left);
        }
        remove(format!("/orgs/{}", self.organization), &mut left);
        for person in self.people.values() {
            remove(format!("/admin/users/{}", person.login), &mut left);
        }
        left
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.daemon.stop();
        engine::clear(&self.daemon.data());
        let left = self.clear_forge();
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}---", self.daemon.log());
            eprintln!("left on the forge: {left:?}");
        } else {
            assert!(left.is_empty(), "left on the forge: {left:?}");
        }
    }
}
