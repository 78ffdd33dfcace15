//! An installation in a folder of its own, and the forge that it reports to: the challenge `nuclei`
//! with as many teams as a test asks for, each with a repository on the forge.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use referee::clock::{self, Clock};
use referee::config::{self, Installation, Secret};
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

/// When everything in these tests begins.
pub const NOW: Timestamp = Timestamp(1_764_000_000_000);
/// What the forge's hook and we share.
pub const SECRET: &str = "correct-horse-battery-staple";
/// How long an answer is waited for in these tests.
pub const PATIENCE: Duration = Duration(500);

/// A row of the outbox, as far as tests look.
#[derive(Debug)]
pub struct Wish {
    pub channel: String,
    pub is_due: bool,
    pub last_error: Option<String>,
}

/// How a world is made.
pub struct Plan {
    pub version: ForgeVersion,
    pub teams: usize,
    pub clock: Clock,
    pub patience: Duration,
    /// What stands in each repository at first.
    pub files: Vec<(String, String)>,
    /// What is otherwise in `challenge.toml`: a text and what stands for it.
    pub otherwise: Vec<(&'static str, String)>,
}

impl Plan {
    /// Teams with a README, a clock that stands still.
    pub fn of(version: ForgeVersion, teams: usize) -> Self {
        Self {
            version,
            teams,
            clock: Clock::fixed(NOW),
            patience: PATIENCE,
            files: vec![("README.md".to_owned(), "# Team\n".to_owned())],
            otherwise: Vec::new(),
        }
    }
}

/// An installation and its forge.
pub struct World {
    pub forge: Forge,
    pub app: Arc<App>,
    /// What this world calls its forge; no other world of this process calls its own so.
    pub name: ForgeName,
    pub token: String,
    /// Where hooks and pages are reached.
    pub url: String,
    pub teams: Vec<Repository>,
    patience: Duration,
    folder: tempfile::TempDir,
}

fn write_configuration(
    folder: &Path,
    name: &ForgeName,
    (forge, token): (&str, &str),
    otherwise: &[(&str, String)],
) {
    let nuclei = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
    let challenge = folder.join("challenge");
    std::fs::create_dir(&challenge).unwrap();
    for part in ["data", "sample", "scorer", "template"] {
        std::os::unix::fs::symlink(nuclei.join(part), challenge.join(part)).unwrap();
    }
    let text = std::fs::read_to_string(nuclei.join("challenge.toml")).unwrap();
    let mut text = text.replace("forge = \"local\"", &format!("forge = \"{name}\""));
    for (before, after) in otherwise {
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

/// People, the bot with its token, and a repository for each team.
fn furnish(forge: &Forge, plan: &Plan) -> String {
    for login in ["owner", "referee", "alice"] {
        forge.person(login);
    }
    forge.organization("nuclei", "owner");
    let files: Vec<(&str, &str)> = plan.files.iter().map(|(p, t)| (&**p, &**t)).collect();
    for n in 0..plan.teams {
        forge.repository("nuclei", &format!("team-{n:03}"), &files);
    }
    let writes = [("repo.code", Mode::Write), ("repo.issues", Mode::Write)];
    forge.team(("nuclei", "bots"), &writes, &["referee"], None);
    forge.team(("nuclei", "people"), &writes, &["alice"], None);
    forge.token("referee", &["all"])
}

impl World {
    /// A forge and an installation that reports to it.
    pub async fn start(plan: Plan) -> Self {
        crate::log::keep();
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let forge = Forge::start(plan.version).await;
        let token = furnish(&forge, &plan);
        let folder = tempfile::tempdir().unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = ForgeName::new(format!("forge-{number}")).unwrap();
        let at = (forge.root(), token.clone());
        write_configuration(folder.path(), &name, (&at.0, &at.1), &plan.otherwise);
        let (app, url) = serve(folder.path(), &token, (plan.patience, plan.clock)).await;
        let mut world = Self {
            forge,
            app,
            name,
            token,
            url,
            teams: Vec::new(),
            patience: plan.patience,
            folder,
        };
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

    /// The daemon ends in this moment, and another one starts.
    pub async fn restart(&mut self) {
        let with = (self.patience, self.app.context.clock.clone());
        let (app, url) = serve(self.folder.path(), &self.token, with).await;
        (self.app, self.url) = (app, url);
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        let clock = &self.app.context.clock;
        clock.set(clock.now().plus(time));
    }

    /// Sends what is due, some of it at least. Whether there was anything.
    pub async fn send(&self) -> bool {
        let step = |priority_class| publish::step(&self.app, &self.name, priority_class);
        let (answers, urgent, rest) = tokio::join!(
            step(PriorityClass::Answers),
            step(PriorityClass::Urgent),
            step(PriorityClass::Rest)
        );
        [answers, urgent, rest]
            .map(Result::unwrap)
            .contains(&Progress::Worked)
    }

    /// Sends what is due, many times, a little later each time.
    pub async fn send_for(&self, times: usize, pause: Duration) {
        for _ in 0..times {
            self.send().await;
            self.pass(pause);
        }
    }

    /// Lets time pass until nothing is due any more.
    pub async fn settle(&self) {
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
        AnyConnection::connect(self.app.context.settings.database.expose())
            .await
            .unwrap()
    }

    async fn next_due(&self) -> Option<Timestamp> {
        let mut database = self.database().await;
        let sql = "SELECT not_before FROM outbox WHERE sent < version ORDER BY not_before";
        let row = sqlx::query(sql).fetch_optional(&mut database).await;
        row.unwrap().map(|row| Timestamp(row.get(0)))
    }

    /// The outbox.
    pub async fn messages(&self) -> Vec<Wish> {
        let mut database = self.database().await;
        let sql = "SELECT channel, sent, version, last_error FROM outbox ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&mut database).await.unwrap();
        let message = |row: &sqlx::any::AnyRow| Wish {
            channel: row.get(0),
            is_due: row.get::<i64, _>(1) < row.get::<i64, _>(2),
            last_error: row.try_get(3).ok(),
        };
        rows.iter().map(message).collect()
    }

    /// The one wish of a channel.
    pub async fn message(&self, channel: &str) -> Wish {
        let mut all = self.messages().await;
        all.retain(|message| message.channel == channel);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// Everything that the database holds, but what may hold a secret by its nature.
    pub async fn rows(&self) -> String {
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

/// A daemon's parts, and its hooks and pages on a port.
async fn serve(
    folder: &Path,
    token: &str,
    (patience, clock): (Duration, Clock),
) -> (Arc<App>, String) {
    // reqwest wants a provider before its first client, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let installation = config::read_installation(&folder.join("referee.toml"));
    let Installation {
        mut settings,
        challenges,
    } = installation.unwrap();
    std::fs::create_dir_all(&settings.data).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.listen = listener.local_addr().unwrap();
    settings.public_url = "https://referee.example.org".to_owned();
    let url = format!("http://{}", settings.listen);
    let name = settings.forges.keys().next().unwrap().clone();
    let referee::config::ForgeSettings::Gitea { url: forge, .. } = &settings.forges[&name] else {
        panic!("{name} is no Gitea");
    };
    let mirrors: PathBuf = settings.data.join("mirrors");
    let gitea = GiteaForge::new(forge, &Secret::new(token), mirrors).unwrap();
    let gitea: Arc<dyn referee::forge::Forge> = Arc::new(gitea.with_patience(patience).unwrap());
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
