//! Images in a forge's registry, as the sweep sees them: owners that are renamed, and phases that are not
//! open.

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

/// A world whose first phase takes images, and is open between these moments.
async fn world(
    version: ForgeVersion,
    (opens, closes): (Timestamp, Timestamp),
) -> (World, ImageOwner) {
    let mut plan = Plan::of(version, 1);
    plan.otherwise = vec![
        ("on = \"branch:main\"", "on = \"image:method\"".to_owned()),
        (
            "opens = \"2024-01-01T00:00:00Z\"",
            format!("opens = \"{opens}\""),
        ),
        (
            "closes = \"2099-12-31T23:59:59Z\"",
            format!("closes = \"{closes}\""),
        ),
    ];
    let world = World::start(plan).await;
    let forge = &world.forge;
    let number = forge.organization(OWNER, "owner");
    let (read, write) = (
        ("repo.packages", Mode::Read),
        ("repo.packages", Mode::Write),
    );
    forge.team((OWNER, "referee"), &[read], &["referee"], None);
    forge.team((OWNER, "members"), &[write], &["alice"], None);
    let owner = ImageOwner {
        id: 0,
        forge: world.name.clone(),
        owner_id: number,
        login: OWNER.to_owned(),
        repository: world.teams[0].id,
    };
    let owner = world
        .app
        .context
        .store
        .bind_image_owner(&owner, NOW)
        .await
        .unwrap();
    (world, owner)
}

fn push(world: &World, owner: &str, tag: &str, manifest: &str) {
    let image = Image {
        name: "method",
        tag,
        manifest: manifest.as_bytes(),
        blobs: &[],
    };
    world.forge.push_image("alice", owner, &image);
}

fn manifests_asked(world: &World) -> usize {
    let asked = world.forge.asked().into_iter();
    asked.filter(|a| a.path.contains("/manifests/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_followed_by_its_number() {
    let open = (after(Duration(-1)), after(Duration::seconds(3600)));
    for version in ForgeVersion::ALL {
        let (world, owner) = world(version, open).await;
        push(&world, OWNER, "segmentation", "{}");
        assert_eq!(
            images::sweep(&world.app.context, &world.app.forges)
                .await
                .unwrap(),
            1
        );
        world
            .forge
            .state()
            .rename_account(owner.owner_id, "otherwise");
        // Somebody takes the name, and has images there.
        let stranger = world.forge.organization(OWNER, "owner");
        let read = [("repo.packages", Mode::Read)];
        world
            .forge
            .team((OWNER, "referee"), &read, &["referee"], None);
        push(&world, OWNER, "segmentation", "{\"a\":1}");
        assert_ne!(stranger, owner.owner_id);
        push(&world, "otherwise", "segmentation-2", "{\"b\":1}");
        assert_eq!(
            images::sweep(&world.app.context, &world.app.forges)
                .await
                .unwrap(),
            1
        );
        let known = world.app.context.store.image_owners().await.unwrap();
        assert_eq!(known[0].login, "otherwise");
        let seen = world
            .app
            .context
            .store
            .known_images(&known[0])
            .await
            .unwrap();
        let digests: Vec<_> = seen.iter().map(|image| image.digest.clone()).collect();
        assert_eq!(digests, [Digest::of(b"{}"), Digest::of(b"{\"b\":1}")]);
        assert_eq!(
            images::sweep(&world.app.context, &world.app.forges)
                .await
                .unwrap(),
            0
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_asks_for_no_manifest_of_a_phase_that_is_not_open() {
    let hours = |n: i64| Duration::seconds(n * 3600);
    let (world, owner) = world(ForgeVersion::Gitea127, (after(hours(10)), after(hours(20)))).await;
    push(&world, OWNER, "segmentation", "{}");
    assert_eq!(
        images::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap(),
        0
    );
    assert_eq!(manifests_asked(&world), 0, "it is not open yet");
    // What nobody announced is found when the phase opens.
    world.pass(hours(10));
    assert_eq!(
        images::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap(),
        1
    );
    assert!(manifests_asked(&world) > 0);
    let seen = world.app.context.store.known_images(&owner).await.unwrap();
    assert_eq!(seen.len(), 1);
    // A push at the last moment is still told that it came late.
    world.pass(Duration(hours(10).0 + 1));
    push(&world, OWNER, "segmentation-2", "{\"late\":1}");
    assert_eq!(
        images::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap(),
        1
    );
    world.pass(hours(2));
    let before = manifests_asked(&world);
    push(&world, OWNER, "segmentation-3", "{\"later\":1}");
    for _ in 0..3 {
        assert_eq!(
            images::sweep(&world.app.context, &world.app.forges)
                .await
                .unwrap(),
            0
        );
    }
    assert_eq!(manifests_asked(&world), before, "it is closed");
    let seen = world.app.context.store.known_images(&owner).await.unwrap();
    assert_eq!(seen.len(), 2, "nothing is forgotten");
    // Who is announced is heard, and is told so.
    let received = images::observe(&world.app.context, &world.app.forges, &owner, Phases::All)
        .await
        .unwrap();
    let new = received.entered.iter().filter(|record| record.new).count();
    assert_eq!((new, received.unmatched.len()), (1, 0));
    let task = TaskSlug::new("segmentation").unwrap();
    let record = world
        .app
        .context
        .store
        .submission(received.entered[0].submission)
        .await;
    assert_eq!(record.unwrap().submission.task, Some(task));
    // A tag that is gone is forgotten, also of a closed phase.
    world.forge.state().packages.clear();
    images::sweep(&world.app.context, &world.app.forges)
        .await
        .unwrap();
    assert_eq!(
        world.app.context.store.known_images(&owner).await.unwrap(),
        []
    );
    let registry = world
        .app
        .forges
        .require(&world.name)
        .unwrap()
        .registry()
        .await;
    let gone = registry
        .unwrap()
        .manifest(&format!("{OWNER}/method"), "none")
        .await;
    assert!(matches!(gone, Err(RegistryError::NotFound(_))));
}
