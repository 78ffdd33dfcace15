//! Records the commands of a comment or of an issue's own text, each exactly once.
//!
//! A delivery is never believed: the text is read again from the forge. Only the person whom the forge
//! authenticated as sender counts, and only if the text is that person's own. Nothing is
//! carried out here.

use std::collections::BTreeMap;

use super::Command;
use super::permission::CommandSource;
use crate::command::{self, TextCommand};
use crate::forge::Comment;
use crate::model::{ForgeEvent, ForgeName, RepositoryRef, Sender};
use crate::pipeline::{App, outbox};
use crate::store::{NewCommand, TextRef};

/// An event about a text that may hold commands.
struct TextEvent<'a> {
    repository: &'a RepositoryRef,
    edited: bool,
    issue: i64,
    /// 0 for the issue's own text.
    comment_id: i64,
    body: &'a str,
    sender: &'a Sender,
}

impl<'a> TextEvent<'a> {
    fn of(event: &'a ForgeEvent) -> Option<Self> {
        let (repository, action, issue, comment_id, body, sender) = match event {
            ForgeEvent::Comment { repository, action, issue, comment, body, sender, .. } => {
                (repository, action, *issue, *comment, body, sender)
            }
            ForgeEvent::Issue { repository, action, number, body, sender, .. } => {
                (repository, action, *number, 0, body, sender)
            }
            _ => return None,
        };
        let edited = action == "edited";
        let created = if comment_id == 0 { "opened" } else { "created" };
        (edited || action == created).then_some(Self { repository, edited, issue, comment_id, body, sender })
    }
}

/// Records the new commands of a text. Returns a note for the row of the delivery.
///
/// # Errors
/// The forge does not answer, or the database fails; then the delivery is repeated later.
pub async fn receive_commands(app: &App, forge: &ForgeName, event: &ForgeEvent) -> anyhow::Result<String> {
    let ignored = |reason: &str| Ok(format!("ignored: {reason}"));
    let Some(event) = TextEvent::of(event) else {
        return ignored("no new text");
    };
    let port = app.forges.require(forge)?;
    let bot = port.members()?.account().await?;
    if event.sender.id == bot.id {
        return ignored("Referee wrote the text");
    }
    // Most comments hold no command; the forge is not asked about them.
    if command::read_commands::<Command>(event.body, &bot.login).is_empty() {
        return ignored("no command");
    }
    let (id, name) = (event.repository.id.to_string(), &event.repository.full_name);
    let read_text = async |name: &str| match event.comment_id {
        0 => port.issues()?.issue(name, event.issue).await,
        comment_id => port.issues()?.comment(name, comment_id).await,
    };
    // A person waits for the reply, so the name of the event is tried while the forge confirms it.
    let (source, text) = tokio::join!(CommandSource::find(app, forge, &id), read_text(name));
    let Some(source) = source? else {
        return ignored("the repository takes no commands");
    };
    let text = if source.full_name == *name { text? } else { read_text(&source.full_name).await? };
    let Some(text) = text else {
        return ignored("the text no longer exists");
    };
    if text.author.as_ref().map(|author| author.id) != Some(event.sender.id) {
        return ignored("the sender is not the author of the text");
    }
    let at = TextRef { forge: forge.clone(), forge_id: id, issue: event.issue, comment_id: event.comment_id };
    let new = record(app, &at, &event, &text, &bot.login).await?;
    Ok(format!("new commands: {new}"))
}

/// Stores the commands that the text did not have before. Returns how many they are.
async fn record(app: &App, at: &TextRef, event: &TextEvent<'_>, text: &Comment, bot: &str) -> anyhow::Result<usize> {
    let known = app.context.store.commands_of(at).await?;
    let mut commands = command::read_commands::<Command>(&text.body, bot);
    if event.edited || !known.is_empty() || text.body != event.body {
        let before: Vec<TextCommand<Command>> =
            known.iter().flat_map(|record| command::read_commands(&record.text, bot)).collect();
        commands = command::new_commands(&before, &commands);
    }
    let mut ordinals: BTreeMap<String, i64> = BTreeMap::new();
    for record in &known {
        *ordinals.entry(record.text.clone()).or_default() += 1;
    }
    let new: Vec<NewCommand> = commands
        .iter()
        .map(|command| {
            let text = command.normal_form();
            let next = ordinals.entry(text.clone()).or_default();
            *next += 1;
            NewCommand { text, ordinal: *next - 1, reply: command.command.as_ref().err().map(ToString::to_string) }
        })
        .collect();
    let now = app.context.clock.now();
    let mut messages = vec![outbox::reaction(at, now)];
    if new.iter().any(|command| command.reply.is_some()) {
        messages.push(outbox::reply(at, now));
    }
    let recorded = app.context.store.record_commands(at, event.sender, &new, &messages, now);
    Ok(recorded.await?)
}
