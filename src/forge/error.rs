//! Why a forge did not do something, in one vocabulary for all kinds of forge.
//!
//! No error here holds a token, and none repeats more than the beginning of a forge's answer.

use crate::model::{Duration, limits};

use super::git::GitError;

/// Characters kept of a forge's own message.
const DESCRIPTION_CHARS_MAX: usize = 300;
/// Characters kept of the id under which a forge logs a request.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// The result of a question to a forge.
pub type Result<T, E = ForgeError> = std::result::Result<T, E>;

/// Why a call of a forge failed.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// 401: the token is wrong, expired or revoked. Everything for this forge waits.
    #[error(
        "the forge does not accept the token of Referee; create a new token for the account, write it into the file \
         that `token-file` names, and restart Referee"
    )]
    Unauthorized,
    /// 403: the account lacks the right.
    #[error("the forge does not allow this: {0}")]
    Forbidden(String),
    /// 404, or 500 from forges that answer so for something that they do not find.
    #[error("the forge did not find it")]
    NotFound,
    /// 3xx: the repository has another name now. Referee never follows a redirect.
    #[error("the repository was renamed")]
    Renamed,
    /// 409, 422 and every other answer to the loser of a race between writers.
    #[error("another writer changed it at the same time: {0}")]
    Conflict(String),
    /// 423: the repository is archived, and the forge refuses all writes to it.
    #[error("the repository is archived")]
    Archived,
    /// 400, 413, 422: the forge refuses the request itself.
    #[error("the forge refused the request: {0}")]
    Invalid(String),
    /// 429, or an answer that asks Referee to wait.
    #[error("the forge is busy")]
    Busy {
        /// The wait that the forge asks for.
        after: Option<Duration>,
    },
    /// 5xx. The forge may have done it nevertheless; only reading shows.
    #[error("the forge failed with status {status}: {message}")]
    Server { status: u16, message: String },
    /// No answer, or none in time. The forge may have done it nevertheless; only reading shows.
    #[error("the forge did not answer: {0}")]
    Unreachable(String),
    /// An answer that Referee does not understand.
    #[error("the forge's answer cannot be read: {0}")]
    Unreadable(String),
    /// This forge lacks the capability.
    #[error("this forge has no {0}")]
    Unsupported(&'static str),
    #[error(transparent)]
    Git(#[from] GitError),
    /// Our own disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ForgeError {
    /// Whether a write that failed in this way may have happened nevertheless.
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::Unreachable(_) | Self::Unreadable(_))
    }

    /// Whether a second attempt would fail in the same way.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::Unsupported(_))
    }

    /// Whether an outdated name of the repository may be the reason.
    pub fn may_be_renamed(&self) -> bool {
        matches!(self, Self::Renamed | Self::NotFound | Self::Unreadable(_))
    }

    /// How long the forge asks Referee to wait.
    pub fn asks_to_wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { after } => *after,
            _ => None,
        }
    }

    /// The meaning of an answer; `None` for a status of 2xx.
    pub fn of_answer(status: u16, headers: &AnswerHeaders, body: &str) -> Option<Self> {
        let message = || headers.describe(body);
        let after = headers.wait;
        Some(match status {
            200..=299 => return None,
            // Rate limits: 403 from GitHub (docs.github.com, "Rate limits for the REST API"), 503 from proxies.
            403 | 503 if after.is_some() => Self::Busy { after },
            300..=399 => Self::Renamed,
            401 => Self::Unauthorized,
            403 => Self::Forbidden(message()),
            404 => Self::NotFound,
            409 => Self::Conflict(message()),
            423 => Self::Archived,
            429 => Self::Busy { after },
            // A proxy in front of the forge gave up.
            408 => Self::Unreachable(message()),
            400..=499 => Self::Invalid(message()),
            _ => Self::Server { status, message: message() },
        })
    }
}

/// The headers of an answer that decide the meaning of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerHeaders {
    /// How long the forge asks Referee to wait: `Retry-After`, or until `X-RateLimit-Reset` when
    /// `X-RateLimit-Remaining` is 0. At most [`limits::FORGE_WAIT_MAX`].
    pub wait: Option<Duration>,
    /// `X-Request-Id`, or GitHub's name for it: an administrator finds the request in the forge's log by it.
    pub request_id: Option<String>,
}

impl AnswerHeaders {
    /// Reads the headers by their lower-case names. The two HTTP libraries in use have different header types.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let number = |name: &str| header(name)?.trim().parse::<i64>().ok();
        // The server's own clock: ours may differ from it.
        let now = || {
            let date = jiff::fmt::rfc2822::parse(header("date")?).ok()?;
            Some(date.timestamp().as_second())
        };
        let reset = || match number("x-ratelimit-remaining")? {
            0 => Some(number("x-ratelimit-reset")? - now()?),
            _ => None,
        };
        let wait = number("retry-after").or_else(reset);
        let id = header("x-request-id").or_else(|| header("x-github-request-id"));
        Self {
            wait: wait.map(|s| Duration::seconds(s.max(0)).min(limits::FORGE_WAIT_MAX)),
            request_id: id.map(|id| id.chars().take(REQUEST_ID_CHARS_MAX).collect()),
        }
    }

    /// The beginning of the forge's own message on one line, and the id of the request.
    fn describe(&self, body: &str) -> String {
        let json = serde_json::from_str::<serde_json::Value>(body).ok();
        let message = json.as_ref().and_then(|v| v["message"].as_str());
        let words: Vec<_> = message.unwrap_or(body).split_whitespace().collect();
        let mut line: String = words.join(" ").chars().take(DESCRIPTION_CHARS_MAX).collect();
        if line.is_empty() {
            line = "no message".to_owned();
        }
        match &self.request_id {
            Some(id) => format!("{line} (request {id})"),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Option<ForgeError> {
        ForgeError::of_answer(status, &AnswerHeaders::default(), body)
    }

    fn headers(pairs: &[(&str, &'static str)]) -> AnswerHeaders {
        AnswerHeaders::read(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn every_status_has_its_meaning() {
        assert!(of(201, "").is_none());
        assert!(matches!(of(301, ""), Some(ForgeError::Renamed)));
        assert!(matches!(of(307, ""), Some(ForgeError::Renamed)));
        assert!(matches!(of(401, ""), Some(ForgeError::Unauthorized)));
        assert!(matches!(of(404, ""), Some(ForgeError::NotFound)));
        assert!(matches!(of(423, ""), Some(ForgeError::Archived)));
        assert!(matches!(of(403, "{}"), Some(ForgeError::Forbidden(_))));
        assert!(matches!(of(422, "{}"), Some(ForgeError::Invalid(_))));
        assert!(of(500, "").is_some_and(|e| e.is_uncertain()));
        assert!(of(408, "").is_some_and(|e| e.is_uncertain()));
    }

    #[test]
    fn a_forges_message_is_short_and_on_one_line() {
        let long = format!("{{\"message\": \"a\\n{}\"}}", "x".repeat(10_000));
        let error = of(500, &long).unwrap().to_string();
        assert!(error.len() < 400 && !error.contains('\n'), "{error}");
    }

    #[test]
    fn a_forge_that_limits_the_rate_is_busy_and_not_forbidden() {
        let limited = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1700000060"),
            ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ];
        for (pairs, seconds) in [(&limited[..], 60), (&[("retry-after", "7")], 7)] {
            for status in [403, 429] {
                let error = ForgeError::of_answer(status, &headers(pairs), "{}").unwrap();
                assert!(matches!(error, ForgeError::Busy { .. }), "{error}");
                assert_eq!(error.asks_to_wait(), Some(Duration::seconds(seconds)));
            }
        }
        let remaining = headers(&[("x-ratelimit-remaining", "1"), limited[1], limited[2]]);
        assert_eq!(remaining.wait, None);
    }

    #[test]
    fn a_wait_is_never_negative_and_never_endless() {
        assert_eq!(headers(&[("retry-after", "-1")]).wait, Some(Duration(0)));
        let year = headers(&[("retry-after", "31536000")]);
        assert_eq!(year.wait, Some(limits::FORGE_WAIT_MAX));
        assert_eq!(headers(&[("retry-after", "soon")]).wait, None);
    }

    #[test]
    fn an_error_names_the_request_in_the_forges_log() {
        let named = headers(&[("x-github-request-id", "AB:12")]);
        let error = ForgeError::of_answer(500, &named, "").unwrap();
        assert!(error.to_string().ends_with("no message (request AB:12)"));
    }
}
