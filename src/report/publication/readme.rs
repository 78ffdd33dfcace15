//! The README of the leaderboard repository: a section for each leaderboard.

use super::{ChallengePublication, path};
use crate::model::Timestamp;
use crate::report::board_text::{markdown_table, markdown_title};
use crate::report::escape::{markdown_text, markdown_url};
use crate::report::{BoardView, PhaseState};

const LEGEND: &str = "The number in parentheses is the rank by that metric alone. ↑: higher is better. ↓: lower is \
    better. Values are rounded. Ranks are computed from unrounded values.";
const ORIGIN: &str = "Referee writes these files after each change of the standings, and overwrites manual edits.";

const ALT: &str = "Plot of the first metric of each team. The table above has the numbers";

pub(super) fn page(publication: &ChallengePublication) -> String {
    let title = markdown_text(&publication.challenge.title);
    let mut blocks = vec![format!("# {title}\n")];
    let url = publication.public_url.as_deref();
    blocks.extend(publication.boards.iter().map(|view| section(view, url)));
    blocks.push(match publication.boards.as_slice() {
        [] => "No leaderboard is public yet.\n".to_owned(),
        _ => format!("---\n\n{LEGEND}\n"),
    });
    blocks.push(format!("{ORIGIN}\n"));
    blocks.join("\n")
}

fn section(view: &BoardView, public_url: Option<&str>) -> String {
    let (csv, svg) = (path(view, "csv"), path(view, "svg"));
    let mut text = format!("## {}\n\n{}\n\n{}\n", markdown_title(view), state(view), markdown_table(view));
    text.extend(imputed(view));
    if !view.rows.is_empty() {
        text.push_str(&format!("[![{ALT}]({svg})]({svg})\n\n"));
    }
    text.push_str(&format!("[Table as CSV]({csv}), [plot as SVG]({svg})"));
    let page = public_url.map(|url| format!("{}/challenges/{}", url.trim_end_matches('/'), view.board));
    if let Some(page) = page.as_deref().and_then(markdown_url) {
        text.push_str(&format!(", [live leaderboard](<{page}>)"));
    }
    text.push_str(".\n");
    text
}

/// The number of missing values per team.
fn imputed(view: &BoardView) -> Option<String> {
    let rows = view.rows.iter().filter(|row| row.imputed > 0);
    let teams: Vec<String> = rows.map(|row| format!("{} {}", markdown_text(row.team.as_str()), row.imputed)).collect();
    let teams = teams.join(", ");
    (!teams.is_empty())
        .then(|| format!("Number of missing values by team, which count as challenge.toml defines: {teams}.\n\n"))
}

fn state(view: &BoardView) -> String {
    let phase = match view.phase_state() {
        PhaseState::Planned => format!("Opens {}.", minute(view.opens)),
        PhaseState::Open => format!("Open until {}.", minute(view.closes)),
        PhaseState::Closed => format!("Closed {}.", minute(view.closes)),
    };
    match view.frozen {
        Some(_) => format!("{phase} Frozen: later scores are hidden until the organizers unfreeze the leaderboard."),
        None => phase,
    }
}

/// `2026-04-30 23:59 UTC`
fn minute(at: Timestamp) -> String {
    let exact = at.to_string();
    let to_minute = exact.get(..16).unwrap_or(&exact);
    format!("{} UTC", to_minute.replace('T', " "))
}
