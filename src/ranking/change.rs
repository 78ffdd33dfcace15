//! The differences between two rankings of a leaderboard, for example before and after a rescore.

use std::collections::BTreeMap;

use crate::model::{Standing, TeamSlug};

/// A team's rank before and after. `None` if the team is not ranked there.
#[derive(Debug, Clone, PartialEq)]
pub struct RankChange {
    pub team: TeamSlug,
    pub rank_before: Option<u32>,
    pub rank_after: Option<u32>,
    /// By the headline metric before, which may differ from the headline metric after.
    pub value_before: Option<f64>,
    /// By the headline metric after.
    pub value_after: Option<f64>,
}

impl RankChange {
    /// Whether the rank differs.
    pub fn moves(&self) -> bool {
        self.rank_before != self.rank_after
    }
}

/// All teams, in the order of the second ranking. Teams that only the first ranking has come last.
pub fn rank_changes(before: &[Standing], after: &[Standing]) -> Vec<RankChange> {
    let headline = |line: &Standing| line.metrics.first().map(|m| m.aggregate);
    let mut teams: BTreeMap<&TeamSlug, RankChange> = BTreeMap::new();
    let mut of = |team, change: &dyn Fn(&mut RankChange)| {
        change(teams.entry(team).or_insert_with(|| RankChange {
            team: team.clone(),
            rank_before: None,
            rank_after: None,
            value_before: None,
            value_after: None,
        }));
    };
    for line in before {
        of(&line.team, &|change| {
            change.rank_before = Some(line.rank);
            change.value_before = headline(line);
        });
    }
    for line in after {
        of(&line.team, &|change| {
            change.rank_after = Some(line.rank);
            change.value_after = headline(line);
        });
    }
    let mut all: Vec<RankChange> = teams.into_values().collect();
    all.sort_by_key(|c| (c.rank_after.is_none(), c.rank_after, c.rank_before));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MetricName, MetricStanding, SubmissionId};

    fn line(team: &str, rank: u32, value: f64) -> Standing {
        Standing {
            rank,
            team: TeamSlug::new(team).unwrap(),
            submission: SubmissionId(i64::from(rank)),
            metrics: vec![MetricStanding { metric: MetricName::new("f1").unwrap(), aggregate: value, rank }],
            value,
            imputed: 0,
        }
    }

    #[test]
    fn ranks_are_compared_team_by_team() {
        let before = [line("a", 1, 0.9), line("b", 2, 0.8), line("c", 3, 0.7)];
        let after = [line("b", 1, 0.95), line("a", 2, 0.5), line("d", 2, 0.5)];
        let all = rank_changes(&before, &after);
        let short: Vec<_> = all.iter().map(|c| (c.team.as_str(), c.rank_before, c.rank_after, c.moves())).collect();
        assert_eq!(
            short,
            [
                ("b", Some(2), Some(1), true),
                ("d", None, Some(2), true),
                ("a", Some(1), Some(2), true),
                ("c", Some(3), None, true),
            ]
        );
        assert_eq!((all[0].value_before, all[0].value_after), (Some(0.8), Some(0.95)));
        assert!(rank_changes(&before, &before).iter().all(|c| !c.moves()));
    }
}
