//! Faults that a test can cause: in answers of the API, and in deliveries. Random faults are seeded, so a failure can
//! be repeated.

use std::time::Duration;

use super::call::Answer;

/// A small generator (SplitMix64); the same seed gives the same faults.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `true` with this probability.
    pub(crate) fn hits(&mut self, probability: f64) -> bool {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        share < probability
    }
}

/// A fault of an answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status with an empty message: 500, 502, 503.
    Status(u16),
    /// 429 or 503, with the seconds of `Retry-After`.
    Later(u16, u32),
    /// No answer at all.
    Hang,
    /// No answer, and the request is not handled until [`super::Forge::catch_up`].
    Late,
    /// 302 to another address.
    Redirect,
    /// 403: another writer moved the branch.
    LostRace,
    /// 401: the token was revoked.
    Revoked,
}

/// Whether the forge handles the request before the answer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The request is not handled.
    Before,
    /// The request is handled; only the answer is lost.
    After,
}

/// Faults for the next requests of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// `POST`, for example.
    pub method: &'static str,
    /// A part of the path.
    pub path: String,
    pub fault: Fault,
    pub when: When,
    /// The number of requests.
    pub times: usize,
}

/// Scripted faults, and random faults for all other requests.
#[derive(Debug)]
pub(crate) struct Faults {
    scripts: Vec<Script>,
    chance: Chance,
    probability: f64,
    kinds: Vec<Fault>,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self { scripts: Vec::new(), chance: Chance::new(0), probability: 0.0, kinds: Vec::new() }
    }

    pub(crate) fn script(&mut self, script: Script) {
        self.scripts.push(script);
    }

    /// From now on a share of all requests fails, before or after they were handled.
    pub(crate) fn by_chance(&mut self, seed: u64, probability: f64, kinds: &[Fault]) {
        self.chance = Chance::new(seed);
        self.probability = probability;
        self.kinds = kinds.to_vec();
    }

    pub(crate) fn stop(&mut self) {
        *self = Self::none();
    }

    /// The fault of a request, if it has one.
    pub(crate) fn of(&mut self, method: &str, path: &str) -> Option<(Fault, When)> {
        let mut scripts = self.scripts.iter_mut();
        let fits = |s: &&mut Script| s.times > 0 && s.method == method && path.contains(&s.path);
        if let Some(script) = scripts.find(fits) {
            script.times -= 1;
            return Some((script.fault.clone(), script.when));
        }
        if self.kinds.is_empty() || !self.chance.hits(self.probability) {
            return None;
        }
        let kind = self.chance.next() as usize % self.kinds.len();
        let when = if self.chance.hits(0.5) { When::Before } else { When::After };
        Some((self.kinds[kind].clone(), when))
    }
}

impl Fault {
    /// The answer; `None` where the connection gets none.
    pub(crate) fn answer(&self, root: &str) -> Option<Answer> {
        let refusal = |status: u16, message: &str| {
            let body = serde_json::json!({"message": message, "url": format!("{root}/api/swagger")});
            Answer::json(status, &body)
        };
        Some(match self {
            Self::Status(status) => refusal(*status, ""),
            Self::Later(status, seconds) => refusal(*status, "").with("Retry-After", &seconds.to_string()),
            Self::Hang | Self::Late => return None,
            Self::Redirect => Answer::empty(302).with("Location", "/user/login"),
            Self::LostRace => refusal(403, "cannot lock ref 'refs/heads/main'"),
            Self::Revoked => refusal(401, "invalid username, password or token"),
        })
    }
}

/// The time that the forge takes for requests that it handles one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// For a status.
    pub status: Duration,
    /// For a comment that is written or edited.
    pub comment: Duration,
}

impl Pace {
    /// For a request; zero for most.
    pub(crate) fn of(&self, method: &str, path: &str) -> Duration {
        match method {
            "POST" if path.contains("/statuses/") => self.status,
            "POST" | "PATCH" if path.contains("/comments") => self.comment,
            _ => Duration::ZERO,
        }
    }
}

/// Faults of deliveries.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryFaults {
    /// While it is set, nothing is sent.
    pub hold: bool,
    /// Between the event and its delivery.
    pub delay: Duration,
    /// Shares of deliveries: never sent, sent twice, sent after the next one.
    pub drop: f64,
    pub duplicate: f64,
    pub reorder: f64,
    pub chance: Chance,
}

impl DeliveryFaults {
    pub(crate) fn none() -> Self {
        Self { hold: false, delay: Duration::ZERO, drop: 0.0, duplicate: 0.0, reorder: 0.0, chance: Chance::new(0) }
    }
}
