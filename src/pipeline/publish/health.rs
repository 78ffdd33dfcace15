//! How each forge is: a token that is refused, or a forge that is away, concerns every wish alike. It
//! is said once, everything for that forge waits, and nothing is lost. And which repositories were met
//! in the archive, so that what waits for them is sent when they are back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::forge::ForgeError;
use crate::model::{Duration, ForgeName, Timestamp};

/// First pause when a forge is in trouble; doubled each time.
const PAUSE: Duration = Duration::seconds(2);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::seconds(60);
/// Failures in a row after which not the wish but the forge is the reason.
const FAILURES_MAX: u32 = 8;

/// What the forge was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To show something.
    Write,
    /// To tell how things stand, as the sweep asks, also while nothing is to be shown.
    Look,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    failures: u32,
    /// Some of them were writes.
    of_writes: bool,
    /// The last reason is that it does not take our token.
    refused: bool,
    told: bool,
    until: Option<Timestamp>,
}

/// How each forge is.
#[derive(Debug, Default)]
pub struct Health {
    forges: Mutex<BTreeMap<ForgeName, State>>,
    /// By the forge's own name of them.
    archived: Mutex<BTreeSet<(ForgeName, String)>>,
}

impl Health {
    /// Whether everything for this forge has to wait.
    pub fn waits(&self, forge: &ForgeName, now: Timestamp) -> bool {
        let all = self.all();
        all.get(forge)
            .and_then(|s| s.until)
            .is_some_and(|until| now < until)
    }

    /// Whether it does not take our token: nothing else needs to be asked of it.
    pub fn is_refused(&self, forge: &ForgeName) -> bool {
        self.all().get(forge).is_some_and(|s| s.refused)
    }

    /// Whether its trouble has been said, and need not be said again.
    pub fn is_told(&self, forge: &ForgeName) -> bool {
        self.all().get(forge).is_some_and(|s| s.told)
    }

    /// It did what it was asked. A forge that can be read and takes nothing is not well yet, unless
    /// our token was all that it did not like.
    pub fn answered(&self, forge: &ForgeName, way: Way) {
        let mut all = self.all();
        let Some(state) = all.get(forge) else {
            return;
        };
        if way == Way::Look && state.of_writes && !state.refused {
            return;
        }
        if state.told {
            tracing::info!(forge = forge.as_str(), "the forge answers again");
        }
        all.remove(forge);
    }

    /// It did not. Only what concerns all wishes counts: no answer, no welcome.
    pub fn failed(&self, forge: &ForgeName, (way, error): (Way, &ForgeError), now: Timestamp) {
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
        state.of_writes |= way == Way::Write;
        state.refused = matches!(error, ForgeError::Unauthorized);
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

    /// A repository was met in the archive.
    pub fn archived(&self, forge: &ForgeName, forge_id: &str) {
        let repository = (forge.clone(), forge_id.to_owned());
        held(&self.archived).insert(repository);
    }

    /// A repository is in no archive. Whether it was met there before.
    pub fn is_back(&self, forge: &ForgeName, forge_id: &str) -> bool {
        let repository = (forge.clone(), forge_id.to_owned());
        held(&self.archived).remove(&repository)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ForgeName, State>> {
        held(&self.forges)
    }
}

/// Whoever panicked while holding it left plain values.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_token_stops_everything_and_one_answer_starts_it() {
        let (health, forge) = (Health::default(), ForgeName::new("gitea").unwrap());
        let now = Timestamp(1_000_000);
        assert!(!health.waits(&forge, now));
        health.failed(&forge, (Way::Write, &ForgeError::NotFound), now);
        assert!(!health.waits(&forge, now), "that is about one wish alone");
        health.failed(&forge, (Way::Write, &ForgeError::Unauthorized), now);
        assert!(health.waits(&forge, now));
        assert!(!health.waits(&forge, now.plus(PAUSE_MAX)));
        health.answered(&forge, Way::Write);
        assert!(!health.waits(&forge, now));
    }

    #[test]
    fn a_few_failures_are_about_the_wishes() {
        let (health, forge) = (Health::default(), ForgeName::new("gitea").unwrap());
        let (now, away) = (Timestamp(0), ForgeError::Unreachable(String::new()));
        for _ in 1..FAILURES_MAX {
            health.failed(&forge, (Way::Write, &away), now);
            assert!(!health.waits(&forge, now));
        }
        health.failed(&forge, (Way::Write, &away), now);
        assert!(health.waits(&forge, now));
    }

    #[test]
    fn who_can_be_read_takes_writes_again_only_if_our_token_was_the_reason() {
        let (health, forge) = (Health::default(), ForgeName::new("gitea").unwrap());
        let (now, away) = (Timestamp(0), ForgeError::Unreachable(String::new()));
        let refused = ForgeError::Unauthorized;
        health.failed(&forge, (Way::Look, &refused), now);
        assert!(health.is_refused(&forge) && health.is_told(&forge));
        health.failed(&forge, (Way::Write, &refused), now);
        health.answered(&forge, Way::Look);
        assert!(!health.is_refused(&forge) && !health.is_told(&forge));
        for _ in 0..FAILURES_MAX {
            health.failed(&forge, (Way::Write, &away), now);
        }
        health.answered(&forge, Way::Look);
        assert!(health.is_told(&forge));
        health.answered(&forge, Way::Write);
        for _ in 0..FAILURES_MAX {
            health.failed(&forge, (Way::Look, &away), now);
        }
        assert!(health.is_told(&forge));
        health.answered(&forge, Way::Look);
        assert!(!health.is_told(&forge));
    }
}
