//! How each forge is: a token that is refused, or a forge that is away, concerns every wish alike. It
//! is said once, everything for that forge waits, and nothing is lost.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::forge::ForgeError;
use crate::model::{Duration, ForgeName, Timestamp};

/// First pause when a forge is in trouble; doubled each time.
const PAUSE: Duration = Duration::seconds(2);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::seconds(60);
/// Failures in a row after which not the wish but the forge is the reason.
const FAILURES_MAX: u32 = 8;

#[derive(Debug, Default, Clone, Copy)]
struct State {
    failures: u32,
    told: bool,
    until: Option<Timestamp>,
}

/// How each forge is.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<ForgeName, State>>);

impl Health {
    /// Whether everything for this forge has to wait.
    pub fn waits(&self, forge: &ForgeName, now: Timestamp) -> bool {
        let all = self.all();
        all.get(forge)
            .and_then(|s| s.until)
            .is_some_and(|until| now < until)
    }

    /// It did what it was asked.
    pub fn answered(&self, forge: &ForgeName) {
        if let Some(state) = self.all().remove(forge)
            && state.told
        {
            tracing::info!(forge = forge.as_str(), "the forge answers again");
        }
    }

    /// It did not. Only what concerns all wishes counts: no answer, no welcome.
    pub fn failed(&self, forge: &ForgeName, error: &ForgeError, now: Timestamp) {
        let (counts, at_once) = match error {
            ForgeError::Unauthorized | ForgeError::Busy { .. } => (true, true),
            ForgeError::Unreachable(_) | ForgeError::Server { .. } => (true, false),
            _ => (false, false),
        };
        if !counts {
            return;
        }
        let mut all = self.all();
        let state = all.entry(forge.clone()).or_default();
        state.failures += 1;
        if !at_once && state.failures < FAILURES_MAX {
            return;
        }
        let doubled = PAUSE.0 << state.failures.min(8);
        let pause = error
            .asks_to_wait()
            .unwrap_or(Duration(doubled).min(PAUSE_MAX));
        state.until = Some(now.plus(pause));
        if !std::mem::replace(&mut state.told, true) {
            tracing::error!(
                forge = forge.as_str(),
                %error,
                "the forge takes nothing from us; what is due waits and is not lost"
            );
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ForgeName, State>> {
        // Whoever panicked while holding it left plain values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_token_stops_everything_and_one_answer_starts_it() {
        let (health, forge) = (Health::default(), ForgeName::new("gitea").unwrap());
        let now = Timestamp(1_000_000);
        assert!(!health.waits(&forge, now));
        health.failed(&forge, &ForgeError::NotFound, now);
        assert!(!health.waits(&forge, now), "that is about one wish alone");
        health.failed(&forge, &ForgeError::Unauthorized, now);
        assert!(health.waits(&forge, now));
        assert!(!health.waits(&forge, now.plus(PAUSE_MAX)));
        health.answered(&forge);
        assert!(!health.waits(&forge, now));
    }

    #[test]
    fn a_few_failures_are_about_the_wishes() {
        let (health, forge) = (Health::default(), ForgeName::new("gitea").unwrap());
        let (now, away) = (Timestamp(0), ForgeError::Unreachable(String::new()));
        for _ in 1..FAILURES_MAX {
            health.failed(&forge, &away, now);
            assert!(!health.waits(&forge, now));
        }
        health.failed(&forge, &away, now);
        assert!(health.waits(&forge, now));
    }
}
