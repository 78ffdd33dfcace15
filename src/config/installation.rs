//! A daemon's settings together with the challenges that they name, checked against each other.
//!
//! Looks for no hidden data: see [`super::check_paths`].

use std::path::Path;

use super::challenge::inspect_challenge;
use super::reader::{CONTRADICTION, shown};
use super::server::{Gpus, Settings, inspect_settings};
use crate::model::{Challenge, Finding, Location};

/// Everything that is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Installation {
    /// From `referee.toml` and the environment.
    pub settings: Settings,
    /// From each `challenge.toml`, in the order of the settings.
    pub challenges: Vec<Challenge>,
}

/// Reads `referee.toml` and every challenge that it names.
///
/// # Errors
/// All problems of all files, warnings among them, when any of them is an error.
pub fn read_installation(file: &Path) -> Result<Installation, Vec<Finding>> {
    super::accept(inspect_installation(file))
}

/// Reads `referee.toml` and every challenge that it names, and gives every problem, warnings too.
pub fn inspect_installation(file: &Path) -> (Option<Installation>, Vec<Finding>) {
    let (settings, mut findings) = inspect_settings(file);
    let Some(settings) = settings else {
        return (None, findings);
    };
    let mut challenges: Vec<Challenge> = Vec::new();
    // A directory that is not there has been told of already.
    let directories = settings.challenges.iter().filter(|d| d.is_dir());
    for directory in directories {
        let (challenge, problems) = inspect_challenge(directory);
        findings.extend(problems);
        if let Some(challenge) = challenge {
            let location = Location::file(shown(&directory.join("challenge.toml")));
            let problems = compare(&settings, &challenges, &challenge);
            findings.extend(problems.into_iter().map(|f| f.at(location.clone())));
            challenges.push(challenge);
        }
    }
    let installation = Installation {
        settings,
        challenges,
    };
    (Some(installation), findings)
}

/// What is wrong with a challenge in this daemon, beside those before it.
fn compare(settings: &Settings, before: &[Challenge], challenge: &Challenge) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !settings.forges.contains_key(&challenge.forge) {
        let known: Vec<_> = settings
            .forges
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        findings.push(Finding::error(
            CONTRADICTION,
            format!("There is no forge `{}`.", challenge.forge),
            format!("Name one of referee.toml: {}.", known.join(", ")),
        ));
    }
    for other in before {
        if other.slug == challenge.slug {
            findings.push(Finding::error(
                CONTRADICTION,
                format!("There are two challenges of the name `{}`.", challenge.slug),
                "Give each its own slug.",
            ));
        }
        if other.forge == challenge.forge && other.teams == challenge.teams {
            findings.push(Finding::error(
                CONTRADICTION,
                format!("`{}` has the same team repositories.", other.slug),
                "Give each challenge its own `teams`: a push must belong to one of them.",
            ));
        }
    }
    if let Gpus::These(gpus) = &settings.runner.gpus {
        for task in &challenge.tasks {
            if usize::try_from(task.limits.gpus).is_ok_and(|wanted| wanted > gpus.len()) {
                findings.push(Finding::error(
                    CONTRADICTION,
                    format!(
                        "`{}` wants {} GPUs at a time, and the runner has {}.",
                        task.slug,
                        task.limits.gpus,
                        gpus.len()
                    ),
                    "Lower `gpus` of the task, or give the runner more.",
                ));
            }
        }
    }
    findings
}
