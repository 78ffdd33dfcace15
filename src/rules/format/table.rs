//! A CSV table: its header, and that every row is as wide.
//!
//! Read from front to back in little memory, whatever it holds; cells are the scorer's to judge. Fields
//! are separated by commas, as RFC 4180 has it.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

use super::{beginning, no, shown};
use crate::model::Finding;
use crate::rules::catalogue::OUT011;

/// The mark of UTF-8 that spreadsheets write first.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a table and gives the number of its rows below the header.
///
/// # Errors
/// The first thing that is wrong with it. `Ok(Err(..))` is the participant's, `Err` a failure to read.
pub fn read(
    path: &str,
    input: impl Read,
    columns: Option<&[String]>,
) -> std::io::Result<Result<u64, Finding>> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(input);
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record)? {
        return Ok(Err(no(path, "a CSV table", "it is empty")));
    }
    if let Some(finding) = bad_header(path, &record, columns) {
        return Ok(Err(finding));
    }
    let (wide, mut rows) = (record.len(), 0);
    while reader.read_byte_record(&mut record)? {
        if record.len() != wide {
            let fields = |n: usize| format!("{n} {}", if n == 1 { "field" } else { "fields" });
            return Ok(Err(OUT011.finding_with(
                format!(
                    "Row {} below the header of `{path}` has {}, the header {}",
                    rows + 1,
                    fields(record.len()),
                    fields(wide)
                ),
                "Write as many fields in every row, and put a field with a comma in quotes.",
            )));
        }
        rows += 1;
    }
    Ok(Ok(rows))
}

fn bad_header(path: &str, header: &ByteRecord, columns: Option<&[String]>) -> Option<Finding> {
    let head = header.as_slice();
    let Some(text) = std::str::from_utf8(head).ok().filter(|t| !t.contains('\0')) else {
        return Some(no(path, "a CSV table", &beginning(head)));
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
        "The header of `{path}` is `{}`, the task asks for `{}`",
        shown(&names.join(",")),
        columns.join(",")
    );
    let separator = [';', '\t'].into_iter().find(|c| text.contains(*c));
    Some(match separator {
        Some(_) if names.len() == 1 && columns.len() > 1 => {
            OUT011.finding_with(message, "Separate the fields by commas.")
        }
        _ => OUT011.finding(message),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &[u8]) -> Result<u64, String> {
        let columns = ["Frame".to_owned(), "Phase".to_owned()];
        let read = read("a.csv", text, Some(&columns)).unwrap();
        read.map_err(|f| format!("{} {} {}", f.code, f.message, f.help))
    }

    #[test]
    fn a_table_has_its_columns() {
        assert_eq!(found(b"Frame,Phase\n0,a\n1,\"b,c\"\n"), Ok(2));
        assert_eq!(found(b"\xef\xbb\xbfFrame, Phase\r\n0,a\r\n\r\n"), Ok(1));
        assert_eq!(found(b"Frame,Phase"), Ok(0));
        let any = read("a.csv", &b"x,y,z\n1,2,3\n"[..], None).unwrap();
        assert_eq!(any, Ok(1));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, message) in [
            (&b""[..], "OUT008 `a.csv` is not a CSV table: it is empty"),
            (
                b"\x80\x04\x95",
                "OUT008 `a.csv` is not a CSV table: it looks like a pickle",
            ),
            (b"PK\x03\x04\0\0", "looks like a ZIP"),
            (
                b"frame_number,label\n0,a\n",
                "OUT011 The header of `a.csv` is `frame_number,label`, the task asks for `Frame,Phase`",
            ),
            (b"Phase,Frame\n", "is `Phase,Frame`"),
            (b"0,a\n1,b\n", "is `0,a`"),
            (b"Frame;Phase\n0;a\n", "Separate the fields by commas."),
            (
                b"Frame,Phase\n0,a\n1,b,c\n",
                "OUT011 Row 2 below the header of `a.csv` has 3 fields, the header 2 fields",
            ),
            (
                b"Frame,Phase\n\n7\n",
                "Row 1 below the header of `a.csv` has 1 field,",
            ),
        ] {
            let found = found(text).unwrap_err();
            assert!(found.contains(message), "{found}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rest in "[a,\"\n;]{0,60}") {
            let _ = found(&bytes);
            let _ = found(&[b"Frame,Phase\n".as_slice(), rest.as_bytes(), &bytes].concat());
        }
    }
}
