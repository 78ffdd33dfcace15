//! The forge's API as the people of a story use it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Speaks to one forge.
pub struct Api {
    root: String,
    client: reqwest::Client,
    runtime: Arc<Runtime>,
}

/// In whose name: the value of a header.
#[derive(Debug, Clone)]
pub struct By(String);

impl By {
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
        let url = format!("{}/api/v1{path}", self.root);
        let mut request = self
            .client
            .request(method.parse().unwrap(), &url)
            .header("Authorization", &by.0);
        if !body.is_null() {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await;
            let answer = answer.unwrap_or_else(|e| panic!("{method} {url}: {e}"));
            let status = answer.status().as_u16();
            let bytes = answer.bytes().await.unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            (
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            )
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
