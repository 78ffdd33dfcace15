//! `referee rules`: the rules that submissions are checked by, for people without the pages.

use std::process::ExitCode;

use clap::Args;

use crate::report::text;
use crate::rules::{RULES, rule};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee rules
  referee rules DF020")]
pub struct Options {
    /// Explain this rule, for example `DF020`; without it all are listed.
    code: Option<String>,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let Some(code) = &options.code else {
        for rule in RULES {
            println!("{:<7} {:<8} {}", rule.code, rule.severity, rule.title);
        }
        println!("\n`referee rules CODE` explains one.");
        return Ok(ExitCode::SUCCESS);
    };
    let Some(rule) = rule(&code.to_ascii_uppercase()) else {
        anyhow::bail!("there is no rule `{code}`; `referee rules` lists them all");
    };
    println!("{} ({}): {}", rule.code, rule.severity, rule.title);
    println!();
    for (title, message) in [("Why", rule.why), ("What to do", rule.help)] {
        println!(
            "{}",
            text::wrap(&format!("{title}: {message}"), text::COLUMNS, "  ")
        );
    }
    for (title, example) in [("Not like this", rule.bad), ("Like this", rule.good)] {
        if !example.is_empty() {
            println!();
            println!("{title}:");
            for line in example.lines() {
                println!("  {line}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
