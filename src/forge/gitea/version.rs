//! Which forge this is, by the version that it tells: Gitea or Forgejo, and how old.

use std::fmt;

/// A forge's name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForgeVersion {
    /// Gitea, by major, minor and patch number.
    Gitea(u32, u32, u32),
    /// Forgejo, likewise. It left Gitea's numbers with 7.0.
    Forgejo(u32, u32, u32),
}

/// What a version is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupportLevel {
    /// Known to work.
    Good,
    /// Works, but a weakness that is known to everybody has been mended since.
    Unpatched(&'static str),
    /// Lacks what we need.
    TooOld,
}

impl ForgeVersion {
    /// Reads what `GET /version` answers: `1.24.3`, `1.27.0+dev-45ffe5aa6a`, `10.0.0+gitea-1.22.0`.
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

    /// Whether notes can be written by API. Gitea answers 405 (recordings, `note-set`).
    pub fn writes_notes(self) -> bool {
        self >= Self::Forgejo(10, 0, 0)
    }

    /// Whether a pushed image is announced. Elsewhere only the sweep finds it.
    pub fn announces_packages(self) -> bool {
        matches!(self, Self::Gitea(..)) && self >= Self::Gitea(1, 24, 0)
    }

    /// What this version is good for.
    pub fn support_level(self) -> SupportLevel {
        match self {
            Self::Gitea(..) if self < Self::Gitea(1, 22, 0) => SupportLevel::TooOld,
            Self::Forgejo(major, ..) if major < 10 => SupportLevel::TooOld,
            // CVE-2026-27771: private container images were served to anybody.
            Self::Gitea(..) if self < Self::Gitea(1, 26, 2) => SupportLevel::Unpatched(
                "before 1.26.2 Gitea gave private container images to anybody (CVE-2026-27771)",
            ),
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
    fn versions_tell_who_speaks() {
        for (text, version) in [
            ("1.22.0+dev", ForgeVersion::Gitea(1, 22, 0)),
            ("1.27.0+dev-45ffe5aa6a", ForgeVersion::Gitea(1, 27, 0)),
            ("1.26.4", ForgeVersion::Gitea(1, 26, 4)),
            ("10.0.0+dev", ForgeVersion::Forgejo(10, 0, 0)),
            ("10.0.3+gitea-1.22.0", ForgeVersion::Forgejo(10, 0, 3)),
            (
                "11.0.1-2-gabc+gitea-1.22.0",
                ForgeVersion::Forgejo(11, 0, 1),
            ),
        ] {
            assert_eq!(ForgeVersion::parse(text), Some(version), "{text}");
        }
        assert_eq!(ForgeVersion::parse("main"), None);
    }

    #[test]
    fn what_a_version_can_do() {
        let of = |v| ForgeVersion::parse(v).unwrap();
        assert!(of("10.0.0+dev").writes_notes() && !of("1.27.0").writes_notes());
        assert!(of("1.24.0").announces_packages() && !of("1.23.9").announces_packages());
        assert!(!of("10.0.0").announces_packages());
        assert_eq!(of("1.21.11").support_level(), SupportLevel::TooOld);
        assert_eq!(of("7.0.1").support_level(), SupportLevel::TooOld);
        assert_eq!(of("1.26.2").support_level(), SupportLevel::Good);
        assert!(matches!(
            of("1.24.0").support_level(),
            SupportLevel::Unpatched(_)
        ));
    }
}
