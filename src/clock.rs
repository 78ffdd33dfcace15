//! L2: the clock and the random numbers of the whole program.
//!
//! No other module reads the system's clock or draws a random number. Callers pass times and seeds on, so that tests
//! can choose them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::{Jitter, PageToken, Timestamp};

#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the operating system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests, which only [`Clock::set`] moves.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(at.0))))
    }

    /// Sets a fixed clock and all its clones. On the system's clock it has no effect.
    pub fn set(&self, at: Timestamp) {
        if let Source::Fixed(now) = &self.0 {
            now.store(at.0, Ordering::SeqCst);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "only this function reads the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Fixed(now) => Timestamp(now.load(Ordering::SeqCst)),
            Source::System => {
                let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Draws `N` random bytes from the operating system.
///
/// # Panics
/// If the operating system has no source of randomness. Without one, addresses and secrets would be guessable.
#[expect(clippy::expect_used, clippy::disallowed_methods, reason = "only this function draws random bytes")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    bytes
}

/// Draws the unguessable part of a page's address.
pub fn page_token() -> PageToken {
    PageToken::from_bytes(random_bytes())
}

/// Draws the seed of an attempt. It has 31 bits, so that the generators of all languages accept it.
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
