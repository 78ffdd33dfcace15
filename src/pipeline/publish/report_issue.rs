//! The issue of a repository in which Referee reports. It is found again by its author and its marker, opened when
//! is none, and opened again when a person has deleted it.

use super::{LATE, Target, Unpublished};
use crate::forge::Issue;
use crate::model::{Sender, Timestamp};
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::store::ReportIssue;

const TITLE: &str = "Referee";
/// First line of the issue's text. A forge does not show it.
const MARKER: &str = "<!-- referee:thread -->";
/// First line of a duplicate issue that was closed.
const DUPLICATE_MARKER: &str = "<!-- referee:duplicate -->";

/// The number of the issue, and the time of another look if a duplicate may still appear.
pub(super) async fn find(
    context: &Context,
    forges: &Forges,
    target: &mut Target<'_>,
) -> Result<(i64, Option<Timestamp>), Unpublished> {
    let (forge, id) = (target.name.clone(), target.at.id.clone());
    let certain = |known: &Option<ReportIssue>| match known {
        Some(ReportIssue { issue: Some(issue), unsure_until: None }) => Some((*issue, None)),
        _ => None,
    };
    let store = &context.store;
    if let Some(found) = certain(&store.report_issue(&forge, &id).await?) {
        return Ok(found);
    }
    // Two reports at the same time must not open two issues.
    let _opening = forges.opening_issue.lock().await;
    let known = store.report_issue(&forge, &id).await?;
    if let Some(found) = certain(&known) {
        return Ok(found);
    }
    let mut existing = existing_issues(target).await?;
    let now = context.clock.now();
    let mut stored = known.unwrap_or(ReportIssue { issue: None, unsure_until: None });
    if stored.issue.is_none() {
        stored.issue = existing.iter().map(|i| i.number).min();
    }
    let issue = match stored.issue {
        Some(issue) => issue,
        None => {
            // Only an earlier attempt may appear beside the issue that is opened now.
            let unsure = stored.unsure_until.replace(now.plus(LATE));
            store.put_report_issue(&forge, &id, &stored, now).await?;
            let issue = open(context, target).await?;
            stored.unsure_until = unsure;
            issue
        }
    };
    stored.issue = Some(issue);
    store.put_report_issue(&forge, &id, &stored, now).await?;
    if stored.unsure_until.is_none() {
        return Ok((issue, None));
    }
    existing.retain(|other| other.number != issue);
    for duplicate in &existing {
        close_duplicate(target, duplicate.number, issue).await?;
    }
    stored.unsure_until = stored.unsure_until.filter(|until| now < *until);
    store.put_report_issue(&forge, &id, &stored, now).await?;
    Ok((issue, stored.unsure_until))
}

/// The issues of the repository that Referee opened for its reports.
async fn existing_issues(target: &mut Target<'_>) -> Result<Vec<Issue>, Unpublished> {
    let mut all = target.call(|forge, at| async move { forge.issues()?.our_issues(&at.full_name).await }).await?;
    all.retain(|issue| issue.body.trim_start().starts_with(MARKER));
    Ok(all)
}

async fn open(context: &Context, target: &mut Target<'_>) -> Result<i64, Unpublished> {
    let text = text(context, target);
    let text = &text;
    target
        .call(|forge, at| {
            let text = text.clone();
            async move { forge.issues()?.open_issue(&at.full_name, TITLE, &text).await }
        })
        .await
}

/// Closes an issue that a slow forge opened after Referee had given up waiting, with a link to the right one. A
/// duplicate in which Referee has commented stays: people may use it by now.
async fn close_duplicate(target: &mut Target<'_>, duplicate: i64, right: i64) -> Result<(), Unpublished> {
    let me = target.forge.members()?.account().await?.id;
    let comments = target
        .call(|forge, at| async move { forge.issues()?.comments(&at.full_name, duplicate, Timestamp(0)).await })
        .await?;
    let is_mine = |author: &Sender| author.id == me;
    if comments.iter().any(|c| c.author.as_ref().is_some_and(is_mine)) {
        return Ok(());
    }
    let text = format!("{DUPLICATE_MARKER}\nThis issue was opened by mistake. Reports are in #{right}.");
    let text = &text;
    target
        .call(|forge, at| {
            let text = text.clone();
            async move { forge.issues()?.close_issue(&at.full_name, duplicate, &text).await }
        })
        .await?;
    let repository = &target.at.full_name;
    tracing::info!(repository, duplicate, right, "duplicate issue closed");
    Ok(())
}

/// Whether the forge no longer has the issue. If so, the database forgets it.
pub(super) async fn is_deleted(context: &Context, target: &mut Target<'_>, issue: i64) -> Result<bool, Unpublished> {
    let found = target.call(|forge, at| async move { forge.issues()?.issue(&at.full_name, issue).await }).await?;
    if found.is_some() {
        return Ok(false);
    }
    context.store.delete_report_issue(&target.name, &target.at.id, issue).await?;
    Ok(true)
}

fn text(context: &Context, target: &Target<'_>) -> String {
    let Some(repository) = target.bound() else {
        return format!(
            "{MARKER}\nReferee posts notices for organizers in this issue.\n\n\
             Write `/help` in a comment of any issue of this repository to list the commands."
        );
    };
    let url = &context.settings.public_url;
    let leaderboard = match context.challenge(&repository.challenge) {
        Some(challenge) => format!(" The leaderboard is at <{url}/challenges/{}>.", challenge.slug),
        None => String::new(),
    };
    format!(
        "{MARKER}\nEach submission of this repository gets one comment in this issue. Referee updates the comment \
         until the submission has ended.{leaderboard}\n\n\
         Write `/help` in a comment to list the commands."
    )
}
