//! A board and the list of boards: plain values, serialized as they stand by the JSON API.
//!
//! Values here are already rounded to the decimals of the phase. Nothing here ranks.

use serde::Serialize;

use crate::model::{
    AcrossMetrics, Board, ChallengeSlug, ContentId, Direction, MetricName, MetricSpec, PhaseSlug,
    Ranking, Scheme, TaskSlug, TeamSlug, Timestamp,
};

use super::view::{Titled, rounded};

/// One task in one phase, ranked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoardView {
    /// Which.
    pub board: Board,
    /// Of this challenge.
    pub challenge: Titled<ChallengeSlug>,
    /// In this phase.
    pub phase: Titled<PhaseSlug>,
    /// For this task.
    pub task: Titled<TaskSlug>,
    /// In the declared order; the first is the headline.
    pub metrics: Vec<ColumnView>,
    /// How cases became places.
    pub ranking: Ranking,
    /// Best first.
    pub rows: Vec<RowView>,
    /// Submissions that reached an outcome or are under way.
    pub submissions: u64,
    /// Those without an outcome.
    pub under_way: u64,
    /// First moment of the phase.
    pub opens: Timestamp,
    /// Last moment of the phase.
    pub closes: Timestamp,
    /// Number of the evaluation revision (scorer, truth, cases, metrics); none before the first score.
    pub revision: Option<i64>,
    /// The moment whose standings these are, where organizers have frozen the board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Timestamp>,
    /// Whether organizers have paused its evaluations.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Teams with a score that organizers have taken out of the ranking, in the order of their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disqualified: Vec<TeamSlug>,
    /// When this view was made.
    pub generated_at: Timestamp,
}

/// A metric as a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnView {
    /// Key in `metrics.json`.
    pub name: MetricName,
    /// On pages.
    pub title: String,
    /// Which end is good.
    pub direction: Direction,
}

impl From<&MetricSpec> for ColumnView {
    fn from(spec: &MetricSpec) -> Self {
        Self {
            name: spec.name.clone(),
            title: spec.title.clone(),
            direction: spec.direction,
        }
    }
}

/// A team's line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowView {
    /// 1, 2, 2, 4.
    pub rank: u32,
    /// The team.
    pub team: TeamSlug,
    /// One for each column.
    pub values: Vec<CellView>,
    /// What the rank was made of, rounded; see [`BoardView::rank_title`].
    pub value: CellValue,
    /// Number of the submission that counts.
    pub submission: i64,
    /// Its commit or image.
    #[serde(rename = "sha")]
    pub content: ContentId,
    /// When its push was observed.
    pub at: Timestamp,
    /// Values that were missing and filled by rule.
    pub imputed: u32,
    /// Whether it is the organizers' own, for comparison.
    pub is_baseline: bool,
}

/// A rounded number, and the same as text with all its decimals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellValue {
    /// For machines.
    pub value: f64,
    /// For people.
    pub shown: String,
}

impl CellValue {
    /// Rounds a number.
    pub fn new(value: f64, decimals: u8) -> Self {
        let (value, shown) = rounded(value, decimals);
        Self { value, shown }
    }
}

/// A team's value by one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellView {
    /// Aggregate over the cases.
    #[serde(flatten)]
    pub value: CellValue,
    /// Place by this metric alone.
    pub rank: u32,
}

impl CellView {
    /// Rounds a number.
    pub fn new(value: f64, rank: u32, decimals: u8) -> Self {
        Self {
            value: CellValue::new(value, decimals),
            rank,
        }
    }
}

/// Whether a phase takes submissions at the moment of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseState {
    /// Not yet.
    Planned,
    /// Now.
    Open,
    /// No longer.
    Closed,
}

impl PhaseState {
    /// Compares a moment with the bounds of the phase.
    pub fn at(now: Timestamp, opens: Timestamp, closes: Timestamp) -> Self {
        match now {
            _ if now < opens => Self::Planned,
            _ if now > closes => Self::Closed,
            _ => Self::Open,
        }
    }

    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl BoardView {
    /// Whether the phase takes submissions.
    pub fn phase_state(&self) -> PhaseState {
        PhaseState::at(self.generated_at, self.opens, self.closes)
    }

    /// What organizers have ordered that whoever reads the board should know, a sentence each.
    pub fn notices(&self) -> Vec<String> {
        let mut message = Vec::new();
        if let Some(at) = self.frozen {
            message.push(format!("Frozen: these are the standings of {at}."));
        }
        if self.paused {
            message.push("Paused: no evaluations are started for now.".to_owned());
        }
        if !self.disqualified.is_empty() {
            let teams: Vec<&str> = self.disqualified.iter().map(TeamSlug::as_str).collect();
            message.push(format!(
                "Disqualified and not ranked: {}.",
                teams.join(", ")
            ));
        }
        message
    }

    /// Title of the column that the rank was made of; none where a metric column says it already.
    pub fn rank_title(&self) -> Option<&'static str> {
        let by_ranks = self.ranking.across_metrics == AcrossMetrics::MeanRank;
        (by_ranks && self.metrics.len() > 1).then_some("Mean rank")
    }

    /// How places come about, in one sentence.
    pub fn ranked_by(&self) -> String {
        let first = self.metrics.first().map_or("", |m| m.title.as_str());
        let what = match self.ranking.across_metrics {
            AcrossMetrics::MeanRank if self.metrics.len() > 1 => {
                "the mean of the ranks by each metric".to_owned()
            }
            AcrossMetrics::MeanRank | AcrossMetrics::First => first.to_owned(),
        };
        match self.ranking.scheme {
            Scheme::AggregateThenRank => {
                format!("Ranked by {what}: cases are aggregated, then ranked.")
            }
            Scheme::RankThenAggregate => {
                format!("Ranked by {what}: each case is ranked, then the ranks are aggregated.")
            }
        }
    }
}

/// All challenges of this server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HomeView {
    /// In the order of the configuration.
    pub challenges: Vec<ChallengeView>,
    /// When this view was made.
    pub generated_at: Timestamp,
}

/// A challenge and its boards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChallengeView {
    /// Which.
    pub challenge: Titled<ChallengeSlug>,
    /// Boards that the viewer may see.
    pub boards: Vec<BoardLink>,
}

/// A board in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoardLink {
    /// In this phase.
    pub phase: Titled<PhaseSlug>,
    /// For this task.
    pub task: Titled<TaskSlug>,
    /// How the phase stands.
    pub state: PhaseState,
    /// First moment of the phase.
    pub opens: Timestamp,
    /// Last moment of the phase.
    pub closes: Timestamp,
    /// Teams with a score.
    pub teams: usize,
    /// Submissions in all.
    pub submissions: u64,
    /// The team at rank 1 and its value by the headline metric.
    pub leader: Option<LeaderView>,
}

/// Who leads a board.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaderView {
    /// The team.
    pub team: TeamSlug,
    /// Title of the headline metric.
    pub metric: String,
    /// Its value, rounded.
    pub shown: String,
}

impl BoardLink {
    /// The short form of a board.
    pub fn of(view: &BoardView) -> Self {
        let leader = view.rows.iter().find(|r| r.rank == 1).and_then(|row| {
            Some(LeaderView {
                team: row.team.clone(),
                metric: view.metrics.first()?.title.clone(),
                shown: row.values.first()?.value.shown.clone(),
            })
        });
        Self {
            phase: view.phase.clone(),
            task: view.task.clone(),
            state: view.phase_state(),
            opens: view.opens,
            closes: view.closes,
            teams: view.rows.len(),
            submissions: view.submissions,
            leader,
        }
    }
}
