//! The outbox's other end: shows on a forge what shall be shown, and tries again until it is.
//!
//! The text is made from the rows at the moment of sending, so it is never older than the wish.

use serde_json::json;

use super::{App, Progress, view};
use crate::model::{CommitSha, Duration, ForgeName, RepositoryId, Timestamp};
use crate::report;
use crate::store::{OutboxItem, OutboxPut, SubmissionRecord};

/// Wishes looked at in one step.
const AT_ONCE: i64 = 32;
/// Longest pause between tries.
const PAUSE_MAX: Duration = Duration::seconds(300);
/// The way of a report on a commit.
pub const NOTE: &str = "note";

/// The wish that a commit shows the report of its submissions as it is now.
pub fn note(forge: &ForgeName, record: &SubmissionRecord, now: Timestamp) -> OutboxPut {
    let sha = &record.submission.sha;
    // First verdicts and ends go before progress.
    let priority = match (record.submission.outcome, record.submission.stage) {
        (Some(_), _) => 1,
        _ => 2,
    };
    OutboxPut {
        forge: forge.clone(),
        subject: format!("commit {} {sha}", record.repository),
        channel: NOTE,
        payload: json!({ "repository": record.repository.0, "sha": sha }),
        priority,
        not_before: now,
    }
}

/// Sends what is due.
///
/// # Errors
/// When the database fails. A forge that fails is tried again later.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let due = app.store.due(app.clock.now(), AT_ONCE).await?;
    if due.is_empty() {
        return Ok(Progress::Idle);
    }
    for item in &due {
        match send(app, item).await {
            Ok(()) => app.store.sent(item).await?,
            Err(error) => {
                let pause = Duration::seconds(1 << item.tries.clamp(0, 8)).min(PAUSE_MAX);
                let error = format!("{error:#}");
                tracing::warn!(item.subject, item.channel, error, "not shown yet");
                let again = app.clock.now().plus(pause);
                app.store.not_sent(item, &error, again).await?;
            }
        }
    }
    Ok(Progress::Worked)
}

async fn send(app: &App, item: &OutboxItem) -> anyhow::Result<()> {
    anyhow::ensure!(item.channel == NOTE, "no way `{}` to a forge", item.channel);
    let repository = RepositoryId(item.payload["repository"].as_i64().unwrap_or_default());
    let sha: CommitSha = serde_json::from_value(item.payload["sha"].clone())?;
    let text = note_text(app, repository, &sha).await?;
    let repository = app.store.repository(repository).await?;
    let forge = app.forge(&item.forge)?.clone();
    let now = app.clock.now();
    tokio::task::spawn_blocking(move || forge.show_note(&repository.full_name, &sha, &text, now))
        .await??;
    Ok(())
}

/// The report on a commit: that of each of its submissions.
async fn note_text(app: &App, repository: RepositoryId, sha: &CommitSha) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for record in app.store.submissions_of_commit(repository, sha).await? {
        let view = view::submission(app, &record).await?;
        parts.push(report::text::submission(&view, report::text::Style::Plain));
    }
    Ok(parts.join("\n"))
}
