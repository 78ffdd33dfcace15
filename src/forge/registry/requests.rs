//! Requests to a registry, each bounded in time and bytes, and the meaning of their answers.

use reqwest::header::{HeaderMap, LINK};
use reqwest::{RequestBuilder, Response, StatusCode, Url};

use super::{RegistryError, Result};
use crate::model::{Duration, limits};

/// Bounds a call that should end soon.
pub(super) async fn within<T>(time: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| RegistryError::Network { retryable: true, message: format!("no answer within {time}") };
    tokio::time::timeout(time.std(), call).await.map_err(late)?
}

/// Sends a request and returns when the headers of its answer are here.
pub(super) async fn send(request: RequestBuilder) -> Result<Response> {
    within(limits::REGISTRY_CALL_TIME, async { request.send().await.map_err(network_error) }).await
}

/// Turns every answer but 200 into an error about `subject`.
pub(super) fn accept(answer: Response, subject: &str) -> Result<Response> {
    let status = answer.status();
    let message = || format!("{subject} ({status})");
    Err(match status {
        StatusCode::OK => return Ok(answer),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Auth(message()),
        StatusCode::NOT_FOUND | StatusCode::GONE => RegistryError::NotFound(subject.to_owned()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => retryable(message()),
        _ if status.is_server_error() => retryable(message()),
        _ => RegistryError::Protocol(message()),
    })
}

fn retryable(message: String) -> RegistryError {
    RegistryError::Network { retryable: true, message }
}

/// The body of an answer, up to a limit in bytes.
pub(super) async fn read_body(mut answer: Response, limit: usize, subject: &str) -> Result<Vec<u8>> {
    let read = async {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(network_error)? {
            if bytes.len() + piece.len() > limit {
                return Err(RegistryError::TooLarge { subject: subject.to_owned(), limit: limit as u64 });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    within(limits::REGISTRY_CALL_TIME, read).await
}

/// The page after this one, on the same registry.
pub(super) fn next_page(at: &Url, headers: &HeaderMap) -> Result<Option<Url>> {
    let link = headers.get(LINK).and_then(|link| link.to_str().ok());
    let Some(link) = link.filter(|link| link.contains("rel=\"next\"")) else {
        return Ok(None);
    };
    let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    match target.and_then(|(target, _)| at.join(target).ok()) {
        Some(next) if next.origin() == at.origin() => Ok(Some(next)),
        _ => Err(RegistryError::Protocol("its list of tags continues on another host".into())),
    }
}

/// The address of a registry.
pub(super) fn base_address(address: &str) -> Result<Url> {
    match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(RegistryError::Protocol("a registry's address starts with http:// or https://".into())),
    }
}

/// Without the address: after a redirect, the address alone gives access to the blob.
pub(super) fn network_error(error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    RegistryError::Network { retryable: !error.is_builder(), message }
}

/// Whether this can be a repository: lower-case words, joined by single `.`, `_`, `__` or hyphens; the words of a path
/// by `/`.
pub(super) fn is_repository(name: &str) -> bool {
    let word = |word: &str| {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let edges = word.bytes().next().is_some_and(alphanumeric) && word.bytes().last().is_some_and(alphanumeric);
        edges && word.bytes().all(|b| alphanumeric(b) || matches!(b, b'.' | b'_' | b'-')) && !word.contains("..")
    };
    name.len() <= limits::REGISTRY_NAME_CHARS_MAX && name.split('/').all(word)
}

pub(super) fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= limits::REGISTRY_TAG_CHARS_MAX
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        for good in ["a", "phakir/team-a", "phakir/team-a/my_method.v2", "a__b"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "/", "a//b", "../a", "a/..", "A", "a b", "a?x", "-a", "a%2f", "a#"] {
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
            next("</v2/a/tags/list?last=x&n=2>; rel=\"next\"").unwrap().unwrap().as_str(),
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
            assert!(base_address(bad).is_err(), "{bad}");
        }
    }
}
