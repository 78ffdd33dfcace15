//! The rules stage: a commit, or what a registry says of an image, is read and judged by everything that can be judged without an engine.
//!
//! All findings come at once. Only what passes here may cost anything: a build, a run, quota.

use serde_json::json;

use super::{App, Progress, Scope, lease, pushed};
use crate::clock;
use crate::config::BuilderSettings;
use crate::forge::ForgeError;
use crate::forge::folder;
use crate::forge::git::{self, CommitTree, GitError};
use crate::model::finding::any_error;
use crate::model::{
    AttemptState, Blame, Board, Challenge, CommitSha, Finding, Origin, Outcome, SourceTree, Stage,
    TaskSlug,
};
use crate::rules::{self, Policy};
use crate::store::{Effect, Finish, Next, SubmissionRecord, Usage};

/// What the organizers of a challenge allow, on this builder.
pub fn policy(builder: &BuilderSettings, challenge: &Challenge) -> Policy {
    let contracts = challenge.tasks.iter().map(|t| &t.contract);
    Policy {
        build_network: builder.network != "none",
        ..Policy::new(builder.bases.clone(), contracts)
    }
    .with_severities(challenge.rules.clone())
}

/// The challenge's template as a tree, if it has one that can be read.
pub fn template(challenge: &Challenge) -> Option<SourceTree> {
    let path = challenge.template.as_ref()?;
    match folder::read(path) {
        Ok(tree) => Some(tree),
        Err(error) => {
            tracing::warn!(template = %path.display(), %error, "the template cannot be read");
            None
        }
    }
}

/// Does one admission, if one waits.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    for record in app.store.waiting_for(Stage::Admission, now).await? {
        let Ok(scope) = app.context(&record) else {
            continue;
        };
        let Some(lease) = app.claim(&record, None).await? else {
            continue;
        };
        let doing = attempt(app, &record, scope);
        if let Err(error) = lease::work(app, &record, &lease, doing).await {
            tracing::error!(attempt = lease.attempt.id.0, %error, "attempt not ended");
        }
        return Ok(Progress::Worked);
    }
    Ok(Progress::Idle)
}

/// What the static rules say of a commit or an image.
pub(super) struct Judged {
    /// All that is wrong.
    pub findings: Vec<Finding>,
    /// What it is for, each with its Dockerfile, which an image does not have.
    pub tasks: Vec<(TaskSlug, String)>,
}

async fn attempt(app: &App, record: &SubmissionRecord, scope: Scope<'_>) -> anyhow::Result<Finish> {
    let judged = match &record.submission.origin {
        Origin::Image { .. } => pushed::judge(app, record, scope).await?,
        Origin::Commit { sha, .. } => match read(app, record, sha).await? {
            Ok(commit) => judge(app, record, scope, commit).await?,
            Err(finding) => Judged {
                findings: vec![finding],
                tasks: Vec::new(),
            },
        },
    };
    let rejected = any_error(&judged.findings);
    let mut effects = vec![Effect::Quota {
        kind: "submission",
        amount: 1,
        reason: "pushed",
    }];
    // A rejected push is one submission, however many tasks it names.
    if !rejected || judged.tasks.len() == 1 {
        effects.push(Effect::Tasks(
            judged
                .tasks
                .into_iter()
                .map(|(task, path)| (task, path, clock::page_token()))
                .collect(),
        ));
    }
    Ok(Finish {
        state: match rejected {
            true => AttemptState::Failed,
            false => AttemptState::Succeeded,
        },
        blame: rejected.then_some(Blame::Participant),
        findings: judged.findings,
        log: None,
        detail: json!({}),
        artifact: None,
        next: match rejected {
            true => Next::End {
                outcome: Outcome::Rejected,
                incident: None,
            },
            false => Next::Advance(Stage::Build),
        },
        effects,
    })
}

/// Reads the commit; a commit too large to be read is the participant's finding.
async fn read(
    app: &App,
    record: &SubmissionRecord,
    sha: &CommitSha,
) -> anyhow::Result<Result<CommitTree, Finding>> {
    let path = match app.commit(record).await {
        Ok(path) => path,
        Err(ForgeError::Git(GitError::TooLarge(what))) => {
            return Ok(Err(rules::layout::too_large(&what.to_string())));
        }
        Err(ForgeError::Git(GitError::Gone(_))) => return Ok(Err(rules::layout::gone())),
        Err(error) => return Err(error.into()),
    };
    let sha = sha.clone();
    let read = tokio::task::spawn_blocking(move || git::read_commit(&path, &sha)).await?;
    match read {
        Ok(commit) => Ok(Ok(commit)),
        Err(GitError::TooLarge(what)) => Ok(Err(rules::layout::too_large(&what.to_string()))),
        Err(error) => Err(error.into()),
    }
}

async fn judge(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
    commit: CommitTree,
) -> anyhow::Result<Judged> {
    let policy = policy(&app.settings.builder, scope.challenge);
    let template = template(scope.challenge);
    let admission =
        rules::admission::check(&commit.source, scope.challenge, &policy, template.as_ref());
    let content = (Some(commit.tree.as_str()), admission.tasks.as_slice());
    let outside = outside(app, record, scope, content).await?;
    let mut findings = admission.findings;
    findings.extend(outside.into_iter().map(|f| policy.adjust(f)));
    Ok(Judged {
        findings,
        tasks: admission.tasks,
    })
}

/// What stands against a submission beside its content: the phase, an equal one, quota. `content`
/// names what it consists of, where that could be read.
///
/// # Errors
/// When the database fails.
pub(super) async fn outside(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
    (content, tasks): (Option<&str>, &[(TaskSlug, String)]),
) -> anyhow::Result<Vec<Finding>> {
    let mut outside = Vec::new();
    let observed = record.submission.observed_at;
    let orders = app.store.overrides(&scope.challenge.slug).await?;
    let phase = orders.phase(&scope.challenge.slug, scope.phase);
    outside.extend(rules::quota::phase(&phase, observed));
    if let Some(content) = content
        && let Some(earlier) = app.store.same_content(record, content).await?
    {
        outside.push(rules::quota::duplicate(
            earlier.submission.number,
            &earlier.submission.origin.content(),
        ));
    }
    outside.extend(quota(app, record, scope, tasks).await?);
    Ok(outside)
}

/// What the store added up, for the rules.
pub fn counts(used: Usage) -> rules::quota::Counts {
    rules::quota::Counts {
        today: used.today,
        total: used.total,
        submissions_today: used.submissions_today,
        under_way: used.under_way,
        granted_today: used.granted_today,
        granted: used.granted,
    }
}

/// Quota of every task that the push is for.
async fn quota(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
    tasks: &[(TaskSlug, String)],
) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let submission = &record.submission;
    for (task, _) in tasks {
        let board = Board {
            challenge: scope.challenge.slug.clone(),
            phase: scope.phase.slug.clone(),
            task: task.clone(),
        };
        let now = app.clock.now();
        let used = app
            .store
            .usage(&board, &submission.team, submission.id.0, now)
            .await?;
        for finding in rules::quota::check(counts(used), &scope.phase.quota, now) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    Ok(findings)
}
