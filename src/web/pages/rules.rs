//! The page of all rules: every code that a finding can have, explained at its own anchor.

use maud::{Markup, html};

use super::layout::{Shell, page};
use super::parts::{prose, severity};
use crate::model::Severity;
use crate::rules::Rule;

/// A rule as the page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleDoc<'a> {
    /// Stable: `DF020`. The letters name its group.
    pub code: &'a str,
    /// What it weighs by default.
    pub severity: Severity,
    /// Whether no challenge can make it weigh less.
    pub firm: bool,
    /// One line.
    pub title: &'a str,
    /// What to do.
    pub help: &'a str,
    /// Why the rule exists.
    pub why: &'a str,
    /// What breaks it; may be empty.
    pub bad: &'a str,
    /// The same, right; may be empty.
    pub good: &'a str,
}

impl<'a> From<&'a Rule> for RuleDoc<'a> {
    fn from(rule: &'a Rule) -> Self {
        Self {
            code: rule.code,
            severity: rule.severity,
            firm: rule.firm,
            title: rule.title,
            help: rule.help,
            why: rule.why,
            bad: rule.bad,
            good: rule.good,
        }
    }
}

/// The whole page; rules come in the order given.
pub fn rules(all: &[RuleDoc<'_>], version: &str) -> Markup {
    let shell = Shell {
        title: "Rules",
        crumbs: &[],
        events: None,
        private: false,
        version,
    };
    let groups: Vec<&[RuleDoc<'_>]> = all
        .chunk_by(|a, b| letters(a.code) == letters(b.code))
        .collect();
    let head = html! {
        h1 { "Rules" }
        p.lede.intro {
            "Every code that a report can name. An error ends a submission; a warning does not. \
             What is not marked firm, the organizers of a challenge may weigh otherwise."
        }
    };
    let body = html! {
        div.columns.catalogue {
            nav.narrow aria-label="Rules by group" {
                @for group in &groups {
                    h2 { a href={ "#" (letters(group[0].code)) } { (group_title(group[0].code)) } }
                    ul {
                        @for rule in *group {
                            li { a href={ "#" (rule.code) } { code { (rule.code) } " " span { (prose(rule.title)) } } }
                        }
                    }
                }
            }
            div.wide {
                @for group in &groups {
                    section {
                        h2 id=(letters(group[0].code)) { (group_title(group[0].code)) }
                        @for rule in *group { (article(rule)) }
                    }
                }
            }
        }
    };
    page(&shell, &head, &body)
}

fn letters(code: &str) -> &str {
    code.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn group_title(code: &str) -> &str {
    match letters(code) {
        "SRC" => "Repository",
        "SUB" => "submission.toml",
        "DF" => "Dockerfile",
        "BLD" => "Build",
        "IMG" => "Image",
        "RUN" => "Run",
        "OUT" => "Output",
        "QTA" => "Quota",
        "PHS" => "Phase",
        other => other,
    }
}

fn article(rule: &RuleDoc<'_>) -> Markup {
    html! {
        article.rule.card id=(rule.code) {
            h3 {
                a.code href={ "#" (rule.code) } { (rule.code) } " "
                span { (prose(rule.title)) } " "
                (severity(rule.severity))
                @if rule.firm { " " span.badge title="No challenge can weigh it less" { "firm" } }
            }
            p { (prose(rule.why)) }
            p.help { strong { "Fix" } " " span { (prose(rule.help)) } }
            @if !rule.bad.is_empty() || !rule.good.is_empty() {
                div.examples {
                    (example("bad", "Not this", rule.bad))
                    (example("good", "But this", rule.good))
                }
            }
        }
    }
}

fn example(class: &str, title: &str, text: &str) -> Markup {
    html! {
        figure.(class) {
            figcaption { (title) }
            pre tabindex="0" role="region" aria-label=(title) { code { (text) } }
        }
    }
}
