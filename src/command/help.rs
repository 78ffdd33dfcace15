//! Help as Markdown, made from the descriptions of the commands.

use super::spec::{CommandRole, CommandSpec, Permission};
use super::table::{CommandSet, specs};

/// The reply to `/help`: the commands that this role may give.
pub fn list_commands<C: CommandSet>(role: CommandRole) -> String {
    let mut text = String::from("| Command | Description |\n|---|---|\n");
    for spec in specs::<C>().filter(|spec| spec.permission.includes(role)) {
        // A bar ends a cell of a table even within code.
        let usage = spec.usage().replace('|', "\\|");
        text.push_str(&format!("| `{usage}` | {} |\n", spec.summary));
    }
    text.push_str(
        "\nWrite a command at the beginning of a line of an issue or a comment. One text can hold several \
         commands. Referee ignores quotes, code, tables and headings. It also ignores a line directly below a \
         quote: leave a blank line between them. Use `/help COMMAND` to explain one command.\n",
    );
    text
}

/// The reply to `/help TOPIC`: one command, or all commands of a family such as `phase`.
pub fn explain_commands<C: CommandSet>(topic: &str) -> String {
    let named = specs::<C>().filter(|spec| spec.name == topic || spec.family() == topic);
    named.map(explain).collect::<Vec<_>>().join("\n")
}

fn explain(spec: &CommandSpec) -> String {
    let permission = match spec.permission {
        Permission::Organizers => "For organizers.",
        Permission::TeamMembers => "For members of a team, in the team's own repository.",
        Permission::Both => "For organizers, and for members of a team in the team's own repository.",
    };
    let edits =
        if spec.destructive { " Referee does not run this command if an edit adds it to a comment." } else { "" };
    let examples = spec.examples.join("\n");
    format!(
        "**`{}`**\n\n{} {}\n\n{permission}{edits}\n\n```text\n{examples}\n```\n",
        spec.usage(),
        spec.summary,
        spec.details
    )
}
