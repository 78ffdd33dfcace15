//! The build stage: makes the image of a submission, unless another task of the same push has made it.

use super::Engines;
use super::context::Context;
use super::forges::Forges;
use super::lease::Work;
use super::source;
use crate::store::Finish;

/// Makes the image of a submission on the runner.
pub async fn attempt(context: &Context, forges: &Forges, engines: &Engines, work: Work<'_>) -> anyhow::Result<Finish> {
    let record = work.record;
    let image = context.store.image(record.source, &record.dockerfile).await?;
    if let Some((facts, _)) = image
        && engines.runner.images.inspect(&facts.id).await?.is_some()
    {
        return Ok(source::reused(facts));
    }
    source::of(context, forges, record).make_image(engines, work).await
}
