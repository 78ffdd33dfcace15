//! The boards of a challenge as files of a repository: one commit when something has changed, none
//! when not, and never more than one a minute.

use serde_json::{Value, json};

use super::{BOARD, Target, Unsent};
use crate::model::{Challenge, ChallengeSlug, Digest, Duration};
use crate::pipeline::{App, view};
use crate::report::Titled;
use crate::report::publication::{self, ChallengePublication};
use crate::store::{NewOutboxMessage, OutboxMessage, StoreError};

/// Between two commits.
const PACE: Duration = Duration::seconds(60);

/// The wish that a challenge's leaderboard repository shows the boards as they are now.
///
/// # Errors
/// When the database fails.
pub async fn message(app: &App, challenge: &Challenge) -> Result<(), StoreError> {
    match put(app, challenge) {
        Some(message) => app.store.enqueue(&message, app.clock.now()).await,
        None => Ok(()),
    }
}

/// The wish itself; none where the challenge has no such repository.
pub(in crate::pipeline) fn put(app: &App, challenge: &Challenge) -> Option<NewOutboxMessage> {
    let full_name = challenge.leaderboard.as_ref()?;
    let forge = app.forges.get(&challenge.forge)?;
    forge.shows().files.then(|| NewOutboxMessage {
        forge: challenge.forge.clone(),
        subject: format!("boards {}", challenge.slug),
        channel: BOARD,
        payload: json!({ "challenge": challenge.slug, "full_name": full_name }),
        priority: 3,
        not_before: app.clock.now(),
        pace: PACE,
    })
}

pub(super) async fn send(app: &App, item: &mut OutboxMessage) -> Result<(), Unsent> {
    let slug: ChallengeSlug =
        serde_json::from_value(item.payload["challenge"].clone()).map_err(anyhow::Error::from)?;
    let Some(challenge) = app.challenge(&slug) else {
        return Ok(());
    };
    let public_url = Some(app.settings.public_url.clone());
    let titled = Titled::new(challenge.slug.clone(), &challenge.title);
    let mut publication = ChallengePublication::new(titled, public_url);
    for board in challenge.boards() {
        // A hidden board is none to everybody.
        if let Some(view) = view::board(app.rows(), &board).await? {
            publication = publication.with_board(view);
        }
    }
    let files = publication::files(&publication);
    let digest = Value::from(Digest::of(format!("{files:?}").as_bytes()).to_string());
    if item.shown == digest {
        return Ok(());
    }
    let full_name = item.payload["full_name"].as_str().unwrap_or_default();
    let mut target = Target::by_name(app, &item.forge, full_name).await?;
    let message = format!("Boards of {}", challenge.title);
    let (files, message) = (&files, &message);
    target
        .call(app, |forge, at| {
            let (files, message) = (files.clone(), message.clone());
            async move { forge.put_files(&at.full_name, &files, &message).await }
        })
        .await?;
    item.shown = digest;
    Ok(())
}
