//! The API of Gitea and Forgejo over HTTP: one client for gitea-rs and for the calls that gitea-rs gets wrong.
//!
//! gitea-rs makes the calls whose readable answer proves that something was written: creating statuses, issues and
//! comments, and editing comments. All other calls are made here, for one of these reasons:
//! - gitea-rs takes a redirect for success. A call that authorizes an account, or has no answer to read,
//!   needs the status.
//! - It drops the headers, and with them `Retry-After` and the paging of lists.
//! - It reads bodies without a limit, and the bodies of issues, comments and trees come from participants.
//! - It lacks operations (commits of several files, writing notes), and the closed enums of others refuse the answers
//!   of some versions (permissions of a team).
//!
//! The client follows no redirect: a POST that follows one becomes a GET, and nothing is written. It sends the token in
//! one header and nowhere else. `Configuration::api_key` of gitea-rs is never used, because it puts the token into
//! the address and into `Sudo`; its other fields for tokens have no effect. So a client is made for each token.

use std::sync::{Arc, Mutex, PoisonError};

use gitea_rs::apis::Error as ApiError;
use gitea_rs::apis::configuration::Configuration;
use reqwest011::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest011::{Method, Response, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::Secret;
use crate::forge::credentials::Credentials;
use crate::forge::error::AnswerHeaders;
use crate::forge::{ForgeError, Result};
use crate::model::{Duration, limits};

const USER_AGENT: &str = concat!("referee/", env!("CARGO_PKG_VERSION"));

/// The largest page that an instance gives by default (`[api] MAX_RESPONSE_ITEMS`).
const PAGE: &str = "50";

/// The API of one forge, as one account. Clones share their connections.
#[derive(Clone)]
pub(super) struct Client {
    /// `https://git.example.org/api/v1`.
    base: Url,
    call_time: Duration,
    credentials: Arc<dyn Credentials>,
    session: Arc<Mutex<Option<Session>>>,
}

/// Connections that send one token.
#[derive(Clone)]
struct Session {
    token: Secret,
    api: Configuration,
}

impl Session {
    async fn send(&self, method: Method, url: Url, query: &[(&str, &str)], body: Option<&Value>) -> Result<Answer> {
        let mut request = self.api.client.request(method, url).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        Ok(Answer {
            status: response.status().as_u16(),
            headers: AnswerHeaders::read(header),
            body: bounded(response).await?,
        })
    }
}

/// The answer to a call.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: AnswerHeaders,
    body: Vec<u8>,
}

impl Answer {
    /// The body as a value.
    ///
    /// # Errors
    /// [`ForgeError::Unreadable`] for a body that does not fit.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| ForgeError::Unreadable(e.to_string()))
    }

    fn error(&self) -> Option<ForgeError> {
        error_of(self.status, &self.headers, &String::from_utf8_lossy(&self.body))
    }
}

impl Client {
    /// A client of the forge at this address (without `/` at the end), which waits so long for each answer. Nothing is
    /// asked yet.
    ///
    /// # Errors
    /// The address cannot be used in HTTP.
    pub(super) fn new(url: &str, credentials: Arc<dyn Credentials>, call_time: Duration) -> Result<Self> {
        let base = Url::parse(&format!("{url}/api/v1")).map_err(|_| unusable("address"))?;
        Ok(Self { base, call_time, credentials, session: Arc::default() })
    }

    /// Connections with the token of now.
    async fn session(&self) -> Result<Session> {
        let token = self.credentials.token().await?;
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        match current.as_ref().filter(|session| session.token == token) {
            Some(session) => Ok(session.clone()),
            None => Ok(current.insert(self.new_session(token)?).clone()),
        }
    }

    fn new_session(&self, token: Secret) -> Result<Session> {
        let mut authorization =
            HeaderValue::from_str(&format!("token {}", token.expose())).map_err(|_| unusable("token"))?;
        authorization.set_sensitive(true);
        let client = reqwest011::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(limits::FORGE_CONNECT_TIME.std())
            .timeout(self.call_time.std())
            .build()
            .map_err(unreachable)?;
        let api = Configuration {
            base_path: self.base.to_string(),
            user_agent: None,
            client,
            basic_auth: None,
            oauth_access_token: None,
            bearer_access_token: None,
            api_key: None,
        };
        Ok(Session { token, api })
    }

    /// A call of gitea-rs; once more with another token where the forge refuses the first one.
    pub(super) async fn generated<T, E, F, R>(&self, call: F) -> Result<T>
    where
        F: Fn(Configuration) -> R,
        R: Future<Output = Result<T, ApiError<E>>>,
    {
        let Session { token, api } = self.session().await?;
        match call(api).await.map_err(error_of_generated) {
            Err(ForgeError::Unauthorized) if self.credentials.renew(&token).await? => {
                let api = self.session().await?.api;
                call(api).await.map_err(error_of_generated)
            }
            other => other,
        }
    }

    /// One request, by the segments of its path below `/api/v1`, and its answer of any status; once more with another
    /// token where the forge refuses the first one.
    ///
    /// # Errors
    /// No answer, one that is too large, or one that asks Referee to wait.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| unusable("address"))?.extend(path);
        let session = self.session().await?;
        let mut answer = session.send(method.clone(), url.clone(), query, body).await?;
        if answer.status == 401 && self.credentials.renew(&session.token).await? {
            let renewed = self.session().await?;
            answer = renewed.send(method, url, query, body).await?;
        }
        match answer.error() {
            Some(busy @ ForgeError::Busy { after: Some(_) }) => Err(busy),
            _ => Ok(answer),
        }
    }

    /// One request that has to succeed.
    ///
    /// # Errors
    /// As [`Client::ask`], and the meaning of every status but 2xx.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let answer = self.ask(method, path, query, body).await?;
        answer.error().map_or(Ok(answer), Err)
    }

    /// Reads something; `None` for 404.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>> {
        match self.call(Method::GET, path, &[], None).await {
            Ok(answer) => answer.json().map(Some),
            Err(ForgeError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All entries of a list.
    ///
    /// # Errors
    /// Also for a list of more than [`limits::FORGE_PAGES_MAX`] pages.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let take = |entries| {
            all.extend::<Vec<T>>(entries);
            false
        };
        self.pages(path, query, take).await?;
        Ok(all)
    }

    /// The first entry of a list that fits. The pages after it are not read.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        let mut found = None;
        let take = |entries: Vec<T>| {
            found = entries.into_iter().find(&fits);
            found.is_some()
        };
        self.pages(path, &[], take).await?;
        Ok(found)
    }

    /// Reads a list page by page, until `take` returns `true`. A forge may give shorter pages than requested, so only
    /// an empty page is the end.
    async fn pages<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        mut take: impl FnMut(Vec<T>) -> bool,
    ) -> Result<()> {
        for page in 1..=limits::FORGE_PAGES_MAX {
            let page = page.to_string();
            let query = [query, &[("page", page.as_str()), ("limit", PAGE)]].concat();
            let answer = self.call(Method::GET, path, &query, None).await?;
            let entries: Vec<T> = answer.json()?;
            if entries.is_empty() || take(entries) {
                return Ok(());
            }
        }
        let most = limits::FORGE_PAGES_MAX;
        let message = format!("a list of more than {most} pages");
        Err(ForgeError::Unreadable(message))
    }
}

/// A field of an answer that proves the write: the answer to a redirect lacks it.
pub(super) fn present<T>(field: Option<T>, subject: &str) -> Result<T> {
    field.ok_or_else(|| ForgeError::Unreadable(format!("an answer without the id of {subject}")))
}

fn unusable(part: &str) -> ForgeError {
    ForgeError::Invalid(format!("the {part} cannot be used in HTTP"))
}

/// Gitea 1.27 and later answer 403 to the loser of a race between writers (recordings, `contents-race`).
fn error_of(status: u16, headers: &AnswerHeaders, body: &str) -> Option<ForgeError> {
    match ForgeError::of_answer(status, headers, body)? {
        ForgeError::Forbidden(message) if body.contains("cannot lock ref") => Some(ForgeError::Conflict(message)),
        error => Some(error),
    }
}

fn error_of_generated<T>(error: ApiError<T>) -> ForgeError {
    match error {
        ApiError::Reqwest(error) => unreachable(error),
        ApiError::Serde(error) => ForgeError::Unreadable(error.to_string()),
        ApiError::Io(error) => ForgeError::Io(error),
        ApiError::ResponseError(answer) => {
            let status = answer.status.as_u16();
            match error_of(status, &AnswerHeaders::default(), &answer.content) {
                // Without the headers, the caller decides how long to wait for a busy forge.
                _ if status == 503 => ForgeError::Busy { after: None },
                Some(error) => error,
                None => ForgeError::Unreadable(format!("an error with the unexpected status {status}")),
            }
        }
    }
}

/// Without the address, which may be internal.
fn unreachable(error: reqwest011::Error) -> ForgeError {
    let message = if error.is_timeout() { "no answer in time".to_owned() } else { error.without_url().to_string() };
    ForgeError::Unreachable(message)
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
