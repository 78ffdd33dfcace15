//! The issue of a repository in which we report: found again by its author and the mark in its text,
//! opened when there is none, and opened anew when somebody has deleted it.

use super::{Target, Unsent};
use crate::pipeline::App;

/// Title of the issue.
const TITLE: &str = "Referee";
/// First line of its text: not shown by the forge, and nobody else's issue begins so.
const MARK: &str = "<!-- referee:thread -->";

/// Number of the issue.
pub(super) async fn find(app: &App, target: &mut Target<'_>) -> Result<i64, Unsent> {
    let (forge, id) = (target.name.clone(), target.at.id.clone());
    if let Some(known) = app.store.thread(&forge, &id).await? {
        return Ok(known);
    }
    // Two reports at once must not open two issues.
    let _turn = app.threads.lock().await;
    if let Some(known) = app.store.thread(&forge, &id).await? {
        return Ok(known);
    }
    let standing = target
        .call(app, |forge, at| async move {
            forge.our_issues(&at.full_name).await
        })
        .await?;
    let mine = standing
        .iter()
        .filter(|i| i.body.trim_start().starts_with(MARK))
        .map(|i| i.number)
        .min();
    let issue = match mine {
        Some(number) => number,
        None => {
            let text = text(app, target);
            let text = &text;
            target
                .call(app, |forge, at| {
                    let text = text.clone();
                    async move { forge.open_issue(&at.full_name, TITLE, &text).await }
                })
                .await?
        }
    };
    let now = app.clock.now();
    app.store.put_thread((&forge, &id), issue, now).await?;
    Ok(issue)
}

/// Forgets the issue if the forge no longer has it. Whether it was so.
pub(super) async fn is_gone(
    app: &App,
    target: &mut Target<'_>,
    issue: i64,
) -> Result<bool, Unsent> {
    let standing = target
        .call(app, |forge, at| async move {
            forge.issue(&at.full_name, issue).await
        })
        .await?;
    if standing.is_some() {
        return Ok(false);
    }
    let (forge, id) = (&target.name, target.at.id.as_str());
    app.store.forget_thread((forge, id), issue).await?;
    Ok(true)
}

fn text(app: &App, target: &Target<'_>) -> String {
    let Some(repository) = target.bound() else {
        return format!(
            "{MARK}\nWhat organizers have to know or to decide is told here.\n\n\
             Write `/help` in a comment, here or in any issue of this repository, to see what can be \
             ordered."
        );
    };
    let board = app
        .challenge(&repository.challenge)
        .map_or(String::new(), |c| {
            let url = &app.settings.public_url;
            format!(" The board is at <{url}/challenges/{}>.", c.slug)
        });
    format!(
        "{MARK}\nEach submission of this repository gets one comment here, kept up to date while it is \
         checked, built, tried and evaluated.{board}\n\n\
         Write `/help` in a comment to see what else can be done here."
    )
}
