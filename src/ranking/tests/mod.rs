//! The ranking against boards that were worked out elsewhere, by hand, or by reasoning.

mod examples;
mod parity;
mod properties;

use crate::model::{
    AcrossMetrics, Aggregate, CaseId, CaseScore, Direction, MetricName, MetricSpec, MissingRule,
    Ranking, Scheme, Score, Standing, SubmissionId, TeamSlug,
};

use super::{BoardInput, Entry, standings};

/// A metric between 0 and 1 of which much is good.
fn metric(name: &str) -> MetricSpec {
    MetricSpec {
        name: MetricName::new(name).unwrap(),
        title: name.to_owned(),
        direction: Direction::Max,
        bounds: (0.0, 1.0),
        missing: MissingRule::Worst,
        aggregate: Aggregate::Mean,
    }
}

const MEAN_THEN_RANK: Ranking = Ranking {
    scheme: Scheme::AggregateThenRank,
    across_metrics: AcrossMetrics::MeanRank,
};

const RANK_THEN_MEAN: Ranking = Ranking {
    scheme: Scheme::RankThenAggregate,
    across_metrics: AcrossMetrics::First,
};

const RANK_THEN_MEAN_RANK: Ranking = Ranking {
    scheme: Scheme::RankThenAggregate,
    across_metrics: AcrossMetrics::MeanRank,
};

/// A board that owns its parts: values by team, metric and case.
struct World {
    metrics: Vec<MetricSpec>,
    ranking: Ranking,
    cases: Vec<CaseId>,
    scores: Vec<(TeamSlug, SubmissionId, Score)>,
}

impl World {
    fn new(metrics: &[MetricSpec], ranking: Ranking, cases: usize) -> Self {
        Self {
            metrics: metrics.to_vec(),
            ranking,
            cases: (0..cases)
                .map(|i| CaseId::new(format!("c{i:03}")).unwrap())
                .collect(),
            scores: Vec::new(),
        }
    }

    /// One more submission: for each metric a row of values, one per case.
    fn add(&mut self, team: &str, rows: &[Vec<Option<f64>>]) {
        let case = |i: usize| CaseScore {
            case: self.cases[i].clone(),
            values: self
                .metrics
                .iter()
                .zip(rows)
                .map(|(spec, row)| (spec.name.clone(), row[i]))
                .collect(),
            reason: None,
        };
        let score = Score {
            cases: (0..self.cases.len()).map(case).collect(),
            reported: Default::default(),
        };
        let id = SubmissionId(self.scores.len() as i64 + 1);
        self.scores.push((TeamSlug::new(team).unwrap(), id, score));
    }

    fn with<R>(&self, f: impl Fn(&BoardInput<'_, '_>) -> R) -> R {
        let entries: Vec<Entry<'_>> = self
            .scores
            .iter()
            .map(|(team, submission, score)| Entry {
                team,
                submission: *submission,
                score,
            })
            .collect();
        f(&BoardInput {
            metrics: &self.metrics,
            ranking: self.ranking,
            cases: &self.cases,
            entries: &entries,
        })
    }

    fn standings(&self) -> Vec<Standing> {
        self.with(standings)
    }

    /// `(rank, team)` in the order of the board.
    fn ranks(&self) -> Vec<(u32, String)> {
        let rank = |s: Standing| (s.rank, s.team.to_string());
        self.standings().into_iter().map(rank).collect()
    }
}

/// A row in which nothing is missing.
fn row(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}
