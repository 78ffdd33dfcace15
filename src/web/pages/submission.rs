//! The page of a submission.

use maud::{Markup, html};

use super::layout::{Shell, page};
use super::parts::{bar, copyable, icon, prose, severity, stage_title, state_class, timestamp};
use super::{home, score};
use crate::model::{Location, Origin, PublicState};
use crate::report::{FindingView, LogView, QuotaView, StageState, StageView, SubmissionView, Tone, sanitize};

pub fn submission(view: &SubmissionView, version: &str) -> Markup {
    let events = format!("/submissions/{}/events", token(view));
    let title = format!("#{} {}", view.number, view.state.label());
    let shell = Shell {
        title: &title,
        crumbs: &[(view.challenge.title.clone(), home::address(&view.challenge))],
        events: (!is_over(view)).then_some(events.as_str()),
        private: true,
        version,
    };
    let head = html! {
        h1 { "Submission #" (view.number) }
        p.lede { "team " (view.team) ", " (sanitize::line(&view.phase.title)) }
    };
    page(&shell, &head, &submission_fragment(view))
}

/// The part that live updates replace. With `data-final`, the script closes the event stream.
pub fn submission_fragment(view: &SubmissionView) -> Markup {
    html! {
        section data-announcement=(view.headline()) data-final=[is_over(view).then_some("")] {
            (headline(view))
            @for notice in &view.notices { p.note { (sanitize::line(notice)) } }
            (stages(view))
            div.columns {
                div.wide {
                    (findings(view))
                    @for log in &view.logs { (log_section(view, log)) }
                    @if let Some(command) = &view.reproduce { (reproduce(command)) }
                    @if let Some(score) = &view.score {
                        @let title = format!("Score in {}", sanitize::line(&view.phase.title));
                        (score::section(&title, score, Some(view.number)))
                    }
                    @if let Some(score) = &view.sample_score {
                        (score::section("Score on the public sample", score, None))
                    }
                }
                aside.narrow {
                    @if let Some(quota) = &view.quota { (quota_card(quota)) }
                    (facts(view))
                }
            }
        }
    }
}

fn is_over(view: &SubmissionView) -> bool {
    matches!(view.state, PublicState::Ended(_))
}

/// The unguessable end of the page's address.
fn token(view: &SubmissionView) -> &str {
    view.url.rsplit('/').next().unwrap_or_default()
}

fn headline(view: &SubmissionView) -> Markup {
    let (tone, state) = match view.tone() {
        Tone::Success => ("success", StageState::Passed),
        Tone::Failure => ("failure", StageState::Failed),
        Tone::InProgress => ("in-progress", StageState::Working),
        Tone::Neutral => ("neutral", StageState::Warned),
    };
    html! {
        div.headline.(tone) {
            span.symbol { (icon(state)) }
            div {
                p.message { (sanitize::line(&view.headline())) }
                @if let Some(advice) = view.advice() { p { (advice) } }
                @if let Some(incident) = &view.incident {
                    p { "Incident " code { (sanitize::line(incident)) } }
                }
            }
        }
    }
}

/// A platform error is not displayed as a failure of the team.
fn displayed_state(view: &SubmissionView, stage: &StageView) -> StageState {
    match (stage.state, view.tone()) {
        (StageState::Failed, Tone::Neutral) => StageState::Warned,
        (state, _) => state,
    }
}

fn stages(view: &SubmissionView) -> Markup {
    html! {
        ol.stages aria-label="Stages" {
            @for stage in &view.stages {
                @let displayed = displayed_state(view, stage);
                li.(state_class(displayed)) aria-current=[(stage.state == StageState::Working).then_some("step")] {
                    span.symbol { (icon(displayed)) }
                    div {
                        p.name {
                            (stage_title(stage.name))
                            @if let Some(duration) = stage.duration {
                                " " span.time { (duration) }
                            }
                        }
                        p.soft {
                            @if stage.message.is_empty() {
                                (stage.state.label())
                            } @else {
                                // The symbol shows the state. Screen readers need the words.
                                span.visually-hidden { (stage.state.label()) ": " }
                                (prose(&stage.message))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn findings(view: &SubmissionView) -> Markup {
    html! {
        @if !view.findings.is_empty() {
            section {
                h2 { "Findings " span.soft { (view.finding_counts()) } }
                @for found in &view.findings { (finding(found)) }
                @if view.findings_left_out > 0 {
                    p.note { "… and " (view.findings_left_out) " more." }
                }
            }
        }
    }
}

fn finding(view: &FindingView) -> Markup {
    let finding = &view.finding;
    let code = sanitize::line(&finding.code);
    html! {
        article.finding.(finding.severity.to_string()) {
            p.where {
                (severity(finding.severity)) " "
                a.code href={ "/rules#" (code) } { (code) } " "
                @if let Some(location) = &finding.location { (location_link(location, view.link.as_deref())) }
            }
            h3 { (prose(&finding.message)) }
            @if let Some(location) = &finding.location { (source_line(location)) }
            @if !finding.help.is_empty() {
                p.help { strong { "Help" } " " span { (prose(&finding.help)) } }
            }
        }
    }
}

fn location_link(location: &Location, link: Option<&str>) -> Markup {
    let text = sanitize::line(&location.to_string());
    // A link with another scheme could run a script.
    let web = link.filter(|l| l.starts_with("https://") || l.starts_with("http://"));
    html! {
        @match web {
            Some(address) => { a.location href=(address) { (text) } }
            None => { span.location { (text) } }
        }
    }
}

/// The source line, underlined from the column to its end.
fn source_line(location: &Location) -> Markup {
    let (Some(number), Some(text)) = (location.line, &location.text) else {
        return html! {};
    };
    let line = sanitize::text(text).replace('\n', " ");
    let blank = line.chars().take_while(|c| c.is_whitespace()).count();
    let before = location.column.map_or(blank, |c| (c as usize).saturating_sub(1));
    let start = line.char_indices().nth(before).map_or(0, |(at, _)| at);
    let (left, right) = line.split_at(start);
    html! {
        pre.source tabindex="0" role="region" aria-label={ "Line " (number) } {
            span.ln aria-hidden="true" { (number) }
            code { (left) u { (right.trim_end()) } }
        }
    }
}

fn log_section(view: &SubmissionView, log: &LogView) -> Markup {
    let title = sanitize::line(&log.title);
    let failed = view.failed_stage() == Some(log.stage);
    let text = log.excerpt.text();
    html! {
        section.card {
            details open[failed] data-key={ "log-" (log.stage) "-" (title) } {
                summary { "Log of the " (stage_title(log.stage).to_lowercase()) ": " (title) }
                pre.log tabindex="0" role="region" aria-label=(title) {
                    code { (sanitize::text(text.trim_end())) }
                }
            }
        }
    }
}

fn reproduce(command: &str) -> Markup {
    html! {
        section.card {
            h2 { "Reproduce it locally" }
            p.soft {
                "The commands use the same limits and isolation on the public sample. \
                 Run them in a working copy of your repository."
            }
            (copyable("reproduce", "Commands", command))
        }
    }
}

fn quota_card(quota: &QuotaView) -> Markup {
    let rows = [
        ("Evaluations today", quota.used_today, quota.per_day),
        ("In this phase", quota.used_total, quota.total),
        ("Submissions today", quota.submissions_today, quota.submissions_per_day),
    ];
    html! {
        section.card {
            h2 { "Quota" }
            dl.quota {
                @for (name, used, of) in rows {
                    div {
                        dt { (name) }
                        dd { span { strong { (used) } " of " (of) } (bar(used, of)) }
                    }
                }
            }
            @if quota.granted > 0 {
                p.soft { (quota.granted) " of these evaluations were granted by the organizers." }
            }
        }
    }
}

fn facts(view: &SubmissionView) -> Markup {
    html! {
        section.card {
            h2 { "Facts" }
            dl.pairs {
                dt { "Team" } dd { (view.team) }
                dt { "Phase" } dd { (sanitize::line(&view.phase.title)) }
                @if let Some(task) = &view.task {
                    dt { "Task" }
                    dd {
                        (sanitize::line(&task.title)) " "
                        @if let Some(board) = &view.board {
                            @let anchor = view.score.as_ref().map(|_| format!("#team-{}", view.team));
                            a href={ "/challenges/" (board) (anchor.unwrap_or_default()) } { "leaderboard" }
                        }
                    }
                }
                @let (content, pushed_as) = match view.origin {
                    Origin::Commit { .. } => ("Commit", "Ref"),
                    Origin::Image { .. } => ("Manifest", "Pushed as"),
                };
                dt { (content) } dd { code.long { (view.origin.content()) } }
                dt { (pushed_as) } dd { code.long { (sanitize::line(&view.origin.pushed_as())) } }
                dt { "Received" } dd { (timestamp(view.observed_at)) }
                @if let Some(image) = &view.image {
                    dt { "Image" } dd { code.long { (image) } }
                }
            }
            p.links { a href={ "/api/v1/submissions/" (token(view)) } { "JSON" } }
        }
    }
}
