//! A challenge with its database, and the commands that a test gives in it as one transcript.

use std::path::Path;

use super::{Command, read};
use crate::clock;
use crate::command::{CommandRole, explain_commands};
use crate::config::read_challenge;
use crate::forge::Capabilities;
use crate::model::{
    Actor, Board, CaseId, CaseScore, Challenge, CommitSha, Definition, Digest, Duration, MetricName, Outcome,
    RepositoryId, Score, Stage, SubmissionId, TeamSlug, Timestamp,
};
use crate::pipeline::commands::permission::permit;
use crate::pipeline::commands::{CommandContext, CommandReply, CommandResult};
use crate::pipeline::view::{self, BoardReader};
use crate::report::{BoardView, RowView};
use crate::store::{
    Claim, Effect, Finish, NewSource, Next, RegistrationRequest, RegistrationState, Repository, RescoreItemEnd,
    SeenRef, Store, SubmissionRecord, TaskEntry,
};
use insta::assert_snapshot;

pub(crate) const NOW: Timestamp = Timestamp(1_772_445_600_000);

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOW.plus(Duration::seconds(seconds))
}

/// Teams with the numbers of their submissions.
pub(crate) fn numbered(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = |(team, number): &(&str, i64)| ((*team).to_owned(), *number);
    rows.iter().map(owned).collect()
}

/// The challenge `nuclei` with a database. Its leaderboard `validation/segmentation` takes scores.
pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub store: Store,
    pub challenge: Challenge,
    pub board: Board,
    /// The time at which the next command is given.
    pub now: Timestamp,
    commits: u64,
    transcript: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let challenge = read_challenge(&examples).unwrap();
        let store = Store::open_file(&folder.path().join("db")).await.unwrap();
        let board = challenge.boards().next().unwrap();
        let world = Self { _folder: folder, store, challenge, board, now: NOW, commits: 0, transcript: String::new() };
        let definition = world.definition("scorer");
        let store = &world.store;
        store.put_scoring_revision(&world.board, &definition, NOW).await.unwrap();
        world
    }

    fn definition(&self, scorer: &str) -> serde_json::Value {
        let definition = Definition {
            scorer: Digest::of(scorer.as_bytes()),
            ground_truth: Digest::of(b"ground truth"),
            cases: vec![CaseId::new("tile_05").unwrap()],
            metrics: self.challenge.tasks[0].metrics.clone(),
        };
        serde_json::to_value(&definition).unwrap()
    }

    /// An organizer gives a command; the reply also goes to the transcript.
    pub(crate) async fn organizer(&mut self, line: &str) -> String {
        let reply = self.run(line, CommandRole::Organizer, None).await;
        self.note(line, "organizer", reply)
    }

    /// A member of a team gives a command in the team's repository.
    pub(crate) async fn member(&mut self, team: &str, line: &str) -> String {
        let slug = TeamSlug::new(team).unwrap();
        let reply = self.run(line, CommandRole::Participant, Some(&slug)).await;
        self.note(line, &format!("team {team}"), reply)
    }

    async fn run(&self, line: &str, role: CommandRole, team: Option<&TeamSlug>) -> CommandResult<CommandReply> {
        let command = read(line).pop().expect("a command").command?;
        permit(&command, role)?;
        let context = CommandContext { role, team, ..self.context() };
        command.run(&context).await
    }

    fn note(&mut self, line: &str, who: &str, reply: CommandResult<CommandReply>) -> String {
        let reply = match reply {
            Ok(CommandReply::Now(reply)) => reply,
            Ok(CommandReply::Later) => "(The reply follows later.)".to_owned(),
            Err(refusal) => refusal.to_string(),
        };
        self.transcript += &format!("\n----- {line} ({who})\n\n{reply}\n");
        reply
    }

    /// Compares the help of a command and the transcript with `snapshots/NAME.snap`.
    pub(crate) fn assert_transcript(&self, command: &str) {
        let help = explain_commands::<Command>(command);
        let name = command.replace(' ', "_");
        assert_replies(&name, &format!("{help}{}", self.transcript));
    }

    pub(crate) fn context(&self) -> CommandContext<'_> {
        let (store, actor) = (&self.store, &Actor::CommandLine);
        CommandContext::beside_daemon(&self.challenge, store, Capabilities::NOTES_ONLY, actor, self.now)
    }

    /// A submission that waits for admission.
    pub(crate) async fn submitted(&mut self, team: &str) -> SubmissionRecord {
        self.commits += 1;
        let new = Repository {
            id: RepositoryId(0),
            forge: self.challenge.forge.clone(),
            forge_id: team.to_owned(),
            full_name: format!("nuclei/team-{team}"),
            challenge: self.challenge.slug.clone(),
            team: TeamSlug::new(team).unwrap(),
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
        let id = entered.unwrap()[0].submission;
        self.store.submission(id).await.unwrap()
    }

    async fn attempt(&self, id: SubmissionId, stage: Stage, next: Next, effects: Vec<Effect>, at: Timestamp) {
        let claim = Claim { submission: id, stage, case: None, owner: "me", seed: 1 };
        let lease = self.store.claim(&claim, at).await.unwrap().unwrap();
        let finish = Finish { effects, ..Finish::passed(next) };
        self.store.finish(&lease, finish, at).await.unwrap();
    }

    /// A submission that reached this stage; its number.
    pub(crate) async fn reached(&mut self, team: &str, stage: Stage, at: Timestamp) -> SubmissionRecord {
        let id = self.submitted(team).await.submission.id;
        let task = self.board.task.clone();
        let tasks = vec![TaskEntry { task, dockerfile: "Dockerfile".to_owned(), token: clock::page_token() }];
        let mut effects = vec![Effect::Tasks(tasks)];
        for before in Stage::ALL.iter().take_while(|before| **before < stage) {
            let next = Next::Advance(before.next().unwrap());
            self.attempt(id, *before, next, effects, at).await;
            effects = Vec::new();
        }
        self.store.submission(id).await.unwrap()
    }

    /// A submission that ended at the run with this outcome; its number.
    pub(crate) async fn ended(&mut self, team: &str, outcome: Outcome) -> i64 {
        let submission = self.reached(team, Stage::Run, NOW).await.submission;
        let end = Next::End { outcome, incident: None };
        self.attempt(submission.id, Stage::Run, end, Vec::new(), NOW).await;
        submission.number
    }

    fn score(&self, value: f64) -> Box<Score> {
        let metrics = self.challenge.tasks[0].metrics.iter();
        let values = metrics.map(|metric| {
            let name: MetricName = metric.name.clone();
            (name, Some(value))
        });
        Box::new(Score {
            cases: vec![CaseScore { case: CaseId::new("tile_05").unwrap(), values: values.collect(), reason: None }],
            reported: Default::default(),
        })
    }

    /// A submission with this value in every metric, scored at this time; its number.
    pub(crate) async fn scored(&mut self, team: &str, value: f64, at: Timestamp) -> i64 {
        let submission = self.reached(team, Stage::Scoring, at).await.submission;
        let end = Next::End { outcome: Outcome::Scored, incident: None };
        let effects = vec![Effect::Score { scoring_revision: 1, score: self.score(value) }];
        self.attempt(submission.id, Stage::Scoring, end, effects, at).await;
        submission.number
    }

    /// The scorer of an open rescore is built, and the first submissions get these new values.
    pub(crate) async fn rescored(&mut self, values: &[f64]) {
        let claimed = self.store.claim_rescore("me", self.now).await.unwrap();
        if let Some((_, lease)) = claimed {
            let definition = self.definition("corrected scorer");
            self.store.finish_rescore_preparation(&lease, &definition).await.unwrap();
        }
        self.store.advance_rescores(self.now).await.unwrap();
        for value in values {
            let claimed = self.store.claim_rescore_item("me", self.now).await.unwrap();
            let (_, _, lease) = claimed.expect("a submission to be scored again");
            let end = RescoreItemEnd::Scored(self.score(*value));
            self.store.finish_rescore_item(&lease, &end, self.now).await.unwrap();
        }
        self.store.advance_rescores(self.now).await.unwrap();
    }

    /// A repository that waits for the approval of an organizer.
    pub(crate) async fn registration_request(&self, forge_id: &str, team: &str) {
        let request = RegistrationRequest {
            id: 0,
            forge: self.challenge.forge.clone(),
            forge_id: forge_id.to_owned(),
            full_name: format!("nuclei/team-{team}"),
            challenge: self.challenge.slug.clone(),
            team: TeamSlug::new(team).unwrap(),
            state: RegistrationState::Pending,
            created_at: NOW,
        };
        self.store.record_registration_request(&request, NOW).await.unwrap();
    }

    /// The leaderboard as the public sees it.
    pub(crate) async fn board_view(&self) -> Option<BoardView> {
        let reader =
            BoardReader { challenges: std::slice::from_ref(&self.challenge), store: &self.store, now: self.now };
        view::board(reader, &self.board).await.unwrap()
    }

    /// Teams on the leaderboard with the submissions that count, best first.
    pub(crate) async fn ranked(&self) -> Vec<(String, i64)> {
        let view = self.board_view().await.unwrap();
        let line = |row: &RowView| (row.team.to_string(), row.submission);
        view.rows.iter().map(line).collect()
    }

    /// The actions in the audit log, oldest first.
    pub(crate) async fn audit(&self) -> Vec<String> {
        let all = self.store.audit_entries(0, 100).await.unwrap();
        all.into_iter().map(|entry| entry.action).collect()
    }
}

/// Compares texts that people read with `src/pipeline/commands/snapshots/NAME.snap`.
pub(crate) fn assert_replies(name: &str, texts: &str) {
    insta::with_settings!({
        snapshot_path => "../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        assert_snapshot!(name, texts);
    });
}
