//! Pushed images as our account sees them on each dialect: all tags of an owner with its number,
//! and what a tag stands for.

use referee::config::Secret;
use referee::forge::gitea::GiteaForge;
use referee::forge::registry::RegistryError;
use referee::forge::{Forge as _, ForgeError, PushedTag};
use referee::model::Digest;

use crate::model::packages::Image;
use crate::model::state::Mode;
use crate::model::{Dialect, Forge};

const SCOPES: [&str; 3] = ["read:user", "read:package", "read:organization"];

fn push(forge: &Forge, tag: &str, manifest: &[u8]) {
    let image = Image {
        name: "method",
        tag,
        manifest,
        blobs: &[],
    };
    forge.push_image("alice", "phakir-alpha", &image);
}

async fn check(dialect: Dialect) {
    let forge = Forge::start(dialect).await;
    for login in ["owner", "referee", "alice", "eve"] {
        forge.person(login);
    }
    let number = forge.organization("phakir-alpha", "owner");
    let (read, write) = (
        ("repo.packages", Mode::Read),
        ("repo.packages", Mode::Write),
    );
    forge.team(("phakir-alpha", "referee"), &[read], &["referee"], None);
    forge.team(("phakir-alpha", "members"), &[write], &["alice"], None);
    // More than a page, and a manifest that only an index names.
    for n in 0..60 {
        push(&forge, &format!("task-{n:02}"), b"{\"mediaType\":\"one\"}");
    }
    let manifest = b"{\"mediaType\":\"two\"}";
    push(&forge, Digest::of(manifest).as_str(), manifest);
    push(&forge, "task-07", manifest);

    let folder = tempfile::tempdir().unwrap();
    let ask = |login: &str| {
        let token = Secret::new(forge.token(login, &SCOPES));
        GiteaForge::new(&forge.root(), &token, folder.path().to_owned()).unwrap()
    };
    let us = ask("referee");
    let mut tags = us.images("phakir-alpha").await.unwrap();
    tags.sort();
    let expected: Vec<_> = (0..60)
        .map(|n| PushedTag {
            owner_id: number,
            name: "method".into(),
            tag: format!("task-{n:02}"),
        })
        .collect();
    assert_eq!(tags, expected, "{dialect:?}");
    let registry = us.registry().await.unwrap();
    let pinned = registry.manifest("phakir-alpha/method", "task-07").await;
    assert_eq!(pinned.unwrap().digest, Digest::of(manifest), "{dialect:?}");

    let stranger = ask("eve");
    let refused = stranger.images("phakir-alpha").await;
    assert!(
        matches!(refused, Err(ForgeError::Forbidden(_))),
        "{refused:?}"
    );
    let registry = stranger.registry().await.unwrap();
    let refused = registry.manifest("phakir-alpha/method", "task-07").await;
    assert!(
        matches!(refused, Err(RegistryError::Auth(_))),
        "{refused:?}"
    );
    let nobody = us.images("nobody").await;
    assert!(matches!(nobody, Err(ForgeError::NotFound)), "{nobody:?}");
}

#[tokio::test]
async fn our_account_lists_and_pins_what_teams_push() {
    // reqwest wants a provider before its first client, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    for dialect in Dialect::ALL {
        check(dialect).await;
    }
}
