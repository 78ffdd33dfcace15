//! The forge's API as the people of a story use it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

/// No forge has its pages cut shorter than this.
const PAGE_LEAST: usize = 10;
/// No list of a story is as long as this.
const PAGES_MAX: u32 = 20;

/// Speaks to one forge.
pub struct Api {
    root: String,
    client: reqwest::Client,
    runtime: Arc<Runtime>,
}

/// In whose name: the value of a header.
#[derive(Debug, Clone)]
pub struct By(String);

/// An answer of a place that is not the API's.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    /// Where it sends us.
    pub place: Option<String>,
    pub message: String,
}

impl By {
    pub fn bearer(token: &str) -> Self {
        Self(format!("Bearer {token}"))
    }

    pub fn token(token: &str) -> Self {
        Self(format!("token {token}"))
    }

    pub fn password(login: &str, password: &str) -> Self {
        Self(format!(
            "Basic {}",
            STANDARD.encode(format!("{login}:{password}"))
        ))
    }
}

impl Api {
    pub fn new(root: &str, runtime: Arc<Runtime>) -> Self {
        Self {
            root: root.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            runtime,
        }
    }

    /// The forge's address, without `/` at the end.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Asks, and gives status and body; `path` is below `/api/v1`.
    pub fn ask(&self, by: &By, (method, path): (&str, &str), body: &Value) -> (u16, Value) {
        let answer = self.try_ask(by, (method, path), body);
        answer.unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// The same of a forge that perhaps does not answer.
    pub fn try_ask(
        &self,
        by: &By,
        (method, path): (&str, &str),
        body: &Value,
    ) -> reqwest::Result<(u16, Value)> {
        let url = format!("{}/api/v1{path}", self.root);
        let mut request = self
            .client
            .request(method.parse().unwrap(), &url)
            .header("Authorization", &by.0);
        if !body.is_null() {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let bytes = answer.bytes().await?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok((
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            ))
        })
    }

    /// All entries of a list: a forge cuts the page size that is asked for without a word, so a page that
    /// is shorter than wished is not the end.
    pub fn all(&self, by: &By, path: &str) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut all: Vec<Value> = Vec::new();
        for page in 1..=PAGES_MAX {
            let path = format!("{path}{mark}limit=50&page={page}");
            let (status, entries) = self.ask(by, ("GET", &path), &Value::Null);
            // Beyond the last page some lists are not found.
            assert!(
                status == 200 || page > 1,
                "{path} should be a list: {status} {entries}"
            );
            let entries = entries.as_array().cloned().unwrap_or_default();
            let brings_nothing = entries.iter().all(|entry| all.contains(entry));
            let is_last = entries.len() < PAGE_LEAST;
            if !brings_nothing {
                all.extend(entries);
            }
            if brings_nothing || is_last {
                return all;
            }
        }
        panic!("{path} has more than {PAGES_MAX} pages");
    }

    /// Asks a place below the server's root, or a whole address.
    pub fn raw(
        &self,
        by: &By,
        (method, place): (Method, &str),
        body: Option<(&str, Vec<u8>)>,
    ) -> Raw {
        let root = reqwest::Url::parse(&self.root).expect("an address");
        let url = root.join(place).expect("an address");
        let mut request = self.client.request(method, url);
        request = request.header("Authorization", &by.0);
        if let Some((media, bytes)) = body {
            request = request.header("Content-Type", media).body(bytes);
        } else {
            request = request.header("Content-Length", 0);
        }
        self.runtime.block_on(async {
            let answer = request.send().await;
            let answer = answer.unwrap_or_else(|e| panic!("{place}: {e}"));
            let place = answer.headers().get("Location");
            Raw {
                status: answer.status().as_u16(),
                place: place.map(|l| String::from_utf8_lossy(l.as_bytes()).into_owned()),
                message: answer.text().await.unwrap_or_default(),
            }
        })
    }

    /// Asks for what must succeed.
    pub fn must(&self, by: &By, (method, path): (&str, &str), body: &Value) -> Value {
        let (status, answer) = self.ask(by, (method, path), body);
        assert!(
            (200..300).contains(&status),
            "{method} {path} should succeed, and was answered {status}: {answer}"
        );
        answer
    }

    /// Status of any page, asked by nobody.
    pub fn page(&self, url: &str) -> Result<u16, String> {
        let asked = self.runtime.block_on(self.client.get(url).send());
        asked
            .map(|a| a.status().as_u16())
            .map_err(|e| e.to_string())
    }
}
