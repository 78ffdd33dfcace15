//! Container images in a forge's registry.

use async_trait::async_trait;

use crate::forge::Result;
use crate::forge::registry::Registry;

/// A tag of an image, as the forge lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageTag {
    /// The forge's number of the owner.
    pub owner_id: i64,
    /// The image's name within the owner.
    pub name: String,
    pub tag: String,
}

/// The container images of a forge.
#[async_trait]
pub trait Packages: Send + Sync {
    /// All image tags of an owner, the newest first.
    async fn image_tags(&self, owner: &str) -> Result<Vec<ImageTag>>;

    /// The forge's registry, as our account.
    async fn registry(&self) -> Result<Registry>;
}
