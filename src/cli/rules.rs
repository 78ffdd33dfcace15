//! `referee rules`: prints the catalogue of rules, which is also a page of the server.

use std::process::ExitCode;

use clap::Args;

use crate::report::style;
use crate::rules::{RULES, Rule, rule};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee rules
  referee rules DF020")]
pub(super) struct Options {
    /// Explain this rule, for example `DF020`. Without a code, the command lists all rules.
    code: Option<String>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let Some(code) = &options.code else {
        for rule in RULES {
            println!("{:<7} {:<8} {}", rule.code, rule.severity, rule.title);
        }
        println!("\n`referee rules CODE` explains a rule.");
        return Ok(ExitCode::SUCCESS);
    };
    let Some(rule) = rule(&code.to_ascii_uppercase()) else {
        anyhow::bail!("there is no rule `{code}`; `referee rules` lists all rules");
    };
    print!("{}", explanation(rule));
    Ok(ExitCode::SUCCESS)
}

fn explanation(rule: &Rule) -> String {
    let fixed = if rule.overridable { "" } else { ", not overridable" };
    let mut text = format!("{} ({}{fixed}): {}\n\n", rule.code, rule.severity, rule.title);
    for (title, message) in [("Why", rule.why), ("Help", rule.help)] {
        let line = format!("{title}: {message}");
        text += &style::wrap(&line, style::COLUMNS, "  ");
        text.push('\n');
    }
    for (title, example) in [("Wrong", rule.wrong), ("Right", rule.right)] {
        if !example.is_empty() {
            text += &format!("\n{title}:\n");
            text.extend(example.lines().map(|line| format!("  {line}\n")));
        }
    }
    text
}
