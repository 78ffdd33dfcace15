//! What all pages share: head, header with the way here, footer.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::sanitize;
use crate::web::assets::{ICON, SCRIPT, STYLE};

/// Around a page.
pub(super) struct Shell<'a> {
    /// Of the browser's tab.
    pub title: &'a str,
    /// The way here from the first page, which is not part of it: titles and addresses.
    pub crumbs: &'a [(String, String)],
    /// Address of the stream of events, for pages that are live.
    pub events: Option<&'a str>,
    /// Whether the address is a secret: not for search engines, not for other sites.
    pub private: bool,
    /// Of Referee.
    pub version: &'a str,
}

/// The document. `head` stands above what is replaced by live updates, `live` is what is replaced.
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
                link rel="icon" type=(ICON.kind) href=(ICON.path);
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
                            // The script fills both: a note for the eyes, news for the ears.
                            p.link #link hidden {}
                            p.unseen #news role="status" aria-live="polite" {}
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
            a.brand href="/" { (PreEscaped(MARK)) "Referee" }
            nav.way aria-label="You are here" {
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

/// The icon, drawn again here so that it needs no request and follows the text's size.
const MARK: &str = include_str!("../assets/referee.svg");
