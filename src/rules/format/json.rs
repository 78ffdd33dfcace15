//! A JSON text: that it is one, and that it follows the challenge's schema.
//!
//! Refuses more values than may be held in memory before it makes the first of them.

use serde_json::Value;

use super::{beginning, known, no, results, shown};
use crate::model::{Finding, Schema, limits};
use crate::rules::catalogue::{OUT008, OUT011, OUT012};

/// Words that Python writes for numbers that JSON does not have.
const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads a JSON text.
///
/// # Errors
/// Why it is none.
pub fn read(path: &str, bytes: &[u8]) -> Result<Value, Finding> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if values_at_most(bytes) > limits::OUTPUT_JSON_VALUES_MAX {
        return Err(OUT012.finding(format!(
            "`{path}` holds more than {} values",
            limits::OUTPUT_JSON_VALUES_MAX
        )));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(path, bytes, &error))
}

/// The schema's first breach.
pub fn breach(path: &str, value: &Value, schema: &Schema) -> Option<Finding> {
    let (at, message) = schema.breach(value)?;
    let location = match at.as_str() {
        "" => format!("`{path}`"),
        at => format!("`{path}` at `{}`", shown(at)),
    };
    Some(OUT011.finding(format!(
        "{location} does not follow the schema: {}",
        shown(&message)
    )))
}

/// Whether the text is an object with exactly these keys.
pub fn keys(path: &str, value: &Value, wanted: &[String]) -> Option<Finding> {
    let Value::Object(members) = value else {
        return Some(OUT011.finding(format!(
            "`{path}` is not an object with a key for each input"
        )));
    };
    let found = members.keys().map(String::as_str).collect();
    results::compare(&format!("`{path}`"), wanted, &found)
}

fn malformed(path: &str, bytes: &[u8], error: &serde_json::Error) -> Finding {
    let text = String::from_utf8_lossy(bytes);
    let other = known(bytes).is_some() || !bytes.first().is_some_and(u8::is_ascii);
    if text.trim().is_empty() || other {
        return no(path, "JSON", &beginning(bytes));
    }
    let (line, column) = (error.line(), error.column());
    let before: String = text
        .lines()
        .nth(line.saturating_sub(1))
        .map(|l| l.chars().skip(column.saturating_sub(3)).take(12).collect())
        .unwrap_or_default();
    let words = NOT_FINITE.iter().any(|word| before.contains(word));
    let message = error.to_string();
    let finding = no(path, "JSON", &shown(&message));
    match words {
        true => OUT008.finding_with(
            finding.message,
            "JSON has no `NaN` and no `Infinity`: leave the value out, or write `null` where the task \
             allows it.",
        ),
        false => finding,
    }
}

/// No text has more values than this: each but the first comes behind a bracket or a comma, and a key
/// with its value behind one of them too. Counts nothing within strings.
fn values_at_most(bytes: &[u8]) -> usize {
    let (mut count, mut text, mut escaped) = (1, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b',' | b'[' | b'{' if !text => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(bytes: &[u8]) -> String {
        let finding = read("a.json", bytes).unwrap_err();
        format!("{} {} {}", finding.code, finding.message, finding.help)
    }

    #[test]
    fn json_is_read_and_what_is_none_is_told() {
        assert_eq!(
            read("a", b"\xef\xbb\xbf{\"a\": 1}").unwrap(),
            json!({ "a": 1 })
        );
        for (bytes, message) in [
            (&b""[..], "OUT008 `a.json` is not JSON: it is empty"),
            (b"\x80\x04\x95", "it looks like a pickle"),
            (b"\x1f\x8b\x08\x00", "it looks like a gzip file"),
            (b"{'a': 1}", "at line 1 column 2"),
            (b"{\n \"a\": NaN}", "JSON has no `NaN`"),
            (b"[-Infinity]", "JSON has no `NaN`"),
            (b"[1] [2]", "at line 1 column 5"),
        ] {
            let found = refused(bytes);
            assert!(found.contains(message), "{found}");
        }
        assert!(refused(&vec![b'['; 10_000]).contains("recursion limit"));
    }

    #[test]
    fn the_schema_is_held() {
        let schema = Schema::new(json!({ "additionalProperties": { "type": "array" } })).unwrap();
        assert_eq!(breach("a", &json!({ "x": [] }), &schema), None);
        let finding = breach("a", &json!({ "x`y": 5 }), &schema).unwrap();
        assert_eq!(finding.code, "OUT011");
        assert!(
            finding
                .message
                .starts_with("`a` at `/x'y` does not follow the schema: value is not of type"),
            "{}",
            finding.message
        );
    }

    #[test]
    fn more_values_than_can_be_held_are_refused_unread() {
        let many = format!("[{}1]", "1,".repeat(limits::OUTPUT_JSON_VALUES_MAX));
        assert!(refused(many.as_bytes()).starts_with("OUT012"));
        let text = format!("[\"\\\"{}\"]", ",".repeat(limits::OUTPUT_JSON_VALUES_MAX));
        assert!(read("a", text.as_bytes()).is_ok());
    }

    fn count(value: &Value) -> usize {
        1 + match value {
            Value::Array(list) => list.iter().map(count).sum(),
            Value::Object(map) => map.values().map(count).sum(),
            _ => 0_usize,
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_values_are_counted(text in "[\\[\\]{}\",:1 a\\\\]{0,40}", bytes: Vec<u8>) {
            let _ = read("a", &bytes);
            if let Ok(value) = read("a", text.as_bytes()) {
                prop_assert!(count(&value) <= values_at_most(text.as_bytes()));
            }
        }
    }
}
