//! The score stage: stored predictions against the truth, by the organizers' scorer.
//!
//! What a score means (scorer, truth, cases, metrics) is a revision of its own; a score belongs to
//! one and is never changed. A board keeps to its revision until organizers rescore it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::scorer::{self, Scored, Scoring};
use super::{App, Progress, Scope, WorkDirectory, lease, scoring_revision};
use crate::config;
use crate::model::{
    AttemptState, Blame, ContractMode, Definition, Digest, Lease, LogExcerpt, Outcome, Stage, Task,
};
use crate::store::{Effect, Finish, Next, SubmissionRecord};

/// Does one scoring, if one waits.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    for record in app.store.waiting_for(Stage::Scoring, now).await? {
        let Ok(scope) = app.context(&record) else {
            continue;
        };
        let Some(lease) = app.claim(&record, None).await? else {
            continue;
        };
        let doing = attempt(app, (&record, scope), &lease);
        if let Err(error) = lease::work(app, &record, &lease, doing).await {
            tracing::error!(attempt = lease.attempt.id.0, %error, "attempt not ended");
        }
        return Ok(Progress::Worked);
    }
    Ok(Progress::Idle)
}

async fn attempt(
    app: &App,
    (record, scope): (&SubmissionRecord, Scope<'_>),
    lease: &Lease,
) -> anyhow::Result<Finish> {
    let in_force = scoring_revision::in_force(app, scope).await?;
    let (task, image) = (&in_force.task, &in_force.image);
    let definition = scoring_revision::define(app, scope, (task, image)).await?;
    if let Some((id, kept)) = &in_force.revision
        && let Some(differs) = definition.differs(kept)
    {
        let problem = moved_on((scope, record), *id, differs)?;
        return Ok(broken(lease, vec![problem], LogExcerpt::default()));
    }
    let directory = app.work_directory(lease)?;
    let scoring = Scoring {
        name: lease.name(),
        task,
        image,
        predictions: unpack(app, record, (task, &directory)).await?,
        ground_truth: config::ground_truth_of(scope.phase, task),
        cases: &definition.cases,
        into: &directory.make("report")?,
        seed: lease.seed,
    };
    let scored = scorer::score(&app.engines, &scoring).await?;
    Ok(match scored {
        Scored::Report(report) => {
            let revision = match in_force.revision {
                Some((id, _)) => id,
                None => first(app, scope, &definition).await?,
            };
            Finish {
                state: AttemptState::Succeeded,
                blame: None,
                findings: Vec::new(),
                log: None,
                detail: json!({ "notes": report.notes, "scoring_revision": revision }),
                artifact: None,
                next: Next::End {
                    outcome: Outcome::Scored,
                    incident: None,
                },
                effects: vec![Effect::Score(revision, Box::new(report.score))],
            }
        }
        Scored::Broken { problems, log } => broken(lease, problems, log),
    })
}

/// The first revision of a board: what its first score means.
async fn first(app: &App, scope: Scope<'_>, definition: &Definition) -> anyhow::Result<i64> {
    let definition = serde_json::to_value(definition)?;
    let now = app.clock.now();
    let revision = app
        .store
        .put_revision(&scope.board()?, &definition, now)
        .await?;
    Ok(revision.id)
}

/// What organizers have to do about a board whose meaning cannot be kept.
fn moved_on(
    (scope, record): (Scope<'_>, &SubmissionRecord),
    revision: i64,
    differs: &str,
) -> anyhow::Result<String> {
    let (board, number) = (scope.board()?, record.submission.number);
    Ok(format!(
        "the board {board} keeps to evaluation {revision}, but {differs}; restore what was, or order \
         `rescore {board}` and apply it, and then `rerun #{number}`"
    ))
}

/// A scorer that does not do its part: tried once more, then the organizers' to mend. The team's
/// evaluation is given back.
fn broken(lease: &Lease, problems: Vec<String>, log: LogExcerpt) -> Finish {
    let incident = hex::encode(crate::clock::random_bytes::<3>());
    tracing::error!(
        incident,
        submission = lease.attempt.submission.0,
        problems = problems.join("; "),
        log = log.text(),
        "the scorer failed; its organizers have to mend it"
    );
    Finish {
        state: AttemptState::Failed,
        blame: Some(Blame::Organizer),
        findings: Vec::new(),
        log: None,
        detail: json!({ "incident": incident, "problems": problems }),
        artifact: None,
        next: Next::End {
            outcome: Outcome::Fault,
            incident: Some(incident),
        },
        effects: vec![Effect::Quota {
            kind: "evaluation",
            amount: -1,
            reason: "the scorer failed",
        }],
    }
}

/// Puts the predictions of all run attempts in one directory: for a per-case contract each in a
/// folder of its case.
pub(super) async fn unpack(
    app: &App,
    record: &SubmissionRecord,
    (task, directory): (&Task, &WorkDirectory),
) -> anyhow::Result<PathBuf> {
    let into = directory.make("predictions")?;
    let attempts = app.store.attempts(record).await?;
    let per_case = task.contract.mode == ContractMode::PerCase;
    for run in attempts
        .iter()
        .filter(|a| a.attempt.stage == Stage::Run)
        .filter(|a| a.attempt.state == AttemptState::Succeeded)
    {
        let artifact = run.artifact.clone().context("a run without predictions")?;
        let target = match (&run.attempt.case, per_case) {
            (Some(case), true) => into.join(case.as_str()),
            _ => into.clone(),
        };
        let artifacts = app.artifacts.clone();
        tokio::task::spawn_blocking(move || artifacts.unpack(&artifact, &target)).await??;
    }
    Ok(into)
}

/// The digest of all truth files. Read again only when names, sizes or times have changed.
pub(super) async fn ground_truth_digest(app: &App, ground_truth: &Path) -> anyhow::Result<Digest> {
    let mut known = app.ground_truths.lock().await;
    let directory = ground_truth.to_owned();
    let seen_now = tokio::task::spawn_blocking(move || fingerprint(&directory, false)).await??;
    if let Some((seen, digest)) = known.get(ground_truth)
        && *seen == seen_now
    {
        return Ok(digest.clone());
    }
    let directory = ground_truth.to_owned();
    let digest = tokio::task::spawn_blocking(move || fingerprint(&directory, true)).await??;
    known.insert(ground_truth.to_owned(), (seen_now, digest.clone()));
    Ok(digest)
}

/// Digest over all files of a directory: names and sizes, with either contents or times.
fn fingerprint(directory: &Path, contents: bool) -> anyhow::Result<Digest> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder)
            .with_context(|| format!("reading {}", folder.display()))?
            .collect::<std::io::Result<_>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let metadata = std::fs::metadata(&path)?;
            if metadata.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(directory)?.to_string_lossy().into_owned();
            hash.update(format!("{name}\0{}\0", metadata.len()));
            match contents {
                true => {
                    let mut file = std::fs::File::open(&path)?;
                    std::io::copy(&mut file, &mut HashWriter(&mut hash))?;
                }
                false => hash.update(format!("{:?}\0", metadata.modified()?)),
            }
        }
    }
    Ok(Digest::new(format!(
        "sha256:{}",
        hex::encode(hash.finalize())
    ))?)
}

struct HashWriter<'a>(&'a mut sha2::Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use sha2::Digest as _;
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
