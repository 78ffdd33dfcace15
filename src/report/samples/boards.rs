//! Sample leaderboards, and a sample list of them.

use crate::model::{
    AcrossMetrics, Board, ChallengeSlug, ContentId, Duration, PhaseSlug, Ranking, Scheme, TaskSlug, TeamSlug, Timestamp,
};

use super::super::board::{
    BoardLink, BoardView, CellValue, CellView, ChallengeView, ColumnView, HomeView, LeaderView, PhaseState, RowView,
};
use super::super::view::Titled;
use super::{METRICS, NOW, SampleMetric, challenge, commit, known, metric_name, phase, task};

impl BoardView {
    /// Seven teams.
    pub fn sample() -> Self {
        let rows = [
            ("delta", [(0.831, 1), (0.866, 3), (3.914, 2)], 31, 2.0),
            ("alpha", [(0.812, 2), (0.874, 1), (4.037, 3)], 12, 2.0),
            ("gamma", [(0.798, 3), (0.871, 2), (3.702, 1)], 27, 2.0),
            ("beta", [(0.774, 4), (0.852, 4), (5.118, 4)], 19, 4.0),
            ("epsilon-lab", [(0.702, 5), (0.811, 5), (7.45, 5)], 22, 5.0),
            ("zeta", [(0.655, 6), (0.79, 6), (9.981, 6)], 8, 6.0),
            ("threshold", [(0.412, 7), (0.688, 7), (21.3, 7)], 1, 7.0),
        ];
        let ranks = [1, 1, 1, 4, 5, 6, 7];
        let rows = rows.into_iter().zip(ranks);
        Self {
            board: Board { challenge: challenge().slug, phase: phase().slug, task: task().slug },
            challenge: challenge(),
            phase: phase(),
            task: task(),
            metrics: METRICS.map(column).to_vec(),
            ranking: Ranking { scheme: Scheme::AggregateThenRank, across_metrics: AcrossMetrics::MeanRank },
            rows: rows
                .map(|((team, values, number, mean), rank)| RowView {
                    rank,
                    team: known(TeamSlug::new(team)),
                    values: values.map(|(v, r)| CellView::new(v, r, 3)).to_vec(),
                    value: CellValue::new(mean, 2),
                    submission: number,
                    content: ContentId::Commit(commit(team)),
                    at: NOW.minus(Duration::seconds(7_000 * (40 - number))),
                    imputed: u32::from(team == "zeta") * 3,
                    is_baseline: team == "threshold",
                })
                .collect(),
            submissions: 34,
            under_way: 2,
            opens: Timestamp(1_769_904_000_000),
            closes: Timestamp(1_777_593_599_000),
            revision: Some(3),
            frozen: None,
            paused: false,
            disqualified: vec![],
            generated_at: NOW,
        }
    }

    /// Without teams.
    pub fn sample_empty() -> Self {
        Self { rows: vec![], submissions: 0, under_way: 0, revision: None, ..Self::sample() }
    }
}

fn column(metric: SampleMetric) -> ColumnView {
    ColumnView { name: metric_name(metric.name), title: metric.title.to_owned(), direction: metric.direction }
}

impl HomeView {
    /// Two challenges, one of them with two leaderboards.
    pub fn sample() -> Self {
        let validation = BoardLink::of(&BoardView::sample());
        let test = BoardLink {
            phase: Titled::new(known(PhaseSlug::new("test")), "Final test"),
            state: PhaseState::Planned,
            opens: Timestamp(1_777_593_600_000),
            closes: Timestamp(1_780_271_999_000),
            teams: 0,
            submissions: 0,
            leader: None,
            ..validation.clone()
        };
        let tools = BoardLink {
            phase: Titled::new(known(PhaseSlug::new("final")), "Final"),
            task: Titled::new(known(TaskSlug::new("phase-recognition")), "Phase recognition"),
            state: PhaseState::Closed,
            opens: Timestamp(1_722_211_200_000),
            closes: Timestamp(1_726_876_799_000),
            teams: 11,
            submissions: 96,
            leader: Some(LeaderView {
                team: known(TeamSlug::new("beta")),
                metric: "F1".to_owned(),
                formatted: "0.744".to_owned(),
            }),
        };
        Self {
            challenges: vec![
                ChallengeView { challenge: challenge(), boards: vec![validation, test] },
                ChallengeView {
                    challenge: Titled::new(known(ChallengeSlug::new("endoscopy")), "Endoscopic workflow"),
                    boards: vec![tools],
                },
            ],
            generated_at: NOW,
        }
    }
}
