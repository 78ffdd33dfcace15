//! The forge's API as the people of a test use it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

/// The smallest page of a list: no forge returns fewer entries unless the list ends.
const PAGE_LEAST: usize = 10;
/// The most pages of a list in a test.
const PAGES_MAX: u32 = 20;

/// A client of one forge.
pub(crate) struct Api {
    root: String,
    client: reqwest::Client,
    runtime: Arc<Runtime>,
}

/// The value of the header `Authorization`.
#[derive(Debug, Clone)]
pub(crate) struct Credentials(String);

/// An answer of an address outside the API.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub status: u16,
    /// The header `Location`.
    pub location: Option<String>,
    pub body: String,
}

impl Credentials {
    pub(crate) fn bearer(token: &str) -> Self {
        Self(format!("Bearer {token}"))
    }

    pub(crate) fn token(token: &str) -> Self {
        Self(format!("token {token}"))
    }

    pub(crate) fn password(login: &str, password: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{login}:{password}"))))
    }
}

impl Api {
    pub(crate) fn new(root: &str, runtime: Arc<Runtime>) -> Self {
        Self { root: root.to_owned(), client: reqwest::Client::builder().no_proxy().build().unwrap(), runtime }
    }

    /// The forge's address, without `/` at the end.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Sends a request to a path below `/api/v1`. Returns the status and the body.
    pub(crate) fn ask(&self, by: &Credentials, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.try_ask(by, method, path, body);
        answer.unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// Sends a request to a forge that may not answer.
    pub(crate) fn try_ask(
        &self,
        by: &Credentials,
        method: &str,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<(u16, Value)> {
        let url = format!("{}/api/v1{path}", self.root);
        let mut request = self.client.request(method.parse().unwrap(), &url).header("Authorization", &by.0);
        if !body.is_null() {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let bytes = answer.bytes().await?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
        })
    }

    /// All entries of a list. A forge may reduce the requested page size, so a page with fewer entries than requested
    /// is not always the last one.
    pub(crate) fn all(&self, by: &Credentials, path: &str) -> Vec<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut all: Vec<Value> = Vec::new();
        for page in 1..=PAGES_MAX {
            let path = format!("{path}{separator}limit=50&page={page}");
            let (status, entries) = self.ask(by, "GET", &path, &Value::Null);
            // Some lists answer 404 after the last page.
            assert!(status == 200 || page > 1, "{path} should be a list: {status} {entries}");
            let entries = entries.as_array().cloned().unwrap_or_default();
            let is_last = entries.len() < PAGE_LEAST;
            if entries.iter().all(|entry| all.contains(entry)) {
                return all;
            }
            all.extend(entries);
            if is_last {
                return all;
            }
        }
        panic!("{path} has more than {PAGES_MAX} pages");
    }

    /// Sends a request to a path below the server's root, or to an absolute address. The body has a media type.
    pub(crate) fn raw(&self, by: &Credentials, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> RawAnswer {
        let root = reqwest::Url::parse(&self.root).expect("an address");
        let url = root.join(path).expect("an address");
        let mut request = self.client.request(method, url);
        request = request.header("Authorization", &by.0);
        if let Some((media, bytes)) = body {
            request = request.header("Content-Type", media).body(bytes);
        } else {
            request = request.header("Content-Length", 0);
        }
        self.runtime.block_on(async {
            let answer = request.send().await;
            let answer = answer.unwrap_or_else(|e| panic!("{path}: {e}"));
            let location = answer.headers().get("Location");
            RawAnswer {
                status: answer.status().as_u16(),
                location: location.map(|l| String::from_utf8_lossy(l.as_bytes()).into_owned()),
                body: answer.text().await.unwrap_or_default(),
            }
        })
    }

    /// Sends a request that must succeed. Returns the body.
    pub(crate) fn must(&self, by: &Credentials, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(by, method, path, body);
        assert!((200..300).contains(&status), "{method} {path} should succeed, and was answered {status}: {answer}");
        answer
    }

    /// The status of a page without credentials.
    pub(crate) fn page(&self, url: &str) -> Result<u16, String> {
        let asked = self.runtime.block_on(self.client.get(url).send());
        asked.map(|a| a.status().as_u16()).map_err(|e| e.to_string())
    }
}
