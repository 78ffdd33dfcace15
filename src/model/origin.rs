//! The origin of a submission: a commit, or an image that was pushed to the forge's registry.
//!
//! Both are identified by a digest. Nothing here relies on a name that may mean another content tomorrow.

use std::fmt;

use serde::Serialize;

use super::ids::{CommitSha, Digest};

/// The origin of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Origin {
    /// A commit of the team's repository.
    Commit {
        sha: CommitSha,
        /// Full name of the ref that was pushed.
        full_ref: String,
    },
    /// An image in the forge's registry.
    Image {
        /// The image's name within its owner.
        image_name: String,
        /// The tag that was pushed.
        tag: String,
        /// Digest of its manifest or index, pinned when the tag was first seen.
        digest: Digest,
    },
}

impl Origin {
    /// The image that was pushed as `name:tag`; `None` for a text of another form.
    pub fn image(pushed_as: &str, digest: Digest) -> Option<Self> {
        let (name, tag) = pushed_as.rsplit_once(':')?;
        Some(Self::Image { image_name: name.to_owned(), tag: tag.to_owned(), digest })
    }

    /// Its identity, independent of the ref or the tag.
    pub fn content(&self) -> ContentId {
        match self {
            Self::Commit { sha, .. } => ContentId::Commit(sha.clone()),
            Self::Image { digest, .. } => ContentId::Image(digest.clone()),
        }
    }

    pub fn sha(&self) -> Option<&CommitSha> {
        match self {
            Self::Commit { sha, .. } => Some(sha),
            Self::Image { .. } => None,
        }
    }

    /// The full ref, or the `name:tag` of an image.
    pub fn pushed_as(&self) -> String {
        match self {
            Self::Commit { full_ref, .. } => full_ref.clone(),
            Self::Image { image_name, tag, .. } => format!("{image_name}:{tag}"),
        }
    }
}

/// The identity of a submission's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ContentId {
    Commit(CommitSha),
    /// Digest of the manifest or index of an image.
    Image(Digest),
}

impl ContentId {
    /// `commit` or `image`, for a sentence.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::Image(_) => "image",
        }
    }

    /// The beginning, as pages and reports show it.
    pub fn short(&self) -> &str {
        match self {
            Self::Commit(sha) => sha.short(),
            Self::Image(digest) => digest.short(),
        }
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(sha) => sha.fmt(f),
            Self::Image(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_read_from_its_name_and_tag() {
        let digest = Digest::of(b"manifest");
        let origin = Origin::image("group/method:task-2", digest.clone()).unwrap();
        assert_eq!(origin.pushed_as(), "group/method:task-2");
        assert_eq!(origin.sha(), None);
        assert_eq!(origin.content(), ContentId::Image(digest.clone()));
        assert_eq!(origin.content().short(), &digest.as_str()[..17]);
        assert_eq!(Origin::image("refs/heads/main", digest), None);
    }

    #[test]
    fn a_commit_is_serialized_with_its_ref() {
        let origin =
            Origin::Commit { sha: CommitSha::new("ab".repeat(20)).unwrap(), full_ref: "refs/heads/main".into() };
        let json = serde_json::json!({ "sha": "ab".repeat(20), "full_ref": "refs/heads/main" });
        assert_eq!(serde_json::to_value(&origin).unwrap(), json);
    }
}
