//! `referee admin`: the commands of organizers, given on the server itself.
//!
//! Every command of an issue works here too and goes through the daemon. Only the commands about
//! submissions work on the database directly, so that they need no running daemon.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::challenge_choice::choose_challenge;
use super::{SettingsFile, admin_command, open, terminal};
use crate::clock::Clock;
use crate::command;
use crate::config::Settings;
use crate::forge::kind;
use crate::model::{Actor, Challenge};
use crate::pipeline::commands::{Command, CommandContext, CommandRefusal, CommandReply};
use crate::store::Store;

#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_long_help = "\
Examples:
  referee admin help                                   # lists all commands of organizers
  referee admin help grant                             # explains one of them
  referee admin phase extend validation by 2d          # the same as in an issue, without the `/`
  referee admin submission list
  referee admin submission withdraw 17"
)]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List and withdraw submissions, also without a running daemon.
    #[command(subcommand)]
    Submission(Submission),
    /// Give any command that organizers can write in issues: `referee admin help` lists them.
    #[command(external_subcommand)]
    Command(Vec<String>),
}

#[derive(Debug, Subcommand)]
enum Submission {
    /// List submissions and their status.
    List {
        /// The challenge; needed only if there are several.
        #[arg(long)]
        challenge: Option<String>,
    },
    /// Cancel a submission at any stage and refund its quota.
    Withdraw {
        /// The number of the submission, as on its page.
        number: i64,
        /// The challenge; needed only if there are several.
        #[arg(long)]
        challenge: Option<String>,
    },
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let store = open::store(&settings).await?;
    match &options.action {
        Action::Submission(Submission::List { challenge }) => {
            let challenge = choose_challenge(&challenges, challenge.as_deref())?;
            list_submissions(&store, challenge).await?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Submission(Submission::Withdraw { number, challenge }) => {
            let challenge = choose_challenge(&challenges, challenge.as_deref())?;
            withdraw(&settings, &store, challenge, *number).await
        }
        Action::Command(words) => admin_command::run(&store, &challenges, words).await,
    }
}

async fn list_submissions(store: &Store, challenge: &Challenge) -> anyhow::Result<()> {
    for record in store.submissions_of_challenge(&challenge.slug).await? {
        let submission = &record.submission;
        println!(
            "#{:<5} {:<20} {:<12} {:<20} {:<18} {}",
            submission.number,
            submission.team.as_str(),
            submission.phase.as_str(),
            submission.task.as_ref().map_or("-", |task| task.as_str()),
            submission.state.public().label(),
            submission.origin.content().short(),
        );
    }
    Ok(())
}

/// The same as `/cancel`, in this process.
async fn withdraw(settings: &Settings, store: &Store, challenge: &Challenge, number: i64) -> anyhow::Result<ExitCode> {
    let command: Command = command::parse_arguments(&["cancel", &number.to_string()])?;
    let capabilities = kind::capabilities(settings, &challenge.forge);
    let now = Clock::system().now();
    let context = CommandContext::beside_daemon(challenge, store, capabilities, &Actor::CommandLine, now);
    match command.run(&context).await {
        Ok(CommandReply::Now(reply)) => println!("{reply}"),
        Ok(CommandReply::Later) => {}
        Err(fault @ CommandRefusal::Fault(_)) => return Err(fault.into()),
        Err(refusal) => {
            eprintln!("{refusal}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
