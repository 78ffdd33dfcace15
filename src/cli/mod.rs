//! L4, the command line. One file for each command; nothing here decides what the pipeline decides.

mod admin;
mod admin_command;
mod board;
mod challenge_choice;
mod check;
mod config;
mod demo;
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
/// Participants push a Dockerised algorithm; Referee checks it, builds it, tries it on public sample
/// data, evaluates it on hidden data in a sandbox, lets the organizers' scorer score it, and ranks it.
///
/// Organizers start with `referee init`, participants with `referee check`, maintainers with
/// `referee serve` and `referee doctor`.
#[derive(Debug, Parser)]
#[command(
    name = "referee",
    version,
    max_term_width = 100,
    after_long_help = "\
Exit codes: 0 when all is well; 1 when the answer is no (a submission that would be rejected, a
configuration with errors, a delivery that was refused); 2 when the question could not be answered."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where the daemon's settings are.
#[derive(Debug, Clone, clap::Args)]
struct SettingsFile {
    /// The daemon's settings; `referee config show` explains them.
    #[arg(
        long = "config",
        global = true,
        value_name = "FILE",
        env = "REFEREE_CONFIG",
        default_value = "referee.toml",
        global = true
    )]
    path: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: hooks, pipeline and pages.
    ///
    /// Ends with SIGINT or SIGTERM; work under way is repeated at the next start.
    Serve(serve::Options),
    /// Check a submission in a working copy exactly as the daemon would, up to the smoke run.
    ///
    /// Exits with 0 when the submission would go to evaluation, 1 when not, 2 when the check itself
    /// could not be done.
    Check(check::Options),
    /// See it at work: nine teams of an example push, are evaluated and ranked.
    ///
    /// Makes a folder with repositories, settings and state, runs the daemon in it, pushes with real
    /// git for every team, shows what each push answers, and the board. The pages stay up until
    /// Ctrl-C. Needs a Docker Engine with the base image of the examples; examples/demo.sh brings both.
    Demo(demo::Options),
    /// Start a new challenge that runs at once, to be changed into your own.
    ///
    /// Makes a folder with challenge, scorer, sample data, hidden data, a template for teams, and the
    /// settings of a daemon. Nothing is downloaded, nothing that exists is overwritten.
    Init(init::Options),
    /// Show leaderboards in the terminal, as the pages show them.
    ///
    /// Reads the database, so the daemon need not run.
    Board(board::Options),
    /// Bring a challenge's organization on Gitea or Forgejo to where the challenge can run.
    Forge(forge::Options),
    /// Create and list teams and their repositories.
    Team(team::Options),
    /// Give commands of organizers, such as pausing a phase or withdrawing a submission.
    ///
    /// The daemon carries them out, except those about submissions, which do not need it.
    Admin(admin::Options),
    /// Post recorded webhook deliveries to a running daemon, as the forge did.
    ///
    /// Prints the daemon's answer to each. Exits with 1 when one of them was refused.
    Replay(replay::Options),
    /// Check referee.toml and challenge.toml, or explain their keys.
    Config(config::Options),
    /// Look at everything that a working installation needs, and say how to mend what is wrong.
    ///
    /// Looks at settings, challenges and their data, database, git, GPUs, base images and every
    /// engine (versions, runtime, limits), and runs small jobs into their limits to see that these bite.
    /// Exits with 1 when something is BAD.
    Doctor(doctor::Options),
    /// List the rules that submissions are checked by, or explain one of them.
    ///
    /// A finding names its rule in brackets, as in `error[DF020]`.
    Rules(rules::Options),
    /// Print a completion script for a shell.
    #[command(after_long_help = "\
Examples:
  referee completions bash > /etc/bash_completion.d/referee
  referee completions fish > ~/.config/fish/completions/referee.fish")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Called by git in a local repository. Not for people.
    #[command(hide = true)]
    Hook(hook::Options),
}

impl Command {
    /// Whether all it does is to print, so that it may end in the middle of it.
    fn only_prints(&self) -> bool {
        matches!(
            self,
            Self::Board(_) | Self::Config(_) | Self::Rules(_) | Self::Completions { .. }
        )
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if cli.command.only_prints() {
        // `referee rules | head` ends quietly when its reader has enough.
        sigpipe::reset();
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(dispatch(cli.command));
    // Work that nobody waits for any more must not hold up the end.
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
        Command::Demo(options) => demo::run(&options).await,
        Command::Init(options) => init::run(&options),
        Command::Board(options) => board::run(&options).await,
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
