//! Which submission of a team counts. Decides by scores and order alone: whoever withdrew or was
//! disqualified is left out before, and so is what a team has not chosen ([`chosen`]).

use std::collections::BTreeMap;

use crate::model::{Pick, SubmissionId, TeamSlug};

use super::board::{BoardInput, Entry, standings};

/// The submission that counts among those of one team, which come earliest first.
///
/// The best is the one that would stand first on a board of the team's own submissions alone; of
/// several such the earliest. Other teams cannot change the choice.
pub fn pick<'e>(own: &BoardInput<'_, 'e>, rule: Pick) -> Option<Entry<'e>> {
    match rule {
        Pick::Last => own.entries.last().copied(),
        // What was not chosen is gone by now; without a choice the best counts.
        Pick::Best | Pick::Chosen => {
            let lines = standings(own);
            let best = |entry: &&Entry<'e>| {
                let mut first = lines.iter().take_while(|line| line.rank == 1);
                first.any(|line| line.submission == entry.submission)
            };
            own.entries.iter().find(best).copied()
        }
    }
}

/// The submission that counts of each team, in the order of the teams' names. `all` holds the
/// submissions of all teams, earliest first.
pub fn counting<'e>(all: &BoardInput<'_, 'e>, rule: Pick) -> Vec<Entry<'e>> {
    let mut teams: BTreeMap<&TeamSlug, Vec<Entry<'e>>> = BTreeMap::new();
    for entry in all.entries {
        teams.entry(entry.team).or_default().push(*entry);
    }
    let of_team = |entries: &Vec<Entry<'e>>| pick(&BoardInput { entries, ..*all }, rule);
    teams.values().filter_map(of_team).collect()
}

/// Leaves of each team that has chosen only its choice, where that is among the entries. A choice
/// without a score cannot count, so the team's others stay.
pub fn chosen<'e>(
    entries: &[Entry<'e>],
    choice: impl Fn(&TeamSlug) -> Option<SubmissionId>,
) -> Vec<Entry<'e>> {
    let scored = |wanted| entries.iter().any(|e| e.submission == wanted);
    let stays = |entry: &&Entry<'e>| {
        let wanted = choice(entry.team).filter(|wanted| scored(*wanted));
        wanted.is_none_or(|wanted| wanted == entry.submission)
    };
    entries.iter().filter(stays).copied().collect()
}
