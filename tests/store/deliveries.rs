//! Deliveries of webhooks: each is kept once, is durable before it is acknowledged, and is handled in its order.

use std::collections::BTreeSet;

use referee::model::{ForgeEvent, ForgeName, RepositoryRef, Sender};
use referee::store::{Change, Delivery, DeliveryKind, DeliveryWriter, Received, StoreError};

use crate::database::Db;
use crate::world::*;

pub(crate) async fn deliveries_are_kept_once_for_each_forge(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    let mut changes = db.store.changes();
    assert_eq!(writer.write(delivery("a")).await.unwrap(), Received::New);
    assert_eq!(changes.recv().await.unwrap(), Change::Delivery);
    assert_eq!(writer.write(delivery("a")).await.unwrap(), Received::Duplicate);
    let mut other = delivery("a");
    other.forge = ForgeName::new("gitea").unwrap();
    assert_eq!(writer.write(other.clone()).await.unwrap(), Received::New);
    let kept = db.store.pending_deliveries(DeliveryKind::Other, later(9), 10).await.unwrap();
    let kept: Vec<_> = kept.into_iter().map(|u| u.delivery).collect();
    assert_eq!(kept, [delivery("a"), other]);
}

/// 64 clients, some of them with the same bytes: every "new" is a row of its own.
pub(crate) async fn deliveries_at_once_share_commits_and_are_all_durable(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    let mut clients = Vec::new();
    for client in 0..64 {
        let writer = writer.clone();
        clients.push(tokio::spawn(async move {
            let mut new = Vec::new();
            for n in 0..5 {
                let body = if n == 4 { format!("same {n}") } else { format!("{client}/{n}") };
                let received = writer.write(delivery(&body)).await.unwrap();
                new.extend((received == Received::New).then_some(body));
            }
            new
        }));
    }
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    assert_eq!(acknowledged.len(), 64 * 4 + 1);
    let kept: BTreeSet<_> = db
        .again()
        .await
        .pending_deliveries(DeliveryKind::Other, later(9), 1000)
        .await
        .unwrap()
        .into_iter()
        .map(|kept| kept.delivery.digest.to_string())
        .collect();
    let expected: BTreeSet<_> = acknowledged.iter().map(|body| delivery(body).digest.to_string()).collect();
    assert_eq!(kept, expected);
}

/// Commands are handled while many pushes wait.
pub(crate) async fn deliveries_with_texts_do_not_wait_for_pushes(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    let repository = RepositoryRef { id: 4, full_name: "nuclei/team-alpha".into() };
    let sender = Sender { id: 3, login: "alice".into() };
    let issue = ForgeEvent::Issue {
        repository: repository.clone(),
        action: "opened".into(),
        number: 1,
        title: "A question".into(),
        body: "/help".into(),
        previous_body: None,
        author_id: Some(3),
        sender: sender.clone(),
    };
    let comment = ForgeEvent::Comment {
        repository,
        action: "created".into(),
        issue: 1,
        comment: 2,
        body: "/status".into(),
        previous_body: None,
        author_id: Some(3),
        sender,
    };
    let texts = [("issue", issue), ("comment", comment)].map(|(body, event)| {
        let plain = delivery(body);
        Delivery { event, ..plain }
    });
    let others = ["a", "b"].map(delivery);
    for one in others.iter().chain(&texts) {
        writer.write(one.clone()).await.unwrap();
    }
    let waiting = async |kind| {
        let found = db.store.pending_deliveries(kind, later(9), 9).await;
        let all = found.unwrap().into_iter().map(|u| u.delivery);
        all.collect::<Vec<_>>()
    };
    assert_eq!(waiting(DeliveryKind::Texts).await, texts);
    assert_eq!(waiting(DeliveryKind::Other).await, others);
}

pub(crate) async fn deliveries_are_handled_in_their_order(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    for body in ["a", "b", "c", "d"] {
        writer.write(delivery(body)).await.unwrap();
    }
    let first = db.store.pending_deliveries(DeliveryKind::Other, later(9), 2).await.unwrap();
    assert_eq!(first[0].delivery, delivery("a"));
    assert_eq!(first[1].delivery, delivery("b"));
    assert!(first[0].id < first[1].id);
    db.store.record_handled_delivery(first[1].id, "changed refs: 1", later(1)).await.unwrap();
    let rest = db.store.pending_deliveries(DeliveryKind::Other, later(9), 10).await.unwrap();
    let digests: Vec<_> = rest.iter().map(|u| u.delivery.digest.clone()).collect();
    assert_eq!(digests, ["a", "c", "d"].map(|body| delivery(body).digest));
    let notes = db.store.delivery_notes().await.unwrap();
    assert_eq!(notes.len(), 4);
    assert_eq!(notes[1], (first[1].id, Some("changed refs: 1".into())));
    assert_eq!(notes[0].1, None);
    // A handled delivery is not deleted: the same bytes are still a duplicate.
    assert_eq!(writer.write(delivery("b")).await.unwrap(), Received::Duplicate);
}

/// Deliveries above the limit are refused at once, so that the sender tries again. All others are kept.
pub(crate) async fn deliveries_above_the_limit_are_refused_and_none_is_lost(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    let mut clients = Vec::new();
    for n in 0..3000 {
        let writer = writer.clone();
        clients.push(tokio::spawn(async move { writer.write(delivery(&n.to_string())).await }));
    }
    let (mut new, mut busy) = (0, 0);
    for client in clients {
        match client.await.unwrap() {
            Ok(Received::New) => new += 1,
            Err(StoreError::Busy) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(new + busy, 3000);
    assert_eq!(db.store.pending_deliveries(DeliveryKind::Other, later(9), 3000).await.unwrap().len(), new);
}

pub(crate) async fn a_deferred_delivery_delays_no_other(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    for body in ["a", "b"] {
        writer.write(delivery(body)).await.unwrap();
    }
    let received = db.store.last_delivery_at(&forge()).await.unwrap();
    assert_eq!(received, Some(delivery("a").received_at));
    let gitea = ForgeName::new("gitea").unwrap();
    assert_eq!(db.store.last_delivery_at(&gitea).await.unwrap(), None);
    let all = db.store.pending_deliveries(DeliveryKind::Other, NOW, 9).await.unwrap();
    assert_eq!((all.len(), all[0].attempts), (2, 0));
    db.store.defer_delivery(all[0].id, later(30)).await.unwrap();
    let now = db.store.pending_deliveries(DeliveryKind::Other, later(29), 9).await.unwrap();
    assert_eq!(now.len(), 1, "the other does not wait for it");
    let then = db.store.pending_deliveries(DeliveryKind::Other, later(30), 9).await.unwrap();
    assert_eq!((then.len(), then[0].attempts), (2, 1));
}

/// Only deliveries that were handled long ago are deleted, a few at a time. The last one of each forge stays.
pub(crate) async fn old_deliveries_are_deleted(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    for body in ["a", "b", "c", "open", "late", "last"] {
        writer.write(delivery(body)).await.unwrap();
    }
    let gitea = ForgeName::new("gitea").unwrap();
    let other = Delivery { forge: gitea.clone(), ..delivery("a") };
    writer.write(other).await.unwrap();
    let all = db.store.pending_deliveries(DeliveryKind::Other, NOW, 9).await.unwrap();
    for pending in &all {
        let id = pending.id;
        let seconds = match id {
            4 => continue,
            5 => 9,
            _ => 1,
        };
        db.store.record_handled_delivery(id, "done", later(seconds)).await.unwrap();
    }
    let mut deleted = Vec::new();
    for _ in 0..3 {
        let some = db.store.delete_handled_deliveries(later(9), 2).await;
        deleted.push(some.unwrap());
    }
    assert_eq!(deleted, [2, 1, 0]);
    let left = db.store.delivery_notes().await.unwrap();
    let left: Vec<i64> = left.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [4, 5, 6, 7]);
    let received = db.store.last_delivery_at(&gitea).await.unwrap();
    assert_eq!(received, Some(delivery("a").received_at));
    // A deleted delivery is new when it comes again, and a kept one is a duplicate.
    let again = |body| writer.write(delivery(body));
    assert_eq!(again("a").await.unwrap(), Received::New);
    assert_eq!(again("late").await.unwrap(), Received::Duplicate);
}
