//! A report on a submission as one comment in the repository's issue, written once and edited after.
//!
//! Before a comment is written, that it will be is kept: after a crash, or an answer that never came,
//! it is looked for by its author and its mark before it is written again. What a slow forge wrote
//! twice is removed.

use serde::{Deserialize, Serialize};

use super::{Target, Unsent, thread};
use crate::forge::ForgeError;
use crate::model::{Digest, Duration, SubmissionId, Timestamp};
use crate::pipeline::{App, view};
use crate::report::{FindingView, SubmissionView, markdown};
use crate::store::OutboxItem;

/// Clocks of forges are not ours: comments are looked for from this long before the push.
const CLOCKS_APART: Duration = Duration::seconds(3600);

/// What the forge shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Shown {
    /// In this issue.
    issue: Option<i64>,
    /// By this comment.
    comment: Option<i64>,
    /// With this text.
    digest: Option<Digest>,
    /// A comment may have been written whose number we never heard.
    #[serde(default)]
    doubt: bool,
}

/// A report to be shown.
struct Report {
    text: String,
    mark: String,
    since: Timestamp,
}

pub(super) async fn send(app: &App, item: &mut OutboxItem) -> Result<(), Unsent> {
    let id = SubmissionId(item.payload["submission"].as_i64().unwrap_or_default());
    let record = app.store.submission(id).await?;
    let mut target = Target::of(app, record.repository).await?;
    let mut view = view::submission(app, &record).await?;
    link(&mut view, &target);
    let report = Report {
        text: markdown::submission(&view),
        mark: markdown::marker(&view.challenge.slug, view.number),
        since: view.observed_at.minus(CLOCKS_APART),
    };
    let mut shown: Shown = serde_json::from_value(item.shown.clone()).unwrap_or_default();
    let result = show(app, item, &mut target, (&report, &mut shown)).await;
    keep(item, &shown)?;
    result
}

fn keep(item: &mut OutboxItem, shown: &Shown) -> anyhow::Result<()> {
    item.shown = serde_json::to_value(shown)?;
    Ok(())
}

/// Links of findings to the line of the commit.
fn link(view: &mut SubmissionView, target: &Target<'_>) {
    let (name, sha) = (target.repository.full_name.clone(), view.sha.clone());
    let of = |finding: &FindingView| {
        let place = finding.finding.place.as_ref()?;
        let line = place.line.unwrap_or(0);
        target.forge.line_url(&name, &sha, (&place.file, line))
    };
    for finding in &mut view.findings {
        finding.link = of(finding);
    }
}

async fn show(
    app: &App,
    item: &mut OutboxItem,
    target: &mut Target<'_>,
    (report, shown): (&Report, &mut Shown),
) -> Result<(), Unsent> {
    let digest = Digest::of(report.text.as_bytes());
    let issue = thread::find(app, target).await?;
    if shown.issue != Some(issue) {
        // A deleted issue took its comments with it.
        *shown = Shown {
            issue: Some(issue),
            ..Shown::default()
        };
    }
    if shown.doubt {
        settle(app, target, (report, shown)).await?;
    }
    if let Some(comment) = shown.comment {
        if shown.digest.as_ref() == Some(&digest) {
            return Ok(());
        }
        match edit(app, target, (comment, &report.text)).await {
            Ok(()) => {
                shown.digest = Some(digest);
                return Ok(());
            }
            // Somebody has deleted the comment, or the whole issue.
            Err(Unsent::Forge(ForgeError::NotFound)) => shown.comment = None,
            Err(error) => return Err(error),
        }
        if thread::is_gone(app, target, issue).await? {
            return Err(ForgeError::NotFound.into());
        }
    }
    shown.doubt = true;
    keep(item, shown)?;
    app.store.shown(item).await?;
    let text = &report.text;
    let written = target
        .call(app, |forge, at| {
            let text = text.clone();
            async move { forge.write_comment(&at.full_name, issue, &text).await }
        })
        .await;
    match written {
        Ok(comment) => {
            // Only what failed before may stand there twice.
            shown.doubt = item.tries > 0;
            shown.comment = Some(comment);
            shown.digest = Some(digest);
            Ok(())
        }
        Err(error) => {
            if let Unsent::Forge(said) = &error
                && !said.is_uncertain()
            {
                shown.doubt = false;
            }
            // Of an issue that is gone, forges say 500 as of everything else.
            if let Unsent::Forge(ForgeError::Server { .. } | ForgeError::NotFound) = &error {
                thread::is_gone(app, target, issue).await?;
            }
            Err(error)
        }
    }
}

/// Finds out which comments stand there: the first is the report, others go.
async fn settle(
    app: &App,
    target: &mut Target<'_>,
    (report, shown): (&Report, &mut Shown),
) -> Result<(), Unsent> {
    let Some(issue) = shown.issue else {
        return Ok(());
    };
    let me = target.forge.account().await?.id;
    let since = report.since;
    let standing = target
        .call(app, |forge, at| async move {
            forge.comments(&at.full_name, issue, since).await
        })
        .await?;
    let mut mine: Vec<i64> = standing
        .iter()
        .filter(|c| c.author.as_ref().is_some_and(|a| a.id == me))
        .filter(|c| c.body.starts_with(&report.mark))
        .map(|c| c.id)
        .collect();
    mine.sort_unstable();
    let first = mine.first().copied();
    for twice in mine.into_iter().skip(1) {
        target
            .call(app, |forge, at| async move {
                forge.delete_comment(&at.full_name, twice).await
            })
            .await?;
    }
    if shown.comment != first {
        shown.comment = first;
        shown.digest = None;
    }
    shown.doubt = false;
    Ok(())
}

async fn edit(
    app: &App,
    target: &mut Target<'_>,
    (comment, text): (i64, &String),
) -> Result<(), Unsent> {
    target
        .call(app, |forge, at| {
            let text = text.clone();
            async move { forge.edit_comment(&at.full_name, comment, &text).await }
        })
        .await
}
