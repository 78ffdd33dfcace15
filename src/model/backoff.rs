//! Pauses between retries: doubled after each failure, bounded, and shortened at random so that retries of many
//! rows do not arrive at the same time.
//!
//! Draws no randomness itself: the caller passes it.

use super::time::Duration;

/// The pauses of one kind of retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
}

/// A random share of a pause, from 0 (inclusive) to 1 (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Jitter(pub f64);

/// The largest part of a pause that jitter removes.
const JITTER_SHARE: f64 = 0.25;

impl Backoff {
    /// The pause after a failure that followed so many earlier ones: `first * 2^earlier`, at most `most`.
    pub fn after(self, earlier: i64) -> Duration {
        let doublings = u32::try_from(earlier.clamp(0, 30)).unwrap_or(0);
        Duration(self.first.0.saturating_mul(1 << doublings)).min(self.most)
    }

    /// [`Backoff::after`], shortened by up to a quarter.
    pub fn jittered(self, earlier: i64, jitter: Jitter) -> Duration {
        let pause = self.after(earlier);
        let removed = pause.0 as f64 * JITTER_SHARE * jitter.0.clamp(0.0, 1.0);
        Duration(pause.0 - removed as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::seconds(2), most: Duration::seconds(60) };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let seconds: Vec<i64> = (0..7).map(|n| BACKOFF.after(n).0 / 1000).collect();
        assert_eq!(seconds, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(BACKOFF.after(-1), BACKOFF.first);
        assert_eq!(BACKOFF.after(i64::MAX), BACKOFF.most);
    }

    #[test]
    fn jitter_removes_up_to_a_quarter() {
        assert_eq!(BACKOFF.jittered(1, Jitter(0.0)), Duration::seconds(4));
        assert_eq!(BACKOFF.jittered(1, Jitter(0.5)), Duration(3500));
        assert_eq!(BACKOFF.jittered(1, Jitter(2.0)), Duration::seconds(3));
    }
}
