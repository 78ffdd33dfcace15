//! `referee forge setup`: brings an organization on Gitea or Forgejo to where a challenge can run.
//!
//! Looks first, changes only what is missing, deletes nothing, and may be repeated. It needs the token
//! of an owner of the organization, for this once; the daemon itself acts as its own account.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::challenge_choice::choose_challenge;
use super::template::read_template;
use super::{SettingsFile, terminal};
use crate::clock::Clock;
use crate::config::{ForgeSettings, Secret, Settings};
use crate::forge::Forge as _;
use crate::forge::gitea::GiteaForge;
use crate::forge::gitea::owner::{BOTS, Met, ORGANIZERS, Owner};
use crate::forge::gitea::version::SupportLevel;
use crate::model::{Challenge, ForgeName};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee forge setup --owner-token-file owner-token                    # what teams and we need
  referee forge setup --owner-token-file owner-token --hook-url http://10.0.0.5:8030/hooks/gitea")]
pub struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make or check what a challenge needs on its forge: webhook, teams, label, repositories.
    ///
    /// Says what it found, made and mended, and what an administrator of the forge has to do.
    /// Deletes nothing; may be repeated at any time.
    Setup {
        #[command(flatten)]
        owner: OwnerToken,
        /// Of this challenge; may be left out when there is only one.
        #[arg(long)]
        challenge: Option<String>,
        /// Address at which the forge reaches this daemon, if it is not `public-url`.
        #[arg(long, value_name = "URL")]
        hook_url: Option<String>,
    },
}

/// The token of somebody who owns the organization.
#[derive(Debug, Clone, Args)]
pub struct OwnerToken {
    /// File with a token of an owner of the organization (scopes write:organization,
    /// write:repository, read:user), in place of `owner-token-file` in the settings. It is read once
    /// and not kept; a local forge needs none.
    #[arg(
        long = "owner-token-file",
        value_name = "FILE",
        env = "REFEREE_OWNER_TOKEN_FILE"
    )]
    pub file: Option<std::path::PathBuf>,
}

impl OwnerToken {
    /// The owner at this forge: by the file that was named, or the one of the settings, if either was.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn owner(&self, at: &Configured<'_>) -> anyhow::Result<Option<Owner>> {
        let Some(path) = &self.file else {
            let owner = at.owner_token.map(|token| Owner::at(at.url, token));
            return Ok(owner.transpose()?);
        };
        let file = path.display();
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("reading the owner's token in {file}"))?;
        let token = text.trim();
        anyhow::ensure!(
            !token.is_empty(),
            "{file} is empty; write the token into it"
        );
        let token = Secret::new(token);
        Ok(Some(Owner::at(at.url, &token)?))
    }

    /// The owner, who is needed.
    ///
    /// # Errors
    /// Also when nobody named a token.
    pub fn required(&self, at: &Configured<'_>) -> anyhow::Result<Owner> {
        self.owner(at)?.with_context(|| {
            format!(
                "name a file with a token of an owner of the organization: --owner-token-file, or \
                 `owner-token-file` in [forge.{}]",
                at.name
            )
        })
    }
}

/// A Gitea or Forgejo as configured, with the account that we act as.
pub struct Configured<'a> {
    /// Its name in `referee.toml`.
    pub name: &'a ForgeName,
    /// Its address, as we reach it.
    pub url: &'a str,
    /// Its address, as people reach it.
    pub public_url: &'a str,
    /// What signs its deliveries.
    pub secret: &'a Secret,
    /// Token of an owner of the organization, if the settings hold one.
    pub owner_token: Option<&'a Secret>,
    /// Speaks as our account.
    pub forge: GiteaForge,
}

/// The forge of a challenge, if it is a Gitea or Forgejo.
///
/// # Errors
/// When it is another, or has no token.
pub fn configured<'a>(
    settings: &'a Settings,
    challenge: &'a Challenge,
) -> anyhow::Result<Configured<'a>> {
    let name = &challenge.forge;
    let Some(ForgeSettings::Gitea {
        url,
        public_url,
        webhook_secrets,
        token,
        owner_token,
    }) = settings.forges.get(name)
    else {
        anyhow::bail!(
            "the forge `{name}` of challenge {} is no Gitea or Forgejo; a local one needs no setup",
            challenge.slug
        );
    };
    let token = token.as_ref().with_context(|| {
        format!(
            "[forge.{name}] has no `token-file`; make an account for Referee on {public_url}, give it a token \
             (scopes write:repository, write:issue, read:organization, read:user, read:package), and \
             write the token into a file that `token-file` names"
        )
    })?;
    let mirrors = settings.data.join("mirrors").join(name.as_str());
    Ok(Configured {
        name,
        url,
        public_url,
        secret: webhook_secrets
            .first()
            .with_context(|| format!("[forge.{name}] has no webhook secret"))?,
        owner_token: owner_token.as_ref(),
        forge: GiteaForge::new(url, token, mirrors)?.with_public_url(public_url),
    })
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::install_tls();
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let Command::Setup {
        owner,
        challenge,
        hook_url,
    } = &options.command;
    let challenge = choose_challenge(&challenges, challenge.as_deref())?;
    setup(&settings, challenge, (owner, hook_url.as_deref())).await?;
    Ok(ExitCode::SUCCESS)
}

fn say(met: Met, what: impl std::fmt::Display) {
    println!("{:<6} {what}", met.as_str());
}

async fn setup(
    settings: &Settings,
    challenge: &Challenge,
    (token, hook_url): (&OwnerToken, Option<&str>),
) -> anyhow::Result<()> {
    let at = configured(settings, challenge)?;
    let owner = token.required(&at)?;
    let version = at.forge.version().await.context("asking for its version")?;
    println!("{version} at {}", at.url);
    match version.support_level() {
        SupportLevel::Good => {}
        SupportLevel::Unpatched(why) => println!("note   upgrade it: {why}"),
        SupportLevel::TooOld => anyhow::bail!(
            "{version} lacks what Referee needs; upgrade to Gitea 1.22 or Forgejo 10, or later"
        ),
    }
    let bot = at.forge.account().await.context("asking who we are")?;
    let organization = organization(challenge)?;
    say(
        owner.organization(organization).await?,
        format!("organization {organization}"),
    );
    let bots = format!("{organization}/referee");
    let (id, met) = owner.team(&bots, BOTS, true).await?;
    say(met, format!("team {bots}: the account of Referee"));
    say(
        owner.member(id, &bot.login).await?,
        format!("account {} in it", bot.login),
    );
    organizers(&owner, challenge, &bot.login).await?;
    say(
        owner.label(organization, "referee", "#0e8a16").await?,
        "label referee",
    );
    if let Some(leaderboard) = &challenge.leaderboard {
        let met = owner.repository(leaderboard, false).await?;
        say(met, format!("repository {leaderboard}: boards"));
    }
    template(&owner, &at, challenge).await?;
    let url = hook_address(settings, at.name, hook_url);
    let met = owner.webhook(organization, &url, at.secret).await?;
    say(met, format!("webhook to {url}"));
    if met != Met::Made {
        println!(
            "       Its secret cannot be looked at. If it is not the first of `webhook-secrets`, \
             delete the webhook there and repeat this."
        );
    }
    advise(&url, version.announces_packages());
    if challenge.takes_images() && !at.forge.registry().await?.is_there().await? {
        let url = at.url;
        println!("\nA phase is triggered by `image:`, and {url} has no registry. {REGISTRY_HELP}.");
    }
    Ok(())
}

/// How an administrator enables the registry of a forge.
pub const REGISTRY_HELP: &str =
    "An administrator of the forge sets `[packages] ENABLED = true` in its app.ini and restarts it";

/// Where the forge sends its deliveries.
pub fn hook_address(settings: &Settings, forge: &ForgeName, given: Option<&str>) -> String {
    match given {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("{}/hooks/{forge}", settings.public_url),
    }
}

async fn organizers(owner: &Owner, challenge: &Challenge, bot: &str) -> anyhow::Result<()> {
    let Some(organizers) = &challenge.organizers else {
        println!(
            "note   challenge.toml names no `organizers`, so nobody can command by comments; \
             set it to a forge team, for example \"{}/organizers\"",
            organization(challenge)?
        );
        return Ok(());
    };
    let (id, met) = owner.team(organizers, ORGANIZERS, false).await?;
    say(met, format!("team {organizers}: its members may command"));
    // Only members are told who else is one.
    let met = owner.member(id, bot).await?;
    say(met, format!("account {bot} in it, to ask who else is"));
    let met = owner.repository(organizers, false).await?;
    owner.team_repository(id, organizers).await?;
    say(met, format!("repository {organizers}: issues for commands"));
    Ok(())
}

async fn template(owner: &Owner, at: &Configured<'_>, challenge: &Challenge) -> anyhow::Result<()> {
    let name = challenge.template_repository();
    let met = owner.repository(&name, true).await?;
    say(met, format!("repository {name}: what teams start from"));
    let Some(folder) = &challenge.template else {
        return Ok(());
    };
    let repository = at.forge.repository_named(&name).await?;
    let repository = repository.with_context(|| format!("{name} is not visible to our account"))?;
    let files = read_template(folder)?;
    let message = ("The template of the challenge", Clock::system().now());
    let pushed = at
        .forge
        .push_files(&repository, "main", files, message)
        .await?;
    let met = if pushed { Met::Mended } else { Met::Found };
    say(met, format!("its files, from {}", folder.display()));
    Ok(())
}

/// The organization that a challenge lives in.
///
/// # Errors
/// When the pattern of its teams has no owner.
pub fn organization(challenge: &Challenge) -> anyhow::Result<&str> {
    let (owner, _) = challenge
        .teams
        .before
        .split_once('/')
        .context("`teams` names no organization")?;
    Ok(owner)
}

fn advise(url: &str, announces_packages: bool) {
    println!(
        "\nAn administrator of the forge has to see to these lines of its app.ini (and restart it):\n\
         \n\
         \x20 [webhook]\n\
         \x20 ; the forge refuses private addresses as it comes; {url} must be among these\n\
         \x20 ALLOWED_HOST_LIST = external,loopback,private\n\
         \n\
         \x20 [queue.webhook_sender]\n\
         \x20 ; deliveries leave about a second sooner (deploy/README.md has the numbers)\n\
         \x20 TYPE = channel"
    );
    if !announces_packages {
        println!("\nThis version does not announce pushed images: they are found within a minute.");
    }
}
