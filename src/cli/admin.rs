//! `referee admin`: things that only who has the server may do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{SettingsFile, open, terminal};
use crate::clock::{self, Clock};
use crate::config::Settings;
use crate::model::{Challenge, ForgeName, RepositoryId, TeamSlug, limits};
use crate::store::{Repository, SeenRef, Store, Withdrawn};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee admin team add alpha beta                     # a repository for each, with its hook
  referee admin submission list
  referee admin submission withdraw 17")]
pub struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make and list teams and their repositories.
    #[command(subcommand)]
    Team(Team),
    /// List and withdraw submissions.
    #[command(subcommand)]
    Submission(Submission),
}

#[derive(Debug, Subcommand)]
enum Submission {
    /// List all submissions with how they stand.
    List {
        /// Of this challenge; may be left out when there is only one.
        #[arg(long)]
        challenge: Option<String>,
    },
    /// End a submission, whatever it is at. It spends no evaluation unless it has already run.
    Withdraw {
        /// Its number, as on its page.
        number: i64,
        /// Of this challenge; may be left out when there is only one.
        #[arg(long)]
        challenge: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Team {
    /// Make a team's repository from the challenge's template, with its hook.
    ///
    /// Again for the same team: repairs the hook and changes nothing else.
    Add {
        /// The team's name: a-z, 0-9, `-`, `_`.
        #[arg(required = true)]
        teams: Vec<String>,
        /// For which challenge; may be left out when there is only one.
        #[arg(long)]
        challenge: Option<String>,
    },
    /// List all teams with their repositories.
    List,
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let store = open::store(&settings).await?;
    match &options.command {
        Command::Team(Team::Add { teams, challenge }) => {
            let challenge = choose(&challenges, challenge.as_deref())?;
            for team in teams {
                let team = TeamSlug::new(team.as_str())?;
                let path = add_team(&settings, &store, challenge, &team).await?;
                println!("{team}: {}", path.display());
            }
            println!("Clone one, change it, and push:");
            println!("  git clone PATH && cd … && git push origin main");
        }
        Command::Submission(Submission::List { challenge }) => {
            let challenge = choose(&challenges, challenge.as_deref())?;
            for record in store.submissions_of_challenge(&challenge.slug).await? {
                let submission = &record.submission;
                println!(
                    "#{:<5} {:<20} {:<12} {:<20} {:<18} {}",
                    submission.number,
                    submission.team.as_str(),
                    submission.phase.as_str(),
                    submission.task.as_ref().map_or("-", |t| t.as_str()),
                    submission.state().label(),
                    submission.sha.short(),
                );
            }
        }
        Command::Submission(Submission::Withdraw { number, challenge }) => {
            let challenge = choose(&challenges, challenge.as_deref())?;
            return withdraw(&store, challenge, *number).await;
        }
        Command::Team(Team::List) => {
            for repository in store.repositories().await? {
                println!(
                    "{:<20} {:<20} {}",
                    repository.challenge.as_str(),
                    repository.team.as_str(),
                    repository.full_name
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn withdraw(store: &Store, challenge: &Challenge, number: i64) -> anyhow::Result<ExitCode> {
    let all = store.submissions_of_challenge(&challenge.slug).await?;
    let record = all
        .iter()
        .find(|r| r.submission.number == number)
        .with_context(|| format!("there is no submission #{number} to {}", challenge.slug))?;
    let now = Clock::system().now();
    match store.withdraw(record, now).await? {
        Withdrawn::Ended(outcome) => {
            eprintln!("#{number} has ended already: {outcome}. Nothing was changed.");
            return Ok(ExitCode::FAILURE);
        }
        Withdrawn::Waiting => println!("#{number} is withdrawn."),
        Withdrawn::Working(_) => println!(
            "#{number} is withdrawn; what runs of it is removed within {}.",
            limits::LEASE_RENEW_EVERY
        ),
    }
    let detail = json!({ "challenge": challenge.slug, "team": record.submission.team });
    let subject = format!("#{number}");
    store
        .record(
            "command line",
            "submission withdraw",
            (&subject, detail),
            now,
        )
        .await?;
    Ok(ExitCode::SUCCESS)
}

fn choose<'a>(challenges: &'a [Challenge], named: Option<&str>) -> anyhow::Result<&'a Challenge> {
    match (named, challenges) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let names: Vec<_> = challenges.iter().map(|c| c.slug.as_str()).collect();
            anyhow::bail!("say which challenge: --challenge {}", names.join(" | "))
        }
        (Some(name), _) => challenges
            .iter()
            .find(|c| c.slug.as_str() == name)
            .with_context(|| format!("there is no challenge `{name}`")),
    }
}

/// Makes (or repairs) a team's repository on the challenge's local forge and binds the team to it.
/// What stands in it at first sight is known and entered nowhere: it is the template.
///
/// # Errors
/// When the forge is none of ours, or the disk or the database says no.
pub async fn add_team(
    settings: &Settings,
    store: &Store,
    challenge: &Challenge,
    team: &TeamSlug,
) -> anyhow::Result<std::path::PathBuf> {
    let forges = open::forges(settings)?;
    let forge_name: &ForgeName = &challenge.forge;
    let forge = forges.get(forge_name).with_context(|| {
        format!("forge `{forge_name}` is not local; its teams are made on the forge itself")
    })?;
    let now = Clock::system().now();
    let files = match &challenge.template {
        Some(folder) => read_template(folder)?,
        None => BTreeMap::new(),
    };
    let full_name = challenge.teams.repository_of(team);
    let new_id = hex::encode(clock::random_bytes::<8>());
    let made = forge.create(&full_name, &new_id, &files, now)?;
    let refs: Vec<SeenRef> = forge
        .refs(&full_name)?
        .into_iter()
        .map(|(full_ref, commit)| SeenRef { full_ref, commit })
        .collect();
    let new = Repository {
        id: RepositoryId(0),
        forge: forge_name.clone(),
        forge_id: made.id.clone(),
        full_name: full_name.clone(),
        challenge: challenge.slug.clone(),
        team: team.clone(),
        hook_token: clock::page_token(),
    };
    let (bound, is_new) = store
        .bind_repository(&new, &refs, now)
        .await
        .with_context(|| format!("binding team {team} to {full_name}"))?;
    if is_new {
        let detail = json!({ "repository": full_name, "challenge": challenge.slug });
        store
            .record("command line", "team add", (team.as_str(), detail), now)
            .await?;
    }
    forge.install_hook(&made.path, &bound.hook_token)?;
    Ok(made.path)
}

/// A template's files: path to content and executable bit.
fn read_template(folder: &Path) -> anyhow::Result<BTreeMap<String, (Vec<u8>, bool)>> {
    let tree = crate::forge::folder::read(folder)
        .with_context(|| format!("reading the template {}", folder.display()))?;
    let mut files = BTreeMap::new();
    for (path, entry) in tree.entries {
        anyhow::ensure!(
            entry.bytes <= limits::SOURCE_FILE_BYTES_MAX,
            "{path} of the template is too large"
        );
        if let crate::model::EntryKind::File { executable } = entry.kind {
            files.insert(
                path.clone(),
                (std::fs::read(folder.join(&path))?, executable),
            );
        }
    }
    Ok(files)
}
