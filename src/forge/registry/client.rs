//! Requests to a registry: tags, manifests, blobs, each bounded in time and bytes.
//!
//! It refuses to follow a redirect with credentials, and any redirect but that of a blob; to read
//! on beyond a limit; and to hand out bytes that are not those asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION,
};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::Digest as _;

use super::auth::{self, Challenge, TokenPlaces};
use super::{RegistryError, Result};
use crate::config::Secret;
use crate::model::{Digest, limits};
use crate::rules::image_manifest::MANIFEST_TYPES;

/// A manifest or an index as the registry holds it, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Of the bytes: the name under which this very manifest can be had again.
    pub digest: Digest,
    /// What the registry calls it.
    pub media_type: String,
    /// The text.
    pub bytes: Vec<u8>,
}

/// One registry, with what we may show it. Cheap to clone; clones share connections and tokens.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    base: Url,
    token_origin: Option<Url>,
    public: Option<Url>,
    credentials: Option<(String, Secret)>,
    /// What each repository was satisfied with the last time.
    shown: Mutex<HashMap<String, HeaderValue>>,
}

impl Registry {
    /// Takes the registry's address, of which scheme, host and port count (the protocol is always
    /// at the root, also where the forge is not), and user and token, if it needs any. Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// When the address is none, or no client can be made.
    pub fn new(base: &str, credentials: Option<(String, Secret)>) -> Result<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(limits::REGISTRY_CALL_TIME.std())
            .read_timeout(limits::REGISTRY_SILENCE.std())
            .build()
            .map_err(network)?;
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                base: origin(base)?,
                token_origin: None,
                public: None,
                credentials,
                shown: Mutex::default(),
            }),
        })
    }

    /// The same registry, whose tokens come from another place: it is shown the credentials, too.
    ///
    /// # Errors
    /// When the address is none.
    pub fn with_token_origin(self, address: &str) -> Result<Self> {
        let token_origin = Some(origin(address)?);
        Ok(self.with(|shared| Shared {
            token_origin,
            ..shared
        }))
    }

    /// The same registry, which calls itself so to the world: what it says of that place is asked of
    /// its own address. Nothing is ever sent there.
    ///
    /// # Errors
    /// When the address is none.
    pub fn with_public_address(self, address: &str) -> Result<Self> {
        let public = Some(origin(address)?);
        Ok(self.with(|shared| Shared { public, ..shared }))
    }

    fn with(&self, change: impl FnOnce(Shared) -> Shared) -> Self {
        let shared = &self.shared;
        Self {
            shared: Arc::new(change(Shared {
                client: shared.client.clone(),
                base: shared.base.clone(),
                token_origin: shared.token_origin.clone(),
                public: shared.public.clone(),
                credentials: shared.credentials.clone(),
                shown: Mutex::default(),
            })),
        }
    }

    /// Whether there is a registry that takes tokens from a place that we were told. Nothing is shown.
    ///
    /// # Errors
    /// When there is none, or the place is foreign.
    pub async fn check(&self) -> Result<()> {
        let url = self.shared.base.join("/v2/");
        let url = url.map_err(|e| RegistryError::Protocol(e.to_string()))?;
        let answer = answer_to(self.shared.client.get(url)).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return accept(answer, "the registry").map(drop);
        }
        match auth::challenge(answer.headers()) {
            Some(Challenge::Bearer { realm, .. }) => {
                self.token_places().address(&realm, None, "any").map(drop)
            }
            _ => Ok(()),
        }
    }

    fn token_places(&self) -> TokenPlaces<'_> {
        TokenPlaces {
            registry: &self.shared.base,
            public: self.shared.public.as_ref(),
            other: self.shared.token_origin.as_ref(),
        }
    }

    /// Whether there is a registry at all. Where a forge's was turned off, its place is a page that the
    /// forge does not know, or hides from strangers like any other.
    ///
    /// # Errors
    /// When nothing answers, or something answers that cannot say.
    pub async fn is_there(&self) -> Result<bool> {
        let url = self.shared.base.join("/v2/");
        let url = url.map_err(|e| RegistryError::Protocol(e.to_string()))?;
        let status = answer_to(self.shared.client.get(url)).await?.status();
        match status {
            StatusCode::OK | StatusCode::UNAUTHORIZED => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ if status.is_redirection() => Ok(false),
            _ => Err(RegistryError::Protocol(format!("`/v2/` gives {status}"))),
        }
    }

    /// All tags of a repository.
    ///
    /// # Errors
    /// When the registry does not answer well, or has more than [`limits::REGISTRY_TAGS_MAX`].
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let what = format!("the tags of `{repository}`");
        let page = limits::REGISTRY_TAGS_PAGE;
        let mut next = Some(self.address(repository, &format!("tags/list?n={page}"))?);
        let mut tags = Vec::new();
        while let Some(url) = next.take() {
            let answer = self.get(&url, repository, HeaderMap::new()).await?;
            let answer = accept(answer, &what)?;
            next = next_page(&url, answer.headers())?;
            let text = read_whole(answer, limits::REGISTRY_ANSWER_BYTES_MAX, &what).await?;
            let page: Page = serde_json::from_slice(&text)
                .map_err(|e| RegistryError::Protocol(format!("{what}: {e}")))?;
            let before = tags.len();
            tags.extend(
                page.tags
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|t| is_tag(t)),
            );
            if tags.len() > limits::REGISTRY_TAGS_MAX {
                let limit = limits::REGISTRY_TAGS_MAX;
                return Err(RegistryError::Protocol(format!(
                    "{what} are more than {limit}"
                )));
            }
            if tags.len() == before {
                break; // a page that leads on and has nothing could lead on for ever
            }
        }
        Ok(tags)
    }

    /// The manifest or index that a tag or a digest stands for right now. Its digest is that of the
    /// bytes that came: pin it.
    ///
    /// # Errors
    /// When it is not there, too large, or another one than the digest says.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest> {
        let wanted = Digest::new(reference).ok();
        if wanted.is_none() && !is_tag(reference) {
            let shown: String = reference
                .chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect();
            return Err(RegistryError::NotFound(format!("`{shown}` can be no tag")));
        }
        let what = format!("the manifest of `{repository}`, `{reference}`");
        let url = self.address(repository, &format!("manifests/{reference}"))?;
        let mut headers = HeaderMap::new();
        for media_type in MANIFEST_TYPES {
            headers.append(ACCEPT, HeaderValue::from_static(media_type));
        }
        let answer = accept(self.get(&url, repository, headers).await?, &what)?;
        let text = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let media_type = text(CONTENT_TYPE.as_str()).unwrap_or_default();
        // Another algorithm than ours is not a claim that we can compare.
        let claimed = text("docker-content-digest").and_then(|text| Digest::new(text).ok());
        let bytes = read_whole(answer, limits::MANIFEST_BYTES_MAX, &what).await?;
        let found = Digest::of(&bytes);
        for wanted in [wanted, claimed].into_iter().flatten() {
            if wanted != found {
                return Err(RegistryError::DigestMismatch { wanted, found });
            }
        }
        Ok(Manifest {
            digest: found,
            media_type,
            bytes,
        })
    }

    /// A blob, piece by piece. `limit` is in bytes.
    ///
    /// # Errors
    /// When it is not there or says itself that it is too large.
    pub async fn blob(&self, repository: &str, digest: &Digest, limit: u64) -> Result<BlobReader> {
        let what = format!("the blob {digest}");
        let url = self.address(repository, &format!("blobs/{digest}"))?;
        let answer = accept(self.follow(url, repository).await?, &what)?;
        if answer.content_length().is_some_and(|long| long > limit) {
            return Err(RegistryError::TooLarge { what, limit });
        }
        Ok(BlobReader {
            answer,
            hasher: sha2::Sha256::new(),
            wanted: digest.clone(),
            bytes: 0,
            limit,
        })
    }

    /// A small blob as a whole.
    ///
    /// # Errors
    /// As [`Registry::blob`], and when it has other bytes than its digest says.
    pub async fn blob_bytes(
        &self,
        repository: &str,
        digest: &Digest,
        limit: u64,
    ) -> Result<Vec<u8>> {
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
            let shown: String = repository
                .chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect();
            return Err(RegistryError::NotFound(format!(
                "`{shown}` can be no repository"
            )));
        }
        self.shared
            .base
            .join(&format!("/v2/{repository}/{rest}"))
            .map_err(|e| RegistryError::Protocol(e.to_string()))
    }

    /// Asks our own registry, showing what it wants to see. Any answer but "not like this" is one.
    async fn get(&self, url: &Url, repository: &str, headers: HeaderMap) -> Result<Response> {
        for shown_anew in [false, true] {
            let mut request = self.shared.client.get(url.clone()).headers(headers.clone());
            if let Some(value) = self.shown(repository) {
                request = request.header(AUTHORIZATION, value);
            }
            let answer = answer_to(request).await?;
            if answer.status() != StatusCode::UNAUTHORIZED || shown_anew {
                return Ok(answer);
            }
            self.log_in(repository, answer.headers()).await?;
        }
        Err(RegistryError::Auth(format!("`{repository}`"))) // not reached: the second answer counts
    }

    fn shown(&self, repository: &str) -> Option<HeaderValue> {
        let shown = self.shared.shown.lock();
        let shown = shown.unwrap_or_else(PoisonError::into_inner);
        shown.get(repository).cloned()
    }

    async fn log_in(&self, repository: &str, asked: &HeaderMap) -> Result<()> {
        let shared = &self.shared;
        let value = match (auth::challenge(asked), &shared.credentials) {
            (None, _) => {
                let message = "it asks for something that we do not know";
                return Err(RegistryError::Auth(message.into()));
            }
            (Some(Challenge::Basic), None) => {
                return Err(RegistryError::Auth("it wants a user and a token".into()));
            }
            (Some(Challenge::Basic), Some((user, token))) => auth::basic(user, token)?,
            (Some(Challenge::Bearer { realm, service }), credentials) => {
                let places = self.token_places();
                let url = places.address(&realm, service.as_deref(), repository)?;
                let mut request = shared.client.get(url);
                if let Some((user, token)) = credentials {
                    request = request.header(AUTHORIZATION, auth::basic(user, token)?);
                }
                let answer = accept(answer_to(request).await?, "a token")?;
                let limit = limits::REGISTRY_ANSWER_BYTES_MAX;
                auth::bearer(&read_whole(answer, limit, "a token").await?)?
            }
        };
        let shown = shared.shown.lock();
        let mut shown = shown.unwrap_or_else(PoisonError::into_inner);
        shown.insert(repository.to_owned(), value);
        Ok(())
    }

    /// Asks for a blob, which may be elsewhere. Off our registry nothing is shown any more, also
    /// not when the way leads back.
    async fn follow(&self, url: Url, repository: &str) -> Result<Response> {
        let base = &self.shared.base;
        let (mut at, mut at_home) = (url, true);
        for _ in 0..=limits::REGISTRY_REDIRECTS_MAX {
            let answer = match at_home {
                true => self.get(&at, repository, HeaderMap::new()).await?,
                false => answer_to(self.shared.client.get(at.clone())).await?,
            };
            if !answer.status().is_redirection() {
                return Ok(answer);
            }
            let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
            let next = location.and_then(|l| at.join(l).ok());
            let known = |url: &Url| {
                url.scheme() == "https" || url.scheme() == "http" && at.scheme() == "http"
            };
            let Some(next) = next.filter(known) else {
                let message = "it sends us to a place that is none, or not as safe";
                return Err(RegistryError::Protocol(message.into()));
            };
            at_home &= next.origin() == base.origin();
            at = next;
        }
        let most = limits::REGISTRY_REDIRECTS_MAX;
        Err(RegistryError::Protocol(format!(
            "it sends us on more than {most} times"
        )))
    }
}

/// A blob on its way. What was handed out is as asked for only when [`BlobReader::next`] has
/// answered `None`.
pub struct BlobReader {
    answer: Response,
    hasher: sha2::Sha256,
    wanted: Digest,
    bytes: u64,
    limit: u64,
}

impl BlobReader {
    /// The next piece; `None` when all have come and are what was asked for.
    ///
    /// # Errors
    /// When the connection fails, or there are too many or other bytes.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(piece) = self.answer.chunk().await.map_err(network)? {
            self.bytes += piece.len() as u64;
            if self.bytes > self.limit {
                return Err(RegistryError::TooLarge {
                    what: format!("the blob {}", self.wanted),
                    limit: self.limit,
                });
            }
            self.hasher.update(&piece);
            return Ok(Some(piece));
        }
        let found = super::archive::digest_of(std::mem::take(&mut self.hasher));
        match found == self.wanted {
            true => Ok(None),
            false => Err(RegistryError::DigestMismatch {
                wanted: self.wanted.clone(),
                found,
            }),
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Bounds a call that should end soon.
async fn within<T>(
    time: crate::model::Duration,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let late = |_| RegistryError::Network {
        retryable: true,
        message: format!("no answer within {time}"),
    };
    tokio::time::timeout(time.std(), call).await.map_err(late)?
}

/// The head of an answer.
async fn answer_to(request: reqwest::RequestBuilder) -> Result<Response> {
    within(limits::REGISTRY_CALL_TIME, async {
        request.send().await.map_err(network)
    })
    .await
}

/// Any other answer than the thing itself becomes an error.
fn accept(answer: Response, what: &str) -> Result<Response> {
    let status = answer.status();
    match status {
        StatusCode::OK => Ok(answer),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(RegistryError::Auth(format!("{what} ({status})")))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(RegistryError::NotFound(what.to_owned())),
        _ if status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT =>
        {
            Err(RegistryError::Network {
                retryable: true,
                message: format!("{what} ({status})"),
            })
        }
        _ => Err(RegistryError::Protocol(format!("{what} ({status})"))),
    }
}

async fn read_whole(mut answer: Response, limit: usize, what: &str) -> Result<Vec<u8>> {
    let read = async {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(network)? {
            if bytes.len() + piece.len() > limit {
                return Err(RegistryError::TooLarge {
                    what: what.to_owned(),
                    limit: limit as u64,
                });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    within(limits::REGISTRY_CALL_TIME, read).await
}

/// The page after this one, on the same registry.
fn next_page(at: &Url, headers: &HeaderMap) -> Result<Option<Url>> {
    let link = headers.get(LINK).and_then(|link| link.to_str().ok());
    let Some(link) = link.filter(|link| link.contains("rel=\"next\"")) else {
        return Ok(None);
    };
    let target = link
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    match target.and_then(|(target, _)| at.join(target).ok()) {
        Some(next) if next.origin() == at.origin() => Ok(Some(next)),
        _ => Err(RegistryError::Protocol(
            "its list of tags goes on elsewhere".into(),
        )),
    }
}

fn origin(address: &str) -> Result<Url> {
    match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(RegistryError::Protocol(
            "a registry's address starts with http:// or https://".into(),
        )),
    }
}

/// Without the address: after a redirect it is a key to the blob.
fn network(error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    RegistryError::Network {
        retryable: !error.is_builder(),
        message,
    }
}

/// Lower-case words, joined by single `.`, `_`, `__` or hyphens; the words of a path by `/`.
fn is_repository(name: &str) -> bool {
    let word = |word: &str| {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let edges = word.bytes().next().is_some_and(alphanumeric)
            && word.bytes().last().is_some_and(alphanumeric);
        edges
            && word
                .bytes()
                .all(|b| alphanumeric(b) || matches!(b, b'.' | b'_' | b'-'))
            && !word.contains("..")
    };
    name.len() <= limits::REGISTRY_NAME_CHARS_MAX && name.split('/').all(word)
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= limits::REGISTRY_TAG_CHARS_MAX
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        for good in ["a", "phakir/team-a", "phakir/team-a/my_method.v2", "a__b"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in [
            "", "/", "a//b", "../a", "a/..", "A", "a b", "a?x", "-a", "a%2f", "a#",
        ] {
            assert!(!is_repository(bad), "{bad}");
        }
        for good in ["latest", "_x", "v1.2-rc", "Phase"] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", ".x", "-x", "a/b", "a:b", "a?b", &"x".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn pages_stay_on_the_registry() {
        let at = Url::parse("https://git.example.org/v2/a/tags/list?n=2").unwrap();
        let next = |link: &str| {
            let headers = HeaderMap::from_iter([(LINK, HeaderValue::from_str(link).unwrap())]);
            next_page(&at, &headers)
        };
        assert_eq!(
            next("</v2/a/tags/list?last=x&n=2>; rel=\"next\"")
                .unwrap()
                .unwrap()
                .as_str(),
            "https://git.example.org/v2/a/tags/list?last=x&n=2"
        );
        assert_eq!(next("</v2/a>; rel=\"prev\""), Ok(None));
        assert!(next("<https://evil.example.org/v2/a>; rel=\"next\"").is_err());
        assert!(next("rel=\"next\"").is_err());
        assert_eq!(next_page(&at, &HeaderMap::new()), Ok(None));
    }

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        for bad in ["git.example.org", "ftp://x", "", "https://"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
