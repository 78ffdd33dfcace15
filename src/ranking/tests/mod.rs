//! Rankings compared with expected ones: computed by hand, computed with R, or derived from properties.

mod examples;
mod parity;
mod properties;

use crate::model::{
    AcrossMetrics, Aggregate, CaseId, CaseScore, Direction, MetricName, MetricSpec, MissingRule, Ranking, Scheme,
    Score, Standing, SubmissionId, TeamSlug,
};

use super::{BoardEntry, BoardInput, standings};

/// A metric between 0 and 1. Higher is better.
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

const MEAN_THEN_RANK: Ranking = Ranking { scheme: Scheme::AggregateThenRank, across_metrics: AcrossMetrics::MeanRank };

const RANK_THEN_MEAN: Ranking = Ranking { scheme: Scheme::RankThenAggregate, across_metrics: AcrossMetrics::First };

const RANK_THEN_MEAN_RANK: Ranking =
    Ranking { scheme: Scheme::RankThenAggregate, across_metrics: AcrossMetrics::MeanRank };

/// The input of a leaderboard, owned: values by team, metric and case.
struct BoardFixture {
    metrics: Vec<MetricSpec>,
    ranking: Ranking,
    cases: Vec<CaseId>,
    scores: Vec<(TeamSlug, SubmissionId, Score)>,
}

impl BoardFixture {
    fn new(metrics: &[MetricSpec], ranking: Ranking, cases: usize) -> Self {
        Self {
            metrics: metrics.to_vec(),
            ranking,
            cases: (0..cases).map(|i| CaseId::new(format!("c{i:03}")).unwrap()).collect(),
            scores: Vec::new(),
        }
    }

    /// Adds a submission. `rows` has a row of values per metric, with one value per case.
    fn add(&mut self, team: &str, rows: &[Vec<Option<f64>>]) {
        let case = |i: usize| CaseScore {
            case: self.cases[i].clone(),
            values: self.metrics.iter().zip(rows).map(|(spec, row)| (spec.name.clone(), row[i])).collect(),
            reason: None,
        };
        let score = Score { cases: (0..self.cases.len()).map(case).collect(), reported: Default::default() };
        let id = SubmissionId(self.scores.len() as i64 + 1);
        self.scores.push((TeamSlug::new(team).unwrap(), id, score));
    }

    fn with<R>(&self, f: impl Fn(&BoardInput<'_, '_>) -> R) -> R {
        let entries: Vec<BoardEntry<'_>> = self
            .scores
            .iter()
            .map(|(team, submission, score)| BoardEntry { team, submission: *submission, score })
            .collect();
        f(&BoardInput { metrics: &self.metrics, ranking: self.ranking, cases: &self.cases, entries: &entries })
    }

    fn standings(&self) -> Vec<Standing> {
        self.with(standings)
    }

    /// `(rank, team)` in the order of the leaderboard.
    fn ranks(&self) -> Vec<(u32, String)> {
        let rank = |s: Standing| (s.rank, s.team.to_string());
        self.standings().into_iter().map(rank).collect()
    }
}

/// A row without missing values.
fn row(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}
