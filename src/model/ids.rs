//! Names and numbers of things. Each is a type of its own, so that the compiler keeps two of them apart.
//!
//! A value is checked once, when it is made. No code checks it again.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits;

/// A text that is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind}: {reason}")]
pub struct InvalidId {
    /// The kind of identifier, for example `task slug`.
    pub kind: &'static str,
    /// The refused text, shortened.
    pub text: String,
    /// The rule that the text violates.
    pub reason: &'static str,
}

fn invalid(kind: &'static str, text: &str, reason: &'static str) -> InvalidId {
    InvalidId { kind, text: text.chars().take(80).collect(), reason }
}

/// Read access to a checked text, and its conversions from and to `String` for JSON and the database.
macro_rules! checked_text {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
    };
}

/// [`checked_text`] for texts that may be shown.
macro_rules! public_text {
    ($name:ident) => {
        checked_text!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Checks the characters of a slug. Slugs become parts of URLs, file names, container names and database keys, so
/// they hold no character that any of these must escape.
fn check_slug(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() || text.len() > limits::SLUG_CHARS_MAX {
        return Err(invalid(kind, text, "1 to 63 characters are allowed"));
    }
    let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if !text.chars().all(ok) {
        return Err(invalid(kind, text, "only a-z, 0-9, `-`, `_` and `.` are allowed"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || text.contains("..") {
        return Err(invalid(kind, text, "it must start with a letter or digit and must not contain `..`"));
    }
    Ok(())
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// The text is empty, too long, or not of the form `[a-z0-9][a-z0-9._-]*` without `..`.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check_slug($kind, &text)?;
                Ok(Self(text))
            }
        }

        public_text!($name);
    };
}

slug!(
    /// A challenge, for example `phakir`.
    ChallengeSlug, "challenge slug");
slug!(
    /// A task of a challenge, for example `phase-recognition`.
    TaskSlug, "task slug");
slug!(
    /// A phase of a challenge, for example `validation`.
    PhaseSlug, "phase slug");
slug!(
    /// A team. Its repository's name contains this name.
    TeamSlug, "team name");
slug!(
    /// A configured forge, for example the `local` of `[forge.local]`.
    ForgeName, "forge name");

/// One unit of evaluation by the name that the scorer uses, for example an image, a volume or a video.
///
/// It allows more characters than a slug (upper case is common: `Video_01`). It is still safe in a path, a URL and
/// a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

impl CaseId {
    /// # Errors
    /// The text is empty, longer than [`limits::CASE_CHARS_MAX`], starts with `.`, or holds a character outside
    /// `[A-Za-z0-9._-]`.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.is_empty() || text.len() > limits::CASE_CHARS_MAX {
            return Err(invalid("case", &text, "1 to 128 characters are allowed"));
        }
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !text.chars().all(ok) || text.starts_with('.') {
            return Err(invalid(
                "case",
                &text,
                "only A-Z, a-z, 0-9, `-`, `_` and `.` are allowed, not starting with `.`",
            ));
        }
        Ok(Self(text))
    }
}

public_text!(CaseId);

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A git object id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits, never all zero.
///
/// In git's protocol the all-zero id means "no object". Here that is an `Option`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// # Errors
    /// The text is not 40 or 64 lower-case hexadecimal digits, or all digits are zero.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if !matches!(text.len(), 40 | 64) || !is_lower_hex(&text) {
            return Err(invalid("object id", &text, "40 or 64 lower-case hexadecimal digits are required"));
        }
        if text.bytes().all(|b| b == b'0') {
            return Err(invalid("object id", &text, "all zero means no object"));
        }
        Ok(Self(text))
    }

    /// Reads an id as git writes it, where all zeros mean "no object".
    ///
    /// # Errors
    /// The text is neither an object id nor 40 or 64 zeros.
    pub fn or_zero(text: &str) -> Result<Option<Self>, InvalidId> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b == b'0') {
            return Ok(None);
        }
        Self::new(text).map(Some)
    }

    /// The first ten digits, as pages and reports show them.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

public_text!(CommitSha);

/// A SHA-256 digest, written `sha256:` and 64 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// # Errors
    /// The text is not `sha256:` followed by 64 lower-case hexadecimal digits.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && is_lower_hex(hex) => Ok(Self(text)),
            _ => Err(invalid("digest", &text, "`sha256:` and 64 hexadecimal digits are required")),
        }
    }

    /// Computes the digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::of_hash(sha2::Sha256::digest(bytes).into())
    }

    /// Wraps a SHA-256 that was computed piece by piece.
    pub fn of_hash(hash: [u8; 32]) -> Self {
        Self(format!("sha256:{}", hex::encode(hash)))
    }

    /// The prefix and the first ten digits, as pages and reports show them.
    pub fn short(&self) -> &str {
        &self.0[.."sha256:".len() + 10]
    }

    /// The 64 digits without the prefix, for file names.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

public_text!(Digest);

/// An image by the digest of its configuration. Referee runs images by this id only.
pub type ImageId = Digest;

/// The unguessable part of a page's address: 128 random bits as 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageToken(String);

impl PageToken {
    /// # Errors
    /// The text is not 32 lower-case hexadecimal digits. The error does not repeat the text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.len() != 32 || !is_lower_hex(&text) {
            return Err(invalid("page token", "(hidden)", "32 hexadecimal digits are required"));
        }
        Ok(Self(text))
    }

    /// Wraps 16 random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }
}

checked_text!(PageToken);

/// Shows only the first digits, so that a reader of a log cannot open the page.
impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageToken({}…)", &self.0[..4])
    }
}

macro_rules! row_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

row_number!(
    /// Row of a team's repository.
    RepositoryId);
row_number!(
    /// Row of a submission. People see its number within the challenge instead.
    SubmissionId);
row_number!(
    /// Row of an attempt.
    AttemptId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_refuse_characters_that_a_path_or_url_must_escape() {
        for good in ["a", "team-1", "phase_recognition", "v1.2"] {
            assert!(TeamSlug::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "../x", "a..b", "a/b", "a b", "-rf", ".x", "ä", &"x".repeat(64)] {
            assert!(TeamSlug::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_all_zero_id_means_no_object() {
        assert_eq!(CommitSha::or_zero(&"0".repeat(40)), Ok(None));
        assert_eq!(CommitSha::or_zero(&"0".repeat(64)), Ok(None));
        assert!(CommitSha::new("0".repeat(40)).is_err());
        assert!(CommitSha::or_zero("0000").is_err());
        assert!(CommitSha::new("A".repeat(40)).is_err());
        assert!(CommitSha::or_zero(&"a1".repeat(20)).unwrap().is_some());
    }

    #[test]
    fn a_page_token_is_neither_printed_nor_part_of_an_error() {
        let token = PageToken::from_bytes([0xab; 16]);
        assert!(!format!("{token:?}").contains(token.as_str()));
        let refused = PageToken::new("secret-but-wrong").unwrap_err().to_string();
        assert!(!refused.contains("secret"));
    }
}
