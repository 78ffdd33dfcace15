//! What participants' code writes: every format's reader, about the same bytes.

use referee::model::{Finding, Schema};
use referee::rules::format::{grid, json, nifti, png, table};
use serde_json::{Value, json};

/// The path of the output.
const PATH: &str = "c001/mask";
/// Where the type of a PNG's first chunk begins, and where its checksum does.
const CHUNK_AT: usize = 12;
const SUM_AT: usize = 29;
/// The most characters about one output: its path, and texts of it that are repeated shortened.
const CHARS_MAX: usize = 1000;

pub fn keeps(bytes: &[u8]) {
    pictures(bytes);
    let frames = ["frame".to_owned(), "class".to_owned()];
    for columns in [None, Some(&frames[..])] {
        if let Err(finding) = table_of(bytes, columns) {
            is_short(&[finding]);
        }
    }
    match json::read(PATH, bytes) {
        Err(finding) => is_short(&[finding]),
        Ok(value) => documents(&value, bytes),
    }
}

/// The bytes with the checksum that a PNG has behind its header, which no change finds by chance.
pub fn with_its_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(SUM_AT);
    let mut sum = flate2::Crc::new();
    sum.update(bytes.get(CHUNK_AT..).unwrap_or_default());
    bytes.extend(sum.sum().to_be_bytes());
    bytes
}

fn pictures(bytes: &[u8]) {
    let png = png::claim(&with_its_sum(bytes.to_vec()));
    if let Ok(claim) = png::claim(bytes) {
        assert_eq!(png, Ok(claim));
    }
    let claims = [png, nifti::claim(bytes)];
    assert!(claims.iter().any(Result::is_err), "{claims:?}");
    for claim in claims {
        let size = claim.as_ref().ok().map(|claim| claim.size.clone());
        let findings = grid::check((PATH, "a picture"), claim, size.as_deref(), &[]);
        // Its own size fits, and no type is asked for.
        assert!(findings.len() <= 1, "{findings:?}");
        assert!(size.is_some() || !findings.is_empty());
        is_short(&findings);
    }
}

/// Reads a table, which has no more rows than bytes.
fn table_of(bytes: &[u8], columns: Option<&[String]>) -> Result<(), Finding> {
    let rows = table::read(PATH, bytes, columns).expect("memory is read")?;
    assert!(rows < bytes.len() as u64);
    Ok(())
}

fn documents(value: &Value, bytes: &[u8]) {
    let loose: Value =
        serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).expect("JSON");
    assert_eq!(&loose, value);
    let schema = Schema::new(json!({
        "type": "object",
        "additionalProperties": { "type": "array", "items": { "type": "number", "minimum": 0 } },
    }))
    .expect("a schema");
    let follows = value.as_object().is_some_and(|members| {
        let number = |item: &Value| item.as_f64().is_some_and(|number| number >= 0.0);
        let list = |member: &Value| {
            member
                .as_array()
                .is_some_and(|items| items.iter().all(number))
        };
        members.values().all(list)
    });
    let breach = json::breach(PATH, value, &schema);
    assert_eq!(breach.is_none(), follows, "{breach:?}");
    is_short(breach.as_slice());
    let keys: Vec<String> = value
        .as_object()
        .map(|members| members.keys().cloned().collect())
        .unwrap_or_default();
    assert_eq!(json::keys(PATH, value, &keys).is_none(), value.is_object());
    is_short(json::keys(PATH, value, &["c001".to_owned()]).as_slice());
}

fn is_short(findings: &[Finding]) {
    for finding in findings {
        assert!(finding.message.chars().count() <= CHARS_MAX, "{finding:?}");
        assert!(!finding.message.contains(char::is_control), "{finding:?}");
    }
}
