//! The score of one submission: a table of metrics, and a table of cases if the phase shows them.

use maud::{Markup, html};

use super::parts::arrow;
use crate::model::numbers::rounded;
use crate::model::text::counted;
use crate::report::{CaseView, ScoreView, sanitize};

/// Decimals of a case's value on a page. The JSON has all decimals that the phase allows.
const CASE_DECIMALS: u8 = 3;

/// A section with both tables. With a `number`, it also has the standing of that submission.
pub(super) fn section(title: &str, score: &ScoreView, number: Option<i64>) -> Markup {
    let ranked = score.metrics.iter().any(|m| m.rank.is_some());
    html! {
        section.card {
            h2 { (title) }
            @if let Some(standing) = number.and_then(|n| score.standing(n)) {
                p.standing { "Overall " strong { (standing) } }
            }
            @if let Some(reason) = &score.counting_reason {
                p.note { (sanitize::line(reason)) }
            }
            table.plain {
                thead {
                    tr {
                        th scope="col" { "Metric" }
                        th.num scope="col" { "Value" }
                        @if ranked { th.num scope="col" { "Rank" } }
                    }
                }
                tbody {
                    @for metric in &score.metrics {
                        tr {
                            th scope="row" { (sanitize::line(&metric.title)) " " (arrow(metric.direction)) }
                            td.num { (metric.formatted) }
                            @if ranked { td.num { @if let Some(rank) = metric.rank { (rank) } } }
                        }
                    }
                }
            }
            @if score.imputed > 0 {
                p.note {
                    (counted(score.imputed, "missing value"))
                    ", counted as challenge.toml defines."
                }
            }
            @if let Some(cases) = &score.cases { (case_table(score, cases)) }
        }
    }
}

fn case_table(score: &ScoreView, cases: &[CaseView]) -> Markup {
    html! {
        details data-key={ "cases-" (cases.len()) } {
            summary { (counted(cases.len(), "case")) }
            div.scroll tabindex="0" role="region" aria-label="Values by case" {
                table.plain {
                    thead {
                        tr {
                            th scope="col" { "Case" }
                            @for metric in &score.metrics {
                                th.num scope="col" { (sanitize::line(&metric.title)) }
                            }
                        }
                    }
                    tbody {
                        @for case in cases {
                            tr {
                                th scope="row" {
                                    (case.case)
                                    @if let Some(reason) = &case.reason {
                                        span.reason { (sanitize::line(reason)) }
                                    }
                                }
                                @for value in &case.values {
                                    td.num { (value.map_or("missing".to_owned(), |v| rounded(v, CASE_DECIMALS).1)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
