//! `POST /local/{token}/pushed`: the hook of a local repository says "look", and is told line by
//! line what becomes of the push.
//!
//! The body only says which refs the person in front of the terminal cares about. What stands in the
//! repository is read, not believed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration as StdDuration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::Shared;
use crate::model::{CommitSha, PageToken, Stage, SubmissionId, limits};
use crate::pipeline::{App, observe, view};
use crate::report::{SubmissionView, remote};
use crate::store::{Repository, SubmissionRecord};

/// Looks at the rows at least this often while somebody waits.
const TICK: StdDuration = StdDuration::from_millis(250);
/// Somebody who watches is told that we are still there this often.
const SIGN_OF_LIFE: StdDuration = StdDuration::from_secs(60);

/// How the hook was called.
#[derive(Debug, Deserialize)]
pub struct Called {
    watch: Option<String>,
}

/// Answers a hook.
pub async fn pushed(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    Query(called): Query<Called>,
    body: String,
) -> Response {
    let known = match PageToken::new(token) {
        Ok(token) => shared.app.context.store.repository_by_token(&token).await,
        Err(_) => Ok(None),
    };
    let repository = match known {
        Ok(Some(repository)) => repository,
        Ok(None) => return (StatusCode::NOT_FOUND, "no such repository\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "hook not answered");
            return (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response();
        }
    };
    let refs = pushed_refs(&body);
    let watch = called.watch.as_deref() == Some("1");
    let (lines, receiver) = mpsc::channel::<String>(64);
    let app = Arc::clone(&shared.app);
    tokio::spawn(async move {
        if let Err(error) = notify(&app, &repository, (refs, watch), &lines).await {
            tracing::error!(
                repository = repository.full_name,
                error = format!("{error:#}"),
                "hook not answered"
            );
            let message =
                "Referee cannot look at your push right now; it is stored and will be found.";
            let _ = lines.send(message.to_owned()).await;
        }
    });
    let stream = ReceiverStream::new(receiver)
        .map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))));
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (kind, Body::from_stream(stream)).into_response()
}

/// `old new ref` lines as git writes them for the hook (githooks(5)); others are left out.
fn pushed_refs(body: &str) -> Vec<(String, Option<CommitSha>)> {
    body.lines()
        .take(limits::PUSHED_REFS_MAX)
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (_, new, full_ref) = (words.next()?, words.next()?, words.next()?);
            Some((full_ref.to_owned(), CommitSha::or_zero(new).ok()?))
        })
        .collect()
}

type Lines = mpsc::Sender<String>;

async fn notify(
    app: &App,
    repository: &Repository,
    (refs, watch): (Vec<(String, Option<CommitSha>)>, bool),
    lines: &Lines,
) -> anyhow::Result<()> {
    let mut changes = app.context.store.changes();
    observe::observe(&app.context, &app.forges, repository).await?;
    let standing = app.context.store.known_refs(repository.id).await?;
    let mut commits = Vec::new();
    for (full_ref, new) in refs {
        if new.is_none() {
            send(
                lines,
                format!(
                    "Referee: {} is gone, what it submitted stays.",
                    short(&full_ref)
                ),
            )
            .await;
            continue;
        }
        // An annotated tag's own id is not the commit's: the repository knows which commit it is.
        match standing.iter().find(|s| s.full_ref == full_ref) {
            Some(seen) => commits.push((full_ref, seen.commit.clone())),
            None => send(lines, untracked(app, repository, &full_ref)).await,
        }
    }
    let mut followed: BTreeMap<SubmissionId, SubmissionView> = BTreeMap::new();
    let mut sources = Vec::new();
    for (full_ref, commit) in &commits {
        let mut mine = app
            .context
            .store
            .submissions_of_commit(repository.id, commit)
            .await?;
        let challenge = app.context.challenge(&repository.challenge);
        let phases: Vec<_> = challenge
            .map(|c| c.phases_of_ref(full_ref).map(|p| p.slug.clone()).collect())
            .unwrap_or_default();
        mine.retain(|r| phases.contains(&r.submission.phase));
        if mine.is_empty() {
            send(lines, untracked(app, repository, full_ref)).await;
        }
        for record in mine {
            if !sources.contains(&record.source) {
                sources.push(record.source);
            }
        }
    }
    let started = Instant::now();
    let mut spoke = Instant::now();
    loop {
        let records = records(app, &sources).await?;
        let spoken = report(app, (&records, lines), &mut followed).await?;
        let waited_enough = !watch && started.elapsed() >= limits::HOOK_VERDICT_WAIT.std();
        if records.iter().all(|r| is_told(r, watch)) || waited_enough || lines.is_closed() {
            break;
        }
        if spoken {
            spoke = Instant::now();
        } else if spoke.elapsed() >= SIGN_OF_LIFE {
            spoke = Instant::now();
            send(
                lines,
                "… still at it (Ctrl-C ends watching, nothing else)".to_owned(),
            )
            .await;
        }
        let _ = tokio::time::timeout(TICK, changes.recv()).await;
        while changes.try_recv().is_ok() {}
    }
    for view in followed.values() {
        for line in remote::closing_lines(view) {
            send(lines, line).await;
        }
    }
    Ok(())
}

async fn records(app: &App, sources: &[i64]) -> anyhow::Result<Vec<SubmissionRecord>> {
    let mut records = Vec::new();
    for source in sources {
        records.extend(app.context.store.submissions_of_source(*source).await?);
    }
    Ok(records)
}

/// Sends what is new since the last look. Whether there was anything.
async fn report(
    app: &App,
    (records, lines): (&[SubmissionRecord], &Lines),
    followed: &mut BTreeMap<SubmissionId, SubmissionView>,
) -> anyhow::Result<bool> {
    let mut spoken = false;
    for record in records {
        let now = view::submission(&app.context, record).await?;
        let before = followed.get(&record.submission.id);
        let same_push = |other: &&SubmissionRecord| other.source == record.source;
        let told = records
            .iter()
            .filter(same_push)
            .find_map(|other| followed.get(&other.submission.id));
        let new = match (before, told) {
            (None, Some(told)) => remote::lines_beside(told, &now),
            (before, _) => remote::lines(before, &now),
        };
        for line in new {
            spoken = true;
            send(lines, line).await;
        }
        followed.insert(record.submission.id, now);
    }
    Ok(spoken)
}

/// Whether there is nothing more to wait for: the verdict of the rules, or with `watch` the end.
fn is_told(record: &SubmissionRecord, watch: bool) -> bool {
    let submission = &record.submission;
    submission.outcome().is_some() || (!watch && submission.stage() > Stage::Admission)
}

async fn send(lines: &Lines, line: String) {
    // A hook that has gone away misses it, and nothing depends on that.
    let _ = lines.send(line).await;
}

fn short(full_ref: &str) -> &str {
    full_ref
        .strip_prefix("refs/heads/")
        .or_else(|| full_ref.strip_prefix("refs/tags/"))
        .unwrap_or(full_ref)
}

fn untracked(app: &App, repository: &Repository, full_ref: &str) -> String {
    let phases: Vec<String> = app
        .context
        .challenge(&repository.challenge)
        .map(|c| {
            c.phases
                .iter()
                .map(|p| format!("{} ({})", p.on.to_string().replacen(':', " ", 1), p.slug))
                .collect()
        })
        .unwrap_or_default();
    format!(
        "Referee: stored. {} submits nothing; these do: {}.",
        crate::report::sanitize::line(short(full_ref)),
        phases.join(", ")
    )
}
