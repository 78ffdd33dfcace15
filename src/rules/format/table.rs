//! Checks the header of a CSV table, and that every row has as many fields.
//!
//! Reads the table from start to end in little memory. Only the scorer evaluates cells. Commas separate fields, as in
//! RFC 4180.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

use super::{quoted, wrong_format, wrong_signature};
use crate::model::Finding;
use crate::model::text::counted;
use crate::rules::catalogue::OUT011;

/// Spreadsheet programs write it first.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a table and returns the number of rows below the header.
///
/// # Errors
/// `Ok(Err(..))` is the first problem of the table. `Err` is a failure to read it.
pub fn read_table(path: &str, input: impl Read, columns: Option<&[String]>) -> std::io::Result<Result<u64, Finding>> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record)? {
        return Ok(Err(wrong_format(path, "a CSV table", "it is empty")));
    }
    if let Some(finding) = check_columns(path, &record, columns) {
        return Ok(Err(finding));
    }
    let (width, mut rows) = (record.len(), 0);
    while reader.read_byte_record(&mut record)? {
        if record.len() != width {
            return Ok(Err(OUT011.finding_with(
                format!(
                    "Row {} below the header of `{path}` has {}, but the header has {}",
                    rows + 1,
                    counted(record.len(), "field"),
                    counted(width, "field")
                ),
                "Write the same number of fields in every row, and put a field with a comma in quotes.",
            )));
        }
        rows += 1;
    }
    Ok(Ok(rows))
}

fn check_columns(path: &str, header: &ByteRecord, columns: Option<&[String]>) -> Option<Finding> {
    let head = header.as_slice();
    let Some(text) = std::str::from_utf8(head).ok().filter(|t| !t.contains('\0')) else {
        return Some(wrong_format(path, "a CSV table", &wrong_signature(head)));
    };
    let columns = columns?;
    let names: Vec<&str> = header
        .iter()
        .filter_map(|name| std::str::from_utf8(name).ok())
        .map(|name| name.trim_start_matches(BYTE_ORDER_MARK).trim())
        .collect();
    if names == columns {
        return None;
    }
    let message = format!(
        "The header of `{path}` is `{}`, but the task requires `{}`",
        quoted(&names.join(",")),
        columns.join(",")
    );
    let separator = [';', '\t'].into_iter().find(|c| text.contains(*c));
    Some(match separator {
        Some(_) if names.len() == 1 && columns.len() > 1 => {
            OUT011.finding_with(message, "Separate the fields with commas.")
        }
        _ => OUT011.finding(message),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(text: &[u8]) -> Result<u64, Finding> {
        let columns = ["Frame".to_owned(), "Phase".to_owned()];
        read_table("a.csv", text, Some(&columns)).unwrap()
    }

    fn found(text: &[u8]) -> Result<u64, String> {
        table(text).map_err(|f| format!("{} {} {}", f.code, f.message, f.help))
    }

    #[test]
    fn a_table_with_the_required_columns_passes() {
        assert_eq!(found(b"Frame,Phase\n0,a\n1,\"b,c\"\n"), Ok(2));
        assert_eq!(found(b"\xef\xbb\xbfFrame, Phase\r\n0,a\r\n\r\n"), Ok(1));
        assert_eq!(found(b"Frame,Phase"), Ok(0));
        let any = read_table("a.csv", &b"x,y,z\n1,2,3\n"[..], None).unwrap();
        assert_eq!(any, Ok(1));
    }

    #[test]
    fn problems_are_reported_with_their_row() {
        let mut all = Vec::new();
        for (text, message) in [
            (&b""[..], "OUT008 `a.csv` is not a CSV table: it is empty"),
            (b"\x80\x04\x95", "OUT008 `a.csv` is not a CSV table: it looks like a pickle"),
            (b"PK\x03\x04\0\0", "looks like a ZIP"),
            (
                b"frame_number,label\n0,a\n",
                "OUT011 The header of `a.csv` is `frame_number,label`, but the task requires `Frame,Phase`",
            ),
            (b"Phase,Frame\n", "is `Phase,Frame`"),
            (b"0,a\n1,b\n", "is `0,a`"),
            (b"Frame;Phase\n0;a\n", "Separate the fields with commas."),
            (
                b"Frame,Phase\n0,a\n1,b,c\n",
                "OUT011 Row 2 below the header of `a.csv` has 3 fields, but the header has 2 fields",
            ),
            (b"Frame,Phase\n\n7\n", "Row 1 below the header of `a.csv` has 1 field,"),
        ] {
            let found = found(text).unwrap_err();
            assert!(found.contains(message), "{found}");
            all.extend(table(text).err());
        }
        insta::assert_snapshot!("tables", crate::rules::samples::block("tables", &all));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rest in "[a,\"\n;]{0,60}") {
            let _ = found(&bytes);
            let _ = found(&[b"Frame,Phase\n".as_slice(), rest.as_bytes(), &bytes].concat());
        }
    }
}
