//! Something that a team, or the organizers, are told once: a comment of its own, so that the forge
//! sends a mail.

use serde_json::{Value, json};

use super::comment::{self, Living};
use super::{NOTICE, Target, Unsent};
use crate::model::{Challenge, Digest, Duration, Timestamp};
use crate::pipeline::App;
use crate::store::{NewOutboxMessage, OutboxMessage, Repository, StoreError};

/// Tells a team something, in its own issue. The same subject is told once.
///
/// # Errors
/// When the database fails.
pub async fn notify(
    app: &App,
    repository: &Repository,
    (subject, text): (&str, &str),
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let message = NewOutboxMessage {
        forge: repository.forge.clone(),
        subject: format!("{subject} to {}", repository.forge_id),
        channel: NOTICE,
        payload: json!({ "forge_id": repository.forge_id, "text": text, "at": now.0 }),
        priority: 2,
        not_before: now,
        pace: Duration(0),
    };
    app.store.enqueue_once(&message, now).await
}

/// Tells the organizers of a challenge something, in an issue of their repository. The same subject is
/// told once. Where they have no repository, the log has it.
///
/// # Errors
/// When the database fails.
pub async fn notify_organizers(
    app: &App,
    challenge: &Challenge,
    (subject, text): (&str, &str),
) -> anyhow::Result<()> {
    let talks = app
        .forges
        .get(&challenge.forge)
        .is_some_and(|f| f.shows().issues);
    let Some(organizers) = challenge.organizers.as_ref().filter(|_| talks) else {
        tracing::warn!(
            challenge = challenge.slug.as_str(),
            subject,
            "for the organizers"
        );
        return Ok(());
    };
    let now = app.clock.now();
    let message = NewOutboxMessage {
        forge: challenge.forge.clone(),
        subject: format!("{subject} to organizers"),
        channel: NOTICE,
        payload: json!({ "full_name": organizers, "text": text, "at": now.0 }),
        priority: 2,
        not_before: now,
        pace: Duration(0),
    };
    app.store.enqueue_once(&message, now).await?;
    Ok(())
}

pub(super) async fn send(app: &App, item: &mut OutboxMessage) -> Result<Option<Timestamp>, Unsent> {
    let text = |key: &str| item.payload[key].as_str().unwrap_or_default().to_owned();
    let mut target = match &item.payload["forge_id"] {
        Value::String(id) => Target::by_id(app, &item.forge, id).await?,
        _ => Target::by_name(app, &item.forge, &text("full_name")).await?,
    };
    let key = Digest::of(item.subject.as_bytes()).to_string();
    let key = key.trim_start_matches("sha256:");
    let mark = format!("<!-- referee:notice={} -->", &key[..16.min(key.len())]);
    let living = Living {
        issue: None,
        text: format!("{mark}\n{}\n", text("text")),
        mark,
        since: Timestamp(item.payload["at"].as_i64().unwrap_or_default()),
    };
    comment::show(app, item, &mut target, &living).await
}
