//! Submissions in every state, written to the store as the pipeline writes them.
//!
//! Every text that a team can choose is hostile.

use referee::clock;
use referee::model::{
    AttemptDetail, AttemptState, Blame, Board, CaseId, CaseScore, CommitSha, Digest, Duration, Finding, GpuUuid, Lease,
    Location, LogExcerpt, MetricName, Outcome, PageToken, PhaseSlug, Score, Stage, SubmissionId, TaskSlug, Timestamp,
    limits,
};
use referee::store::{Claim, Effect, Finish, NewSource, Next, Repository, ScoringRevision, SeenRef, TaskEntry};
use serde_json::json;

use crate::live::Events;
use crate::server::{NOW, Server};

/// Markup, an escape sequence of terminals, and a change of the text direction.
pub(crate) const EVIL: &str = "<script>alert(1)</script>\u{1b}[31m\u{202e}&\"'";

/// A name in the hidden data. No answer may contain it while the phase is hidden.
pub(crate) const SECRET: &str = "hidden_case_0042";

/// The value of a metric on one hidden case. Answers may contain only means with three decimals.
pub(crate) const SECRET_VALUE: f64 = 0.918_273_6;

/// A submission with its identifiers in the pipeline and on pages.
pub(crate) struct Story<'a> {
    server: &'a Server,
    phase: String,
    pub id: SubmissionId,
    pub token: PageToken,
}

fn log(text: &str) -> LogExcerpt {
    LogExcerpt { head: format!("{text}\n"), tail: String::new(), total_bytes: text.len() as u64 }
}

fn passed(next: Stage) -> Finish {
    Finish::passed(Next::Advance(next))
}

fn failed(outcome: Outcome, findings: Vec<Finding>) -> Finish {
    Finish {
        state: AttemptState::Failed,
        blame: Some(Blame::Participant),
        findings,
        next: Next::End { outcome, incident: None },
        ..passed(Stage::Admission)
    }
}

/// Facts about a run on hidden data that no page may show.
fn secret_run() -> AttemptDetail {
    AttemptDetail::Run { run_ms: Duration(61_234), gpus: vec![GpuUuid(SECRET.to_owned())], output_bytes: 77 }
}

/// A score that would reveal the name and the value of the first hidden case.
pub(crate) fn score(value: f64) -> Score {
    let cases = [SECRET, "hidden_case_0043"].map(|name| CaseScore {
        case: CaseId::new(name).unwrap(),
        values: ["ap50", "dice", "hd95"].map(|m| (MetricName::new(m).unwrap(), Some(value))).into(),
        reason: Some(format!("{EVIL} {SECRET}")),
    });
    Score { cases: cases.into(), reported: Default::default() }
}

impl<'a> Story<'a> {
    /// A push to a branch. The phase `validation` has the branch `main`, and every other phase the branch of its name.
    pub(crate) async fn pushed(server: &'a Server, repository: &Repository, branch: &str) -> Self {
        let phase = if branch == "main" { "validation" } else { branch };
        let store = &server.app.context.store;
        let sha = hex::encode(clock::random_bytes::<20>());
        let seen = SeenRef { full_ref: format!("refs/heads/{branch}"), commit: CommitSha::new(sha).unwrap() };
        let new = NewSource {
            seen: seen.clone(),
            phase: PhaseSlug::new(phase).unwrap(),
            token: clock::page_token(),
            config_digest: server.app.context.challenges[0].config_digest.clone(),
        };
        let token = new.token.clone();
        let entered = store.observe(repository, &[seen], &[new], NOW).await;
        Self { server, phase: phase.to_owned(), id: entered.unwrap()[0].submission, token }
    }

    pub(crate) fn page(&self) -> String {
        format!("/submissions/{}", self.token.as_str())
    }

    pub(crate) fn json(&self) -> String {
        format!("/api/v1/submissions/{}", self.token.as_str())
    }

    /// Advances the server's clock by the duration of a stage. The duration of work on hidden data is a secret, too.
    fn later(&self, stage: Stage) -> Timestamp {
        let took = if stage < Stage::Run { 1_500 } else { 61_234 };
        let clock = &self.server.app.context.clock;
        clock.set(clock.now().plus(Duration(took)));
        clock.now()
    }

    async fn step(&self, stage: Stage, finish: Finish) {
        let store = &self.server.app.context.store;
        let claim = Claim { submission: self.id, stage, case: None, owner: "tests", seed: 1 };
        let now = self.server.app.context.clock.now();
        let lease = store.claim(&claim, now).await.unwrap().expect("a lease");
        store.finish(&lease, finish, self.later(stage)).await.unwrap();
    }

    /// Admission has passed with a warning, and the build has passed.
    pub(crate) async fn built(&self) -> &Self {
        let task = TaskSlug::new("segmentation").unwrap();
        let tasks = vec![TaskEntry { task, dockerfile: "Dockerfile".to_owned(), token: self.token.clone() }];
        let warning = Finding::warning("DF041", EVIL, EVIL).at(Location::line(EVIL, 3).with_text(EVIL));
        let rules = Finish { findings: vec![warning], effects: vec![Effect::Tasks(tasks)], ..passed(Stage::Build) };
        self.step(Stage::Admission, rules).await;
        let build = Finish {
            log: Some(log(EVIL)),
            detail: AttemptDetail::Build { reused: false, image_bytes: 300 << 20 },
            ..passed(Stage::Smoke)
        };
        self.step(Stage::Build, build).await;
        self
    }

    /// The smoke run has passed. The submission waits for its evaluation.
    pub(crate) async fn smoked(&self) -> &Self {
        self.built().await;
        let mut sample = score(0.25);
        for (case, name) in sample.cases.iter_mut().zip(["sample_1", "sample_2"]) {
            case.case = CaseId::new(name).unwrap();
            case.reason = Some(EVIL.to_owned());
        }
        let smoke = Finish {
            log: Some(log(EVIL)),
            detail: AttemptDetail::Smoke { run_ms: Duration(1234), score: Some(sample), notes: Vec::new() },
            ..passed(Stage::Run)
        };
        self.step(Stage::Smoke, smoke).await;
        self
    }

    /// Admission has rejected the submission.
    pub(crate) async fn rejected(&self) -> &Self {
        let findings = (1..=5)
            .map(|n| Finding::error("DF020", EVIL, EVIL).at(Location::line("Dockerfile", n).with_text(EVIL)))
            .collect();
        self.step(Stage::Admission, failed(Outcome::Rejected, findings)).await;
        self
    }

    /// The container has failed on the sample.
    pub(crate) async fn smoke_failed(&self) -> &Self {
        self.built().await;
        let findings = vec![Finding::error("RUN001", "It ended with exit code 3.", EVIL)];
        let finish = Finish { log: Some(log(EVIL)), ..failed(Outcome::RunFailed, findings) };
        self.step(Stage::Smoke, finish).await;
        self
    }

    /// The container has failed on the phase's data, and has printed the data.
    pub(crate) async fn run_failed(&self) -> &Self {
        self.smoked().await;
        let message = format!("It ended with exit code 77 at {SECRET}.");
        // More findings than a report shows. Their number is a secret, too.
        let finding = Finding::error("RUN001", message, SECRET).at(Location::file(SECRET));
        let findings = vec![finding; limits::FINDINGS_LISTED_MAX + 20];
        let finish = Finish { log: Some(log(SECRET)), detail: secret_run(), ..failed(Outcome::RunFailed, findings) };
        self.step(Stage::Run, finish).await;
        self
    }

    /// The container has run on the phase's data. The submission waits for scoring.
    pub(crate) async fn ran(&self) -> &Self {
        self.smoked().await;
        let run = Finish { log: Some(log(SECRET)), detail: secret_run(), ..passed(Stage::Scoring) };
        self.step(Stage::Run, run).await;
        self
    }

    /// The submission has a score.
    pub(crate) async fn scored(&self, value: f64) -> &Self {
        self.ran().await;
        self.score(value).await;
        self
    }

    /// Stores the score of a submission that waits for scoring.
    pub(crate) async fn score(&self, value: f64) {
        let revision = self.revision().await;
        let score = Effect::Score { scoring_revision: revision.id, score: Box::new(score(value)) };
        let finish = Finish {
            detail: AttemptDetail::Scoring { scoring_revision: revision.id, notes: vec![SECRET.to_owned()] },
            next: Next::End { outcome: Outcome::Scored, incident: None },
            effects: vec![score],
            ..passed(Stage::Scoring)
        };
        self.step(Stage::Scoring, finish).await;
    }

    async fn revision(&self) -> ScoringRevision {
        let challenge = &self.server.app.context.challenges[0];
        let board = Board {
            challenge: challenge.slug.clone(),
            phase: PhaseSlug::new(self.phase.as_str()).unwrap(),
            task: TaskSlug::new("segmentation").unwrap(),
        };
        let definition = json!({
            "scorer": Digest::of(b"scorer"),
            "ground_truth": Digest::of(SECRET.as_bytes()),
            "cases": [SECRET, "hidden_case_0043"],
            "metrics": challenge.tasks[0].metrics,
            "note": SECRET,
        });
        let put = self.server.app.context.store.put_scoring_revision(&board, &definition, NOW);
        put.await.unwrap()
    }
}

/// The attempt was lost because of a platform error, and the stage is retried.
pub(crate) fn retry(now: Timestamp) -> Finish {
    Finish {
        state: AttemptState::Lost,
        blame: Some(Blame::Infrastructure),
        next: Next::Retry(now),
        ..passed(Stage::Admission)
    }
}

impl<'a> Story<'a> {
    /// Opens the event stream of the page.
    pub(crate) async fn events(&self) -> Events {
        Events::open(self.server, &format!("{}/events", self.page())).await
    }

    /// The run on one case starts.
    pub(crate) async fn claim_case(&self, case: &CaseId) -> Lease {
        let claim = Claim { submission: self.id, stage: Stage::Run, case: Some(case.clone()), owner: "tests", seed: 1 };
        let now = self.server.app.context.clock.now();
        let claimed = self.server.app.context.store.claim(&claim, now).await;
        claimed.unwrap().expect("a lease")
    }

    /// The run on one case has ended, and runs on other cases follow.
    pub(crate) async fn finish_case(&self, lease: &Lease) {
        let finish = Finish { log: Some(log(SECRET)), next: Next::Repeat, ..passed(Stage::Run) };
        let store = &self.server.app.context.store;
        store.finish(lease, finish, self.later(Stage::Run)).await.unwrap();
    }
}
