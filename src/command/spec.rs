//! The description of one command: its grammar, permission and help in one value.
//!
//! It parses nothing. Usage lines, help and the replies to mistakes are made from it.

/// The role in which a person gives a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandRole {
    /// A member of the forge's team of organizers, or the command line of the server.
    Organizer,
    /// A member of a team, in the team's own repository.
    Participant,
}

/// The roles that may give a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Organizers, in every repository that takes commands.
    Organizers,
    /// Members of a team, in the team's own repository.
    TeamMembers,
    Both,
}

impl Permission {
    /// Whether a role is among them.
    pub fn includes(self, role: CommandRole) -> bool {
        match self {
            Self::Organizers => role == CommandRole::Organizer,
            Self::TeamMembers => role == CommandRole::Participant,
            Self::Both => true,
        }
    }
}

/// The description of one command.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// One word, or two of which the first names a family: `phase open`.
    pub name: &'static str,
    /// The arguments: literal words in small letters, values in capitals, optional parts in brackets.
    pub takes: &'static str,
    /// The names that may precede `=`.
    pub keys: &'static [&'static str],
    pub permission: Permission,
    /// It removes something, cannot be undone, or adds up when it is repeated. Referee never runs
    /// it from an edited text.
    pub destructive: bool,
    /// One line for the list of commands.
    pub summary: &'static str,
    /// Further Markdown for the help of this command.
    pub details: &'static str,
    /// Commands as people write them. The tests parse each of them.
    pub examples: &'static [&'static str],
}

impl CommandSpec {
    /// A command of organizers without arguments.
    pub const DEFAULT: Self = Self {
        name: "",
        takes: "",
        keys: &[],
        permission: Permission::Organizers,
        destructive: false,
        summary: "",
        details: "",
        examples: &[],
    };

    /// How the command is written, for example `/phase open PHASE`.
    pub fn usage(&self) -> String {
        format!("/{} {}", self.name, self.takes).trim_end().to_owned()
    }

    /// The first word of the name.
    pub fn family(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// The second word of the name; none for a command of one word.
    pub fn member(&self) -> Option<&'static str> {
        self.name.split_once(' ').map(|(_, member)| member)
    }
}
