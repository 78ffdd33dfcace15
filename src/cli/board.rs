//! `referee board`: prints leaderboards in the terminal, with the content of their pages.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{SettingsFile, open, terminal};
use crate::clock::Clock;
use crate::model::Board;
use crate::pipeline::view;
use crate::report::board_text;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee board                                         # all leaderboards
  referee board nuclei/test                             # all leaderboards of a phase
  referee board nuclei/test/segmentation --format csv")]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    /// `challenge/phase/task`, `challenge/phase` or `challenge`. Without it, the command prints all leaderboards.
    board: Option<String>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
    /// For documents.
    Markdown,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let boards: Vec<Board> = challenges.iter().flat_map(|c| c.boards()).collect();
    let wanted = options.board.as_deref().unwrap_or("");
    let chosen: Vec<&Board> = boards
        .iter()
        .filter(|b| {
            let name = b.to_string();
            name == wanted || wanted.is_empty() || name.starts_with(&format!("{wanted}/"))
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<String> = boards.iter().map(Board::to_string).collect();
        anyhow::bail!("there is no leaderboard `{wanted}`; the leaderboards are:\n  {}", names.join("\n  "));
    }
    let store = open::store(&settings).await?;
    let rows = view::BoardReader { challenges: &challenges, store: &store, now: Clock::system().now() };
    let style = terminal::style_of(std::io::stdout().is_terminal());
    for board in chosen {
        let Some(view) = view::board(rows, board).await? else {
            println!("{board}: hidden");
            continue;
        };
        match options.format {
            Format::Table => println!("{}", board_text::terminal(&view, style)),
            Format::Csv => print!("{}", board_text::csv(&view)),
            Format::Json => println!("{}", serde_json::to_string_pretty(&view)?),
            Format::Markdown => println!("{}", board_text::markdown(&view)),
        }
    }
    Ok(ExitCode::SUCCESS)
}
