//! Removes the images of withdrawn submissions. The worker of a running attempt ends the attempt itself, see
//! [`super::lease`].
//!
//! The process that withdraws may be another one, so this step looks at the rows.

use super::Engines;
use super::context::{Context, Progress};

/// Removes images that no submission needs any more. An image that a container still uses stays until the next step.
pub async fn step(context: &Context, engines: &Engines) -> anyhow::Result<Progress> {
    for image in context.store.unneeded_images().await? {
        match engines.remove_image(&image.id, &image.build_name).await {
            Ok(()) => context.store.delete_image(&image).await?,
            Err(error) => {
                tracing::debug!(image = image.build_name, %error, "image not removed yet");
            }
        }
    }
    Ok(Progress::Idle)
}
