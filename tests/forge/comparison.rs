//! When two answers are equal: same status, same headers that a client reads, same JSON. Object names, times and
//! secrets cannot be the same; each recorded object name must correspond to one name of the model.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::call::Answer;
use crate::recording::Exchange;

/// Headers that matter to a client.
const HEADERS: [&str; 11] = [
    "Allow",
    "Content-Type",
    "Docker-Content-Digest",
    "Link",
    "Location",
    "Www-Authenticate",
    "X-HasMore",
    "X-Page",
    "X-PageCount",
    "X-PerPage",
    "X-Total-Count",
];

/// Recorded object names and the corresponding names of the model.
#[derive(Clone, Default)]
pub(crate) struct Names {
    ours: BTreeMap<String, String>,
    theirs: BTreeMap<String, String>,
}

impl Names {
    /// Records that two names mean the same object; `false` when one already belongs to another object.
    pub(crate) fn pair(&mut self, recorded: &str, ours: &str) -> bool {
        match (self.ours.get(recorded), self.theirs.get(ours)) {
            (None, None) => {
                self.ours.insert(recorded.to_owned(), ours.to_owned());
                self.theirs.insert(ours.to_owned(), recorded.to_owned());
                true
            }
            (known, back) => known.is_some_and(|known| known == ours) && back.is_some_and(|back| back == recorded),
        }
    }

    /// A recorded text with our names instead, also where it shortens them.
    pub(crate) fn translated(&self, text: &str) -> String {
        let pieces = pieces(text).into_iter().map(|piece| {
            if piece.len() < 7 || !is_hex(piece) {
                return piece.to_owned();
            }
            let mut known = self.ours.iter();
            let found = known.find(|(recorded, _)| recorded.starts_with(piece));
            found.map_or(piece.to_owned(), |(_, ours)| ours[..piece.len()].to_owned())
        });
        pieces.collect()
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A text split into runs of letters and digits, and the runs between them.
fn pieces(text: &str) -> Vec<&str> {
    let word = |c: char| c.is_ascii_alphanumeric();
    let mut bounds = vec![0];
    let mut before = None;
    for (at, c) in text.char_indices() {
        if before.is_some_and(|before: char| word(before) != word(c)) {
            bounds.push(at);
        }
        before = Some(c);
    }
    bounds.push(text.len());
    bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// The differences between a recorded answer and ours.
pub(crate) fn differences(names: &mut Names, exchange: &Exchange, ours: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if exchange.status != ours.status {
        found.push(format!("status: recorded {}, ours {}", exchange.status, ours.status));
    }
    for header in HEADERS {
        let mine = ours.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header));
        let mine: Vec<String> = mine.map(|(_, value)| value.clone()).collect();
        let theirs = exchange.header(header);
        let alike = mine.len() == theirs.len() && theirs.iter().zip(&mine).all(|(a, b)| texts_alike(names, a, b));
        if !alike {
            found.push(format!("{header}: recorded {theirs:?}, ours {mine:?}"));
        }
    }
    let text = String::from_utf8_lossy(&ours.body);
    match serde_json::from_str(&exchange.answer) {
        Ok(recorded) => {
            if exchange.answer.contains("\\u003c") != text.contains("\\u003c") {
                found.push("body: only one escapes markup".to_owned());
            }
            let ours = serde_json::from_str(&text).unwrap_or_default();
            found.extend(values_differ(names, recorded, ours));
        }
        Err(_) if exchange.answer == text => {}
        Err(_) => found.push(format!("body: recorded {:?}, ours {text:?}", exchange.answer)),
    }
    found
}

/// The differences between two JSON texts.
pub(crate) fn values_differ(names: &mut Names, mut recorded: Value, mut ours: Value) -> Vec<String> {
    let mut found = Vec::new();
    normalize(&mut recorded);
    normalize(&mut ours);
    compare(names, "", (&recorded, &ours), &mut found);
    found
}

/// Sorts unordered lists, and removes values that cannot be compared: secrets, and the sizes, languages and
/// branches that the forge counts in the background.
fn normalize(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(normalize),
        Value::Object(map) => {
            if map.contains_key("clone_url") {
                map.remove("size");
                map.remove("language");
                map.remove("branch_count");
            }
            if map.contains_key("token_last_eight") {
                map.remove("sha1");
                map.remove("token_last_eight");
            }
            for name in ["events", "units"] {
                if let Some(Value::Array(list)) = map.get_mut(name) {
                    list.sort_by_key(Value::to_string);
                }
            }
            map.values_mut().for_each(normalize);
        }
        _ => {}
    }
}

fn compare(names: &mut Names, path: &str, pair: (&Value, &Value), found: &mut Vec<String>) {
    match pair {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().filter(|key| !b.contains_key(*key)) {
                found.push(format!("{path}.{key}: recorded {}, ours missing", a[key]));
            }
            for key in b.keys().filter(|key| !a.contains_key(*key)) {
                found.push(format!("{path}.{key}: recorded missing, ours {}", b[key]));
            }
            for (key, value) in a {
                if let Some(ours) = b.get(key) {
                    compare(names, &format!("{path}.{key}"), (value, ours), found);
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, pair) in a.iter().zip(b).enumerate() {
                compare(names, &format!("{path}[{n}]"), pair, found);
            }
        }
        (Value::String(a), Value::String(b)) if texts_alike(names, a, b) => {}
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: recorded {a}, ours {b}")),
    }
}

/// Whether two texts are equal, except for times, hashes of addresses, and corresponding object names.
fn texts_alike(names: &mut Names, recorded: &str, ours: &str) -> bool {
    if recorded == ours || (is_timestamp(recorded) && is_timestamp(ours)) {
        return true;
    }
    let (theirs, mine) = (pieces(recorded), pieces(ours));
    theirs.len() == mine.len()
        && theirs.iter().zip(&mine).enumerate().all(|(n, (a, b))| {
            let avatar = n >= 2 && theirs[n - 2] == "avatars";
            let object = a.len() == 40 && b.len() == 40 && is_hex(a) && is_hex(b);
            (!object && a == b) || avatar || (object && names.pair(a, b))
        })
}

/// Whether a text is a time. The two times that mean "never" are not.
fn is_timestamp(text: &str) -> bool {
    let parsed = text.parse::<jiff::Timestamp>().is_ok();
    parsed && !text.starts_with("0001-") && !text.starts_with("1970-")
}
