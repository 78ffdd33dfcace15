//! Kinds of values: how one TOML value becomes a checked one, and what is said when it does not.
//!
//! Nothing here knows a file, a key or a place: `reader` adds those.

use std::path::{Component, Path, PathBuf};

use toml_edit::Value;

use crate::model::{Duration, Timestamp};

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another type is wanted: `a number such as 0.5`.
    Type(String),
    /// The type is right and the value is not.
    Value {
        /// What is wrong with it, to follow the name of the key: `is not a size`.
        message: String,
        /// What is allowed, as a sentence.
        help: String,
    },
}

/// A checked value, or why there is none.
pub type Read<T> = Result<T, Refusal>;

fn wanted<T>(what: &str) -> Read<T> {
    Err(Refusal::Type(what.to_owned()))
}

/// A refusal of the value itself.
pub fn refused<T>(message: impl Into<String>, help: impl Into<String>) -> Read<T> {
    Err(Refusal::Value {
        message: message.into(),
        help: help.into(),
    })
}

/// A text that is not blank and holds no control characters.
pub fn text(value: &Value) -> Read<String> {
    let Some(text) = value.as_str() else {
        return wanted("a text in quotes");
    };
    if text.trim().is_empty() {
        return refused("is empty", "Write a text, or remove the key.");
    }
    if text.chars().any(char::is_control) {
        return refused("holds control characters", "Write one line of plain text.");
    }
    Ok(text.to_owned())
}

/// A text that another function reads; `allowed` says what it takes.
pub fn parsed<T>(
    allowed: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&Value) -> Read<T> {
    move |value| {
        let text = text(value)?;
        match parse(&text) {
            Some(value) => Ok(value),
            None => refused(format!("cannot be {}", quoted(&text)), allowed),
        }
    }
}

/// `true` or `false`.
pub fn flag(value: &Value) -> Read<bool> {
    value
        .as_bool()
        .map_or_else(|| wanted("`true` or `false`"), Ok)
}

/// A whole number between two bounds, both included.
pub fn whole<T: TryFrom<i64>>(from: i64, to: i64) -> impl Fn(&Value) -> Read<T> {
    move |value| {
        let Some(number) = value.as_integer() else {
            return wanted("a whole number");
        };
        match T::try_from(number) {
            Ok(fits) if (from..=to).contains(&number) => Ok(fits),
            _ => refused(
                format!("cannot be {number}"),
                format!("A whole number from {from} to {to} is allowed."),
            ),
        }
    }
}

/// A number between two bounds, both included; a whole one may be written without a point.
pub fn number(from: f64, to: f64) -> impl Fn(&Value) -> Read<f64> {
    move |value| {
        let number = any_number(value)?;
        if (from..=to).contains(&number) {
            return Ok(number);
        }
        refused(
            format!("cannot be {number}"),
            format!("A number from {from} to {to} is allowed."),
        )
    }
}

/// Any number, infinite ones included, but never a NaN.
pub fn any_number(value: &Value) -> Read<f64> {
    let number = match value {
        Value::Integer(n) => *n.value() as f64,
        Value::Float(n) => *n.value(),
        _ => return wanted("a number"),
    };
    if number.is_nan() {
        return refused("is not a number (`nan`)", "Write a number.");
    }
    Ok(number)
}

/// One of a few words.
pub fn one_of<T: Copy>(choices: &'static [(&'static str, T)]) -> impl Fn(&Value) -> Read<T> {
    move |value| {
        let allowed = || {
            let words: Vec<_> = choices.iter().map(|(word, _)| quoted(word)).collect();
            words.join(" or ")
        };
        let Some(text) = value.as_str() else {
            return wanted(&allowed());
        };
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(*value),
            None => refused(
                format!("cannot be {}", quoted(text)),
                format!("Write {}.", allowed()),
            ),
        }
    }
}

/// A path, relative to `base` unless absolute. Whether anything is there is not asked.
pub fn path(base: &Path) -> impl Fn(&Value) -> Read<PathBuf> + '_ {
    move |value| Ok(joined(base, Path::new(&text(value)?)))
}

/// `base/path` without `.` components. `..` stays: only the file system knows what it means.
pub fn joined(base: &Path, path: &Path) -> PathBuf {
    base.join(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

const BINARY: [&str; 4] = ["kib", "mib", "gib", "tib"];
const DECIMAL: [&str; 4] = ["kb", "mb", "gb", "tb"];

/// Bytes: `"512MiB"`, `"1.5GB"` or a plain number of bytes. At least `least`.
pub fn size(least: u64) -> impl Fn(&Value) -> Read<u64> {
    move |value| {
        let bytes = match value {
            Value::Integer(bytes) => u64::try_from(*bytes.value()).ok(),
            Value::String(text) => bytes_of(text.value()),
            _ => return wanted("a size such as `\"512MiB\"`"),
        };
        match bytes {
            Some(bytes) if bytes >= least => Ok(bytes),
            Some(_) => refused(
                "is too small",
                format!("Give at least {}.", shown_size(least)),
            ),
            None => refused(
                "is not a size",
                "Write a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example `\"512MiB\"`.",
            ),
        }
    }
}

/// Reads digits, an optional fraction and a unit, exactly.
fn bytes_of(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start().to_ascii_lowercase();
    let power = |base: u128, units: &[&str]| {
        let location = units.iter().position(|u| *u == unit)?;
        Some(base.pow(u32::try_from(location).ok()? + 1))
    };
    let factor = match unit.as_str() {
        "b" => 1,
        _ => power(1024, &BINARY).or_else(|| power(1000, &DECIMAL))?,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = fraction.parse().ok()?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let bytes = u128::from(whole) * factor + u128::from(part) * factor / scale;
    // Engines count bytes in signed numbers.
    i64::try_from(bytes).ok()?.try_into().ok()
}

/// `512 MiB`, or bytes where that is not exact.
pub fn shown_size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    units
        .iter()
        .find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift))
        .map_or_else(
            || format!("{bytes} bytes"),
            |(shift, unit)| format!("{} {unit}", bytes >> shift),
        )
}

/// A span of time longer than none: `"500ms"`, `"60s"`, `"15m"`, `"1h30m"`, `"2d"`.
pub fn span(value: &Value) -> Read<Duration> {
    let Some(text) = value.as_str() else {
        return wanted("a length of time with its unit, such as `\"60s\"`");
    };
    match Duration::parse(text) {
        Some(span) if span.0 > 0 => Ok(span),
        _ => refused(
            "is not a length of time",
            "Write whole numbers with d, h, m, s or ms, largest first, for example `\"1h30m\"`.",
        ),
    }
}

/// A moment with its time zone: an RFC 3339 text or a TOML date-time.
pub fn timestamp(value: &Value) -> Read<Timestamp> {
    let written = match value {
        Value::String(text) => text.value().clone(),
        Value::Datetime(timestamp) => timestamp.value().to_string(),
        _ => return wanted("a moment such as `\"2024-07-29T00:00:00Z\"`"),
    };
    match Timestamp::parse(&written) {
        Ok(timestamp) => Ok(timestamp),
        Err(_) => refused(
            "is not a moment with a time zone",
            "Write date, time and zone, for example `\"2024-07-29T00:00:00Z\"`.",
        ),
    }
}

/// A word of a sentence that came from a file: quoted, shortened.
pub fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        text.parse().unwrap()
    }

    #[test]
    fn sizes_are_exact_and_need_a_unit() {
        let read = |text| size(0)(&value(text)).ok();
        for (text, bytes) in [
            ("512", 512),
            ("'512B'", 512),
            ("'512MiB'", 512 << 20),
            ("'20 GiB'", 20 << 30),
            ("'1.5GB'", 1_500_000_000),
            ("'0.1kb'", 100),
            ("'2tib'", 2 << 40),
        ] {
            assert_eq!(read(text), Some(bytes), "{text}");
        }
        for text in [
            "''",
            "'5'",
            "'5M'",
            "'-1MB'",
            "-1",
            "'1.MB'",
            "'.5MB'",
            "'1..5MB'",
            "'MB'",
            "true",
            "'9999999TiB'",
            "'1.2.3MB'",
            "'99999999999999999999B'",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(size(1)(&value("0")).is_err());
        assert_eq!(shown_size(512 << 20), "512 MiB");
        assert_eq!(shown_size(1500), "1500 bytes");
    }

    #[test]
    fn spans_add_their_units() {
        let read = |text| span(&value(text)).ok().map(|d| d.0);
        for (text, ms) in [
            ("'60s'", 60_000),
            ("'15m'", 900_000),
            ("'1h30m'", 5_400_000),
            ("'500ms'", 500),
            ("'2d'", 172_800_000),
        ] {
            assert_eq!(read(text), Some(ms), "{text}");
        }
        for text in [
            "''",
            "60",
            "'60'",
            "'0s'",
            "'30m1h'",
            "'1m1m'",
            "'1.5h'",
            "'-1s'",
            "'1 h'",
            "'h'",
            "'99999999999999d'",
            "'1ä'",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn moments_need_a_zone() {
        let read = |text| timestamp(&value(text)).ok().map(|t| t.to_string());
        for text in [
            "'2024-07-29T00:00:00Z'",
            "2024-07-29T00:00:00Z",
            "2024-07-29T02:00:00+02:00",
            "2024-07-29 00:00:00.5Z",
        ] {
            assert_eq!(
                read(text).as_deref(),
                Some("2024-07-29T00:00:00Z"),
                "{text}"
            );
        }
        for text in [
            "2024-07-29",
            "2024-07-29T00:00:00",
            "'soon'",
            "12:00:00",
            "5",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        assert_eq!(number(0.1, 8.0)(&value("1")), Ok(1.0));
        assert!(number(0.1, 8.0)(&value("nan")).is_err());
        assert!(number(0.1, 8.0)(&value("0")).is_err());
        assert_eq!(whole::<u32>(0, 64)(&value("64")), Ok(64));
        assert!(whole::<u32>(0, 64)(&value("65")).is_err());
        assert!(whole::<u32>(0, 64)(&value("1.0")).is_err());
        assert!(any_number(&value("-nan")).is_err());
    }
}
