//! Decides which submission of a team counts, by its own submissions alone.
//!
//! Callers remove withdrawn submissions and disqualified teams first, and apply the teams' choices with
//! [`keep_chosen`].

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::{Direction, MetricSpec, Pick, SubmissionId, TeamSlug, numbers};

use super::board::{BoardEntry, BoardInput, aggregates};

/// The declared rule of a leaderboard.
#[derive(Debug, Clone, Copy)]
pub struct CountingRule<'a> {
    pub pick: Pick,
    /// The metrics that decide which submission is the best, the most important first.
    pub best_by: &'a [&'a MetricSpec],
    /// Values are compared after they were rounded to these decimals, as the leaderboard shows them.
    pub decimals: u8,
}

/// The submission that counts. `own` has the submissions of one team, earliest first.
///
/// The best submission has the best aggregate by the first metric of the rule, among equals by the second, and so on.
/// The earliest of several best ones counts. So a submission that is not better by any metric never changes what
/// counts, and neither other teams nor other submissions of the team influence how two of them compare.
pub fn counting_entry<'e>(own: &BoardInput<'_, 'e>, rule: &CountingRule<'_>) -> Option<BoardEntry<'e>> {
    match rule.pick {
        Pick::Last => own.entries.last().copied(),
        // `keep_chosen` has already applied a choice. The best submission counts for a team without a choice.
        Pick::Best | Pick::Chosen => {
            let valued = own.entries.iter().map(|entry| {
                let values = aggregates(entry.score, own.cases, rule.best_by);
                let rounded: Vec<f64> =
                    values.into_iter().map(|value| numbers::rounded(value, rule.decimals).0).collect();
                (*entry, rounded)
            });
            let best = valued.reduce(|best, next| match first_difference(rule.best_by, &next.1, &best.1) {
                Some((_, Ordering::Greater)) => next,
                _ => best,
            });
            best.map(|(entry, _)| entry)
        }
    }
}

/// The position of the first metric whose values differ, and whether the value of `a` is better (`Greater`) or worse.
pub fn first_difference(metrics: &[&MetricSpec], a: &[f64], b: &[f64]) -> Option<(usize, Ordering)> {
    let compared = metrics.iter().zip(a.iter().zip(b)).map(|(spec, (a, b))| match spec.direction {
        Direction::Max => a.total_cmp(b),
        Direction::Min => b.total_cmp(a),
    });
    compared.enumerate().find(|(_, order)| order.is_ne())
}

/// The submission that counts for each team, in the order of the teams' names. `all` has the submissions of all teams,
/// earliest first.
pub fn counting_entries<'e>(all: &BoardInput<'_, 'e>, rule: &CountingRule<'_>) -> Vec<BoardEntry<'e>> {
    let mut teams: BTreeMap<&TeamSlug, Vec<BoardEntry<'e>>> = BTreeMap::new();
    for entry in all.entries {
        teams.entry(entry.team).or_default().push(*entry);
    }
    let of_team = |entries: &Vec<BoardEntry<'e>>| counting_entry(&BoardInput { entries, ..*all }, rule);
    teams.values().filter_map(of_team).collect()
}

/// Removes the other submissions of each team that has chosen one. A choice without a score cannot count, so the team
/// then keeps all its submissions.
pub fn keep_chosen<'e>(
    entries: &[BoardEntry<'e>],
    choice: impl Fn(&TeamSlug) -> Option<SubmissionId>,
) -> Vec<BoardEntry<'e>> {
    let scored = |wanted| entries.iter().any(|e| e.submission == wanted);
    let stays = |entry: &&BoardEntry<'e>| {
        let wanted = choice(entry.team).filter(|wanted| scored(*wanted));
        wanted.is_none_or(|wanted| wanted == entry.submission)
    };
    entries.iter().filter(stays).copied().collect()
}
