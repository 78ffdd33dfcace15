//! `referee doctor`: looks at everything that a working installation needs, changes nothing, and
//! says how to mend what is wrong.

use std::process::ExitCode;

use clap::Args;

use super::{SettingsFile, open, terminal};
use crate::config::{self, Settings};
use crate::executor::Check;
use crate::model::Challenge;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    settings: SettingsFile,
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let path = &options.settings.path;
    let (installation, findings) = config::inspect_installation(path);
    terminal::show_findings(&findings);
    let Some(installation) = installation else {
        eprintln!("error: {} cannot be used as it is", path.display());
        return Ok(ExitCode::FAILURE);
    };
    let (settings, challenges) = (installation.settings, installation.challenges);
    let mut checks = vec![check(
        "configuration",
        !crate::model::finding::any_error(&findings),
        format!("{} challenges", challenges.len()),
    )];
    checks.extend(data(&challenges));
    checks.push(database(&settings).await);
    checks.push(git());
    checks.extend(engine(&settings).await);
    let bad = checks.iter().filter(|c| !c.ok).count();
    for check in &checks {
        let mark = if check.ok { "ok  " } else { "BAD " };
        println!("{mark} {}: {}", check.what, check.says);
    }
    match bad {
        0 => println!("\nAll {} checks passed.", checks.len()),
        _ => println!("\n{bad} of {} checks need attention.", checks.len()),
    }
    Ok(ExitCode::from(u8::from(bad > 0)))
}

fn check(what: &str, ok: bool, says: impl Into<String>) -> Check {
    Check {
        what: what.to_owned(),
        ok,
        says: says.into(),
    }
}

fn data(challenges: &[Challenge]) -> Vec<Check> {
    challenges
        .iter()
        .map(|challenge| {
            let findings = config::check_paths(challenge);
            let what = format!("data of {}", challenge.slug);
            match findings.first() {
                None => check(
                    &what,
                    true,
                    "inputs and truth of every task and phase are there",
                ),
                Some(_) => {
                    let says: Vec<String> = findings
                        .iter()
                        .map(|f| format!("{} {}", f.says, f.remedy))
                        .collect();
                    check(&what, false, says.join(" "))
                }
            }
        })
        .collect()
}

async fn database(settings: &Settings) -> Check {
    if let Err(error) = std::fs::create_dir_all(&settings.data) {
        let says = format!("{} cannot be made: {error}", settings.data.display());
        return check("state directory", false, says);
    }
    match Store::open(settings.database.expose()).await {
        Ok(_) => check(
            "database",
            true,
            "it answers, and its schema is of this version",
        ),
        Err(error) => check("database", false, format!("{error}")),
    }
}

/// Local repositories are pushed to with git; the daemon itself does not need it.
fn git() -> Check {
    match std::process::Command::new("git").arg("--version").output() {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout);
            check("git", true, version.trim())
        }
        _ => check(
            "git",
            false,
            "not found; teams cannot push: `apt-get install git`",
        ),
    }
}

async fn engine(settings: &Settings) -> Vec<Check> {
    let engines = match open::engines(&settings.engine, &settings.builder, "doctor").await {
        Ok(engines) => engines,
        Err(error) => return vec![check("engine", false, format!("{error:#}"))],
    };
    let mut checks = match engines.runner.check().await {
        Ok(checks) => checks,
        Err(error) => vec![check("engine", false, format!("{error}"))],
    };
    for base in &settings.builder.bases {
        let what = format!("base image {base}");
        checks.push(match engines.builder.resolve(base).await {
            Ok(Some(facts)) => check(&what, true, facts.id.to_string()),
            Ok(None) => check(
                &what,
                false,
                "not on the engine; pull it, or make it (examples/base/build.sh)",
            ),
            Err(error) => check(&what, false, format!("{error}")),
        });
    }
    checks
}
