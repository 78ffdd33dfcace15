//! A recorded delivery: `<name>.body` byte for byte, and `<name>.headers.json` beside it.

use std::fs;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use referee::forge::Webhooks as _;
use referee::forge::gitea::GiteaWebhooks;
use referee::forge::signature::WebhookSecret;
use referee::forge::webhook::{DeliveryRefusal, VerifiedDelivery};
use serde::Deserialize;

/// The secret of every recorded hook that had one and sent JSON.
const HOOK_SECRET: &str = "correct-horse-battery-staple";

/// Headers with an HMAC-SHA256 that Referee reads.
pub(crate) const SIGNATURES: [&str; 3] = ["x-gitea-signature", "x-forgejo-signature", "x-hub-signature-256"];

/// A recorded delivery.
#[derive(Clone)]
pub(crate) struct Recording {
    /// Folder and name, for messages.
    pub name: String,
    /// Path that the hook called; it shows the kind of hook.
    pub path: String,
    /// The secret of the receiver. It has one also for the deliveries of a hook without a secret.
    pub secret: WebhookSecret,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Request {
    path: String,
    secret: String,
    headers: Vec<(String, String)>,
}

impl Recording {
    /// Reads the delivery of this name.
    pub(crate) fn read(folder: &Path, name: &str) -> Self {
        let request = fs::read(folder.join(format!("{name}.headers.json"))).unwrap();
        let request: Request = serde_json::from_slice(&request).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let secret = match request.secret.as_str() {
            "" => HOOK_SECRET,
            recorded => recorded,
        };
        Self {
            name: format!("{}/{name}", folder.display()),
            path: request.path,
            secret: WebhookSecret::new(secret).unwrap(),
            headers,
            body: fs::read(folder.join(format!("{name}.body"))).unwrap(),
        }
    }

    /// All deliveries of a folder.
    pub(crate) fn read_all(folder: &Path) -> Vec<Self> {
        let bodies = files(folder).into_iter().filter_map(|file| {
            let name = file.strip_suffix(".body")?;
            Some(Self::read(folder, name))
        });
        bodies.collect()
    }

    pub(crate) fn accept(&self) -> Result<VerifiedDelivery, DeliveryRefusal> {
        let webhooks = GiteaWebhooks::new(vec![self.secret.clone()]);
        webhooks.accept(&self.headers, &self.body)
    }

    /// The value of a header; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Signs a changed body again.
    pub(crate) fn sign(&mut self) {
        let signature = self.secret.sign(&self.body);
        for name in SIGNATURES {
            if self.headers.contains_key(name) {
                let prefix = if name == SIGNATURES[2] { "sha256=" } else { "" };
                let value = format!("{prefix}{signature}").parse().unwrap();
                self.headers.insert(name, value);
            }
        }
    }
}

/// Names of all files and folders in a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The fixtures of this repository.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("webhook-fixtures")
}

/// The folders of fixtures, one for each recorded forge.
pub(crate) fn fixture_forges() -> Vec<PathBuf> {
    let root = fixtures();
    let paths = files(&root).into_iter().map(|name| root.join(name));
    paths.filter(|path| path.is_dir()).collect()
}

/// One fixture, `gitea-1.27-dev/push-update`.
pub(crate) fn fixture(forge: &str, name: &str) -> Recording {
    Recording::read(&fixtures().join(forge), name)
}
