//! The frame of all pages: head, header with breadcrumbs, footer.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::sanitize;
use crate::web::assets::{ICON, SCRIPT, STYLE};

/// The properties of a page.
pub(super) struct Shell<'a> {
    /// Title of the browser's tab.
    pub title: &'a str,
    /// Title and address of every page between the first page and this one.
    pub crumbs: &'a [(String, String)],
    /// Address of the event stream of a live page.
    pub events: Option<&'a str>,
    /// Whether the address is a secret. Then search engines must not index it, and links must not send it along.
    pub private: bool,
    /// Version of Referee.
    pub version: &'a str,
}

/// The document. Live updates replace `live` and keep `head`.
pub(super) fn page(shell: &Shell<'_>, head: &Markup, live: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if shell.private {
                    meta name="referrer" content="no-referrer";
                    meta name="robots" content="noindex, nofollow";
                }
                title { (sanitize::line(shell.title)) " · Referee" }
                link rel="icon" type=(ICON.content_type) href=(ICON.path);
                link rel="stylesheet" href=(STYLE.path);
                script src=(SCRIPT.path) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (header(shell))
                main #main tabindex="-1" data-events=[shell.events] {
                    div.head {
                        (head)
                        @if shell.events.is_some() {
                            // The script fills both. Screen readers read the announcement.
                            p.connection #connection hidden {}
                            p.visually-hidden #announcement role="status" aria-live="polite" {}
                        }
                    }
                    div #live { (live) }
                }
                footer.foot {
                    p { "Referee " (shell.version) }
                    p { "All times are UTC." }
                }
            }
        }
    }
}

fn header(shell: &Shell<'_>) -> Markup {
    html! {
        header.top {
            a.brand href="/" { (PreEscaped(LOGO)) "Referee" }
            nav.crumbs aria-label="You are here" {
                ol {
                    @for (title, address) in shell.crumbs {
                        li { a href=(address) { (sanitize::line(title)) } }
                    }
                }
            }
            nav.site aria-label="Site" { a href="/rules" { "Rules" } }
        }
    }
}

/// The icon. It is part of the page, so that it needs no request and scales with the text.
const LOGO: &str = include_str!("../assets/referee.svg");
