//! From the headers and the body of a verified delivery to a [`ForgeEvent`]: the headers name the event.
//!
//! Nothing here asks the forge, or decides about the consequences of an event.

use http::HeaderMap;
use serde::de::DeserializeOwned;

use super::issue::{IssueBody, IssueCommentBody};
use super::push::{CreateBody, DeleteBody, PushBody};
use super::repository::{PackageBody, RepositoryBody};
use crate::forge::webhook::PayloadError;
use crate::model::ForgeEvent;

/// Headers that name the event, the fine name before the coarse one. A label put on an issue is `issue_label` in the
/// first and `issues` in the second; before Gitea 1.24 the second is empty for a package (Gitea
/// modules/webhook/type.go, `HookEventType.Event`). The copies of these headers for GitHub and Gogs are not read.
const EVENT_HEADERS: [&str; 4] = ["x-gitea-event-type", "x-forgejo-event-type", "x-gitea-event", "x-forgejo-event"];

/// Characters kept of the name of an unknown event.
const EVENT_NAME_CHARS_MAX: usize = 64;

/// Characters kept of a field's path and of a reason; both can repeat a text of the body.
const REASON_CHARS_MAX: usize = 300;

/// Reads an event. An event that Referee does not use becomes [`ForgeEvent::Other`], and its body is not read.
///
/// # Errors
/// No header names the event, or the body lacks a field that is read.
pub fn read_event(headers: &HeaderMap, body: &[u8]) -> Result<ForgeEvent, PayloadError> {
    match event_name(headers).ok_or(PayloadError::Unnamed)? {
        "push" => parse::<PushBody>(body),
        "create" => parse::<CreateBody>(body),
        "delete" => parse::<DeleteBody>(body),
        "issues" | "issue_assign" | "issue_label" | "issue_milestone" => parse::<IssueBody>(body),
        "issue_comment" => parse::<IssueCommentBody>(body),
        "repository" => parse::<RepositoryBody>(body),
        "package" => parse::<PackageBody>(body),
        other => Ok(ForgeEvent::Other { name: other.chars().take(EVENT_NAME_CHARS_MAX).collect() }),
    }
}

fn event_name(headers: &HeaderMap) -> Option<&str> {
    let values = EVENT_HEADERS.iter().filter_map(|name| headers.get(*name));
    values.filter_map(|value| value.to_str().ok()).find(|text| !text.is_empty())
}

fn parse<Body: DeserializeOwned + Into<ForgeEvent>>(body: &[u8]) -> Result<ForgeEvent, PayloadError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed: Body = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| unexpected(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| unexpected(".", &error))?;
    Ok(parsed.into())
}

fn unexpected(path: &str, error: &serde_json::Error) -> PayloadError {
    let short = |text: &str| text.chars().take(REASON_CHARS_MAX).collect();
    PayloadError::Unexpected { path: short(path), reason: short(&error.to_string()) }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().copied();
        HeaderMap::from_iter(pairs.map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))))
    }

    fn refusal(event: &'static str, body: &str) -> String {
        let headers = headers(&[("x-gitea-event-type", event)]);
        read_event(&headers, body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_fine_name_goes_before_the_coarse_one_and_an_empty_one_is_none() {
        let name = |pairs| event_name(&headers(pairs)).map(str::to_owned);
        let label = [("x-gitea-event", "issues"), ("x-gitea-event-type", "issue_label")];
        assert_eq!(name(&label).as_deref(), Some("issue_label"));
        let package = [("x-forgejo-event", ""), ("x-forgejo-event-type", "package")];
        assert_eq!(name(&package).as_deref(), Some("package"));
        assert_eq!(name(&[("x-gitea-event", "")]), None);
        assert_eq!(name(&[("x-github-event", "push")]), None);
        assert_eq!(read_event(&HeaderMap::new(), b"{}"), Err(PayloadError::Unnamed));
    }

    #[test]
    fn an_unknown_event_is_named_and_its_body_not_read() {
        let headers = headers(&[("x-gitea-event-type", "pull_request_comment")]);
        let name = "pull_request_comment".to_owned();
        assert_eq!(read_event(&headers, b"\xff"), Ok(ForgeEvent::Other { name }));
    }

    #[test]
    fn errors_name_the_field() {
        let zero = "0".repeat(40);
        let push = |id: &str, full_name: &str, reference: &str, after: &str| {
            format!(
                r#"{{"ref": "{reference}", "before": "{zero}", "after": "{after}",
                "repository": {{"id": {id}, "full_name": "{full_name}"}},
                "sender": {{"id": 3, "login": "alice"}}}}"#
            )
        };
        let sha = "5d8cf8ae".repeat(5);
        let cases = [
            (push("\"4\"", "a/b", "refs/heads/x", &sha), "`repository.id`: invalid type: string"),
            (push("4", "a", "refs/heads/x", &sha), "`repository.full_name`: "),
            (push("4", "a/../b", "refs/heads/x", &sha), "`repository.full_name`: "),
            (push("4", "a/b", "main", &sha), "`ref`: "),
            (push("4", "a/b", "refs/heads/a..b", &sha), "`ref`: "),
            (push("4", "a/b", "refs/heads/a\\u0000b", &sha), "`ref`: "),
            (push("4", "a/b", "refs/heads/x", &sha[1..]), "`after`: "),
            (push("4", "a/b", "refs/heads/x", &sha.to_uppercase()), "`after`: "),
            (push("4", "a/b", "refs/heads/x", &sha).replace("login", "name"), "`sender`: missing field `login`"),
            (push("4", "a/b", "refs/heads/x", &sha) + "{}", "`.`: trailing characters"),
            ("[".repeat(1000), "`[0]`: invalid type: sequence"),
            (r#"{"x":"#.repeat(1000), "`x`: EOF"),
            (String::new(), "`.`: EOF while parsing a value"),
        ];
        for (body, start) in cases {
            let reason = refusal("push", &body);
            assert!(reason.starts_with(start), "{start} but {reason}");
        }
    }

    #[test]
    fn reasons_are_short() {
        let long = "x".repeat(100_000);
        for body in [format!(r#"{{"repository": {{"id": "{long}"}}}}"#), format!(r#"{{"{long}": ]"#)] {
            assert!(refusal("push", &body).len() < 700);
        }
    }
}
