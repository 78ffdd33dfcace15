//! How we speak to the API of Gitea and Forgejo: one HTTP client for gitea-rs and for what gitea-rs
//! cannot do.
//!
//! It follows no redirect (a POST that follows one becomes a GET, and nothing was written), sends the
//! token in one header and nowhere else, and never uses `Configuration::api_key` of gitea-rs, which
//! would put the token into the address and into `Sudo`. gitea-rs takes a redirect for success, so
//! whatever authorises goes through [`Client::ask`], which sees the status.

use gitea_rs::apis::Error as ApiError;
use gitea_rs::apis::configuration::Configuration;
use reqwest011::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest011::{Method, Response, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::Secret;
use crate::forge::{ForgeError, Result};
use crate::model::{Duration, limits};

const USER_AGENT: &str = concat!("referee/", env!("CARGO_PKG_VERSION"));

/// The API of one forge, as one account.
#[derive(Debug, Clone)]
pub struct Client {
    api: Configuration,
    base: Url,
}

/// A status and what came with it.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// The body as a value.
    ///
    /// # Errors
    /// When it is none.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| ForgeError::Unreadable(e.to_string()))
    }
}

impl Client {
    /// A client of the forge at this address (without `/` at the end), which waits for an answer as
    /// long as it is told. Nothing is asked yet.
    ///
    /// # Errors
    /// When address or token cannot be used in HTTP.
    pub fn new(url: &str, token: &Secret, patience: Duration) -> Result<Self> {
        let unfit = |what: &str| ForgeError::Invalid(format!("{what} cannot be used in HTTP"));
        let mut authorization = HeaderValue::from_str(&format!("token {}", token.expose()))
            .map_err(|_| unfit("the token"))?;
        authorization.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
        let client = reqwest011::Client::builder()
            .default_headers(headers)
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(limits::FORGE_CONNECT_TIME.std())
            .timeout(patience.std())
            .build()
            .map_err(|e| ForgeError::Unreachable(e.without_url().to_string()))?;
        let base_path = format!("{url}/api/v1");
        Ok(Self {
            base: Url::parse(&base_path).map_err(|_| unfit("the address"))?,
            api: Configuration {
                base_path,
                user_agent: None,
                client,
                basic_auth: None,
                oauth_access_token: None,
                bearer_access_token: None,
                api_key: None,
            },
        })
    }

    /// For the functions of gitea-rs.
    pub fn api(&self) -> &Configuration {
        &self.api
    }

    /// One request, by the segments of its path below `/api/v1`, and its answer whatever its status.
    ///
    /// # Errors
    /// When there is no answer, or one that is too large.
    pub async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| ForgeError::Invalid("the address has no path".to_owned()))?
            .extend(path);
        let mut request = self.api.client.request(method, url).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let body = bounded(response).await?;
        match retry_after {
            Some(after) if matches!(status, 429 | 503) => {
                Err(ForgeError::Busy { after: Some(after) })
            }
            _ => Ok(Answer { status, body }),
        }
    }

    /// One request that has to succeed.
    ///
    /// # Errors
    /// As the status says.
    pub async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let answer = self.ask(method, path, query, body).await?;
        match ForgeError::of_status(answer.status, &String::from_utf8_lossy(&answer.body), None) {
            None => Ok(answer),
            Some(error) => Err(error),
        }
    }

    /// Reads something; none where there is nothing.
    ///
    /// # Errors
    /// As the status says, or when the answer cannot be read.
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>> {
        match self.call(Method::GET, path, &[], None).await {
            Ok(answer) => answer.json().map(Some),
            Err(ForgeError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All entries of a list. A forge cuts the page size that is asked for without a word, so the end
    /// is an empty page, and no page that is shorter than wished.
    ///
    /// # Errors
    /// As the status says, or when there is no end to it.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for page in 1..=limits::FORGE_PAGES_MAX {
            let entries = self.page(path, query, page).await?;
            if entries.is_empty() {
                return Ok(all);
            }
            all.extend(entries);
        }
        Err(endless())
    }

    /// The first entry of a list that fits; the list is read no further than that.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        for page in 1..=limits::FORGE_PAGES_MAX {
            let entries: Vec<T> = self.page(path, &[], page).await?;
            if entries.is_empty() {
                return Ok(None);
            }
            if let Some(found) = entries.into_iter().find(&fits) {
                return Ok(Some(found));
            }
        }
        Err(endless())
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        page: usize,
    ) -> Result<Vec<T>> {
        let page = page.to_string();
        let mut query = query.to_vec();
        query.extend([("page", page.as_str()), ("limit", PAGE)]);
        let answer = self.call(Method::GET, path, &query, None).await?;
        answer.json()
    }
}

fn endless() -> ForgeError {
    let most = limits::FORGE_PAGES_MAX;
    ForgeError::Unreadable(format!("a list of more than {most} pages"))
}

/// The largest page of an instance as it comes (`[api] MAX_RESPONSE_ITEMS`).
const PAGE: &str = "50";

/// What an error of gitea-rs means.
pub fn fault<T>(error: ApiError<T>) -> ForgeError {
    match error {
        ApiError::Reqwest(error) => unreachable(error),
        ApiError::Serde(error) => ForgeError::Unreadable(error.to_string()),
        ApiError::Io(error) => ForgeError::Io(error),
        ApiError::ResponseError(answer) => {
            let status = answer.status.as_u16();
            // gitea-rs keeps no header, so a busy forge is waited for as long as we think fit.
            match (status, ForgeError::of_status(status, &answer.content, None)) {
                (503, _) => ForgeError::Busy { after: None },
                (_, Some(error)) => error,
                (_, None) => ForgeError::Unreadable(format!("status {status} as an error")),
            }
        }
    }
}

/// Without the address: it may name what nobody needs to know.
fn unreachable(error: reqwest011::Error) -> ForgeError {
    let timeout = error.is_timeout();
    let mut message = error.without_url().to_string();
    if timeout {
        message = "no answer in time".to_owned();
    }
    ForgeError::Unreachable(message)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let header = response.headers().get(RETRY_AFTER)?;
    let seconds: i64 = header.to_str().ok()?.parse().ok()?;
    Some(Duration::seconds(seconds.max(0)).min(limits::FORGE_WAIT_MAX))
}

async fn bounded(mut response: Response) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(part) = response.chunk().await.map_err(unreachable)? {
        if whole.len() + part.len() > limits::FORGE_ANSWER_BYTES_MAX {
            return Err(ForgeError::Unreadable(format!(
                "an answer of more than {} MiB",
                limits::FORGE_ANSWER_BYTES_MAX >> 20
            )));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}
