//! The first page and the page of a challenge: lists of leaderboards.

use maud::{Markup, html};

use super::layout::{Shell, page};
use super::parts::phase_times;
use crate::model::ChallengeSlug;
use crate::model::text::counted;
use crate::report::{BoardLink, ChallengeView, HomeView, PhaseState, Titled, sanitize};

/// The page of all challenges.
pub fn home(view: &HomeView, version: &str) -> Markup {
    let shell = Shell { title: "Challenges", crumbs: &[], events: None, private: false, version };
    let head = html! {
        h1 { "Challenges" }
        p.lede { "Push a Dockerfile. Referee checks, builds, runs, scores and ranks it." }
    };
    let body = html! {
        @if view.challenges.is_empty() {
            p.empty { "There is no challenge yet. Organizers add one with " code { "referee init" } "." }
        }
        @for challenge in &view.challenges {
            section.card {
                h2 { a href=(address(&challenge.challenge)) { (title(&challenge.challenge)) } }
                (boards(challenge))
            }
        }
    };
    page(&shell, &head, &body)
}

/// The page of one challenge.
pub fn challenge(view: &ChallengeView, version: &str) -> Markup {
    let shell = Shell { title: &view.challenge.title, crumbs: &[], events: None, private: false, version };
    let head = html! {
        h1 { (title(&view.challenge)) }
        p.lede { (counted(view.boards.len(), "leaderboard")) }
    };
    page(&shell, &head, &html! { section.card { (boards(view)) } })
}

/// Address of a challenge's page.
pub(super) fn address(challenge: &Titled<ChallengeSlug>) -> String {
    format!("/challenges/{}", challenge.slug)
}

fn title(challenge: &Titled<ChallengeSlug>) -> String {
    sanitize::line(&challenge.title)
}

fn boards(view: &ChallengeView) -> Markup {
    html! {
        @if view.boards.is_empty() { p.empty { "No leaderboard is public yet." } }
        ul.boards {
            @for link in &view.boards { (board_item(view, link)) }
        }
    }
}

fn board_item(view: &ChallengeView, link: &BoardLink) -> Markup {
    let address = format!("{}/{}/{}", address(&view.challenge), link.phase.slug, link.task.slug);
    html! {
        li {
            div.name {
                a href=(address) { (sanitize::line(&link.task.title)) }
                span.soft { (sanitize::line(&link.phase.title)) }
            }
            p.state {
                span.dot.live[link.state == PhaseState::Open] {}
                (phase_times(link.state, link.opens, link.closes))
            }
            p.soft {
                (counted(link.teams, "team")) ", " (counted(link.submissions, "submission"))
            }
            p.leader {
                @if let Some(leader) = &link.leader {
                    span.soft { "first " } strong { (leader.team) }
                    " " span.soft { (sanitize::line(&leader.metric)) } " "
                    span.num { (leader.formatted) }
                }
            }
        }
    }
}
