//! The answer to the commands of a text: a sign at once, and one comment in the same issue.

use serde_json::{Value, json};

use super::comment::{self, Living};
use super::{REACTION, REPLY, Target, Unsent};
use crate::forge::{ForgeError, Reaction, ReactionTarget};
use crate::model::{Duration, Timestamp};
use crate::pipeline::{App, commands};
use crate::store::{ANSWER, NewOutboxMessage, OutboxMessage, TextRef, URGENT};

/// The wish to show that the commands of a text were heard.
pub fn reaction(at: &TextRef, now: Timestamp) -> NewOutboxMessage {
    message(at, (REACTION, URGENT), now)
}

/// The wish to show the answers to the commands of a text as they are now.
pub fn reply(at: &TextRef, now: Timestamp) -> NewOutboxMessage {
    message(at, (REPLY, ANSWER), now)
}

fn message(
    at: &TextRef,
    (channel, priority): (&'static str, i64),
    now: Timestamp,
) -> NewOutboxMessage {
    NewOutboxMessage {
        forge: at.forge.clone(),
        subject: format!("text {} {} {}", at.forge_id, at.issue, at.comment_id),
        channel,
        payload: json!({ "forge_id": at.forge_id, "issue": at.issue, "comment_id": at.comment_id }),
        priority,
        not_before: now,
        pace: Duration(0),
    }
}

fn place(item: &OutboxMessage) -> TextRef {
    let number = |key: &str| item.payload[key].as_i64().unwrap_or_default();
    TextRef {
        forge: item.forge.clone(),
        forge_id: item.payload["forge_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        issue: number("issue"),
        comment_id: number("comment_id"),
    }
}

pub(super) async fn send(app: &App, item: &mut OutboxMessage) -> Result<Option<Timestamp>, Unsent> {
    let at = place(item);
    let records = app.store.commands_of(&at).await?;
    let Some(first) = records.first() else {
        return Ok(None);
    };
    // The answers to all commands of a text at once: the first version of a comment is what is mailed.
    // Each that ends renews the wish.
    if !commands::can_be_answered(&records) {
        return Ok(None);
    }
    let mut target = Target::by_id(app, &at.forge, &at.forge_id).await?;
    let mark = format!("<!-- referee:reply={} -->", at.comment_id);
    let living = Living {
        issue: Some(at.issue),
        text: format!("{mark}\n{}\n", commands::answer_to(&records)),
        mark,
        since: first.created_at,
    };
    comment::show(app, item, &mut target, &living).await
}

pub(super) async fn send_reaction(app: &App, item: &mut OutboxMessage) -> Result<(), Unsent> {
    if item.shown == Value::Bool(true) {
        return Ok(());
    }
    let at = place(item);
    let comment_id = match at.comment_id {
        0 => ReactionTarget::Issue(at.issue),
        comment => ReactionTarget::Comment(comment),
    };
    let mut target = Target::by_id(app, &at.forge, &at.forge_id).await?;
    let react = target
        .call(app, |forge, at| async move {
            forge.react(&at.full_name, comment_id, Reaction::Seen).await
        })
        .await;
    match react {
        Ok(()) => item.shown = Value::Bool(true),
        // An instance may have other reactions, and a text may be gone: the answer says it all.
        Err(Unsent::Forge(
            error @ (ForgeError::Forbidden(_)
            | ForgeError::NotFound
            | ForgeError::Invalid(_)
            | ForgeError::Archived),
        )) => {
            tracing::debug!(item.subject, %error, "no reaction");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
