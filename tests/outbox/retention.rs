//! Deliveries that were acted on long ago are forgotten, and sent again they change nothing.

use referee::model::{Duration, limits};
use referee::pipeline::{commands, intake, observe, retention};
use referee::store::About;
use serde_json::json;

use crate::weather::{entered, push, quiet, world};
use crate::world::World;

async fn act(world: &World) {
    quiet(world).await;
    commands::step(&world.app).await.unwrap();
    world.settle().await;
    quiet(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_and_comes_again_has_no_effect() {
    let world = world(1).await;
    push(&world, 0, 1).await;
    let issue = json!({"title": "Hello", "body": "/help"});
    let path = "/repos/nuclei/team-000/issues";
    let (status, _) = world.forge.api("alice", "POST", path, &issue).await;
    assert_eq!(status, 201);
    act(&world).await;
    let sent = world.forge.sent().len();
    let kept = world.app.context.store.delivery_notes().await.unwrap();
    assert!(
        kept.len() > 1 && kept.iter().all(|(_, note)| note.is_some()),
        "{kept:?}"
    );
    let first = entered(&world).await;
    assert_eq!(first.len(), 1);
    let comments = || format!("{:?}", world.forge.state().comments);
    let told = comments();

    world.pass(Duration(
        world.app.context.settings.retention.deliveries.0 - 1,
    ));
    retention::pass(&world.app).await;
    assert_eq!(
        world.app.context.store.delivery_notes().await.unwrap(),
        kept
    );
    world.pass(limits::RETENTION_INTERVAL);
    retention::pass(&world.app).await;
    let left = world.app.context.store.delivery_notes().await.unwrap();
    assert_eq!(left, kept[kept.len() - 1..], "the last of the forge stays");

    for n in 0..sent {
        world.forge.replay(n);
    }
    act(&world).await;
    let again = world.app.context.store.delivery_notes().await.unwrap();
    assert!(again.len() > 1, "they are new to us");
    observe::sweep(&world.app.context, &world.app.forges)
        .await
        .unwrap();
    for about in [About::Texts, About::Rest] {
        while intake::step(&world.app, about).await.unwrap() > 0 {}
    }
    assert_eq!(entered(&world).await, first, "and what they tell of is not");
    assert_eq!(comments(), told, "nor is any command heard twice");
}
