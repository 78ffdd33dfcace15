//! Ends of attempts and submissions: each is written completely or not at all, and never twice.

use std::collections::BTreeSet;

use referee::model::{
    AttemptDetail, AttemptState, Blame, Digest, Finding, KillReason, Lease, Location, LogExcerpt, Outcome, PageToken,
    Stage, SubmissionState,
};
use referee::store::{
    Change, Effect, Finish, Next, PriorityClass, Store, StoreError, SubmissionRecord, TaskEntry, Withdrawn,
};
use serde_json::json;

use crate::database::Db;
use crate::world::*;

pub(crate) async fn the_first_advance_makes_a_submission_per_task(db: Db) {
    let record = pushed(&db.store, "alpha").await;
    let id = record.submission.id;
    let tasks = || {
        let pages = ["phase", "tools", "keypoints"];
        Effect::Tasks(pages.map(|t| task_entry(t, &format!("{t}/Dockerfile"))).into())
    };
    // An attempt that is retried makes no further submissions.
    attempt(&db.store, id, Stage::Admission, Next::Retry(NOW), vec![tasks()], NOW).await;
    assert_eq!(db.store.submissions_of_source(record.source).await.unwrap().len(), 1);
    let mut changes = db.store.changes();
    attempt(&db.store, id, Stage::Admission, Next::Advance(Stage::Build), vec![tasks()], NOW).await;
    let all = db.store.submissions_of_source(record.source).await.unwrap();
    let read: Vec<_> =
        all.iter().map(|r| (r.submission.number, r.submission.task.clone().unwrap(), r.dockerfile.as_str())).collect();
    let expected = [
        (1, task("phase"), "phase/Dockerfile"),
        (2, task("tools"), "tools/Dockerfile"),
        (3, task("keypoints"), "keypoints/Dockerfile"),
    ];
    assert_eq!(read, expected);
    for sibling in &all {
        assert_eq!(sibling.submission.stage(), Stage::Build);
        assert_eq!(sibling.submission.origin, record.submission.origin);
        assert_eq!(
            (sibling.config_digest.clone(), sibling.submission.state.is_working()),
            (record.config_digest.clone(), false)
        );
    }
    let pages: BTreeSet<_> = all.iter().map(|r| r.submission.token.as_str()).collect();
    assert_eq!(pages.len(), 3);
    let mut changed = BTreeSet::new();
    while let Ok(change) = changes.try_recv() {
        if let Change::Submission(id) = change {
            changed.insert(id);
        }
    }
    assert_eq!(changed, all.iter().map(|r| r.submission.id).collect());
}

/// Every kind of effect. The last page is that of the second task.
fn effects(revision: i64, last_page: PageToken) -> Vec<Effect> {
    let page = |of: &str, token| TaskEntry { token, ..task_entry(of, "Dockerfile") };
    vec![
        Effect::Tasks(vec![page("phase", token()), page("tools", last_page)]),
        Effect::Image { facts: Box::new(image("one")), build_name: "s1-build1".into() },
        Effect::UseImage(image("one").id),
        quota(1),
        score_effect(revision, 0.5),
        Effect::Outbox(message("commit", 1)),
    ]
}

fn ending(mut effects: Vec<Effect>, last: Option<Effect>) -> Finish {
    effects.extend(last);
    Finish { log: Some(LogExcerpt::default()), ..finish(Next::Advance(Stage::Build), effects) }
}

/// Every kind of effect, followed by one that is refused. None of them may remain.
pub(crate) async fn an_end_is_written_completely_or_not_at_all(db: Db) {
    let store = &db.store;
    let revision = store.put_scoring_revision(&board("phase"), &json!(1), NOW).await.unwrap().id;
    let taken = pushed(store, "beta").await.submission.token;
    let record = pushed(store, "alpha").await;
    let lease = claimed(store, record.submission.id, Stage::Admission, NOW).await;
    for refused in [
        ending(effects(revision, taken), None),
        ending(effects(revision, token()), Some(score_effect(revision, 0.6))),
        ending(effects(revision, token()), Some(score_effect(999, 0.6))),
        Finish { state: AttemptState::Running, ..ending(effects(revision, token()), None) },
    ] {
        let mut changes = store.changes();
        assert!(store.finish(&lease, refused, NOW).await.is_err());
        assert!(changes.try_recv().is_err(), "no change is sent for a transaction that failed");
        is_untouched(store, &record).await;
    }
    let all = ending(effects(revision, token()), None);
    store.finish(&lease, all, NOW).await.unwrap();
    is_all_there(store, &record).await;
}

async fn is_untouched(store: &Store, record: &SubmissionRecord) {
    let mut now = store.submission(record.submission.id).await.unwrap();
    assert!(now.submission.state.is_working());
    let SubmissionState::Working { stage } = now.submission.state else {
        panic!("{:?}", now.submission.state);
    };
    now.submission.state = SubmissionState::Waiting { stage };
    assert_eq!(&now, record);
    assert_eq!(store.submissions_of_source(record.source).await.unwrap().len(), 1);
    let attempts = store.attempts(record).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].attempt.state), (1, AttemptState::Running));
    assert_eq!(attempts[0].log, None);
    assert_eq!(store.image(record.source, "Dockerfile").await.unwrap(), None);
    assert_eq!(store.score_of(record.submission.id).await.unwrap(), None);
    assert_eq!(store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap(), []);
    let used = store.usage(&board("phase"), &team("alpha"), 0, NOW).await.unwrap();
    assert_eq!(used.total, 0);
}

async fn is_all_there(store: &Store, record: &SubmissionRecord) {
    let now = store.submission(record.submission.id).await.unwrap();
    assert_eq!(now.submission.task, Some(task("phase")));
    assert_eq!(now.image, Some(image("one").id));
    let kept = store.image(record.source, "Dockerfile").await.unwrap();
    assert_eq!(kept, Some((image("one"), "s1-build1".to_owned())));
    assert_eq!(store.score_of(record.submission.id).await.unwrap(), Some(score(0.5)));
    assert_eq!(store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap().len(), 1);
    let used = store.usage(&board("phase"), &team("alpha"), 0, NOW).await.unwrap();
    assert_eq!((used.today, used.total), (1, 1));
    assert_eq!(store.submissions_of_source(record.source).await.unwrap().len(), 2);
}

pub(crate) async fn an_ended_submission_cannot_be_claimed(db: Db) {
    let id = pushed(&db.store, "alpha").await.submission.id;
    let lease = claimed(&db.store, id, Stage::Admission, NOW).await;
    let fault = Finish::fault("a1b2c3".into(), AttemptDetail::None);
    db.store.finish(&lease, fault, later(3)).await.unwrap();
    let record = db.store.submission(id).await.unwrap();
    assert_eq!(record.submission.outcome(), Some(Outcome::Fault));
    assert_eq!(record.submission.state.ended_at(), Some(later(3)));
    assert_eq!(record.submission.state.incident(), Some("a1b2c3"));
    assert_eq!((record.submission.state.is_working(), record.submission.stage()), (false, Stage::Admission));
    for &stage in Stage::ALL {
        let claim = claim_of(id, stage, ME);
        assert_eq!(db.store.claim(&claim, later(99)).await.unwrap(), None);
        assert_eq!(db.store.waiting_for(stage, later(99)).await.unwrap(), []);
    }
    assert_eq!(db.store.submissions_under_way().await.unwrap(), []);
}

pub(crate) async fn a_withdrawal_ends_a_waiting_or_a_working_submission(db: Db) {
    let store = &db.store;
    let record = pushed(store, "alpha").await;
    let id = record.submission.id;
    let lease = claimed(store, id, Stage::Admission, NOW).await;
    store.record_kill(&lease, KillReason::Time).await.unwrap();
    assert_eq!(store.loss(&lease).await.unwrap(), None);
    let met = withdrawn(store, &record, later(1)).await;
    assert_eq!(met, Withdrawn::Working(lease.attempt.id));
    // The worker learns of it, with the reason. A reason that was recorded before is kept.
    let loss = store.loss(&lease).await.unwrap();
    assert_eq!(loss, Some(KillReason::Time));
    let due = store.due_messages(&forge(), PriorityClass::Rest, later(1), 9).await.unwrap();
    assert_eq!(due.len(), 1, "the report is enqueued: {due:?}");
    let ended = store.submission(id).await.unwrap().submission;
    assert_eq!((ended.outcome(), ended.state.ended_at()), (Some(Outcome::Withdrawn), Some(later(1))));
    assert!(!ended.state.is_working());
    let attempt = store.attempts(&record).await.unwrap().remove(0);
    assert_eq!(attempt.attempt.state, AttemptState::Lost);
    assert_eq!(attempt.kill_reason, Some(KillReason::Time));
    // The worker comes too late, and so does a second withdrawal.
    let late = finish(Next::Advance(Stage::Build), Vec::new());
    assert!(matches!(store.finish(&lease, late, later(2)).await, Err(StoreError::LeaseLost(_))));
    let met = withdrawn(store, &record, later(2)).await;
    assert_eq!(met, Withdrawn::Ended(Outcome::Withdrawn));
    let waiting = pushed(store, "alpha").await;
    let mut changes = store.changes();
    assert_eq!(withdrawn(store, &waiting, later(3)).await, Withdrawn::Waiting);
    assert_eq!(changes.recv().await.unwrap(), Change::Submission(waiting.submission.id));
    assert_eq!(store.submissions_under_way().await.unwrap(), []);
}

pub(crate) async fn a_lease_is_lost_with_a_reason(db: Db) {
    let store = &db.store;
    let record = pushed(store, "alpha").await;
    let lease = claimed(store, record.submission.id, Stage::Admission, NOW).await;
    let other_owner = Lease { owner: "6-dead".into(), ..lease.clone() };
    let orphaned = Some(KillReason::Orphaned);
    assert_eq!(store.loss(&lease).await.unwrap(), None);
    assert_eq!(store.loss(&other_owner).await.unwrap(), orphaned);
    withdrawn(store, &record, later(1)).await;
    let cancelled = Some(KillReason::Cancelled);
    assert_eq!(store.loss(&lease).await.unwrap(), cancelled);
}

/// A submission at the smoke run, with an image.
async fn built(store: &Store, of: &str, tasks: &[&str]) -> SubmissionRecord {
    let record = pushed(store, of).await;
    let id = record.submission.id;
    let lease = claimed(store, id, Stage::Admission, NOW).await;
    let tasks = tasks.iter().map(|t| task_entry(t, "Dockerfile"));
    let fan_out = Effect::Tasks(tasks.collect());
    let next = finish(Next::Advance(Stage::Build), vec![fan_out]);
    store.finish(&lease, next, NOW).await.unwrap();
    let lease = claimed(store, id, Stage::Build, NOW).await;
    let built = Effect::Image { facts: Box::new(image(of)), build_name: format!("build of {of}") };
    let next = finish(Next::Advance(Stage::Smoke), vec![built]);
    store.finish(&lease, next, NOW).await.unwrap();
    store.submission(id).await.unwrap()
}

pub(crate) async fn an_image_is_unwanted_when_all_its_submissions_are_withdrawn(db: Db) {
    let store = &db.store;
    let first = built(store, "alpha", &["one", "two"]).await;
    built(store, "beta", &["one"]).await;
    assert_eq!(store.unneeded_images().await.unwrap(), []);
    withdrawn(store, &first, later(1)).await;
    assert_eq!(store.unneeded_images().await.unwrap(), [], "a sibling has it");
    for sibling in store.submissions_of_source(first.source).await.unwrap() {
        withdrawn(store, &sibling, later(2)).await;
    }
    let unwanted = store.unneeded_images().await.unwrap();
    let names: Vec<_> = unwanted.iter().map(|i| i.build_name.as_str()).collect();
    assert_eq!(names, ["build of alpha"]);
    store.delete_image(&unwanted[0]).await.unwrap();
    assert_eq!(store.unneeded_images().await.unwrap(), []);
    let known = store.image(first.source, "Dockerfile").await.unwrap();
    assert_eq!(known, None);
}

pub(crate) async fn durations_are_known_per_board_and_stage(db: Db) {
    let store = &db.store;
    let of = |took: i64, next| async move {
        let id = built(store, "alpha", &["one"]).await.submission.id;
        let lease = claimed(store, id, Stage::Smoke, NOW).await;
        assert_eq!(store.working_since().await.unwrap()[&id], NOW);
        let done = finish(next, Vec::new());
        store.finish(&lease, done, later(took)).await.unwrap();
        id
    };
    of(5, Next::Advance(Stage::Run)).await;
    of(7, ends(Outcome::RunFailed)).await;
    // Only one case has run so far.
    of(9, Next::Repeat).await;
    assert!(store.working_since().await.unwrap().is_empty());
    let spans = |task, kind, most| async move {
        let spans = store.durations(&board(task), kind, most).await.unwrap();
        spans.into_iter().map(|d| d.0 / 1000).collect::<Vec<_>>()
    };
    assert_eq!(spans("one", Stage::Smoke, 9).await, [7, 5]);
    assert_eq!(spans("one", Stage::Smoke, 1).await, [7]);
    assert_eq!(spans("one", Stage::Run, 9).await, [0; 0]);
    assert_eq!(spans("two", Stage::Smoke, 9).await, [0; 0]);
}

pub(crate) async fn a_finished_attempt_reads_back(db: Db) {
    let record = pushed(&db.store, "alpha").await;
    let lease = claimed(&db.store, record.submission.id, Stage::Admission, NOW).await;
    let location = Location::line("Dockerfile", 7).with_text("FROM scratch \u{1F980}");
    let log = LogExcerpt { head: "a\n\u{FFFD}\0".into(), tail: String::new(), total_bytes: u64::MAX };
    let detail = AttemptDetail::Scoring { scoring_revision: i64::MAX, notes: vec!["\0".into(), "\u{1F980}".into()] };
    let full = Finish::failed(Blame::Participant, Outcome::Rejected)
        .with_findings(vec![Finding::error("DF001", "It is 'wrong'.", "Fix it; --").at(location)])
        .with_log(log)
        .with_detail(detail)
        .with_artifact(Digest::of(b"predictions"));
    db.store.finish(&lease, full.clone(), later(2)).await.unwrap();
    let read = db.store.attempts(&record).await.unwrap().remove(0);
    assert_eq!(read.attempt.id, lease.attempt.id);
    assert_eq!((read.attempt.started_at, read.attempt.ended_at), (NOW, Some(later(2))));
    assert_eq!((read.owner.as_str(), read.seed, read.kill_reason), (ME, 7, None));
    assert_eq!(read.attempt.state, full.state);
    assert_eq!((read.findings, read.log, read.detail), (full.findings, full.log, full.detail));
    assert_eq!(read.artifact, full.artifact);
}
