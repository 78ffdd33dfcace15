//! One challenge on one forge: an organization, its people and teams, and a daemon.
//!
//! It leaves nothing behind, even if a test fails: it removes the repositories, the organization and the people from
//! the forge, and the daemon's objects from the engine. All names hold a random number of this world, so that a forge
//! can have several worlds at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use referee::forge::gitea::ForgeVersion;
use referee::model::ForgeName;
use referee::store::Store;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::api::{Api, Credentials};
use crate::copy::Copy;
use crate::daemon::Daemon;
use crate::instance::Instance;
use crate::model::Forge;
use crate::{challenge, engine};

/// How long an expected event may take, also if only the sweep leads to it on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long the first delivery may take: a forge's queues take some seconds.
const RECEIVED_WITHIN: Duration = Duration::from_secs(30);
/// How many pages of a list are removed at most.
const ROUNDS: usize = 20;
/// The time between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(100);
/// The administrator of the model.
const ADMINISTRATOR: &str = "root-admin";

/// All people, each with the scopes of their token. The documentation names the scopes of the bot. The owner has
/// another token for the setup.
const CAST: [(&str, &[&str]); 5] = [
    ("owner", &["write:organization", "write:repository", "write:issue", "read:user"]),
    ("bot", &["write:repository", "write:issue", "read:organization", "read:user", "read:package"]),
    ("alice", &["write:repository", "write:issue"]),
    ("bob", &["write:repository", "write:issue"]),
    ("eve", &["write:repository", "write:issue"]),
];
/// The scopes that the documentation names for `referee forge setup` and `referee team add`.
const SETUP: [&str; 3] = ["write:organization", "write:repository", "read:user"];

struct Person {
    login: String,
    password: String,
    token: String,
}

/// A challenge on a forge.
pub(crate) struct World {
    pub api: Api,
    /// The name of the organization.
    pub organization: String,
    pub daemon: Daemon,
    admin: Credentials,
    people: BTreeMap<&'static str, Person>,
    /// The organizations and people whose images are removed at the end.
    image_owners: Vec<String>,
    version: ForgeVersion,
    /// Whether deliveries of the forge arrive.
    receives_deliveries: bool,
    store: OnceLock<Store>,
    copies: u32,
    model: Option<Forge>,
    runtime: Arc<Runtime>,
}

impl World {
    /// The organization as `referee forge setup` leaves it, and a running daemon. `None` if submissions cannot run.
    pub(crate) fn new(instance: Instance) -> Option<Self> {
        if !engine::is_usable() {
            return None;
        }
        // reqwest needs a TLS provider before its first client, also for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = Arc::new(builder.worker_threads(2).enable_all().build().unwrap());
        let (url, token, model) = match instance {
            Instance::Real { url, token } => (url, token, None),
            Instance::Model(version) => {
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
            admin: Credentials::token(&token),
            people: BTreeMap::new(),
            image_owners: Vec::new(),
            version: ForgeVersion::Gitea(0, 0, 0),
            receives_deliveries: false,
            store: OnceLock::new(),
            copies: 0,
            model,
            runtime,
        };
        world.version = world.ask_version();
        for (name, scopes) in CAST {
            world.create_person(name, scopes);
        }
        challenge::write(&world.daemon.path("challenge"), &world.organization);
        world.set_up();
        world.start();
        world.test_deliveries();
        Some(world)
    }

    /// The version in the forge's own answer to an administrator.
    fn ask_version(&self) -> ForgeVersion {
        let user = self.api.must(&self.admin, "GET", "/user", &Value::Null);
        assert_eq!(
            user["is_admin"], true,
            "REFEREE_TEST_FORGE_TOKEN has to be an administrator's, with all scopes: {user}"
        );
        let answer = self.api.must(&self.admin, "GET", "/version", &Value::Null);
        let version = answer["version"].as_str().unwrap_or_default();
        ForgeVersion::parse(version).unwrap_or_else(|| panic!("no Gitea or Forgejo: {answer}"))
    }

    /// Finds out whether deliveries of the forge arrive, and otherwise prints how to fix that.
    fn test_deliveries(&mut self) {
        let organizers = self.repository("organizers");
        self.open("owner", &organizers, "A test", "Does a delivery arrive?");
        let forge = ForgeName::new("forge").unwrap();
        let asked = Instant::now();
        while !self.receives_deliveries && asked.elapsed() < RECEIVED_WITHIN {
            std::thread::sleep(PAUSE);
            let last = self.read(self.store().last_delivery_at(&forge));
            self.receives_deliveries = last.is_some();
        }
        if !self.receives_deliveries {
            println!("{}", self.no_delivery());
        }
    }

    fn no_delivery(&self) -> String {
        format!(
            "NO DELIVERY of {} reached this machine as {} within {RECEIVED_WITHIN:?}. By default a forge sends no \
             deliveries to private addresses: set `[webhook] ALLOWED_HOST_LIST = external,loopback,private` in its \
             app.ini, restart it, and run this test again. The sweep still finds pushes, but Referee does not see \
             commands in comments.",
            self.api.root(),
            self.daemon.url()
        )
    }

    /// Asserts that deliveries arrive. Tests about comments need them.
    pub(crate) fn needs_deliveries(&self) {
        assert!(self.receives_deliveries, "{}", self.no_delivery());
    }

    /// Whether the forge sends a delivery for a pushed image.
    pub(crate) fn announces_images(&self) -> bool {
        self.receives_deliveries && self.version.announces_packages()
    }

    /// Creates a person of the cast with a password and a token.
    fn create_person(&mut self, name: &'static str, scopes: &[&str]) {
        let login = format!("{}-{name}", self.organization);
        // Long, with all kinds of characters, so that each instance accepts it.
        let password = format!("Aa1-{}", hex::encode(referee::clock::random_bytes::<12>()));
        let body = json!({
            "username": login, "email": format!("{login}@example.org"), "password": password,
            "must_change_password": false, "send_notify": false, "restricted": false,
        });
        self.api.must(&self.admin, "POST", "/admin/users", &body);
        let person = Person { login, password, token: String::new() };
        self.people.insert(name, person);
        let token = self.new_token(name, "first", scopes);
        self.people.get_mut(name).unwrap().token = token;
    }

    /// Creates another token of a person.
    pub(crate) fn new_token(&self, name: &str, token_name: &str, scopes: &[&str]) -> String {
        let path = format!("/users/{}/tokens", self.login(name));
        let body = json!({ "name": token_name, "scopes": scopes });
        let made = self.api.must(&self.signed_in(name), "POST", &path, &body);
        made["sha1"].as_str().expect("a token").to_owned()
    }

    /// Creates a new token of the bot with the same scopes, which the daemon's next start reads.
    pub(crate) fn renew_bot(&self) {
        let (_, scopes) = CAST.iter().find(|(name, _)| *name == "bot").unwrap();
        let token = self.new_token("bot", "second", scopes);
        self.daemon.write_token("bot.token", &token);
    }

    /// The login and password of a person.
    pub(crate) fn signed_in(&self, name: &str) -> Credentials {
        let person = &self.people[name];
        Credentials::password(&person.login, &person.password)
    }

    fn set_up(&mut self) {
        let token = self.new_token("owner", "setup", &SETUP);
        self.daemon.write_token("owner.token", &token);
        self.daemon.write_token("bot.token", &self.people["bot"].token);
        let setup = ["forge", "setup", "--owner-token-file", "owner.token"];
        let first = self.daemon.run(&setup);
        let done = |text: &str, word: &str| text.lines().filter(|l| l.starts_with(word)).count();
        assert!(done(&first, "created ") >= 8, "the first setup should create everything:\n{first}");
        let again = self.daemon.run(&setup);
        assert!(
            done(&again, "found ") >= 8 && done(&again, "created ") + done(&again, "fixed ") == 0,
            "a second setup should find everything:\n{again}"
        );
        self.join("organizers", "bob");
    }

    /// Adds a person to a forge team, in the name of the owner.
    fn join(&self, team: &str, name: &str) {
        let teams = self.list("owner", &format!("/orgs/{}/teams", self.organization));
        let found = teams.iter().find(|t| t["name"] == team);
        let id = &found.unwrap_or_else(|| panic!("no team {team}: {teams:?}"))["id"];
        let path = format!("/teams/{id}/members/{}", self.login(name));
        self.call("owner", "PUT", &path, &Value::Null);
    }

    pub(crate) fn login(&self, name: &str) -> String {
        self.people[name].login.clone()
    }

    /// The full name of a repository of the organization.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.organization)
    }

    /// Creates a participating team with `referee team add`, and returns the name of its repository.
    pub(crate) fn team(&self, team: &str, members: &[&str]) -> String {
        self.add_team(&[team], members);
        self.repository(&format!("team-{team}"))
    }

    /// Creates a team that also has an organization for images.
    pub(crate) fn team_with_images(&mut self, team: &str, members: &[&str]) -> String {
        let organization = format!("{}-{team}", self.organization);
        self.remove_images_of(&organization);
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

    /// Removes the images of a person or an organization at the end.
    pub(crate) fn remove_images_of(&mut self, owner: &str) {
        self.image_owners.push(owner.to_owned());
    }

    /// Turns the packages of the model off.
    pub(crate) fn turn_registry_off(&self) {
        let model = self.model.as_ref().expect("the model");
        model.state().registry_is_off = true;
    }

    /// The number of GET requests for paths with this ending. A real instance does not report them: the number is 0.
    pub(crate) fn asked_for(&self, ending: &str) -> usize {
        let asked = self.model.as_ref().map(Forge::asked).unwrap_or_default();
        let counts = |a: &&crate::model::server::Asked| a.method == "GET" && a.path.ends_with(ending);
        asked.iter().filter(counts).count()
    }

    /// Sends a request of the administrator, which must succeed.
    pub(crate) fn administer(&self, method: &str, path: &str) {
        self.api.must(&self.admin, method, path, &Value::Null);
    }

    /// Sends a request of a person. Returns the status and the body.
    pub(crate) fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.api.ask(&self.token_of(who), method, path, body)
    }

    /// Sends a request of a person, which must succeed. Returns the body.
    pub(crate) fn call(&self, who: &str, method: &str, path: &str, body: &Value) -> Value {
        self.api.must(&self.token_of(who), method, path, body)
    }

    /// All entries of a list that a person sees.
    pub(crate) fn list(&self, who: &str, path: &str) -> Vec<Value> {
        self.api.all(&self.token_of(who), path)
    }

    fn token_of(&self, who: &str) -> Credentials {
        Credentials::token(&self.people[who].token)
    }

    /// The address to which a person pushes, with the password in it.
    pub(crate) fn remote(&self, who: &str, repository: &str) -> String {
        let Person { login, password, .. } = &self.people[who];
        let (scheme, host) = self.api.root().split_once("://").expect("an address");
        format!("{scheme}://{login}:{password}@{host}/{repository}.git")
    }

    /// A new working copy of a person.
    pub(crate) fn clone_of(&mut self, who: &str, repository: &str) -> Copy {
        self.copies += 1;
        let path = self.daemon.path(&format!("copies/{}", self.copies));
        Copy::clone_of(Path::new(&self.remote(who, repository)), path)
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&mut self) {
        self.daemon.start();
        let url = format!("{}/health", self.daemon.url());
        self.until("the daemon should be up", |world| match world.api.page(&url) {
            Ok(200) => Ok(()),
            other => Err(format!("{url} gives {other:?}")),
        });
    }

    /// Gives the daemon the token of the owner, so that it can create teams.
    pub(crate) fn let_organizers_make_teams(&mut self) {
        self.daemon.set("owner-token-file = \"owner.token\"");
        self.restart();
    }

    /// Stops the daemon and starts it again. Each start begins with a sweep.
    pub(crate) fn restart(&mut self) {
        self.daemon.stop();
        self.start();
    }

    /// Waits until `check` succeeds, and returns its result. Its error describes the current state.
    pub(crate) fn until<T>(&mut self, expected: &str, check: impl Fn(&Self) -> Result<T, String>) -> T {
        let started = Instant::now();
        loop {
            let seen = match check(self) {
                Ok(found) => return found,
                Err(seen) => seen,
            };
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {expected}; seen last: {seen}");
            if let Some(ended) = self.daemon.ended() {
                panic!("{ended}, while {expected}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The daemon's database, opened for reading only.
    pub(crate) fn store(&self) -> &Store {
        self.store.get_or_init(|| {
            let database = self.daemon.database();
            self.runtime.block_on(Store::open(&database)).unwrap()
        })
    }

    /// Waits for the answer of the database.
    pub(crate) fn read<T>(&self, asked: impl Future<Output = referee::store::Result<T>>) -> T {
        self.runtime.block_on(asked).unwrap()
    }

    /// Removes everything from the forge. Returns the errors.
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

    /// Removes the entries of a list page by page, each by its own address.
    fn clear(&self, list: &str, address: impl Fn(&Value) -> String) {
        for _ in 0..ROUNDS {
            let path = format!("{list}?limit=50");
            let asked = self.api.try_ask(&self.admin, "GET", &path, &Value::Null);
            let Ok((200, Value::Array(found))) = asked else {
                return;
            };
            // An entry that cannot be removed keeps its organization, whose removal then reports an error.
            let removed = found.iter().map(|one| self.remove(&address(one)));
            if !removed.fold(false, |any, one| any | one.is_ok()) {
                return;
            }
        }
    }

    fn remove(&self, path: &str) -> Result<(), String> {
        match self.api.try_ask(&self.admin, "DELETE", path, &Value::Null) {
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
