//! L4: the command line, one file per command.
//!
//! The pipeline decides about submissions. Nothing here does.

mod admin;
mod admin_command;
mod audit;
mod board;
mod challenge_choice;
mod check;
mod config;
mod doctor;
mod forge;
mod hook;
mod init;
mod open;
mod replay;
mod rules;
mod serve;
mod team;
mod team_images;
mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Turns a Git forge into a challenge platform.
///
/// Participants push a Dockerised algorithm. Referee checks it, builds it, runs it on public sample
/// data, evaluates it on hidden data in a sandbox, scores it with the organizers' scorer, and ranks it.
///
/// Organizers start with `referee init`, participants with `referee check`, maintainers with
/// `referee serve` and `referee doctor`.
#[derive(Debug, Parser)]
#[command(
    name = "referee",
    version,
    max_term_width = 100,
    after_long_help = "\
Exit codes:
  0  success
  1  a negative result: a rejected submission, an invalid configuration, a refused delivery
  2  an error: the command could not do its work"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Args)]
struct SettingsFile {
    /// Settings of the daemon; `referee config show` explains them
    #[arg(long = "config", value_name = "FILE", env = "REFEREE_CONFIG", default_value = "referee.toml", global = true)]
    path: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: webhooks, pipeline and pages
    ///
    /// SIGINT or SIGTERM ends it. The next start repeats interrupted work.
    Serve(serve::Options),
    /// Check a submission in a working copy exactly as the daemon would, up to the smoke run
    ///
    /// Exits with 0 if the submission would be evaluated, with 1 if not, and with 2 if the check
    /// itself failed.
    Check(check::Options),
    /// Create a new challenge that works at once, as a start for your own
    ///
    /// Creates a folder with a challenge, its scorer, sample data, hidden data, a template for teams,
    /// and the settings of a daemon. Nothing is downloaded, and no existing file is overwritten.
    Init(init::Options),
    /// Show leaderboards in the terminal, with the same content as the pages
    ///
    /// Reads the database, so the daemon need not run.
    Board(board::Options),
    /// Print the audit log: who changed what, and when
    ///
    /// Reads the database, so the daemon need not run.
    Audit(audit::Options),
    /// Set up a challenge's organization on Gitea or Forgejo
    Forge(forge::Options),
    /// Add and list teams with their repositories
    Team(team::Options),
    /// Add teams, list and withdraw submissions, and run organizers' commands
    ///
    /// The daemon must run. Only `admin submission` works without it.
    Admin(admin::Options),
    /// Send recorded webhook deliveries to a running daemon, as the forge did
    ///
    /// Prints the daemon's response to each. Exits with 1 if the daemon refused one of them.
    Replay(replay::Options),
    /// Check referee.toml and challenge.toml, or explain their keys
    Config(config::Options),
    /// Check the installation and explain how to fix problems
    ///
    /// Checks the settings, the challenges and their data, the database, git, GPUs, base images and
    /// every engine (versions, runtime, limits), and runs small jobs that exceed their limits to verify
    /// that the limits are enforced. Exits with 1 if a check fails.
    Doctor(doctor::Options),
    /// List the rules for submissions, or explain one of them
    ///
    /// A finding names its rule in brackets, as in `error[DF020]`.
    Rules(rules::Options),
    /// Print a completion script for a shell
    #[command(after_long_help = "\
Examples:
  referee completions bash > /etc/bash_completion.d/referee
  referee completions fish > ~/.config/fish/completions/referee.fish")]
    Completions { shell: clap_complete::Shell },
    /// Called by git in a local repository, not by people
    #[command(hide = true)]
    Hook(hook::Options),
}

impl Command {
    /// Whether the command only prints. It may end early if its reader closes the pipe.
    fn only_prints(&self) -> bool {
        matches!(self, Self::Board(_) | Self::Audit(_) | Self::Config(_) | Self::Rules(_) | Self::Completions { .. })
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if cli.command.only_prints() {
        // `referee rules | head` ends without an error when `head` closes the pipe.
        sigpipe::reset();
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(dispatch(cli.command));
    // Background tasks must not delay the end.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::from(2)
        }
    }
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(options) => serve::run(&options).await,
        Command::Check(options) => check::run(&options).await,
        Command::Init(options) => init::run(&options),
        Command::Board(options) => board::run(&options).await,
        Command::Audit(options) => audit::run(&options).await,
        Command::Forge(options) => forge::run(&options).await,
        Command::Team(options) => team::run(&options).await,
        Command::Admin(options) => admin::run(&options).await,
        Command::Replay(options) => replay::run(&options).await,
        Command::Config(options) => config::run(&options),
        Command::Doctor(options) => doctor::run(&options).await,
        Command::Rules(options) => rules::run(&options),
        Command::Hook(options) => Ok(hook::run(&options).await),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "referee", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
