//! A notice to a team or to the organizers: a comment of its own, so that the forge sends a mail.

use serde_json::Value;

use super::sticky_comment::{self, StickyComment};
use super::{Target, Unpublished};
use crate::model::{Digest, Timestamp};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::store::OutboxMessage;

pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<Option<Timestamp>, Unpublished> {
    let text = |key: &str| message.payload[key].as_str().unwrap_or_default().to_owned();
    let mut target = match &message.payload["forge_id"] {
        Value::String(id) => Target::by_id(context, forges, &message.forge, id).await?,
        _ => Target::by_name(context, forges, &message.forge, &text("full_name")).await?,
    };
    let key = Digest::of(message.subject.as_bytes());
    let marker = format!("<!-- referee:notice={} -->", &key.hex()[..16]);
    let comment = StickyComment {
        issue: None,
        text: format!("{marker}\n{}\n", text("text")),
        marker,
        since: Timestamp(message.payload["at"].as_i64().unwrap_or_default()),
    };
    sticky_comment::publish(context, forges, message, &mut target, &comment).await
}
