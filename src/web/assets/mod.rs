//! The files that pages load: one style sheet, one script, one icon. They are part of the binary.
//!
//! Pages use no framework, need no build step, and load nothing from another host.

/// A file that pages load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    pub path: &'static str,
    pub content_type: &'static str,
    pub text: &'static str,
}

pub const STYLE: Asset =
    Asset { path: "/assets/referee.css", content_type: "text/css; charset=utf-8", text: include_str!("referee.css") };

/// Live updates and copy buttons. Pages are complete without it.
pub const SCRIPT: Asset = Asset {
    path: "/assets/referee.js",
    content_type: "text/javascript; charset=utf-8",
    text: include_str!("referee.js"),
};

/// The icon of the browser's tab.
pub const ICON: Asset =
    Asset { path: "/assets/referee.svg", content_type: "image/svg+xml", text: include_str!("referee.svg") };

pub const ALL: [Asset; 3] = [STYLE, SCRIPT, ICON];
