//! `referee team`: creates and lists teams with their repositories, on every kind of forge.
//!
//! It works on the forge and the database directly, so that it needs no running daemon. Other commands about
//! teams are `referee admin team …`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::challenge_choice::choose_challenge;
use super::forge::{OwnerToken, print_line};
use super::team_images::{self, NewTeam};
use super::{SettingsFile, open, terminal};
use crate::clock::{self, Clock};
use crate::config::Settings;
use crate::forge::git::FileSet;
use crate::forge::{SetupLine, folder, git, kind};
use crate::model::{Actor, Challenge, TeamSlug};
use crate::pipeline::commands::CommandContext;
use crate::pipeline::commands::team_registration::{add_team, bind_team};
use crate::store::{Repository, Store};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee team add alpha alice bob --owner-token-file owner-token       # on Gitea or Forgejo
  referee team add beta                                                 # on a local forge
  referee team list

`referee admin team approve NAME` approves a team whose repository was not made by Referee.")]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a team with a private repository from the challenge's template
    ///
    /// On Gitea and Forgejo the team gets a forge team with these accounts as members. They can push and
    /// comment, and nothing else. If parts of the team exist, the command adds the missing ones
    /// and removes nothing.
    Add(AddOptions),
    /// List all teams with their repositories
    List,
}

#[derive(Debug, Args)]
struct AddOptions {
    /// The name of the team: a-z, 0-9, `-`, `_` and `.`
    team: String,
    /// Accounts of the members on the forge. A local forge has no accounts.
    users: Vec<String>,
    /// The challenge; needed only if there are several.
    #[arg(long)]
    challenge: Option<String>,
    #[command(flatten)]
    owner: OwnerToken,
    /// Also create a private organization, `<organization>-<team>`, to whose registry the team pushes
    /// images; for phases with the trigger `image:`.
    #[arg(long)]
    images: bool,
    /// The address at which the forge reaches this daemon to announce images, if it is not `public-url`.
    #[arg(long, value_name = "URL", requires = "images")]
    hook_url: Option<String>,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::install_tls();
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let store = open::store(&settings).await?;
    match &options.action {
        Action::Add(options) => add(&settings, &store, &challenges, options).await?,
        Action::List => list(&store).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &Store) -> anyhow::Result<()> {
    for repository in store.repositories().await? {
        println!("{:<20} {:<20} {}", repository.challenge.as_str(), repository.team.as_str(), repository.full_name);
    }
    Ok(())
}

async fn add(settings: &Settings, store: &Store, challenges: &[Challenge], options: &AddOptions) -> anyhow::Result<()> {
    let challenge = choose_challenge(challenges, options.challenge.as_deref())?;
    let team = TeamSlug::new(options.team.as_str())?;
    let users = &options.users;
    let name = &challenge.forge;
    let forge = settings.forges.get(name);
    if forge.is_some_and(|forge| kind::of(forge).hosts_repositories()) {
        anyhow::ensure!(users.is_empty(), "the forge `{name}` has no accounts; leave out {}", users.join(" "));
        anyhow::ensure!(!options.images, "the forge `{name}` has no registry; leave out --images");
        let path = add_local_team(settings, store, challenge, &team).await?;
        println!("{team}: {}", path.display());
        println!("Clone it, change it, and push:");
        println!("  git clone {} && cd … && git push origin main", path.display());
        return Ok(());
    }
    let forge = options.owner.open(settings, name)?;
    let new = NewTeam { challenge, team: &team, users, forge: forge.as_ref() };
    let bound = add_forge_team(settings, store, &new).await?;
    if options.images {
        let hook_url = options.hook_url.as_deref();
        team_images::add(settings, store, &bound, &new, hook_url).await?;
    }
    Ok(())
}

/// Creates a team on its forge and binds it to its repository.
async fn add_forge_team(settings: &Settings, store: &Store, new: &NewTeam<'_>) -> anyhow::Result<Repository> {
    let members: Vec<&str> = new.users.iter().map(String::as_str).collect();
    let context = context(settings, store, new.challenge);
    let added = add_team(&context, new.forge, new.team, &members).await?;
    let (bound, made) = added.context("the forge has no owner")?;
    for step in made.steps {
        print_line(SetupLine::Step(step));
    }
    println!("\nIts members clone the repository, change it and push:\n  git clone {}", made.url);
    Ok(bound)
}

fn context<'a>(settings: &Settings, store: &'a Store, challenge: &'a Challenge) -> CommandContext<'a> {
    let capabilities = kind::capabilities(settings, &challenge.forge);
    let now = Clock::system().now();
    CommandContext::beside_daemon(challenge, store, capabilities, &Actor::CommandLine, now)
}

/// Creates or repairs a team's repository on the challenge's local forge, and binds the team to it.
///
/// # Errors
/// The forge is not local, or the team or the repository is bound otherwise.
pub(super) async fn add_local_team(
    settings: &Settings,
    store: &Store,
    challenge: &Challenge,
    team: &TeamSlug,
) -> anyhow::Result<PathBuf> {
    let name = &challenge.forge;
    let forge = kind::open(settings, name, None)?;
    let hosting = forge.hosting().with_context(|| format!("the forge `{name}` is not local"))?;
    let files = match &challenge.template {
        Some(template) => {
            folder::read_files(template).with_context(|| format!("reading the template {}", template.display()))?
        }
        None => FileSet::new(),
    };
    let full_name = challenge.teams.repository_of(team);
    let new_id = hex::encode(clock::random_bytes::<8>());
    let now = Clock::system().now();
    let repository = hosting.create(&full_name, &new_id, &files, now)?;
    let path = hosting.path(&full_name);
    let refs = git::refs(&path)?;
    let context = context(settings, store, challenge);
    let bound = bind_team(&context, team, &repository, refs).await?;
    hosting.install_hook(&full_name, &bound.hook_token)?;
    Ok(path)
}
