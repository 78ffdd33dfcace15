//! The login that a registry asks for, and the hosts that may see our credentials.
//!
//! There are two schemes: Basic, and Bearer with a token from a second address that the registry names. A registry that
//! names an unknown host is refused, because that host would get our credentials.

use std::collections::BTreeMap;

use base64::Engine as _;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;

use super::{RegistryError, Result};
use crate::config::Secret;

/// The login that a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and token in every request.
    Basic,
    /// A token from the address `realm`, for a service.
    Bearer { realm: String, service: Option<String> },
}

/// The known challenge of an answer; Bearer, if there are several.
pub(super) fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let mut basic = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let (scheme, parameters) = value.to_str().ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let mut parameters = read_parameters(parameters);
            let realm = parameters.remove("realm")?;
            let service = parameters.remove("service");
            return Some(Challenge::Bearer { realm, service });
        }
    }
    basic
}

/// `key="value", key=value`; a value in quotes may hold commas and escaped quotes.
fn read_parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => read_quoted(quoted),
            None => {
                let (value, after) = after.split_once(',').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        let key = key.trim_matches([' ', ',']).to_ascii_lowercase();
        found.entry(key).or_insert(value);
        rest = after;
    }
    found
}

fn read_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// The header `Basic …`, which never prints itself.
pub(super) fn basic(user: &str, token: &Secret) -> Result<HeaderValue> {
    let both = format!("{user}:{}", token.expose());
    let encoded = base64::engine::general_purpose::STANDARD.encode(both);
    sensitive(&format!("Basic {encoded}"))
}

/// The header `Bearer …` from the answer of a host that gives tokens.
pub(super) fn bearer(answer: &[u8]) -> Result<HeaderValue> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    // The error of the JSON reader would quote the text.
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|_| RegistryError::Protocol("Referee cannot read its answer to the request for a token".into()))?;
    match answer.token.or(answer.access_token) {
        Some(token) if !token.is_empty() => sensitive(&format!("Bearer {token}")),
        _ => Err(RegistryError::Auth("it gives no token".into())),
    }
}

fn sensitive(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| RegistryError::Auth("user or token contain characters that HTTP does not allow".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The hosts that may give tokens for a registry. No other host sees our credentials.
pub(super) struct TokenHosts<'a> {
    /// The registry itself, as Referee reaches it.
    pub registry: &'a Url,
    /// Its public address, which Referee may be unable to reach.
    pub public: Option<&'a Url>,
    /// Another configured host.
    pub other: Option<&'a Url>,
}

impl TokenHosts<'_> {
    /// The address to ask for a token to read one repository. An address at the registry's public host is replaced by
    /// the same path at the address that Referee reaches.
    ///
    /// # Errors
    /// The registry names an unknown host.
    pub(super) fn address(&self, realm: &str, service: Option<&str>, repository: &str) -> Result<Url> {
        let mut url =
            Url::parse(realm).map_err(|_| RegistryError::Protocol("it names no address for tokens".into()))?;
        let is = |known: &Url| known.origin() == url.origin();
        if !is(self.registry) && !self.other.is_some_and(is) {
            if !self.public.is_some_and(is) {
                let named = url.origin().ascii_serialization();
                return Err(RegistryError::Protocol(format!(
                    "it names another host for tokens, `{named}`; if that is the public address of the forge, set \
                     `public-url` in its table of referee.toml"
                )));
            }
            let mut here = self.registry.clone();
            here.set_path(url.path());
            here.set_query(url.query());
            url = here;
        }
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let scope = format!("repository:{repository}:pull");
        url.query_pairs_mut().append_pair("scope", &scope);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge_of(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        challenge(&headers)
    }

    #[test]
    fn challenges_of_forges_are_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned) })
        };
        let gitea = r#"Bearer realm="https://git.example.org/v2/token",service="container_registry",scope="*""#;
        assert_eq!(
            challenge_of(&[r#"Basic realm="x""#, gitea]),
            bearer("https://git.example.org/v2/token", Some("container_registry"))
        );
        assert_eq!(
            challenge_of(&[r#"bearer service="a, \"b\"", realm=http://x/"#]),
            bearer("http://x/", Some(r#"a, "b""#))
        );
        assert_eq!(challenge_of(&[r#"Basic realm="x""#]), Some(Challenge::Basic));
        for none in ["Bearer scope=\"x\"", "Negotiate abc", "Bearer", ""] {
            assert_eq!(challenge_of(&[none]), None, "{none}");
        }
        assert_eq!(challenge_of(&[r#"Bearer realm="unclosed"#]), bearer("unclosed", None));
    }

    #[test]
    fn tokens_are_asked_of_known_hosts_only() {
        let own = Url::parse("https://git.example.org").unwrap();
        let hosts = TokenHosts { registry: &own, public: None, other: None };
        let address = |realm: &str| hosts.address(realm, Some("a b"), "o/x");
        assert_eq!(
            address("https://git.example.org/v2/token?a=1").unwrap().as_str(),
            "https://git.example.org/v2/token?a=1&service=a+b&scope=repository%3Ao%2Fx%3Apull"
        );
        for foreign in [
            "https://evil.example.org/token",
            "http://git.example.org/token",
            "https://git.example.org:8443/token",
            "https://git.example.org@evil.example.org/token",
            "/token",
            "file:///etc/passwd",
        ] {
            assert!(address(foreign).is_err(), "{foreign}");
        }
        let other = Url::parse("https://auth.example.org").unwrap();
        let configured = TokenHosts { other: Some(&other), ..hosts };
        let url = configured.address("https://auth.example.org/t", None, "x");
        assert_eq!(url.unwrap().host_str(), Some("auth.example.org"));
    }

    #[test]
    fn a_public_address_is_replaced_by_the_reachable_one() {
        let inside = Url::parse("http://gitea:3000").unwrap();
        let public = Url::parse("https://git.example.org").unwrap();
        let hosts = TokenHosts { registry: &inside, public: Some(&public), other: None };
        for realm in ["https://git.example.org/v2/token?a=1", "http://gitea:3000/v2/token?a=1"] {
            let url = hosts.address(realm, None, "o/x").unwrap();
            assert_eq!(url.as_str(), "http://gitea:3000/v2/token?a=1&scope=repository%3Ao%2Fx%3Apull");
        }
        for foreign in [
            "http://git.example.org/v2/token",
            "https://git.example.org:3000/v2/token",
            "https://git.example.org.evil.example/v2/token",
            "https://gitea:3000/v2/token",
        ] {
            let message = hosts.address(foreign, None, "o/x").unwrap_err().to_string();
            assert!(message.contains("`public-url`"), "{message}");
        }
    }

    #[test]
    fn tokens_are_taken_by_either_name_and_never_shown() {
        for answer in [r#"{"token":"hush"}"#, r#"{"access_token":"hush"}"#] {
            let value = bearer(answer.as_bytes()).unwrap();
            assert_eq!(value.to_str().unwrap(), "Bearer hush");
            assert!(!format!("{value:?}").contains("hush"));
        }
        for bad in [r#"{"token":"hush\n"}"#, r#"{"token":"hush""#, r#"{"token":""}"#, "{}"] {
            let error = bearer(bad.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
        let value = basic("me", &Secret::new("hush")).unwrap();
        assert_eq!(value.to_str().unwrap(), "Basic bWU6aHVzaA==");
        assert!(!format!("{value:?}").contains("bWU"));
    }
}
