//! Whether a submission may enter its phase, whatever its content: the phase is open, the content is new, the quota
//! suffices.

use super::context::{Context, SubmissionContext};
use super::policy;
use crate::model::{Finding, TaskSlug};
use crate::rules::quota;
use crate::store::SubmissionRecord;

/// The findings against a submission that do not depend on its files. `content` is the digest of its content, where
/// the content could be read. `tasks` are the tasks that it enters.
pub async fn check(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
    content: Option<&str>,
    tasks: &[&TaskSlug],
) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let overrides = context.store.overrides(&of.challenge.slug).await?;
    let phase = overrides.phase(&of.challenge.slug, of.phase);
    findings.extend(quota::check_phase(&phase, record.submission.observed_at));
    if let Some(content) = content
        && let Some(earlier) = context.store.same_content(record, content).await?
    {
        let earlier = earlier.submission;
        findings.push(quota::duplicate(earlier.number, &earlier.origin.content()));
    }
    let team = &record.submission.team;
    let disqualification = tasks.iter().find_map(|task| overrides.disqualified(&of.board_of(task), team));
    findings.extend(disqualification.map(|found| quota::disqualified(&found.reason)));
    for task in tasks {
        for finding in quota_findings(context, record, of, task).await? {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    Ok(findings)
}

async fn quota_findings(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
    task: &TaskSlug,
) -> anyhow::Result<Vec<Finding>> {
    let board = of.board_of(task);
    let submission = &record.submission;
    let now = context.clock.now();
    let used = context.store.usage(&board, &submission.team, submission.id.0, now).await?;
    Ok(quota::check_quota(policy::counts(used), &of.phase.quota, now))
}
