//! The outbox, the issues in which Referee reports, and the audit log.

use referee::model::{ChallengeSlug, Duration, ForgeName};
use referee::store::{ANSWER, NewAuditEntry, PriorityClass, ReportIssue, URGENT};
use serde_json::json;

use crate::database::Db;
use crate::world::*;

async fn subjects(db: &Db, seconds: i64) -> Vec<String> {
    let due = db.store.due_messages(&forge(), PriorityClass::Rest, later(seconds), 10).await.unwrap();
    due.into_iter().map(|item| item.subject).collect()
}

pub(crate) async fn the_newest_version_is_sent(db: Db) {
    db.store.enqueue(&message("commit 1", 1), NOW).await.unwrap();
    db.store.enqueue(&message("commit 1", 2), NOW).await.unwrap();
    let due = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].version, &due[0].payload), (2, &json!({ "n": 2 })));
    assert_eq!((due[0].channel.as_str(), due[0].attempts), ("note", 0));
    db.store.record_sent(&due[0], NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, [""; 0]);
    // The same subject on another forge or channel is another message.
    let mut other = message("commit 1", 1);
    other.channel = "status";
    db.store.enqueue(&other, NOW).await.unwrap();
    let gitea = ForgeName::new("gitea").unwrap();
    other.forge = gitea.clone();
    db.store.enqueue(&other, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await.len(), 1);
    let theirs = db.store.due_messages(&gitea, PriorityClass::Rest, NOW, 9).await.unwrap();
    assert_eq!(theirs.len(), 1);
}

/// Messages of one priority class do not wait for those of another.
pub(crate) async fn priority_classes_are_separate(db: Db) {
    let mut verdict = message("verdict", 1);
    verdict.priority = URGENT;
    db.store.enqueue(&verdict, NOW).await.unwrap();
    db.store.enqueue(&message("note", 1), NOW).await.unwrap();
    let mut reply = message("reply", 1);
    reply.priority = ANSWER;
    db.store.enqueue(&reply, NOW).await.unwrap();
    for (class, subject) in [(PriorityClass::Answers, "reply"), (PriorityClass::Urgent, "verdict")] {
        let due = db.store.due_messages(&forge(), class, NOW, 9).await.unwrap();
        let due: Vec<_> = due.iter().map(|item| item.subject.as_str()).collect();
        assert_eq!(due, [subject]);
    }
    assert_eq!(subjects(&db, 0).await, ["note"]);
}

/// A comment is edited at its pace, and the published state is kept with the message.
pub(crate) async fn edits_keep_their_pace_and_the_published_state(db: Db) {
    let mut report = message("submission 1", 1);
    report.pace = Duration::seconds(10);
    db.store.enqueue(&report, NOW).await.unwrap();
    let mut item = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 9).await.unwrap().remove(0);
    assert!(item.published_state.is_null());
    item.published_state = json!({ "comment": 7 });
    db.store.record_published_state(&item).await.unwrap();
    db.store.record_sent(&item, later(1)).await.unwrap();
    db.store.enqueue(&report, later(2)).await.unwrap();
    assert_eq!(subjects(&db, 10).await, [""; 0]);
    assert_eq!(subjects(&db, 11).await, ["submission 1"]);
    let again = db.store.due_messages(&forge(), PriorityClass::Rest, later(11), 9).await.unwrap().remove(0);
    assert_eq!(again.published_state, json!({ "comment": 7 }));
    // The end of a submission has no pace.
    report.pace = Duration(0);
    db.store.enqueue(&report, later(3)).await.unwrap();
    assert_eq!(subjects(&db, 11).await, ["submission 1"]);
}

pub(crate) async fn an_abandoned_message_is_sent_again_in_a_new_version(db: Db) {
    db.store.enqueue(&message("x", 1), NOW).await.unwrap();
    let item = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 9).await.unwrap().remove(0);
    db.store.abandon_message(&item, "archived \0", NOW).await.unwrap();
    assert_eq!(subjects(&db, 99).await, [""; 0]);
    db.store.enqueue(&message("x", 2), NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, ["x"]);
}

pub(crate) async fn a_message_that_is_enqueued_once_never_gets_a_new_version(db: Db) {
    for payload in [1, 2] {
        let notice = message("request 7", payload);
        db.store.enqueue_once(&notice, NOW).await.unwrap();
    }
    let due = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 9).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].version, &due[0].payload), (1, &json!({ "n": 1 })));
    db.store.record_sent(&due[0], NOW).await.unwrap();
    let again = message("request 7", 3);
    db.store.enqueue_once(&again, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, [""; 0]);
}

pub(crate) async fn a_new_version_during_sending_stays_due(db: Db) {
    db.store.enqueue(&message("commit 1", 1), NOW).await.unwrap();
    let first = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 10).await.unwrap().remove(0);
    db.store.enqueue(&message("commit 1", 2), NOW).await.unwrap();
    db.store.record_sent(&first, NOW).await.unwrap();
    let second = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 10).await.unwrap().remove(0);
    assert_eq!((second.version, &second.payload), (2, &json!({ "n": 2 })));
    db.store.record_sent(&second, NOW).await.unwrap();
    // A slow sender of the older version changes nothing.
    db.store.record_sent(&first, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, [""; 0]);
}

pub(crate) async fn a_message_that_needs_a_recheck_is_due_once_more(db: Db) {
    let due = async |seconds: i64| {
        let forge = forge();
        let due = db.store.due_messages(&forge, PriorityClass::Rest, later(seconds), 10);
        due.await.unwrap()
    };
    db.store.enqueue(&message("commit 1", 1), NOW).await.unwrap();
    let mut item = due(0).await.remove(0);
    item.published_state = json!({ "comment": 7 });
    db.store.record_sent_until(&item, NOW, later(60)).await.unwrap();
    assert!(due(59).await.is_empty());
    let again = due(60).await.remove(0);
    assert_eq!((again.version, again.attempts, &again.published_state), (2, 0, &item.published_state));
    // A second report about the older version changes nothing.
    db.store.record_sent_until(&item, NOW, later(600)).await.unwrap();
    assert_eq!(due(60).await.len(), 1);
    // A new version does not wait for the recheck.
    db.store.enqueue(&message("commit 1", 2), later(5)).await.unwrap();
    let newer = due(5).await.remove(0);
    assert_eq!((newer.version, &newer.published_state), (3, &item.published_state));
    // A recheck does not delay a version that came during sending.
    db.store.enqueue(&message("commit 1", 3), later(6)).await.unwrap();
    db.store.record_sent_until(&newer, later(6), later(66)).await.unwrap();
    assert_eq!(due(6).await.remove(0).version, 4);
    let last = due(6).await.remove(0);
    db.store.record_sent(&last, later(7)).await.unwrap();
    assert!(due(1_000).await.is_empty());
}

pub(crate) async fn a_failed_version_waits_and_a_new_one_does_not(db: Db) {
    db.store.enqueue(&message("commit 1", 1), NOW).await.unwrap();
    let item = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 10).await.unwrap().remove(0);
    // The response of a forge may contain any character. PostgreSQL does not store NUL in a text.
    db.store.record_failed_attempt(&item, "refused: \0 \u{1F980}", later(30)).await.unwrap();
    assert_eq!(subjects(&db, 29).await, [""; 0]);
    let again = db.store.due_messages(&forge(), PriorityClass::Rest, later(30), 10).await.unwrap().remove(0);
    assert_eq!((again.attempts, again.version), (1, 1));
    db.store.enqueue(&message("commit 1", 2), later(5)).await.unwrap();
    let renewed = db.store.due_messages(&forge(), PriorityClass::Rest, later(5), 10).await.unwrap().remove(0);
    assert_eq!((renewed.attempts, renewed.version), (0, 2));
    // A failure of the old version does not delay the new one.
    db.store.record_failed_attempt(&again, "refused", later(600)).await.unwrap();
    assert_eq!(subjects(&db, 5).await, ["commit 1"]);
}

pub(crate) async fn messages_are_due_in_order_of_priority_and_time(db: Db) {
    for (subject, priority, seconds) in [("late", 1, 5), ("slow", 2, 0), ("soon", 1, 2), ("never", 1, 99)] {
        let mut message = message(subject, 1);
        message.priority = priority;
        message.not_before = later(seconds);
        db.store.enqueue(&message, NOW).await.unwrap();
    }
    assert_eq!(subjects(&db, 0).await, ["slow"]);
    assert_eq!(subjects(&db, 10).await, ["soon", "late", "slow"]);
    assert_eq!(db.store.due_messages(&forge(), PriorityClass::Rest, later(10), 2).await.unwrap().len(), 2);
}

/// A new version does not delay a first verdict that waits.
pub(crate) async fn a_new_version_keeps_the_better_priority_and_time(db: Db) {
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
    let sent = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 1).await.unwrap().remove(0);
    db.store.record_sent(&sent, NOW).await.unwrap();
    // After it was sent, the next version has its own priority and time.
    db.store.enqueue(&progress, NOW).await.unwrap();
    assert_eq!(subjects(&db, 0).await, ["commit 2"]);
    assert_eq!(subjects(&db, 60).await, ["commit 2", "commit 1"]);
}

pub(crate) async fn entries_of_the_audit_log_are_added_in_order(db: Db) {
    let other = db.again().await;
    for n in 0..6 {
        let store = if n % 2 == 0 { &db.store } else { &other };
        let entry = NewAuditEntry {
            challenge: ChallengeSlug::new(if n < 4 { "phakir" } else { "nuclei" }).unwrap(),
            actor: "organizer".to_owned(),
            action: "rerun",
            subject: format!("#{n}"),
            detail: json!({ "n": n, "reason": "\0 ü" }),
        };
        store.append_audit_entry(&entry, later(n)).await.unwrap();
    }
    let all = db.store.audit_entries(0, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    let numbered: Vec<i64> = all.iter().map(|e| e.id).collect();
    assert_eq!(numbered, [1, 2, 3, 4, 5, 6]);
    assert_eq!((all[5].actor.as_str(), all[5].action.as_str()), ("organizer", "rerun"));
    assert_eq!((all[5].subject.as_str(), all[5].created_at), ("#5", later(5)));
    assert_eq!(all[5].detail, json!({ "n": 5, "reason": "\0 ü" }));
    assert_eq!(db.store.audit_entries(2, 3).await.unwrap(), all[2..5]);
    let newest = db.store.newest_audit_entries(&ChallengeSlug::new("phakir").unwrap(), 2).await.unwrap();
    assert_eq!(newest, [all[3].clone(), all[2].clone()]);
}

pub(crate) async fn messages_that_failed_for_one_reason_are_due_at_once(db: Db) {
    for subject in ["archived", "away", "sent"] {
        db.store.enqueue(&message(subject, 1), NOW).await.unwrap();
    }
    let due = db.store.due_messages(&forge(), PriorityClass::Rest, NOW, 9).await.unwrap();
    for item in due {
        match item.subject.as_str() {
            "sent" => db.store.record_sent(&item, NOW).await.unwrap(),
            message => db.store.record_failed_attempt(&item, message, later(3600)).await.unwrap(),
        }
    }
    assert_eq!(subjects(&db, 60).await, [""; 0]);
    db.store.retry_messages_now(&forge(), "archived", later(60)).await.unwrap();
    assert_eq!(subjects(&db, 60).await, ["archived"]);
    let other = ForgeName::new("gitea").unwrap();
    db.store.retry_messages_now(&other, "away", later(60)).await.unwrap();
    assert_eq!(subjects(&db, 60).await, ["archived"]);
}

pub(crate) async fn an_issue_is_deleted_by_its_number_only(db: Db) {
    let (forge, id) = (forge(), "4");
    let at = |issue, unsure_until| ReportIssue { issue, unsure_until };
    assert_eq!(db.store.report_issue(&forge, id).await.unwrap(), None);
    let opening = at(None, Some(later(60)));
    for known in [opening, at(Some(1), Some(later(60))), at(Some(2), None)] {
        let put = db.store.put_report_issue(&forge, id, &known, NOW);
        put.await.unwrap();
        assert_eq!(db.store.report_issue(&forge, id).await.unwrap(), Some(known));
    }
    // A worker that found the first one deleted comes late.
    db.store.delete_report_issue(&forge, id, 1).await.unwrap();
    let present = db.store.report_issue(&forge, id).await.unwrap();
    assert_eq!(present, Some(at(Some(2), None)));
    db.store.delete_report_issue(&forge, id, 2).await.unwrap();
    assert_eq!(db.store.report_issue(&forge, id).await.unwrap(), None);
}
