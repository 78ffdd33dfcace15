//! The report on a commit as a git note: the reports of all its submissions.

use super::{Target, Unpublished};
use crate::model::{CommitSha, RepositoryId};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::pipeline::view;
use crate::report::{style::Style, text};
use crate::store::OutboxMessage;

pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<(), Unpublished> {
    let id = RepositoryId(message.payload["repository"].as_i64().unwrap_or_default());
    let sha: CommitSha = serde_json::from_value(message.payload["sha"].clone()).map_err(anyhow::Error::from)?;
    let mut parts = Vec::new();
    for record in context.store.submissions_of_commit(id, &sha).await? {
        let view = view::submission(context, &record).await?;
        parts.push(text::submission(&view, Style::Plain));
    }
    let text = parts.join("\n");
    let now = context.clock.now();
    let mut target = Target::of(context, forges, id).await?;
    let (sha, text) = (&sha, &text);
    target
        .call_of_commit(sha, |forge, at| {
            let (sha, text) = (sha.clone(), text.clone());
            async move { forge.commit_notes()?.set_note(&at, &sha, &text, now).await }
        })
        .await
}
