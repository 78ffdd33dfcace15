//! Each verb on a real database, and what people see of it.

use std::path::Path;

use super::super::view::{self, BoardReader};
use super::*;
use crate::clock;
use crate::config::read_challenge;
use crate::model::{
    BoardVisibility, CaseId, CaseScore, CommitSha, Definition, Digest, Duration, MetricName,
    Outcome, Pick, RepositoryId, Score, Stage, SubmissionId,
};
use crate::report::BoardView;
use crate::store::{
    Claim, Effect, Finish, NewSource, Next, PriorityClass, RegistrationRequest, RegistrationState,
    SeenRef, TaskEntry,
};

const NOW: Timestamp = Timestamp(1_772_445_600_000);

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    challenge: Challenge,
    board: Board,
    commits: u64,
}

fn team(name: &str) -> TeamSlug {
    TeamSlug::new(name).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Duration::seconds(seconds))
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let challenge = read_challenge(&examples).unwrap();
        let store = Store::open_file(&folder.path().join("db")).await.unwrap();
        let board = challenge.boards().next().unwrap();
        let definition = Definition {
            scorer: Digest::of(b"scorer"),
            ground_truth: Digest::of(b"truth"),
            cases: vec![CaseId::new("tile_05").unwrap()],
            metrics: challenge.tasks[0].metrics.clone(),
        };
        let definition = serde_json::to_value(&definition).unwrap();
        store.put_revision(&board, &definition, NOW).await.unwrap();
        Self {
            _folder: folder,
            store,
            challenge,
            board,
            commits: 0,
        }
    }

    fn desk(&self, now: Timestamp) -> Desk<'_> {
        Desk {
            challenge: &self.challenge,
            store: &self.store,
            shows: Capabilities::LOCAL,
            actor: &Actor::CommandLine,
            now,
        }
    }

    fn here(&self) -> Reach {
        Reach::of(&self.board)
    }

    async fn submitted(&mut self, of: &str) -> SubmissionId {
        self.commits += 1;
        let new = Repository {
            id: RepositoryId(0),
            forge: self.challenge.forge.clone(),
            forge_id: of.to_owned(),
            full_name: format!("nuclei/team-{of}"),
            challenge: self.challenge.slug.clone(),
            team: team(of),
            hook_token: clock::page_token(),
        };
        let (bound, _) = self.store.bind_repository(&new, &[], NOW).await.unwrap();
        let seen = SeenRef {
            full_ref: "refs/heads/main".into(),
            commit: CommitSha::new(format!("{:040x}", self.commits)).unwrap(),
        };
        let source = NewSource {
            seen: seen.clone(),
            phase: self.board.phase.clone(),
            token: clock::page_token(),
            config_digest: self.challenge.config_digest.clone(),
        };
        let refs = std::slice::from_ref(&seen);
        let entered = self.store.observe(&bound, refs, &[source], NOW).await;
        entered.unwrap()[0].submission
    }

    async fn attempt(
        &self,
        id: SubmissionId,
        stage: Stage,
        (next, effects): (Next, Vec<Effect>),
        at: Timestamp,
    ) {
        let claim = Claim {
            submission: id,
            stage,
            case: None,
            owner: "me",
            seed: 1,
        };
        let lease = self.store.claim(&claim, at).await.unwrap().unwrap();
        let finish = Finish {
            effects,
            ..Finish::passed(next)
        };
        self.store.finish(&lease, finish, at).await.unwrap();
    }

    /// A score of `value` by the first two metrics, found at that moment; its number.
    async fn scored(&mut self, of: &str, value: f64, at: Timestamp) -> i64 {
        let id = self.submitted(of).await;
        let task = self.board.task.clone();
        let tasks = vec![TaskEntry {
            task,
            dockerfile: "Dockerfile".to_owned(),
            token: clock::page_token(),
        }];
        let mut effects = vec![Effect::Tasks(tasks)];
        for stage in [Stage::Admission, Stage::Build, Stage::Smoke, Stage::Run] {
            let next = Next::Advance(stage.next().unwrap());
            self.attempt(id, stage, (next, effects), at).await;
            effects = Vec::new();
        }
        let values = self.challenge.tasks[0].metrics.iter().map(|m| {
            let name: MetricName = m.name.clone();
            (name, Some(value))
        });
        let score = Score {
            cases: vec![CaseScore {
                case: CaseId::new("tile_05").unwrap(),
                values: values.collect(),
                reason: None,
            }],
            reported: Default::default(),
        };
        let end = Next::End {
            outcome: Outcome::Scored,
            incident: None,
        };
        let effects = vec![Effect::Score {
            scoring_revision: 1,
            score: Box::new(score),
        }];
        self.attempt(id, Stage::Scoring, (end, effects), at).await;
        self.store.submission(id).await.unwrap().submission.number
    }

    async fn shown(&self, now: Timestamp) -> Option<BoardView> {
        let rows = BoardReader {
            challenges: std::slice::from_ref(&self.challenge),
            store: &self.store,
            now,
        };
        view::board(rows, &self.board).await.unwrap()
    }

    /// Teams and the submissions that count, best first.
    async fn ranked(&self, now: Timestamp) -> Vec<(String, i64)> {
        let view = self.shown(now).await.unwrap();
        let line = |row: &crate::report::RowView| (row.team.to_string(), row.submission);
        view.rows.iter().map(line).collect()
    }

    async fn audit(&self) -> Vec<String> {
        let all = self.store.audit(0, 100).await.unwrap();
        all.into_iter().map(|e| e.action).collect()
    }
}

fn named(lines: &[(&str, i64)]) -> Vec<(String, i64)> {
    lines.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect()
}

#[tokio::test]
async fn a_frozen_board_shows_what_was() {
    let mut world = World::new().await;
    world.challenge.tasks[0].metrics.truncate(2);
    world.scored("a", 0.5, NOW).await;
    world.scored("b", 0.4, NOW).await;
    let frozen = boards::freeze(&world.desk(later(1)), &world.here()).await;
    assert_eq!(frozen.unwrap().boards, [world.board.clone()]);
    world.scored("b", 0.9, later(2)).await;
    world.scored("c", 0.8, later(2)).await;
    let view = world.shown(later(3)).await.unwrap();
    assert_eq!(view.frozen, Some(later(1)));
    assert_eq!(
        view.notices(),
        [format!("Frozen: these are the standings of {}.", later(1))]
    );
    assert_eq!(world.ranked(later(3)).await, named(&[("a", 1), ("b", 2)]));
    let again = boards::freeze(&world.desk(later(4)), &world.here()).await;
    assert!(matches!(again, Err(Refusal::Already(_))));
    boards::unfreeze(&world.desk(later(5)), &world.here())
        .await
        .unwrap();
    assert_eq!(world.ranked(later(6)).await.len(), 3);
    assert_eq!(
        world.ranked(later(6)).await[0].1,
        3,
        "the better one counts now"
    );
    assert_eq!(world.audit().await, ["freeze", "unfreeze"]);
}

#[tokio::test]
async fn a_hidden_board_is_published() {
    let mut world = World::new().await;
    world.challenge.phases[0].show.board = BoardVisibility::Hidden;
    world.scored("a", 0.5, NOW).await;
    assert_eq!(world.shown(NOW).await, None);
    boards::publish(&world.desk(NOW), &world.here())
        .await
        .unwrap();
    assert_eq!(world.ranked(NOW).await.len(), 1);
    let due = world
        .store
        .due((&world.challenge.forge, PriorityClass::Rest), NOW, 9)
        .await
        .unwrap();
    assert_eq!(due.len(), 1, "its team's report tells the score now");
    let all = boards::publish(&world.desk(NOW), &Reach::default()).await;
    let message = all.unwrap_err().to_string();
    assert!(message.contains("are public"), "{message}");
}

#[tokio::test]
async fn a_disqualified_team_is_named_and_not_ranked() {
    let mut world = World::new().await;
    world.scored("a", 0.5, NOW).await;
    world.scored("b", 0.4, NOW).await;
    let out = teams::disqualify(
        &world.desk(NOW),
        &team("a"),
        (&Reach::default(), "two names"),
    )
    .await;
    assert_eq!(out.unwrap().boards.len(), 2);
    let view = world.shown(NOW).await.unwrap();
    assert_eq!((view.rows.len(), view.rows[0].rank), (1, 1));
    assert_eq!(view.notices(), ["Disqualified and not ranked: a."]);
    let stranger = teams::disqualify(&world.desk(NOW), &team("z"), (&world.here(), "")).await;
    assert_eq!(
        stranger.unwrap_err().to_string(),
        "There is no team `z` here. Known: `a`, `b`."
    );
    teams::reinstate(&world.desk(NOW), &team("a"), &Reach::default())
        .await
        .unwrap();
    assert_eq!(world.ranked(NOW).await.len(), 2);
    assert_eq!(world.audit().await, ["disqualify", "reinstate"]);
}

#[tokio::test]
async fn a_team_chooses_where_the_phase_lets_it() {
    let mut world = World::new().await;
    world.challenge.tasks[0].metrics.truncate(2);
    let best = world.scored("a", 0.9, NOW).await;
    let other = world.scored("a", 0.5, NOW).await;
    let foreign = world.scored("b", 0.7, NOW).await;
    let no = teams::choose(&world.desk(NOW), &team("a"), other).await;
    assert!(matches!(no, Err(Refusal::NoChoice { pick: "best", .. })));
    world.challenge.phases[0].pick = Pick::Chosen;
    assert!(
        world.ranked(NOW).await.contains(&("a".to_owned(), best)),
        "before a choice"
    );
    let no = teams::choose(&world.desk(NOW), &team("a"), foreign).await;
    assert!(matches!(no, Err(Refusal::Unfit { .. })));
    let chosen = teams::choose(&world.desk(NOW), &team("a"), other)
        .await
        .unwrap();
    assert_eq!((chosen.before, chosen.number), (None, other));
    assert!(world.ranked(NOW).await.contains(&("a".to_owned(), other)));
}

#[tokio::test]
async fn phases_open_and_close_by_order() {
    let world = World::new().await;
    let phase = world.board.phase.clone();
    let open = phases::open(&world.desk(NOW), &phase).await;
    assert!(matches!(open, Err(Refusal::Already(_))));
    let closed = phases::close(&world.desk(NOW), &phase).await.unwrap();
    assert!(closed.before.is_open(NOW) && !closed.after.is_open(NOW));
    let view = world.shown(NOW).await.unwrap();
    assert_eq!(view.phase_state(), crate::report::PhaseState::Closed);
    let twice = phases::close(&world.desk(later(1)), &phase).await;
    assert!(matches!(twice, Err(Refusal::Already(_))));
    let opened = phases::open(&world.desk(later(2)), &phase).await.unwrap();
    assert_eq!(opened.after.closes, closed.before.closes);
    let earlier = phases::extend(&world.desk(later(3)), &phase, later(9)).await;
    assert!(matches!(earlier, Err(Refusal::NotLater { .. })));
    let until = opened.after.closes.plus(Duration::DAY);
    let extended = phases::extend(&world.desk(later(3)), &phase, until).await;
    assert_eq!(extended.unwrap().after.closes, until);
    // After the end of the file, an open phase needs an end.
    let over = until.plus(Duration::DAY);
    let late = phases::open(&world.desk(over), &phase).await.unwrap_err();
    assert!(
        late.to_string()
            .ends_with("`phase extend validation <moment>`."),
        "{late}"
    );
    let unknown = PhaseSlug::new("finals").unwrap();
    let message = phases::close(&world.desk(NOW), &unknown).await.unwrap_err();
    assert_eq!(
        message.to_string(),
        "There is no phase `finals` here. Known: `validation`, `test`."
    );
    assert_eq!(
        world.audit().await,
        ["phase close", "phase open", "phase extend"]
    );
}

#[tokio::test]
async fn grants_and_ends_say_what_is_left() {
    let mut world = World::new().await;
    world.challenge.phases[0].quota.total = 1;
    let number = world.scored("a", 0.5, NOW).await;
    let waiting = world.submitted("a").await;
    let (board, a) = (world.board.clone(), team("a"));
    let none = teams::grant(&world.desk(NOW), (&board, &a), (0, "")).await;
    assert!(matches!(none, Err(Refusal::Amount { .. })));
    let granted = teams::grant(&world.desk(NOW), (&board, &a), (2, "a power cut")).await;
    let granted = granted.unwrap();
    assert_eq!((granted.before.total, granted.after.total), (1, 3));
    let ended = submissions::cancel(&world.desk(NOW), number, "").await;
    assert!(matches!(
        ended,
        Err(Refusal::Ended {
            outcome: Outcome::Scored,
            ..
        })
    ));
    let waiting = world
        .store
        .submission(waiting)
        .await
        .unwrap()
        .submission
        .number;
    let foreign = submissions::withdraw(&world.desk(NOW), &team("b"), waiting).await;
    assert!(matches!(foreign, Err(Refusal::NoSubmission { .. })));
    let done = submissions::withdraw(&world.desk(NOW), &a, waiting)
        .await
        .unwrap();
    assert_eq!((done.running, done.spent), (false, false));
    let again = submissions::rerun(&world.desk(NOW), number, (None, "")).await;
    assert!(
        again
            .unwrap_err()
            .to_string()
            .contains("a score is never changed")
    );
    assert_eq!(world.audit().await, ["grant", "withdraw"]);
}

#[tokio::test]
async fn a_candidate_is_approved_or_refused_by_its_name() {
    let mut world = World::new().await;
    world.scored("a", 0.5, NOW).await;
    for (id, of) in [("77", "b"), ("78", "a")] {
        let seen = RegistrationRequest {
            id: 0,
            forge: world.challenge.forge.clone(),
            forge_id: id.to_owned(),
            full_name: format!("nuclei/team-{of}"),
            challenge: world.challenge.slug.clone(),
            team: team(of),
            state: RegistrationState::Pending,
            created_at: NOW,
        };
        world.store.seen_repository(&seen, NOW).await.unwrap();
    }
    let desk = world.desk(NOW);
    assert_eq!(repositories::pending(&desk).await.unwrap().len(), 2);
    let bound = repositories::approve(&desk, "nuclei/team-b").await.unwrap();
    assert_eq!(bound.forge_id, "77");
    let twice = repositories::approve(&desk, "nuclei/team-b").await;
    assert!(matches!(twice, Err(Refusal::Already(_))));
    let taken = repositories::approve(&desk, "nuclei/team-a")
        .await
        .unwrap_err();
    assert!(
        taken
            .to_string()
            .contains("its repository is nuclei/team-a"),
        "{taken}"
    );
    repositories::refuse(&desk, "nuclei/team-a", "not a team")
        .await
        .unwrap();
    assert_eq!(repositories::pending(&desk).await.unwrap(), []);
    let unknown = repositories::refuse(&desk, "nuclei/team-x", "")
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().ends_with("There is none at all."),
        "{unknown}"
    );
    assert_eq!(world.audit().await, ["team approve", "team refuse"]);
}
