//! Views of a leaderboard and of the list of leaderboards. The JSON API serializes them.
//!
//! Values are already rounded to the decimals of the phase. This module ranks nothing.

use serde::Serialize;

use crate::model::{
    AcrossMetrics, Board, ChallengeSlug, ContentId, Direction, MetricName, MetricSpec, PhaseSlug, Ranking, Scheme,
    TaskSlug, TeamSlug, Timestamp,
};

use super::view::Titled;
use crate::model::numbers::rounded;

/// The leaderboard of one task in one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoardView {
    pub board: Board,
    pub challenge: Titled<ChallengeSlug>,
    pub phase: Titled<PhaseSlug>,
    pub task: Titled<TaskSlug>,
    /// In the declared order. The first is the headline metric.
    pub metrics: Vec<ColumnView>,
    pub ranking: Ranking,
    /// Best first.
    pub rows: Vec<RowView>,
    /// Submissions with an outcome or in progress.
    pub submissions: u64,
    /// Submissions without an outcome.
    pub under_way: u64,
    /// Start of the phase.
    pub opens: Timestamp,
    /// End of the phase.
    pub closes: Timestamp,
    /// Number of the scoring revision (scorer, ground truth, cases, metrics). `None` before the first score.
    pub revision: Option<i64>,
    /// The time of the shown standings, if organizers have frozen the leaderboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Timestamp>,
    /// Whether organizers have paused the evaluations.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Disqualified teams with a score, in the order of their names. They are not ranked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disqualified: Vec<TeamSlug>,
    /// When this view was built.
    pub generated_at: Timestamp,
}

/// A metric as a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnView {
    /// Key in `metrics.json`.
    pub name: MetricName,
    /// On pages.
    pub title: String,
    pub direction: Direction,
}

impl From<&MetricSpec> for ColumnView {
    fn from(spec: &MetricSpec) -> Self {
        Self { name: spec.name.clone(), title: spec.title.clone(), direction: spec.direction }
    }
}

/// The line of a team.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowView {
    /// Ties share the smaller rank: 1, 2, 2, 4.
    pub rank: u32,
    pub team: TeamSlug,
    /// One per column.
    pub values: Vec<CellView>,
    /// The number that the rank was computed from, rounded. See [`BoardView::rank_title`].
    pub value: CellValue,
    /// Number of the submission that counts.
    pub submission: i64,
    /// Its commit or image.
    #[serde(rename = "sha")]
    pub content: ContentId,
    /// When its push was observed.
    pub at: Timestamp,
    /// Number of missing values that the metric's rule filled in.
    pub imputed: u32,
    /// Whether it is a submission of the organizers for comparison.
    pub is_baseline: bool,
}

/// A rounded number, and the same number as text with all its decimals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellValue {
    pub value: f64,
    pub formatted: String,
}

impl CellValue {
    pub fn new(value: f64, decimals: u8) -> Self {
        let (value, formatted) = rounded(value, decimals);
        Self { value, formatted }
    }
}

/// A team's value by one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellView {
    /// Aggregate over the cases.
    #[serde(flatten)]
    pub value: CellValue,
    /// By this metric alone.
    pub rank: u32,
}

impl CellView {
    pub fn new(value: f64, rank: u32, decimals: u8) -> Self {
        Self { value: CellValue::new(value, decimals), rank }
    }
}

/// Whether a phase accepts submissions at the time of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseState {
    Planned,
    Open,
    Closed,
}

impl PhaseState {
    /// Compares a time with the bounds of the phase.
    pub fn at(now: Timestamp, opens: Timestamp, closes: Timestamp) -> Self {
        match now {
            _ if now < opens => Self::Planned,
            _ if now > closes => Self::Closed,
            _ => Self::Open,
        }
    }
}

impl BoardView {
    pub fn phase_state(&self) -> PhaseState {
        PhaseState::at(self.generated_at, self.opens, self.closes)
    }

    /// The effects of organizers' commands on this leaderboard, one sentence each.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if let Some(at) = self.frozen {
            notices.push(format!("The leaderboard is frozen. It shows the standings of {at}."));
        }
        if self.paused {
            notices.push("Evaluations are paused.".to_owned());
        }
        if !self.disqualified.is_empty() {
            let teams: Vec<&str> = self.disqualified.iter().map(TeamSlug::as_str).collect();
            notices.push(format!("Disqualified teams are not ranked: {}.", teams.join(", ")));
        }
        notices
    }

    /// Title of the column with [`RowView::value`]. `None` if a metric column already has these numbers.
    pub fn rank_title(&self) -> Option<&'static str> {
        let by_ranks = self.ranking.across_metrics == AcrossMetrics::MeanRank;
        (by_ranks && self.metrics.len() > 1).then_some("Mean rank")
    }

    /// Explains the ranking in one sentence.
    pub fn ranked_by(&self) -> String {
        let criterion = match (self.rank_title(), self.metrics.first()) {
            (Some(_), _) => "the mean of the ranks by each metric",
            (None, Some(metric)) => metric.title.as_str(),
            (None, None) => "",
        };
        match self.ranking.scheme {
            Scheme::AggregateThenRank => {
                format!("Ranked by {criterion}. Referee aggregates the values of all cases, then ranks the teams.")
            }
            Scheme::RankThenAggregate => {
                format!("Ranked by {criterion}. Referee ranks the teams on each case, then aggregates the ranks.")
            }
        }
    }
}

/// All challenges of this server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HomeView {
    /// In the order of the configuration.
    pub challenges: Vec<ChallengeView>,
    /// When this view was built.
    pub generated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChallengeView {
    pub challenge: Titled<ChallengeSlug>,
    /// The visible leaderboards.
    pub boards: Vec<BoardLink>,
}

/// A leaderboard in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoardLink {
    pub phase: Titled<PhaseSlug>,
    pub task: Titled<TaskSlug>,
    pub state: PhaseState,
    /// Start of the phase.
    pub opens: Timestamp,
    /// End of the phase.
    pub closes: Timestamp,
    /// Teams with a score.
    pub teams: usize,
    /// All submissions.
    pub submissions: u64,
    /// The team at rank 1, with its value by the headline metric.
    pub leader: Option<LeaderView>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeaderView {
    pub team: TeamSlug,
    /// Title of the headline metric.
    pub metric: String,
    /// Its rounded value.
    pub formatted: String,
}

impl BoardLink {
    pub fn of(view: &BoardView) -> Self {
        let leader = view.rows.iter().find(|r| r.rank == 1).and_then(|row| {
            Some(LeaderView {
                team: row.team.clone(),
                metric: view.metrics.first()?.title.clone(),
                formatted: row.values.first()?.value.formatted.clone(),
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
