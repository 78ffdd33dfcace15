//! Timestamps and durations in milliseconds.
//!
//! Nothing here reads the clock: that is `crate::clock`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339, for example `2024-07-29T00:00:00Z`.
    ///
    /// # Errors
    /// The text is not RFC 3339, or has no time zone. The error is the parser's message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed: jiff::Timestamp = text.parse().map_err(|e: jiff::Error| e.to_string())?;
        Ok(Self(parsed.as_millisecond()))
    }

    /// Midnight (UTC) at the start of this day. Quotas count days in UTC.
    pub fn start_of_day(self) -> Self {
        Self(self.0.div_euclid(Duration::DAY.0) * Duration::DAY.0)
    }

    /// The first multiple of the interval since 1970 that is not before this time. With an interval of zero, this
    /// time.
    pub fn round_up(self, interval: Duration) -> Self {
        match interval.0 {
            ..=0 => self,
            step => Self((self.0 + step - 1).div_euclid(step) * step),
        }
    }

    /// The duration since `earlier`. Zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration((self.0 - earlier.0).max(0))
    }

    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.0))
    }
}

/// RFC 3339 in UTC to the second, as pages, reports and JSON show it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Milliseconds. A duration from a configuration file or a command is never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(pub i64);

impl Duration {
    /// 24 hours.
    pub const DAY: Self = Self(24 * 3600 * 1000);

    pub const fn seconds(n: i64) -> Self {
        Self(n * 1000)
    }

    /// Reads a duration as people write it: `500ms`, `60s`, `15m`, `1h30m`, `2d`. Each unit may appear once, from
    /// large to small, because `30m1h` is probably a typing error.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut total, mut next) = (text, 0_i64, 0);
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let number: i64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let index = UNITS.iter().position(|(u, _)| *u == &rest[..letters])?;
            if index < next {
                return None;
            }
            next = index + 1;
            total = total.checked_add(number.checked_mul(UNITS[index].1)?)?;
            rest = &rest[letters..];
        }
        Some(Self(total))
    }

    /// The form that [`Duration::parse`] reads, for example `1d12h`.
    pub fn compact(self) -> String {
        let (mut rest, mut text) = (self.0.max(0), String::new());
        for (unit, length) in UNITS {
            if rest >= length {
                text.push_str(&format!("{}{unit}", rest / length));
                rest %= length;
            }
        }
        if text.is_empty() {
            text.push_str("0s");
        }
        text
    }

    /// The standard library's type. A negative duration becomes zero.
    pub fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// Units as [`Duration::parse`] reads them, in milliseconds.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        let s = ms / 1000;
        match ms {
            ..1000 => write!(f, "{ms} ms"),
            1000..60_000 if ms % 1000 == 0 => write!(f, "{s} s"),
            1000..60_000 => write!(f, "{:.1} s", self.as_secs_f64()),
            60_000..3_600_000 if s % 60 == 0 => write!(f, "{} min", s / 60),
            60_000..3_600_000 => write!(f, "{} min {} s", s / 60, s % 60),
            _ if (s / 60) % 60 == 0 => write!(f, "{} h", s / 3600),
            _ => write!(f, "{} h {} min", s / 3600, (s / 60) % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_up_to_a_multiple_of_the_interval() {
        let on = |ms, interval| Timestamp(ms).round_up(Duration(interval)).0;
        assert_eq!(on(60_001, 60_000), 120_000);
        assert_eq!(on(60_000, 60_000), 60_000);
        assert_eq!(on(61_234, 0), 61_234);
        assert_eq!(on(1, 5_000), 5_000);
    }

    #[test]
    fn timestamps_round_trip_and_days_start_at_midnight() {
        let t = Timestamp::parse("2024-07-29T13:14:15Z").unwrap();
        assert_eq!(t.to_string(), "2024-07-29T13:14:15Z");
        assert_eq!(t.start_of_day().to_string(), "2024-07-29T00:00:00Z");
        assert_eq!(Timestamp(-1).start_of_day().0, -Duration::DAY.0);
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn durations_round_trip_through_their_compact_form() {
        for text in ["0s", "1ms", "90s", "1d12h", "2d", "1h30m", "1m1ms"] {
            let duration = Duration::parse(text).unwrap();
            let again = Duration::parse(&duration.compact());
            assert_eq!(again, Some(duration), "{text}");
        }
        assert_eq!(Duration::parse("36h").unwrap().compact(), "1d12h");
        assert_eq!(Duration::parse("30m1h"), None);
    }

    #[test]
    fn durations_are_shown_with_at_most_two_units() {
        let shown = |ms| Duration(ms).to_string();
        assert_eq!(shown(850), "850 ms");
        assert_eq!(shown(2_000), "2 s");
        assert_eq!(shown(12_340), "12.3 s");
        assert_eq!(shown(245_000), "4 min 5 s");
        assert_eq!(shown(7_380_000), "2 h 3 min");
    }
}
