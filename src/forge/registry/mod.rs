//! Images in a registry, by the OCI distribution protocol: which image a tag means, and how it gets to this disk.
//!
//! An image is pinned by the digest of its manifest when its tag is first seen ([`Registry::manifest`]), judged by its
//! manifest and configuration before any layer is fetched ([`Registry::inspect_image`]), and then fetched into a file
//! that an engine loads ([`Registry::pull`]).
//!
//! | file | content |
//! |---|---|
//! | `client` | tags, manifests and blobs of one registry |
//! | `requests` | bounds of every request, and the meaning of its answer |
//! | `auth` | the login that a registry asks for, and the hosts that may see our credentials |
//! | `blob` | a blob that is compared with its digest while it is read |
//! | `pull` | from a pinned digest to an archive, or to findings |
//! | `archive` | the archive: layers unpacked, counted and compared |
//! | `scan` | the tar of a layer, header by header |
//!
//! The engine never pulls an image itself, because it believes a tag, obeys a manifest and unpacks without a limit.
//! Credentials are sent to the registry's own origin and to a configured host for tokens. They never follow a redirect
//! and never go to a host that only the registry names. No error shows them, or the address of a redirect.

mod archive;
mod auth;
mod blob;
mod client;
mod pull;
mod requests;
pub mod scan;

pub use blob::BlobReader;
pub use client::{Manifest, Registry, RegistryAccount};
pub use pull::{InspectedImage, PullEnd, PullError};

use crate::model::Digest;

/// Why a call of a registry failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It refuses our credentials. A second attempt would fail in the same way.
    #[error("the registry refuses the login of Referee: {0}")]
    Auth(String),
    /// The repository, tag, manifest or blob does not exist, or is hidden from our account.
    #[error("not in the registry: {0}")]
    NotFound(String),
    /// The answer is longer than the limit, and was not read to its end.
    #[error("{subject} has more than {limit} bytes")]
    TooLarge {
        subject: String,
        /// In bytes.
        limit: u64,
    },
    #[error("the registry sent {found} instead of {wanted}")]
    DigestMismatch { wanted: Digest, found: Digest },
    /// Its answer violates the protocol, or asks for something that Referee refuses.
    #[error("unexpected answer of the registry: {0}")]
    Protocol(String),
    /// No answer, or one that asks to try later.
    #[error("the registry cannot be reached: {message}")]
    Network {
        /// Whether the same call may succeed later.
        retryable: bool,
        message: String,
    },
}

impl RegistryError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Network { retryable: true, .. })
    }
}

/// The result of a call of a registry.
pub type Result<T> = std::result::Result<T, RegistryError>;
