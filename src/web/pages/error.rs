//! The page for what did not work: what, why, and what to do next.

use maud::{Markup, html};

use super::layout::{Shell, page};
use crate::report::sanitize;

/// What did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorView {
    /// HTTP status.
    pub status: u16,
    /// What.
    pub title: String,
    /// Why, in a sentence or two.
    pub why: String,
    /// Where to go now: a few words and an address of this server.
    pub next: Vec<(String, String)>,
}

impl ErrorView {
    /// Nothing is at this address, or nothing that this viewer may see: the two look the same.
    pub fn not_found() -> Self {
        Self {
            status: 404,
            title: "There is nothing here".to_owned(),
            why:
                "The address is wrong, or what stood here is gone. Pages of submissions have long \
                  addresses: copy them whole from the commit or from the output of git push."
                    .to_owned(),
            next: vec![("All challenges".to_owned(), "/".to_owned())],
        }
    }

    /// Too many readers of live pages.
    pub fn busy() -> Self {
        Self {
            status: 503,
            title: "Too many readers at the moment".to_owned(),
            why: "Nothing is lost: submissions are checked and evaluated all the same. \
                  Load the page again in a minute."
                .to_owned(),
            next: vec![("All challenges".to_owned(), "/".to_owned())],
        }
    }

    /// Our fault, under a number that organizers can look up.
    pub fn internal(incident: &str) -> Self {
        Self {
            status: 500,
            title: "Something went wrong on our side".to_owned(),
            why: format!(
                "It is written down as incident {incident}. Submissions are not affected by what \
                 happens to a page; load it again, and tell the organizers the number if it stays."
            ),
            next: vec![("All challenges".to_owned(), "/".to_owned())],
        }
    }
}

/// The whole page.
pub fn error(view: &ErrorView, version: &str) -> Markup {
    let shell = Shell {
        title: &view.title,
        crumbs: &[],
        events: None,
        private: true,
        version,
    };
    let head = html! {
        p.status { (view.status) }
        h1 { (sanitize::line(&view.title)) }
    };
    let body = html! {
        div.error {
            p.lede { (sanitize::line(&view.why)) }
            ul.next {
                @for (words, address) in &view.next {
                    li { a href=(address) { (sanitize::line(words)) } }
                }
            }
        }
    };
    page(&shell, &head, &body)
}
