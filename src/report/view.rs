//! The view of one submission for its team: plain values, which the JSON API serializes.
//!
//! This module reads no database. Every view must pass [`super::redact()`] before Referee shows it.

use serde::Serialize;
use strum::IntoStaticStr;

use crate::model::numbers::rounded;
use crate::model::text::counted;
use crate::model::{
    Board, CaseId, ChallengeSlug, Direction, Finding, ImageId, LogExcerpt, MetricName, MetricSpec, Origin, Outcome,
    PhaseSlug, PublicState, Severity, Stage, TaskSlug, TeamSlug, Timestamp,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Titled<S> {
    /// The name in addresses.
    pub slug: S,
    /// The name on pages.
    pub title: String,
}

impl<S> Titled<S> {
    pub fn new(slug: S, title: impl Into<String>) -> Self {
        Self { slug, title: title.into() }
    }
}

/// The content of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubmissionView {
    /// Number within the challenge: `#12`.
    pub number: i64,
    pub challenge: Titled<ChallengeSlug>,
    pub phase: Titled<PhaseSlug>,
    /// `None` before admission has read `submission.toml`.
    pub task: Option<Titled<TaskSlug>>,
    /// The leaderboard that ranks the submission, if it is public.
    pub board: Option<Board>,
    pub team: TeamSlug,
    /// The commit or image of the submission.
    #[serde(flatten)]
    pub origin: Origin,
    /// When the push was first observed.
    pub observed_at: Timestamp,
    pub state: PublicState,
    /// One per stage, in the order of the pipeline.
    pub stages: Vec<StageView>,
    /// In the order of the stages.
    pub findings: Vec<FindingView>,
    /// Number of findings beyond [`crate::model::limits::FINDINGS_LISTED_MAX`].
    pub findings_left_out: usize,
    /// The logs that the team may read.
    pub logs: Vec<LogView>,
    /// The commands that reproduce the failure locally on the public sample: `referee check` and the exact `docker
    /// run`. They never name hidden data.
    pub reproduce: Option<String>,
    /// The image that is evaluated.
    pub image: Option<ImageId>,
    /// Score on the public sample.
    pub sample_score: Option<ScoreView>,
    /// Score on the phase's data.
    pub score: Option<ScoreView>,
    /// The effects of organizers' commands on this submission, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Set while the submission waits for its evaluation.
    pub queue: Option<QueueView>,
    pub quota: Option<QuotaView>,
    /// The number of a platform error in the daemon's log.
    pub incident: Option<String>,
    /// The complete address of the submission page.
    pub url: String,
    /// Whether the phase shows only an outcome of a run on its data.
    pub hidden: bool,
}

/// A stage of the pipeline in a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageView {
    pub name: Stage,
    pub state: StageState,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub duration: Option<crate::model::Duration>,
    /// One sentence, or empty.
    pub message: String,
}

impl StageView {
    /// A stage that has not started.
    pub fn waiting(name: Stage) -> Self {
        Self { name, state: StageState::Waiting, started: None, ended: None, duration: None, message: String::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum StageState {
    /// The stage has not started.
    Waiting,
    Working,
    Passed,
    /// Passed, with findings.
    #[strum(serialize = "passed with warnings")]
    Warned,
    /// The submission ended at this stage.
    Failed,
    /// The submission ended before this stage.
    #[strum(serialize = "not reached")]
    Skipped,
}

impl StageState {
    /// The state in words.
    pub fn label(self) -> &'static str {
        self.into()
    }

    /// The state as one character.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Waiting => "·",
            Self::Working => "…",
            Self::Passed => "✓",
            Self::Warned => "!",
            Self::Failed => "✗",
            Self::Skipped => "–",
        }
    }

    /// Whether the stage was run to its end.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Passed | Self::Warned | Self::Failed)
    }
}

/// A finding of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    pub stage: Stage,
    /// Address of the source line on a page of the forge, if the forge has pages.
    pub link: Option<String>,
    /// In JSON, its fields are beside `stage`.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A log that the team may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    pub stage: Stage,
    /// The source of the log.
    pub title: String,
    /// The kept part.
    pub excerpt: LogExcerpt,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreView {
    /// In the declared order. The first is the headline metric.
    pub metrics: Vec<MetricView>,
    /// Set if the phase shows cases.
    pub cases: Option<Vec<CaseView>>,
    /// Number of missing values (case times metric) that the metric's rule filled in.
    pub imputed: u32,
    /// The team's rank on the leaderboard. `None` if the team has no rank, or if the rank is hidden.
    pub rank: Option<u32>,
    /// Number of teams on the leaderboard.
    pub of: usize,
    /// The team's submission that has this rank. It is an earlier one if this submission was not better.
    pub counting: Option<i64>,
    /// Why that submission counts, as one sentence. `None` if it follows from the rank alone.
    pub counting_reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricView {
    /// Key in `metrics.json`.
    pub name: MetricName,
    /// On pages.
    pub title: String,
    pub direction: Direction,
    /// Aggregate over the cases, rounded.
    pub value: f64,
    /// The value as text, with all its decimals.
    pub formatted: String,
    /// By this metric alone.
    pub rank: Option<u32>,
}

impl MetricView {
    /// The value, rounded to `decimals`.
    pub fn new(spec: &MetricSpec, value: f64, rank: Option<u32>, decimals: u8) -> Self {
        let (value, formatted) = rounded(value, decimals);
        Self { name: spec.name.clone(), title: spec.title.clone(), direction: spec.direction, value, formatted, rank }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseView {
    pub case: CaseId,
    /// In the order of the metrics. `None` if the scorer reported no value.
    pub values: Vec<Option<f64>>,
    /// The scorer's explanation of missing values.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// 1 is next.
    pub position: u32,
    /// Estimated from the durations of earlier runs. `None` if there were none.
    pub wait: Option<crate::model::Duration>,
    /// Whether organizers have paused the leaderboard. No evaluation starts until they resume it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QuotaView {
    /// Used evaluations today (UTC).
    pub used_today: u32,
    /// Allowed evaluations per day.
    pub per_day: u32,
    /// Used evaluations in this phase.
    pub used_total: u32,
    /// Allowed evaluations in this phase.
    pub total: u32,
    /// Used submissions today (UTC).
    pub submissions_today: u32,
    /// Allowed submissions per day.
    pub submissions_per_day: u32,
    /// Allowed evaluations in this phase that organizers granted to this team.
    #[serde(skip_serializing_if = "is_zero")]
    pub granted: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The meaning of a headline. It determines colours and symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The submission has a score.
    Success,
    /// The team has to fix something.
    Failure,
    InProgress,
    /// The submission was withdrawn, or ended with a platform error.
    Neutral,
}

impl SubmissionView {
    /// The state and the most important result in one line.
    pub fn headline(&self) -> String {
        match self.state {
            PublicState::Ended(Outcome::Scored) => self.scored(),
            PublicState::Ended(Outcome::Rejected) => {
                format!("Rejected by the rules: {}.", self.finding_counts())
            }
            PublicState::Ended(outcome) => self.ended(outcome),
            PublicState::Waiting(Stage::Run) => self.queued(),
            PublicState::Waiting(Stage::Admission) => "Received.".to_owned(),
            PublicState::Waiting(stage) => format!("Waiting for {}.", stage_noun(stage)),
            PublicState::Working(stage) => format!("In progress: {}.", stage_noun(stage)),
        }
    }

    fn queued(&self) -> String {
        let Some(queue) = self.queue else {
            return "Queued for evaluation.".to_owned();
        };
        let position = queue.position;
        match queue.wait {
            _ if queue.paused => {
                format!("Queued at position {position}. Evaluations are paused.")
            }
            Some(wait) => format!("Queued at position {position}, starts in about {wait}."),
            None => format!("Queued at position {position}."),
        }
    }

    /// The message of the outcome, with the failed run.
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
        let headline = score.metrics.first().map(|m| format!("{} {}", m.title, m.formatted));
        match (headline, score.standing(self.number)) {
            (Some(headline), Some(standing)) => format!("Scored: {headline}, {standing}."),
            (Some(headline), None) => format!("Scored: {headline}."),
            (None, _) => "Scored.".to_owned(),
        }
    }

    /// The next step for the team, if there is one.
    pub fn advice(&self) -> Option<&'static str> {
        let PublicState::Ended(outcome) = self.state else {
            return None;
        };
        match outcome {
            Outcome::Scored | Outcome::Withdrawn => None,
            Outcome::Fault => Some(
                "Please report the incident number to the organizers. The submission used no evaluation. \
                 You need not push again unless they ask for it.",
            ),
            Outcome::Rejected | Outcome::BuildFailed | Outcome::BuildLimit => {
                Some("Fix the listed problems and push again. The submission used no evaluation.")
            }
            Outcome::ImageRejected => Some("Change the Dockerfile and push again. The submission used no evaluation."),
            _ if self.failed_stage() == Some(Stage::Smoke) => {
                Some("It failed on the public sample. You can reproduce it locally. The submission used no evaluation.")
            }
            _ if self.hidden => Some(
                "This phase hides details of runs on hidden data. Test your method on the public sample, and on cases \
                 that differ from it. The submission used one evaluation.",
            ),
            _ => Some("Fix the listed problems and push again. The submission used one evaluation."),
        }
    }

    pub fn tone(&self) -> Tone {
        match self.state {
            PublicState::Ended(Outcome::Scored) => Tone::Success,
            PublicState::Ended(Outcome::Withdrawn | Outcome::Fault) => Tone::Neutral,
            PublicState::Ended(_) => Tone::Failure,
            PublicState::Waiting(_) | PublicState::Working(_) => Tone::InProgress,
        }
    }

    /// The stage at which the submission failed.
    pub fn failed_stage(&self) -> Option<Stage> {
        let failed = self.stages.iter().find(|g| g.state == StageState::Failed)?;
        Some(failed.name)
    }

    /// `2 errors, 1 warning` or `no findings`.
    pub fn finding_counts(&self) -> String {
        let of = |severity| {
            let same = self.findings.iter().filter(|f| f.finding.severity == severity);
            same.count()
        };
        let mut parts: Vec<String> = [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")]
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
    /// `rank 2 of 7`, preceded by the submission that counts if it is another one. `None` without a rank.
    pub fn standing(&self, number: i64) -> Option<String> {
        let rank = self.rank?;
        let of = self.of;
        Some(match self.counting {
            Some(other) if other != number => format!("#{other} still counts, rank {rank} of {of}"),
            _ => format!("rank {rank} of {of}"),
        })
    }

    /// `Overall: rank 2 of 7.`, with the reason if there is one.
    pub fn overall(&self, number: i64) -> Option<String> {
        let standing = self.standing(number)?;
        Some(match &self.counting_reason {
            Some(reason) => format!("Overall: {standing}. {reason}"),
            None => format!("Overall: {standing}."),
        })
    }
}

fn stage_noun(stage: Stage) -> &'static str {
    match stage {
        Stage::Admission => "admission",
        Stage::Build => "build",
        Stage::Smoke => "smoke run",
        Stage::Run => "evaluation",
        Stage::Scoring => "scoring",
    }
}

/// An arrow towards better values.
pub(super) fn arrow(direction: Direction) -> char {
    match direction {
        Direction::Max => '↑',
        Direction::Min => '↓',
    }
}
