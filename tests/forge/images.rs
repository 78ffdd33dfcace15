//! Pushed images as our account sees them on each version of the forge: all tags of an owner, with its number.

use referee::config::Secret;
use referee::forge::credentials;
use referee::forge::gitea::GiteaForge;
use referee::forge::{ForgeError, ImageTag, Members as _, Packages as _};
use referee::model::Digest;

use crate::model::packages::Image;
use crate::model::state::Mode;
use crate::model::{Forge, ForgeVersion};

const SCOPES: [&str; 3] = ["read:user", "read:package", "read:organization"];

fn push(forge: &Forge, tag: &str, manifest: &[u8]) {
    let image = Image { name: "method", tag, manifest, blobs: &[] };
    forge.push_image("alice", "phakir-alpha", &image);
}

async fn check(version: ForgeVersion) {
    let forge = Forge::start(version).await;
    for login in ["owner", "referee", "alice", "eve"] {
        forge.person(login);
    }
    let number = forge.organization("phakir-alpha", "owner");
    let (read, write) = (("repo.packages", Mode::Read), ("repo.packages", Mode::Write));
    forge.team("phakir-alpha", "referee", &[read], &["referee"], None);
    forge.team("phakir-alpha", "members", &[write], &["alice"], None);
    // More than one page, and a manifest that only an index names.
    for n in 0..60 {
        push(&forge, &format!("task-{n:02}"), b"{\"mediaType\":\"one\"}");
    }
    let manifest = b"{\"mediaType\":\"two\"}";
    push(&forge, Digest::of(manifest).as_str(), manifest);
    push(&forge, "task-07", manifest);

    let folder = tempfile::tempdir().unwrap();
    let ask = |login: &str| {
        let token = Secret::new(forge.token(login, &SCOPES));
        GiteaForge::new(&forge.root(), credentials::fixed(&token), folder.path().to_owned()).unwrap()
    };
    let us = ask("referee");
    let mut tags = us.image_tags("phakir-alpha").await.unwrap();
    tags.sort();
    let expected: Vec<_> =
        (0..60).map(|n| ImageTag { owner_id: number, name: "method".into(), tag: format!("task-{n:02}") }).collect();
    assert_eq!(tags, expected, "{version:?}");

    // An organization is found by its number, also under a new name.
    let known = us.organizations().await.unwrap();
    assert_eq!(known.get(&number).map(String::as_str), Some("phakir-alpha"));
    forge.state().rename_account(number, "otherwise");
    let known = us.organizations().await.unwrap();
    assert_eq!(known, [(number, "otherwise".to_owned())].into());
    forge.state().rename_account(number, "phakir-alpha");

    let outsider = ask("eve");
    assert_eq!(outsider.organizations().await.unwrap().len(), 0);
    let refused = outsider.image_tags("phakir-alpha").await;
    assert!(matches!(refused, Err(ForgeError::Forbidden(_))), "{refused:?}");
    let unknown = us.image_tags("unknown").await;
    assert!(matches!(unknown, Err(ForgeError::NotFound)), "{unknown:?}");
}

#[tokio::test]
async fn our_account_lists_what_teams_push() {
    for version in ForgeVersion::ALL {
        check(version).await;
    }
}

/// A forge that Referee reaches by an internal address uses its public address for itself.
async fn check_realm(version: ForgeVersion) {
    // reqwest wants a provider before its first client, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forge = Forge::start(version).await;
    for login in ["owner", "referee", "alice"] {
        forge.person(login);
    }
    forge.organization("phakir-alpha", "owner");
    let (read, write) = (("repo.packages", Mode::Read), ("repo.packages", Mode::Write));
    forge.team("phakir-alpha", "referee", &[read], &["referee"], None);
    forge.team("phakir-alpha", "members", &[write], &["alice"], None);
    let manifest = b"{\"mediaType\":\"one\"}";
    push(&forge, "task", manifest);
    let inside = forge.root();
    let token = Secret::new(forge.token("referee", &SCOPES));
    forge.state().root = "https://git.example.org".to_owned();

    let folder = tempfile::tempdir().unwrap();
    let new = || GiteaForge::new(&inside, credentials::fixed(&token), folder.path().to_owned()).unwrap();
    let ask = async |us: GiteaForge| {
        let registry = us.registry().await.unwrap();
        let manifest = registry.manifest("phakir-alpha/method", "task").await;
        (registry.check().await, manifest)
    };
    let configured = new().with_public_url("https://git.example.org");
    let (checked, found) = ask(configured).await;
    assert_eq!(checked, Ok(()), "{version:?}");
    assert_eq!(found.unwrap().digest, Digest::of(manifest));
    for us in [new(), new().with_public_url("https://git.example.org.evil.example")] {
        let before = forge.state().tokens.len();
        let (checked, found) = ask(us).await;
        for error in [checked.unwrap_err(), found.unwrap_err()] {
            let message = error.to_string();
            assert!(message.contains("`https://git.example.org`"), "{message}");
            assert!(message.contains("`public-url`"), "{message}");
        }
        assert_eq!(forge.state().tokens.len(), before, "no token was asked for");
    }
}

#[tokio::test]
async fn tokens_of_the_registry_come_from_the_reachable_address() {
    for version in ForgeVersion::ALL {
        check_realm(version).await;
    }
}
