//! Carries out recorded commands in the order in which they came, each once, and stores the replies.
//!
//! A command that a restart interrupted is not started again: only its author can find out how far it
//! came. It does not write replies to the forge; the outbox does.

use super::context::CommandContext;
use super::permission::{COMMAND_LINE, CommandSource};
use super::refusal::{CommandRefusal, CommandResult};
use super::{Command, CommandReply};
use crate::clock;
use crate::command;
use crate::model::Actor;
use crate::pipeline::context::Progress;
use crate::pipeline::{App, outbox, replies};
use crate::store::{CommandRecord, CommandState, NewOutboxMessage};

/// Stored commands are in their normal form, which needs no login of ours.
const NO_LOGIN: &str = "";

/// Carries out the new commands, and looks for the replies of those that continue in the background.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let store = &app.context.store;
    let mut progress = Progress::Idle;
    for record in store.commands_in(CommandState::New).await? {
        if !store.begin_command(record.id).await? {
            continue;
        }
        progress = Progress::Worked;
        match carry_out(app, &record).await {
            CommandReply::Now(reply) => end(app, &record, &reply).await?,
            // The outbox shows that the command is in progress.
            CommandReply::Later => {
                if let Some(message) = reply_message(app, &record) {
                    store.enqueue(&message, app.context.clock.now()).await?;
                }
            }
        }
    }
    for record in store.commands_in(CommandState::Running).await? {
        if let Some(reply) = later_reply(app, &record).await {
            end(app, &record, &reply).await?;
            progress = Progress::Worked;
        }
    }
    Ok(progress)
}

/// Ends the commands that an earlier start of the daemon began and did not end.
pub async fn end_interrupted_commands(app: &App) -> anyhow::Result<()> {
    for record in app.context.store.commands_in(CommandState::Running).await? {
        if !replies::continues_in_background(&record) {
            let reply = "The daemon was restarted while it carried out this command, so the command may be \
                         done or not. Check with `/status`, and repeat the command if necessary.";
            end(app, &record, reply).await?;
        }
    }
    Ok(())
}

async fn end(app: &App, record: &CommandRecord, reply: &str) -> anyhow::Result<()> {
    let message = reply_message(app, record);
    let (store, now) = (&app.context.store, app.context.clock.now());
    let ended = store.end_command(record.id, reply, message.as_ref(), now);
    Ok(ended.await?)
}

/// The message that shows the reply on the forge. The command line reads it from the row.
fn reply_message(app: &App, record: &CommandRecord) -> Option<NewOutboxMessage> {
    let at = &record.source;
    (at.forge.as_str() != COMMAND_LINE).then(|| outbox::reply(at, app.context.clock.now()))
}

async fn carry_out(app: &App, record: &CommandRecord) -> CommandReply {
    match try_carry_out(app, record).await {
        Ok(reply) => reply,
        Err(CommandRefusal::Fault(error)) => fault_reply(record, &error).into(),
        Err(refusal) => refusal.to_string().into(),
    }
}

fn fault_reply(record: &CommandRecord, error: &anyhow::Error) -> String {
    let incident = clock::incident();
    tracing::error!(
        incident,
        command = record.id,
        error = format!("{error:#}"),
        "a command failed because of a platform error"
    );
    format!(
        "The command failed because of a platform error (incident `{incident}`). The log of the server has the \
         details. Check the current state and try again later."
    )
}

async fn try_carry_out(app: &App, record: &CommandRecord) -> CommandResult<CommandReply> {
    let source = source_of(app, record).await?;
    let command = parse(record)?;
    let role = source.role_of(app, &command, &record.actor).await?;
    let actor = if source.is_command_line() {
        Actor::CommandLine
    } else {
        Actor::Account { forge: record.source.forge.clone(), login: record.actor.login.clone() }
    };
    let context = CommandContext {
        role,
        team: source.team(),
        command_id: record.id,
        ..CommandContext::in_daemon(app, source.challenge, &actor)
    };
    command.run(&context).await
}

async fn source_of<'a>(app: &'a App, record: &CommandRecord) -> CommandResult<CommandSource<'a>> {
    let at = &record.source;
    let source = CommandSource::find(app, &at.forge, &at.forge_id).await?;
    source.ok_or(CommandRefusal::NoSource)
}

fn parse(record: &CommandRecord) -> CommandResult<Command> {
    let parsed = command::read_commands(&record.text, NO_LOGIN).pop();
    Ok(parsed.ok_or(CommandRefusal::NotUnderstood)?.command?)
}

/// The reply of a command that continues in the background, as soon as there is one.
async fn later_reply(app: &App, record: &CommandRecord) -> Option<String> {
    if !replies::continues_in_background(record) {
        return None;
    }
    match try_later_reply(app, record).await {
        Ok(reply) => reply,
        // The forge or the database may be away for now; the next step looks again.
        Err(CommandRefusal::Fault(error)) => {
            let error = format!("{error:#}");
            tracing::info!(command = record.id, error, "no reply to a command yet");
            None
        }
        Err(refusal) => Some(refusal.to_string()),
    }
}

async fn try_later_reply(app: &App, record: &CommandRecord) -> CommandResult<Option<String>> {
    let Command::Rescore(rescore) = parse(record)? else {
        return Ok(None);
    };
    let source = source_of(app, record).await?;
    let context = CommandContext::in_daemon(app, source.challenge, &Actor::CommandLine);
    rescore.later_reply(&context).await
}
