//! `referee forge setup`: brings a challenge's organization on its forge to the state that the challenge needs.
//!
//! It looks first, adds only missing parts, deletes nothing, and may be repeated. It needs the token of an owner of the
//! organization for this one run; the daemon acts as its own account.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::challenge_choice::choose_challenge;
use super::{SettingsFile, terminal};
use crate::clock::Clock;
use crate::config::{Secret, Settings};
use crate::forge::{Forge, SetupLine, kind};
use crate::model::{Challenge, ForgeName};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee forge setup --owner-token-file owner-token                    # the only challenge
  referee forge setup --owner-token-file owner-token --hook-url http://10.0.0.5:8030/hooks/gitea")]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up the forge for a challenge: webhook, teams, label, repositories
    ///
    /// Reports each step as found, created or fixed, and lists the tasks of the forge's administrator.
    /// Deletes nothing; may be repeated at any time.
    Setup {
        #[command(flatten)]
        owner: OwnerToken,
        /// The challenge; needed only if there are several.
        #[arg(long)]
        challenge: Option<String>,
        /// Address at which the forge reaches this daemon, if it differs from `public-url`.
        #[arg(long, value_name = "URL")]
        hook_url: Option<String>,
    },
}

/// The token of an owner of the organization.
#[derive(Debug, Clone, Args)]
pub(super) struct OwnerToken {
    /// File with a token of an owner of the organization (scopes write:organization,
    /// write:repository, read:user), instead of `owner-token-file` in the settings. It is read once
    /// and not kept; a local forge needs none.
    #[arg(long = "owner-token-file", value_name = "FILE", env = "REFEREE_OWNER_TOKEN_FILE")]
    pub file: Option<PathBuf>,
}

impl OwnerToken {
    /// The token in the file, if one was named.
    ///
    /// # Errors
    /// The file cannot be read, or is empty.
    pub(super) fn read(&self) -> anyhow::Result<Option<Secret>> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let file = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("reading the owner's token in {file}"))?;
        let token = text.trim();
        anyhow::ensure!(!token.is_empty(), "{file} is empty; write the token into it");
        Ok(Some(Secret::new(token)))
    }

    /// The forge with the rights of this owner, or of the owner in the settings.
    ///
    /// # Errors
    /// The forge cannot be opened, has no owners, or no owner's token was given.
    pub(super) fn open(&self, settings: &Settings, name: &ForgeName) -> anyhow::Result<Arc<dyn Forge>> {
        let forge = kind::open(settings, name, self.read()?)?;
        anyhow::ensure!(
            forge.members().is_ok(),
            "the forge `{name}` has no accounts and no organizations, so it needs no setup"
        );
        forge.administration().with_context(|| {
            format!(
                "name a file with a token of an owner of the organization: --owner-token-file, or \
                 `owner-token-file` in [forge.{name}]"
            )
        })?;
        Ok(forge)
    }
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::install_tls();
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let Command::Setup { owner, challenge, hook_url } = &options.command;
    let challenge = choose_challenge(&challenges, challenge.as_deref())?;
    set_up(&settings, challenge, owner, hook_url.as_deref()).await?;
    Ok(ExitCode::SUCCESS)
}

async fn set_up(
    settings: &Settings,
    challenge: &Challenge,
    owner: &OwnerToken,
    hook_url: Option<&str>,
) -> anyhow::Result<()> {
    let forge = owner.open(settings, &challenge.forge)?;
    let hook_url = hook_address(settings, &challenge.forge, hook_url);
    let now = Clock::system().now();
    let administration = forge.administration()?;
    administration.set_up(challenge, &hook_url, now, &mut print_line).await
}

/// Prints a line of a setup.
pub(super) fn print_line(line: SetupLine) {
    match line {
        SetupLine::Step(step) => println!("{:<7} {}", step.outcome.to_string(), step.subject),
        SetupLine::Note(text) => println!("{text}"),
    }
}

/// Where the forge sends its deliveries.
pub(super) fn hook_address(settings: &Settings, forge: &ForgeName, given: Option<&str>) -> String {
    match given {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("{}/hooks/{forge}", settings.public_url),
    }
}
