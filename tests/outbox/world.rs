//! An installation in its own folder, and the forge to which it reports: the challenge `nuclei` with any number of
//! teams, each with a repository on the forge.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use referee::clock::{self, Clock};
use referee::config::{self, Installation, Secret};
use referee::forge::credentials;
use referee::forge::gitea::GiteaForge;
use referee::model::{Duration, ForgeName, RepositoryId, TeamSlug, Timestamp};
use referee::pipeline::context::Progress;
use referee::pipeline::{App, Parts, publish};
use referee::store::{PriorityClass, Repository, Store};
use referee::web;
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::net::TcpListener;

use crate::engine;
use crate::model::state::Mode;
use crate::model::{Forge, ForgeVersion};

/// The time at which each world starts.
pub(crate) const NOW: Timestamp = Timestamp(1_764_000_000_000);
/// The secret that the forge's webhook and Referee share.
pub(crate) const SECRET: &str = "correct-horse-battery-staple";
/// How long Referee waits for an answer of the forge, in milliseconds.
pub(crate) const PATIENCE: Duration = Duration(500);

/// The columns of an outbox message that tests read.
#[derive(Debug)]
pub(crate) struct MessageRow {
    pub channel: String,
    pub is_due: bool,
    pub last_error: Option<String>,
}

/// The properties of a world.
pub(crate) struct Plan {
    pub version: ForgeVersion,
    pub teams: usize,
    pub clock: Clock,
    pub patience: Duration,
    /// The first files of each repository, by path and text.
    pub files: Vec<(String, String)>,
    /// Changes of `challenge.toml`: a text, and the text that replaces it.
    pub replacements: Vec<(&'static str, String)>,
}

impl Plan {
    /// Teams with a README, and a clock that only the test moves.
    pub(crate) fn new(version: ForgeVersion, teams: usize) -> Self {
        Self {
            version,
            teams,
            clock: Clock::fixed(NOW),
            patience: PATIENCE,
            files: vec![("README.md".to_owned(), "# Team\n".to_owned())],
            replacements: Vec::new(),
        }
    }
}

/// An installation and its forge.
pub(crate) struct World {
    pub forge: Forge,
    pub app: Arc<App>,
    /// The name of the forge, which is unique in this process.
    pub name: ForgeName,
    pub token: String,
    /// The root of the addresses of hooks and pages.
    pub url: String,
    pub teams: Vec<Repository>,
    patience: Duration,
    folder: tempfile::TempDir,
}

fn write_configuration(folder: &Path, name: &ForgeName, forge: &str, token: &str, replacements: &[(&str, String)]) {
    let nuclei = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
    let challenge = folder.join("challenge");
    std::fs::create_dir(&challenge).unwrap();
    for part in ["data", "sample", "scorer", "template"] {
        std::os::unix::fs::symlink(nuclei.join(part), challenge.join(part)).unwrap();
    }
    let text = std::fs::read_to_string(nuclei.join("challenge.toml")).unwrap();
    let mut text = text.replace("forge = \"local\"", &format!("forge = \"{name}\""));
    for (before, after) in replacements {
        assert!(text.contains(before), "{before}");
        text = text.replacen(before, after, 1);
    }
    std::fs::write(challenge.join("challenge.toml"), text).unwrap();
    std::fs::write(folder.join("token"), token).unwrap();
    let text = format!(
        "challenges = [\"challenge\"]\n[forge.{name}]\nkind = \"gitea\"\nurl = \"{forge}\"\n\
         webhook-secrets = [\"{SECRET}\"]\ntoken-file = \"token\"\n"
    );
    std::fs::write(folder.join("referee.toml"), text).unwrap();
}

/// Creates people, the bot, and a repository for each team, and returns the bot's token.
fn set_up_forge(forge: &Forge, plan: &Plan) -> String {
    for login in ["owner", "referee", "alice"] {
        forge.person(login);
    }
    forge.organization("nuclei", "owner");
    let files: Vec<(&str, &str)> = plan.files.iter().map(|(p, t)| (&**p, &**t)).collect();
    for n in 0..plan.teams {
        forge.repository("nuclei", &format!("team-{n:03}"), &files);
    }
    let writes = [("repo.code", Mode::Write), ("repo.issues", Mode::Write)];
    forge.team("nuclei", "bots", &writes, &["referee"], None);
    forge.team("nuclei", "people", &writes, &["alice"], None);
    forge.token("referee", &["all"])
}

impl World {
    /// A forge and an installation that reports to it.
    pub(crate) async fn start(plan: Plan) -> Self {
        crate::log::keep();
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let forge = Forge::start(plan.version).await;
        let token = set_up_forge(&forge, &plan);
        let folder = tempfile::tempdir().unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = ForgeName::new(format!("forge-{number}")).unwrap();
        let root = forge.root();
        write_configuration(folder.path(), &name, &root, &token, &plan.replacements);
        let (app, url) = serve(folder.path(), &token, plan.patience, plan.clock).await;
        let mut world = Self { forge, app, name, token, url, teams: Vec::new(), patience: plan.patience, folder };
        for n in 0..plan.teams {
            world.bind(&format!("{n:03}")).await;
        }
        world
    }

    async fn bind(&mut self, team: &str) {
        let full_name = format!("nuclei/team-{team}");
        let at = self.forge().repository_named(&full_name).await;
        let new = Repository {
            id: RepositoryId(0),
            forge: self.name.clone(),
            forge_id: at.unwrap().unwrap().id,
            full_name,
            challenge: self.app.context.challenges[0].slug.clone(),
            team: TeamSlug::new(team).unwrap(),
            hook_token: clock::page_token(),
        };
        let bound = self.app.context.store.bind_repository(&new, &[], NOW).await;
        self.teams.push(bound.unwrap().0);
    }

    fn forge(&self) -> &Arc<dyn referee::forge::Forge> {
        self.app.forges.require(&self.name).unwrap()
    }

    /// Replaces the daemon by a new one, as after a power cut.
    pub(crate) async fn restart(&mut self) {
        let clock = self.app.context.clock.clone();
        let (app, url) = serve(self.folder.path(), &self.token, self.patience, clock).await;
        (self.app, self.url) = (app, url);
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, time: Duration) {
        let clock = &self.app.context.clock;
        clock.set(clock.now().plus(time));
    }

    /// Sends due messages, and returns whether there were any. Some may stay.
    pub(crate) async fn send(&self) -> bool {
        let step = |priority_class| publish::step(&self.app, &self.name, priority_class);
        let (answers, urgent, rest) =
            tokio::join!(step(PriorityClass::Answers), step(PriorityClass::Urgent), step(PriorityClass::Rest));
        [answers, urgent, rest].map(Result::unwrap).contains(&Progress::Worked)
    }

    /// Sends due messages several times, and moves the clock after each.
    pub(crate) async fn send_for(&self, times: usize, pause: Duration) {
        for _ in 0..times {
            self.send().await;
            self.advance(pause);
        }
    }

    /// Moves the clock until no message is due any more.
    pub(crate) async fn settle(&self) {
        for _ in 0..5_000 {
            if self.send().await {
                continue;
            }
            let Some(next) = self.next_due().await else {
                return;
            };
            let later = self.app.context.clock.now().plus(Duration::seconds(1));
            self.app.context.clock.set(next.max(later));
        }
        panic!("still due: {:?}", self.messages().await);
    }

    async fn database(&self) -> AnyConnection {
        AnyConnection::connect(self.app.context.settings.database.expose()).await.unwrap()
    }

    async fn next_due(&self) -> Option<Timestamp> {
        let mut database = self.database().await;
        let sql = "SELECT not_before FROM outbox WHERE sent < version ORDER BY not_before";
        let row = sqlx::query(sql).fetch_optional(&mut database).await;
        row.unwrap().map(|row| Timestamp(row.get(0)))
    }

    /// All outbox messages.
    pub(crate) async fn messages(&self) -> Vec<MessageRow> {
        let mut database = self.database().await;
        let sql = "SELECT channel, sent, version, last_error FROM outbox ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&mut database).await.unwrap();
        let message = |row: &sqlx::any::AnyRow| MessageRow {
            channel: row.get(0),
            is_due: row.get::<i64, _>(1) < row.get::<i64, _>(2),
            last_error: row.try_get(3).ok(),
        };
        rows.iter().map(message).collect()
    }

    /// The only outbox message of a channel.
    pub(crate) async fn message(&self, channel: &str) -> MessageRow {
        let mut all = self.messages().await;
        all.retain(|message| message.channel == channel);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// The texts in the database, without the columns whose purpose is a secret.
    pub(crate) async fn rows(&self) -> String {
        let mut database = self.database().await;
        let mut all = String::new();
        for sql in [
            "SELECT payload || coalesce(published_state, '') || coalesce(last_error, '') FROM outbox",
            "SELECT event || coalesce(note, '') FROM delivery",
            "SELECT coalesce(detail, '') || coalesce(findings, '') FROM attempt",
        ] {
            for row in sqlx::query(sql).fetch_all(&mut database).await.unwrap() {
                all.push_str(&row.get::<String, _>(0));
                all.push('\n');
            }
        }
        all
    }
}

/// Starts the parts of a daemon, and serves its hooks and pages. Returns their address.
async fn serve(folder: &Path, token: &str, patience: Duration, clock: Clock) -> (Arc<App>, String) {
    // reqwest needs a TLS provider before its first client, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let installation = config::read_installation(&folder.join("referee.toml"));
    let Installation { mut settings, challenges } = installation.unwrap();
    std::fs::create_dir_all(&settings.data).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.listen = listener.local_addr().unwrap();
    settings.public_url = "https://referee.example.org".to_owned();
    let url = format!("http://{}", settings.listen);
    let name = settings.forges.keys().next().unwrap().clone();
    let referee::config::ForgeSettings::Gitea(forge) = &settings.forges[&name] else {
        panic!("the forge {name} is not a Gitea");
    };
    let mirrors: PathBuf = settings.data.join("mirrors");
    let gitea = GiteaForge::new(&forge.url, credentials::fixed(&Secret::new(token)), mirrors).unwrap();
    let gitea: Arc<dyn referee::forge::Forge> = Arc::new(gitea.with_call_time(patience).unwrap());
    let parts = Parts {
        store: Store::open(settings.database.expose()).await.unwrap(),
        engines: engine::engines(),
        gpus: Vec::new(),
        forges: [(name, gitea)].into(),
        clock,
        owner: "tests".to_owned(),
    };
    let app = Arc::new(App::new(settings, challenges, parts).unwrap());
    let router = web::router(Arc::clone(&app)).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (app, url)
}
