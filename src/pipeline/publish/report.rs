//! A report on a submission: one comment in the team's issue, kept up to date until the end.

use super::comment::{self, Living};
use super::{Target, Unsent};
use crate::model::{SubmissionId, Timestamp};
use crate::pipeline::{App, view};
use crate::report::{FindingView, SubmissionView, markdown};
use crate::store::OutboxMessage;

pub(super) async fn send(app: &App, item: &mut OutboxMessage) -> Result<Option<Timestamp>, Unsent> {
    let id = SubmissionId(item.payload["submission"].as_i64().unwrap_or_default());
    let record = app.store.submission(id).await?;
    let mut target = Target::of(app, record.repository).await?;
    let mut view = view::submission(app, &record).await?;
    link(&mut view, &target);
    let living = Living {
        issue: None,
        text: markdown::submission(&view),
        mark: markdown::marker(&view.challenge.slug, view.number),
        since: view.observed_at,
    };
    comment::show(app, item, &mut target, &living).await
}

/// Links of findings to the line of the commit. An image has no lines.
fn link(view: &mut SubmissionView, target: &Target<'_>) {
    let Some(sha) = view.origin.sha().cloned() else {
        return;
    };
    let name = target.at.full_name.clone();
    let of = |finding: &FindingView| {
        let location = finding.finding.location.as_ref()?;
        let line = location.line.unwrap_or(0);
        target.forge.line_url(&name, &sha, (&location.file, line))
    };
    for finding in &mut view.findings {
        finding.link = of(finding);
    }
}
