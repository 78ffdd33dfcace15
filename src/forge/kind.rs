//! The kinds of forge: only here `[forge.*]` of `referee.toml` becomes a forge.
//!
//! Everything else asks a [`Forge`] for its capabilities. Only before there is a forge, the kind is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::signature::UnfitSecret;
use super::{Capabilities, Forge, Result, Webhooks};
use crate::config::{ForgeSettings, Secret, Settings};
use crate::model::ForgeName;

/// The kind of a forge. One line for each.
pub fn of(settings: &ForgeSettings) -> &dyn ForgeKind {
    match settings {
        ForgeSettings::Local(settings) => settings,
        ForgeSettings::Gitea(settings) => settings,
    }
}

/// A kind of forge, implemented by its settings.
pub trait ForgeKind {
    /// The capabilities of the opened forge.
    fn capabilities(&self) -> Capabilities;

    /// Whether Referee keeps the repositories itself, so that teams push to this machine.
    fn hosts_repositories(&self) -> bool {
        false
    }

    /// Opens the forge. Nothing is asked of it yet: a daemon starts also while its forge is away. `None` where the
    /// settings hold no credentials; then Referee only stores the forge's deliveries.
    ///
    /// # Errors
    /// An address or a token cannot be used.
    fn open(&self, context: &ForgeContext) -> Result<Option<Arc<dyn Forge>>>;

    /// How an administrator provides the credentials that [`open`](Self::open) did not find.
    fn credentials_help(&self, _name: &ForgeName) -> String {
        String::new()
    }

    /// The webhooks of the forge; `None` where the kind sends none.
    ///
    /// # Errors
    /// A secret cannot be used.
    fn webhooks(&self) -> Result<Option<Arc<dyn Webhooks>>, UnfitSecret> {
        Ok(None)
    }
}

/// The facts beside its settings that a forge needs.
#[derive(Debug, Clone)]
pub struct ForgeContext {
    /// Where mirrors of remote repositories are kept.
    pub mirrors: PathBuf,
    /// Address of the daemon on this machine.
    pub daemon_url: String,
    /// The program of this process.
    pub program: PathBuf,
    /// Token of an organization's owner, instead of the one in the settings.
    pub owner_token: Option<Secret>,
}

impl ForgeContext {
    /// # Errors
    /// The program does not know its own path.
    pub fn new(settings: &Settings, name: &ForgeName) -> anyhow::Result<Self> {
        Ok(Self {
            mirrors: settings.data.join("mirrors").join(name.as_str()),
            // Hooks run on this machine, so they need no public address.
            daemon_url: format!("http://{}", settings.listen),
            program: std::env::current_exe().context("finding this program for the hooks")?,
            owner_token: None,
        })
    }
}

/// Opens one forge. An `owner_token` replaces the one in the settings.
///
/// # Errors
/// The settings lack the forge or its credentials, or cannot be used.
pub fn open(settings: &Settings, name: &ForgeName, owner_token: Option<Secret>) -> anyhow::Result<Arc<dyn Forge>> {
    let forge = settings.forges.get(name);
    let kind = of(forge.with_context(|| format!("referee.toml has no [forge.{name}]"))?);
    let context = ForgeContext { owner_token, ..ForgeContext::new(settings, name)? };
    let forge = kind.open(&context).with_context(|| format!("the forge `{name}`"))?;
    forge.with_context(|| kind.credentials_help(name))
}

/// Opens every forge that has credentials.
///
/// # Errors
/// The settings of a forge cannot be used.
pub fn open_all(settings: &Settings) -> anyhow::Result<BTreeMap<ForgeName, Arc<dyn Forge>>> {
    let mut all = BTreeMap::new();
    for (name, forge) in &settings.forges {
        let context = ForgeContext::new(settings, name)?;
        let opened = of(forge).open(&context);
        if let Some(forge) = opened.with_context(|| format!("the forge `{name}`"))? {
            all.insert(name.clone(), forge);
        }
    }
    Ok(all)
}

/// The webhooks of every forge that sends deliveries, also of one without credentials.
///
/// # Errors
/// A secret cannot be used.
pub fn webhooks(settings: &Settings) -> Result<BTreeMap<ForgeName, Arc<dyn Webhooks>>, UnfitSecret> {
    let mut all = BTreeMap::new();
    for (name, forge) in &settings.forges {
        if let Some(webhooks) = of(forge).webhooks()? {
            all.insert(name.clone(), webhooks);
        }
    }
    Ok(all)
}

/// The capabilities of a forge, also of one without credentials.
pub fn capabilities(settings: &Settings, name: &ForgeName) -> Capabilities {
    let forge = settings.forges.get(name);
    forge.map_or(Capabilities::NOTES_ONLY, |forge| of(forge).capabilities())
}
