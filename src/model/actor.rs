//! Who gives a command. Permission was granted before; nothing here knows it.

use std::fmt;

use super::ids::ForgeName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An account of a forge, as the forge authenticated it.
    Account {
        forge: ForgeName,
        /// The login at the time of the command.
        login: String,
    },
    /// A person with access to the server.
    CommandLine,
}

/// As the audit log stores it: `gitea:ada`, `command line`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { forge, login } => write!(f, "{forge}:{login}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
