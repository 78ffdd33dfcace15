//! The four forges that were recorded, and their differences. A difference that matters in one file is decided there;
//! the others are here.

/// A forge of one version. The names are those of the folders that hold the recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ForgeVersion {
    Gitea122,
    Gitea124,
    Gitea127,
    Forgejo10,
}

impl ForgeVersion {
    pub(crate) const ALL: [Self; 4] = [Self::Gitea122, Self::Gitea124, Self::Gitea127, Self::Forgejo10];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gitea122 => "gitea-1.22-dev",
            Self::Gitea124 => "gitea-1.24-dev",
            Self::Gitea127 => "gitea-1.27-dev",
            Self::Forgejo10 => "forgejo-10-dev",
        }
    }

    /// The answer of `GET /version`.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Gitea122 => "1.22.0+dev",
            Self::Gitea124 => "1.24.0+dev",
            Self::Gitea127 => "1.27.0+dev-45ffe5aa6a",
            Self::Forgejo10 => "10.0.0+dev",
        }
    }

    pub(crate) fn is_forgejo(self) -> bool {
        self == Self::Forgejo10
    }

    pub(crate) fn is_latest(self) -> bool {
        self == Self::Gitea127
    }

    /// Gitea 1.22 and Forgejo 10, which left Gitea before 1.22: they share most of the old behaviour.
    pub(crate) fn is_old(self) -> bool {
        matches!(self, Self::Gitea122 | Self::Forgejo10)
    }

    /// The message for a missing object.
    pub(crate) fn not_found(self) -> &'static str {
        if self.is_latest() { "not found" } else { "The target couldn't be found." }
    }

    /// Status of the answer to a request by an old name of a repository.
    pub(crate) fn moved(self) -> (u16, &'static str) {
        if self.is_old() { (307, "Temporary Redirect") } else { (301, "Moved Permanently") }
    }

    /// The address that replaces a hidden one.
    pub(crate) fn placeholder(self, id: i64, login: &str) -> String {
        if self.is_latest() { format!("{id}+{login}@noreply.localhost") } else { format!("{login}@noreply.localhost") }
    }
}
