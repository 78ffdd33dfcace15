//! A request as the handlers see it, and their answer.

use std::collections::BTreeMap;

use serde_json::Value;

/// The account that asks, and the rights of its token.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub account: i64,
    /// The token's scopes; a password may do everything.
    pub scopes: Option<Vec<String>>,
}

/// A request to the API.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: String,
    /// The path below the server, as it was sent.
    pub path: String,
    /// The decoded steps of the path below `/api/v1`.
    pub steps: Vec<String>,
    pub query: BTreeMap<String, String>,
    pub body: Value,
    pub who: Option<Who>,
    /// The commit of the branch when a writer of contents looked at it; another writer may have moved it since.
    pub seen: Option<String>,
}

impl Call {
    /// A text of the body; empty when it is missing.
    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.body[name].as_bool().unwrap_or_default()
    }

    pub(crate) fn account(&self) -> Option<i64> {
        self.who.as_ref().map(|who| who.account)
    }

    /// The account that asks; a route that needs one has checked it before.
    pub(crate) fn me(&self) -> i64 {
        self.account().unwrap()
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.query.get(name)?.parse().ok().filter(|n| *n > 0)
    }

    /// Page (from 1) and entries a page: 30 unless asked, and 50 at most, silently.
    pub(crate) fn paging(&self) -> (usize, usize) {
        let limit = self.number("limit").unwrap_or(30).min(50);
        (self.number("page").unwrap_or(1), limit)
    }

    /// The path with its query in the order of names, and another page.
    pub(crate) fn at_page(&self, page: usize) -> String {
        let mut query = self.query.clone();
        query.insert("page".to_owned(), page.to_string());
        let pairs: Vec<String> = query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        format!("{}?{}", self.path, pairs.join("&"))
    }
}

/// A JSON text as Go writes it, with markup escaped.
pub(crate) fn escaped(json: &str) -> Vec<u8> {
    let text = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    text.into_bytes()
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Both are answers; a refusal ends the handler.
pub(crate) type Reply = Result<Answer, Answer>;

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let mut bytes = escaped(&serde_json::to_string(body).unwrap());
        bytes.push(b'\n');
        Self::empty(status).with("Content-Type", "application/json;charset=utf-8").body(bytes)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A path that the router does not have.
    pub(crate) fn no_such_page() -> Self {
        Self::empty(404).with("Content-Type", "text/plain; charset=utf-8").body(b"404 page not found\n".to_vec())
    }

    /// A known path with another method.
    pub(crate) fn wrong_method(allowed: &str) -> Self {
        Self::empty(405).with("Allow", allowed)
    }

    /// A redirect to a path; only `GET` gets a page with it.
    pub(crate) fn redirect(call: &Call, status: u16, words: &str, path: &str) -> Self {
        let answer = Self::empty(status).with("Location", path);
        if call.method != "GET" {
            return answer;
        }
        answer
            .with("Content-Type", "text/html; charset=utf-8")
            .body(format!("<a href=\"{path}\">{words}</a>.\n\n").into_bytes())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}
