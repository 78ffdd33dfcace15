//! Attempts: each has one owner, which may lose it. Lost attempts and waiting submissions are found.

use std::collections::BTreeSet;

use referee::model::{AttemptDetail, AttemptState, CaseId, Duration, KillReason, Lease, Outcome, Stage, limits};
use referee::store::{Change, Effect, Finish, Next, PriorityClass, StoreError};

use crate::database::Db;
use crate::world::*;

/// 8 workers of two processes claim 24 submissions.
pub(crate) async fn every_submission_is_claimed_by_one_worker(db: Db) {
    let mut ids = Vec::new();
    for _ in 0..24 {
        ids.push(pushed(&db.store, "alpha").await.submission.id);
    }
    let other = db.again().await;
    let mut workers = Vec::new();
    for worker in 0..8 {
        let store = if worker % 2 == 0 { &db.store } else { &other }.clone();
        let ids = ids.clone();
        workers.push(tokio::spawn(async move {
            let owner = format!("worker {worker}");
            let mut mine = Vec::new();
            for id in ids {
                let claim = claim_of(id, Stage::Admission, &owner);
                mine.extend(store.claim(&claim, NOW).await.unwrap());
            }
            mine
        }));
    }
    let mut leases = Vec::new();
    for worker in workers {
        leases.extend(worker.await.unwrap());
    }
    let claimed: BTreeSet<_> = leases.iter().map(|l| l.attempt.submission).collect();
    assert_eq!((leases.len(), claimed.len()), (24, 24));
    assert!(leases.iter().all(|l| l.attempt.number == 1));
    let attempts: BTreeSet<_> = leases.iter().map(|l| l.attempt.id).collect();
    assert_eq!(attempts.len(), 24);
}

pub(crate) async fn a_claim_needs_the_right_stage_and_time(db: Db) {
    let id = push(&db.store, "alpha", 1, later(10)).await.submission.id;
    let rules = claim_of(id, Stage::Admission, ME);
    assert_eq!(db.store.claim(&rules, NOW).await.unwrap(), None);
    let build = claim_of(id, Stage::Build, ME);
    assert_eq!(db.store.claim(&build, later(10)).await.unwrap(), None);
    let lease = db.store.claim(&rules, later(10)).await.unwrap().unwrap();
    assert_eq!((lease.owner.as_str(), lease.seed), (ME, 7));
    assert_eq!(lease.attempt.stage, Stage::Admission);
    assert_eq!(lease.attempt.state, AttemptState::Running);
    assert_eq!(db.store.claim(&rules, later(10)).await.unwrap(), None);
    let record = db.store.submission(id).await.unwrap();
    assert!(record.submission.state.is_working());
}

pub(crate) async fn only_the_owner_renews_and_ends_an_attempt(db: Db) {
    let id = pushed(&db.store, "alpha").await.submission.id;
    let lease = claimed(&db.store, id, Stage::Admission, NOW).await;
    let stale = Lease { owner: "6-dead".into(), ..lease.clone() };
    let advance = || finish(Next::Advance(Stage::Build), vec![Effect::Outbox(message("x", 1))]);
    let lost = |result| matches!(result, Err(StoreError::LeaseLost(n)) if n == lease.attempt.id.0);
    assert!(lost(db.store.renew(&stale, NOW).await));
    assert!(lost(db.store.record_kill(&stale, KillReason::Time).await));
    assert!(lost(db.store.finish(&stale, advance(), NOW).await));
    let record = db.store.submission(id).await.unwrap();
    assert_eq!((record.submission.stage(), record.submission.state.is_working()), (Stage::Admission, true));
    assert_eq!(db.store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap(), []);
    db.store.renew(&lease, NOW).await.unwrap();
    db.store.finish(&lease, advance(), NOW).await.unwrap();
    // The attempt has ended, so its owner comes too late as well.
    assert!(lost(db.store.renew(&lease, NOW).await));
    assert!(lost(db.store.finish(&lease, advance(), NOW).await));
    let record = db.store.submission(id).await.unwrap();
    assert_eq!((record.submission.stage(), record.submission.state.is_working()), (Stage::Build, false));
    assert_eq!(db.store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap()[0].version, 1);
}

pub(crate) async fn a_retry_is_a_new_attempt_and_not_before_its_time(db: Db) {
    let record = pushed(&db.store, "alpha").await;
    let id = record.submission.id;
    for number in 1..=3 {
        let at = later(60 * number);
        let lease = claimed(&db.store, id, Stage::Admission, at).await;
        assert_eq!(lease.attempt.number, number);
        let again = at.plus(Duration::seconds(60));
        let lost = Finish::retry(again, AttemptDetail::None);
        db.store.finish(&lease, lost, at).await.unwrap();
        let early = again.minus(Duration(1));
        let claim = claim_of(id, Stage::Admission, ME);
        assert_eq!(db.store.claim(&claim, early).await.unwrap(), None);
        assert_eq!(db.store.waiting_for(Stage::Admission, early).await.unwrap(), []);
        assert_eq!(db.store.waiting_for(Stage::Admission, again).await.unwrap().len(), 1);
    }
    let attempts = db.store.attempts(&record).await.unwrap();
    let numbers: Vec<i64> = attempts.iter().map(|a| a.attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(attempts.iter().all(|a| a.attempt.state == AttemptState::Lost));
}

pub(crate) async fn attempts_are_numbered_per_case(db: Db) {
    let id = pushed(&db.store, "alpha").await.submission.id;
    admitted(&db.store, id, &["phase"], NOW).await;
    attempt(&db.store, id, Stage::Build, Next::Advance(Stage::Run), Vec::new(), NOW).await;
    let queued = db.store.submission(id).await.unwrap();
    let mut seen = Vec::new();
    for (case, next) in [
        ("Video_01", Next::Retry(later(1))),
        ("Video_01", Next::Repeat),
        ("Video_02", Next::Repeat),
        ("Video_03", Next::Advance(Stage::Scoring)),
    ] {
        let mut claim = claim_of(id, Stage::Run, ME);
        claim.case = Some(CaseId::new(case).unwrap());
        let lease = db.store.claim(&claim, later(1)).await.unwrap().unwrap();
        seen.push((case, lease.attempt.number));
        db.store.finish(&lease, finish(next, Vec::new()), later(1)).await.unwrap();
    }
    let expected = [("Video_01", 1), ("Video_01", 2), ("Video_02", 1), ("Video_03", 1)];
    assert_eq!(seen, expected);
    let record = db.store.submission(id).await.unwrap();
    assert_eq!(record.submission.stage(), Stage::Scoring);
    let attempts = db.store.attempts(&queued).await.unwrap();
    let last = &attempts.last().unwrap().attempt;
    assert_eq!(last.case, Some(CaseId::new("Video_03").unwrap()));
    assert_eq!(attempts[0].attempt.case, None);
}

pub(crate) async fn lost_attempts_are_found_by_owner_and_by_lease(db: Db) {
    let mut leases = Vec::new();
    for owner in [ME, ME, "6-dead"] {
        let id = pushed(&db.store, "alpha").await.submission.id;
        let claim = claim_of(id, Stage::Admission, owner);
        leases.push(db.store.claim(&claim, NOW).await.unwrap().unwrap());
    }
    let orphans = async |owner: &str, at| {
        let found = db.store.orphans(owner, at).await.unwrap();
        found.iter().map(|a| a.attempt.id).collect::<Vec<_>>()
    };
    let id = |n: usize| leases[n].attempt.id;
    assert_eq!(orphans(ME, NOW).await, [id(2)]);
    assert_eq!(orphans("8-next", NOW).await, [id(0), id(1), id(2)]);
    let run_out = NOW.plus(limits::LEASE_TIME);
    assert_eq!(orphans(ME, run_out).await, [id(2)]);
    db.store.renew(&leases[1], later(1)).await.unwrap();
    assert_eq!(orphans(ME, run_out.plus(Duration(1))).await, [id(0), id(2)]);
    // The worker that finds a lost attempt ends it in the name of its owner. Only one worker can.
    let found = db.store.orphans("8-next", NOW).await.unwrap().remove(2);
    let lease = Lease { attempt: found.attempt, owner: found.owner, seed: found.seed };
    db.store.finish(&lease, finish(Next::Retry(NOW), Vec::new()), NOW).await.unwrap();
    assert_eq!(orphans(ME, NOW).await, []);
    assert!(db.store.finish(&leases[2], finish(Next::Repeat, Vec::new()), NOW).await.is_err());
    let again = claimed(&db.store, lease.attempt.submission, Stage::Admission, NOW).await;
    assert_eq!(again.attempt.number, 2);
}

pub(crate) async fn the_first_reason_of_a_kill_is_kept(db: Db) {
    let record = pushed(&db.store, "alpha").await;
    let lease = claimed(&db.store, record.submission.id, Stage::Admission, NOW).await;
    db.store.record_kill(&lease, KillReason::Time).await.unwrap();
    db.store.record_kill(&lease, KillReason::Cancelled).await.unwrap();
    let read = db.store.attempts(&record).await.unwrap().remove(0);
    assert_eq!(read.kill_reason, Some(KillReason::Time));
    db.store.finish(&lease, finish(Next::Retry(NOW), Vec::new()), NOW).await.unwrap();
    assert!(db.store.record_kill(&lease, KillReason::Orphaned).await.is_err());
    let read = db.store.attempts(&record).await.unwrap().remove(0);
    assert_eq!(read.kill_reason, Some(KillReason::Time));
}

pub(crate) async fn admission_is_shared_by_the_tasks_of_a_push(db: Db) {
    let record = pushed(&db.store, "alpha").await;
    pushed(&db.store, "beta").await;
    admitted(&db.store, record.submission.id, &["phase", "tools"], NOW).await;
    let siblings = db.store.submissions_of_source(record.source).await.unwrap();
    for sibling in &siblings {
        let id = sibling.submission.id;
        attempt(&db.store, id, Stage::Build, Next::Advance(Stage::Smoke), Vec::new(), NOW).await;
    }
    for sibling in &siblings {
        let attempts = db.store.attempts(sibling).await.unwrap();
        let kinds: Vec<_> = attempts.iter().map(|a| a.attempt.stage).collect();
        assert_eq!(kinds, [Stage::Admission, Stage::Build]);
        assert_eq!(attempts[0].attempt.submission, record.submission.id);
        assert_eq!(attempts[1].attempt.submission, sibling.submission.id);
    }
}

pub(crate) async fn equal_content_is_recognised(db: Db) {
    let store = &db.store;
    let first = pushed(store, "alpha").await;
    assert_eq!(store.same_content(&first, "tree a").await.unwrap(), None);
    let second = pushed(store, "alpha").await;
    let found = store.same_content(&second, "tree a").await.unwrap();
    assert_eq!(found.map(|r| r.submission.id), Some(first.submission.id));
    assert_eq!(store.same_content(&second, "tree b").await.unwrap(), None);
    // Equal content of another team does not matter.
    let theirs = pushed(store, "beta").await;
    assert_eq!(store.same_content(&theirs, "tree a").await.unwrap(), None);
    // A later submission is not a duplicate for an earlier one, when that is admitted again after a crash.
    assert_eq!(store.same_content(&first, "tree a").await.unwrap(), None);
    // A rejected submission may be pushed again.
    let (id, stage) = (first.submission.id, Stage::Admission);
    attempt(store, id, stage, ends(Outcome::Rejected), Vec::new(), NOW).await;
    let third = pushed(store, "alpha").await;
    assert_eq!(store.same_content(&third, "tree a").await.unwrap(), None);
}

pub(crate) async fn waiting_submissions_are_listed_longest_waiting_first(db: Db) {
    let mut ids = Vec::new();
    for seconds in [5, 1, 3] {
        ids.push(push(&db.store, "alpha", fresh(), later(seconds)).await.submission.id);
    }
    let waiting = async |at| {
        let found = db.store.waiting_for(Stage::Admission, at).await.unwrap();
        found.iter().map(|r| r.submission.id).collect::<Vec<_>>()
    };
    assert_eq!(waiting(later(5)).await, [ids[1], ids[2], ids[0]]);
    assert_eq!(waiting(later(4)).await, [ids[1], ids[2]]);
    claimed(&db.store, ids[1], Stage::Admission, later(5)).await;
    assert_eq!(waiting(later(5)).await, [ids[2], ids[0]]);
    let open = db.store.submissions_under_way().await.unwrap();
    let open: Vec<_> = open.iter().map(|r| (r.submission.id, r.submission.state.is_working())).collect();
    assert_eq!(open, [(ids[0], false), (ids[1], true), (ids[2], false)]);
}

pub(crate) async fn changes_are_sent_after_the_commit(db: Db) {
    let mut changes = db.store.changes();
    let id = pushed(&db.store, "alpha").await.submission.id;
    assert_eq!(changes.recv().await.unwrap(), Change::Submission(id));
    let lease = claimed(&db.store, id, Stage::Admission, NOW).await;
    assert_eq!(changes.recv().await.unwrap(), Change::Submission(id));
    let effects = vec![Effect::Outbox(message("x", 1))];
    db.store.finish(&lease, finish(Next::Advance(Stage::Build), effects), NOW).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::Submission(id));
    assert_eq!(changes.recv().await.unwrap(), Change::Outbox);
    db.store.enqueue(&message("y", 1), NOW).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::Outbox);
    assert!(changes.try_recv().is_err());
}
