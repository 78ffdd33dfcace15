//! A report on a commit as its git note: that of each of its submissions.

use super::{Target, Unsent};
use crate::model::{CommitSha, RepositoryId};
use crate::pipeline::{App, view};
use crate::report;
use crate::store::OutboxMessage;

pub(super) async fn send(app: &App, item: &mut OutboxMessage) -> Result<(), Unsent> {
    let id = RepositoryId(item.payload["repository"].as_i64().unwrap_or_default());
    let sha: CommitSha =
        serde_json::from_value(item.payload["sha"].clone()).map_err(anyhow::Error::from)?;
    let text = text(app, id, &sha).await?;
    let now = app.clock.now();
    let mut target = Target::of(app, id).await?;
    let (sha, text) = (&sha, &text);
    target
        .call_of_commit(app, sha, |forge, at| {
            let (sha, text) = (sha.clone(), text.clone());
            async move { forge.show_note(&at, &sha, &text, now).await }
        })
        .await
}

async fn text(app: &App, repository: RepositoryId, sha: &CommitSha) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for record in app.store.submissions_of_commit(repository, sha).await? {
        let view = view::submission(app, &record).await?;
        parts.push(report::text::submission(&view, report::text::Style::Plain));
    }
    Ok(parts.join("\n"))
}
