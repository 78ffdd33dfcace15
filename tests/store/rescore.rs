//! Rescores: a board gets all new scores at once, and only when an organizer applies them.

use referee::model::{Outcome, Score, Stage, Timestamp};
use referee::store::{
    ApplyResult, CommandEffects, PriorityClass, RescoreItemEnd, RescoreLease, RescoreState, Store, StoreError,
    SubmissionRecord,
};
use serde_json::{Value, json};

use crate::database::Db;
use crate::world::*;

const NEXT: &str = "8-00ff";

fn old() -> Value {
    json!({ "scorer": "old" })
}

fn new() -> Value {
    json!({ "scorer": "new" })
}

/// A board with a score of each of two teams.
async fn two_teams(store: &Store) -> [SubmissionRecord; 2] {
    let board = board("phase");
    store.put_scoring_revision(&board, &old(), NOW).await.unwrap();
    [scored(store, "alpha", 0.5).await, scored(store, "beta", 0.25).await]
}

async fn requested(store: &Store) -> i64 {
    let audit = entry_of("rescore");
    store.request_rescore(&board("phase"), &audit, NOW).await.unwrap()
}

async fn prepared(store: &Store, definition: &Value) -> i64 {
    let id = requested(store).await;
    let (_, lease) = store.claim_rescore(ME, NOW).await.unwrap().unwrap();
    store.finish_rescore_preparation(&lease, definition).await.unwrap();
    assert!(store.advance_rescores(NOW).await.unwrap());
    id
}

async fn item(store: &Store, owner: &str, at: Timestamp) -> Option<RescoreLease> {
    let claimed = store.claim_rescore_item(owner, at).await.unwrap();
    claimed.map(|(_, _, lease)| lease)
}

async fn end(store: &Store, lease: &RescoreLease, with: RescoreItemEnd) {
    store.finish_rescore_item(lease, &with, later(5)).await.unwrap();
}

fn found(value: f64) -> RescoreItemEnd {
    RescoreItemEnd::Scored(Box::new(score(value)))
}

async fn state(store: &Store) -> RescoreState {
    let last = store.rescore_of(&board("phase")).await.unwrap();
    last.unwrap().state
}

async fn apply(store: &Store, id: i64) -> Result<ApplyResult, StoreError> {
    let effects = CommandEffects { audit: &entry_of("rescore apply"), messages: &[message("commit 1", 1)] };
    store.apply_rescore(id, effects, later(9)).await
}

pub(crate) async fn a_board_is_rescored_once_at_a_time(db: Db) {
    let store = &db.store;
    let audit = entry_of("rescore");
    let none = store.request_rescore(&board("phase"), &audit, NOW).await;
    assert!(matches!(none, Err(StoreError::Stale)), "the board has no scoring revision");
    two_teams(store).await;
    let first = requested(store).await;
    let second = store.request_rescore(&board("phase"), &audit, NOW).await;
    assert!(matches!(second, Err(StoreError::Stale)));
    let discarded = entry_of("rescore discard");
    store.discard_rescore(first, &discarded, NOW).await.unwrap();
    let twice = store.discard_rescore(first, &discarded, NOW).await;
    assert!(matches!(twice, Err(StoreError::Stale)));
    assert_eq!(state(store).await, RescoreState::Discarded);
    assert!(!state(store).await.is_open());
    assert!(requested(store).await > first);
    assert!(state(store).await.is_open());
    assert_eq!(actions(store).await, ["rescore", "rescore discard", "rescore"]);
}

pub(crate) async fn one_worker_prepares_a_rescore(db: Db) {
    let store = &db.store;
    two_teams(store).await;
    let id = requested(store).await;
    let (rescore, lease) = store.claim_rescore(ME, NOW).await.unwrap().unwrap();
    assert_eq!((rescore.id, rescore.state), (id, RescoreState::Preparing));
    assert_eq!(rescore.requested_by, "local:ada");
    assert_eq!(store.claim_rescore(ME, later(1)).await.unwrap(), None);
    store.renew_rescore(&lease, later(1)).await.unwrap();
    // The daemon is started again, so the leases of the earlier start are free.
    let (_, next) = store.claim_rescore(NEXT, later(2)).await.unwrap().unwrap();
    assert_eq!(next.attempts, 2);
    let late = store.finish_rescore_preparation(&lease, &new()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))));
    let late = store.renew_rescore(&lease, later(3)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))));
    // The next attempt starts later.
    store.retry_rescore_preparation(&next, later(10)).await.unwrap();
    assert_eq!(store.claim_rescore(NEXT, later(9)).await.unwrap(), None);
    let (_, third) = store.claim_rescore(NEXT, later(11)).await.unwrap().unwrap();
    store.fail_rescore(id, "it cannot be built", later(12)).await.unwrap();
    let late = store.finish_rescore_preparation(&third, &new()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))));
    let last = store.rescore_of(&board("phase")).await.unwrap().unwrap();
    assert_eq!(last.problem.as_deref(), Some("it cannot be built"));
}

pub(crate) async fn one_worker_rescores_each_submission(db: Db) {
    let store = &db.store;
    let [alpha, beta] = two_teams(store).await;
    let id = prepared(store, &new()).await;
    let first = item(store, ME, NOW).await.unwrap();
    let second = item(store, ME, NOW).await.unwrap();
    assert_eq!(first.submission, Some(alpha.submission.id));
    assert_eq!(second.submission, Some(beta.submission.id));
    assert_eq!(item(store, ME, later(1)).await, None);
    store.renew_rescore(&first, later(1)).await.unwrap();
    // The daemon is killed and started again.
    let again = item(store, NEXT, later(2)).await.unwrap();
    assert_eq!((again.submission, again.attempts), (first.submission, 2));
    let late = store.finish_rescore_item(&first, &found(0.1), later(3)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))));
    end(store, &again, RescoreItemEnd::Retry(later(20))).await;
    let other = item(store, NEXT, later(6)).await.unwrap();
    assert_eq!(other.submission, second.submission);
    assert_eq!(item(store, NEXT, later(7)).await, None, "not due yet");
    end(store, &other, found(0.75)).await;
    let items = store.rescore_items(id).await.unwrap();
    let scores: Vec<Option<Score>> = items.into_iter().map(|i| i.score).collect();
    assert_eq!(scores, [None, Some(score(0.75))]);
    let third = item(store, NEXT, later(21)).await.unwrap();
    // Discarded while a worker scores: the result is refused.
    let audit = entry_of("rescore discard");
    store.discard_rescore(id, &audit, later(22)).await.unwrap();
    let late = store.finish_rescore_item(&third, &found(0.1), later(23)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))));
    assert!(!store.advance_rescores(later(24)).await.unwrap());
}

pub(crate) async fn a_rescore_is_applied_when_every_score_is_there(db: Db) {
    let store = &db.store;
    let [alpha, beta] = two_teams(store).await;
    let board = board("phase");
    let before = store.current_scoring_revision(&board).await.unwrap().unwrap();
    let id = prepared(store, &new()).await;
    let first = item(store, ME, NOW).await.unwrap();
    end(store, &first, found(0.1)).await;
    let early = apply(store, id).await.unwrap();
    assert_eq!(early, ApplyResult::NotReady { done: 1, all: 2 });
    let second = item(store, ME, NOW).await.unwrap();
    end(store, &second, found(0.9)).await;
    assert!(store.advance_rescores(later(6)).await.unwrap());
    assert_eq!(state(store).await, RescoreState::Ready);
    // One more submission is scored in the meantime. It must not lose its score.
    let gamma = scored(store, "gamma", 0.3).await;
    let early = apply(store, id).await.unwrap();
    assert_eq!(early, ApplyResult::NotReady { done: 2, all: 3 });
    assert_eq!(store.current_scoring_revision(&board).await.unwrap(), Some(before.clone()));
    assert!(store.advance_rescores(later(7)).await.unwrap());
    assert_eq!(state(store).await, RescoreState::Running);
    let third = item(store, ME, later(7)).await.unwrap();
    assert_eq!(third.submission, Some(gamma.submission.id));
    end(store, &third, found(0.4)).await;
    let ApplyResult::Applied { revision, scores } = apply(store, id).await.unwrap() else {
        panic!("the rescore is ready");
    };
    assert_eq!(scores, 3);
    let now = store.current_scoring_revision(&board).await.unwrap().unwrap();
    assert_eq!((now.id, now.definition), (revision, new()));
    let values: Vec<Score> = store.scores(revision).await.unwrap().into_iter().map(|s| s.score).collect();
    assert_eq!(values, [score(0.1), score(0.9), score(0.4)]);
    assert_eq!(store.score_of(beta.submission.id).await.unwrap(), Some(score(0.9)));
    // The old scores are still there, and nothing is applied twice.
    let was = store.scores(before.id).await.unwrap();
    assert_eq!((was[0].submission.clone(), was.len()), (alpha, 3));
    assert!(matches!(apply(store, id).await, Err(StoreError::Stale)));
    assert_eq!(actions(store).await, ["rescore", "rescore apply"]);
    assert_eq!(store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap().len(), 1);
}

/// A correction is undone: the scores of the older scoring revision are kept.
pub(crate) async fn an_older_scoring_revision_can_become_current_again(db: Db) {
    let store = &db.store;
    let [alpha, _] = two_teams(store).await;
    for (definition, values) in [(new(), [0.1, 0.9]), (old(), [0.7, 0.7])] {
        let id = prepared(store, &definition).await;
        for value in values {
            let lease = item(store, ME, later(6)).await.unwrap();
            end(store, &lease, found(value)).await;
        }
        let done = apply(store, id).await.unwrap();
        assert!(matches!(done, ApplyResult::Applied { scores: 2, .. }));
    }
    let now = store.current_scoring_revision(&board("phase")).await.unwrap();
    let now = now.unwrap();
    assert_eq!(now.definition, old());
    assert_eq!(store.scores(now.id).await.unwrap().len(), 2);
    assert_eq!(store.score_of(alpha.submission.id).await.unwrap(), Some(score(0.5)));
}

pub(crate) async fn a_rescore_of_an_outdated_scoring_revision_is_discarded(db: Db) {
    let store = &db.store;
    two_teams(store).await;
    let other = store.put_scoring_revision(&board("phase"), &json!("other"), NOW).await.unwrap();
    assert_eq!(other.id, 2);
    let id = prepared(store, &new()).await;
    for value in [0.1, 0.9] {
        let lease = item(store, ME, NOW).await.unwrap();
        end(store, &lease, found(value)).await;
    }
    db.tamper("UPDATE board SET scoring_revision_id = 2").await;
    assert_eq!(apply(store, id).await.unwrap(), ApplyResult::Outdated);
    assert_eq!(state(store).await, RescoreState::Discarded);
    let now = store.current_scoring_revision(&board("phase")).await.unwrap();
    assert_eq!(now, Some(other));
}

pub(crate) async fn a_submission_that_cannot_be_scored_ends_the_rescore(db: Db) {
    let store = &db.store;
    let [_, beta] = two_teams(store).await;
    let id = prepared(store, &new()).await;
    let first = item(store, ME, NOW).await.unwrap();
    end(store, &first, found(0.1)).await;
    let second = item(store, ME, NOW).await.unwrap();
    end(store, &second, RescoreItemEnd::Failed("no report\0".into())).await;
    assert!(store.advance_rescores(later(6)).await.unwrap());
    let last = store.rescore_of(&board("phase")).await.unwrap().unwrap();
    assert_eq!(last.state, RescoreState::Failed);
    let message = format!("#{}: no report ", beta.submission.number);
    assert_eq!(last.problem, Some(message));
    assert!(matches!(apply(store, id).await, Err(StoreError::Stale)));
    // Other submissions are still scored as before.
    let id = pushed(store, "alpha").await.submission.id;
    admitted(store, id, &["phase"], NOW).await;
    evaluated(store, id, NOW).await;
    let revision = store.current_scoring_revision(&board("phase")).await.unwrap();
    let effects = vec![score_effect(revision.unwrap().id, 0.5)];
    attempt(store, id, Stage::Scoring, ends(Outcome::Scored), effects, NOW).await;
}

/// The scorers' images that are needed: those of the present boards, and those of rescores that may still be applied.
pub(crate) async fn definitions_of_boards_and_open_rescores_are_in_use(db: Db) {
    let store = &db.store;
    assert_eq!(store.definitions_in_use().await.unwrap(), []);
    two_teams(store).await;
    assert_eq!(store.definitions_in_use().await.unwrap(), [Some(old())]);
    let id = requested(store).await;
    let in_use = store.definitions_in_use().await.unwrap();
    assert_eq!(in_use, [Some(old()), None], "the definition of the rescore is not known yet");
    let (_, lease) = store.claim_rescore(ME, NOW).await.unwrap().unwrap();
    store.finish_rescore_preparation(&lease, &new()).await.unwrap();
    let in_use = store.definitions_in_use().await.unwrap();
    assert_eq!(in_use, [Some(old()), Some(new())]);
    store.discard_rescore(id, &entry_of("discard"), NOW).await.unwrap();
    assert_eq!(store.definitions_in_use().await.unwrap(), [Some(old())]);
}
