//! `referee admin COMMAND`: hands a command to the daemon through the database and prints the reply.
//!
//! It carries nothing out. A command takes the same way through the daemon, from wherever it comes.

use std::process::ExitCode;
use std::time::{Duration as StdDuration, Instant};

use super::challenge_choice::choose_challenge;
use crate::clock::{self, Clock};
use crate::command;
use crate::model::{Challenge, ForgeName, Sender};
use crate::pipeline::commands::{COMMAND_LINE, Command};
use crate::store::{CommandState, NewCommand, Store, TextRef};

/// How long the reply is waited for. A rescore takes longer and continues without this process.
const WAIT_MAX: StdDuration = StdDuration::from_secs(30);
/// The pause before the reply is looked for again.
const PAUSE: StdDuration = StdDuration::from_millis(200);

pub(super) async fn run(store: &Store, challenges: &[Challenge], words: &[String]) -> anyhow::Result<ExitCode> {
    let (challenge, words) = match words {
        [rest @ .., flag, slug] if flag == "--challenge" => (Some(slug.as_str()), rest),
        all => (None, all),
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command: Command = match command::parse_arguments(&words) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    let challenge = choose_challenge(challenges, challenge)?;
    let at = record(store, challenge, &command).await?;
    println!("{}", wait_for_reply(store, &at).await?);
    Ok(ExitCode::SUCCESS)
}

/// Stores the command for the daemon. Returns where it is stored.
async fn record(store: &Store, challenge: &Challenge, command: &Command) -> anyhow::Result<TextRef> {
    let now = Clock::system().now();
    let at = TextRef {
        forge: ForgeName::new(COMMAND_LINE)?,
        forge_id: challenge.slug.to_string(),
        issue: 0,
        // Unique, so that the same command can be given again.
        comment_id: (now.0 << 20) | i64::from(clock::seed() >> 11),
    };
    let author = Sender { id: 0, login: "command line".to_owned() };
    let new = NewCommand { text: command.to_string(), ordinal: 0, reply: None };
    store.record_commands(&at, &author, &[new], &[], now).await?;
    Ok(at)
}

async fn wait_for_reply(store: &Store, at: &TextRef) -> anyhow::Result<String> {
    let started = Instant::now();
    while started.elapsed() < WAIT_MAX {
        let rows = store.commands_of(at).await?;
        if let Some(row) = rows.iter().find(|row| row.state == CommandState::Ended) {
            return Ok(row.reply.as_deref().unwrap_or_default().trim_end().to_owned());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let rows = store.commands_of(at).await?;
    let message = match rows.first().map(|row| row.state) {
        Some(CommandState::Running) => {
            "The command is in progress and continues in the background. Check with `referee admin status`."
        }
        _ => {
            "The daemon has not started the command yet. If the daemon is not running, start it with `referee serve`. \
             It then runs the command."
        }
    };
    Ok(message.to_owned())
}
