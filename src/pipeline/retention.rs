//! What nobody needs any more, once a day: deliveries that were acted on long ago, images of scorers
//! that no board uses, and what builds left that were cut off. Mirrors that no team needs are told of and left alone: they may hold the only copy
//! of what was submitted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{App, scoring_revision};
use crate::model::{ForgeName, limits};

/// Forgets what can be forgotten. What fails is logged, and tried again next time.
pub async fn pass(app: &App) {
    for (what, result) in [
        ("deliveries", deliveries(app).await),
        ("scorers", scorers(app).await),
        (
            "cut-off builds",
            app.engines
                .sweep()
                .await
                .map(|n| n as u64)
                .map_err(Into::into),
        ),
        ("mirrors", mirrors(app).await),
    ] {
        match result {
            Ok(0) => {}
            Ok(count) => tracing::info!(what, count, "looked at what nobody needs any more"),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(what, error, "what nobody needs any more stays for now");
            }
        }
    }
}

/// Forgets old deliveries, some at a time, so that those that come in do not wait. How many.
async fn deliveries(app: &App) -> anyhow::Result<u64> {
    let before = app.clock.now().minus(app.settings.retention.deliveries);
    let at_once = limits::DELIVERIES_FORGOTTEN_AT_ONCE;
    let mut all = 0;
    loop {
        let some = app.store.forget_deliveries(before, at_once).await?;
        all += some;
        if some < at_once.unsigned_abs() {
            return Ok(all);
        }
    }
}

/// Removes images of scorers that no board and no open rescore uses. How many.
async fn scorers(app: &App) -> anyhow::Result<u64> {
    let mut images = BTreeSet::new();
    for definition in app.store.definitions_in_use().await? {
        // One that is being prepared, or that another version wrote, may need any image.
        let Some(definition) = definition.as_ref().and_then(scoring_revision::read) else {
            return Ok(0);
        };
        images.insert(definition.scorer);
    }
    Ok(app.remove_other_scorers(&images).await? as u64)
}

/// Tells of mirrors of repositories that are no team's of a challenge that is configured. How many.
async fn mirrors(app: &App) -> anyhow::Result<u64> {
    let mut all = 0;
    for forge in app.forges.keys() {
        let folder = app.settings.data.join("mirrors").join(forge.as_str());
        let mut idle = Vec::new();
        for (id, path) in listed(&folder)? {
            if !is_needed(app, forge, &id).await? {
                idle.push(path);
            }
        }
        if let Some(first) = idle.first() {
            let (count, first) = (idle.len(), first.display().to_string());
            tracing::info!(
                forge = forge.as_str(),
                count,
                first,
                "mirrors of repositories that are no team's; they may be moved away"
            );
        }
        all += idle.len() as u64;
    }
    Ok(all)
}

/// The mirrors of a forge, by the forge's own name of their repositories.
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

async fn is_needed(app: &App, forge: &ForgeName, id: &str) -> anyhow::Result<bool> {
    let bound = app.store.repository_of(forge, id).await?;
    Ok(bound.is_some_and(|r| app.challenge(&r.challenge).is_some()))
}
