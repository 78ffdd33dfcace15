//! `referee admin`: things that only who has the server may do.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::team::{self, add_local, choose};
use super::{SettingsFile, open, order, terminal};
use crate::clock::Clock;
use crate::forge::Capabilities;
use crate::model::{Actor, Challenge, TeamSlug};
use crate::pipeline::orders::{self, Desk, Refusal};
use crate::store::Store;

#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_long_help = "\
Examples:
  referee admin team add alpha beta                     # a repository for each, with its hook
  referee admin submission list
  referee admin submission withdraw 17
  referee admin phase extend validation by 2d          # as organizers write it in an issue
  referee admin --help; referee admin help grant       # what else can be ordered"
)]
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
    /// Any command that organizers write in issues: `referee admin help` lists them.
    #[command(external_subcommand)]
    Order(Vec<String>),
}

#[derive(Debug, Subcommand)]
enum Submission {
    /// List all submissions with how they stand.
    List {
        /// Of this challenge; may be left out when there is only one.
        #[arg(long)]
        challenge: Option<String>,
    },
    /// End a submission, whatever it is at. It costs its team no evaluation.
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
    /// Let in a team whose repository was found on the forge and waits.
    Approve {
        /// The team's name.
        team: String,
    },
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let store = open::store(&settings).await?;
    match &options.command {
        Command::Team(Team::Add { teams, challenge }) => {
            let challenge = choose(&challenges, challenge.as_deref())?;
            for team in teams {
                let team = TeamSlug::new(team.as_str())?;
                let path = add_local(&settings, &store, challenge, &team).await?;
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
                    submission.state.public().label(),
                    submission.origin.content().short(),
                );
            }
        }
        Command::Submission(Submission::Withdraw { number, challenge }) => {
            let challenge = choose(&challenges, challenge.as_deref())?;
            let shows = open::shows(&settings, &challenge.forge);
            return withdraw(&store, (challenge, shows), *number).await;
        }
        Command::Team(Team::Approve { team }) => {
            let words = ["team", "approve", team].map(str::to_owned);
            return order::run(&store, &challenges, &words).await;
        }
        Command::Order(words) => return order::run(&store, &challenges, words).await,
        Command::Team(Team::List) => {
            team::list(&store).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn withdraw(
    store: &Store,
    (challenge, shows): (&Challenge, Capabilities),
    number: i64,
) -> anyhow::Result<ExitCode> {
    let desk = Desk {
        challenge,
        store,
        shows,
        actor: &Actor::CommandLine,
        now: Clock::system().now(),
    };
    match orders::submissions::cancel(&desk, number, "").await {
        Ok(cancelled) if cancelled.running => println!(
            "#{number} is withdrawn. What runs of it is ended within moments, or when the daemon \
             is started."
        ),
        Ok(_) => println!("#{number} is withdrawn."),
        Err(fault @ Refusal::Fault(_)) => return Err(fault.into()),
        Err(refusal) => {
            eprintln!("{refusal}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
