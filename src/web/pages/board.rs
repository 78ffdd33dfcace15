//! The page of a leaderboard: one live table.
//!
//! On narrow screens the style sheet turns every row into a card. In some browsers, another layout removes the meaning
//! of a table for screen readers. Therefore every element states its role.

use maud::{Markup, html};

use super::home::address;
use super::layout::{Shell, page};
use super::parts::{arrow, phase_times, timestamp};
use crate::model::text::counted;
use crate::report::{BoardView, CellView, ColumnView, RowView, sanitize};

pub fn board(view: &BoardView, version: &str) -> Markup {
    let path = path(view);
    let events = format!("{path}/events");
    let (task, phase) = (sanitize::line(&view.task.title), sanitize::line(&view.phase.title));
    let title = format!("{task}, {phase}");
    let shell = Shell {
        title: &title,
        crumbs: &[(view.challenge.title.clone(), address(&view.challenge))],
        events: Some(&events),
        private: false,
        version,
    };
    let head = html! {
        h1 { (task) }
        p.lede { (phase) }
    };
    page(&shell, &head, &board_fragment(view))
}

/// The part that live updates replace.
pub fn board_fragment(view: &BoardView) -> Markup {
    let path = path(view);
    html! {
        section data-announcement=(announcement(view)) {
            (facts(view))
            @for notice in view.notices() { p.note { (notice) } }
            @if view.rows.is_empty() {
                div.card.empty {
                    p { strong { "No submission has a score yet." } }
                    p { "The first submission that passes all stages appears here." }
                }
            } @else {
                (table(view))
            }
            (notes(view))
            p.links {
                a href={ (path) ".csv" } { "CSV" }
                a href={ "/api/v1/boards/" (view.board.to_string()) } { "JSON" }
                span.soft { "as of " (timestamp(view.generated_at)) }
                @if let Some(revision) = view.revision {
                    span.soft { "scoring revision " (revision) }
                }
            }
        }
    }
}

fn path(view: &BoardView) -> String {
    format!("/challenges/{}", view.board)
}

/// One sentence about the current state, which a screen reader reads after an update.
fn announcement(view: &BoardView) -> String {
    let leaders: Vec<String> = view.rows.iter().take_while(|r| r.rank == 1).map(|r| r.team.to_string()).collect();
    let first = match leaders.as_slice() {
        [] => "no team is ranked yet".to_owned(),
        teams => format!("first: {}", teams.join(" and ")),
    };
    let teams = counted(view.rows.len(), "team");
    let under_way = view.under_way;
    format!("The leaderboard changed: {teams}, {first}, {under_way} in progress.")
}

fn facts(view: &BoardView) -> Markup {
    html! {
        ul.facts {
            li { strong { (view.rows.len()) } " " (if view.rows.len() == 1 { "team" } else { "teams" }) }
            li { strong { (view.submissions) } " " (if view.submissions == 1 { "submission" } else { "submissions" }) }
            li { strong { (view.under_way) } " in progress" }
            li { (phase_times(view.phase_state(), view.opens, view.closes)) }
        }
    }
}

fn table(view: &BoardView) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="caption" {
            table.board role="table" aria-describedby="caption" {
                caption #caption { (view.ranked_by()) }
                thead role="rowgroup" {
                    tr role="row" {
                        th.num scope="col" role="columnheader" aria-sort="ascending" { "Rank" }
                        th scope="col" role="columnheader" { "Team" }
                        @if let Some(title) = view.rank_title() {
                            th.num scope="col" role="columnheader" { (title) }
                        }
                        @for column in &view.metrics {
                            th.num scope="col" role="columnheader" {
                                (sanitize::line(&column.title)) " " (arrow(column.direction))
                            }
                        }
                        th.num scope="col" role="columnheader" { "Submission" }
                        th scope="col" role="columnheader" { "Received" }
                    }
                }
                tbody role="rowgroup" {
                    @for row in &view.rows { (team_row(view, row)) }
                }
            }
        }
    }
}

fn team_row(view: &BoardView, row: &RowView) -> Markup {
    html! {
        tr.baseline[row.is_baseline] #{ "team-" (row.team) } role="row" data-key=(row.team) {
            td.num.rank role="cell" { (row.rank) }
            th.team scope="row" role="rowheader" {
                (row.team)
                @if row.is_baseline { " " span.badge { "baseline" } }
                @if row.imputed > 0 { " " span.footnote title="missing values, see below" { "*" } }
            }
            @if let Some(title) = view.rank_title() {
                td.num role="cell" data-label=(title) { (row.value.formatted) }
            }
            @for (column, cell) in view.metrics.iter().zip(&row.values) { (metric_cell(column, cell)) }
            td.num.number role="cell" data-label="Submission" {
                "#" (row.submission) " " code { (row.content.short()) }
            }
            td.when role="cell" data-label="Received" { (timestamp(row.at)) }
        }
    }
}

fn metric_cell(column: &ColumnView, cell: &CellView) -> Markup {
    html! {
        td.num.value.best[cell.rank == 1] role="cell" data-label=(sanitize::line(&column.title)) {
            span.v { (cell.value.formatted) }
            span.by { span.visually-hidden { ", rank " } (cell.rank) }
        }
    }
}

fn notes(view: &BoardView) -> Markup {
    let imputed: Vec<&RowView> = view.rows.iter().filter(|r| r.imputed > 0).collect();
    html! {
        @if !view.rows.is_empty() {
            p.note {
                "The small number beside a value is the rank by that metric alone. \
                 Values are rounded. Ranks are computed from unrounded values."
            }
        }
        @if !imputed.is_empty() {
            p.note {
                "* Number of missing values by team, which count as challenge.toml defines: "
                @for (i, row) in imputed.iter().enumerate() {
                    @if i > 0 { ", " }
                    (row.team) " " (row.imputed)
                }
                "."
            }
        }
    }
}
