//! Removes old data once a day: deliveries that were handled long ago, images of scorers that no leaderboard uses, and
//! the remains of interrupted builds.
//!
//! Mirrors of repositories that no team uses are reported and kept: they may hold the only copy of a submission.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::App;
use super::context::Context;
use super::scoring_revision;
use crate::model::{ForgeName, limits};

/// Removes everything that is old. A part that fails is logged and retried the next day.
pub async fn pass(app: &App) {
    let App { context, engines, .. } = app;
    let builds = async { Ok(engines.sweep().await? as u64) };
    for (part, result) in [
        ("deliveries", deliveries(context).await),
        ("scorers", scorers(app).await),
        ("interrupted builds", builds.await),
        ("mirrors", mirrors(app).await),
    ] {
        match result {
            Ok(0) => {}
            Ok(count) => tracing::info!(part, count, "retention pass"),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(part, error, "retention pass failed; it is retried");
            }
        }
    }
}

/// Deletes old deliveries in small portions, so that new ones do not wait. Returns how many.
async fn deliveries(context: &Context) -> anyhow::Result<u64> {
    let retention = context.settings.retention.deliveries;
    let before = context.clock.now().minus(retention);
    let at_once = limits::DELIVERIES_DELETED_AT_ONCE;
    let mut all = 0;
    loop {
        let some = context.store.delete_handled_deliveries(before, at_once).await?;
        all += some;
        if some < at_once.unsigned_abs() {
            return Ok(all);
        }
    }
}

/// Removes images of scorers that no leaderboard and no open rescore uses. Returns how many.
async fn scorers(app: &App) -> anyhow::Result<u64> {
    let mut images = BTreeSet::new();
    for definition in app.context.store.definitions_in_use().await? {
        // A rescore that is being prepared, or a row of another version, may need any image.
        let definition = definition.as_ref();
        let Some(definition) = definition.and_then(scoring_revision::read_definition) else {
            return Ok(0);
        };
        images.insert(definition.scorer);
    }
    let removed = app.scorers.remove_unused(&app.context, &app.engines, &images);
    Ok(removed.await? as u64)
}

/// Reports mirrors of repositories that belong to no team of a configured challenge. Returns how many.
async fn mirrors(app: &App) -> anyhow::Result<u64> {
    let mut all = 0;
    for forge in app.forges.names() {
        let data = &app.context.settings.data;
        let folder = data.join("mirrors").join(forge.as_str());
        let mut unused = Vec::new();
        for (id, path) in listed(&folder)? {
            if !is_needed(&app.context, forge, &id).await? {
                unused.push(path);
            }
        }
        if let Some(first) = unused.first() {
            let (count, first) = (unused.len(), first.display().to_string());
            tracing::info!(
                forge = forge.as_str(),
                count,
                first,
                "these mirrors belong to no team; you can move them away"
            );
        }
        all += unused.len() as u64;
    }
    Ok(all)
}

/// The mirrors of a forge, by the forge's own id of their repositories.
fn listed(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(id) = name.and_then(|name| name.strip_suffix(".git")) {
            found.push((id.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

async fn is_needed(context: &Context, forge: &ForgeName, id: &str) -> anyhow::Result<bool> {
    let bound = context.store.repository_of(forge, id).await?;
    Ok(bound.is_some_and(|r| context.challenge(&r.challenge).is_some()))
}
