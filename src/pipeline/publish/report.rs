//! A report on a submission: one comment in the team's issue, kept up to date until the end.

use super::comment::{self, Living};
use super::{Target, Unsent};
use crate::model::{SubmissionId, Timestamp};
use crate::pipeline::{App, view};
use crate::report::{FindingView, SubmissionView, markdown};
use crate::store::OutboxItem;

pub(super) async fn send(app: &App, item: &mut OutboxItem) -> Result<Option<Timestamp>, Unsent> {
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

/// Links of findings to the line of the commit.
fn link(view: &mut SubmissionView, target: &Target<'_>) {
    let (name, sha) = (target.at.full_name.clone(), view.sha.clone());
    let of = |finding: &FindingView| {
        let place = finding.finding.place.as_ref()?;
        let line = place.line.unwrap_or(0);
        target.forge.line_url(&name, &sha, (&place.file, line))
    };
    for finding in &mut view.findings {
        finding.link = of(finding);
    }
}
