//! Commands of organizers: each is written completely, with its entry in the audit log, or not at all. A command that
//! was decided on outdated rows is refused.

use referee::model::{Outcome, Override, Overrides, RerunPlan, Setting, Stage, SubmissionId, Timestamp};
use referee::store::{
    Charge, CommandEffects, Effect, Grant, Next, PriorityClass, RegistrationRequest, RegistrationState, Store,
    StoreError, Withdrawn,
};

use crate::database::Db;
use crate::world::*;

fn setting(setting: Setting, at: Timestamp) -> Override {
    Override {
        id: 0,
        challenge: challenge(),
        phase: Some(phase("validation")),
        task: None,
        team: None,
        setting,
        actor: "local:ada".into(),
        reason: "it's \u{1F980}".into(),
        created_at: at,
    }
}

async fn put(store: &Store, newest_seen: i64, value: Setting, at: Timestamp) -> Result<(), StoreError> {
    let effects = CommandEffects { audit: &entry_of("a command"), messages: &[message("commit 1", 1)] };
    let new = [setting(value, at)];
    store.put_overrides(&challenge(), newest_seen, &new, &[board("phase")], effects, at).await
}

pub(crate) async fn overrides_are_added_and_read_back(db: Db) {
    let store = &db.store;
    assert_eq!(store.overrides(&challenge()).await.unwrap(), Overrides::default());
    let until = Setting::Closes(Some(later(60)));
    put(store, 0, until.clone(), later(1)).await.unwrap();
    let one = store.overrides(&challenge()).await.unwrap();
    let expected = Override { id: 1, ..setting(until, later(1)) };
    assert_eq!(one, Overrides::new(vec![expected]));
    put(store, one.newest(), Setting::Paused(true), later(2)).await.unwrap();
    let two = store.overrides(&challenge()).await.unwrap();
    assert_eq!(two.paused(&board("phase")).unwrap().created_at, later(2));
    assert_eq!(two.until(later(1)), one);
    assert_eq!(actions(store).await, ["a command", "a command"]);
    assert_eq!(
        store.due_messages(&forge(), PriorityClass::Rest, NOW, 9).await.unwrap()[0].version,
        2,
        "reports are enqueued again"
    );
}

pub(crate) async fn a_command_based_on_old_overrides_is_refused(db: Db) {
    let store = &db.store;
    put(store, 0, Setting::Paused(true), NOW).await.unwrap();
    let refused = put(store, 0, Setting::Paused(false), NOW).await;
    assert!(matches!(refused, Err(StoreError::Stale)));
    let overrides = store.overrides(&challenge()).await.unwrap();
    assert!(overrides.paused(&board("phase")).is_some());
    assert_eq!(actions(store).await.len(), 1);
}

pub(crate) async fn grants_and_spent_evaluations_are_counted_separately(db: Db) {
    let store = &db.store;
    let (of, team) = (board("phase"), team("alpha"));
    let grant = Grant { board: &of, team: &team, amount: 3, reason: "a power failure" };
    let day = 24 * 3600;
    store.grant(&grant, &entry_of("grant"), NOW).await.unwrap();
    store.grant(&grant, &entry_of("grant"), later(day)).await.unwrap();
    let used = store.usage(&of, &team, 0, later(day)).await.unwrap();
    assert_eq!((used.granted, used.granted_today), (6, 3));
    assert_eq!((used.total, used.today), (0, 0));
    for (board, team) in [(board("tools"), team.clone()), (of, super::world::team("b"))] {
        let other = store.usage(&board, &team, 0, later(day)).await.unwrap();
        assert_eq!(other.granted, 0);
    }
    assert_eq!(actions(store).await, ["grant", "grant"]);
}

/// A submission that waits for its evaluation.
async fn queued(store: &Store) -> SubmissionId {
    let id = pushed(store, "alpha").await.submission.id;
    admitted(store, id, &["phase"], NOW).await;
    for (stage, next) in [(Stage::Build, Stage::Smoke), (Stage::Smoke, Stage::Run)] {
        attempt(store, id, stage, Next::Advance(next), Vec::new(), NOW).await;
    }
    id
}

pub(crate) async fn a_withdrawal_costs_an_evaluation_once_hidden_data_was_mounted(db: Db) {
    let store = &db.store;
    let early = queued(store).await;
    let record = store.submission(early).await.unwrap();
    assert_eq!(withdrawn(store, &record, NOW).await, Withdrawn::Waiting);
    assert_eq!(store.spent(early).await.unwrap(), 0);
    // The hidden inputs are mounted.
    for (charge, spent) in [(Charge::UsedEvaluation, 1), (Charge::Nothing, 0)] {
        let running = queued(store).await;
        let lease = claimed(store, running, Stage::Run, NOW).await;
        let record = store.submission(running).await.unwrap();
        let met = withdrawn_for(store, &record, charge, later(1)).await;
        assert_eq!(met, Withdrawn::Working(lease.attempt.id));
        assert_eq!(store.spent(running).await.unwrap(), spent);
    }
    // After the evaluation, a team does not get it back. An organizer refunds it.
    for (charge, spent) in [(Charge::UsedEvaluation, 1), (Charge::Nothing, 0)] {
        let done = pushed(store, "alpha").await.submission.id;
        admitted(store, done, &["phase"], NOW).await;
        evaluated(store, done, NOW).await;
        let record = store.submission(done).await.unwrap();
        withdrawn_for(store, &record, charge, later(1)).await;
        assert_eq!(store.spent(done).await.unwrap(), spent);
    }
    assert_eq!(actions(store).await.len(), 5);
    assert_eq!(
        store.due_messages(&forge(), PriorityClass::Rest, NOW, 9).await.unwrap().len(),
        1,
        "the report is enqueued again"
    );
}

pub(crate) async fn a_rerun_goes_back_to_a_stage_and_keeps_old_attempts(db: Db) {
    let store = &db.store;
    let id = queued(store).await;
    let failed = ends(Outcome::RunFailed);
    attempt(store, id, Stage::Run, failed, vec![quota(1)], later(1)).await;
    let before = store.submission(id).await.unwrap();
    let rerun = RerunPlan::new(&before.submission, None).unwrap();
    let (audit, report) = (entry_of("rerun"), [message("commit 1", 1)]);
    let effects = CommandEffects { audit: &audit, messages: &report };
    store.rerun(&rerun, effects, later(2)).await.unwrap();
    let after = store.submission(id).await.unwrap();
    assert_eq!((after.submission.outcome(), after.submission.state.ended_at()), (None, None));
    assert_eq!((after.submission.stage(), after.ready_at), (Stage::Run, later(2)));
    // A second rerun comes too late.
    let again = store.rerun(&rerun, effects, later(3)).await;
    assert!(matches!(again, Err(StoreError::Stale)));
    assert_eq!(actions(store).await, ["rerun"]);
    let lease = claimed(store, id, Stage::Run, later(3)).await;
    assert_eq!(lease.attempt.number, 2, "the old attempt stays");
    let effects: Vec<Effect> = vec![quota(1)];
    store.finish(&lease, finish(Next::Advance(Stage::Scoring), effects), later(4)).await.unwrap();
    assert_eq!(store.spent(id).await.unwrap(), 1, "spent once");
}

fn request(id: &str, of: &str) -> RegistrationRequest {
    RegistrationRequest {
        id: 0,
        forge: forge(),
        forge_id: id.to_owned(),
        full_name: format!("phakir/team-{of}"),
        challenge: challenge(),
        team: team(of),
        state: RegistrationState::Pending,
        created_at: NOW,
    }
}

pub(crate) async fn an_unknown_repository_waits_until_it_is_approved(db: Db) {
    let store = &db.store;
    let seen = store.record_registration_request(&request("77", "beta"), NOW).await;
    let first = seen.unwrap().unwrap();
    // Seen again under a new name, the request is the same, for the same team.
    let renamed = store.record_registration_request(&request("77", "other"), later(1)).await;
    let renamed = renamed.unwrap().unwrap();
    assert_eq!((renamed.id, &renamed.team, renamed.state), (first.id, &first.team, RegistrationState::Pending));
    assert_eq!(renamed.full_name, "phakir/team-other");
    assert_eq!(store.registration_requests(&challenge()).await.unwrap(), std::slice::from_ref(&renamed));
    assert_eq!(store.repositories().await.unwrap(), [], "the repository is not read");
    let bound = store.approve_registration(&renamed, &token(), &entry_of("team approve"), later(2)).await.unwrap();
    assert_eq!((bound.forge_id.as_str(), &bound.team), ("77", &team("beta")));
    assert_eq!(store.repositories().await.unwrap(), std::slice::from_ref(&bound));
    let found = store.repository_of(&forge(), "77").await.unwrap();
    assert_eq!(found, Some(bound));
    assert_eq!(store.known_refs(found_id(&db).await).await.unwrap(), []);
    // Seen once more, it belongs to a team.
    let seen = store.record_registration_request(&request("77", "beta"), later(3)).await;
    assert_eq!(seen.unwrap(), None);
    let late = store.approve_registration(&renamed, &token(), &entry_of("team approve"), later(4)).await;
    assert!(matches!(late, Err(StoreError::Stale)));
    assert_eq!(actions(store).await, ["team approve"]);
}

async fn found_id(db: &Db) -> referee::model::RepositoryId {
    db.store.repositories().await.unwrap()[0].id
}

pub(crate) async fn a_second_repository_of_a_team_cannot_be_approved(db: Db) {
    let store = &db.store;
    let mine = bound(store, "alpha").await;
    let seen = store.record_registration_request(&request("78", "alpha"), NOW).await;
    let other = seen.unwrap().unwrap();
    let refused = store.approve_registration(&other, &token(), &entry_of("team approve"), NOW).await;
    assert!(matches!(refused, Err(StoreError::RepositoryConflict { .. })));
    let all = store.registration_requests(&challenge()).await.unwrap();
    assert_eq!(all[0].state, RegistrationState::Pending, "nothing was changed");
    store.refuse_registration(&other, &entry_of("team refuse"), NOW).await.unwrap();
    let all = store.registration_requests(&challenge()).await.unwrap();
    assert_eq!(all[0].state, RegistrationState::Refused);
    let twice = store.refuse_registration(&other, &entry_of("team refuse"), NOW).await;
    assert!(matches!(twice, Err(StoreError::Stale)));
    assert_eq!(store.repositories().await.unwrap(), [mine]);
    assert_eq!(actions(store).await, ["team refuse"]);
}

pub(crate) async fn a_submission_is_found_by_its_number(db: Db) {
    let store = &db.store;
    let record = pushed(store, "alpha").await;
    let found = store.submission_by_number(&challenge(), 1).await.unwrap();
    assert_eq!(found, Some(record));
    let none = store.submission_by_number(&challenge(), 2).await.unwrap();
    assert_eq!(none, None);
}
