//! Decides which submission of a team counts, by scores and order alone.
//!
//! Callers remove withdrawn submissions and disqualified teams first, and apply the teams' choices with
//! [`keep_chosen`].

use std::collections::BTreeMap;

use crate::model::{Pick, SubmissionId, TeamSlug};

use super::board::{BoardEntry, BoardInput, standings};

/// The submission that counts. `own` has the submissions of one team, earliest first.
///
/// The best submission is first in a ranking of the team's own submissions. The earliest of several best ones counts.
/// Other teams do not influence the result.
pub fn counting_entry<'e>(own: &BoardInput<'_, 'e>, rule: Pick) -> Option<BoardEntry<'e>> {
    match rule {
        Pick::Last => own.entries.last().copied(),
        // `keep_chosen` has already applied a choice. The best submission counts for a team without a choice.
        Pick::Best | Pick::Chosen => {
            let lines = standings(own);
            let best = |entry: &&BoardEntry<'e>| {
                let mut first = lines.iter().take_while(|line| line.rank == 1);
                first.any(|line| line.submission == entry.submission)
            };
            own.entries.iter().find(best).copied()
        }
    }
}

/// The submission that counts for each team, in the order of the teams' names. `all` has the submissions of all teams,
/// earliest first.
pub fn counting_entries<'e>(all: &BoardInput<'_, 'e>, rule: Pick) -> Vec<BoardEntry<'e>> {
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
