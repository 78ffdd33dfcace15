//! A token that the forge refuses is replaced once: in calls of the API by hand and by gitea-rs, in git, and in logins
//! to the registry.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use referee::config::Secret;
use referee::forge::credentials::Credentials;
use referee::forge::gitea::GiteaForge;
use referee::forge::{ForgeError, Issues as _, Members as _, Packages as _, Repositories as _, Result};

use crate::live::world;
use crate::model::packages::Image;
use crate::model::{Forge, ForgeVersion};

const ALPHA: &str = "phakir/team-alpha";

/// Tokens of one account, each of which replaces the one before.
struct Tokens {
    all: Mutex<Vec<Secret>>,
    renewals: Mutex<usize>,
}

#[async_trait]
impl Credentials for Tokens {
    async fn token(&self) -> Result<Secret> {
        Ok(self.all.lock().unwrap()[0].clone())
    }

    async fn renew(&self, refused: &Secret) -> Result<bool> {
        *self.renewals.lock().unwrap() += 1;
        let mut all = self.all.lock().unwrap();
        assert_eq!(&all[0], refused);
        if all.len() > 1 {
            all.remove(0);
            return Ok(true);
        }
        Ok(false)
    }
}

/// A token that was revoked, and this many that are valid.
fn tokens(forge: &Forge, valid: usize) -> Arc<Tokens> {
    let scopes = ["read:user", "read:package", "write:issue", "write:repository"];
    let all: Vec<String> = (0..=valid).map(|_| forge.token("referee", &scopes)).collect();
    forge.revoke(&all[0]);
    Arc::new(Tokens { all: Mutex::new(all.into_iter().map(Secret::new).collect()), renewals: Mutex::new(0) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced_once() {
    let (forge, _receiver) = world(ForgeVersion::Gitea127).await;
    let folder = tempfile::tempdir().unwrap();
    let open = |tokens: &Arc<Tokens>| {
        let mirrors = folder.path().to_owned();
        GiteaForge::new(&forge.root(), Arc::clone(tokens) as _, mirrors).unwrap()
    };
    let renewals = |tokens: &Tokens| *tokens.renewals.lock().unwrap();

    let by_hand = tokens(&forge, 1);
    assert_eq!(open(&by_hand).account().await.unwrap().login, "referee");
    let generated = tokens(&forge, 1);
    let opened = open(&generated).open_issue(ALPHA, "Referee", "text").await;
    assert_eq!(opened.unwrap(), 1);
    let git = tokens(&forge, 1);
    assert_eq!(open(&git).refs(ALPHA).await.unwrap().len(), 1);
    for tokens in [&by_hand, &generated, &git] {
        assert_eq!(renewals(tokens), 1);
    }

    // Without another token the refusal is final.
    let none = tokens(&forge, 0);
    let refused = open(&none);
    let errors = [
        refused.account().await.map(drop),
        refused.open_issue(ALPHA, "again", "text").await.map(drop),
        refused.refs(ALPHA).await.map(drop),
    ];
    for error in errors {
        assert!(matches!(error, Err(ForgeError::Unauthorized)), "{error:?}");
    }
    assert_eq!(renewals(&none), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_to_the_registry_asks_for_the_token() {
    // reqwest wants a provider before its first client, also for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (forge, _receiver) = world(ForgeVersion::Gitea127).await;
    for name in ["first", "second"] {
        let image = Image { name, tag: "task", manifest: b"{}", blobs: &[] };
        forge.push_image("alice", "phakir", &image);
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = tokens(&forge, 2);
    let us = GiteaForge::new(&forge.root(), Arc::clone(&tokens) as _, folder.path().into());
    let registry = us.unwrap().registry().await.unwrap();
    let tag = async |name: &str| registry.manifest(&format!("phakir/{name}"), "task").await;
    tag("first").await.unwrap();
    // The second token was in use. Now it is revoked, and the provider has another.
    let second = tokens.all.lock().unwrap().remove(0);
    forge.revoke(second.expose());
    tag("second").await.unwrap();
}
