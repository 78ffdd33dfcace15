//! What people write in issues and comments: heard once, permitted by the forge, carried out once,
//! answered in the same issue.
//!
//! A text is read again from the forge before anything in it is believed. Only who the forge
//! authenticated as sender counts, and only if the text is that person's own. A command whose
//! execution was cut off by a restart is not begun again by itself.
//!
//! In reading order: `place` (where commands are heard, and who may give them), `execute` (what each
//! comes to), `look` (those that only tell), `answer` (the sentences).

mod answer;
mod execute;
mod look;
mod place;

use std::collections::BTreeMap;

pub use place::COMMAND_LINE;

use super::context::Progress;
use super::{App, outbox};
use crate::command::{self, Written};
use crate::forge::Comment;
use crate::model::{ForgeEvent, ForgeName, RepositoryRef, Sender};
use crate::store::{CommandRecord, CommandState, NewCommand, NewOutboxMessage, TextRef};

/// An event about a text that may hold commands.
struct Told<'a> {
    repository: &'a RepositoryRef,
    action: &'a str,
    issue: i64,
    /// 0 for the text of the issue.
    comment_id: i64,
    body: &'a str,
    sender: &'a Sender,
}

impl<'a> Told<'a> {
    fn of(event: &'a ForgeEvent) -> Option<Self> {
        match event {
            ForgeEvent::Comment {
                repository,
                action,
                issue,
                comment,
                body,
                sender,
                ..
            } if matches!(action.as_str(), "created" | "edited") => Some(Self {
                repository,
                action,
                issue: *issue,
                comment_id: *comment,
                body,
                sender,
            }),
            ForgeEvent::Issue {
                repository,
                action,
                number,
                body,
                sender,
                ..
            } if matches!(action.as_str(), "opened" | "edited") => Some(Self {
                repository,
                action,
                issue: *number,
                comment_id: 0,
                body,
                sender,
            }),
            _ => None,
        }
    }
}

/// Hears the commands of a text. Returns what came of it, for the delivery's row.
///
/// # Errors
/// When the forge does not answer or the database fails; then the delivery waits.
pub async fn receive(app: &App, forge: &ForgeName, event: &ForgeEvent) -> anyhow::Result<String> {
    let Some(told) = Told::of(event) else {
        return Ok("ignored: no new text".to_owned());
    };
    let port = app.forges.require(forge)?;
    let bot = port.account().await?;
    if told.sender.id == bot.id {
        return Ok("ignored: our own".to_owned());
    }
    // Most comments are for people; nothing is asked of the forge for them.
    if command::read(told.body, &bot.login).is_empty() {
        return Ok("ignored: no command".to_owned());
    }
    let (id, name) = (told.repository.id.to_string(), &told.repository.full_name);
    let read = async |name: &str| match told.comment_id {
        0 => port.issue(name, told.issue).await,
        comment_id => port.comment(name, comment_id).await,
    };
    // Somebody waits: the name is tried while the forge is asked whether it is right.
    let (at, text) = tokio::join!(place::of(app, forge, &id), read(name));
    let Some(at) = at? else {
        return Ok("ignored: not a place for commands".to_owned());
    };
    let text = match at.full_name == *name {
        true => text?,
        false => read(&at.full_name).await?,
    };
    let Some(text) = text else {
        return Ok("ignored: the text is gone".to_owned());
    };
    if text.author.as_ref().map(|a| a.id) != Some(told.sender.id) {
        return Ok("ignored: somebody else's text".to_owned());
    }
    let here = TextRef {
        forge: forge.clone(),
        forge_id: told.repository.id.to_string(),
        issue: told.issue,
        comment_id: told.comment_id,
    };
    let new = enter(app, &here, (&told, &text), &bot.login).await?;
    Ok(format!("{new} new commands"))
}

async fn enter(
    app: &App,
    here: &TextRef,
    (told, text): (&Told<'_>, &Comment),
    bot: &str,
) -> anyhow::Result<usize> {
    let known = app.context.store.commands_of(here).await?;
    let now = command::read(&text.body, bot);
    let edited = told.action == "edited" || !known.is_empty() || text.body != told.body;
    let fresh = match edited {
        true => {
            let before: Vec<Written> = known
                .iter()
                .flat_map(|k| command::read(&k.text, bot))
                .collect();
            command::fresh(&before, &now)
        }
        false => now,
    };
    let mut count: BTreeMap<String, i64> = BTreeMap::new();
    for record in &known {
        *count.entry(record.text.clone()).or_default() += 1;
    }
    let received: Vec<NewCommand> = fresh
        .iter()
        .map(|written| {
            let text = written.meaning();
            let nth = count.entry(text.clone()).or_default();
            *nth += 1;
            NewCommand {
                text,
                nth: *nth - 1,
                reply: written.command.as_ref().err().map(ToString::to_string),
            }
        })
        .collect();
    let now = app.context.clock.now();
    let mut news = vec![outbox::reaction(here, now)];
    if received.iter().any(|h| h.reply.is_some()) {
        news.push(outbox::reply(here, now));
    }
    let new = app
        .context
        .store
        .receive((here, told.sender), &received, &news, now);
    Ok(new.await?)
}

/// Carries out what was heard, in the order in which it was.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let mut progress = Progress::Idle;
    for record in app.context.store.commands_in(CommandState::New).await? {
        if !app.context.store.begin_command(record.id).await? {
            continue;
        }
        progress = Progress::Worked;
        match execute::run(app, &record).await {
            Some(reply) => end(app, &record, &reply).await?,
            // There is nothing yet but that it is under way.
            None => {
                if let Some(message) = news(app, &record) {
                    app.context
                        .store
                        .enqueue(&message, app.context.clock.now())
                        .await?;
                }
            }
        }
    }
    for record in app.context.store.commands_in(CommandState::Running).await? {
        if let Some(reply) = execute::still(app, &record).await {
            end(app, &record, &reply).await?;
            progress = Progress::Worked;
        }
    }
    Ok(progress)
}

async fn end(app: &App, record: &CommandRecord, reply: &str) -> anyhow::Result<()> {
    let news = news(app, record);
    let now = app.context.clock.now();
    let ended = app
        .context
        .store
        .end_command(record.id, reply, news.as_ref(), now);
    Ok(ended.await?)
}

/// The wish that the answer be shown. The command line reads it from the row.
fn news(app: &App, record: &CommandRecord) -> Option<NewOutboxMessage> {
    let at = &record.place;
    (at.forge.as_str() != COMMAND_LINE).then(|| outbox::reply(at, app.context.clock.now()))
}

/// Whether there is something to say to all commands of a text: each has ended, or goes on by itself.
pub(super) fn can_be_answered(records: &[CommandRecord]) -> bool {
    records.iter().all(|record| match record.state {
        CommandState::New => false,
        CommandState::Running => execute::goes_on(record),
        CommandState::Ended => true,
    })
}

/// Ends what an earlier start has begun and cannot have ended.
///
/// # Errors
/// When the database fails.
pub async fn recover(app: &App) -> anyhow::Result<()> {
    for record in app.context.store.commands_in(CommandState::Running).await? {
        if !execute::goes_on(&record) {
            let message = "The daemon was restarted while this was carried out, so it may be done or \
                        not. Look with `/status`, and repeat it if it is not.";
            end(app, &record, message).await?;
        }
    }
    Ok(())
}

/// The answer to the commands of a text as it is now, as Markdown.
pub(super) fn answer_to(records: &[CommandRecord]) -> String {
    answer::all(records)
}
