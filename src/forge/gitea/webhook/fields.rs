//! Fields that many bodies share, checked where they enter.
//!
//! Nothing here keeps a name or an address from a commit: its author chooses them.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::model::{CommitSha, RefKind, RepositoryRef, Sender};

/// Bytes of a ref's name, as in libgit2 (`GIT_REFNAME_MAX`).
const REF_BYTES_MAX: usize = 1024;
/// Bytes of `owner/name`. Gitea itself allows 40 and 100.
const FULL_NAME_BYTES_MAX: usize = 255;

/// Gitea modules/structs/repo.go, `Repository`.
#[derive(Deserialize)]
pub(super) struct Repository {
    id: i64,
    #[serde(deserialize_with = "full_name")]
    full_name: String,
}

impl From<Repository> for RepositoryRef {
    fn from(repository: Repository) -> Self {
        Self { id: repository.id, full_name: repository.full_name }
    }
}

/// Gitea modules/structs/user.go, `User`. As `sender` it is the account that the forge authenticated. A push with a
/// deploy key has the repository's owner as its sender (routers/private/serv.go), and programs of the forge have
/// negative numbers.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) login: String,
}

impl From<User> for Sender {
    fn from(user: User) -> Self {
        Self { id: user.id, login: user.login }
    }
}

/// A full ref: `refs/heads/main`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct FullRef(pub(super) String);

impl TryFrom<String> for FullRef {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.starts_with("refs/") && is_ref(&text) {
            Ok(Self(text))
        } else {
            Err("this is not the full name of a ref")
        }
    }
}

/// A ref in `create` and `delete`. Gitea sends `main` (services/webhook/notifier.go), and so does Forgejo, except that
/// a hook of its own type `forgejo` gets `refs/heads/main` (Forgejo services/webhook/default.go).
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ShortOrFullRef(String);

impl ShortOrFullRef {
    /// The full name. A branch with the odd name `refs/heads/main` (in full `refs/heads/refs/heads/main`; git warns of
    /// it) is taken for `main`. This does no harm: Referee reads the refs before it acts on an event.
    pub(super) fn full(self, kind: RefKind) -> String {
        if self.0.starts_with(kind.prefix()) { self.0 } else { format!("{}{}", kind.prefix(), self.0) }
    }
}

impl TryFrom<String> for ShortOrFullRef {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // The rules are the same after each prefix, and a full name is also a valid short name.
        if is_ref(&format!("{}{text}", RefKind::Branch.prefix())) {
            Ok(Self(text))
        } else {
            Err("this is not the name of a ref")
        }
    }
}

fn is_ref(text: &str) -> bool {
    text.len() <= REF_BYTES_MAX && git2::Reference::is_valid_name(text)
}

/// `owner/name` in the alphabet of Gitea's names (modules/validation/helpers.go). Neither may be `.` or `..`, because
/// both become parts of paths and addresses.
fn full_name<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    let text = String::deserialize(json)?;
    let good = |part: &str| {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !matches!(part, "" | "." | "..") && part.chars().all(named)
    };
    match text.split_once('/') {
        Some((owner, name)) if text.len() <= FULL_NAME_BYTES_MAX && good(owner) && good(name) => Ok(text),
        _ => Err(D::Error::custom("this is not `owner/name`")),
    }
}

/// An object id, or zeros for "no object".
pub(super) fn object_or_none<'de, D: Deserializer<'de>>(json: D) -> Result<Option<CommitSha>, D::Error> {
    CommitSha::or_zero(&String::deserialize(json)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_full_names_become_one() {
        let full = |text: &str, kind| {
            let name = ShortOrFullRef::try_from(text.to_owned()).unwrap();
            name.full(kind)
        };
        assert_eq!(full("main", RefKind::Branch), "refs/heads/main");
        assert_eq!(full("refs/heads/main", RefKind::Branch), "refs/heads/main");
        assert_eq!(full("a/b", RefKind::Tag), "refs/tags/a/b");
        assert_eq!(full("refs/tags/v1", RefKind::Tag), "refs/tags/v1");
        assert_eq!(full("refs/heads/x", RefKind::Tag), "refs/tags/refs/heads/x");
    }

    #[test]
    fn names_that_git_refuses_are_refused() {
        for bad in ["", "a b", "a..b", "a~1", "a\0", "/a", "a/", "a//b", "a.lock", ".a", "a@{1}"] {
            assert!(ShortOrFullRef::try_from(bad.to_owned()).is_err(), "{bad}");
            let full = format!("refs/heads/{bad}");
            assert!(FullRef::try_from(full).is_err(), "{bad}");
        }
        let long = "x".repeat(REF_BYTES_MAX);
        assert!(ShortOrFullRef::try_from(long).is_err());
        for bad in ["HEAD", "main", "refs", "refs/"] {
            assert!(FullRef::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        let odd = "refs/heads/feature/unicode-ü$(id)".to_owned();
        assert!(FullRef::try_from(odd).is_ok());
    }
}
