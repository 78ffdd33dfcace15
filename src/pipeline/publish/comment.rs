//! A comment that is written once and edited after.
//!
//! Before it is written, that it will be is kept: after a crash, or an answer that never came, it is
//! looked for by its author and its mark before it is written again. What a slow forge wrote twice is
//! removed.

use serde::{Deserialize, Serialize};

use super::{LATE, Target, Unsent, thread};
use crate::forge::ForgeError;
use crate::model::{Digest, Duration, Timestamp};
use crate::pipeline::App;
use crate::store::OutboxMessage;

/// Clocks of forges are not ours: comments are looked for from this long before their reason.
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
    /// Until then a comment may appear whose number we never heard.
    #[serde(default)]
    unsure_until: Option<Timestamp>,
}

/// A comment to be shown.
pub(super) struct Living {
    /// In this issue; otherwise in the one where we report.
    pub issue: Option<i64>,
    /// Its text; begins with the mark.
    pub text: String,
    /// What it is found again by.
    pub mark: String,
    /// It was not written before this moment.
    pub since: Timestamp,
}

/// Makes the forge show a comment as it is to be now. When to look again, if an earlier try may still
/// come to be beside it or its issue.
pub(super) async fn show(
    app: &App,
    item: &mut OutboxMessage,
    target: &mut Target<'_>,
    living: &Living,
) -> Result<Option<Timestamp>, Unsent> {
    let mut shown: Shown = serde_json::from_value(item.shown.clone()).unwrap_or_default();
    let result = async {
        let (issue, beside) = match living.issue {
            Some(issue) => (issue, None),
            None => thread::find(app, target).await?,
        };
        write(app, item, target, (living, &mut shown, issue)).await?;
        Ok::<_, Unsent>(beside)
    };
    let result = result.await;
    keep(item, &shown)?;
    let beside = result?;
    Ok(shown.unsure_until.into_iter().chain(beside).min())
}

fn keep(item: &mut OutboxMessage, shown: &Shown) -> anyhow::Result<()> {
    item.shown = serde_json::to_value(shown)?;
    Ok(())
}

async fn write(
    app: &App,
    item: &mut OutboxMessage,
    target: &mut Target<'_>,
    (living, shown, issue): (&Living, &mut Shown, i64),
) -> Result<(), Unsent> {
    let digest = Digest::of(living.text.as_bytes());
    if shown.issue != Some(issue) {
        // A deleted issue took its comments with it.
        *shown = Shown {
            issue: Some(issue),
            ..Shown::default()
        };
    }
    if shown.unsure_until.is_some() {
        settle(app, target, (living, shown)).await?;
    }
    if let Some(comment) = shown.comment {
        if shown.digest.as_ref() == Some(&digest) {
            return Ok(());
        }
        match edit(app, target, (comment, &living.text)).await {
            Ok(()) => {
                shown.digest = Some(digest);
                return Ok(());
            }
            // Somebody has deleted the comment, or the whole issue.
            Err(Unsent::Forge(ForgeError::NotFound)) => shown.comment = None,
            Err(error) => return Err(error),
        }
        gone(app, target, (living, issue)).await?;
    }
    let unsure = shown.unsure_until.replace(app.clock.now().plus(LATE));
    keep(item, shown)?;
    app.store.shown(item).await?;
    let written = target
        .call(app, |forge, at| {
            let text = living.text.clone();
            async move { forge.write_comment(&at.full_name, issue, &text).await }
        })
        .await;
    match written {
        Ok(comment) => {
            // Only what failed before may stand there twice.
            shown.unsure_until = unsure;
            shown.comment = Some(comment);
            shown.digest = Some(digest);
            Ok(())
        }
        Err(error) => {
            // Of an issue that is gone, forges say 500 as of everything else.
            if let Unsent::Forge(ForgeError::Server { .. } | ForgeError::NotFound) = &error {
                gone(app, target, (living, issue)).await?;
            }
            Err(error)
        }
    }
}

/// Whether the issue is still there. In one of our own the next try opens another; with somebody
/// else's, what was to be said there has no place any more.
async fn gone(
    app: &App,
    target: &mut Target<'_>,
    (living, issue): (&Living, i64),
) -> Result<(), Unsent> {
    if !thread::is_gone(app, target, issue).await? {
        return Ok(());
    }
    Err(Unsent::Forge(match living.issue {
        Some(_) => ForgeError::Invalid("the issue was deleted".to_owned()),
        None => ForgeError::NotFound,
    }))
}

/// Finds out which comments stand there: the first is the report, others go. The doubt goes when there
/// was time enough for all of them to appear.
async fn settle(
    app: &App,
    target: &mut Target<'_>,
    (living, shown): (&Living, &mut Shown),
) -> Result<(), Unsent> {
    let Some(issue) = shown.issue else {
        return Ok(());
    };
    let now = app.clock.now();
    let me = target.forge.account().await?.id;
    let since = living.since.minus(CLOCKS_APART);
    let standing = target
        .call(app, |forge, at| async move {
            forge.comments(&at.full_name, issue, since).await
        })
        .await?;
    let mut mine: Vec<i64> = standing
        .iter()
        .filter(|c| c.author.as_ref().is_some_and(|a| a.id == me))
        .filter(|c| c.body.starts_with(&living.mark))
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
    shown.unsure_until = shown.unsure_until.filter(|until| now < *until);
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
