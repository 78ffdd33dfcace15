//! The issue of a repository in which we report: found again by its author and the mark in its text,
//! opened when there is none, and opened anew when somebody has deleted it.

use super::{LATE, Target, Unsent};
use crate::forge::Issue;
use crate::model::Timestamp;
use crate::pipeline::App;
use crate::store::Thread;

/// Title of the issue.
const TITLE: &str = "Referee";
/// First line of its text: not shown by the forge, and nobody else's issue begins so.
const MARK: &str = "<!-- referee:thread -->";
/// The same of one that was opened by mistake.
const TWIN_MARK: &str = "<!-- referee:twin -->";

/// Number of the issue, and when to look again if another one may still appear beside it.
pub(super) async fn find(
    app: &App,
    target: &mut Target<'_>,
) -> Result<(i64, Option<Timestamp>), Unsent> {
    let (forge, id) = (target.name.clone(), target.at.id.clone());
    let certain = |known: Option<Thread>| match known {
        Some(Thread {
            issue: Some(issue),
            unsure_until: None,
        }) => Some((issue, None)),
        _ => None,
    };
    if let Some(found) = certain(app.store.thread(&forge, &id).await?) {
        return Ok(found);
    }
    // Two reports at once must not open two issues.
    let _turn = app.threads.lock().await;
    let known = app.store.thread(&forge, &id).await?;
    if let Some(found) = certain(known.clone()) {
        return Ok(found);
    }
    let mut mine = ours(app, target).await?;
    let now = app.clock.now();
    let mut thread = known.unwrap_or(Thread {
        issue: None,
        unsure_until: None,
    });
    if thread.issue.is_none() {
        thread.issue = mine.iter().map(|i| i.number).min();
    }
    let issue = match thread.issue {
        Some(issue) => issue,
        None => {
            // Only what failed before may appear beside the one that is opened now.
            let unsure = thread.unsure_until.replace(now.plus(LATE));
            app.store.put_thread((&forge, &id), &thread, now).await?;
            let issue = open(app, target).await?;
            thread.unsure_until = unsure;
            issue
        }
    };
    thread.issue = Some(issue);
    app.store.put_thread((&forge, &id), &thread, now).await?;
    if thread.unsure_until.is_none() {
        return Ok((issue, None));
    }
    mine.retain(|twin| twin.number != issue);
    for twin in &mine {
        close(app, target, (twin.number, issue)).await?;
    }
    thread.unsure_until = thread.unsure_until.filter(|until| now < *until);
    app.store.put_thread((&forge, &id), &thread, now).await?;
    Ok((issue, thread.unsure_until))
}

/// The issues of the repository that we opened to report in.
async fn ours(app: &App, target: &mut Target<'_>) -> Result<Vec<Issue>, Unsent> {
    let mut all = target
        .call(app, |forge, at| async move {
            forge.our_issues(&at.full_name).await
        })
        .await?;
    all.retain(|issue| issue.body.trim_start().starts_with(MARK));
    Ok(all)
}

async fn open(app: &App, target: &mut Target<'_>) -> Result<i64, Unsent> {
    let text = text(app, target);
    let text = &text;
    target
        .call(app, |forge, at| {
            let text = text.clone();
            async move { forge.open_issue(&at.full_name, TITLE, &text).await }
        })
        .await
}

/// Closes an issue that a slow forge opened after we had given up waiting, and says where to look. One
/// in which we have spoken is somebody's place by now, and stays.
async fn close(
    app: &App,
    target: &mut Target<'_>,
    (twin, right): (i64, i64),
) -> Result<(), Unsent> {
    let me = target.forge.account().await?.id;
    let said = target
        .call(app, |forge, at| async move {
            forge.comments(&at.full_name, twin, Timestamp(0)).await
        })
        .await?;
    let is_mine = |author: &crate::model::Sender| author.id == me;
    if said.iter().any(|c| c.author.as_ref().is_some_and(is_mine)) {
        return Ok(());
    }
    let text = format!("{TWIN_MARK}\nThis issue was opened by mistake. Reports are in #{right}.");
    let text = &text;
    target
        .call(app, |forge, at| {
            let text = text.clone();
            async move { forge.close_issue(&at.full_name, twin, &text).await }
        })
        .await?;
    tracing::info!(
        repository = target.at.full_name,
        twin,
        right,
        "twin of an issue closed"
    );
    Ok(())
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
