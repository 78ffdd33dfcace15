//! What goes out: the outbox holds a state to be shown, the ledger what was done.

use referee::model::{Duration, ForgeName};
use serde_json::json;

use crate::engine::Db;
use crate::world::*;
use referee::store::{ANSWER, PriorityClass, URGENT};

async fn subjects(db: &Db, seconds: i64) -> Vec<String> {
    let due = db
        .store
        .due((&forge(), PriorityClass::Rest), later(seconds), 10)
        .await
        .unwrap();
    due.into_iter().map(|item| item.subject).collect()
}

pub async fn the_newest_wish_wins(db: Db) {
    db.store
        .enqueue(&message("commit 1", 1), NOW)
        .await
        .unwrap();
    db.store
        .enqueue(&message("commit 1", 2), NOW)
        .await
        .unwrap();
    let due = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 10)
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].version, &due[0].payload), (2, &json!({ "n": 2 })));
    assert_eq!((due[0].channel.as_str(), due[0].attempts), ("note", 0));
    db.store.sent(&due[0], NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, [""; 0]);
    // Another forge and another channel are other wishes.
    let mut other = message("commit 1", 1);
    other.channel = "status";
    db.store.enqueue(&other, NOW).await.unwrap();
    let gitea = ForgeName::new("gitea").unwrap();
    other.forge = gitea.clone();
    db.store.enqueue(&other, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await.len(), 1);
    let theirs = db
        .store
        .due((&gitea, PriorityClass::Rest), NOW, 9)
        .await
        .unwrap();
    assert_eq!(theirs.len(), 1);
}

/// What somebody waits for has a lane of its own.
pub async fn lanes_do_not_mix(db: Db) {
    let mut verdict = message("verdict", 1);
    verdict.priority = URGENT;
    db.store.enqueue(&verdict, NOW).await.unwrap();
    db.store.enqueue(&message("note", 1), NOW).await.unwrap();
    let mut reply = message("reply", 1);
    reply.priority = ANSWER;
    db.store.enqueue(&reply, NOW).await.unwrap();
    for (priority_class, subject) in [
        (PriorityClass::Answers, "reply"),
        (PriorityClass::Urgent, "verdict"),
    ] {
        let due = db
            .store
            .due((&forge(), priority_class), NOW, 9)
            .await
            .unwrap();
        let due: Vec<_> = due.iter().map(|item| item.subject.as_str()).collect();
        assert_eq!(due, [subject]);
    }
    assert_eq!(subjects(&db, 0).await, ["note"]);
}

/// A comment is not edited with every breath, and what the forge shows is kept with the wish.
pub async fn a_pace_is_kept(db: Db) {
    let mut report = message("submission 1", 1);
    report.pace = Duration::seconds(10);
    db.store.enqueue(&report, NOW).await.unwrap();
    let mut item = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 9)
        .await
        .unwrap()
        .remove(0);
    assert!(item.shown.is_null());
    item.shown = json!({ "comment": 7 });
    db.store.shown(&item).await.unwrap();
    db.store.sent(&item, later(1)).await.unwrap();
    db.store.enqueue(&report, later(2)).await.unwrap();
    assert_eq!(subjects(&db, 10).await, [""; 0]);
    assert_eq!(subjects(&db, 11).await, ["submission 1"]);
    let again = db
        .store
        .due((&forge(), PriorityClass::Rest), later(11), 9)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(again.shown, json!({ "comment": 7 }));
    // An end is shown at once.
    report.pace = Duration(0);
    db.store.enqueue(&report, later(3)).await.unwrap();
    assert_eq!(subjects(&db, 11).await, ["submission 1"]);
}

pub async fn what_cannot_be_shown_is_given_up_until_it_is_news(db: Db) {
    db.store.enqueue(&message("x", 1), NOW).await.unwrap();
    let item = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 9)
        .await
        .unwrap()
        .remove(0);
    db.store.given_up(&item, "archived \0", NOW).await.unwrap();
    assert_eq!(subjects(&db, 99).await, [""; 0]);
    db.store.enqueue(&message("x", 2), NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, ["x"]);
}

pub async fn what_is_told_once_is_told_once(db: Db) {
    for payload in [1, 2] {
        let notice = message("candidate 7", payload);
        db.store.enqueue_once(&notice, NOW).await.unwrap();
    }
    let due = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 9)
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].version, &due[0].payload), (1, &json!({ "n": 1 })));
    db.store.sent(&due[0], NOW).await.unwrap();
    let again = message("candidate 7", 3);
    db.store.enqueue_once(&again, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, [""; 0]);
}

pub async fn a_wish_renewed_while_it_was_sent_stays_due(db: Db) {
    db.store
        .enqueue(&message("commit 1", 1), NOW)
        .await
        .unwrap();
    let first = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 10)
        .await
        .unwrap()
        .remove(0);
    db.store
        .enqueue(&message("commit 1", 2), NOW)
        .await
        .unwrap();
    db.store.sent(&first, NOW).await.unwrap();
    let second = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((second.version, &second.payload), (2, &json!({ "n": 2 })));
    db.store.sent(&second, NOW).await.unwrap();
    // A slow sender of the older version takes nothing back.
    db.store.sent(&first, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, [""; 0]);
}

pub async fn a_wish_that_was_sent_for_now_comes_again_once(db: Db) {
    let due = async |seconds: i64| {
        let forge = forge();
        let due = db
            .store
            .due((&forge, PriorityClass::Rest), later(seconds), 10);
        due.await.unwrap()
    };
    db.store
        .enqueue(&message("commit 1", 1), NOW)
        .await
        .unwrap();
    let mut item = due(0).await.remove(0);
    item.shown = json!({ "comment": 7 });
    db.store.sent_for_now(&item, NOW, later(60)).await.unwrap();
    assert!(due(59).await.is_empty());
    let again = due(60).await.remove(0);
    assert_eq!(
        (again.version, again.attempts, &again.shown),
        (2, 0, &item.shown)
    );
    // The sender of the older version, heard of once more, changes nothing.
    db.store.sent_for_now(&item, NOW, later(600)).await.unwrap();
    assert_eq!(due(60).await.len(), 1);
    // News do not wait for the second look.
    db.store
        .enqueue(&message("commit 1", 2), later(5))
        .await
        .unwrap();
    let news = due(5).await.remove(0);
    assert_eq!((news.version, &news.shown), (3, &item.shown));
    // Nor does a second look delay news that came while it was sent.
    db.store
        .enqueue(&message("commit 1", 3), later(6))
        .await
        .unwrap();
    db.store
        .sent_for_now(&news, later(6), later(66))
        .await
        .unwrap();
    assert_eq!(due(6).await.remove(0).version, 4);
    let last = due(6).await.remove(0);
    db.store.sent(&last, later(7)).await.unwrap();
    assert!(due(1_000).await.is_empty());
}

pub async fn a_failed_wish_waits_and_a_new_one_does_not(db: Db) {
    db.store
        .enqueue(&message("commit 1", 1), NOW)
        .await
        .unwrap();
    let item = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 10)
        .await
        .unwrap()
        .remove(0);
    // What a forge answers may hold anything, and PostgreSQL keeps no NUL in a text.
    db.store
        .not_sent(&item, "refused: \0 \u{1F980}", later(30))
        .await
        .unwrap();
    assert_eq!(subjects(&db, 29).await, [""; 0]);
    let again = db
        .store
        .due((&forge(), PriorityClass::Rest), later(30), 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((again.attempts, again.version), (1, 1));
    db.store
        .enqueue(&message("commit 1", 2), later(5))
        .await
        .unwrap();
    let renewed = db
        .store
        .due((&forge(), PriorityClass::Rest), later(5), 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((renewed.attempts, renewed.version), (0, 2));
    // The failure of the old one holds the new one up no more.
    db.store
        .not_sent(&again, "refused", later(600))
        .await
        .unwrap();
    assert_eq!(subjects(&db, 5).await, ["commit 1"]);
}

pub async fn wishes_go_in_order(db: Db) {
    for (subject, priority, seconds) in [
        ("late", 1, 5),
        ("slow", 2, 0),
        ("soon", 1, 2),
        ("never", 1, 99),
    ] {
        let mut message = message(subject, 1);
        message.priority = priority;
        message.not_before = later(seconds);
        db.store.enqueue(&message, NOW).await.unwrap();
    }
    assert_eq!(subjects(&db, 0).await, ["slow"]);
    assert_eq!(subjects(&db, 10).await, ["soon", "late", "slow"]);
    assert_eq!(
        db.store
            .due((&forge(), PriorityClass::Rest), later(10), 2)
            .await
            .unwrap()
            .len(),
        2
    );
}

/// A first verdict that waits is not made to wait longer by the progress that follows it.
pub async fn news_do_not_delay_what_waits(db: Db) {
    let mut verdict = message("commit 1", 1);
    verdict.priority = 1;
    db.store.enqueue(&verdict, NOW).await.unwrap();
    let mut second = message("commit 2", 1);
    second.priority = 2;
    db.store.enqueue(&second, NOW).await.unwrap();
    let mut progress = message("commit 1", 2);
    progress.priority = 5;
    progress.not_before = later(60);
    db.store.enqueue(&progress, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, ["commit 1", "commit 2"]);
    let shown = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 1)
        .await
        .unwrap()
        .remove(0);
    db.store.sent(&shown, NOW).await.unwrap();
    // Once it was shown, the next has its own urgency and moment.
    db.store.enqueue(&progress, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, ["commit 2"]);
    assert_eq!(subjects(&db, 60).await, ["commit 2", "commit 1"]);
}

pub async fn the_ledger_is_appended_to(db: Db) {
    let other = db.again().await;
    for n in 0..6 {
        let store = if n % 2 == 0 { &db.store } else { &other };
        let detail = json!({ "n": n, "said": "\0 ü" });
        store
            .record("organizer", "rerun", (&format!("#{n}"), detail), later(n))
            .await
            .unwrap();
    }
    let all = db.store.audit(0, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    let numbered: Vec<i64> = all.iter().map(|e| e.id).collect();
    assert_eq!(numbered, [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (all[5].actor.as_str(), all[5].action.as_str()),
        ("organizer", "rerun")
    );
    assert_eq!(
        (all[5].subject.as_str(), all[5].created_at),
        ("#5", later(5))
    );
    assert_eq!(all[5].detail, json!({ "n": 5, "said": "\0 ü" }));
    assert_eq!(db.store.audit(2, 3).await.unwrap(), all[2..5]);
}

pub async fn what_waits_for_one_reason_is_woken(db: Db) {
    for subject in ["archived", "away", "sent"] {
        db.store.enqueue(&message(subject, 1), NOW).await.unwrap();
    }
    let due = db
        .store
        .due((&forge(), PriorityClass::Rest), NOW, 9)
        .await
        .unwrap();
    for item in due {
        match item.subject.as_str() {
            "sent" => db.store.sent(&item, NOW).await.unwrap(),
            message => db
                .store
                .not_sent(&item, message, later(3600))
                .await
                .unwrap(),
        }
    }
    assert_eq!(subjects(&db, 60).await, [""; 0]);
    db.store
        .wake(&forge(), "archived", later(60))
        .await
        .unwrap();
    assert_eq!(subjects(&db, 60).await, ["archived"]);
    let other = ForgeName::new("gitea").unwrap();
    db.store.wake(&other, "away", later(60)).await.unwrap();
    assert_eq!(subjects(&db, 60).await, ["archived"]);
}
