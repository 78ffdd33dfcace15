//! The report on a submission: one sticky comment in the issue of the team's repository, updated until the end.

use super::sticky_comment::{self, StickyComment};
use super::{Target, Unpublished};
use crate::model::{SubmissionId, Timestamp};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::pipeline::view;
use crate::report::{SubmissionView, markdown};
use crate::store::OutboxMessage;

pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<Option<Timestamp>, Unpublished> {
    let id = SubmissionId(message.payload["submission"].as_i64().unwrap_or_default());
    let record = context.store.submission(id).await?;
    let mut target = Target::of(context, forges, record.repository).await?;
    let mut view = view::submission(context, &record).await?;
    add_links(&mut view, &target);
    let comment = StickyComment {
        issue: None,
        text: markdown::submission(&view),
        marker: markdown::marker(&view.challenge.slug, view.number),
        since: view.observed_at,
    };
    sticky_comment::publish(context, forges, message, &mut target, &comment).await
}

/// Links each finding to its line of the commit. An image has no lines.
fn add_links(view: &mut SubmissionView, target: &Target<'_>) {
    let Some(sha) = view.origin.sha().cloned() else {
        return;
    };
    let name = &target.at.full_name;
    for finding in &mut view.findings {
        finding.link = finding.finding.location.as_ref().and_then(|location| {
            let line = location.line.unwrap_or(0);
            target.forge.line_url(name, &sha, &location.file, line)
        });
    }
}
