//! The cases that are easy to misread, one by one, independent of the snapshots.

use referee::model::{CommitSha, ForgeEvent, RefKind, Sender};
use serde_json::Value;

use crate::recording::fixture;

const FORGES: [&str; 4] = ["gitea-1.22-dev", "gitea-1.24-dev", "gitea-1.27-dev", "forgejo-10-dev"];

fn event(forge: &str, name: &str) -> ForgeEvent {
    fixture(forge, name).accept().unwrap().event
}

fn body(forge: &str, name: &str) -> Value {
    serde_json::from_slice(&fixture(forge, name).body).unwrap()
}

/// Ref, before, after.
fn pushed(forge: &str, name: &str) -> (String, Option<CommitSha>, CommitSha) {
    match event(forge, name) {
        ForgeEvent::Pushed { full_ref, before, after, .. } => (full_ref, before, after),
        other => panic!("{other:?}"),
    }
}

fn sha(value: &Value) -> CommitSha {
    CommitSha::new(value.as_str().unwrap()).unwrap()
}

fn alice() -> Sender {
    Sender { id: 3, login: "alice".to_owned() }
}

#[test]
fn a_push_that_rewinds_moves_to_an_older_commit_and_has_none_of_its_own() {
    for forge in ["gitea-1.27-dev", "forgejo-10-dev"] {
        let (_, _, tip) = pushed(forge, "push-update");
        let (full_ref, before, after) = pushed(forge, "push-rewind");
        assert_eq!(full_ref, "refs/heads/main");
        assert_eq!(before, Some(tip.clone()));
        assert_ne!(after, tip);
        let update = body(forge, "push-update");
        let listed = update["commits"].as_array().unwrap();
        assert!(listed.iter().any(|commit| sha(&commit["id"]) == after));
        assert_eq!(body(forge, "push-rewind")["commits"], Value::Array(vec![]));
    }
}

#[test]
fn an_annotated_tag_arrives_as_its_tag_object() {
    for forge in ["gitea-1.27-dev", "forgejo-10-dev"] {
        let (full_ref, before, after) = pushed(forge, "push-annotated-tag");
        assert_eq!((full_ref.as_str(), before), ("refs/tags/final-2", None));
        let commit = sha(&body(forge, "push-annotated-tag")["head_commit"]["id"]);
        assert_ne!(after, commit, "the tag object is not its commit");
    }
    let (full_ref, _, after) = pushed("gitea-1.27-dev", "push-annotated-tag");
    assert_eq!(after.as_str(), "ff08508816b58704f16e82fd4660e211c2b4f58c");
    let made = event("gitea-1.27-dev", "create-annotated-tag");
    let ForgeEvent::Created { full_ref: made_ref, after: made_after, kind, .. } = made else {
        panic!("{made:?}");
    };
    assert_eq!((made_ref, made_after, kind), (full_ref, after, RefKind::Tag));
}

#[test]
fn a_moved_tag_looks_like_a_new_one() {
    for forge in FORGES {
        let (full_ref, before, _) = pushed(forge, "push-moved-tag");
        assert_eq!((full_ref.as_str(), before), ("refs/tags/final-1", None));
    }
    let (_, _, first) = pushed("gitea-1.27-dev", "push-tag");
    let (_, _, moved) = pushed("gitea-1.27-dev", "push-moved-tag");
    let (_, _, rewound) = pushed("gitea-1.27-dev", "push-rewind");
    assert_ne!(first, moved);
    assert_eq!(moved, rewound, "it was moved to the commit of the rewind");
}

#[test]
fn a_deleted_tag_is_announced_twice_and_a_deleted_branch_once() {
    let pairs = [
        ("gitea-1.27-dev", "push-deleted-tag", "delete-tag"),
        ("forgejo-10-dev", "push-deleted-tag", "delete-tag"),
        ("forgejo-10-dev", "push-deleted-tag-type-forgejo", "delete-tag-type-forgejo"),
    ];
    for (forge, push, delete) in pairs {
        let deleted = event(forge, push);
        assert!(matches!(
            &deleted,
            ForgeEvent::Deleted { kind: RefKind::Tag, sender, .. } if *sender == alice()
        ));
        assert_eq!(deleted, event(forge, delete));
    }
    assert!(matches!(
        event("gitea-1.27-dev", "delete-branch"),
        ForgeEvent::Deleted { kind: RefKind::Branch, full_ref, .. }
            if full_ref == "refs/heads/feature/unicode-ü$(id)"
    ));
}

#[test]
fn short_and_full_names_of_refs_mean_the_same() {
    for name in ["create-branch", "create-tag", "delete-branch", "delete-tag"] {
        let full = format!("{name}-type-forgejo");
        let names = [name, &full].map(|name| body("forgejo-10-dev", name)["ref"].clone());
        assert_ne!(names[0], names[1], "one is short and one is full");
        assert_eq!(event("forgejo-10-dev", name), event("forgejo-10-dev", &full));
    }
}

#[test]
fn a_test_delivery_is_a_ping() {
    for forge in ["gitea-1.22-dev", "gitea-1.27-dev", "forgejo-10-dev"] {
        let ping = event(forge, "ping");
        assert!(matches!(
            ping,
            ForgeEvent::Ping { repository } if repository.full_name == "phakir/team-alpha"
        ));
    }
}

/// The test delivery of Gitea's web page (routers/web/repo/setting/webhook.go, `TestWebhook`), made from a real one.
#[test]
fn a_test_delivery_without_a_commit_is_a_ping_too() {
    for zeros in ["0".repeat(40), "0".repeat(64)] {
        let mut ping = fixture("gitea-1.27-dev", "ping");
        let mut changed = body("gitea-1.27-dev", "ping");
        changed["before"] = zeros.clone().into();
        changed["after"] = zeros.into();
        ping.body = serde_json::to_vec(&changed).unwrap();
        ping.sign();
        let event = ping.accept().unwrap().event;
        assert!(matches!(event, ForgeEvent::Ping { .. }));
    }
}

#[test]
fn repositories_with_longer_object_ids_are_read() {
    let mut push = fixture("gitea-1.27-dev", "push-update");
    let mut changed = body("gitea-1.27-dev", "push-update");
    changed["before"] = "0".repeat(64).into();
    changed["after"] = "5d".repeat(32).into();
    push.body = serde_json::to_vec(&changed).unwrap();
    push.sign();
    let event = push.accept().unwrap().event;
    assert!(matches!(
        event,
        ForgeEvent::Pushed { before: None, after, .. } if after.as_str() == "5d".repeat(32)
    ));
}

#[test]
fn an_edited_comment_has_its_previous_text_and_its_author() {
    for forge in FORGES {
        let event = event(forge, "comment-edited");
        let ForgeEvent::Comment { action, body, previous_body, author_id, sender, .. } = event else {
            panic!("{event:?}");
        };
        assert_eq!((action.as_str(), body.as_str()), ("edited", "/help\n/status"));
        assert_eq!(previous_body.as_deref(), Some("/help"));
        assert_eq!(author_id, Some(sender.id));
    }
}

#[test]
fn an_edited_title_is_not_an_edited_text() {
    for forge in ["gitea-1.27-dev", "forgejo-10-dev"] {
        let event = event(forge, "issues-edited");
        assert!(matches!(
            &event,
            ForgeEvent::Issue { title, previous_body: None, .. } if title == "Referee reports"
        ));
    }
}

#[test]
fn a_package_has_no_repository_until_it_is_linked() {
    for forge in ["gitea-1.24-dev", "gitea-1.27-dev"] {
        let repositories = ["package-created", "package-deleted"].map(|name| {
            let event = event(forge, name);
            let ForgeEvent::Package { repository, owner, .. } = event else {
                panic!("{event:?}");
            };
            assert_eq!(owner, "phakir");
            repository.map(|repository| repository.full_name)
        });
        assert_eq!(repositories, [None, Some("phakir/team-alpha".to_owned())]);
    }
}

#[test]
fn a_replayed_delivery_has_another_id_and_the_same_digest() {
    let [once, again] = ["push-once", "push-once-replayed"].map(|name| fixture("gitea-1.27-dev", name));
    assert_ne!(once.header("x-gitea-delivery"), again.header("x-gitea-delivery"));
    assert_eq!(once.accept(), again.accept());
}
