//! Lamps on a commit: one for each gate, and one for each board. Only those that changed are sent.
//!
//! Anybody with write access can set the same lamp: it is a display, and never read back.

use serde_json::{Map, Value};

use super::{ADMISSION, Target, Unsent};
use crate::forge::CommitStatus;
use crate::model::{CommitSha, Digest, RepositoryId};
use crate::pipeline::{App, view};
use crate::report::status::{self, ADMISSION_CONTEXT};
use crate::store::OutboxMessage;

pub(super) async fn send(app: &App, item: &mut OutboxMessage) -> Result<(), Unsent> {
    let id = RepositoryId(item.payload["repository"].as_i64().unwrap_or_default());
    let sha: CommitSha =
        serde_json::from_value(item.payload["sha"].clone()).map_err(anyhow::Error::from)?;
    let mut views = Vec::new();
    for record in app.store.submissions_of_commit(id, &sha).await? {
        views.push(view::submission(app, &record).await?);
    }
    let admission_alone = item.channel == ADMISSION;
    let mut target = Target::of(app, id).await?;
    let mut shown = match std::mem::take(&mut item.shown) {
        Value::Object(shown) => shown,
        _ => Map::new(),
    };
    let mut result = Ok(());
    for (status, url) in status::of_commit(&views) {
        if (status.context == ADMISSION_CONTEXT) != admission_alone {
            continue;
        }
        let wanted = CommitStatus {
            context: status.context,
            state: status.state.as_str(),
            message: status.message,
            url,
        };
        let digest = Value::from(Digest::of(format!("{wanted:?}").as_bytes()).to_string());
        if shown.get(&wanted.context) == Some(&digest) {
            continue;
        }
        let (sha, status) = (&sha, &wanted);
        let sent = target
            .call_of_commit(app, sha, |forge, at| {
                let (sha, status) = (sha.clone(), status.clone());
                async move { forge.show_status(&at.full_name, &sha, &status).await }
            })
            .await;
        match sent {
            Ok(()) => {
                shown.insert(wanted.context, digest);
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    item.shown = Value::Object(shown);
    result
}
