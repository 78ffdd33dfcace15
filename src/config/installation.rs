//! The settings of a daemon together with the challenges that they name, checked against each other.
//!
//! Nothing here checks that the hidden data exists: see [`super::check_data`].

use std::path::Path;

use super::challenge::inspect_challenge;
use super::reader::{CONTRADICTION, display_path};
use super::server::{Gpus, Settings, inspect_settings};
use crate::model::{Challenge, Finding, Location};

/// The complete configuration of a daemon.
#[derive(Debug, Clone, PartialEq)]
pub struct Installation {
    /// From `referee.toml` and the environment.
    pub settings: Settings,
    /// From each `challenge.toml`, in the order of `challenges` in `referee.toml`.
    pub challenges: Vec<Challenge>,
}

/// Reads `referee.toml` and every challenge that it names.
///
/// # Errors
/// All findings of all files, including warnings, if one of them is an error.
pub fn read_installation(file: &Path) -> Result<Installation, Vec<Finding>> {
    let (installation, findings) = inspect_installation(file);
    super::without_errors(installation, findings)
}

/// Reads `referee.toml` and every challenge that it names. Returns all findings, including warnings.
pub fn inspect_installation(file: &Path) -> (Option<Installation>, Vec<Finding>) {
    let (settings, mut findings) = inspect_settings(file);
    let Some(settings) = settings else {
        return (None, findings);
    };
    let mut challenges: Vec<Challenge> = Vec::new();
    // `inspect_settings` has reported missing directories.
    let directories = settings.challenges.iter().filter(|d| d.is_dir());
    for directory in directories {
        let (challenge, problems) = inspect_challenge(directory);
        findings.extend(problems);
        if let Some(challenge) = challenge {
            let location = Location::file(display_path(&directory.join("challenge.toml")));
            let problems = compare(&settings, &challenges, &challenge);
            findings.extend(problems.into_iter().map(|f| f.at(location.clone())));
            challenges.push(challenge);
        }
    }
    let installation = Installation { settings, challenges };
    (Some(installation), findings)
}

/// The contradictions between a challenge and the settings, or the challenges before it.
fn compare(settings: &Settings, before: &[Challenge], challenge: &Challenge) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !settings.forges.contains_key(&challenge.forge) {
        let known: Vec<_> = settings.forges.keys().map(|name| format!("`{name}`")).collect();
        findings.push(Finding::error(
            CONTRADICTION,
            format!("Unknown forge `{}`.", challenge.forge),
            format!("Use a forge of referee.toml: {}.", known.join(", ")),
        ));
    }
    for other in before {
        if other.slug == challenge.slug {
            findings.push(Finding::error(
                CONTRADICTION,
                format!("Two challenges have the slug `{}`.", challenge.slug),
                "Give each challenge its own slug.",
            ));
        }
        if other.forge == challenge.forge && other.teams == challenge.teams {
            findings.push(Finding::error(
                CONTRADICTION,
                format!("The challenge `{}` has the same `teams` pattern.", other.slug),
                "Give each challenge its own `teams`, because a push must belong to one challenge.",
            ));
        }
    }
    if let Gpus::These(gpus) = &settings.runner.gpus {
        for task in &challenge.tasks {
            if usize::try_from(task.limits.gpus).is_ok_and(|wanted| wanted > gpus.len()) {
                findings.push(Finding::error(
                    CONTRADICTION,
                    format!(
                        "The task `{}` needs {} GPUs, but the runner has {}.",
                        task.slug,
                        task.limits.gpus,
                        gpus.len()
                    ),
                    "Lower `gpus` of the task, or add GPUs to `[runner] gpus`.",
                ));
            }
        }
    }
    findings
}
