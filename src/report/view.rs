//! One submission as its team may see it: plain values, serialized as they stand by the JSON API.
//!
//! Whoever makes a view reads rows; nothing here does. A view is not fit to be shown before
//! [`super::redact()`] has seen it.

use serde::Serialize;

use crate::model::{
    Board, CaseId, ChallengeSlug, Direction, Finding, ImageId, LogExcerpt, MetricName, MetricSpec,
    Origin, Outcome, PhaseSlug, PublicState, Severity, Stage, TaskSlug, TeamSlug, Timestamp,
};

/// The name in addresses and the name on pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Titled<S> {
    /// In addresses.
    pub slug: S,
    /// On pages.
    pub title: String,
}

impl<S> Titled<S> {
    /// Both names together.
    pub fn new(slug: S, title: impl Into<String>) -> Self {
        Self {
            slug,
            title: title.into(),
        }
    }
}

/// Everything that one report says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubmissionView {
    /// Number within the challenge: `#12`.
    pub number: i64,
    /// To this challenge.
    pub challenge: Titled<ChallengeSlug>,
    /// To this phase.
    pub phase: Titled<PhaseSlug>,
    /// For this task; none while the rules have not read `submission.toml`.
    pub task: Option<Titled<TaskSlug>>,
    /// The board that ranks it, where everybody may see that.
    pub board: Option<Board>,
    /// By this team.
    pub team: TeamSlug,
    /// What it was made from.
    #[serde(flatten)]
    pub origin: Origin,
    /// When the push was first observed.
    pub observed_at: Timestamp,
    /// Where it stands.
    pub state: PublicState,
    /// One for each stage, in the order of the pipeline.
    pub stages: Vec<StageView>,
    /// What is wrong, in the order of the gates.
    pub findings: Vec<FindingView>,
    /// Findings beyond [`crate::model::limits::FINDINGS_SHOWN_MAX`], only counted.
    pub findings_left_out: usize,
    /// Logs that the team may read.
    pub logs: Vec<LogView>,
    /// The commands that show the same failure on the team's own machine, on the public sample: the
    /// `referee check` and the exact `docker run`. Never names hidden data.
    pub reproduce: Option<String>,
    /// What was, or will be, evaluated.
    pub image: Option<ImageId>,
    /// Score on the public sample.
    pub sample_score: Option<ScoreView>,
    /// Score on the phase's data.
    pub score: Option<ScoreView>,
    /// What organizers have ordered that concerns it, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// While it waits for its evaluation.
    pub queue: Option<QueueView>,
    /// What the team may still do.
    pub quota: Option<QuotaView>,
    /// Number under which organizers find what went wrong on our side.
    pub incident: Option<String>,
    /// Address of its page, complete.
    pub url: String,
    /// Whether this phase answers with the small closed set of outcomes only.
    pub hidden: bool,
}

/// A stage of the pipeline as a row of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageView {
    /// Which.
    pub name: Stage,
    /// How it stands.
    pub state: StageState,
    /// When work began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long it took.
    pub duration: Option<crate::model::Duration>,
    /// One sentence, or nothing.
    pub message: String,
}

impl StageView {
    /// A gate that nobody has come to.
    pub fn waiting(name: Stage) -> Self {
        Self {
            name,
            state: StageState::Waiting,
            started: None,
            ended: None,
            duration: None,
            message: String::new(),
        }
    }
}

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    /// Its turn has not come.
    Waiting,
    /// Work is under way.
    Working,
    /// Nothing to object.
    Passed,
    /// Passed, with findings that deserve a look.
    Warned,
    /// The submission ended here.
    Failed,
    /// The submission ended before.
    Skipped,
}

impl StageState {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Passed => "passed",
            Self::Warned => "passed with warnings",
            Self::Failed => "failed",
            Self::Skipped => "not reached",
        }
    }

    /// In one character.
    pub fn mark(self) -> char {
        match self {
            Self::Waiting => '·',
            Self::Working => '…',
            Self::Passed => '✓',
            Self::Warned => '!',
            Self::Failed => '✗',
            Self::Skipped => '–',
        }
    }

    /// Whether work on it is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Passed | Self::Warned | Self::Failed)
    }
}

/// A finding, and the gate that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// Which gate.
    pub stage: Stage,
    /// Where a browser shows the place, if the forge has pages.
    pub link: Option<String>,
    /// The finding itself; its fields stand beside `stage` in JSON.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A log that the team may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// Which gate.
    pub stage: Stage,
    /// What it is the log of.
    pub title: String,
    /// The kept part.
    pub excerpt: LogExcerpt,
}

/// Scores of one submission.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreView {
    /// In the declared order; the first is the headline.
    pub metrics: Vec<MetricView>,
    /// Case by case, where the phase shows it.
    pub cases: Option<Vec<CaseView>>,
    /// Values (case times metric) that were missing and filled by rule.
    pub imputed: u32,
    /// The team's place on the board; none where there is none, or nobody may know it.
    pub rank: Option<u32>,
    /// Teams on the board.
    pub of: usize,
    /// The team's submission that holds this place; another one where this one was not better.
    pub counting: Option<i64>,
}

/// One metric of a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricView {
    /// Key in `metrics.json`.
    pub name: MetricName,
    /// On pages.
    pub title: String,
    /// Which end is good.
    pub direction: Direction,
    /// Aggregate over the cases, rounded.
    pub value: f64,
    /// The same as text, with all its decimals.
    pub shown: String,
    /// Place by this metric alone.
    pub rank: Option<u32>,
}

impl MetricView {
    /// A value under its declaration, rounded to `decimals`.
    pub fn new(spec: &MetricSpec, value: f64, rank: Option<u32>, decimals: u8) -> Self {
        let (value, shown) = rounded(value, decimals);
        Self {
            name: spec.name.clone(),
            title: spec.title.clone(),
            direction: spec.direction,
            value,
            shown,
            rank,
        }
    }
}

/// Values of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseView {
    /// The case.
    pub case: CaseId,
    /// In the order of the metrics; none where the scorer gave none.
    pub values: Vec<Option<f64>>,
    /// Why values are missing, in the scorer's words.
    pub reason: Option<String>,
}

/// Where in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// 1 is next.
    pub position: u32,
    /// From what earlier runs took; none without experience.
    pub wait: Option<crate::model::Duration>,
    /// Whether organizers have paused the board: nothing starts until they resume it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// What of the quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QuotaView {
    /// Evaluations today (UTC).
    pub used_today: u32,
    /// Evaluations allowed a day.
    pub per_day: u32,
    /// Evaluations in this phase.
    pub used_total: u32,
    /// Evaluations allowed in this phase.
    pub total: u32,
    /// Pushes today (UTC).
    pub submissions_today: u32,
    /// Pushes allowed a day.
    pub submissions_per_day: u32,
    /// Evaluations of those allowed in this phase that organizers gave to this team.
    #[serde(skip_serializing_if = "is_zero")]
    pub granted: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// How a headline is meant. Colour and marks follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// It has a score.
    Good,
    /// The team has something to do.
    Bad,
    /// It goes on.
    Busy,
    /// It is over, and nobody's fault or ours.
    Neutral,
}

impl SubmissionView {
    /// The one line that a person in a hurry reads.
    pub fn verdict(&self) -> String {
        match self.state {
            PublicState::Ended(Outcome::Scored) => self.scored(),
            PublicState::Ended(Outcome::Rejected) => {
                format!("Rejected by the rules: {}.", self.finding_counts())
            }
            PublicState::Ended(outcome) => self.ended(outcome),
            PublicState::Waiting(Stage::Run) => match self.queue {
                Some(QueueView {
                    position,
                    paused: true,
                    ..
                }) => format!("Queued at place {position}; evaluations are paused."),
                Some(QueueView {
                    position,
                    wait: Some(wait),
                    ..
                }) => {
                    format!("Queued at place {position}, expected to start in about {wait}.")
                }
                Some(QueueView { position, .. }) => format!("Queued at place {position}."),
                None => "Queued for evaluation.".to_owned(),
            },
            PublicState::Waiting(Stage::Admission) => "Received.".to_owned(),
            PublicState::Waiting(stage) => format!("Waiting for {}.", stage_noun(stage)),
            PublicState::Working(stage) => {
                let noun = stage_noun(stage);
                format!("Under way: {noun}.")
            }
        }
    }

    /// The outcome's sentence; a container that failed is told in which of its two runs.
    fn ended(&self, outcome: Outcome) -> String {
        let message = outcome.message();
        let run = match (outcome, self.failed_stage()) {
            (Outcome::Fault | Outcome::Withdrawn, _) => None,
            (_, Some(Stage::Smoke)) => Some("smoke run"),
            (_, Some(Stage::Run | Stage::Scoring)) => Some("evaluation"),
            _ => None,
        };
        match run {
            Some(run) => format!("{} in the {run}.", message.trim_end_matches('.')),
            None => message.to_owned(),
        }
    }

    fn scored(&self) -> String {
        let Some(score) = &self.score else {
            return "Scored. The results are not public yet.".to_owned();
        };
        let headline = score
            .metrics
            .first()
            .map(|m| format!("{} {}", m.title, m.shown));
        match (headline, score.standing(self.number)) {
            (Some(headline), Some(standing)) => format!("Scored: {headline}, {standing}."),
            (Some(headline), None) => format!("Scored: {headline}."),
            (None, _) => "Scored.".to_owned(),
        }
    }

    /// What the team should do now, if anything.
    pub fn advice(&self) -> Option<&'static str> {
        let PublicState::Ended(outcome) = self.state else {
            return None;
        };
        match outcome {
            Outcome::Scored | Outcome::Withdrawn => None,
            Outcome::Fault => Some(
                "Organizers were told under the incident number. It spent no evaluation; \
                 you need not push again unless they ask for it.",
            ),
            Outcome::Rejected | Outcome::BuildFailed | Outcome::BuildLimit => {
                Some("Fix what is listed and push again. It spent no evaluation.")
            }
            Outcome::ImageRejected => {
                Some("Change the Dockerfile and push again. It spent no evaluation.")
            }
            _ if self.failed_stage() == Some(Stage::Smoke) => Some(
                "It failed on the public sample, so you can repeat it at home. \
                 It spent no evaluation.",
            ),
            _ if self.hidden => Some(
                "This phase tells no more about runs on its data. Test on the public sample, \
                 and for cases that differ from it.",
            ),
            _ => Some("Fix what is listed and push again."),
        }
    }

    /// How the verdict is meant.
    pub fn tone(&self) -> Tone {
        match self.state {
            PublicState::Ended(Outcome::Scored) => Tone::Good,
            PublicState::Ended(Outcome::Withdrawn | Outcome::Fault) => Tone::Neutral,
            PublicState::Ended(_) => Tone::Bad,
            PublicState::Waiting(_) | PublicState::Working(_) => Tone::Busy,
        }
    }

    /// The gate at which the submission ended.
    pub fn failed_stage(&self) -> Option<Stage> {
        let failed = self.stages.iter().find(|g| g.state == StageState::Failed)?;
        Some(failed.name)
    }

    /// `2 errors, 1 warning`; `no findings` when there are none.
    pub fn finding_counts(&self) -> String {
        let of = |severity| {
            let same = self
                .findings
                .iter()
                .filter(|f| f.finding.severity == severity);
            same.count()
        };
        let mut parts: Vec<String> = [
            (of(Severity::Error), "error"),
            (of(Severity::Warning), "warning"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, noun)| counted(n, noun))
        .collect();
        match of(Severity::Advice) {
            0 => {}
            n => parts.push(format!("{n} advice")),
        }
        match self.findings_left_out {
            0 => {}
            n => parts.push(format!("{n} more")),
        }
        if parts.is_empty() {
            return "no findings".to_owned();
        }
        parts.join(", ")
    }
}

impl ScoreView {
    /// `rank 2 of 7`, or which earlier submission still counts; none without a place.
    pub fn standing(&self, number: i64) -> Option<String> {
        let rank = self.rank?;
        let of = self.of;
        Some(match self.counting {
            Some(other) if other != number => format!("#{other} still counts, rank {rank} of {of}"),
            _ => format!("rank {rank} of {of}"),
        })
    }
}

/// What happens at a stage, as a noun.
pub(super) fn stage_noun(stage: Stage) -> &'static str {
    match stage {
        Stage::Admission => "check of the rules",
        Stage::Build => "build",
        Stage::Smoke => "smoke run",
        Stage::Run => "evaluation",
        Stage::Scoring => "scoring",
    }
}

/// `1 error`, `2 errors`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// A number with that many decimals, and as text with all of them. Never `-0.000`.
pub fn rounded(value: f64, decimals: u8) -> (f64, String) {
    let text = format!("{value:.*}", usize::from(decimals));
    let text = match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| matches!(c, '0' | '.')) => digits.to_owned(),
        _ => text,
    };
    // The text is the number's own, so it reads back; were it not, the value itself is the answer.
    (text.parse().unwrap_or(value), text)
}

/// Which end of a metric is good, as one character.
pub(super) fn arrow(direction: Direction) -> char {
    match direction {
        Direction::Max => '↑',
        Direction::Min => '↓',
    }
}
