//! One challenge on one forge: an organization, its people and teams, and a daemon.
//!
//! It refuses to leave anything behind, also when a story fails: repositories, organization and people
//! are removed from the forge, and what the daemon made from the engine. All names carry a number
//! drawn for this world, so that a forge can have several at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use referee::forge::gitea::ForgeVersion;
use referee::model::ForgeName;
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
/// The first delivery has arrived by then, if any does: a forge's queues take some seconds.
const RECEIVED_WITHIN: Duration = Duration::from_secs(30);
/// Rounds of removing what a list shows.
const ROUNDS: usize = 20;
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
    /// Organizations of teams' images, and people who have some.
    image_owners: Vec<String>,
    version: ForgeVersion,
    hears: bool,
    store: OnceLock<Store>,
    copies: u32,
    model: Option<Forge>,
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
            Place::Model(version) => {
                let forge = runtime.block_on(Forge::start(version));
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
            image_owners: Vec::new(),
            version: ForgeVersion::Gitea(0, 0, 0),
            hears: false,
            store: OnceLock::new(),
            copies: 0,
            model,
            runtime,
        };
        world.version = world.look_who_it_is();
        for (name, scopes) in CAST {
            world.enter(name, scopes);
        }
        challenge::write(&world.daemon.path("challenge"), &world.organization);
        world.set_up();
        world.start();
        world.listen();
        Some(world)
    }

    /// The forge by its own words, as an administrator is told.
    fn look_who_it_is(&self) -> ForgeVersion {
        let who = self.api.must(&self.admin, ("GET", "/user"), &Value::Null);
        assert_eq!(
            who["is_admin"], true,
            "REFEREE_TEST_FORGE_TOKEN has to be an administrator's, with all scopes: {who}"
        );
        let message = self
            .api
            .must(&self.admin, ("GET", "/version"), &Value::Null);
        let version = message["version"].as_str().unwrap_or_default();
        ForgeVersion::parse(version).unwrap_or_else(|| panic!("no Gitea or Forgejo: {message}"))
    }

    /// Finds out whether deliveries of the forge arrive, and says what to do where they do not.
    fn listen(&mut self) {
        let organizers = self.repository("organizers");
        self.open("owner", &organizers, ("Can you hear this?", "Nobody asks."));
        let forge = ForgeName::new("forge").unwrap();
        let asked = Instant::now();
        while !self.hears && asked.elapsed() < RECEIVED_WITHIN {
            std::thread::sleep(PAUSE);
            let last = self.read(self.store().last_delivery(&forge));
            self.hears = last.is_some();
        }
        if !self.hears {
            println!("{}", self.deaf());
        }
    }

    fn deaf(&self) -> String {
        format!(
            "NO DELIVERY of {} reaches this machine as {} (waited {RECEIVED_WITHIN:?}). As it comes a forge refuses \
             private addresses: set `[webhook] ALLOWED_HOST_LIST = external,loopback,private` in its app.ini, \
             restart it, and run this again. What is pushed is found by the sweep all the same; commands in \
             comments are not heard.",
            self.api.root(),
            self.daemon.url()
        )
    }

    /// For stories about comments, which only deliveries tell of.
    pub fn needs_deliveries(&self) {
        assert!(self.hears, "{}", self.deaf());
    }

    /// Whether the forge tells of a pushed image.
    pub fn announces_images(&self) -> bool {
        self.hears && self.version.announces_packages()
    }

    /// Makes a person of the cast with a password and a token.
    fn enter(&mut self, name: &'static str, scopes: &[&str]) {
        let login = format!("{}-{name}", self.organization);
        // Long, and of all kinds of characters, whatever the instance asks for.
        let password = format!("Aa1-{}", hex::encode(referee::clock::random_bytes::<12>()));
        let body = json!({
            "username": login, "email": format!("{login}@example.org"), "password": password,
            "must_change_password": false, "send_notify": false, "restricted": false,
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
        let teams = self.list("owner", &format!("/orgs/{}/teams", self.organization));
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
        self.add_team(&[team], members);
        self.repository(&format!("team-{team}"))
    }

    /// The same for a team that pushes images, to an organization of its own.
    pub fn team_with_images(&mut self, team: &str, members: &[&str]) -> String {
        let organization = format!("{}-{team}", self.organization);
        self.keep_images_of(&organization);
        let message = self.add_team(&["--images", team], members);
        assert!(message.contains("docker push"), "{message}");
        self.repository(&format!("team-{team}"))
    }

    fn add_team(&self, team: &[&str], members: &[&str]) -> String {
        let logins: Vec<String> = members.iter().map(|name| self.login(name)).collect();
        let mut arguments = vec!["team", "add", "--owner-token-file", "owner.token"];
        arguments.extend(team);
        arguments.extend(logins.iter().map(String::as_str));
        self.daemon.run(&arguments)
    }

    /// Somebody may have images from now on, which go at the end.
    pub fn keep_images_of(&mut self, owner: &str) {
        self.image_owners.push(owner.to_owned());
    }

    /// Sets the forge to have no packages.
    pub fn turn_registry_off(&self) {
        let model = self.model.as_ref().expect("the model");
        model.state().registry_is_off = true;
    }

    /// How often somebody has asked for an address that ends so, as far as the forge tells.
    pub fn asked_for(&self, ending: &str) -> usize {
        let asked = self.model.as_ref().map(Forge::asked).unwrap_or_default();
        let of = |a: &&crate::model::server::Asked| a.method == "GET" && a.path.ends_with(ending);
        asked.iter().filter(of).count()
    }

    /// What an administrator of the forge does, and may.
    pub fn administer(&self, method: &str, path: &str) {
        self.api.must(&self.admin, (method, path), &Value::Null);
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

    /// All that somebody finds in a list of the API.
    pub fn list(&self, who: &str, path: &str) -> Vec<Value> {
        self.api.all(&By::token(&self.people[who].token), path)
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

    /// Gives the daemon the token of an owner.
    pub fn let_organizers_make_teams(&mut self) {
        self.daemon.set("owner-token-file = \"owner.token\"");
        self.restart();
    }

    /// Stops the daemon and starts it again; it looks at everything then.
    pub fn restart(&mut self) {
        self.daemon.stop();
        self.start();
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
        for owner in &self.image_owners {
            self.clear(&format!("/packages/{owner}"), |package| {
                let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
                let (kind, name, version) = (text("type"), text("name"), text("version"));
                format!("/packages/{owner}/{kind}/{name}/{version}")
            });
        }
        self.clear(&format!("/orgs/{}/repos", self.organization), |found| {
            let name = found["full_name"].as_str().unwrap_or_default();
            format!("/repos/{name}")
        });
        let organizations = self.image_owners.iter().chain([&self.organization]);
        let organizations = organizations.map(|name| format!("/orgs/{name}"));
        let people = self.people.values();
        let people = people.map(|person| format!("/admin/users/{}?purge=true", person.login));
        for path in organizations.chain(people) {
            left.extend(self.remove(&path).err());
        }
        left
    }

    /// Removes what a list shows, page by page, each by its own address.
    fn clear(&self, list: &str, address: impl Fn(&Value) -> String) {
        for _ in 0..ROUNDS {
            let path = format!("{list}?limit=50");
            let asked = self.api.try_ask(&self.admin, ("GET", &path), &Value::Null);
            let Ok((200, Value::Array(found))) = asked else {
                return;
            };
            // What stays makes its organization stay, which is told.
            let gone = found.iter().map(|one| self.remove(&address(one)));
            if !gone.fold(false, |any, one| any | one.is_ok()) {
                return;
            }
        }
    }

    fn remove(&self, path: &str) -> Result<(), String> {
        match self
            .api
            .try_ask(&self.admin, ("DELETE", path), &Value::Null)
        {
            Ok((200 | 202 | 204 | 404, _)) => Ok(()),
            Ok((status, message)) => Err(format!("{path}: {status} {message}")),
            Err(error) => Err(format!("{path}: {error}")),
        }
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
