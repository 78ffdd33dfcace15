//! Every image of the corpus: its folder makes it, the test pushes it to a registry, and the platform finds it.
//!
//! The stages run in this process with a forge that has a registry and nothing else. The engine, the database and the
//! registry are real. The platform sees all images before it works on one: in between, the test moves or deletes some.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use referee::clock::{self, Clock};
use referee::config;
use referee::executor::docker::{DockerEngine, DockerOptions};
use referee::executor::{Engine, Runner as _};
use referee::model::{Digest, ForgeName, RepositoryId, TeamSlug};
use referee::pipeline::{App, Engines, Parts, images, view, workers};
use referee::report::markdown;
use referee::store::{ImageOwner, Repository, Store, SubmissionRecord};
use serde_json::Value;

use crate::canary::{CANARY, Words};
use crate::corpus::PATIENCE;
use crate::differences::Differences;
use crate::leaks::Left;
use crate::row::{self, After, Kind, Row};
use crate::scripted_forge::ScriptedForge;
use crate::server::{Access, Server};
use crate::world::{World, docker};

const OWNER: &str = "hostile-images";
const IMAGE: &str = "hostile-images/method";
/// The largest size of an unpacked image.
const LIMIT: &str = "image = \"64MiB\"";

fn forge() -> ForgeName {
    ForgeName::new("local").unwrap()
}

/// Writes the challenge with images as its trigger and with a smaller limit for them.
fn write_configuration(folder: &Path) {
    let ours = row::here().join("challenge");
    let challenge = folder.join("challenge");
    std::fs::create_dir(&challenge).unwrap();
    for part in ["data", "sample", "scorer", "double.schema.json"] {
        std::os::unix::fs::symlink(ours.join(part), challenge.join(part)).unwrap();
    }
    let text = std::fs::read_to_string(ours.join("challenge.toml")).unwrap();
    let changed = text.replace("on = \"branch:main\"", "on = \"image:method\"").replace("image = \"2GiB\"", LIMIT);
    assert!(changed.contains(LIMIT) && changed.contains("image:method"));
    std::fs::write(challenge.join("challenge.toml"), changed).unwrap();
    let settings = format!(
        "challenges = [\"challenge\"]\n[runner]\ngpus = 0\nslots = 1\n[engine]\nsocket = {:?}\n\
         runtime = {:?}\n",
        crate::engine(),
        crate::runtime(),
    );
    std::fs::write(folder.join("referee.toml"), settings).unwrap();
}

/// A platform that knows no submissions except images.
struct Platform {
    app: Arc<App>,
    engine: DockerEngine,
    instance: String,
    _folder: tempfile::TempDir,
}

impl Platform {
    async fn new(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_configuration(folder.path());
        let read = config::read_installation(&folder.path().join("referee.toml"));
        let config::Installation { settings, challenges } = read.unwrap();
        std::fs::create_dir_all(&settings.data).unwrap();
        let instance = hex::encode(clock::random_bytes::<8>());
        let options = DockerOptions { runtime: Some(settings.engine.runtime.clone()), ..DockerOptions::default() };
        let engine = DockerEngine::connect(&settings.engine.socket, &instance, options).unwrap();
        let shared = Engine::from(engine.clone());
        let scripted = ScriptedForge {
            registry: server.registry(),
            repository: "hostile/team-images",
            owners: vec![(OWNER, 1, vec!["method"])],
            comments: Arc::default(),
        };
        let parts = Parts {
            store: Store::open(settings.database.expose()).await.unwrap(),
            engines: Engines::new(&shared, &shared, &shared),
            gpus: Vec::new(),
            forges: [(forge(), Arc::new(scripted) as _)].into(),
            clock: Clock::system(),
            owner: "tests".to_owned(),
        };
        let platform =
            Self { app: Arc::new(App::new(settings, challenges, parts).unwrap()), engine, instance, _folder: folder };
        platform.bind().await;
        platform
    }

    async fn bind(&self) {
        let (app, now) = (&self.app, self.app.context.clock.now());
        let repository = Repository {
            id: RepositoryId(0),
            forge: forge(),
            forge_id: "1".into(),
            full_name: "hostile/team-images".into(),
            challenge: app.context.challenges[0].slug.clone(),
            team: TeamSlug::new("images").unwrap(),
            hook_token: clock::page_token(),
        };
        let bound = app.context.store.bind_repository(&repository, &[], now);
        let owner = ImageOwner {
            id: 0,
            forge: forge(),
            owner_id: 1,
            login: OWNER.into(),
            repository: bound.await.unwrap().0.id,
        };
        app.context.store.bind_image_owner(&owner, now).await.unwrap();
    }

    async fn all(&self) -> Vec<SubmissionRecord> {
        let challenge = &self.app.context.challenges[0].slug;
        let all = self.app.context.store.submissions_of_challenge(challenge).await;
        all.unwrap()
    }

    async fn settle(&self) {
        let begun = Instant::now();
        while !self.app.context.store.submissions_under_way().await.unwrap().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "some images have not ended after {PATIENCE:?}");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        self.app.engines.cleaner.done().await;
    }
}

/// The platform keeps images as long as a leaderboard needs them. Here none does.
impl Drop for Platform {
    fn drop(&mut self) {
        let listed = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "referee/build"]);
        let mine = format!("referee/build:{}.", self.instance);
        for tag in listed.unwrap_or_default().lines() {
            if tag.starts_with(&mine) {
                let _ = docker(&["rmi", "--force", tag]);
            }
        }
    }
}

/// Runs `make.py` of a row, pushes the blobs, and returns the manifests by name.
async fn push_blobs(server: &Server, row: &Row) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    crate::copy::files(&row.folder, folder.path(), &["expected.toml", "make.py"]);
    row::make(row, folder.path());
    for blob in std::fs::read_dir(folder.path().join("blobs")).unwrap() {
        let bytes = std::fs::read(blob.unwrap().path()).unwrap();
        server.push_blob(IMAGE, bytes).await;
    }
    let manifest = |name: &str| {
        let text = std::fs::read_to_string(folder.path().join(name)).ok()?;
        Some((name.to_owned(), serde_json::from_str(&text).unwrap()))
    };
    ["manifest.json", "moved.json"].into_iter().filter_map(manifest).collect()
}

/// The tag of a row: its task, then its name.
fn tag(row: &Row) -> String {
    format!("double-{}", row.name)
}

/// Moves or deletes the image of a row after the platform has seen it.
async fn move_or_delete(server: &Server, row: &Row, pushed: &Digest, moved: Option<&Value>) {
    match row.after {
        None => {}
        Some(After::Deleted) => server.delete_manifest(IMAGE, pushed).await,
        Some(After::Moved) => {
            let moved = moved.expect("make.py writes `moved.json`");
            let digest = server.push_manifest(IMAGE, &tag(row), moved).await;
            assert_ne!(digest, *pushed, "{}", row.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_image_gets_its_result_and_leaves_nothing() {
    // `World::new` prints the reason why an engine is missing. It needs a thread without a runtime.
    if tokio::task::spawn_blocking(|| World::new().is_none()).await.unwrap() {
        return;
    }
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let mut rows = row::all();
    rows.retain(|row| row.kind == Kind::Image);
    let before = Left::now();
    let platform = Platform::new(&server).await;
    let begun = Instant::now();
    let mut pushed = Vec::new();
    for row in &rows {
        let manifests = push_blobs(&server, row).await;
        let (tag, manifest) = (tag(row), &manifests["manifest.json"]);
        let digest = server.push_manifest(IMAGE, &tag, manifest).await;
        pushed.push((row, digest, manifests));
    }
    images::sweep(&platform.app.context, &platform.app.forges).await.unwrap();
    for (row, digest, manifests) in &pushed {
        move_or_delete(&server, row, digest, manifests.get("moved.json")).await;
    }
    let stages = workers::start(&platform.app);
    platform.settle().await;
    println!("{} images ended after {:.1?}", rows.len(), begun.elapsed());

    let mut differences = Differences::new(Words::of(&[CANARY]));
    for (row, digest, _) in &pushed {
        compare(&platform, row, digest, &mut differences).await;
    }
    differences.none_or_panic();
    drop(stages);
    assert_eq!(platform.engine.list_owned().await.unwrap(), []);
    drop(platform);
    let left = tokio::task::spawn_blocking(move || before.since(&BTreeSet::new()));
    let left = left.await.unwrap();
    assert!(left.is_empty(), "left: {left:#?}");
}

async fn compare(platform: &Platform, row: &Row, digest: &Digest, differences: &mut Differences) {
    let all = platform.all().await;
    let pushed_as = format!("method:{}", tag(row));
    let record = all.iter().find(|record| {
        let origin = &record.submission.origin;
        origin.pushed_as() == pushed_as && origin.content().to_string() == digest.to_string()
    });
    let Some(record) = record else {
        return differences.add(row, "was never entered");
    };
    let attempts = platform.app.context.store.attempts(record).await.unwrap();
    differences.compare_result(row, &record.submission, attempts);
    let view = view::submission(&platform.app.context, record).await.unwrap();
    let json = serde_json::to_string(&view).unwrap();
    differences.compare_texts(row, &[&markdown::submission(&view)], &json);
    if let Some((least, most)) = row.right {
        let value = view.score.map(|score| score.metrics[0].value);
        if !value.is_some_and(|value| (least..=most).contains(&value)) {
            differences.add(row, &format!("{value:?} is not in [{least}, {most}]"));
        }
    }
}
