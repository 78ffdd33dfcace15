//! Images in a registry, by the OCI distribution protocol: who they are, and how they get here.
//!
//! An image is fixed by the digest of its manifest when its tag is first seen
//! ([`Registry::manifest`]), judged by its manifest and configuration ([`Registry::look`]) before a
//! layer is fetched, and then fetched into a file that an engine loads ([`Registry::pull`]).
//!
//! | file | what it knows |
//! |---|---|
//! | `client` | requests: time, size, redirects, pages |
//! | `auth` | what a registry wants to be shown, and who may be shown it |
//! | `pull` | from a pinned digest to an archive, or to findings |
//! | `archive` | the archive: layers unpacked, counted, compared |
//! | `scan` | the tar of a layer, header by header |
//!
//! It refuses to let the engine pull: an engine believes a tag, obeys a manifest and unpacks without
//! a bound. Credentials go to the registry's own origin (and to a named place for tokens), never
//! along a redirect, and never to a place that the registry alone names; no error ever shows them, or the address that a redirect led to.

mod archive;
mod auth;
mod client;
mod pull;
pub mod scan;

pub use client::{BlobReader, Manifest, Registry};
pub use pull::{Look, PullEnd, PullError};

use crate::model::Digest;

/// What went wrong between us and a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It does not let us in. Trying again will not help.
    #[error("the registry does not let us in: {0}")]
    Auth(String),
    /// There is no such repository, tag, manifest or blob, or we may not see it.
    #[error("not in the registry: {0}")]
    NotFound(String),
    /// The answer was longer than it may be, and was not read further.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// Bytes.
        limit: u64,
    },
    /// The bytes are others than were asked for.
    #[error("{found} was sent, {wanted} was asked for")]
    DigestMismatch {
        /// What was asked for.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// It answers in a way that the protocol does not know, or that we do not go along with.
    #[error("the registry answers oddly: {0}")]
    Protocol(String),
    /// No answer, or one that says "not now".
    #[error("the registry cannot be reached: {message}")]
    Network {
        /// Whether the same call may succeed later.
        retryable: bool,
        /// What was seen.
        message: String,
    },
}

impl RegistryError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Network {
                retryable: true,
                ..
            }
        )
    }
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, RegistryError>;
