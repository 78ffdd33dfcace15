//! `referee audit`: prints the audit log. It reads the database, so the daemon need not run.

use std::process::ExitCode;

use clap::Args;

use super::{SettingsFile, open, terminal};
use crate::report::sanitize;

/// Entries that are read at once.
const BATCH: i64 = 1000;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee audit                                         # all entries, oldest first
  referee audit --challenge nuclei | tail
  referee audit --json > audit.jsonl                    # one JSON object a line")]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    /// Only the entries of this challenge.
    #[arg(long)]
    challenge: Option<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let (settings, _) = terminal::installation(&options.settings.path)?;
    let store = open::store(&settings).await?;
    let mut after = 0;
    loop {
        let entries = store.audit_entries(after, BATCH).await?;
        let Some(last) = entries.last() else {
            return Ok(ExitCode::SUCCESS);
        };
        after = last.id;
        for entry in entries {
            if options.challenge.as_ref().is_some_and(|wanted| *wanted != entry.challenge.as_str()) {
                continue;
            }
            if options.json {
                println!("{}", serde_json::to_string(&entry)?);
                continue;
            }
            let line = format!(
                "{}  {}  {}  {}  {}  {}",
                entry.created_at, entry.challenge, entry.actor, entry.action, entry.subject, entry.detail
            );
            println!("{}", sanitize::line(&line));
        }
    }
}
