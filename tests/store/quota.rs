//! The quota ledger: usage is the sum of a team's entries.

use referee::model::{Duration, Outcome, Stage, SubmissionId, Timestamp};
use referee::store::{Effect, Next, Store, StoreError, TaskEntry, Usage};

use crate::database::Db;
use crate::world::*;

async fn used(store: &Store, of: &str, except: i64, now: Timestamp) -> Usage {
    store.usage(&board("phase"), &team(of), except, now).await.unwrap()
}

fn counts(today: u32, total: u32, submissions_today: u32, under_way: u32) -> Usage {
    Usage { today, total, submissions_today, under_way, ..Usage::default() }
}

async fn admit(store: &Store, of: &str, at: Timestamp) -> SubmissionId {
    let id = push(store, of, fresh(), at).await.submission.id;
    admitted(store, id, &["phase"], at).await;
    id
}

async fn end(store: &Store, id: SubmissionId, stage: Stage, effects: Vec<Effect>, at: Timestamp) {
    attempt(store, id, stage, ends(Outcome::Fault), effects, at).await;
}

pub(crate) async fn spending_and_refunding_add_up(db: Db) {
    let store = &db.store;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(0, 0, 0, 0));
    let first = admit(store, "alpha", NOW).await;
    // It is under way and has spent nothing yet. It counts for others, but not for itself.
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(1, 1, 1, 1));
    assert_eq!(used(store, "alpha", first.0, NOW).await, counts(0, 0, 1, 0));
    evaluated(store, first, NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(1, 1, 1, 1));
    assert_eq!(used(store, "alpha", first.0, NOW).await, counts(1, 1, 1, 0));
    end(store, first, Stage::Scoring, vec![quota(-1)], NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(0, 0, 1, 0));
    // A submission that ends before the hidden data costs a submission, and no evaluation.
    let second = admit(store, "alpha", NOW).await;
    end(store, second, Stage::Build, Vec::new(), NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(0, 0, 2, 0));
}

pub(crate) async fn a_submission_spends_once_and_is_refunded_once(db: Db) {
    let store = &db.store;
    let first = admit(store, "alpha", NOW).await;
    // A refund without a spent evaluation has no effect.
    end(store, first, Stage::Build, vec![quota(-1)], NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(0, 0, 1, 0));
    let second = admit(store, "alpha", NOW).await;
    evaluated(store, second, NOW).await;
    let effects = vec![quota(1), quota(1), quota(-1), quota(-1)];
    end(store, second, Stage::Scoring, effects, NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(0, 0, 2, 0));
    let third = admit(store, "alpha", NOW).await;
    evaluated(store, third, NOW).await;
    end(store, third, Stage::Scoring, vec![quota(1)], NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(1, 1, 3, 0));
}

pub(crate) async fn days_begin_at_midnight_and_a_refund_counts_for_the_day_of_spending(db: Db) {
    let store = &db.store;
    let midnight = NOW.start_of_day().plus(Duration::DAY);
    let (before, after) = (midnight.minus(Duration(1)), midnight);
    let first = admit(store, "alpha", before).await;
    evaluated(store, first, before).await;
    assert_eq!(used(store, "alpha", 0, before).await, counts(1, 1, 1, 1));
    assert_eq!(used(store, "alpha", 0, after).await, counts(0, 1, 0, 1));
    let second = admit(store, "alpha", after).await;
    evaluated(store, second, after).await;
    assert_eq!(used(store, "alpha", 0, after).await, counts(1, 2, 1, 2));
    // Yesterday's evaluation is given back today: today's stays spent.
    end(store, first, Stage::Scoring, vec![quota(-1)], after).await;
    assert_eq!(used(store, "alpha", 0, after).await, counts(1, 1, 1, 1));
    let next_day = after.plus(Duration::DAY);
    assert_eq!(used(store, "alpha", 0, next_day).await, counts(0, 1, 0, 1));
}

/// Two pushes are admitted at the same time, when one evaluation is left. The second decision has to be made again.
pub(crate) async fn a_decision_based_on_old_usage_is_refused(db: Db) {
    let store = &db.store;
    let (a, b) = (pushed(store, "alpha").await, pushed(store, "alpha").await);
    let (a, b) = (a.submission.id, b.submission.id);
    let leases = [claimed(store, a, Stage::Admission, NOW).await, claimed(store, b, Stage::Admission, NOW).await];
    let seen = [used(store, "alpha", a.0, NOW).await, used(store, "alpha", b.0, NOW).await];
    assert_eq!(seen, [counts(0, 0, 2, 0); 2]);
    let admit = |usage| {
        let tasks = vec![TaskEntry { task: task("phase"), dockerfile: "Dockerfile".to_owned(), token: token() }];
        let effects = vec![Effect::StillUsed(board("phase"), usage), Effect::Tasks(tasks)];
        finish(Next::Advance(Stage::Build), effects)
    };
    store.finish(&leases[0], admit(seen[0]), NOW).await.unwrap();
    let refused = store.finish(&leases[1], admit(seen[1]), NOW).await;
    assert!(matches!(refused, Err(StoreError::Stale)));
    let waits = store.submission(b).await.unwrap().submission;
    assert_eq!((waits.state.is_working(), waits.task), (true, None));
    let now_used = used(store, "alpha", b.0, NOW).await;
    assert_eq!(now_used, counts(1, 1, 2, 1));
    store.finish(&leases[1], admit(now_used), NOW).await.unwrap();
}

pub(crate) async fn boards_and_teams_have_separate_quotas(db: Db) {
    let store = &db.store;
    let id = pushed(store, "alpha").await.submission.id;
    admitted(store, id, &["phase", "tools"], NOW).await;
    evaluated(store, id, NOW).await;
    assert_eq!(used(store, "alpha", 0, NOW).await, counts(1, 1, 1, 1));
    let tools = store.usage(&board("tools"), &team("alpha"), 0, NOW).await.unwrap();
    assert_eq!(tools, counts(1, 1, 1, 1));
    assert_eq!(used(store, "beta", 0, NOW).await, counts(0, 0, 0, 0));
}
