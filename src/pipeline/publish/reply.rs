//! The reply to the commands of a text: a reaction at once, and one comment in the same issue.

use serde_json::Value;

use super::sticky_comment::{self, StickyComment};
use super::{Target, Unpublished};
use crate::forge::{ForgeError, ReactionTarget};
use crate::model::Timestamp;
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::pipeline::replies;
use crate::store::{OutboxMessage, TextRef};

fn text_of(message: &OutboxMessage) -> TextRef {
    let number = |key: &str| message.payload[key].as_i64().unwrap_or_default();
    TextRef {
        forge: message.forge.clone(),
        forge_id: message.payload["forge_id"].as_str().unwrap_or_default().to_owned(),
        issue: number("issue"),
        comment_id: number("comment_id"),
    }
}

/// Publishes the replies to all commands of a text in one comment. The forge mails only the first version of a comment,
/// so nothing is published before each command has a reply. Each command that ends renews the message.
pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<Option<Timestamp>, Unpublished> {
    let text = text_of(message);
    let records = context.store.commands_of(&text).await?;
    let Some(first) = records.first() else {
        return Ok(None);
    };
    if !replies::can_be_answered(&records) {
        return Ok(None);
    }
    let mut target = Target::by_id(context, forges, &text.forge, &text.forge_id).await?;
    let marker = format!("<!-- referee:reply={} -->", text.comment_id);
    let comment = StickyComment {
        issue: Some(text.issue),
        text: format!("{marker}\n{}\n", replies::reply_to(&records)),
        marker,
        since: first.created_at,
    };
    sticky_comment::publish(context, forges, message, &mut target, &comment).await
}

/// Acknowledges the commands of a text by a reaction.
pub(super) async fn publish_reaction(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<(), Unpublished> {
    if message.published_state == Value::Bool(true) {
        return Ok(());
    }
    let text = text_of(message);
    let reaction_target = match text.comment_id {
        0 => ReactionTarget::Issue(text.issue),
        comment => ReactionTarget::Comment(comment),
    };
    let mut target = Target::by_id(context, forges, &text.forge, &text.forge_id).await?;
    let reacted =
        target.call(|forge, at| async move { forge.issues()?.acknowledge(&at.full_name, reaction_target).await }).await;
    match reacted {
        Ok(()) => message.published_state = Value::Bool(true),
        // The instance may have other reactions, or the text was deleted. The reply follows in any case.
        Err(Unpublished::Forge(
            error @ (ForgeError::Forbidden(_) | ForgeError::NotFound | ForgeError::Invalid(_) | ForgeError::Archived),
        )) => tracing::debug!(message.subject, %error, "no reaction"),
        Err(error) => return Err(error),
    }
    Ok(())
}
