//! Sealed verdicts: known, told to nobody, and told once.

use referee::model::{Outcome, PublicState, Stage};
use referee::store::{Change, Disclosure, Next, PriorityClass, Store, SubmissionRecord, Withdrawn};
use serde_json::{Value, json};

use crate::engine::Db;
use crate::world::*;

/// Seconds until a verdict may be told.
const UNDISCLOSED: i64 = 60;

fn disclosures(outcome: Outcome) -> Next {
    Next::Withhold {
        outcome,
        incident: None,
        until: later(UNDISCLOSED),
    }
}

async fn revision(store: &Store, definition: &Value) -> i64 {
    let put = store.put_revision(&board("phase"), definition, NOW).await;
    put.unwrap().id
}

/// A submission that waits for its scorer.
async fn predicted(store: &Store, of: &str) -> SubmissionRecord {
    let id = pushed(store, of).await.submission.id;
    admitted(store, id, &["phase"], NOW).await;
    evaluated(store, id, NOW).await;
    store.submission(id).await.unwrap()
}

async fn undisclosed(store: &Store, of: &str, revision: i64) -> SubmissionRecord {
    let id = predicted(store, of).await.submission.id;
    let effects = vec![score_effect(revision, 0.5)];
    attempt(
        store,
        (id, Stage::Scoring),
        (disclosures(Outcome::Scored), effects),
        NOW,
    )
    .await;
    store.submission(id).await.unwrap()
}

async fn due(store: &Store, seconds: i64) -> usize {
    store.disclosures_due(later(seconds)).await.unwrap().len()
}

pub async fn a_sealed_verdict_is_told_once_and_in_its_time(db: Db) {
    let store = &db.store;
    let first = revision(store, &json!("old")).await;
    let mut changes = store.changes();
    let record = undisclosed(store, "alpha", first).await;
    let id = record.submission.id;
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(change);
    }
    assert_eq!(told.last(), Some(&Change::Case(id)), "no page hears of it");
    // For everybody outside its run goes on.
    assert_eq!(
        record.submission.state.public(),
        PublicState::Working(Stage::Run)
    );
    assert_eq!(
        (
            record.submission.outcome(),
            record.submission.state.ended_at()
        ),
        (None, None)
    );
    assert_eq!(store.scores(first).await.unwrap().len(), 0);
    // Nobody works on it meanwhile, and it keeps its team's place.
    let waiting = store
        .waiting_for(Stage::Scoring, later(UNDISCLOSED * 2))
        .await;
    assert_eq!(waiting.unwrap(), []);
    let claim = claim_of(id, Stage::Scoring, ME);
    assert_eq!(
        store.claim(&claim, later(UNDISCLOSED * 2)).await.unwrap(),
        None
    );
    let other = predicted(store, "alpha").await;
    assert_eq!(store.evaluations_under_way(&other).await.unwrap(), 1);
    assert_eq!(
        (
            due(store, UNDISCLOSED - 1).await,
            due(store, UNDISCLOSED).await
        ),
        (0, 1)
    );
    let messages = [message("commit 1", 1)];
    let told = store
        .disclose(id, &messages, later(UNDISCLOSED))
        .await
        .unwrap();
    assert_eq!(told, Disclosure::Disclosed);
    let ended = store.submission(id).await.unwrap().submission;
    assert_eq!(ended.state.public(), PublicState::Ended(Outcome::Scored));
    assert_eq!(ended.state.ended_at(), Some(later(UNDISCLOSED)));
    assert_eq!(store.scores(first).await.unwrap().len(), 1);
    assert_eq!(store.evaluations_under_way(&other).await.unwrap(), 0);
    let forge = forge();
    let sent = store
        .due((&forge, PriorityClass::Rest), later(UNDISCLOSED), 9)
        .await;
    assert_eq!(sent.unwrap().len(), 1);
    let again = store
        .disclose(id, &messages, later(UNDISCLOSED))
        .await
        .unwrap();
    assert_eq!(
        (again, due(store, UNDISCLOSED * 2).await),
        (Disclosure::Gone, 0)
    );
}

pub async fn a_failed_run_keeps_its_incident_and_stage(db: Db) {
    let store = &db.store;
    let id = pushed(store, "alpha").await.submission.id;
    admitted(store, id, &["phase"], NOW).await;
    for (stage, next) in [(Stage::Build, Stage::Smoke), (Stage::Smoke, Stage::Run)] {
        attempt(store, (id, stage), (Next::Advance(next), Vec::new()), NOW).await;
    }
    let next = Next::Withhold {
        outcome: Outcome::Fault,
        incident: Some("0a1b2c".into()),
        until: later(UNDISCLOSED),
    };
    attempt(store, (id, Stage::Run), (next, Vec::new()), NOW).await;
    assert_eq!(
        store.disclose(id, &[], later(UNDISCLOSED)).await.unwrap(),
        Disclosure::Disclosed
    );
    let ended = store.submission(id).await.unwrap();
    assert_eq!(ended.submission.state.incident(), Some("0a1b2c"));
    assert_eq!(
        (ended.submission.stage(), ended.submission.outcome()),
        (Stage::Run, Some(Outcome::Fault))
    );
}

pub async fn what_is_withdrawn_or_rescored_breaks_the_seal(db: Db) {
    let store = &db.store;
    let first = revision(store, &json!("old")).await;
    let gone = undisclosed(store, "alpha", first).await;
    assert_eq!(withdrawn(store, &gone, later(1)).await, Withdrawn::Waiting);
    assert_eq!(due(store, UNDISCLOSED).await, 0);
    let told = store
        .disclose(gone.submission.id, &[], later(UNDISCLOSED))
        .await;
    assert_eq!(told.unwrap(), Disclosure::Gone);
    let ended = store.submission(gone.submission.id).await.unwrap();
    assert_eq!(ended.submission.outcome(), Some(Outcome::Withdrawn));
    // Its board turns to another revision: its score would count nowhere.
    let kept = undisclosed(store, "beta", first).await;
    let id = kept.submission.id;
    assert_eq!(revision(store, &json!("new")).await, 2);
    db.tamper("UPDATE board SET scoring_revision_id = 2").await;
    let told = store
        .disclose(id, &[message("commit 2", 1)], later(UNDISCLOSED))
        .await;
    assert_eq!(told.unwrap(), Disclosure::ScoredAgain);
    let waiting = store
        .waiting_for(Stage::Scoring, later(UNDISCLOSED))
        .await
        .unwrap();
    assert_eq!(waiting[0].submission.id, id);
}
