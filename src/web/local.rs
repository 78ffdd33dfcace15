//! `POST /local/{token}/pushed`: the hook of a repository on this machine reports a push, and gets the progress of the
//! push line by line.
//!
//! The body only names the refs that the person at the terminal is interested in. The repository itself is read.

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

/// The rows are read at least this often while a push waits.
const TICK: StdDuration = StdDuration::from_millis(250);
/// After this long without a new line, a watching terminal gets a sign of life.
const SIGN_OF_LIFE: StdDuration = StdDuration::from_secs(60);

/// The query of the hook.
#[derive(Debug, Deserialize)]
pub(super) struct HookQuery {
    watch: Option<String>,
}

/// A ref that was pushed; `None` for a deleted one.
type PushedRef = (String, Option<CommitSha>);

/// Answers a hook.
pub(super) async fn pushed(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    Query(query): Query<HookQuery>,
    body: String,
) -> Response {
    let found = match PageToken::new(token) {
        Ok(token) => shared.app.context.store.repository_by_token(&token).await,
        Err(_) => Ok(None),
    };
    let repository = match found {
        Ok(Some(repository)) => repository,
        Ok(None) => return (StatusCode::NOT_FOUND, "no such repository\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "hook not answered");
            return (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response();
        }
    };
    let refs = pushed_refs(&body);
    let (sender, receiver) = mpsc::channel::<String>(64);
    let terminal = Terminal {
        app: Arc::clone(&shared.app),
        repository,
        lines: sender,
        watches: query.watch.as_deref() == Some("1"),
    };
    tokio::spawn(async move {
        if let Err(error) = terminal.follow_push(refs).await {
            tracing::error!(
                repository = terminal.repository.full_name,
                error = format!("{error:#}"),
                "hook not answered"
            );
            let message = "Referee cannot read your push now. Your push is stored. Do not push again: the next sweep \
                of Referee reads it.";
            terminal.send(message).await;
        }
    });
    let stream = ReceiverStream::new(receiver).map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))));
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (kind, Body::from_stream(stream)).into_response()
}

/// Lines `old new ref`, as git writes them for the hook (githooks(5)); other lines are ignored.
fn pushed_refs(body: &str) -> Vec<PushedRef> {
    body.lines()
        .take(limits::PUSHED_REFS_MAX)
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (_, new, full_ref) = (words.next()?, words.next()?, words.next()?);
            Some((full_ref.to_owned(), CommitSha::or_zero(new).ok()?))
        })
        .collect()
}

/// The terminal in which `git push` waits.
struct Terminal {
    app: Arc<App>,
    repository: Repository,
    lines: mpsc::Sender<String>,
    /// Whether it waits for the end of the evaluation, instead of the first verdict.
    watches: bool,
}

impl Terminal {
    /// Enters the push, and reports its progress to the end.
    async fn follow_push(&self, refs: Vec<PushedRef>) -> anyhow::Result<()> {
        let mut changes = self.app.context.store.changes();
        observe::observe(&self.app.context, &self.app.forges, &self.repository).await?;
        let sources = self.sources(refs).await?;
        let mut followed: BTreeMap<SubmissionId, SubmissionView> = BTreeMap::new();
        let started = Instant::now();
        let mut last_line = Instant::now();
        loop {
            let records = self.records(&sources).await?;
            let reported = self.report(&records, &mut followed).await?;
            let waited_enough = !self.watches && started.elapsed() >= limits::HOOK_VERDICT_WAIT.std();
            if records.iter().all(|r| self.is_done(r)) || waited_enough || self.lines.is_closed() {
                break;
            }
            if reported {
                last_line = Instant::now();
            } else if last_line.elapsed() >= SIGN_OF_LIFE {
                last_line = Instant::now();
                self.send("… still running (Ctrl-C only stops watching)").await;
            }
            let _ = tokio::time::timeout(TICK, changes.recv()).await;
            while changes.try_recv().is_ok() {}
        }
        for view in followed.values() {
            for line in remote::closing_lines(view) {
                self.send(line).await;
            }
        }
        Ok(())
    }

    /// The sources that the pushed refs have entered. Refs that submit nothing are reported.
    async fn sources(&self, refs: Vec<PushedRef>) -> anyhow::Result<Vec<i64>> {
        let store = &self.app.context.store;
        let known = store.known_refs(self.repository.id).await?;
        let challenge = self.app.context.challenge(&self.repository.challenge);
        let mut sources = Vec::new();
        for (full_ref, new) in refs {
            if new.is_none() {
                let name = short(&full_ref);
                let line = format!("Referee: {name} was deleted. Its submissions remain.");
                self.send(line).await;
                continue;
            }
            // The id of an annotated tag is not its commit's; the repository knows the commit.
            let Some(seen) = known.iter().find(|seen| seen.full_ref == full_ref) else {
                self.send(self.untracked(&full_ref)).await;
                continue;
            };
            let phases: Vec<_> =
                challenge.map(|c| c.phases_of_ref(&full_ref).map(|p| &p.slug).collect()).unwrap_or_default();
            let all = store.submissions_of_commit(self.repository.id, &seen.commit);
            let mut submissions = all.await?;
            submissions.retain(|r| phases.contains(&&r.submission.phase));
            if submissions.is_empty() {
                self.send(self.untracked(&full_ref)).await;
            }
            for record in submissions {
                if !sources.contains(&record.source) {
                    sources.push(record.source);
                }
            }
        }
        Ok(sources)
    }

    async fn records(&self, sources: &[i64]) -> anyhow::Result<Vec<SubmissionRecord>> {
        let mut records = Vec::new();
        for source in sources {
            records.extend(self.app.context.store.submissions_of_source(*source).await?);
        }
        Ok(records)
    }

    /// Sends the lines that are new since the last call. Whether there were any.
    async fn report(
        &self,
        records: &[SubmissionRecord],
        followed: &mut BTreeMap<SubmissionId, SubmissionView>,
    ) -> anyhow::Result<bool> {
        let mut reported = false;
        for record in records {
            let now = view::submission(&self.app.context, record).await?;
            let before = followed.get(&record.submission.id);
            let same_push = |other: &&SubmissionRecord| other.source == record.source;
            let sibling = records.iter().filter(same_push).find_map(|other| followed.get(&other.submission.id));
            let new = match (before, sibling) {
                (None, Some(sibling)) => remote::lines_beside(sibling, &now),
                (before, _) => remote::lines(before, &now),
            };
            for line in new {
                reported = true;
                self.send(line).await;
            }
            followed.insert(record.submission.id, now);
        }
        Ok(reported)
    }

    /// Whether the terminal waits for nothing more of a submission.
    fn is_done(&self, record: &SubmissionRecord) -> bool {
        let submission = &record.submission;
        submission.outcome().is_some() || (!self.watches && submission.stage() > Stage::Admission)
    }

    async fn send(&self, line: impl Into<String>) {
        // A hook that has ended misses the line, and nothing depends on it.
        let _ = self.lines.send(line.into()).await;
    }

    fn untracked(&self, full_ref: &str) -> String {
        let challenge = self.app.context.challenge(&self.repository.challenge);
        let phases = challenge.iter().flat_map(|c| &c.phases);
        let triggers: Vec<_> =
            phases.map(|p| format!("{} ({})", p.on.to_string().replacen(':', " ", 1), p.slug)).collect();
        format!(
            "Referee: stored. {} triggers no phase. Phases are triggered by: {}.",
            crate::report::sanitize::line(short(full_ref)),
            triggers.join(", ")
        )
    }
}

fn short(full_ref: &str) -> &str {
    full_ref.strip_prefix("refs/heads/").or_else(|| full_ref.strip_prefix("refs/tags/")).unwrap_or(full_ref)
}
