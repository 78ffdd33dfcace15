//! [`GiteaForge`]: one Gitea or Forgejo, as Referee's account.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest011::Method;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::bodies::{RepositoryBody, split};
use super::client::Client;
use super::owner::Owner;
use super::version::ForgeVersion;
use crate::forge::credentials::Credentials;
use crate::forge::git::mirrors::Mirrors;
use crate::forge::registry::Registry;
use crate::forge::{ForgeError, Result};
use crate::model::{Duration, Sender, limits};

/// A Gitea or Forgejo, as one account.
pub struct GiteaForge {
    /// Address as Referee reaches it.
    pub(super) url: String,
    /// Address as people reach it, which the forge itself uses.
    pub(super) public_url: String,
    pub(super) client: Client,
    pub(super) git: Mirrors,
    pub(super) credentials: Arc<dyn Credentials>,
    owner: Option<Owner>,
    pub(super) account: OnceCell<Sender>,
    pub(super) registry: OnceCell<Registry>,
    version: OnceCell<ForgeVersion>,
}

#[derive(Deserialize)]
struct VersionBody {
    version: String,
}

impl GiteaForge {
    /// The forge at this address (without `/` at the end), with mirrors of its repositories in a directory. Nothing is
    /// asked yet.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(url: &str, credentials: Arc<dyn Credentials>, mirrors: PathBuf) -> Result<Self> {
        Ok(Self {
            url: url.to_owned(),
            public_url: url.to_owned(),
            client: Client::new(url, Arc::clone(&credentials), limits::FORGE_CALL_TIME)?,
            // The forge accepts any name beside a token.
            git: Mirrors::new(url, "referee", Arc::clone(&credentials), mirrors),
            credentials,
            owner: None,
            account: OnceCell::new(),
            registry: OnceCell::new(),
            version: OnceCell::new(),
        })
    }

    /// The same forge, with this time for each call instead of [`limits::FORGE_CALL_TIME`].
    ///
    /// # Errors
    /// As [`GiteaForge::new`].
    pub fn with_call_time(mut self, time: Duration) -> Result<Self> {
        self.client = Client::new(&self.url, Arc::clone(&self.credentials), time)?;
        Ok(self)
    }

    /// The same forge, which people reach at this address (without `/` at the end): links lead there.
    #[must_use]
    pub fn with_public_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.public_url);
        self
    }

    /// The same forge, with the rights of an organization's owner.
    #[must_use]
    pub(super) fn with_owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The owner's side of the forge.
    ///
    /// # Errors
    /// No owner's token is configured.
    pub(super) fn owner(&self) -> Result<&Owner> {
        self.owner.as_ref().ok_or(ForgeError::Unsupported("owner's token"))
    }

    /// Name and version of the forge's software, asked once.
    pub(super) async fn version(&self) -> Result<ForgeVersion> {
        let ask = || async {
            let answer = self.client.call(Method::GET, &["version"], &[], None).await?;
            let version = answer.json::<VersionBody>()?.version;
            ForgeVersion::parse(&version).ok_or_else(|| ForgeError::Unreadable(format!("version `{version}`")))
        };
        self.version.get_or_try_init(ask).await.copied()
    }

    /// A repository; `None` when it does not exist or is hidden from our account.
    pub(super) async fn repository_body(&self, full_name: &str) -> Result<Option<RepositoryBody>> {
        let (owner, name) = split(full_name)?;
        self.client.get(&["repos", owner, name]).await
    }
}
