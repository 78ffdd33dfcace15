//! Outputs of containers: the parsers of all formats, with the same bytes.

use referee::model::{Finding, Schema};
use referee::rules::format::{image_header, json, nifti, png, table};
use serde_json::{Value, json};

/// The path of the output.
const PATH: &str = "c001/mask";
/// Offset of the type of a PNG's first chunk.
const CHUNK_AT: usize = 12;
/// Offset of the checksum of a PNG's first chunk.
const SUM_AT: usize = 29;
/// The most characters of a message, which has the path and shortened texts of the output.
const CHARS_MAX: usize = 1000;

pub(super) fn keeps(bytes: &[u8]) {
    images(bytes);
    let frames = ["frame".to_owned(), "class".to_owned()];
    for columns in [None, Some(&frames[..])] {
        if let Err(finding) = table_of(bytes, columns) {
            is_short(&[finding]);
        }
    }
    match json::read_json(PATH, bytes) {
        Err(finding) => is_short(&[finding]),
        Ok(value) => documents(&value, bytes),
    }
}

/// The bytes with a valid checksum of a PNG's header, which random changes would never produce.
pub(super) fn with_its_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(SUM_AT);
    let mut sum = flate2::Crc::new();
    sum.update(bytes.get(CHUNK_AT..).unwrap_or_default());
    bytes.extend(sum.sum().to_be_bytes());
    bytes
}

fn images(bytes: &[u8]) {
    let png = png::read_header(&with_its_sum(bytes.to_vec()));
    if let Ok(header) = png::read_header(bytes) {
        assert_eq!(png, Ok(header));
    }
    let headers = [png, nifti::read_header(bytes)];
    assert!(headers.iter().any(Result::is_err), "{headers:?}");
    for header in headers {
        let size = header.as_ref().ok().map(|header| header.size.clone());
        let input = size.as_deref();
        let findings = image_header::check_header(PATH, "an image", header, input, &[]);
        // The size equals the size of the input, and no type is required.
        assert!(findings.len() <= 1, "{findings:?}");
        assert!(size.is_some() || !findings.is_empty());
        is_short(&findings);
    }
}

/// Reads a table. It has fewer rows than bytes.
fn table_of(bytes: &[u8], columns: Option<&[String]>) -> Result<(), Finding> {
    let rows = table::read_table(PATH, bytes, columns).expect("reading memory cannot fail")?;
    assert!(rows < bytes.len() as u64);
    Ok(())
}

fn documents(value: &Value, bytes: &[u8]) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lenient: Value = serde_json::from_slice(bytes).expect("JSON");
    assert_eq!(&lenient, value);
    let schema = Schema::new(json!({
        "type": "object",
        "additionalProperties": { "type": "array", "items": { "type": "number", "minimum": 0 } },
    }))
    .expect("a schema");
    let follows = value.as_object().is_some_and(|members| {
        let number = |item: &Value| item.as_f64().is_some_and(|number| number >= 0.0);
        let list = |member: &Value| member.as_array().is_some_and(|items| items.iter().all(number));
        members.values().all(list)
    });
    let violation = json::check_schema(PATH, value, &schema);
    assert_eq!(violation.is_none(), follows, "{violation:?}");
    is_short(violation.as_slice());
    let keys: Vec<String> = value.as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default();
    assert_eq!(json::check_keys(PATH, value, &keys).is_none(), value.is_object());
    is_short(json::check_keys(PATH, value, &["c001".to_owned()]).as_slice());
}

fn is_short(findings: &[Finding]) {
    for finding in findings {
        assert!(finding.message.chars().count() <= CHARS_MAX, "{finding:?}");
        assert!(!finding.message.contains(char::is_control), "{finding:?}");
    }
}
