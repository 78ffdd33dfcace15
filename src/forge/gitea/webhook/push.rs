//! `push`, `create` and `delete`: changes of refs.
//!
//! Nothing here reads the commits of a push: the forge lists at most five, and Referee fetches the pushed commit by its
//! id. One git push of several refs arrives as several deliveries, in any order.

use serde::Deserialize;

use super::fields::{FullRef, Repository, ShortOrFullRef, User, object_or_none};
use crate::model::{CommitSha, ForgeEvent, RefKind};

/// Gitea modules/structs/hook.go, `PushPayload`.
///
/// It has no field for a new, forced or deleted ref. A tag's `before` is all zero even when the tag was moved, and the
/// `after` of an annotated tag is the tag object, not its commit (Gitea services/repository/push.go, `pushUpdates`). A
/// deleted branch sends no push, only `delete`.
#[derive(Deserialize)]
pub(super) struct PushBody {
    #[serde(rename = "ref")]
    full_ref: FullRef,
    #[serde(deserialize_with = "object_or_none")]
    before: Option<CommitSha>,
    #[serde(deserialize_with = "object_or_none")]
    after: Option<CommitSha>,
    repository: Repository,
    sender: User,
}

impl From<PushBody> for ForgeEvent {
    fn from(push: PushBody) -> Self {
        let repository = push.repository.into();
        let FullRef(full_ref) = push.full_ref;
        // The forge's "test delivery" has the head twice (Gitea routers/api/v1/repo/hook.go, `TestHook`), or zeros
        // twice (routers/web/repo/setting/webhook.go, `TestWebhook`).
        if push.before == push.after {
            return Self::Ping { repository };
        }
        match (RefKind::of(&full_ref), push.after) {
            (Some(_), Some(after)) => {
                Self::Pushed { repository, full_ref, before: push.before, after, sender: push.sender.into() }
            }
            (Some(kind), None) => Self::Deleted { repository, full_ref, kind, sender: push.sender.into() },
            // Neither software announces other refs (Gitea routers/private/hook_post_receive.go).
            (None, _) => Self::Other { name: "push".to_owned() },
        }
    }
}

/// Gitea modules/structs/hook.go, `CreatePayload`.
#[derive(Deserialize)]
pub(super) struct CreateBody {
    #[serde(rename = "ref")]
    name: ShortOrFullRef,
    ref_type: RefKind,
    sha: CommitSha,
    repository: Repository,
    sender: User,
}

impl From<CreateBody> for ForgeEvent {
    fn from(create: CreateBody) -> Self {
        Self::Created {
            repository: create.repository.into(),
            full_ref: create.name.full(create.ref_type),
            kind: create.ref_type,
            after: create.sha,
            sender: create.sender.into(),
        }
    }
}

/// Gitea modules/structs/hook.go, `DeletePayload`. It lacks the last commit of the ref.
#[derive(Deserialize)]
pub(super) struct DeleteBody {
    #[serde(rename = "ref")]
    name: ShortOrFullRef,
    ref_type: RefKind,
    repository: Repository,
    sender: User,
}

impl From<DeleteBody> for ForgeEvent {
    fn from(delete: DeleteBody) -> Self {
        Self::Deleted {
            repository: delete.repository.into(),
            full_ref: delete.name.full(delete.ref_type),
            kind: delete.ref_type,
            sender: delete.sender.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn push(full_ref: &str, before: &str, after: &str) -> ForgeEvent {
        let body = json!({
            "ref": full_ref,
            "before": before,
            "after": after,
            "repository": {"id": 4, "full_name": "phakir/team-alpha"},
            "sender": {"id": 3, "login": "alice"},
        });
        let body: PushBody = serde_json::from_value(body).unwrap();
        body.into()
    }

    #[test]
    fn the_two_ids_show_the_kind_of_change() {
        let (zero, old, new) = ("0".repeat(40), "0a".repeat(20), "0b".repeat(20));
        let kind = |full_ref, before: &str, after: &str| match push(full_ref, before, after) {
            ForgeEvent::Ping { .. } => "ping",
            ForgeEvent::Pushed { before: None, .. } => "new",
            ForgeEvent::Pushed { .. } => "moved",
            ForgeEvent::Deleted { .. } => "deleted",
            _ => "other",
        };
        assert_eq!(kind("refs/heads/main", &zero, &new), "new");
        assert_eq!(kind("refs/heads/main", &old, &new), "moved");
        assert_eq!(kind("refs/tags/v1", &old, &zero), "deleted");
        assert_eq!(kind("refs/heads/main", &new, &new), "ping");
        assert_eq!(kind("refs/heads/main", &zero, &"0".repeat(64)), "ping");
        assert_eq!(kind("refs/notes/commits", &old, &new), "other");
    }
}
