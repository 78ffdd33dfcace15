//! The health of each forge. A refused token, or a forge that does not answer, concerns all messages alike:
//! Referee logs it once, publishing on that forge waits, and nothing is lost.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::forge::ForgeError;
use crate::model::{Backoff, Duration, ForgeName, Timestamp};

/// Pauses while a forge is in trouble.
const PAUSE: Backoff = Backoff { first: Duration::seconds(4), most: Duration::seconds(60) };
/// Consecutive failures after which the forge is considered to be in trouble, not the message.
const FAILURES_MAX: u32 = 8;

/// The purpose of a call to a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A call of the sweep, also while there is nothing to publish.
    Read,
    /// Publishing.
    Write,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    failures: u32,
    /// At least one failure was a write.
    write_failed: bool,
    /// The forge refused the token in the last call.
    refused: bool,
    logged: bool,
    until: Option<Timestamp>,
}

/// The health of all forges.
#[derive(Debug, Default)]
pub struct Health {
    forges: Mutex<BTreeMap<ForgeName, State>>,
}

impl Health {
    /// Whether publishing on this forge has to wait.
    pub fn waits(&self, forge: &ForgeName, now: Timestamp) -> bool {
        let all = self.all();
        all.get(forge).and_then(|s| s.until).is_some_and(|until| now < until)
    }

    /// Whether the forge refuses the token. Then no other question needs to be asked.
    pub fn is_refused(&self, forge: &ForgeName) -> bool {
        self.all().get(forge).is_some_and(|s| s.refused)
    }

    /// Whether the trouble is in the log already.
    pub fn is_logged(&self, forge: &ForgeName) -> bool {
        self.all().get(forge).is_some_and(|s| s.logged)
    }

    /// Records a call that succeeded. A forge that can be read may still refuse writes: a successful read clears
    /// failed writes only if the token was their reason.
    pub fn succeeded(&self, forge: &ForgeName, kind: CallKind) {
        let mut all = self.all();
        let Some(state) = all.get(forge) else {
            return;
        };
        if kind == CallKind::Read && state.write_failed && !state.refused {
            return;
        }
        if state.logged {
            tracing::info!(forge = forge.as_str(), "the forge answers again");
        }
        all.remove(forge);
    }

    /// Records a call that failed. Only errors that concern all messages count: no answer, refused token, rate limit.
    pub fn failed(&self, forge: &ForgeName, kind: CallKind, error: &ForgeError, now: Timestamp) {
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
        state.write_failed |= kind == CallKind::Write;
        state.refused = matches!(error, ForgeError::Unauthorized);
        if !at_once && state.failures < FAILURES_MAX {
            return;
        }
        let pause = PAUSE.after(i64::from(state.failures - 1));
        state.until = Some(now.plus(error.asks_to_wait().unwrap_or(pause)));
        if !std::mem::replace(&mut state.logged, true) {
            tracing::error!(
                forge = forge.as_str(),
                %error,
                "the forge rejects the requests of Referee; pending messages are kept and retried"
            );
        }
    }

    /// A thread that panicked while it held the lock left plain values.
    fn all(&self) -> MutexGuard<'_, BTreeMap<ForgeName, State>> {
        self.forges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (Health, ForgeName, Timestamp) {
        let forge = ForgeName::new("gitea").unwrap();
        (Health::default(), forge, Timestamp(1_000_000))
    }

    #[test]
    fn a_refused_token_stops_everything_and_one_answer_resumes_it() {
        let (health, forge, now) = setup();
        assert!(!health.waits(&forge, now));
        health.failed(&forge, CallKind::Write, &ForgeError::NotFound, now);
        assert!(!health.waits(&forge, now), "that concerns one message");
        health.failed(&forge, CallKind::Write, &ForgeError::Unauthorized, now);
        assert!(health.waits(&forge, now));
        assert!(!health.waits(&forge, now.plus(PAUSE.most)));
        health.succeeded(&forge, CallKind::Write);
        assert!(!health.waits(&forge, now));
    }

    #[test]
    fn a_few_failures_concern_single_messages() {
        let (health, forge, now) = setup();
        let away = ForgeError::Unreachable(String::new());
        for _ in 1..FAILURES_MAX {
            health.failed(&forge, CallKind::Write, &away, now);
            assert!(!health.waits(&forge, now));
        }
        health.failed(&forge, CallKind::Write, &away, now);
        assert!(health.waits(&forge, now));
    }

    #[test]
    fn a_read_clears_failed_writes_only_if_the_token_was_the_reason() {
        let (health, forge, now) = setup();
        let away = ForgeError::Unreachable(String::new());
        let refused = ForgeError::Unauthorized;
        health.failed(&forge, CallKind::Read, &refused, now);
        assert!(health.is_refused(&forge) && health.is_logged(&forge));
        health.failed(&forge, CallKind::Write, &refused, now);
        health.succeeded(&forge, CallKind::Read);
        assert!(!health.is_refused(&forge) && !health.is_logged(&forge));
        for _ in 0..FAILURES_MAX {
            health.failed(&forge, CallKind::Write, &away, now);
        }
        health.succeeded(&forge, CallKind::Read);
        assert!(health.is_logged(&forge));
        health.succeeded(&forge, CallKind::Write);
        for _ in 0..FAILURES_MAX {
            health.failed(&forge, CallKind::Read, &away, now);
        }
        assert!(health.is_logged(&forge));
        health.succeeded(&forge, CallKind::Read);
        assert!(!health.is_logged(&forge));
    }
}
