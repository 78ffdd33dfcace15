//! A delivery as it goes over the wire: its hooks, signatures and headers.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

use super::call::escaped;
use super::state::{Hook, Scope, State};

/// One delivery to one hook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The fine event, `issue_label` for example.
    pub event: String,
    /// The repository and the ref of an event about a ref.
    pub about: Option<(i64, String)>,
}

/// Two names of one event: the coarse one, and the fine one that hooks choose by.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub coarse: &'static str,
    pub fine: &'static str,
}

impl Event {
    /// An event with one name.
    pub(crate) fn plain(name: &'static str) -> Self {
        Self { coarse: name, fine: name }
    }
}

/// A random delivery id (UUID, version 4).
pub(crate) fn delivery_id() -> String {
    let mut bytes = referee::clock::random_bytes::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    parts.join("-")
}

impl State {
    /// Queues a delivery to every active hook that asked for the event: those of the repository, then those of its
    /// organization. Each hook may get a body of its own.
    pub(crate) fn notify(&mut self, repository: Option<i64>, owner: i64, event: Event, body: impl Fn(&Hook) -> Value) {
        let mut hooks = repository.map(|id| self.hooks_of(Scope::Repository(id))).unwrap_or_default();
        hooks.extend(self.hooks_of(Scope::Organization(owner)));
        for hook in hooks {
            if hook.active && hook.events.iter().any(|wanted| wanted == event.fine) {
                let body = body(&hook);
                self.deliver(&hook, event, &body);
            }
        }
    }

    /// Queues a delivery to one hook, also for an event that it did not ask for.
    pub(crate) fn deliver(&mut self, hook: &Hook, event: Event, body: &Value) {
        let id = body["repository"]["id"].as_i64();
        let folder = match body["ref_type"].as_str() {
            Some("branch") => "refs/heads/",
            Some("tag") => "refs/tags/",
            _ => "",
        };
        let name = body["ref"].as_str().filter(|_| ["push", "create", "delete"].contains(&event.fine));
        let about = id.zip(name).map(|(id, name)| {
            let full = name.starts_with("refs/");
            (id, if full { name.to_owned() } else { format!("{folder}{name}") })
        });
        let json = escaped(&serde_json::to_string_pretty(body).unwrap());
        let id = delivery_id();
        let headers = self.delivery_headers(hook, event, &json, &id);
        let body = if hook.content_type == "form" { form(&json) } else { json };
        self.outbox.push_back(Delivery { url: hook.url.clone(), headers, body, event: event.fine.to_owned(), about });
    }

    /// Old forges look for the repository and the ref once more before they send a push. If either was deleted
    /// meanwhile, the push is never delivered.
    pub(crate) fn forget_pushes(&mut self, repository: i64, name: Option<&str>) {
        if !self.version.is_old() {
            return;
        }
        let of = |(id, about): &(i64, String)| *id == repository && name.is_none_or(|name| name == about);
        let lost = |d: &Delivery| d.event != "delete" && d.about.as_ref().is_some_and(of);
        self.outbox.retain(|delivery| !lost(delivery));
    }

    /// Signatures cover the JSON, also of a form. Without a secret the headers are empty.
    fn delivery_headers(&self, hook: &Hook, event: Event, json: &[u8], id: &str) -> Vec<(String, String)> {
        let (mut sha256, mut sha1) = (String::new(), String::new());
        if !hook.secret.is_empty() {
            let mut mac = Hmac::<Sha256>::new_from_slice(hook.secret.as_bytes()).unwrap();
            mac.update(json);
            sha256 = hex::encode(mac.finalize().into_bytes());
            let mut mac = Hmac::<Sha1>::new_from_slice(hook.secret.as_bytes()).unwrap();
            mac.update(json);
            sha1 = hex::encode(mac.finalize().into_bytes());
        }
        let kind = match hook.content_type.as_str() {
            "form" => "application/x-www-form-urlencoded",
            _ => "application/json",
        };
        let mut headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        let mut set = |name: String, value: &str| headers.push((name, value.to_owned()));
        if !hook.authorization.is_empty() {
            set("Authorization".to_owned(), &hook.authorization);
        }
        let mut families = vec!["GitHub", "Gitea", "Gogs"];
        if self.version.is_forgejo() {
            families.insert(0, "Forgejo");
        }
        for family in families {
            set(format!("X-{family}-Delivery"), id);
            set(format!("X-{family}-Event"), event.coarse);
            set(format!("X-{family}-Event-Type"), event.fine);
            if family != "GitHub" {
                set(format!("X-{family}-Signature"), &sha256);
            }
            if !self.version.is_old() && family != "Gogs" {
                let target = match hook.scope {
                    Scope::Organization(_) => "organization",
                    Scope::Repository(_) => "repository",
                };
                set(format!("X-{family}-Hook-Installation-Target-Type"), target);
            }
        }
        set("X-Hub-Signature".to_owned(), &format!("sha1={sha1}"));
        set("X-Hub-Signature-256".to_owned(), &format!("sha256={sha256}"));
        headers
    }
}

/// A form with the JSON as its one field.
fn form(json: &[u8]) -> Vec<u8> {
    let mut text = b"payload=".to_vec();
    for byte in json {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(*byte),
            b' ' => text.push(b'+'),
            _ => text.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    text
}
