//! From a push to a score: the stages of the platform over a real registry and a real engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use referee::clock::{self, Clock};
use referee::config;
use referee::executor::{Engine, Runner as _};
use referee::model::{Digest, ForgeEvent, ForgeName, Outcome, RepositoryId, Sender, Stage, TeamSlug};
use referee::pipeline::{App, Engines, Parts, images, intake, view, workers};
use referee::report::markdown;
use referee::store::{Delivery, DeliveryKind, ImageOwner, Repository, Store, SubmissionRecord};
use serde_json::json;

use super::engine::Bench;
use super::image::*;
use super::scripted_forge::ScriptedForge;
use super::server::{Access, Server};

const ALPHA: i64 = 7;
const OTHER: i64 = 8;
const METHOD: &str = "nuclei-alpha/method";
/// A submission ends within this time, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(400);

/// An installation whose challenge is triggered by images.
struct World {
    app: Arc<App>,
    forge: ScriptedForge,
    bench: Bench,
    server: Server,
    _folder: tempfile::TempDir,
}

fn write_configuration(folder: &Path) {
    let nuclei = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
    let challenge = folder.join("challenge");
    std::fs::create_dir(&challenge).unwrap();
    for part in ["data", "sample", "scorer", "template"] {
        std::os::unix::fs::symlink(nuclei.join(part), challenge.join(part)).unwrap();
    }
    let text = std::fs::read_to_string(nuclei.join("challenge.toml")).unwrap();
    let text = text.replace("on = \"branch:main\"", "on = \"image:method\"");
    std::fs::write(challenge.join("challenge.toml"), text).unwrap();
    let settings = "challenges = [\"challenge\"]\n[forge.local]\nkind = \"local\"\nroot = \"r\"\n\
                    [runner]\ngpus = 0\nslots = 1\n";
    std::fs::write(folder.join("referee.toml"), settings).unwrap();
}

impl World {
    async fn new() -> Option<Self> {
        let bench = Bench::new().await?;
        if bench.command(&["image", "inspect", "referee/python:3.11"]).output().is_ok_and(|o| !o.status.success()) {
            super::missing("no image referee/python:3.11: run examples/base/build.sh");
            return None;
        }
        let server = Server::start(Access::Open).await?;
        let forge = ScriptedForge {
            registry: server.registry(),
            repository: "nuclei/team-alpha",
            owners: vec![("nuclei-alpha", ALPHA, vec!["method", "notes"]), ("other", OTHER, vec!["method"])],
            comments: Arc::default(),
        };
        let folder = tempfile::tempdir().unwrap();
        write_configuration(folder.path());
        let read = config::read_installation(&folder.path().join("referee.toml"));
        let config::Installation { settings, challenges } = read.unwrap();
        std::fs::create_dir_all(&settings.data).unwrap();
        let engine = Engine::from(bench.engine.clone());
        let parts = Parts {
            store: Store::open(settings.database.expose()).await.unwrap(),
            engines: Engines::new(&engine, &engine, &engine),
            gpus: Vec::new(),
            forges: [(forge_name(), Arc::new(forge.clone()) as _)].into(),
            clock: Clock::system(),
            owner: "tests".to_owned(),
        };
        let app = Arc::new(App::new(settings, challenges, parts).unwrap());
        let world = Self { app, forge, bench, server, _folder: folder };
        world.bind().await;
        Some(world)
    }

    async fn bind(&self) {
        let (app, now) = (&self.app, self.app.context.clock.now());
        let repository = Repository {
            id: RepositoryId(0),
            forge: forge_name(),
            forge_id: "1".into(),
            full_name: "nuclei/team-alpha".into(),
            challenge: app.context.challenges[0].slug.clone(),
            team: TeamSlug::new("alpha").unwrap(),
            hook_token: clock::page_token(),
        };
        let (bound, _) = app.context.store.bind_repository(&repository, &[], now).await.unwrap();
        let owner = ImageOwner {
            id: 0,
            forge: forge_name(),
            owner_id: ALPHA,
            login: "nuclei-alpha".into(),
            repository: bound.id,
        };
        app.context.store.bind_image_owner(&owner, now).await.unwrap();
    }

    /// Receives the delivery about a pushed image, and returns the note on it.
    async fn receive_package(&self, owner: &str, owner_id: i64) -> String {
        let event = ForgeEvent::Package {
            repository: None,
            action: "created".into(),
            kind: "container".into(),
            owner: owner.into(),
            owner_id,
            name: "method".into(),
            version: "v1".into(),
            sender: Sender { id: 3, login: "alice".into() },
        };
        let delivery = Delivery {
            forge: forge_name(),
            digest: Digest::of(&clock::random_bytes::<8>()),
            event,
            received_at: self.app.context.clock.now(),
        };
        self.app.deliveries.write(delivery).await.unwrap();
        intake::step(&self.app, DeliveryKind::Other).await.unwrap();
        let notes = self.app.context.store.delivery_notes().await.unwrap();
        notes.last().unwrap().1.clone().unwrap()
    }

    async fn all(&self) -> Vec<SubmissionRecord> {
        let challenge = &self.app.context.challenges[0].slug;
        let all = self.app.context.store.submissions_of_challenge(challenge).await;
        all.unwrap()
    }

    async fn ended(&self, number: usize) -> SubmissionRecord {
        let started = Instant::now();
        loop {
            let record = self.all().await.remove(number - 1);
            if record.submission.outcome().is_some() {
                return record;
            }
            assert!(started.elapsed() < PATIENCE, "{:?}", record.submission);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn report(&self, record: &SubmissionRecord) -> String {
        markdown::submission(&view::submission(&self.app.context, record).await.unwrap())
    }

    /// Builds an example and pushes it with the engine, as a team does.
    fn push_example(&self, name: &str, tag: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei/submissions").join(name);
        let pushed = format!("{}/{METHOD}:{tag}", self.server.address);
        self.bench.docker(&["build", "--quiet", "--tag", &pushed, folder.to_str().unwrap()]);
        self.bench.docker(&["push", "--quiet", &pushed]);
        self.bench.docker(&["rmi", &pushed]);
    }
}

fn forge_name() -> ForgeName {
    ForgeName::new("local").unwrap()
}

/// An image for another platform, whose only layer the registry no longer has.
async fn push_arm(server: &Server, tag: &str) -> Digest {
    let blob = layer("run", b"#!/bin/sh\n");
    let gone = Digest::of(&gzip(&blob));
    let mut arm = parts(&[blob]);
    arm.config["architecture"] = json!("arm64");
    let digest = arm.push(server, METHOD, tag).await;
    std::fs::remove_file(server.blob_file(&gone)).unwrap();
    digest
}

impl World {
    /// The number of images that a sweep enters.
    async fn swept(&self) -> usize {
        let App { context, forges, .. } = &*self.app;
        images::sweep(context, forges).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_image_is_scored_and_a_moved_tag_is_another_submission() {
    let Some(world) = World::new().await else {
        return;
    };
    // An image of no team is ignored.
    parts(&[layer("run", b"x")]).push(&world.server, "other/method", "v1").await;
    let note = world.receive_package("other", OTHER).await;
    assert_eq!(note, "ignored: the owner of the image belongs to no team");
    // An image of the team whose name triggers nothing.
    parts(&[layer("run", b"y")]).push(&world.server, "nuclei-alpha/notes", "v1").await;
    let note = world.receive_package("nuclei-alpha", ALPHA).await;
    assert_eq!(note, "images entered: 0; without a phase or task: 1");
    assert_eq!(world.all().await.len(), 0);

    world.push_example("good-otsu", "segmentation");
    let note = world.receive_package("nuclei-alpha", ALPHA).await;
    assert_eq!(note, "images entered: 1; without a phase or task: 1");
    assert_eq!(world.swept().await, 0, "known");
    let workers = workers::start(&world.app);
    let first = world.ended(1).await;
    let report = world.report(&first).await;
    assert_eq!(first.submission.outcome(), Some(Outcome::Scored), "{report}");
    assert_eq!(first.submission.origin.pushed_as(), "method:segmentation");
    let attempts = world.app.context.store.attempts(&first).await.unwrap();
    let kinds: Vec<_> = attempts.iter().map(|a| a.attempt.stage).collect();
    let expected = [Stage::Admission, Stage::Build, Stage::Smoke, Stage::Run, Stage::Scoring];
    assert_eq!(kinds, expected);
    assert!(report.contains("(`method:segmentation`)"), "{report}");
    assert!(report.contains("image `sha256:"), "{report}");

    // The tag moves to an image that cannot run here. The registry has only its manifest and configuration.
    let moved = push_arm(&world.server, "segmentation").await;
    assert_eq!(world.swept().await, 1);
    let second = world.ended(2).await;
    assert_eq!(second.submission.origin.content().to_string(), moved.to_string());
    assert_eq!(second.submission.outcome(), Some(Outcome::Rejected));
    assert_eq!(second.submission.stage(), Stage::Admission);
    let report = world.report(&second).await;
    assert!(report.contains("IMG002") && report.contains("linux/arm64"), "{report}");
    // The same image for the same task, under another tag.
    push_arm(&world.server, "segmentation-again").await;
    assert_eq!(world.swept().await, 0);

    let started = Instant::now();
    let is_reported = |text: &str| {
        let comments = world.forge.comments.lock().unwrap();
        comments.iter().any(|c| c.contains(text))
    };
    while !(is_reported("Scored:") && is_reported("Rejected by the rules:")) {
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", world.forge.comments);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(workers);
    assert_eq!(world.bench.engine.list_owned().await.unwrap(), []);
}
