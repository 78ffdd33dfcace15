//! Delayed disclosure: Referee withholds an outcome until its time, and then discloses it once.

use referee::model::{Outcome, PublicState, Stage};
use referee::store::{Change, Disclosure, Next, PriorityClass, Store, SubmissionRecord, Withdrawn};
use serde_json::{Value, json};

use crate::database::Db;
use crate::world::*;

/// Seconds until the outcome is disclosed.
const DELAY: i64 = 60;

fn withhold(outcome: Outcome) -> Next {
    Next::Withhold { outcome, incident: None, until: later(DELAY) }
}

async fn revision(store: &Store, definition: &Value) -> i64 {
    let put = store.put_scoring_revision(&board("phase"), definition, NOW).await;
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
    attempt(store, id, Stage::Scoring, withhold(Outcome::Scored), effects, NOW).await;
    store.submission(id).await.unwrap()
}

async fn due(store: &Store, seconds: i64) -> usize {
    store.disclosures_due(later(seconds)).await.unwrap().len()
}

pub(crate) async fn an_outcome_is_disclosed_once_and_on_time(db: Db) {
    let store = &db.store;
    let first = revision(store, &json!("old")).await;
    let mut changes = store.changes();
    let record = undisclosed(store, "alpha", first).await;
    let id = record.submission.id;
    let mut sent = Vec::new();
    while let Ok(change) = changes.try_recv() {
        sent.push(change);
    }
    assert_eq!(sent.last(), Some(&Change::Case(id)), "no page is notified");
    // Outside, the submission still runs.
    assert_eq!(record.submission.state.public(), PublicState::Working(Stage::Run));
    assert_eq!((record.submission.outcome(), record.submission.state.ended_at()), (None, None));
    assert_eq!(store.scores(first).await.unwrap().len(), 0);
    // No worker claims it in the meantime, and it counts as an evaluation of its team under way.
    let waiting = store.waiting_for(Stage::Scoring, later(DELAY * 2)).await;
    assert_eq!(waiting.unwrap(), []);
    let claim = claim_of(id, Stage::Scoring, ME);
    assert_eq!(store.claim(&claim, later(DELAY * 2)).await.unwrap(), None);
    let other = predicted(store, "alpha").await;
    assert_eq!(store.evaluations_under_way(&other).await.unwrap(), 1);
    assert_eq!((due(store, DELAY - 1).await, due(store, DELAY).await), (0, 1));
    let messages = [message("commit 1", 1)];
    let disclosed = store.disclose(id, &messages, later(DELAY)).await.unwrap();
    assert_eq!(disclosed, Disclosure::Disclosed);
    let ended = store.submission(id).await.unwrap().submission;
    assert_eq!(ended.state.public(), PublicState::Ended(Outcome::Scored));
    assert_eq!(ended.state.ended_at(), Some(later(DELAY)));
    assert_eq!(store.scores(first).await.unwrap().len(), 1);
    assert_eq!(store.evaluations_under_way(&other).await.unwrap(), 0);
    let forge = forge();
    let messages_due = store.due_messages(&forge, PriorityClass::Rest, later(DELAY), 9).await;
    assert_eq!(messages_due.unwrap().len(), 1);
    let again = store.disclose(id, &messages, later(DELAY)).await.unwrap();
    assert_eq!((again, due(store, DELAY * 2).await), (Disclosure::Gone, 0));
}

pub(crate) async fn a_failed_run_keeps_its_incident_and_stage(db: Db) {
    let store = &db.store;
    let id = pushed(store, "alpha").await.submission.id;
    admitted(store, id, &["phase"], NOW).await;
    for (stage, next) in [(Stage::Build, Stage::Smoke), (Stage::Smoke, Stage::Run)] {
        attempt(store, id, stage, Next::Advance(next), Vec::new(), NOW).await;
    }
    let next = Next::Withhold { outcome: Outcome::Fault, incident: Some("0a1b2c".into()), until: later(DELAY) };
    attempt(store, id, Stage::Run, next, Vec::new(), NOW).await;
    assert_eq!(store.disclose(id, &[], later(DELAY)).await.unwrap(), Disclosure::Disclosed);
    let ended = store.submission(id).await.unwrap();
    assert_eq!(ended.submission.state.incident(), Some("0a1b2c"));
    assert_eq!((ended.submission.stage(), ended.submission.outcome()), (Stage::Run, Some(Outcome::Fault)));
}

pub(crate) async fn a_withdrawal_or_a_rescore_ends_the_delay(db: Db) {
    let store = &db.store;
    let first = revision(store, &json!("old")).await;
    let gone = undisclosed(store, "alpha", first).await;
    assert_eq!(withdrawn(store, &gone, later(1)).await, Withdrawn::Waiting);
    assert_eq!(due(store, DELAY).await, 0);
    let disclosed = store.disclose(gone.submission.id, &[], later(DELAY)).await;
    assert_eq!(disclosed.unwrap(), Disclosure::Gone);
    let ended = store.submission(gone.submission.id).await.unwrap();
    assert_eq!(ended.submission.outcome(), Some(Outcome::Withdrawn));
    // The board gets another scoring revision, under which the submission has no score.
    let kept = undisclosed(store, "beta", first).await;
    let id = kept.submission.id;
    assert_eq!(revision(store, &json!("new")).await, 2);
    db.tamper("UPDATE board SET scoring_revision_id = 2").await;
    let disclosed = store.disclose(id, &[message("commit 2", 1)], later(DELAY)).await;
    assert_eq!(disclosed.unwrap(), Disclosure::ScoredAgain);
    let waiting = store.waiting_for(Stage::Scoring, later(DELAY)).await.unwrap();
    assert_eq!(waiting[0].submission.id, id);
}
