//! Forges with accounts: commands that are heard once, issues that we report in, deliveries that wait.

use referee::model::{ForgeName, Sender};
use referee::store::{
    About, CommandState, Delivery, DeliveryWriter, NewCommand, PriorityClass, Received, TextRef,
    Thread,
};

use crate::engine::Db;
use crate::world::*;

fn place(comment_id: i64) -> TextRef {
    TextRef {
        forge: forge(),
        forge_id: "4".to_owned(),
        issue: 1,
        comment_id,
    }
}

fn bob() -> Sender {
    Sender {
        id: 3,
        login: "bob".to_owned(),
    }
}

fn received(text: &str, ordinal: i64) -> NewCommand {
    NewCommand {
        text: text.to_owned(),
        ordinal,
        reply: None,
    }
}

/// However often a text is heard, and by however many at once, each of its commands is one row.
pub async fn a_command_is_heard_once(db: Db) {
    let other = db.again().await;
    let text = [received("/help", 0), received("/grant x \0", 0)];
    let (here, who) = (place(7), bob());
    for _ in 0..3 {
        let (a, b) = tokio::join!(
            db.store.record_commands(&here, &who, &text, &[], NOW),
            other.record_commands(&here, &who, &text, &[], NOW)
        );
        a.unwrap();
        b.unwrap();
    }
    let known = db.store.commands_of(&place(7)).await.unwrap();
    let texts: Vec<_> = known.iter().map(|k| k.text.as_str()).collect();
    assert_eq!(texts, ["/help", "/grant x  "]);
    assert_eq!(known[0].actor, bob());
    // The same once more in the text is another command, and so is the same elsewhere.
    let twice = [received("/help", 0), received("/help", 1)];
    let new = db
        .store
        .record_commands(&here, &who, &twice, &[], NOW)
        .await;
    assert_eq!(new.unwrap(), 1);
    let new = db
        .store
        .record_commands(&place(8), &who, &text, &[], NOW)
        .await;
    assert_eq!(new.unwrap(), 2);
}

pub async fn a_command_is_begun_and_ended_once(db: Db) {
    let mut fault = received("/hepl", 0);
    fault.reply = Some("Did you mean `/help`?".to_owned());
    let text = [received("/status", 0), fault];
    let (here, who) = (place(7), bob());
    let sign = [message("sign", 1)];
    let new = db.store.record_commands(&here, &who, &text, &sign, NOW);
    assert_eq!(new.await.unwrap(), 2);
    // Heard again there is no news.
    let again = db.store.record_commands(&here, &who, &text, &sign, NOW);
    assert_eq!(again.await.unwrap(), 0);
    let due = db
        .store
        .due((&forge(), PriorityClass::Rest), later(9), 9)
        .await
        .unwrap();
    assert_eq!((due.len(), due[0].version), (1, 1));
    // What needs no execution has ended.
    let open = db.store.commands_in(CommandState::New).await.unwrap();
    assert_eq!(open.len(), 1);
    let id = open[0].id;
    let other = db.again().await;
    let (a, b) = tokio::join!(db.store.begin_command(id), other.begin_command(id));
    assert!(a.unwrap() ^ b.unwrap());
    let running = db.store.commands_in(CommandState::Running).await.unwrap();
    assert_eq!(running.len(), 1);
    let reply = message("answer", 1);
    let ended = db.store.end_command(id, "so \0", Some(&reply), later(1));
    ended.await.unwrap();
    // The first answer stands.
    for news in [None, Some(&reply)] {
        let ended = db.store.end_command(id, "other", news, later(2));
        ended.await.unwrap();
    }
    let due = db
        .store
        .due((&forge(), PriorityClass::Rest), later(9), 9)
        .await
        .unwrap();
    let replies: Vec<_> = due.iter().filter(|d| d.subject == "answer").collect();
    assert_eq!(
        (replies.len(), replies[0].version),
        (1, 1),
        "with its end, once"
    );
    let known = db.store.commands_of(&place(7)).await.unwrap();
    assert_eq!(known[0].reply.as_deref(), Some("so  "));
    assert_eq!(known[0].state, CommandState::Ended);
    assert_eq!(known[1].reply.as_deref(), Some("Did you mean `/help`?"));
    let ended = db.store.commands_in(CommandState::Ended).await.unwrap();
    assert_eq!(ended, [], "what has ended is looked for by its place only");
}

pub async fn an_issue_is_forgotten_with_its_number_only(db: Db) {
    let (forge, id) = (forge(), "4");
    let at = |issue, unsure_until| Thread {
        issue,
        unsure_until,
    };
    assert_eq!(db.store.thread(&forge, id).await.unwrap(), None);
    let opening = at(None, Some(later(60)));
    for thread in [opening, at(Some(1), Some(later(60))), at(Some(2), None)] {
        let put = db.store.put_thread((&forge, id), &thread, NOW);
        put.await.unwrap();
        assert_eq!(db.store.thread(&forge, id).await.unwrap(), Some(thread));
    }
    // Somebody who found the first one gone comes late.
    db.store.forget_thread((&forge, id), 1).await.unwrap();
    let standing = db.store.thread(&forge, id).await.unwrap();
    assert_eq!(standing, Some(at(Some(2), None)));
    db.store.forget_thread((&forge, id), 2).await.unwrap();
    assert_eq!(db.store.thread(&forge, id).await.unwrap(), None);
}

pub async fn a_delivery_waits_for_its_forge(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    for body in ["a", "b"] {
        writer.write(delivery(body)).await.unwrap();
    }
    let received = db.store.last_delivery(&forge()).await.unwrap();
    assert_eq!(received, Some(delivery("a").received_at));
    let gitea = ForgeName::new("gitea").unwrap();
    assert_eq!(db.store.last_delivery(&gitea).await.unwrap(), None);
    let all = db
        .store
        .unhandled_deliveries(About::Rest, NOW, 9)
        .await
        .unwrap();
    assert_eq!((all.len(), all[0].attempts), (2, 0));
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
    assert_eq!((then.len(), then[0].attempts), (2, 1));
}

/// Only what was acted on long ago goes, some at a time, and the last of each forge stays.
pub async fn old_deliveries_are_forgotten(db: Db) {
    let writer = DeliveryWriter::start(db.store.clone());
    for body in ["a", "b", "c", "open", "late", "last"] {
        writer.write(delivery(body)).await.unwrap();
    }
    let gitea = ForgeName::new("gitea").unwrap();
    let other = Delivery {
        forge: gitea.clone(),
        ..delivery("a")
    };
    writer.write(other).await.unwrap();
    let all = db
        .store
        .unhandled_deliveries(About::Rest, NOW, 9)
        .await
        .unwrap();
    for unhandled in &all {
        let id = unhandled.id;
        let seconds = match id {
            4 => continue,
            5 => 9,
            _ => 1,
        };
        db.store.handled(id, "done", later(seconds)).await.unwrap();
    }
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        let some = db.store.forget_deliveries(later(9), 2).await;
        forgotten.push(some.unwrap());
    }
    assert_eq!(forgotten, [2, 1, 0]);
    let left = db.store.delivery_notes().await.unwrap();
    let left: Vec<i64> = left.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [4, 5, 6, 7]);
    let received = db.store.last_delivery(&gitea).await.unwrap();
    assert_eq!(received, Some(delivery("a").received_at));
    // What was forgotten is new when it comes again; what stands is not.
    let again = |body| writer.write(delivery(body));
    assert_eq!(again("a").await.unwrap(), Received::New);
    assert_eq!(again("late").await.unwrap(), Received::Duplicate);
}
