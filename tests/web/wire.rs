//! Recorded deliveries. Tests send them again, with or without changes.

use std::path::{Path, PathBuf};

use referee::forge::signature::WebhookSecret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::server::{Answer, SECRETS, Server, answer, repository_path};

/// A delivery as the forge sent it.
#[derive(Clone)]
pub(crate) struct Wire {
    pub name: String,
    /// The path that the hook called. It shows the kind of the hook.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Recorded {
    path: String,
    headers: Vec<(String, String)>,
}

impl Wire {
    /// Reads `<stem>.body` and `<stem>.headers.json`.
    pub(crate) fn read(stem: &Path) -> Self {
        let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", stem.display()));
        let recorded = std::fs::read(beside(".headers.json")).unwrap();
        let recorded: Recorded = serde_json::from_slice(&recorded).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in &recorded.headers {
            // These headers belong to the connection and not to the delivery.
            if !["host", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
                let name: HeaderName = name.parse().unwrap();
                headers.append(name, value.parse().unwrap());
            }
        }
        Self {
            name: stem.display().to_string(),
            path: recorded.path,
            headers,
            body: std::fs::read(beside(".body")).unwrap(),
        }
    }

    /// A fixture of this repository.
    pub(crate) fn fixture(name: &str) -> Self {
        Self::read(&repository_path("webhook-fixtures").join(name))
    }

    /// Replaces the value of a header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// Removes all signatures.
    pub(crate) fn unsigned(mut self) -> Self {
        for name in SIGNATURES {
            self.headers.remove(name);
        }
        self
    }

    /// Replaces the body, and signs it with this secret.
    pub(crate) fn signed(self, body: &[u8], secret: &str) -> Self {
        let mut wire = self.unsigned();
        wire.body = body.to_vec();
        let signature = WebhookSecret::new(secret).unwrap().sign(body);
        wire.with("x-gitea-signature", &signature)
    }

    /// Replaces a text of the body, and signs the body again.
    pub(crate) fn changed(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.body.clone()).unwrap();
        assert!(text.contains(from), "{from} in {}", self.name);
        self.signed(text.replace(from, to).as_bytes(), SECRETS[0])
    }

    /// Sends it to the hook of the forge `gitea`.
    pub(crate) async fn send(&self, server: &Server) -> Answer {
        self.send_to(server, "gitea").await
    }

    /// Sends it to the hook of a forge.
    pub(crate) async fn send_to(&self, server: &Server, forge: &str) -> Answer {
        let request = server
            .client
            .post(format!("{}/hooks/{forge}", server.url))
            .headers(self.headers.clone())
            .body(self.body.clone());
        answer(request.send().await.unwrap()).await
    }
}

/// The headers with an HMAC-SHA256.
pub(crate) const SIGNATURES: [&str; 3] = ["x-gitea-signature", "x-forgejo-signature", "x-hub-signature-256"];
