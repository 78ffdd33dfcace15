//! Recorded exchanges with a forge, in the order in which they happened.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::model::ForgeVersion;
use crate::recording_archive::recordings;

/// One request and its answer.
pub(crate) struct Exchange {
    /// `047-status-pending`.
    pub name: String,
    pub number: u32,
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub body: Value,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub answer: String,
}

#[derive(Deserialize)]
struct File {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    headers: std::collections::BTreeMap<String, String>,
    body: Value,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The folder of a forge's recordings.
pub(crate) fn folder(version: ForgeVersion) -> PathBuf {
    recordings().join(version.name())
}

/// Names of the files of a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// All exchanges of a forge.
pub(crate) fn exchanges(folder: &Path) -> Vec<Exchange> {
    let folder = folder.join("api");
    let all = files(&folder).into_iter().map(|file| {
        let text = fs::read(folder.join(&file)).unwrap();
        let File { request, response } = serde_json::from_slice(&text).unwrap();
        let name = file.trim_end_matches(".json").to_owned();
        Exchange {
            number: name[..3].parse().unwrap(),
            name,
            method: request.method,
            path: request.path,
            authorization: request.headers.get("Authorization").cloned(),
            body: request.body,
            status: response.status,
            headers: response.headers,
            answer: response.body,
        }
    });
    all.collect()
}

impl Exchange {
    /// All values of a header, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let all = self.headers.iter();
        let named = all.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Time of the request, in milliseconds since 1970: the time of the object that it made, or else of the answer,
    /// which can be a second later.
    pub(crate) fn at(&self) -> i64 {
        let answer: Value = serde_json::from_str(&self.answer).unwrap_or_default();
        let made = answer["created_at"].as_str().filter(|_| self.status == 201);
        let made = made.and_then(|made| made.parse::<jiff::Timestamp>().ok());
        if let Some(made) = made.filter(|made| made.as_second() > 0) {
            return made.as_millisecond();
        }
        let date = self.header("Date")[0];
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date);
        at.unwrap().as_millisecond()
    }
}

/// A recorded delivery that was sent as JSON.
pub(crate) struct Delivered {
    pub name: String,
    /// The path that the hook called.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// All deliveries of a forge that are JSON.
pub(crate) fn deliveries(folder: &Path) -> Vec<Delivered> {
    #[derive(Deserialize)]
    struct Sent {
        path: String,
        headers: Vec<(String, String)>,
    }
    let folder = folder.join("deliveries");
    let all = files(&folder).into_iter().filter_map(|file| {
        let name = file.strip_suffix(".body")?;
        let body = serde_json::from_slice(&fs::read(folder.join(&file)).unwrap()).ok()?;
        let sent = fs::read(folder.join(format!("{name}.headers.json"))).unwrap();
        let Sent { path, headers } = serde_json::from_slice(&sent).unwrap();
        Some(Delivered { name: name.to_owned(), path, headers, body })
    });
    all.collect()
}

impl Delivered {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut all = self.headers.iter();
        let found = all.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }
}
