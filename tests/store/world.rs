//! Fixtures of the contracts: repositories, pushes, attempts and scores.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use referee::model::{
    Board, CaseId, CaseScore, ChallengeSlug, CommitSha, Digest, Duration, ForgeEvent, ForgeName, ImageFacts, Lease,
    MetricName, Outcome, PageToken, PhaseSlug, RepositoryId, Score, Stage, SubmissionId, TaskSlug, TeamSlug, Timestamp,
};
use referee::store::{
    Charge, Claim, CommandEffects, Delivery, Effect, Finish, NewAuditEntry, NewOutboxMessage, NewSource, Next,
    Repository, SeenRef, Store, SubmissionRecord, TaskEntry, Withdrawn,
};
use serde_json::json;

/// 2026-03-02T10:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_772_445_600_000);
/// The owner of the leases in most contracts.
pub(crate) const ME: &str = "7-00ff";

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOW.plus(Duration::seconds(seconds))
}

/// A number that no other call returns, neither in this process nor in a child.
pub(crate) fn fresh() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let random = RandomState::new().build_hasher().finish();
        AtomicU64::new(random >> 8)
    });
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn token() -> PageToken {
    PageToken::from_bytes(u128::from(fresh()).to_be_bytes())
}

pub(crate) fn sha(n: u64) -> CommitSha {
    CommitSha::new(format!("{n:040x}")).unwrap()
}

pub(crate) fn forge() -> ForgeName {
    ForgeName::new("local").unwrap()
}

pub(crate) fn challenge() -> ChallengeSlug {
    ChallengeSlug::new("phakir").unwrap()
}

pub(crate) fn phase(name: &str) -> PhaseSlug {
    PhaseSlug::new(name).unwrap()
}

pub(crate) fn task(name: &str) -> TaskSlug {
    TaskSlug::new(name).unwrap()
}

pub(crate) fn team(name: &str) -> TeamSlug {
    TeamSlug::new(name).unwrap()
}

pub(crate) fn board(of: &str) -> Board {
    Board { challenge: challenge(), phase: phase("validation"), task: task(of) }
}

/// A repository that is not bound yet.
pub(crate) fn repository(of: &str) -> Repository {
    Repository {
        id: RepositoryId(0),
        forge: forge(),
        forge_id: format!("id of {of}"),
        full_name: format!("phakir/team-{of}"),
        challenge: challenge(),
        team: team(of),
        hook_token: token(),
    }
}

pub(crate) async fn bound(store: &Store, of: &str) -> Repository {
    store.bind_repository(&repository(of), &[], NOW).await.unwrap().0
}

pub(crate) fn seen(full_ref: &str, commit: u64) -> SeenRef {
    SeenRef { full_ref: full_ref.to_owned(), commit: sha(commit) }
}

pub(crate) fn main_at(commit: u64) -> SeenRef {
    seen("refs/heads/main", commit)
}

pub(crate) fn entry(seen: &SeenRef, to: &str) -> NewSource {
    NewSource { seen: seen.clone(), phase: phase(to), token: token(), config_digest: Digest::of(b"challenge.toml") }
}

/// The submission of a push at this time.
pub(crate) async fn push(store: &Store, of: &str, commit: u64, at: Timestamp) -> SubmissionRecord {
    let repository = bound(store, of).await;
    let head = main_at(commit);
    let entered =
        store.observe(&repository, std::slice::from_ref(&head), &[entry(&head, "validation")], at).await.unwrap();
    store.submission(entered[0].submission).await.unwrap()
}

/// The submission of a push of a new commit.
pub(crate) async fn pushed(store: &Store, of: &str) -> SubmissionRecord {
    push(store, of, fresh(), NOW).await
}

pub(crate) fn claim_of(id: SubmissionId, stage: Stage, owner: &str) -> Claim<'_> {
    Claim { submission: id, stage, case: None, owner, seed: 7 }
}

pub(crate) async fn claimed(store: &Store, id: SubmissionId, stage: Stage, at: Timestamp) -> Lease {
    let claim = claim_of(id, stage, ME);
    store.claim(&claim, at).await.unwrap().unwrap()
}

pub(crate) fn finish(next: Next, effects: Vec<Effect>) -> Finish {
    Finish { effects, ..Finish::passed(next) }
}

pub(crate) fn ends(outcome: Outcome) -> Next {
    Next::End { outcome, incident: None }
}

/// An attempt from its claim to its end.
pub(crate) async fn attempt(
    store: &Store,
    id: SubmissionId,
    stage: Stage,
    next: Next,
    effects: Vec<Effect>,
    at: Timestamp,
) {
    let lease = claimed(store, id, stage, at).await;
    store.finish(&lease, finish(next, effects), at).await.unwrap();
}

pub(crate) fn task_entry(of: &str, dockerfile: &str) -> TaskEntry {
    TaskEntry { task: task(of), dockerfile: dockerfile.to_owned(), token: token() }
}

/// Passes admission for these tasks.
pub(crate) async fn admitted(store: &Store, id: SubmissionId, tasks: &[&str], at: Timestamp) {
    let tasks = tasks.iter().map(|t| task_entry(t, &format!("{t}/Dockerfile"))).collect();
    let next = Next::Advance(Stage::Build);
    attempt(store, id, Stage::Admission, next, vec![Effect::Tasks(tasks)], at).await;
}

/// Passes build, smoke run and run. The run spends an evaluation.
pub(crate) async fn evaluated(store: &Store, id: SubmissionId, at: Timestamp) {
    for (stage, next) in [(Stage::Build, Stage::Smoke), (Stage::Smoke, Stage::Run)] {
        attempt(store, id, stage, Next::Advance(next), Vec::new(), at).await;
    }
    let next = Next::Advance(Stage::Scoring);
    attempt(store, id, Stage::Run, next, vec![quota(1)], at).await;
}

/// A submission with a score under the current scoring revision of its board.
pub(crate) async fn scored(store: &Store, of: &str, value: f64) -> SubmissionRecord {
    let record = pushed(store, of).await;
    let id = record.submission.id;
    admitted(store, id, &["phase"], NOW).await;
    evaluated(store, id, NOW).await;
    let revision = store.current_scoring_revision(&board("phase")).await.unwrap();
    let effects = vec![score_effect(revision.unwrap().id, value)];
    attempt(store, id, Stage::Scoring, ends(Outcome::Scored), effects, NOW).await;
    store.submission(id).await.unwrap()
}

pub(crate) fn quota(amount: i64) -> Effect {
    Effect::Quota { kind: "evaluation", amount, reason: "a test" }
}

pub(crate) fn entry_of(action: &'static str) -> NewAuditEntry {
    NewAuditEntry {
        challenge: ChallengeSlug::new("phakir").unwrap(),
        actor: "local:ada".to_owned(),
        action,
        subject: "it".to_owned(),
        detail: json!({ "before": 0, "after": 1 }),
    }
}

/// The actions in the audit log, oldest first.
pub(crate) async fn actions(store: &Store) -> Vec<String> {
    let all = store.audit_entries(0, 100).await.unwrap();
    all.into_iter().map(|e| e.action).collect()
}

/// The team withdraws a submission.
pub(crate) async fn withdrawn(store: &Store, record: &SubmissionRecord, at: Timestamp) -> Withdrawn {
    withdrawn_for(store, record, Charge::UsedEvaluation, at).await
}

pub(crate) async fn withdrawn_for(
    store: &Store,
    record: &SubmissionRecord,
    charge: Charge,
    at: Timestamp,
) -> Withdrawn {
    let effects = CommandEffects { audit: &entry_of("withdraw"), messages: &[message("commit 1", 1)] };
    store.withdraw(record, charge, effects, at).await.unwrap()
}

pub(crate) fn score(value: f64) -> Score {
    let f1 = MetricName::new("f1").unwrap();
    Score {
        cases: vec![CaseScore {
            case: CaseId::new("Video_01").unwrap(),
            values: BTreeMap::from([(f1.clone(), Some(value))]),
            reason: None,
        }],
        reported: BTreeMap::from([(f1, value)]),
    }
}

pub(crate) fn score_effect(revision: i64, value: f64) -> Effect {
    Effect::Score { scoring_revision: revision, score: Box::new(score(value)) }
}

pub(crate) fn image(name: &str) -> ImageFacts {
    ImageFacts {
        id: Digest::of(name.as_bytes()),
        os: "linux".into(),
        architecture: "amd64".into(),
        bytes: 1 << 33,
        layers: 4,
        user: "65534".into(),
        entrypoint: vec!["python".into()],
        command: Vec::new(),
        working_dir: "/app".into(),
        volumes: Vec::new(),
        env: vec!["LANG=C.UTF-8".into()],
        on_build: Vec::new(),
        labels: BTreeMap::new(),
    }
}

pub(crate) fn message(subject: &str, payload: i64) -> NewOutboxMessage {
    NewOutboxMessage {
        forge: forge(),
        subject: subject.to_owned(),
        channel: "note",
        payload: json!({ "n": payload }),
        priority: 1,
        not_before: NOW,
        pace: Duration(0),
    }
}

pub(crate) fn delivery(body: &str) -> Delivery {
    Delivery {
        forge: forge(),
        digest: Digest::of(body.as_bytes()),
        event: ForgeEvent::Other { name: body.to_owned() },
        received_at: NOW,
    }
}
