//! The software of a forge, Gitea or Forgejo, and its version.

use std::fmt;

/// The oldest versions that Referee supports.
pub(super) const OLDEST: &str = "Gitea 1.22 or Forgejo 10";

/// Name and version: major, minor and patch number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForgeVersion {
    Gitea(u32, u32, u32),
    /// Forgejo has numbers of its own since 7.0.
    Forgejo(u32, u32, u32),
}

/// How well Referee supports a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupportLevel {
    /// Known to work.
    Good,
    /// Works, but has a published vulnerability that a later version fixes.
    Unpatched(&'static str),
    /// Lacks functions that Referee needs.
    TooOld,
}

impl ForgeVersion {
    /// Reads the answer of `GET /version`: `1.24.3`, `1.27.0+dev-45ffe5aa6a`, `10.0.0+gitea-1.22.0`.
    pub fn parse(version: &str) -> Option<Self> {
        let own = version.split(['+', '-']).next()?;
        let mut numbers = own.split('.').map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let mut rest = || numbers.next().and_then(Result::ok).unwrap_or(0);
        let (minor, patch) = (rest(), rest());
        Some(match major {
            1 if !version.contains("+gitea-") => Self::Gitea(major, minor, patch),
            _ => Self::Forgejo(major, minor, patch),
        })
    }

    /// Whether the API can write git notes. Gitea answers 405 (recordings, `note-set`).
    pub fn writes_notes(self) -> bool {
        self >= Self::Forgejo(10, 0, 0)
    }

    /// Whether a delivery announces a pushed image. Otherwise only the sweep finds it.
    pub fn announces_packages(self) -> bool {
        matches!(self, Self::Gitea(..)) && self >= Self::Gitea(1, 24, 0)
    }

    pub fn support_level(self) -> SupportLevel {
        match self {
            Self::Gitea(..) if self < Self::Gitea(1, 22, 0) => SupportLevel::TooOld,
            Self::Forgejo(major, ..) if major < 10 => SupportLevel::TooOld,
            Self::Gitea(..) if self < Self::Gitea(1, 26, 2) => {
                SupportLevel::Unpatched("before 1.26.2 Gitea gave private container images to anyone (CVE-2026-27771)")
            }
            _ => SupportLevel::Good,
        }
    }
}

impl fmt::Display for ForgeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gitea(a, b, c) => write!(f, "Gitea {a}.{b}.{c}"),
            Self::Forgejo(a, b, c) => write!(f, "Forgejo {a}.{b}.{c}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_the_software() {
        for (text, version) in [
            ("1.22.0+dev", ForgeVersion::Gitea(1, 22, 0)),
            ("1.27.0+dev-45ffe5aa6a", ForgeVersion::Gitea(1, 27, 0)),
            ("1.26.4", ForgeVersion::Gitea(1, 26, 4)),
            ("10.0.0+dev", ForgeVersion::Forgejo(10, 0, 0)),
            ("10.0.3+gitea-1.22.0", ForgeVersion::Forgejo(10, 0, 3)),
            ("11.0.1-2-gabc+gitea-1.22.0", ForgeVersion::Forgejo(11, 0, 1)),
        ] {
            assert_eq!(ForgeVersion::parse(text), Some(version), "{text}");
        }
        assert_eq!(ForgeVersion::parse("main"), None);
    }

    #[test]
    fn versions_differ_in_their_abilities() {
        let of = |v| ForgeVersion::parse(v).unwrap();
        assert!(of("10.0.0+dev").writes_notes() && !of("1.27.0").writes_notes());
        assert!(of("1.24.0").announces_packages() && !of("1.23.9").announces_packages());
        assert!(!of("10.0.0").announces_packages());
        assert_eq!(of("1.21.11").support_level(), SupportLevel::TooOld);
        assert_eq!(of("7.0.1").support_level(), SupportLevel::TooOld);
        assert_eq!(of("1.26.2").support_level(), SupportLevel::Good);
        assert!(matches!(of("1.24.0").support_level(), SupportLevel::Unpatched(_)));
    }
}
