//! The error page: what happened, why, and what to do next.

use maud::{Markup, html};

use super::layout::{Shell, page};
use crate::report::sanitize;

/// The content of an error page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorView {
    /// HTTP status.
    pub status: u16,
    pub title: String,
    /// The reason and the next step, in one to three sentences.
    pub why: String,
}

impl ErrorView {
    fn new(status: u16, title: &str, why: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), why: why.into() }
    }

    /// The address has no page, or this reader may not see it. Both look the same.
    pub fn not_found() -> Self {
        Self::new(
            404,
            "Page not found",
            "The address is wrong, or the page was removed. Addresses of submissions are long: copy the complete \
             address from the commit or from the output of git push.",
        )
    }

    pub fn too_many_readers() -> Self {
        Self::new(
            503,
            "Too many open live pages",
            "Submissions are still checked and evaluated. Load the page again in a minute.",
        )
    }

    pub fn timed_out() -> Self {
        Self::new(
            503,
            "The server is busy",
            "The page was not ready in time. Submissions are still checked and evaluated. Load the page again in a \
             minute.",
        )
    }

    /// Organizers find the incident number in the log.
    pub fn internal(incident: &str) -> Self {
        Self::new(
            500,
            "Internal error",
            format!(
                "Referee recorded the error as incident {incident}. It affects only this page, not submissions. Load \
                 the page again. If the error persists, report the incident number to the organizers."
            ),
        )
    }
}

pub fn error(view: &ErrorView, version: &str) -> Markup {
    let shell = Shell { title: &view.title, crumbs: &[], events: None, private: true, version };
    let head = html! {
        p.status { (view.status) }
        h1 { (sanitize::line(&view.title)) }
    };
    let body = html! {
        div.error {
            p.lede { (sanitize::line(&view.why)) }
            ul.next {
                li { a href="/" { "All challenges" } }
            }
        }
    };
    page(&shell, &head, &body)
}
