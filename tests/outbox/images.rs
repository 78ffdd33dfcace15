//! Images in a forge's registry, as the sweep sees them: renamed owners, and phases that are not open.

use referee::forge::registry::RegistryError;
use referee::model::{Digest, Duration, TaskSlug, Timestamp};
use referee::pipeline::images::{self, Phases};
use referee::store::ImageOwner;

use crate::model::ForgeVersion;
use crate::model::packages::Image;
use crate::model::state::Mode;
use crate::world::{NOW, Plan, World};

const OWNER: &str = "nuclei-000";

fn after(time: Duration) -> Timestamp {
    NOW.plus(time)
}

/// A world whose first phase takes images and is open between two times.
async fn world(version: ForgeVersion, opens: Timestamp, closes: Timestamp) -> (World, ImageOwner) {
    let mut plan = Plan::new(version, 1);
    plan.replacements = vec![
        ("on = \"branch:main\"", "on = \"image:method\"".to_owned()),
        ("opens = \"2024-01-01T00:00:00Z\"", format!("opens = \"{opens}\"")),
        ("closes = \"2099-12-31T23:59:59Z\"", format!("closes = \"{closes}\"")),
    ];
    let world = World::start(plan).await;
    let forge = &world.forge;
    let number = forge.organization(OWNER, "owner");
    let (read, write) = (("repo.packages", Mode::Read), ("repo.packages", Mode::Write));
    forge.team(OWNER, "referee", &[read], &["referee"], None);
    forge.team(OWNER, "members", &[write], &["alice"], None);
    let owner = ImageOwner {
        id: 0,
        forge: world.name.clone(),
        owner_id: number,
        login: OWNER.to_owned(),
        repository: world.teams[0].id,
    };
    let owner = world.app.context.store.bind_image_owner(&owner, NOW).await.unwrap();
    (world, owner)
}

fn push(world: &World, owner: &str, tag: &str, manifest: &str) {
    let image = Image { name: "method", tag, manifest: manifest.as_bytes(), blobs: &[] };
    world.forge.push_image("alice", owner, &image);
}

/// Runs the sweep over images, and returns the number of new submissions.
async fn sweep(world: &World) -> usize {
    let (context, forges) = (&world.app.context, &world.app.forges);
    images::sweep(context, forges).await.unwrap()
}

fn manifests_asked(world: &World) -> usize {
    let asked = world.forge.asked().into_iter();
    asked.filter(|a| a.path.contains("/manifests/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_owner_is_followed_by_its_number() {
    let (opens, closes) = (after(Duration(-1)), after(Duration::seconds(3600)));
    for version in ForgeVersion::ALL {
        let (world, owner) = world(version, opens, closes).await;
        push(&world, OWNER, "segmentation", "{}");
        assert_eq!(sweep(&world).await, 1);
        world.forge.state().rename_account(owner.owner_id, "otherwise");
        // Another organization takes the name, and has images there.
        let other = world.forge.organization(OWNER, "owner");
        let read = [("repo.packages", Mode::Read)];
        world.forge.team(OWNER, "referee", &read, &["referee"], None);
        push(&world, OWNER, "segmentation", "{\"a\":1}");
        assert_ne!(other, owner.owner_id);
        push(&world, "otherwise", "segmentation-2", "{\"b\":1}");
        assert_eq!(sweep(&world).await, 1);
        let known = world.app.context.store.image_owners().await.unwrap();
        assert_eq!(known[0].login, "otherwise");
        let seen = world.app.context.store.known_images(&known[0]).await.unwrap();
        let digests: Vec<_> = seen.iter().map(|image| image.digest.clone()).collect();
        assert_eq!(digests, [Digest::of(b"{}"), Digest::of(b"{\"b\":1}")]);
        assert_eq!(sweep(&world).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_asks_for_no_manifest_of_a_phase_that_is_not_open() {
    let hours = |n: i64| Duration::seconds(n * 3600);
    let (opens, closes) = (after(hours(10)), after(hours(20)));
    let (world, owner) = world(ForgeVersion::Gitea127, opens, closes).await;
    push(&world, OWNER, "segmentation", "{}");
    assert_eq!(sweep(&world).await, 0);
    assert_eq!(manifests_asked(&world), 0, "the phase is not open yet");
    // An image without a delivery is found when the phase opens.
    world.advance(hours(10));
    assert_eq!(sweep(&world).await, 1);
    assert!(manifests_asked(&world) > 0);
    let seen = world.app.context.store.known_images(&owner).await.unwrap();
    assert_eq!(seen.len(), 1);
    // A push 1 ms after the close is still found, so that its team learns that it was late.
    world.advance(Duration(hours(10).0 + 1));
    push(&world, OWNER, "segmentation-2", "{\"late\":1}");
    assert_eq!(sweep(&world).await, 1);
    world.advance(hours(2));
    let before = manifests_asked(&world);
    push(&world, OWNER, "segmentation-3", "{\"later\":1}");
    for _ in 0..3 {
        assert_eq!(sweep(&world).await, 0);
    }
    assert_eq!(manifests_asked(&world), before, "the phase is closed");
    let seen = world.app.context.store.known_images(&owner).await.unwrap();
    assert_eq!(seen.len(), 2, "the known images stay known");
    // An image with a delivery is entered at any time.
    let received = images::observe(&world.app.context, &world.app.forges, &owner, Phases::All).await.unwrap();
    let new = received.entered.iter().filter(|record| record.new).count();
    assert_eq!((new, received.unmatched.len()), (1, 0));
    let task = TaskSlug::new("segmentation").unwrap();
    let record = world.app.context.store.submission(received.entered[0].submission).await;
    assert_eq!(record.unwrap().submission.task, Some(task));
    // A deleted tag is forgotten, also in a closed phase.
    world.forge.state().packages.clear();
    sweep(&world).await;
    assert_eq!(world.app.context.store.known_images(&owner).await.unwrap(), []);
    let registry = world.app.forges.require(&world.name).unwrap().packages().unwrap().registry().await;
    let gone = registry.unwrap().manifest(&format!("{OWNER}/method"), "none").await;
    assert!(matches!(gone, Err(RegistryError::NotFound(_))));
}
