//! The page of all rules. It explains every code of a finding at an anchor of its own.

use maud::{Markup, html};

use super::layout::{Shell, page};
use super::parts::{prose, severity};
use crate::rules::Rule;

/// The page of all rules, in the given order.
pub fn rules(all: &[Rule], version: &str) -> Markup {
    let shell = Shell { title: "Rules", crumbs: &[], events: None, private: false, version };
    let groups: Vec<&[Rule]> = all.chunk_by(|a, b| letters(a.code) == letters(b.code)).collect();
    let head = html! {
        h1 { "Rules" }
        p.lede.intro {
            "All codes that a report can have. An error ends a submission, a warning does not. \
             Organizers of a challenge can change the severity of every rule that is not marked \
             “not overridable”."
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

fn article(rule: &Rule) -> Markup {
    html! {
        article.rule.card id=(rule.code) {
            h3 {
                a.code href={ "#" (rule.code) } { (rule.code) } " "
                span { (prose(rule.title)) } " "
                (severity(rule.severity))
                @if !rule.overridable {
                    " " span.badge title="No challenge can lower the severity" { "not overridable" }
                }
            }
            p { (prose(rule.why)) }
            p.help { strong { "Help" } " " span { (prose(rule.help)) } }
            @if !rule.wrong.is_empty() || !rule.right.is_empty() {
                div.examples {
                    (example("wrong", "Wrong", rule.wrong))
                    (example("right", "Right", rule.right))
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
