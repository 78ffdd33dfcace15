//! Names and numbers of things, each a type of its own so that two cannot be mixed up.
//!
//! A value of these types has been checked once, where it was made; nothing re-checks it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits;

/// Why a text cannot be one of the identifiers below.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: {why}")]
pub struct InvalidId {
    /// Kind of identifier that was wanted, for example `slug`.
    pub what: &'static str,
    /// The text that was refused, shortened.
    pub text: String,
    /// The rule that it broke.
    pub why: &'static str,
}

fn invalid(what: &'static str, text: &str, why: &'static str) -> InvalidId {
    InvalidId {
        what,
        text: text.chars().take(80).collect(),
        why,
    }
}

/// Checks the alphabet shared by all slugs: they become parts of URLs, file names, container
/// names and database keys, so nothing that any of these would need to escape is allowed.
fn check_slug(what: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() || text.len() > limits::SLUG_CHARS_MAX {
        return Err(invalid(what, text, "1 to 63 characters are allowed"));
    }
    let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if !text.chars().all(ok) {
        return Err(invalid(
            what,
            text,
            "only a-z, 0-9, `-`, `_` and `.` are allowed",
        ));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || text.contains("..") {
        return Err(invalid(
            what,
            text,
            "it must start with a letter or digit and hold no `..`",
        ));
    }
    Ok(())
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and wraps it.
            ///
            /// # Errors
            /// When the text is empty, too long or holds a character outside `[a-z0-9._-]`.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check_slug($what, &text)?;
                Ok(Self(text))
            }

            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
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
    /// A team, as named by its repository.
    TeamSlug, "team name");
slug!(
    /// A forge as configured: the `local` of `[forge.local]`.
    ForgeName, "forge name");

/// One unit of evaluation as the scorer names it: an image, a volume, a video.
///
/// The alphabet is wider than a slug's (upper case is common: `Video_01`), and still safe in a
/// path, a URL and a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

impl CaseId {
    /// Checks the text and wraps it.
    ///
    /// # Errors
    /// When it is empty, longer than [`limits::CASE_CHARS_MAX`] or not `[A-Za-z0-9._-]`.
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

    /// The checked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CaseId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<CaseId> for String {
    fn from(value: CaseId) -> String {
        value.0
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A git object id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits, never all zero.
///
/// The all-zero id means "no object" in git's protocol; it is represented by `Option` here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// Checks the text and wraps it.
    ///
    /// # Errors
    /// When it is not 40 or 64 lower-case hexadecimal digits, or all of them are zero.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if !matches!(text.len(), 40 | 64) || !is_lower_hex(&text) {
            return Err(invalid(
                "object id",
                &text,
                "40 or 64 lower-case hexadecimal digits are needed",
            ));
        }
        if text.bytes().all(|b| b == b'0') {
            return Err(invalid("object id", &text, "all zero means no object"));
        }
        Ok(Self(text))
    }

    /// Reads an id in which all zeros stand for "none".
    ///
    /// # Errors
    /// When the text is neither an object id nor 40 or 64 zeros.
    pub fn or_zero(text: &str) -> Result<Option<Self>, InvalidId> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b == b'0') {
            return Ok(None);
        }
        Self::new(text).map(Some)
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, as pages and reports show it.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CommitSha {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<CommitSha> for String {
    fn from(value: CommitSha) -> String {
        value.0
    }
}

/// The SHA-256 of some content, written `sha256:` and 64 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Checks the text and wraps it.
    ///
    /// # Errors
    /// When it is not `sha256:` followed by 64 lower-case hexadecimal digits.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && is_lower_hex(hex) => Ok(Self(text)),
            _ => Err(invalid(
                "digest",
                &text,
                "`sha256:` and 64 hexadecimal digits are needed",
            )),
        }
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(format!(
            "sha256:{}",
            hex::encode(sha2::Sha256::digest(bytes))
        ))
    }

    /// Wraps a SHA-256 that was computed piece by piece.
    pub fn of_hash(hash: [u8; 32]) -> Self {
        Self(format!("sha256:{}", hex::encode(hash)))
    }

    /// With its `sha256:` prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With its prefix and the first ten digits, as pages and reports show it.
    pub fn short(&self) -> &str {
        &self.0[.."sha256:".len() + 10]
    }

    /// The 64 digits alone, fit for a file name.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<Digest> for String {
    fn from(value: Digest) -> String {
        value.0
    }
}

/// What an engine calls an image: the digest of its configuration. The only name by which images run.
pub type ImageId = Digest;

/// The unguessable part of a page's address: 128 random bits as 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageToken(String);

impl PageToken {
    /// Checks the text and wraps it.
    ///
    /// # Errors
    /// When it is not 32 lower-case hexadecimal digits.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.len() != 32 || !is_lower_hex(&text) {
            return Err(invalid(
                "page token",
                "(hidden)",
                "32 hexadecimal digits are needed",
            ));
        }
        Ok(Self(text))
    }

    /// Wraps 16 random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The secret itself, for an address that goes to its owner.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows the first digits only: whoever reads a log must not be able to open the page.
impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageToken({}…)", &self.0[..4])
    }
}

impl TryFrom<String> for PageToken {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<PageToken> for String {
    fn from(value: PageToken) -> String {
        value.0
    }
}

macro_rules! number {
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

number!(
    /// Row of a repository that we have seen.
    RepositoryId);
number!(
    /// Row of a submission. People see its sequence number within the challenge instead.
    SubmissionId);
number!(
    /// Row of an attempt.
    AttemptId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_refuse_what_a_path_or_url_would_have_to_escape() {
        for good in ["a", "team-1", "phase_recognition", "v1.2"] {
            assert!(TeamSlug::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "A",
            "../x",
            "a..b",
            "a/b",
            "a b",
            "-rf",
            ".x",
            "ä",
            &"x".repeat(64),
        ] {
            assert!(TeamSlug::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zero_ids_mean_no_object() {
        assert_eq!(CommitSha::or_zero(&"0".repeat(40)), Ok(None));
        assert_eq!(CommitSha::or_zero(&"0".repeat(64)), Ok(None));
        assert!(CommitSha::new("0".repeat(40)).is_err());
        assert!(CommitSha::or_zero("0000").is_err());
        assert!(CommitSha::new("A".repeat(40)).is_err());
        assert!(CommitSha::or_zero(&"a1".repeat(20)).unwrap().is_some());
    }

    #[test]
    fn page_tokens_do_not_print_themselves() {
        let token = PageToken::from_bytes([0xab; 16]);
        assert!(!format!("{token:?}").contains(token.as_str()));
        let refused = PageToken::new("secret-but-wrong").unwrap_err().to_string();
        assert!(!refused.contains("secret"));
    }
}
