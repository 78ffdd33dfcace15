//! Pushes that pass through the stages with the writes of the pipeline, and assertions about the forge at the end.

use referee::clock;
use referee::model::{
    AttemptState, Blame, CommitSha, Duration, Finding, Outcome, PhaseSlug, Stage, SubmissionId, TaskSlug,
};
use referee::pipeline::outbox::{self, Occasion};
use referee::pipeline::view;
use referee::report::style::Style;
use referee::report::{SubmissionView, markdown, status, text};
use referee::store::{Claim, Effect, Finish, NewSource, Next, SeenRef, TaskEntry};

use crate::model::git::{Author, Files};
use crate::model::state::{Comment, Issue};
use crate::world::World;

fn passed(next: Stage) -> Finish {
    Finish::passed(Next::Advance(next))
}

fn failed(outcome: Outcome, message: &str) -> Finish {
    Finish {
        state: AttemptState::Failed,
        blame: Some(Blame::Participant),
        findings: vec![Finding::error("RUN001", message, "Fix it.")],
        next: Next::End { outcome, incident: None },
        ..passed(Stage::Admission)
    }
}

impl World {
    /// Commits to the main branch of a team's repository, and enters the commit.
    pub(crate) async fn submit(&self, team: usize) -> SubmissionId {
        let repository = &self.teams[team];
        let salt = hex::encode(clock::random_bytes::<8>());
        let sha = {
            let state = self.forge.state();
            let id: i64 = repository.forge_id.parse().unwrap();
            let files = Files::from([("salt".to_owned(), Some(salt.into_bytes()))]);
            let by = Author { name: "Alice".to_owned(), email: "alice@example.org".to_owned(), at: state.now() };
            state.add_commit(id, &files, &by, "Work\n").to_string()
        };
        let seen = SeenRef { full_ref: "refs/heads/main".to_owned(), commit: CommitSha::new(sha).unwrap() };
        let new = NewSource {
            seen: seen.clone(),
            phase: PhaseSlug::new("validation").unwrap(),
            token: clock::page_token(),
            config_digest: self.app.context.challenges[0].config_digest.clone(),
        };
        let (store, now) = (&self.app.context.store, self.app.context.clock.now());
        let entered = store.observe(repository, &[seen], &[new], now).await;
        entered.unwrap()[0].submission
    }

    /// Ends an attempt and enqueues the outbox messages, as the pipeline does.
    async fn step(&self, id: SubmissionId, mut finish: Finish) {
        let (store, now) = (&self.app.context.store, self.app.context.clock.now());
        let record = store.submission(id).await.unwrap();
        let claim = Claim { submission: id, stage: record.submission.stage(), case: None, owner: "tests", seed: 1 };
        let lease = store.claim(&claim, now).await.unwrap().unwrap();
        let ended = matches!(finish.next, Next::End { .. });
        let occasion = if ended { Occasion::End } else { Occasion::Progress };
        let (context, forges) = (&self.app.context, &self.app.forges);
        let messages = outbox::submission_updates(context, forges, &record, occasion);
        let messages = messages.into_iter().map(Effect::Outbox);
        finish.effects.extend(messages);
        self.advance(Duration(1));
        let later = self.app.context.clock.now();
        store.finish(&lease, finish, later).await.unwrap();
    }

    /// Ends the admission with success.
    pub(crate) async fn admitted(&self, id: SubmissionId) {
        let task = TaskSlug::new("segmentation").unwrap();
        let tasks = vec![TaskEntry { task, dockerfile: "Dockerfile".to_owned(), token: clock::page_token() }];
        let finish = Finish { effects: vec![Effect::Tasks(tasks)], ..passed(Stage::Build) };
        self.step(id, finish).await;
    }

    /// Ends the admission with an error.
    pub(crate) async fn rejected(&self, id: SubmissionId) {
        self.step(id, failed(Outcome::Rejected, "There is no Dockerfile.")).await;
    }

    /// Ends the build with success.
    pub(crate) async fn built(&self, id: SubmissionId) {
        self.step(id, passed(Stage::Smoke)).await;
    }

    /// Ends the smoke run with success.
    pub(crate) async fn smoked(&self, id: SubmissionId) {
        self.step(id, passed(Stage::Run)).await;
    }

    /// Ends the current stage with an error.
    pub(crate) async fn crashed(&self, id: SubmissionId) {
        self.step(id, failed(Outcome::RunFailed, "It ended with exit code 3.")).await;
    }

    /// A submission as its team sees it now.
    pub(crate) async fn view(&self, id: SubmissionId) -> SubmissionView {
        let record = self.app.context.store.submission(id).await.unwrap();
        view::submission(&self.app.context, &record).await.unwrap()
    }

    /// The comments on the forge that hold the report of a submission.
    pub(crate) async fn reports(&self, id: SubmissionId) -> Vec<Comment> {
        let view = self.view(id).await;
        let marker = markdown::marker(&view.challenge.slug, view.number);
        let state = self.forge.state();
        let all = state.comments.iter();
        all.filter(|c| c.body.starts_with(&marker)).cloned().collect()
    }

    pub(crate) fn issues(&self, team: usize) -> Vec<Issue> {
        let id: i64 = self.teams[team].forge_id.parse().unwrap();
        let state = self.forge.state();
        let all = state.issues.iter();
        all.filter(|i| i.repository == id).cloned().collect()
    }

    /// Asserts that the forge shows one report of a submission, with its current text.
    pub(crate) async fn assert_report(&self, id: SubmissionId) {
        let view = self.view(id).await;
        let found: Vec<String> = self.reports(id).await.into_iter().map(|c| c.body).collect();
        assert_eq!(found, [markdown::submission(&view)], "{}", view.number);
    }

    /// Asserts that the commit statuses of a submission are up to date.
    pub(crate) async fn assert_statuses(&self, id: SubmissionId) {
        let view = self.view(id).await;
        let state = self.forge.state();
        let sha = view.origin.sha().unwrap().as_str();
        for status in status::submission_statuses(&view) {
            let all = state.statuses.iter();
            let mine = all.filter(|s| s.sha == sha && s.context == status.context);
            let last = mine.max_by_key(|s| s.id).map(|s| (&*s.state, &*s.description));
            let expected = (status.state.as_str(), &*status.message);
            assert_eq!(last, Some(expected), "{status:?}");
        }
    }

    /// Asserts that the git note on a submission's commit is its report.
    pub(crate) async fn assert_note(&self, id: SubmissionId) {
        let record = self.app.context.store.submission(id).await.unwrap();
        let view = self.view(id).await;
        let mut teams = self.teams.iter();
        let team = teams.find(|t| t.id == record.repository).unwrap();
        let git = self.forge.state().git(team.forge_id.parse().unwrap());
        let commit = git2::Oid::from_str(view.origin.sha().unwrap().as_str()).unwrap();
        let note = git.find_note(None, commit).unwrap();
        let expected = text::submission(&view, Style::Plain);
        assert_eq!(note.message().unwrap().trim(), expected.trim());
    }

    /// Asserts that the report, the commit statuses and the note of a submission are up to date.
    pub(crate) async fn assert_published(&self, id: SubmissionId) {
        self.assert_report(id).await;
        self.assert_statuses(id).await;
        self.assert_note(id).await;
    }
}
