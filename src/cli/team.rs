//! `referee team`: teams with their repositories, on whatever forge the challenge is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::forge::{self, OwnerToken, configured, organization};
use super::{SettingsFile, open, team_images, terminal};
use crate::clock::{self, Clock};
use crate::config::{ForgeSettings, Settings};
use crate::forge::gitea::owner::{ORGANIZERS, PARTICIPANTS};
use crate::forge::{Forge as _, ForgeRepository};
use crate::model::{Challenge, RepositoryId, TeamSlug, Timestamp, limits};
use crate::store::{Repository, SeenRef, Store};

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
        /// File with a token of an owner of the organization; a local forge needs none.
        #[arg(
            long = "owner-token-file",
            value_name = "FILE",
            env = "REFEREE_OWNER_TOKEN_FILE"
        )]
        owner_token_file: Option<std::path::PathBuf>,
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
            owner_token_file,
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
                    let file = owner_token_file.clone().context(
                        "name a file with a token of an owner of the organization: --owner-token-file",
                    )?;
                    let new = NewTeam {
                        challenge,
                        team: &team,
                        users,
                        owner: &OwnerToken { file },
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
    pub owner: &'a OwnerToken,
}

/// Makes a team on Gitea or Forgejo, and binds it to its repository.
async fn add(settings: &Settings, store: &Store, new: &NewTeam<'_>) -> anyhow::Result<Repository> {
    let NewTeam {
        challenge, team, ..
    } = new;
    let at = configured(settings, challenge)?;
    let owner = new.owner.owner(at.url)?;
    let mut unknown = Vec::new();
    for user in new.users {
        if !owner.account_exists(user).await? {
            unknown.push(user.as_str());
        }
    }
    anyhow::ensure!(
        unknown.is_empty(),
        "{} has no account named {}; nothing was made",
        at.url,
        unknown.join(", ")
    );
    let full_name = challenge.teams.repository_of(team);
    let template = challenge.template_repository();
    let (repository, met) = owner
        .generate(&template, &full_name)
        .await
        .with_context(|| {
            format!("making {full_name} from {template}; was `referee forge setup` run?")
        })?;
    println!("{:<6} repository {full_name}", met.as_str());
    let name = full_name.rsplit('/').next().unwrap_or(team.as_str());
    let forge_team = format!("{}/{name}", organization(challenge)?);
    let (id, met) = owner.team(&forge_team, PARTICIPANTS, false).await?;
    println!("{:<6} team {forge_team}", met.as_str());
    owner.team_repository(id, &full_name).await?;
    if let Some(organizers) = &challenge.organizers {
        // They read the reports there, and command where the question is.
        let (organizers, _) = owner.team(organizers, ORGANIZERS, false).await?;
        owner.team_repository(organizers, &full_name).await?;
    }
    // Only members are told who else is one: our account has to be asked who takes part.
    let bot = at.forge.account().await?;
    owner.member(id, &bot.login).await?;
    for user in new.users {
        let met = owner.member(id, user).await?;
        println!("{:<6} account {user} in it", met.as_str());
    }
    wait_for_template(&at, &full_name).await?;
    let refs = at.forge.refs(&full_name).await?;
    let bound = bind(store, (challenge, team), &repository, refs).await?;
    println!(
        "\nIts members clone, change and push:\n  git clone {}/{full_name}.git",
        at.public_url
    );
    Ok(bound)
}

/// A forge answers before the template's files are all there: what is read too early would make the
/// template the team's first submission.
async fn wait_for_template(at: &forge::Configured<'_>, full_name: &str) -> anyhow::Result<()> {
    for _ in 0..limits::FORGE_RACES_MAX * 10 {
        if !at.forge.refs(full_name).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    anyhow::bail!("{full_name} is still empty; repeat this command")
}

/// Binds a team to its repository. What stands in it at first sight is the template, known and
/// entered nowhere.
async fn bind(
    store: &Store,
    (challenge, team): (&Challenge, &TeamSlug),
    at: &ForgeRepository,
    refs: Vec<(String, crate::model::CommitSha)>,
) -> anyhow::Result<Repository> {
    let now = Clock::system().now();
    let new = Repository {
        id: RepositoryId(0),
        forge: challenge.forge.clone(),
        forge_id: at.id.clone(),
        full_name: at.full_name.clone(),
        challenge: challenge.slug.clone(),
        team: team.clone(),
        hook_token: clock::page_token(),
    };
    let refs: Vec<SeenRef> = refs
        .into_iter()
        .map(|(full_ref, commit)| SeenRef { full_ref, commit })
        .collect();
    let (bound, is_new) = store
        .bind_repository(&new, &refs, now)
        .await
        .with_context(|| format!("binding team {team} to {}", at.full_name))?;
    if is_new {
        record(store, &bound, now).await?;
    }
    Ok(bound)
}

async fn record(store: &Store, bound: &Repository, now: Timestamp) -> anyhow::Result<()> {
    let detail = json!({ "repository": bound.full_name, "challenge": bound.challenge });
    store
        .record(
            "command line",
            "team add",
            (bound.team.as_str(), detail),
            now,
        )
        .await?;
    Ok(())
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
) -> anyhow::Result<std::path::PathBuf> {
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
    let bound = bind(store, (challenge, team), &at, refs).await?;
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
