//! Checks that an output is JSON and follows the challenge's schema.
//!
//! A text with too many values is refused before any value is allocated.

use serde_json::Value;

use super::{known_format, quoted, results, wrong_format, wrong_signature};
use crate::model::{Finding, Schema, limits};
use crate::rules::catalogue::{OUT008, OUT011, OUT012};

/// Python writes these words, which are not JSON.
const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads a JSON text.
///
/// # Errors
/// If the text is not JSON, or has too many values.
pub fn read_json(path: &str, bytes: &[u8]) -> Result<Value, Finding> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if values_at_most(bytes) > limits::OUTPUT_JSON_VALUES_MAX {
        return Err(OUT012.finding(format!("`{path}` has more than {} values", limits::OUTPUT_JSON_VALUES_MAX)));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(path, bytes, &error))
}

/// Reports the first violation of the schema.
pub fn check_schema(path: &str, value: &Value, schema: &Schema) -> Option<Finding> {
    let violation = schema.violation(value)?;
    let location = match violation.pointer.as_str() {
        "" => format!("`{path}`"),
        pointer => format!("`{path}` at `{}`", quoted(pointer)),
    };
    Some(OUT011.finding(format!("{location} does not follow the schema: {}", quoted(&violation.message))))
}

/// Reports if the text is not an object with exactly these keys.
pub fn check_keys(path: &str, value: &Value, wanted: &[String]) -> Option<Finding> {
    let Value::Object(members) = value else {
        return Some(OUT011.finding(format!("`{path}` is not an object with a key for each input")));
    };
    let found = members.keys().map(String::as_str).collect();
    results::compare_results(&format!("`{path}`"), wanted, &found)
}

fn malformed(path: &str, bytes: &[u8], error: &serde_json::Error) -> Finding {
    let text = String::from_utf8_lossy(bytes);
    let other = known_format(bytes).is_some() || !bytes.first().is_some_and(u8::is_ascii);
    if text.trim().is_empty() || other {
        return wrong_format(path, "JSON", &wrong_signature(bytes));
    }
    let (line, column) = (error.line(), error.column());
    let before: String = text
        .lines()
        .nth(line.saturating_sub(1))
        .map(|l| l.chars().skip(column.saturating_sub(3)).take(12).collect())
        .unwrap_or_default();
    let finding = wrong_format(path, "JSON", &quoted(&error.to_string()));
    if NOT_FINITE.iter().any(|word| before.contains(word)) {
        return OUT008.finding_with(
            finding.message,
            "JSON has no `NaN` and no `Infinity`. Leave the value out, or write `null` if the task allows it.",
        );
    }
    finding
}

/// An upper bound for the number of values. Each value except the first, and each key with its value, follows a bracket
/// or a comma. Strings are skipped.
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
        let finding = read_json("a.json", bytes).unwrap_err();
        format!("{} {} {}", finding.code, finding.message, finding.help)
    }

    #[test]
    fn json_is_read_and_other_texts_are_refused() {
        assert_eq!(read_json("a", b"\xef\xbb\xbf{\"a\": 1}").unwrap(), json!({ "a": 1 }));
        let mut all = Vec::new();
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
            all.push(read_json("a.json", bytes).unwrap_err());
        }
        let schema = Schema::new(json!({ "required": ["x"] })).unwrap();
        let strict = Schema::new(json!({ "properties": { "x": { "type": "string" } } })).unwrap();
        all.extend(check_schema("a.json", &json!({}), &schema));
        all.extend(check_schema("a.json", &json!({ "x": 1, "y": 2 }), &strict));
        all.extend(check_keys("a.json", &json!([]), &[]));
        let too_many = "[0,".repeat(limits::OUTPUT_JSON_VALUES_MAX);
        all.extend(read_json("a.json", too_many.as_bytes()).err());
        insta::assert_snapshot!("json", crate::rules::samples::block("texts", &all));
        assert!(refused(&vec![b'['; 10_000]).contains("recursion limit"));
    }

    #[test]
    fn violations_of_the_schema_are_reported() {
        let schema = Schema::new(json!({ "additionalProperties": { "type": "array" } })).unwrap();
        assert_eq!(check_schema("a", &json!({ "x": [] }), &schema), None);
        let finding = check_schema("a", &json!({ "x`y": 5 }), &schema).unwrap();
        assert_eq!(finding.code, "OUT011");
        assert!(
            finding.message.starts_with("`a` at `/x'y` does not follow the schema: value is not of type"),
            "{}",
            finding.message
        );
    }

    #[test]
    fn texts_with_too_many_values_are_refused() {
        let many = format!("[{}1]", "1,".repeat(limits::OUTPUT_JSON_VALUES_MAX));
        assert!(refused(many.as_bytes()).starts_with("OUT012"));
        let text = format!("[\"\\\"{}\"]", ",".repeat(limits::OUTPUT_JSON_VALUES_MAX));
        assert!(read_json("a", text.as_bytes()).is_ok());
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
            let _ = read_json("a", &bytes);
            if let Ok(value) = read_json("a", text.as_bytes()) {
                prop_assert!(count(&value) <= values_at_most(text.as_bytes()));
            }
        }
    }
}
