//! The table of commands as Markdown, for replies and documentation.

use super::error::CommandError;
use super::order::Topic;
use super::table::{Role, Row, TABLE, Who, rows};

/// What `/help` answers to somebody in this role: the commands that they may give.
pub fn help(role: Role) -> String {
    let mut text = String::from("| Command | What it does |\n|---|---|\n");
    for row in TABLE.iter().filter(|row| row.who.includes(role)) {
        // A bar ends a cell of a table even within code.
        let usage = row.usage().replace('|', "\\|");
        text.push_str(&format!("| `{usage}` | {} |\n", row.summary));
    }
    text.push_str(
        "\nA command begins a line of an issue or comment; several may stand in one. Quotes, code, tables and \
         headings are not read, nor is a line right below a quote: leave a blank line between. \
         `/help COMMAND` explains one of them.\n",
    );
    text
}

/// What `/help NAME` answers: one command, or a family of them such as `phase`.
///
/// # Errors
/// When there is no such name, with the one that was probably meant.
pub fn help_on(name: &str) -> Result<String, CommandError> {
    let topic = Topic::find(name.trim().trim_start_matches('/'))?;
    let sections: Vec<String> = rows(topic).map(section).collect();
    Ok(sections.join("\n"))
}

fn section(row: &Row) -> String {
    let who = match row.who {
        Who::Organizer => "For organizers.",
        Who::Participant => "For members of a team, in the team's own repository.",
        Who::Both => "For organizers, and for members of a team in the team's own repository.",
    };
    let edits = match row.destructive {
        true => " Never run from an edited comment.",
        false => "",
    };
    let examples = row.examples.join("\n");
    format!(
        "**`{}`**\n\n{} {}\n\n{who}{edits}\n\n```text\n{examples}\n```\n",
        row.usage(),
        row.summary,
        row.details
    )
}
