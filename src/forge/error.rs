//! Why a forge did not do what it was asked, in one vocabulary for all forges.
//!
//! No error here holds a token, and none repeats more than the beginning of what a forge answered.

use crate::model::Duration;

use super::git::GitError;

/// Characters kept of a forge's own words.
const DESCRIPTION_CHARS_MAX: usize = 300;

/// Shorthand.
pub type Result<T> = std::result::Result<T, ForgeError>;

/// What came of a question to a forge that was not answered as hoped.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// 401: the token is wrong, expired or revoked. Everything for this forge waits.
    #[error(
        "the forge does not accept our token; make a new one for the account, put it where `token-file` \
         says, and start Referee again"
    )]
    Unauthorized,
    /// 403: the account may not do this.
    #[error("the forge forbids it: {0}")]
    Forbidden(String),
    /// 404, or 500 where a forge says so of what it does not find.
    #[error("the forge does not know it")]
    NotFound,
    /// 3xx: the repository has another name now. No redirect is ever followed.
    #[error("the repository has another name now")]
    Renamed,
    /// 409, 422 and whatever else a lost race between writers is called.
    #[error("somebody else was faster: {0}")]
    Conflict(String),
    /// 423: the repository is archived; nothing can be written there.
    #[error("the repository is archived")]
    Archived,
    /// 400, 413, 422: what we sent is not what the forge takes.
    #[error("the forge refuses it: {0}")]
    Invalid(String),
    /// 429 or 503 with a time after which to try again.
    #[error("the forge is busy")]
    Busy {
        /// As the forge asks.
        after: Option<Duration>,
    },
    /// 5xx. Whether it was done nevertheless must be found out by reading.
    #[error("the forge failed with {status}: {message}")]
    Server {
        /// Status code.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// No answer, or none in time. Whether it was done nevertheless must be found out by reading.
    #[error("the forge does not answer: {0}")]
    Unreachable(String),
    /// An answer that means nothing to us.
    #[error("the forge's answer cannot be read: {0}")]
    Unreadable(String),
    /// This kind of forge has no such thing.
    #[error("a {0} forge has no {1}")]
    Unsupported(&'static str, &'static str),
    /// Git said no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Our own disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ForgeError {
    /// Whether a write that failed so may have happened all the same.
    pub fn is_uncertain(&self) -> bool {
        matches!(
            self,
            Self::Server { .. } | Self::Unreachable(_) | Self::Unreadable(_)
        )
    }

    /// Whether trying again changes nothing.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::Unsupported(..))
    }

    /// Whether the name of the repository may be the reason.
    pub fn may_be_renamed(&self) -> bool {
        matches!(self, Self::Renamed | Self::NotFound | Self::Unreadable(_))
    }

    /// How long the forge asks us to wait.
    pub fn asks_to_wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { after } => *after,
            _ => None,
        }
    }

    /// The error that a status code stands for. `None` for 2xx.
    pub fn of_status(status: u16, body: &str, retry_after: Option<Duration>) -> Option<Self> {
        let message = || beginning(body);
        Some(match status {
            200..=299 => return None,
            300..=399 => Self::Renamed,
            401 => Self::Unauthorized,
            // A lost race on Gitea >= 1.27 (recordings, `contents-race`).
            403 if body.contains("cannot lock ref") => Self::Conflict(message()),
            403 => Self::Forbidden(message()),
            404 => Self::NotFound,
            409 => Self::Conflict(message()),
            423 => Self::Archived,
            429 => Self::Busy { after: retry_after },
            503 if retry_after.is_some() => Self::Busy { after: retry_after },
            // Something before the forge lost patience.
            408 => Self::Unreachable(message()),
            400..=499 => Self::Invalid(message()),
            _ => Self::Server {
                status,
                message: message(),
            },
        })
    }
}

/// The beginning of a forge's words, on one line.
fn beginning(body: &str) -> String {
    let message = serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|v| v["message"].as_str().map(str::to_owned));
    let text = message.as_deref().unwrap_or(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.as_str() {
        "" => "without a word".to_owned(),
        line => line.chars().take(DESCRIPTION_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        let of = |status, body| ForgeError::of_status(status, body, None);
        assert!(of(201, "").is_none());
        assert!(matches!(of(301, ""), Some(ForgeError::Renamed)));
        assert!(matches!(of(307, ""), Some(ForgeError::Renamed)));
        assert!(matches!(of(401, ""), Some(ForgeError::Unauthorized)));
        assert!(matches!(of(404, ""), Some(ForgeError::NotFound)));
        assert!(matches!(of(423, ""), Some(ForgeError::Archived)));
        let race = r#"{"message":"exit status 128: fatal: cannot lock ref 'refs/heads/main'"}"#;
        assert!(matches!(of(403, race), Some(ForgeError::Conflict(_))));
        assert!(matches!(of(403, "{}"), Some(ForgeError::Forbidden(_))));
        assert!(matches!(of(422, "{}"), Some(ForgeError::Invalid(_))));
        assert!(of(500, "").is_some_and(|e| e.is_uncertain()));
        assert!(of(408, "").is_some_and(|e| e.is_uncertain()));
    }

    #[test]
    fn a_forges_words_are_short_and_on_one_line() {
        let long = format!("{{\"message\": \"a\\n{}\"}}", "x".repeat(10_000));
        let error = ForgeError::of_status(500, &long, None).unwrap().to_string();
        assert!(error.len() < 400 && !error.contains('\n'), "{error}");
    }
}
