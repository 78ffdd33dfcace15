//! Kinds of values: the conversion of one TOML value to a checked value, or to an error message.
//!
//! Nothing here knows a file, a key or a location: `reader` adds those.

use std::path::{Component, Path, PathBuf};

use strum::VariantArray;
use toml_edit::Value;

use crate::model::{Duration, Timestamp};

/// A value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueError {
    /// The type is wrong. The text names the expected one: `a number such as 0.5`.
    Type(String),
    /// The type is right and the value is not.
    Value {
        /// The problem, to follow the name of the key: `is not a size`.
        message: String,
        /// The allowed values, as a sentence.
        help: String,
    },
}

pub(super) type ValueResult<T> = Result<T, ValueError>;

fn wrong_type<T>(expected: &str) -> ValueResult<T> {
    Err(ValueError::Type(expected.to_owned()))
}

pub(super) fn invalid<T>(message: impl Into<String>, help: impl Into<String>) -> ValueResult<T> {
    Err(ValueError::Value { message: message.into(), help: help.into() })
}

/// A text that is not blank and holds no control characters.
pub(super) fn text(value: &Value) -> ValueResult<String> {
    let Some(text) = value.as_str() else {
        return wrong_type("a text in quotes");
    };
    if text.trim().is_empty() {
        return invalid("is empty", "Write a text, or remove the key.");
    }
    if text.chars().any(char::is_control) {
        return invalid("contains control characters", "Write one line of plain text.");
    }
    Ok(text.to_owned())
}

/// A text that another function converts. `allowed` describes the allowed texts in a sentence.
pub(super) fn parsed<T>(allowed: &'static str, parse: impl Fn(&str) -> Option<T>) -> impl Fn(&Value) -> ValueResult<T> {
    move |value| {
        let text = text(value)?;
        match parse(&text) {
            Some(value) => Ok(value),
            None => invalid(format!("cannot be {}", quoted(&text)), allowed),
        }
    }
}

pub(super) fn boolean(value: &Value) -> ValueResult<bool> {
    value.as_bool().map_or_else(|| wrong_type("`true` or `false`"), Ok)
}

/// A whole number between two bounds, both included.
pub(super) fn integer<T: TryFrom<i64>>(from: i64, to: i64) -> impl Fn(&Value) -> ValueResult<T> {
    move |value| {
        let Some(number) = value.as_integer() else {
            return wrong_type("a whole number");
        };
        match T::try_from(number) {
            Ok(fits) if (from..=to).contains(&number) => Ok(fits),
            _ => invalid(format!("cannot be {number}"), format!("A whole number from {from} to {to} is allowed.")),
        }
    }
}

/// A number between two bounds, both included. A whole number needs no decimal point.
pub(super) fn number(from: f64, to: f64) -> impl Fn(&Value) -> ValueResult<f64> {
    move |value| {
        let number = any_number(value)?;
        if (from..=to).contains(&number) {
            return Ok(number);
        }
        invalid(format!("cannot be {number}"), format!("A number from {from} to {to} is allowed."))
    }
}

/// Any number, including infinity, but not NaN.
pub(super) fn any_number(value: &Value) -> ValueResult<f64> {
    let number = match value {
        Value::Integer(n) => *n.value() as f64,
        Value::Float(n) => *n.value(),
        _ => return wrong_type("a number"),
    };
    if number.is_nan() {
        return invalid("is not a number (`nan`)", "Write a number.");
    }
    Ok(number)
}

/// One of the words of an enum.
pub(super) fn word<T>(value: &Value) -> ValueResult<T>
where
    T: VariantArray + Copy,
    &'static str: From<T>,
{
    let choices: Vec<_> = T::VARIANTS.iter().map(|v| ((*v).into(), *v)).collect();
    choice(value, &choices)
}

/// One of a few words, each with its value.
pub(super) fn one_of<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&Value) -> ValueResult<T> {
    move |value| choice(value, choices)
}

fn choice<T: Copy>(value: &Value, choices: &[(&'static str, T)]) -> ValueResult<T> {
    let words: Vec<_> = choices.iter().map(|(word, _)| quoted(word)).collect();
    let allowed = words.join(" or ");
    let Some(text) = value.as_str() else {
        return wrong_type(&allowed);
    };
    match choices.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Ok(*value),
        None => invalid(format!("cannot be {}", quoted(text)), format!("Write {allowed}.")),
    }
}

/// A path, relative to `base` unless absolute. It need not exist.
pub(super) fn path(base: &Path) -> impl Fn(&Value) -> ValueResult<PathBuf> + '_ {
    move |value| Ok(joined(base, Path::new(&text(value)?)))
}

/// `base/path` without `.` components. `..` stays, because with symbolic links only the file system can resolve it.
pub(super) fn joined(base: &Path, path: &Path) -> PathBuf {
    base.join(path).components().filter(|part| *part != Component::CurDir).collect()
}

const BINARY: [&str; 4] = ["kib", "mib", "gib", "tib"];
const DECIMAL: [&str; 4] = ["kb", "mb", "gb", "tb"];

/// A number of bytes, at least `least`: `"512MiB"`, `"1.5GB"` or a plain integer.
pub(super) fn size(least: u64) -> impl Fn(&Value) -> ValueResult<u64> {
    move |value| {
        let bytes = match value {
            Value::Integer(bytes) => u64::try_from(*bytes.value()).ok(),
            Value::String(text) => bytes_of(text.value()),
            _ => return wrong_type("a size such as `\"512MiB\"`"),
        };
        match bytes {
            Some(bytes) if bytes >= least => Ok(bytes),
            Some(_) => invalid("is too small", format!("Give at least {}.", format_size(least))),
            None => invalid(
                "is not a size",
                "Write a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example `\"512MiB\"`.",
            ),
        }
    }
}

/// Reads digits, an optional fraction and a unit, without rounding.
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
    // Engines count bytes in signed 64-bit integers.
    i64::try_from(bytes).ok()?.try_into().ok()
}

/// `512 MiB`, or a number of bytes where that would not be exact.
pub(super) fn format_size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    units
        .iter()
        .find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift))
        .map_or_else(|| format!("{bytes} bytes"), |(shift, unit)| format!("{} {unit}", bytes >> shift))
}

/// A duration longer than zero: `"500ms"`, `"60s"`, `"15m"`, `"1h30m"`, `"2d"`.
pub(super) fn duration(value: &Value) -> ValueResult<Duration> {
    let Some(text) = value.as_str() else {
        return wrong_type("a duration with its unit, such as `\"60s\"`");
    };
    match Duration::parse(text) {
        Some(duration) if duration.0 > 0 => Ok(duration),
        _ => invalid(
            "is not a duration longer than zero",
            "Write whole numbers with d, h, m, s or ms, the largest unit first, for example `\"1h30m\"`.",
        ),
    }
}

/// A time with its time zone: an RFC 3339 text or a TOML date-time.
pub(super) fn timestamp(value: &Value) -> ValueResult<Timestamp> {
    let written = match value {
        Value::String(text) => text.value().clone(),
        Value::Datetime(timestamp) => timestamp.value().to_string(),
        _ => return wrong_type("a time with its time zone, such as `\"2024-07-29T00:00:00Z\"`"),
    };
    match Timestamp::parse(&written) {
        Ok(timestamp) => Ok(timestamp),
        Err(_) => invalid(
            "is not a time with a time zone",
            "Write date, time and time zone, for example `\"2024-07-29T00:00:00Z\"`.",
        ),
    }
}

/// A text from a file, quoted and shortened for a sentence.
pub(super) fn quoted(text: &str) -> String {
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
        assert_eq!(format_size(512 << 20), "512 MiB");
        assert_eq!(format_size(1500), "1500 bytes");
    }

    #[test]
    fn durations_add_their_units() {
        let read = |text| duration(&value(text)).ok().map(|d| d.0);
        for (text, ms) in
            [("'60s'", 60_000), ("'15m'", 900_000), ("'1h30m'", 5_400_000), ("'500ms'", 500), ("'2d'", 172_800_000)]
        {
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
    fn times_need_a_time_zone() {
        let read = |text| timestamp(&value(text)).ok().map(|t| t.to_string());
        for text in
            ["'2024-07-29T00:00:00Z'", "2024-07-29T00:00:00Z", "2024-07-29T02:00:00+02:00", "2024-07-29 00:00:00.5Z"]
        {
            assert_eq!(read(text).as_deref(), Some("2024-07-29T00:00:00Z"), "{text}");
        }
        for text in ["2024-07-29", "2024-07-29T00:00:00", "'soon'", "12:00:00", "5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_outside_their_bounds_are_refused() {
        assert_eq!(number(0.1, 8.0)(&value("1")), Ok(1.0));
        assert!(number(0.1, 8.0)(&value("nan")).is_err());
        assert!(number(0.1, 8.0)(&value("0")).is_err());
        assert_eq!(integer::<u32>(0, 64)(&value("64")), Ok(64));
        assert!(integer::<u32>(0, 64)(&value("65")).is_err());
        assert!(integer::<u32>(0, 64)(&value("1.0")).is_err());
        assert!(any_number(&value("-nan")).is_err());
    }
}
