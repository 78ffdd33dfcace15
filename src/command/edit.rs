//! What is new in a text that was edited. Whether the editor may is for the caller to ask.

use std::collections::HashMap;

use super::error::{CommandError, Problem};
use super::parse::Written;
use super::table::row;

/// The commands of a text that were not in it before. Order, prose and spelling do not matter; a
/// command that is written once more is new once. A new one that is destructive becomes a refusal:
/// it must be said in a text of its own, where everybody sees when.
pub fn fresh(before: &[Written], now: &[Written]) -> Vec<Written> {
    let mut known: HashMap<String, usize> = HashMap::new();
    for written in before {
        *known.entry(written.meaning()).or_default() += 1;
    }
    now.iter()
        .filter(|written| match known.get_mut(&written.meaning()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .map(refuse_destructive)
        .collect()
}

impl Written {
    /// What is the same in commands that mean the same; faults are the same when they are written so.
    pub fn meaning(&self) -> String {
        match &self.command {
            Ok(command) => command.to_string(),
            Err(_) => {
                let words: Vec<&str> = self.source.split_whitespace().collect();
                words.join(" ")
            }
        }
    }
}

fn refuse_destructive(written: &Written) -> Written {
    let mut written = written.clone();
    if let Ok(command) = &written.command
        && row(command.verb()).destructive
    {
        written.command = Err(CommandError::of(command.verb(), Problem::InEdit));
    }
    written
}
