//! Organizers' commands from the command line: handed to the daemon by way of the database, so that
//! an order has one way whoever gives it.

use std::process::ExitCode;
use std::time::{Duration as StdDuration, Instant};

use super::team::choose;
use crate::clock::{self, Clock};
use crate::command;
use crate::model::{Challenge, ForgeName, Sender};
use crate::pipeline::commands::COMMAND_LINE;
use crate::store::{CommandState, NewCommand, Store, TextRef};

/// How long an answer is waited for. A rescore takes longer, and goes on without us.
const PATIENCE: StdDuration = StdDuration::from_secs(30);
/// Between two looks.
const LOOK: StdDuration = StdDuration::from_millis(200);

/// Gives an order and prints the answer.
///
/// # Errors
/// When the database fails or several challenges could be meant.
pub async fn run(
    store: &Store,
    challenges: &[Challenge],
    words: &[String],
) -> anyhow::Result<ExitCode> {
    let (challenge, words) = match words {
        [rest @ .., flag, slug] if flag == "--challenge" => (Some(slug.as_str()), rest),
        all => (None, all),
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let order = match command::words(&words) {
        Ok(order) => order,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(2));
        }
    };
    let challenge = choose(challenges, challenge)?;
    let now = Clock::system().now();
    let place = TextRef {
        forge: ForgeName::new(COMMAND_LINE)?,
        forge_id: challenge.slug.to_string(),
        issue: 0,
        // A place of its own, so that the same order can be given again.
        comment_id: (now.0 << 20) | i64::from(clock::seed() >> 11),
    };
    let me = Sender {
        id: 0,
        login: "command line".to_owned(),
    };
    let received = NewCommand {
        text: order.to_string(),
        nth: 0,
        reply: None,
    };
    store.receive((&place, &me), &[received], &[], now).await?;
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let rows = store.commands_of(&place).await?;
        if let Some(row) = rows.iter().find(|r| r.state == CommandState::Ended) {
            println!("{}", row.reply.as_deref().unwrap_or_default().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(LOOK).await;
    }
    let rows = store.commands_of(&place).await?;
    let message = match rows.first().map(|r| r.state) {
        Some(CommandState::Running) => {
            "It is under way and goes on; look with `referee admin status`."
        }
        _ => "No daemon has taken it up yet; it is carried out as soon as `referee serve` runs.",
    };
    println!("{message}");
    Ok(ExitCode::SUCCESS)
}
