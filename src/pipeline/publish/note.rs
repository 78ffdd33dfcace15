//! The report on a commit as a git note: the reports of all its submissions.

use super::reported_commit::ReportedCommit;
use super::{Target, Unpublished};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::report::{style::Style, text};
use crate::store::OutboxMessage;

pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<(), Unpublished> {
    let commit = ReportedCommit::read(context, message).await?;
    let reports: Vec<String> = commit.submissions.iter().map(|view| text::submission(view, Style::Plain)).collect();
    let text = reports.join("\n");
    let now = context.clock.now();
    let mut target = Target::of(context, forges, commit.repository).await?;
    let (sha, text) = (&commit.sha, &text);
    target
        .call_of_commit(sha, |forge, at| {
            let (sha, text) = (sha.clone(), text.clone());
            async move { forge.commit_notes()?.set_note(&at, &sha, &text, now).await }
        })
        .await
}
