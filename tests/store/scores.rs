//! Scoring revisions define the meaning of a score. Scores are never changed.

use referee::model::{Outcome, Stage};
use referee::store::{Change, StoreError};
use serde_json::json;

use crate::database::Db;
use crate::world::*;

pub(crate) async fn a_scoring_revision_is_added_once(db: Db) {
    let definition = json!({ "scorer": "sha256:1", "cases": ["Video_01"] });
    let first = db.store.put_scoring_revision(&board("phase"), &definition, NOW).await.unwrap();
    let again = db.store.put_scoring_revision(&board("phase"), &definition, later(9)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(first.definition, definition);
    let other = db.store.put_scoring_revision(&board("tools"), &definition, NOW).await.unwrap();
    assert_eq!(other.digest, first.digest);
    assert_ne!(other.id, first.id);
}

/// A change in the folder of a scorer changes no board by itself.
pub(crate) async fn a_board_keeps_its_first_scoring_revision(db: Db) {
    let board = board("phase");
    assert_eq!(db.store.current_scoring_revision(&board).await.unwrap(), None);
    let (a, b) = (json!({ "metric": "a" }), json!({ "metric": "b" }));
    let first = db.store.put_scoring_revision(&board, &a, NOW).await.unwrap();
    let second = db.store.put_scoring_revision(&board, &b, later(1)).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(db.store.current_scoring_revision(&board).await.unwrap(), Some(first.clone()));
    let found = db.store.scoring_revision(second.id).await.unwrap();
    assert_eq!(found, Some(second.clone()));
    assert_eq!(db.store.scoring_revision(99).await.unwrap(), None);
    // A score under another scoring revision than the current one would not be ranked.
    let id = pushed(&db.store, "alpha").await.submission.id;
    admitted(&db.store, id, &["phase"], NOW).await;
    evaluated(&db.store, id, NOW).await;
    let lease = claimed(&db.store, id, Stage::Scoring, NOW).await;
    let elsewhere = finish(ends(Outcome::Scored), vec![score_effect(second.id, 0.5)]);
    let refused = db.store.finish(&lease, elsewhere, NOW).await;
    assert!(matches!(refused, Err(StoreError::Stale)));
    let here = finish(ends(Outcome::Scored), vec![score_effect(first.id, 0.5)]);
    db.store.finish(&lease, here, NOW).await.unwrap();
}

pub(crate) async fn a_score_is_never_changed(db: Db) {
    db.store.put_scoring_revision(&board("phase"), &json!(1), NOW).await.unwrap();
    let first = scored(&db.store, "alpha", 0.5).await;
    let id = first.submission.id;
    assert_eq!(db.store.score_of(id).await.unwrap(), Some(score(0.5)));
    // The end of another submission brings two scores under one scoring revision.
    let second = pushed(&db.store, "alpha").await.submission.id;
    admitted(&db.store, second, &["phase"], NOW).await;
    evaluated(&db.store, second, NOW).await;
    let revision = db.store.current_scoring_revision(&board("phase")).await.unwrap().unwrap();
    let lease = claimed(&db.store, second, Stage::Scoring, NOW).await;
    let twice = vec![score_effect(revision.id, 0.1), score_effect(revision.id, 0.9)];
    let refused = db.store.finish(&lease, finish(ends(Outcome::Scored), twice), NOW).await;
    assert!(matches!(refused, Err(StoreError::Database(_))));
    assert_eq!(db.store.score_of(second).await.unwrap(), None);
    let scores = db.store.scores(revision.id).await.unwrap();
    assert_eq!(scores.len(), 1);
    // The same attempt may still end correctly.
    let once = vec![score_effect(revision.id, 0.1)];
    db.store.finish(&lease, finish(ends(Outcome::Scored), once), NOW).await.unwrap();
    assert_eq!(db.store.scores(revision.id).await.unwrap().len(), 2);
}

pub(crate) async fn a_score_belongs_to_a_scoring_revision_of_its_board(db: Db) {
    let other = db.store.put_scoring_revision(&board("tools"), &json!(1), NOW).await.unwrap();
    let id = pushed(&db.store, "alpha").await.submission.id;
    admitted(&db.store, id, &["phase"], NOW).await;
    evaluated(&db.store, id, NOW).await;
    let lease = claimed(&db.store, id, Stage::Scoring, NOW).await;
    for revision in [other.id, 999] {
        let effects = vec![score_effect(revision, 0.5)];
        let refused = db.store.finish(&lease, finish(ends(Outcome::Scored), effects), NOW).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
    }
    assert_eq!(db.store.score_of(id).await.unwrap(), None);
}

pub(crate) async fn scores_are_listed_per_scoring_revision(db: Db) {
    let revision = db.store.put_scoring_revision(&board("phase"), &json!(1), NOW).await.unwrap();
    let alpha = scored(&db.store, "alpha", 0.5).await;
    let beta = scored(&db.store, "beta", 0.25).await;
    let scores = db.store.scores(revision.id).await.unwrap();
    assert_eq!(scores[0].submission, alpha);
    assert_eq!(scores[1].submission, beta);
    assert_eq!((&scores[1].score, scores[1].created_at), (&score(0.25), NOW));
    let next = db.store.put_scoring_revision(&board("phase"), &json!(2), NOW).await.unwrap();
    assert_eq!(db.store.scores(next.id).await.unwrap(), []);
    // The scores of the old scoring revision are still there.
    assert_eq!(db.store.scores(revision.id).await.unwrap().len(), 2);
    assert_eq!(db.store.score_of(beta.submission.id).await.unwrap(), Some(score(0.25)));
}

pub(crate) async fn a_board_counts_its_submissions(db: Db) {
    let mut changes = db.store.changes();
    db.store.put_scoring_revision(&board("phase"), &json!(1), NOW).await.unwrap();
    assert_eq!(db.store.board_counts(&board("phase")).await.unwrap(), (0, 0));
    scored(&db.store, "alpha", 0.5).await;
    let open = pushed(&db.store, "beta").await.submission.id;
    // It counts once admission has read its task.
    assert_eq!(db.store.board_counts(&board("phase")).await.unwrap(), (1, 0));
    admitted(&db.store, open, &["phase", "tools"], NOW).await;
    assert_eq!(db.store.board_counts(&board("phase")).await.unwrap(), (2, 1));
    assert_eq!(db.store.board_counts(&board("tools")).await.unwrap(), (1, 1));
    let mut changed = false;
    while let Ok(change) = changes.try_recv() {
        changed |= change == Change::Board(board("phase"));
    }
    assert!(changed, "the end of a submission changes its board");
}
