//! The leaderboards of a challenge as files of a repository: one commit after a change, no commit otherwise.

use serde_json::Value;

use super::{Target, Unpublished};
use crate::model::{ChallengeSlug, Digest};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::pipeline::view::{self, BoardReader};
use crate::report::Titled;
use crate::report::publication::{self, ChallengePublication};
use crate::store::OutboxMessage;

pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<(), Unpublished> {
    let slug: ChallengeSlug =
        serde_json::from_value(message.payload["challenge"].clone()).map_err(anyhow::Error::from)?;
    let Some(challenge) = context.challenge(&slug) else {
        return Ok(());
    };
    let public_url = Some(context.settings.public_url.clone());
    let titled = Titled::new(challenge.slug.clone(), &challenge.title);
    let mut publication = ChallengePublication::new(titled, public_url);
    for board in challenge.boards() {
        // A hidden leaderboard is left out.
        if let Some(view) = view::board(BoardReader::of(context), &board).await? {
            publication = publication.with_board(view);
        }
    }
    let files = publication::files(&publication);
    let digest = Value::from(Digest::of(format!("{files:?}").as_bytes()).to_string());
    if message.published_state == digest {
        return Ok(());
    }
    let full_name = message.payload["full_name"].as_str().unwrap_or_default();
    let mut target = Target::by_name(context, forges, &message.forge, full_name).await?;
    let title = format!("Leaderboards of {}", challenge.title);
    let (files, title) = (&files, &title);
    target
        .call(|forge, at| {
            let (files, title) = (files.clone(), title.clone());
            async move { forge.file_commits()?.put_files(&at.full_name, &files, &title).await }
        })
        .await?;
    message.published_state = digest;
    Ok(())
}
