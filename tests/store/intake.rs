//! Intake: a ref becomes a submission once, and a repository is bound once.

use referee::model::{ChallengeSlug, ForgeName, Origin, PhaseSlug, Stage};
use referee::store::{CommandEffects, ImageOwner, NewSource, PriorityClass, StoreError};

use crate::database::Db;
use crate::world::*;

pub(crate) async fn a_new_ref_enters_its_commit(db: Db) {
    let repository = bound(&db.store, "alpha").await;
    let head = main_at(1);
    let entered = db
        .store
        .observe(&repository, &[head.clone(), seen("refs/heads/wip", 2)], &[entry(&head, "validation")], NOW)
        .await
        .unwrap();
    assert_eq!(entered.len(), 1);
    assert!(entered[0].new);
    let record = db.store.submission(entered[0].submission).await.unwrap();
    let submission = &record.submission;
    assert_eq!(submission.number, 1);
    let origin = Origin::Commit { sha: sha(1), full_ref: "refs/heads/main".into() };
    assert_eq!(submission.origin, origin);
    assert_eq!(submission.team, team("alpha"));
    assert_eq!(submission.phase, phase("validation"));
    assert_eq!(submission.task, None);
    assert_eq!(submission.stage(), Stage::Admission);
    assert_eq!(submission.observed_at, NOW);
    assert_eq!((submission.state.is_working(), submission.outcome()), (false, None));
    assert_eq!(record.repository, repository.id);
    assert_eq!((record.image.as_ref(), submission.state.incident()), (None, None));
    let known = db.store.known_refs(repository.id).await.unwrap();
    assert_eq!(known, [head, seen("refs/heads/wip", 2)]);
    let by_token = db.store.submission_by_token(&submission.token).await.unwrap();
    assert_eq!(by_token.unwrap().submission.id, submission.id);
    assert_eq!(db.store.submission_by_token(&token()).await.unwrap(), None);
}

/// A branch that moves from A to B and back to A makes two submissions.
pub(crate) async fn a_ref_that_returns_to_a_commit_makes_no_new_submission(db: Db) {
    let repository = bound(&db.store, "alpha").await;
    let mut new = Vec::new();
    for commit in [1, 1, 2, 1] {
        let head = main_at(commit);
        let entries = [entry(&head, "validation")];
        let records = db.store.observe(&repository, &[head], &entries, NOW).await.unwrap();
        new.push((records[0].new, records[0].submission));
    }
    let (a, b) = (new[0].1, new[2].1);
    assert_eq!(new, [(true, a), (false, a), (true, b), (false, a)]);
    let all = db.store.submissions_of_challenge(&challenge()).await.unwrap();
    let numbers: Vec<i64> = all.iter().map(|r| r.submission.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(db.store.known_refs(repository.id).await.unwrap(), [main_at(1)]);
}

pub(crate) async fn a_deleted_ref_is_no_longer_known(db: Db) {
    let repository = bound(&db.store, "alpha").await;
    let tag = seen("refs/tags/final-1", 2);
    db.store.observe(&repository, &[main_at(1), tag.clone()], &[], NOW).await.unwrap();
    db.store.observe(&repository, &[main_at(3)], &[], later(1)).await.unwrap();
    assert_eq!(db.store.known_refs(repository.id).await.unwrap(), [main_at(3)]);
    // A tag that is created again is a new ref.
    let entries = [entry(&tag, "validation")];
    let again = db.store.observe(&repository, &[tag], &entries, later(2)).await.unwrap();
    assert!(again[0].new);
}

pub(crate) async fn one_ref_enters_two_phases(db: Db) {
    let repository = bound(&db.store, "alpha").await;
    let head = main_at(1);
    let entries = [entry(&head, "validation"), entry(&head, "test")];
    let entered = db.store.observe(&repository, &[head], &entries, NOW).await.unwrap();
    assert!(entered.iter().all(|e| e.new));
    assert_ne!(entered[0].submission, entered[1].submission);
    let of_commit = db.store.submissions_of_commit(repository.id, &sha(1)).await.unwrap();
    let phases: Vec<PhaseSlug> = of_commit.iter().map(|r| r.submission.phase.clone()).collect();
    assert_eq!(phases, [phase("validation"), phase("test")]);
    assert_ne!(of_commit[0].source, of_commit[1].source);
    let of_source = db.store.submissions_of_source(of_commit[0].source).await.unwrap();
    assert_eq!(of_source, [of_commit[0].clone()]);
}

pub(crate) async fn two_refs_enter_one_commit_once(db: Db) {
    let repository = bound(&db.store, "alpha").await;
    let (main, tag) = (main_at(1), seen("refs/tags/final-1", 1));
    let entries = [entry(&main, "test"), entry(&tag, "test")];
    let entered = db.store.observe(&repository, &[main, tag], &entries, NOW).await.unwrap();
    assert_eq!((entered[0].new, entered[1].new), (true, false));
    assert_eq!(entered[0].submission, entered[1].submission);
}

/// The second entry repeats a page address. Neither entry may remain.
pub(crate) async fn an_observation_is_kept_whole_or_not_at_all(db: Db) {
    let earlier = pushed(&db.store, "alpha").await;
    let repository = bound(&db.store, "beta").await;
    let (good, bad) = (main_at(1), seen("refs/heads/dev", 2));
    let taken = NewSource { token: earlier.submission.token.clone(), ..entry(&bad, "validation") };
    let entries = [entry(&good, "validation"), taken];
    let refused = db.store.observe(&repository, &[good, bad], &entries, NOW).await;
    assert!(matches!(refused, Err(StoreError::Database(_))));
    assert_eq!(db.store.known_refs(repository.id).await.unwrap(), []);
    let all = db.store.submissions_of_challenge(&challenge()).await.unwrap();
    assert_eq!(all, [earlier]);
    // No number was used.
    assert_eq!(pushed(&db.store, "beta").await.submission.number, 2);
}

/// The push hook, a delivery and the sweep may observe a repository at the same time.
pub(crate) async fn two_observers_enter_a_commit_once(db: Db) {
    let repository = bound(&db.store, "alpha").await;
    let other = db.again().await;
    let mut observers = Vec::new();
    for n in 0..12 {
        let store = if n % 2 == 0 { &db.store } else { &other }.clone();
        let repository = repository.clone();
        observers.push(tokio::spawn(async move {
            let head = main_at(1);
            let entries = [entry(&head, "validation")];
            store.observe(&repository, &[head], &entries, NOW).await.unwrap()[0].new
        }));
    }
    let mut new = 0;
    for observer in observers {
        new += i32::from(observer.await.unwrap());
    }
    assert_eq!(new, 1);
    assert_eq!(db.store.submissions_under_way().await.unwrap().len(), 1);
}

pub(crate) async fn a_repository_is_bound_once_and_followed_by_its_id(db: Db) {
    let first = bound(&db.store, "alpha").await;
    assert_eq!(bound(&db.store, "alpha").await, first);
    let mut renamed = repository("alpha");
    renamed.full_name = "phakir/team-renamed".into();
    // The new name belongs to another team. The repository stays bound to its own team.
    renamed.team = team("renamed");
    let bound = db.store.bind_repository(&renamed, &[], later(1)).await.unwrap().0;
    assert_eq!((bound.id, bound.team.clone()), (first.id, team("alpha")));
    assert_eq!(bound.full_name, "phakir/team-renamed");
    assert_eq!(bound.hook_token, first.hook_token);
    assert_eq!(db.store.repositories().await.unwrap(), std::slice::from_ref(&bound));
    assert_eq!(db.store.repository(first.id).await.unwrap(), bound);
    let by_id = db.store.repository_of(&forge(), "id of alpha").await.unwrap();
    assert_eq!(by_id, Some(bound.clone()));
    let by_token = db.store.repository_by_token(&first.hook_token).await.unwrap();
    assert_eq!(by_token, Some(bound));
    let elsewhere = ForgeName::new("gitea").unwrap();
    let none = db.store.repository_of(&elsewhere, "id of alpha").await.unwrap();
    assert_eq!(none, None);
    assert_eq!(db.store.repository_by_token(&token()).await.unwrap(), None);
}

pub(crate) async fn refs_of_a_new_repository_are_known(db: Db) {
    let template = referee::store::SeenRef { full_ref: "refs/heads/main".into(), commit: sha(7) };
    let new = repository("alpha");
    let bind = async |refs: &[referee::store::SeenRef]| db.store.bind_repository(&new, refs, NOW).await.unwrap();
    let (bound, is_new) = bind(std::slice::from_ref(&template)).await;
    assert!(is_new);
    assert_eq!(db.store.known_refs(bound.id).await.unwrap(), std::slice::from_ref(&template));
    // Binding it again deletes no ref: only `observe` compares refs.
    let (_, is_new) = bind(&[]).await;
    assert!(!is_new);
    assert_eq!(db.store.known_refs(bound.id).await.unwrap(), [template]);
}

pub(crate) async fn a_new_team_and_its_entry_of_the_audit_log_are_written_together(db: Db) {
    let store = &db.store;
    let (new, entry) = (repository("alpha"), entry_of("team add"));
    let first = store.register_repository(&new, &[], &entry, NOW).await.unwrap();
    assert_eq!(store.register_repository(&new, &[], &entry, later(1)).await.unwrap(), first);
    let mut second = repository("alpha");
    second.forge_id = "another".into();
    store.register_repository(&second, &[], &entry, later(2)).await.unwrap_err();
    assert_eq!(actions(store).await, ["team add"], "one for a new team");

    let owner = ImageOwner { id: 0, forge: forge(), owner_id: 7, login: "alpha-images".into(), repository: first.id };
    let entry = entry_of("team images");
    let bound = store.register_image_owner(&owner, &entry, NOW).await.unwrap();
    assert_eq!(store.register_image_owner(&owner, &entry, later(1)).await.unwrap(), bound);
    assert_eq!(actions(store).await, ["team add", "team images"]);

    let effects = CommandEffects { audit: &entry_of("announce"), messages: &[message("announcement 1", 1)] };
    store.record_command(effects, later(2)).await.unwrap();
    assert_eq!(actions(store).await, ["team add", "team images", "announce"]);
    assert_eq!(store.due_messages(&forge(), PriorityClass::Rest, later(3), 9).await.unwrap().len(), 1);
}

pub(crate) async fn submissions_are_counted_by_team(db: Db) {
    let store = &db.store;
    for team in ["alpha", "beta", "alpha"] {
        pushed(store, team).await;
    }
    bound(store, "gamma").await;
    let counts = store.submission_counts(&challenge()).await.unwrap();
    let counts: Vec<(String, i64)> = counts.into_iter().map(|(team, count)| (team.to_string(), count)).collect();
    assert_eq!(counts, [("alpha".to_owned(), 2), ("beta".to_owned(), 1)]);
    assert!(store.submission_counts(&ChallengeSlug::new("other").unwrap()).await.unwrap().is_empty());
}

pub(crate) async fn a_team_has_one_repository(db: Db) {
    let first = bound(&db.store, "alpha").await;
    let mut second = repository("alpha");
    second.forge_id = "another".into();
    second.full_name = "phakir/team-alpha-2".into();
    let refused = db.store.bind_repository(&second, &[], NOW).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "phakir/team-alpha-2 cannot become the repository of team alpha: the team already has the repository \
         phakir/team-alpha"
    );
    let mut elsewhere = repository("alpha");
    elsewhere.challenge = referee::model::ChallengeSlug::new("nuclei").unwrap();
    let refused = db.store.bind_repository(&elsewhere, &[], NOW).await.unwrap_err();
    assert!(refused.to_string().contains("it belongs to challenge phakir"), "{refused}");
    assert_eq!(db.store.repositories().await.unwrap(), [first]);
}
