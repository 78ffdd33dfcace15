//! L2, the only file that reads the clock or draws a random number.
//!
//! Every other file receives times and seeds as parameters, so that tests can choose them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::{Jitter, PageToken, Timestamp};

/// The source of the current time: the machine, or a fixed value in tests.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests. It changes only by [`Clock::set`].
    pub fn fixed(at: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(at.0))))
    }

    /// Sets a fixed clock and every clone of it. Has no effect on the machine's clock.
    pub fn set(&self, at: Timestamp) {
        if let Source::Fixed(now) = &self.0 {
            now.store(at.0, Ordering::SeqCst);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the only reader of the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Fixed(now) => Timestamp(now.load(Ordering::SeqCst)),
            Source::System => {
                let elapsed = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Draws `N` bytes from the operating system.
///
/// # Panics
/// When the operating system has no source of randomness: nothing safe can be done then.
#[expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "the only source of random bytes; no address or secret may be guessable"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A fresh page address.
pub fn page_token() -> PageToken {
    PageToken::from_bytes(random_bytes())
}

/// A seed for an attempt, small enough for every language's generator (31 bits).
pub fn seed() -> u32 {
    u32::from_le_bytes(random_bytes()) & 0x7fff_ffff
}

/// The random part of a pause between retries.
pub fn jitter() -> Jitter {
    Jitter(f64::from(u32::from_le_bytes(random_bytes())) / (f64::from(u32::MAX) + 1.0))
}

/// A number under which a platform error is found in the log.
pub fn incident() -> String {
    hex::encode(random_bytes::<3>())
}
