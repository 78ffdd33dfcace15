//! What a withdrawn submission leaves behind: its image. Its work under way is ended by the worker
//! that does it, see [`super::lease`].
//!
//! Nobody calls us: who withdraws may be another process, so the rows are looked at.

use super::{App, Progress};

/// Removes images that nothing wants any more. One that a container still uses is left for the
/// next look.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    for image in app.store.unwanted_images().await? {
        let removed = app.engines.forget(&image.id, &image.build_name);
        match removed.await {
            Ok(()) => app.store.forget_image(&image).await?,
            Err(error) => {
                tracing::debug!(image = image.build_name, %error, "image not removed yet")
            }
        }
    }
    Ok(Progress::Idle)
}
