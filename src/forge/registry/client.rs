//! [`Registry`]: tags, manifests and blobs of one registry.
//!
//! It never follows a redirect with credentials, follows no redirect but that of a blob, reads nothing beyond a limit,
//! and hands out no bytes but those that were asked for. No registry library of the ecosystem promises all four.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::auth::{self, Challenge, TokenHosts};
use super::blob::BlobReader;
use super::requests::{accept, base_address, is_repository, is_tag, network_error, next_page, read_body, send, within};
use super::{RegistryError, Result};
use crate::forge::credentials::Credentials;
use crate::model::{Digest, limits};
use crate::rules::image_manifest::MANIFEST_TYPES;

/// Characters of an impossible name that an error repeats.
const REPEATED_CHARS_MAX: usize = 80;

/// A manifest or an index as the registry holds it, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Of the bytes: this very manifest can be fetched again by it.
    pub digest: Digest,
    /// As the registry reports it.
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// The account that a registry may be shown.
#[derive(Clone)]
pub struct RegistryAccount {
    pub user: String,
    /// Asked at each login.
    pub credentials: Arc<dyn Credentials>,
}

/// One registry, as one account. Clones share connections and logins.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    base: Url,
    token_origin: Option<Url>,
    public: Option<Url>,
    account: Option<RegistryAccount>,
    /// The header that each repository accepted last.
    logins: Arc<Mutex<HashMap<String, HeaderValue>>>,
}

impl Registry {
    /// The registry at this address, of which scheme, host and port count: the protocol is always at the root. Nothing
    /// is sent yet.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn new(base: &str, account: Option<RegistryAccount>) -> Result<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(limits::REGISTRY_CALL_TIME.std())
            .read_timeout(limits::REGISTRY_SILENCE.std())
            .build()
            .map_err(network_error)?;
        Ok(Self {
            client,
            base: base_address(base)?,
            token_origin: None,
            public: None,
            account,
            logins: Arc::default(),
        })
    }

    /// The same registry, whose tokens come from another host: that host is shown the credentials, too.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn with_token_origin(mut self, address: &str) -> Result<Self> {
        self.token_origin = Some(base_address(address)?);
        Ok(self)
    }

    /// The same registry, which names itself by this public address. A path that it names there is asked of its own
    /// address; nothing is ever sent to the public one.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn with_public_address(mut self, address: &str) -> Result<Self> {
        self.public = Some(base_address(address)?);
        Ok(self)
    }

    /// Checks that the registry answers and takes tokens from a known host. No credentials are sent.
    ///
    /// # Errors
    /// It does not answer, or it names an unknown host.
    pub async fn check(&self) -> Result<()> {
        let answer = self.root().await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return accept(answer, "the registry").map(drop);
        }
        match auth::challenge(answer.headers()) {
            Some(Challenge::Bearer { realm, .. }) => self.token_hosts().address(&realm, None, "any").map(drop),
            _ => Ok(()),
        }
    }

    /// Whether there is a registry at all. Where a forge's registry is disabled, the forge answers as for an unknown
    /// page, or with a redirect to its login.
    ///
    /// # Errors
    /// Nothing answers, or the answer means neither.
    pub async fn is_there(&self) -> Result<bool> {
        match self.root().await?.status() {
            StatusCode::OK | StatusCode::UNAUTHORIZED => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_redirection() => Ok(false),
            status => Err(RegistryError::Protocol(format!("`/v2/` answers {status}"))),
        }
    }

    async fn root(&self) -> Result<Response> {
        send(self.client.get(self.join("/v2/")?)).await
    }

    fn join(&self, path: &str) -> Result<Url> {
        let url = self.base.join(path);
        url.map_err(|e| RegistryError::Protocol(e.to_string()))
    }

    fn token_hosts(&self) -> TokenHosts<'_> {
        TokenHosts { registry: &self.base, public: self.public.as_ref(), other: self.token_origin.as_ref() }
    }

    /// All tags of a repository.
    ///
    /// # Errors
    /// Also for more than [`limits::REGISTRY_TAGS_MAX`] tags.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let subject = format!("the tags of `{repository}`");
        let page = limits::REGISTRY_TAGS_PAGE;
        let mut next = Some(self.address(repository, &format!("tags/list?n={page}"))?);
        let mut tags = Vec::new();
        while let Some(url) = next.take() {
            let answer = self.get(&url, repository, HeaderMap::new()).await?;
            let answer = accept(answer, &subject)?;
            next = next_page(&url, answer.headers())?;
            let text = read_body(answer, limits::REGISTRY_ANSWER_BYTES_MAX, &subject).await?;
            let page: Page =
                serde_json::from_slice(&text).map_err(|e| RegistryError::Protocol(format!("{subject}: {e}")))?;
            let before = tags.len();
            let listed = page.tags.unwrap_or_default().into_iter();
            tags.extend(listed.filter(|tag| is_tag(tag)));
            if tags.len() > limits::REGISTRY_TAGS_MAX {
                let limit = limits::REGISTRY_TAGS_MAX;
                let message = format!("{subject} are more than {limit}");
                return Err(RegistryError::Protocol(message));
            }
            if tags.len() == before {
                break; // Empty pages that name a next page could continue for ever.
            }
        }
        Ok(tags)
    }

    /// The manifest or index that a tag or a digest leads to now. The digest in the result is that of the received
    /// bytes: pin it.
    ///
    /// # Errors
    /// Also when the bytes have another digest than `reference`, or than the registry reports.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest> {
        let wanted = Digest::new(reference).ok();
        if wanted.is_none() && !is_tag(reference) {
            return Err(impossible(reference, "tag"));
        }
        let subject = format!("the manifest of `{repository}`, `{reference}`");
        let url = self.address(repository, &format!("manifests/{reference}"))?;
        let mut headers = HeaderMap::new();
        for media_type in MANIFEST_TYPES {
            headers.append(ACCEPT, HeaderValue::from_static(media_type));
        }
        let answer = accept(self.get(&url, repository, headers).await?, &subject)?;
        let text = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let media_type = text(CONTENT_TYPE.as_str()).unwrap_or_default();
        // A digest by another algorithm than SHA-256 cannot be compared.
        let reported = text("docker-content-digest").and_then(|text| Digest::new(text).ok());
        let bytes = read_body(answer, limits::MANIFEST_BYTES_MAX, &subject).await?;
        let found = Digest::of(&bytes);
        for wanted in [wanted, reported].into_iter().flatten() {
            if wanted != found {
                return Err(RegistryError::DigestMismatch { wanted, found });
            }
        }
        Ok(Manifest { digest: found, media_type, bytes })
    }

    /// Starts to read a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// Also when its announced size is larger.
    pub async fn blob(&self, repository: &str, digest: &Digest, limit: u64) -> Result<BlobReader> {
        let subject = format!("the blob {digest}");
        let url = self.address(repository, &format!("blobs/{digest}"))?;
        let answer = accept(self.follow(url, repository).await?, &subject)?;
        if answer.content_length().is_some_and(|long| long > limit) {
            return Err(RegistryError::TooLarge { subject, limit });
        }
        Ok(BlobReader::new(answer, digest, limit))
    }

    /// A small blob as a whole.
    ///
    /// # Errors
    /// As [`Registry::blob`] and [`BlobReader::next`].
    pub async fn blob_bytes(&self, repository: &str, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let read = async {
            let mut blob = self.blob(repository, digest, limit).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = blob.next().await? {
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes)
        };
        within(limits::REGISTRY_CALL_TIME, read).await
    }

    fn address(&self, repository: &str, rest: &str) -> Result<Url> {
        if !is_repository(repository) {
            return Err(impossible(repository, "repository"));
        }
        self.join(&format!("/v2/{repository}/{rest}"))
    }

    /// Asks our own registry; when it answers 401, once more after a login. Returns every other answer.
    async fn get(&self, url: &Url, repository: &str, headers: HeaderMap) -> Result<Response> {
        let answer = self.get_once(url, repository, headers.clone()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.log_in(repository, answer.headers()).await?;
        self.get_once(url, repository, headers).await
    }

    async fn get_once(&self, url: &Url, repository: &str, headers: HeaderMap) -> Result<Response> {
        let mut request = self.client.get(url.clone()).headers(headers);
        let login = self.logins().get(repository).cloned();
        if let Some(value) = login {
            request = request.header(AUTHORIZATION, value);
        }
        send(request).await
    }

    fn logins(&self) -> MutexGuard<'_, HashMap<String, HeaderValue>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn log_in(&self, repository: &str, asked: &HeaderMap) -> Result<()> {
        let header = match (auth::challenge(asked), self.authorization().await?) {
            (None, _) => {
                let message = "it asks for an unknown kind of login";
                return Err(RegistryError::Auth(message.into()));
            }
            (Some(Challenge::Basic), None) => {
                return Err(RegistryError::Auth("it wants a user and a token".into()));
            }
            (Some(Challenge::Basic), Some(basic)) => basic,
            (Some(Challenge::Bearer { realm, service }), basic) => {
                let hosts = self.token_hosts();
                let url = hosts.address(&realm, service.as_deref(), repository)?;
                let mut request = self.client.get(url);
                if let Some(basic) = basic {
                    request = request.header(AUTHORIZATION, basic);
                }
                let answer = accept(send(request).await?, "a token")?;
                let limit = limits::REGISTRY_ANSWER_BYTES_MAX;
                auth::bearer(&read_body(answer, limit, "a token").await?)?
            }
        };
        self.logins().insert(repository.to_owned(), header);
        Ok(())
    }

    /// Our account as a header, with the token of now.
    async fn authorization(&self) -> Result<Option<HeaderValue>> {
        let Some(account) = &self.account else {
            return Ok(None);
        };
        let token = account.credentials.token().await;
        let token = token.map_err(|e| RegistryError::Auth(e.to_string()))?;
        auth::basic(&account.user, &token).map(Some)
    }

    /// Asks for a blob, which may be on another host. After a redirect to another host no credentials are sent any
    /// more, also when a further redirect leads back.
    async fn follow(&self, mut url: Url, repository: &str) -> Result<Response> {
        let mut own_host = true;
        for _ in 0..=limits::REGISTRY_REDIRECTS_MAX {
            let answer = if own_host {
                self.get(&url, repository, HeaderMap::new()).await?
            } else {
                send(self.client.get(url.clone())).await?
            };
            if !answer.status().is_redirection() {
                return Ok(answer);
            }
            let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
            let next = location.and_then(|l| url.join(l).ok());
            let is_safe = |next: &Url| next.scheme() == "https" || next.scheme() == "http" && url.scheme() == "http";
            let Some(next) = next.filter(is_safe) else {
                let message = "it redirects without an address, or from https to http";
                return Err(RegistryError::Protocol(message.into()));
            };
            own_host &= next.origin() == self.base.origin();
            url = next;
        }
        let most = limits::REGISTRY_REDIRECTS_MAX;
        let message = format!("it redirects more than {most} times");
        Err(RegistryError::Protocol(message))
    }
}

fn impossible(name: &str, kind: &str) -> RegistryError {
    let printable = name.chars().filter(|c| !c.is_control());
    let name: String = printable.take(REPEATED_CHARS_MAX).collect();
    RegistryError::NotFound(format!("`{name}` cannot be a {kind}"))
}
