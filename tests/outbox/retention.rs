//! Referee deletes deliveries some time after it has handled them. If the forge sends them again, they change nothing.

use referee::model::{Duration, limits};
use referee::pipeline::{commands, intake, observe, retention};
use referee::store::DeliveryKind;
use serde_json::json;

use crate::deliveries::{entered, handle_all, push, world};
use crate::world::World;

/// Handles all deliveries, executes the commands in them, and publishes the replies.
async fn settle(world: &World) {
    handle_all(world).await;
    commands::step(&world.app).await.unwrap();
    world.settle().await;
    handle_all(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_delivery_that_comes_again_has_no_effect() {
    let world = world(1).await;
    push(&world, 0, 1).await;
    let issue = json!({"title": "Hello", "body": "/help"});
    let path = "/repos/nuclei/team-000/issues";
    let (status, _) = world.forge.api("alice", "POST", path, &issue).await;
    assert_eq!(status, 201);
    settle(&world).await;
    let sent = world.forge.sent().len();
    let kept = world.app.context.store.delivery_notes().await.unwrap();
    assert!(kept.len() > 1 && kept.iter().all(|(_, note)| note.is_some()), "{kept:?}");
    let first = entered(&world).await;
    assert_eq!(first.len(), 1);
    let comments = || format!("{:?}", world.forge.state().comments);
    let published = comments();

    world.advance(Duration(world.app.context.settings.retention.deliveries.0 - 1));
    retention::pass(&world.app).await;
    assert_eq!(world.app.context.store.delivery_notes().await.unwrap(), kept);
    world.advance(limits::RETENTION_INTERVAL);
    retention::pass(&world.app).await;
    let left = world.app.context.store.delivery_notes().await.unwrap();
    let last = &kept[kept.len() - 1..];
    assert_eq!(left, last, "the last delivery of a forge stays");

    for n in 0..sent {
        world.forge.replay(n);
    }
    settle(&world).await;
    let again = world.app.context.store.delivery_notes().await.unwrap();
    assert!(again.len() > 1, "they count as new deliveries");
    observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
    for about in [DeliveryKind::Texts, DeliveryKind::Other] {
        while intake::step(&world.app, about).await.unwrap() > 0 {}
    }
    assert_eq!(entered(&world).await, first, "no commit is entered twice");
    assert_eq!(comments(), published, "no command is executed twice");
}
