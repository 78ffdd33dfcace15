//! An installation in a temporary folder with a server on a free port.
//!
//! The challenge `nuclei` has four phases: `open` shows everything, `validation` has a live leaderboard and hides
//! details of runs, `undisclosed` has no public leaderboard, and `test` is the phase of the example. The forge `local`
//! has the teams' repositories, and the forge `gitea` sends deliveries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use referee::clock::Clock;
use referee::config;
use referee::forge::local::LocalForge;
use referee::forge::{Forge, Hosting as _};
use referee::model::{ForgeName, RepositoryId, TeamSlug, Timestamp};
use referee::pipeline::{App, Parts};
use referee::store::{Repository, Store};
use referee::{clock, web};
use reqwest::StatusCode;
use tokio::net::TcpListener;

use crate::{engine, log};

/// The webhook secrets of the forge `gitea`. The second one is the old secret during a replacement.
pub(crate) const SECRETS: [&str; 2] = ["correct-horse-battery-staple", "an-older-secret-of-the-same-hook"];

/// The time of the server's clock at its start.
pub(crate) const NOW: Timestamp = Timestamp(1_764_000_000_000);

pub(crate) struct Server {
    pub app: Arc<App>,
    pub url: String,
    pub client: reqwest::Client,
    local: LocalForge,
    /// Removed when the server is dropped.
    _folder: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// Reads the body of an answer.
pub(crate) async fn answer(response: reqwest::Response) -> Answer {
    Answer { status: response.status(), headers: response.headers().clone(), body: response.text().await.unwrap() }
}

/// A path in this repository.
pub(crate) fn repository_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn write_configuration(folder: &Path) {
    let nuclei = repository_path("examples/nuclei");
    let challenge = folder.join("challenge");
    std::fs::create_dir(&challenge).unwrap();
    for part in ["data", "sample", "scorer", "template"] {
        std::os::unix::fs::symlink(nuclei.join(part), challenge.join(part)).unwrap();
    }
    let mut text = std::fs::read_to_string(nuclei.join("challenge.toml")).unwrap();
    for (slug, board, logs, cases) in [("open", "live", "all", true), ("undisclosed", "hidden", "none", false)] {
        text.push_str(&format!(
            r#"
[[phase]]
slug = "{slug}"
title = "Phase {slug}"
opens = "2024-01-01T00:00:00Z"
closes = "2099-12-31T23:59:59Z"
on = "branch:{slug}"
data = "data/validation"
quota = {{ per-day = 20, total = 200, concurrent = 2, submissions-per-day = 100 }}
show = {{ board = "{board}", logs = "{logs}", cases = {cases}, decimals = 3 }}
pick = "best"
"#
        ));
    }
    std::fs::write(challenge.join("challenge.toml"), text).unwrap();
    std::fs::write(
        folder.join("referee.toml"),
        format!(
            r#"
challenges = ["challenge"]
[forge.local]
kind = "local"
root = "repositories"
[forge.gitea]
kind = "gitea"
url = "http://localhost:3000"
webhook-secrets = {SECRETS:?}
"#
        ),
    )
    .unwrap();
}

impl Server {
    /// Starts a server with a new installation.
    pub(crate) async fn start() -> Self {
        log::keep();
        // reqwest needs a TLS provider before its first client, even for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        write_configuration(folder.path());
        let installation = config::read_installation(&folder.path().join("referee.toml"));
        let config::Installation { mut settings, challenges } = installation.unwrap();
        std::fs::create_dir_all(&settings.data).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        settings.listen = listener.local_addr().unwrap();
        settings.public_url = format!("http://{}", settings.listen);
        let url = settings.public_url.clone();
        let root = folder.path().join("repositories");
        let local = LocalForge::new(root, url.clone(), PathBuf::from("/bin/true"));
        let forge: Arc<dyn Forge> = Arc::new(local.clone());
        let parts = Parts {
            store: Store::open(settings.database.expose()).await.unwrap(),
            engines: engine::engines(),
            gpus: Vec::new(),
            forges: [(ForgeName::new("local").unwrap(), forge)].into(),
            clock: Clock::fixed(NOW),
            owner: "tests".to_owned(),
        };
        let app = Arc::new(App::new(settings, challenges, parts).unwrap());
        let router = web::router(Arc::clone(&app)).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { app, url, client: reqwest::Client::builder().no_proxy().build().unwrap(), local, _folder: folder }
    }

    /// Requests an address of this server.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.url);
        answer(self.client.get(url).send().await.unwrap()).await
    }

    /// Adds a team with a repository, like `referee team add`. On the forge `gitea`, Referee cannot read the
    /// repository.
    pub(crate) async fn add_team(&self, forge: &str, forge_id: &str, team: &str) -> Repository {
        let forge = ForgeName::new(forge).unwrap();
        let full_name = format!("nuclei/team-{team}");
        if forge.as_str() == "local" {
            self.local.create(&full_name, forge_id, &Default::default(), NOW).unwrap();
        }
        let new = Repository {
            id: RepositoryId(0),
            forge,
            forge_id: forge_id.to_owned(),
            full_name,
            challenge: self.app.context.challenges[0].slug.clone(),
            team: TeamSlug::new(team).unwrap(),
            hook_token: clock::page_token(),
        };
        self.app.context.store.bind_repository(&new, &[], NOW).await.unwrap().0
    }
}
