//! `referee rules`: the rules that submissions are checked by, for people without the pages.

use std::process::ExitCode;

use clap::Args;

use crate::rules::{RULES, rule};

#[derive(Debug, Args)]
pub struct Options {
    /// Explain this rule, for example `DF020`; without it all are listed.
    code: Option<String>,
}

pub fn run(options: &Options) -> ExitCode {
    let Some(code) = &options.code else {
        for rule in RULES {
            println!("{:<7} {:<8} {}", rule.code, rule.severity, rule.title);
        }
        return ExitCode::SUCCESS;
    };
    let Some(rule) = rule(&code.to_ascii_uppercase()) else {
        eprintln!("error: there is no rule `{code}`; `referee rules` lists them all");
        return ExitCode::FAILURE;
    };
    println!("{} ({}): {}", rule.code, rule.severity, rule.title);
    println!();
    println!("Why: {}", rule.why);
    println!("What to do: {}", rule.remedy);
    for (title, example) in [("Not like this", rule.bad), ("Like this", rule.good)] {
        if !example.is_empty() {
            println!();
            println!("{title}:");
            for line in example.lines() {
                println!("  {line}");
            }
        }
    }
    ExitCode::SUCCESS
}
