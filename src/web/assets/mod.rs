//! The files that pages load, held in the binary: one style sheet, one script, one icon.
//!
//! No framework, no build step, nothing from another host.

/// A file and the type it is served with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its address.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// The style sheet.
pub const STYLE: Asset = Asset {
    path: "/assets/referee.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("referee.css"),
};

/// The script: live updates and copy buttons. Pages say everything without it.
pub const SCRIPT: Asset = Asset {
    path: "/assets/referee.js",
    kind: "text/javascript; charset=utf-8",
    text: include_str!("referee.js"),
};

/// The icon of the browser's tab.
pub const ICON: Asset = Asset {
    path: "/assets/referee.svg",
    kind: "image/svg+xml",
    text: include_str!("referee.svg"),
};

/// All of them.
pub const ALL: [Asset; 3] = [STYLE, SCRIPT, ICON];
