//! The admission stage: a commit or an image is judged by everything that can be judged without an engine.
//!
//! All findings come at once. Only a submission that passes here may cost anything: a build, a run, quota.

use super::context::Context;
use super::forges::Forges;
use super::lease::Work;
use super::source::{self, Judged};
use crate::clock;
use crate::model::finding::any_error;
use crate::model::{Blame, Outcome, Stage};
use crate::store::{Effect, Finish, Next, TaskEntry};

/// Admits or rejects a submission.
pub async fn attempt(context: &Context, forges: &Forges, work: Work<'_>) -> anyhow::Result<Finish> {
    let source = source::of(context, forges, work.record);
    let Judged { findings, tasks } = source.judge(work).await?;
    let rejected = any_error(&findings);
    let finish = if rejected {
        Finish::failed(Blame::Participant, Outcome::Rejected)
    } else {
        Finish::passed(Next::Advance(Stage::Build))
    };
    let mut finish =
        finish.with_findings(findings).with_effect(Effect::Quota { kind: "submission", amount: 1, reason: "pushed" });
    // A rejected push is one submission, however many tasks it names.
    if !rejected || tasks.len() == 1 {
        let entry = |(task, dockerfile)| TaskEntry { task, dockerfile, token: clock::page_token() };
        let tasks = tasks.into_iter().map(entry).collect();
        finish = finish.with_effect(Effect::Tasks(tasks));
    }
    Ok(finish)
}
