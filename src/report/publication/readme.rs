//! The page that a forge shows for the repository: a section for each board.

use super::{ChallengePublication, path};
use crate::model::Timestamp;
use crate::report::board_text::{markdown_table, markdown_title};
use crate::report::escape::{markdown_text, markdown_url};
use crate::report::{BoardView, PhaseState};

const LEGEND: &str = "The number in parentheses is the rank by that metric alone; ↑ means that \
    higher is better, ↓ that lower is. Values are rounded, ranks are made from the unrounded ones.";
const ORIGIN: &str = "Referee writes these files after each change of the standings. What is edited \
    here by hand is overwritten.";

const ALT: &str = "The first metric of each team as a plot; the table above has its numbers";

pub(super) fn page(publication: &ChallengePublication) -> String {
    let title = markdown_text(&publication.challenge.title);
    let mut blocks = vec![format!("# {title}\n")];
    let url = publication.public_url.as_deref();
    blocks.extend(publication.boards.iter().map(|view| section(view, url)));
    blocks.push(match publication.boards.as_slice() {
        [] => "No board is public yet.\n".to_owned(),
        _ => format!("---\n\n{LEGEND}\n"),
    });
    blocks.push(format!("{ORIGIN}\n"));
    blocks.join("\n")
}

fn section(view: &BoardView, public_url: Option<&str>) -> String {
    let (csv, svg) = (path(view, "csv"), path(view, "svg"));
    let mut text = format!(
        "## {}\n\n{}\n\n{}\n",
        markdown_title(view),
        state(view),
        markdown_table(view)
    );
    text.extend(imputed(view));
    if !view.rows.is_empty() {
        text.push_str(&format!("[![{ALT}]({svg})]({svg})\n\n"));
    }
    text.push_str(&format!("[Table as CSV]({csv}), [plot as SVG]({svg})"));
    let page =
        public_url.map(|url| format!("{}/challenges/{}", url.trim_end_matches('/'), view.board));
    if let Some(page) = page.as_deref().and_then(markdown_url) {
        text.push_str(&format!(", [live board](<{page}>)"));
    }
    text.push_str(".\n");
    text
}

/// Whose values were missing and filled by rule.
fn imputed(view: &BoardView) -> Option<String> {
    let rows = view.rows.iter().filter(|row| row.imputed > 0);
    let told = rows.map(|row| format!("{} {}", markdown_text(row.team.as_str()), row.imputed));
    let told: Vec<String> = told.collect();
    let told = told.join(", ");
    (!told.is_empty())
        .then(|| format!("Missing values, counted by the challenge's rule: {told}.\n\n"))
}

fn state(view: &BoardView) -> String {
    let phase = match view.phase_state() {
        PhaseState::Planned => format!("Opens {}.", minute(view.opens)),
        PhaseState::Open => format!("Open until {}.", minute(view.closes)),
        PhaseState::Closed => format!("Closed {}.", minute(view.closes)),
    };
    match view.frozen {
        Some(_) => format!(
            "{phase} Frozen: what is scored from now on does not show until the organizers lift it."
        ),
        None => phase,
    }
}

/// `2026-04-30 23:59 UTC`.
fn minute(at: Timestamp) -> String {
    let exact = at.to_string();
    let to_minute = exact.get(..16).unwrap_or(&exact);
    format!("{} UTC", to_minute.replace('T', " "))
}
