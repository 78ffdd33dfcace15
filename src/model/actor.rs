//! Who gives an order. That it may be given was found out before; nothing here knows permissions.

use std::fmt;

use super::ids::ForgeName;

/// Who gives an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An account of a forge, as the forge authenticated it.
    Account {
        /// On this forge.
        forge: ForgeName,
        /// Login name at the time of the order.
        login: String,
    },
    /// Whoever has the server.
    CommandLine,
}

/// As the ledger keeps it: `gitea:ada`, `command line`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { forge, login } => write!(f, "{forge}:{login}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
