//! Forges with accounts: commands that are heard once, issues that we report in, deliveries that wait.

use referee::model::{ForgeName, Sender};
use referee::store::{About, CommandState, DeliveryWriter, Heard, TextPlace};

use crate::engine::Db;
use crate::world::*;

fn place(spot: i64) -> TextPlace {
    TextPlace {
        forge: forge(),
        forge_id: "4".to_owned(),
        issue: 1,
        spot,
    }
}

fn bob() -> Sender {
    Sender {
        id: 3,
        login: "bob".to_owned(),
    }
}

fn heard(text: &str, nth: i64) -> Heard {
    Heard {
        text: text.to_owned(),
        nth,
        reply: None,
    }
}

/// However often a text is heard, and by however many at once, each of its commands is one row.
pub async fn a_command_is_heard_once(db: Db) {
    let other = db.again().await;
    let text = [heard("/help", 0), heard("/grant x \0", 0)];
    let (here, who) = (place(7), bob());
    for _ in 0..3 {
        let (a, b) = tokio::join!(
            db.store.hear(&here, &who, &text, NOW),
            other.hear(&here, &who, &text, NOW)
        );
        a.unwrap();
        b.unwrap();
    }
    let known = db.store.commands_of(&place(7)).await.unwrap();
    let texts: Vec<_> = known.iter().map(|k| k.text.as_str()).collect();
    assert_eq!(texts, ["/help", "/grant x  "]);
    assert_eq!(known[0].actor, bob());
    // The same once more in the text is another command, and so is the same elsewhere.
    let twice = [heard("/help", 0), heard("/help", 1)];
    let new = db.store.hear(&place(7), &bob(), &twice, NOW).await;
    assert_eq!(new.unwrap(), 1);
    let new = db.store.hear(&place(8), &bob(), &text, NOW).await;
    assert_eq!(new.unwrap(), 2);
}

pub async fn a_command_is_begun_and_ended_once(db: Db) {
    let mut fault = heard("/hepl", 0);
    fault.reply = Some("Did you mean `/help`?".to_owned());
    let text = [heard("/status", 0), fault];
    db.store.hear(&place(7), &bob(), &text, NOW).await.unwrap();
    // What needs no execution has ended.
    let open = db.store.commands_in(CommandState::New).await.unwrap();
    assert_eq!(open.len(), 1);
    let id = open[0].id;
    let other = db.again().await;
    let (a, b) = tokio::join!(db.store.begin_command(id), other.begin_command(id));
    assert!(a.unwrap() ^ b.unwrap());
    let running = db.store.commands_in(CommandState::Running).await.unwrap();
    assert_eq!(running.len(), 1);
    db.store.end_command(id, "so \0", later(1)).await.unwrap();
    // The first answer stands.
    db.store.end_command(id, "other", later(2)).await.unwrap();
    let known = db.store.commands_of(&place(7)).await.unwrap();
    assert_eq!(known[0].reply.as_deref(), Some("so  "));
    assert_eq!(known[0].state, CommandState::Ended);
    assert_eq!(known[1].reply.as_deref(), Some("Did you mean `/help`?"));
    let ended = db.store.commands_in(CommandState::Ended).await.unwrap();
    assert_eq!(ended, [], "what has ended is looked for by its place only");
}

pub async fn an_issue_is_forgotten_with_its_number_only(db: Db) {
    let (forge, id) = (forge(), "4");
    assert_eq!(db.store.thread(&forge, id).await.unwrap(), None);
    db.store.put_thread((&forge, id), 1, NOW).await.unwrap();
    db.store.put_thread((&forge, id), 2, NOW).await.unwrap();
    assert_eq!(db.store.thread(&forge, id).await.unwrap(), Some(2));
    // Somebody who found the first one gone comes late.
    db.store.forget_thread((&forge, id), 1).await.unwrap();
    assert_eq!(db.store.thread(&forge, id).await.unwrap(), Some(2));
    db.store.forget_thread((&forge, id), 2).await.unwrap();
    assert_eq!(db.store.thread(&forge, id).await.unwrap(), None);
}

pub async fn a_delivery_waits_for_its_forge(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    for body in ["a", "b"] {
        writer.write(delivery(body)).await.unwrap();
    }
    let heard = db.store.last_delivery(&forge()).await.unwrap();
    assert_eq!(heard, Some(delivery("a").received_at));
    let gitea = ForgeName::new("gitea").unwrap();
    assert_eq!(db.store.last_delivery(&gitea).await.unwrap(), None);
    let all = db
        .store
        .unhandled_deliveries(About::Rest, NOW, 9)
        .await
        .unwrap();
    assert_eq!((all.len(), all[0].tries), (2, 0));
    db.store.defer(all[0].id, later(30)).await.unwrap();
    let now = db
        .store
        .unhandled_deliveries(About::Rest, later(29), 9)
        .await
        .unwrap();
    assert_eq!(now.len(), 1, "the others do not wait for it");
    let then = db
        .store
        .unhandled_deliveries(About::Rest, later(30), 9)
        .await
        .unwrap();
    assert_eq!((then.len(), then[0].tries), (2, 1));
}
