//! The commit statuses of a commit: one for each stage before the queue, and one for each leaderboard. Only changed
//! ones are sent.
//!
//! Anyone with write access can set the same commit status. Referee never reads them back.

use serde_json::{Map, Value};

use super::reported_commit::ReportedCommit;
use super::{ADMISSION, Target, Unpublished};
use crate::forge::CommitStatus;
use crate::model::Digest;
use crate::pipeline::context::Context;
use crate::pipeline::forges::Forges;
use crate::report::status::{self, ADMISSION_CONTEXT};
use crate::store::OutboxMessage;

pub(super) async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<(), Unpublished> {
    let commit = ReportedCommit::read(context, message).await?;
    let admission_only = message.channel == ADMISSION;
    let mut target = Target::of(context, forges, commit.repository).await?;
    let mut published = match std::mem::take(&mut message.published_state) {
        Value::Object(published) => published,
        _ => Map::new(),
    };
    let mut result = Ok(());
    for (status, url) in status::commit_statuses(&commit.submissions) {
        if (status.context == ADMISSION_CONTEXT) != admission_only {
            continue;
        }
        let status = CommitStatus { context: status.context, state: status.state, message: status.message, url };
        let digest = Value::from(Digest::of(format!("{status:?}").as_bytes()).to_string());
        if published.get(&status.context) == Some(&digest) {
            continue;
        }
        let (sha, wanted) = (&commit.sha, &status);
        let sent = target
            .call_of_commit(sha, |forge, at| {
                let (sha, status) = (sha.clone(), wanted.clone());
                async move { forge.commit_statuses()?.set_status(&at.full_name, &sha, &status).await }
            })
            .await;
        if let Err(error) = sent {
            result = Err(error);
            break;
        }
        published.insert(status.context, digest);
    }
    message.published_state = Value::Object(published);
    result
}
