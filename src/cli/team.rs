//! `referee team`: teams with their repositories, on whatever forge the challenge is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::forge::{OwnerToken, configured};
use super::{SettingsFile, open, team_images, terminal};
use crate::clock::{self, Clock};
use crate::config::{ForgeSettings, Settings};
use crate::forge::ForgeRepository;
use crate::forge::gitea::owner::Owner;
use crate::model::{Actor, Challenge, TeamSlug, limits};
use crate::pipeline::orders::{Desk, repositories};
use crate::store::{Repository, Store};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee team add alpha alice bob --owner-token-file owner-token       # on Gitea or Forgejo
  referee team add beta                                                 # on a local forge
  referee team list")]
pub struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a team's private repository from the challenge's template.
    ///
    /// On Gitea and Forgejo the team gets a forge team of its own with these accounts: they may push
    /// and comment, and nothing else. Again for the same team: adds what is missing, takes nothing away.
    Add {
        /// The team's name: a-z, 0-9, `-`, `_`.
        team: String,
        /// Accounts on the forge; a local forge has none.
        users: Vec<String>,
        /// For which challenge; may be left out when there is only one.
        #[arg(long)]
        challenge: Option<String>,
        #[command(flatten)]
        owner: OwnerToken,
        /// Also make a private organization, `<organization>-<team>`, to whose registry the team pushes
        /// images; for phases that are triggered by `image:`.
        #[arg(long)]
        images: bool,
        /// Address at which the forge reaches this daemon to tell of images, if it is not `public-url`.
        #[arg(long, value_name = "URL", requires = "images")]
        hook_url: Option<String>,
    },
    /// List all teams with their repositories.
    List,
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::install_tls();
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let store = open::store(&settings).await?;
    match &options.command {
        Command::Add {
            team,
            users,
            challenge,
            owner,
            images,
            hook_url,
        } => {
            let challenge = choose(&challenges, challenge.as_deref())?;
            let team = TeamSlug::new(team.as_str())?;
            match settings.forges.get(&challenge.forge) {
                Some(ForgeSettings::Local { .. }) => {
                    anyhow::ensure!(
                        users.is_empty(),
                        "a local forge has no accounts; leave out {}",
                        users.join(" ")
                    );
                    anyhow::ensure!(!images, "a local forge has no registry; leave out --images");
                    let path = add_local(&settings, &store, challenge, &team).await?;
                    println!("{team}: {}", path.display());
                }
                _ => {
                    let new = NewTeam {
                        challenge,
                        team: &team,
                        users,
                        owner: &owner.required(&configured(&settings, challenge)?)?,
                    };
                    let bound = add(&settings, &store, &new).await?;
                    if *images {
                        let hook_url = hook_url.as_deref();
                        team_images::add(&settings, (&store, &bound), &new, hook_url).await?;
                    }
                }
            }
        }
        Command::List => list(&store).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints all teams.
///
/// # Errors
/// When the database fails.
pub async fn list(store: &Store) -> anyhow::Result<()> {
    for repository in store.repositories().await? {
        println!(
            "{:<20} {:<20} {}",
            repository.challenge.as_str(),
            repository.team.as_str(),
            repository.full_name
        );
    }
    Ok(())
}

/// The challenge of that name, or the only one.
///
/// # Errors
/// When there is none of that name, or several and no name.
pub fn choose<'a>(
    challenges: &'a [Challenge],
    named: Option<&str>,
) -> anyhow::Result<&'a Challenge> {
    match (named, challenges) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let names: Vec<_> = challenges.iter().map(|c| c.slug.as_str()).collect();
            anyhow::bail!("say which challenge: --challenge {}", names.join(" | "))
        }
        (Some(name), _) => challenges
            .iter()
            .find(|c| c.slug.as_str() == name)
            .with_context(|| format!("there is no challenge `{name}`")),
    }
}

/// A team to be.
pub struct NewTeam<'a> {
    /// In this challenge.
    pub challenge: &'a Challenge,
    /// Its name.
    pub team: &'a TeamSlug,
    /// Accounts of its members.
    pub users: &'a [String],
    /// Who may make all that.
    pub owner: &'a Owner,
}

/// Makes a team on Gitea or Forgejo, and binds it to its repository.
async fn add(settings: &Settings, store: &Store, new: &NewTeam<'_>) -> anyhow::Result<Repository> {
    let at = configured(settings, new.challenge)?;
    let forge = at.forge.with_owner(new.owner.clone());
    let members: Vec<&str> = new.users.iter().map(String::as_str).collect();
    let desk = desk(settings, store, new.challenge);
    let made = repositories::add(&desk, &forge, (new.team, &members)).await?;
    let (bound, made) = made.context("the forge has no owner")?;
    for (met, what) in &made.steps {
        println!("{met:<6} {what}");
    }
    println!(
        "\nIts members clone, change and push:\n  git clone {}",
        made.url
    );
    Ok(bound)
}

/// Where the command line orders.
fn desk<'a>(settings: &Settings, store: &'a Store, challenge: &'a Challenge) -> Desk<'a> {
    Desk {
        challenge,
        store,
        shows: open::shows(settings, &challenge.forge),
        actor: &Actor::CommandLine,
        now: Clock::system().now(),
    }
}

/// Makes (or repairs) a team's repository on the challenge's local forge and binds the team to it.
///
/// # Errors
/// When the forge is none of ours, or the disk or the database says no.
pub async fn add_local(
    settings: &Settings,
    store: &Store,
    challenge: &Challenge,
    team: &TeamSlug,
) -> anyhow::Result<PathBuf> {
    let forges = open::local_forges(settings)?;
    let name = &challenge.forge;
    let forge = forges.get(name).with_context(|| {
        format!("forge `{name}` is not local; use `referee team add {team} USER…`")
    })?;
    let now = Clock::system().now();
    let files = match &challenge.template {
        Some(folder) => read_template(folder)?,
        None => BTreeMap::new(),
    };
    let full_name = challenge.teams.repository_of(team);
    let new_id = hex::encode(clock::random_bytes::<8>());
    let made = forge.create(&full_name, &new_id, &files, now)?;
    let at = ForgeRepository {
        id: made.id.clone(),
        full_name: full_name.clone(),
        private: true,
        archived: false,
    };
    let refs = crate::forge::git::refs(&made.path)?;
    let desk = desk(settings, store, challenge);
    let bound = repositories::bind(&desk, team, (&at, refs)).await?;
    forge.install_hook(&made.path, &bound.hook_token)?;
    Ok(made.path)
}

/// A template's files: path to content and executable bit.
///
/// # Errors
/// When the folder cannot be read, or breaks a bound.
pub fn read_template(folder: &Path) -> anyhow::Result<BTreeMap<String, (Vec<u8>, bool)>> {
    let tree = crate::forge::folder::read(folder)
        .with_context(|| format!("reading the template {}", folder.display()))?;
    let mut files = BTreeMap::new();
    for (path, entry) in tree.entries {
        anyhow::ensure!(
            entry.bytes <= limits::SOURCE_FILE_BYTES_MAX,
            "{path} of the template is too large"
        );
        if let crate::model::EntryKind::File { executable } = entry.kind {
            files.insert(
                path.clone(),
                (std::fs::read(folder.join(&path))?, executable),
            );
        }
    }
    Ok(files)
}
