//! Does a delivery count? The order of the questions is the point: a body is read only after its
//! signature was found right.
//!
//! Nothing here limits the size of a body; the endpoint stops reading at
//! [`limits::DELIVERY_BYTES_MAX`](crate::model::limits::DELIVERY_BYTES_MAX). Nothing here recognises
//! a delivery that came before; the store does, by the digest, because a repeated one has a new
//! delivery id (Gitea models/webhook/hooktask.go, `ReplayHookTask`).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::payload::{self, PayloadError};
use crate::forge::signature::{self, Secret, Unverified};
use crate::model::{Digest, ForgeEvent};

/// Why a delivery is refused. Its text is for our log; the sender gets the [`answer`](Self::answer).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Sent as a form, or as something else that is not JSON. The signature of a form is over
    /// another text than its body (Gitea services/webhook/deliver.go, `newDefaultRequest`).
    #[error("the content type is not application/json")]
    ContentType,
    /// Not proved to be from the forge.
    #[error("not authenticated: {0}")]
    Unverified(Unverified),
    /// From the forge, but not as we know it: a forge newer than its reader. It is never sent again,
    /// so the sweep must find what it announced.
    #[error(transparent)]
    Unreadable(PayloadError),
}

impl Refusal {
    /// The status for the sender.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unverified(_) => StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The words for the sender, who is told nothing about a signature. Whoever set up the hook reads
    /// them on the forge's page.
    pub fn answer(&self) -> String {
        match self {
            Self::ContentType => "set the webhook's content type to application/json".to_owned(),
            Self::Unverified(_) => "not authenticated".to_owned(),
            Self::Unreadable(error) => error.to_string(),
        }
    }
}

/// Checks a delivery and reads it.
///
/// # Errors
/// When it is not JSON, not signed with one of the secrets, or not readable.
pub fn accept(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
) -> Result<(ForgeEvent, Digest), Refusal> {
    if !is_json(headers) {
        return Err(Refusal::ContentType);
    }
    signature::verify(headers, body, secrets).map_err(Refusal::Unverified)?;
    let event = payload::read(headers, body).map_err(Refusal::Unreadable)?;
    Ok((event, Digest::of(body)))
}

/// Exactly one content type, and it is JSON. Gitea sends it without parameters; a proxy may add some.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next();
    essence.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn only_json_is_read() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json ; charset=utf-8",
        ] {
            assert!(is_json(&headers(&[("content-type", good)])), "{good}");
        }
        for bad in ["", "text/json", "application/json5", "multipart/form-data"] {
            assert!(!is_json(&headers(&[("content-type", bad)])), "{bad}");
        }
        let twice = ("content-type", "application/json");
        assert!(!is_json(&headers(&[twice, twice])));
        assert!(!is_json(&headers(&[])));
    }

    #[test]
    fn a_body_is_not_read_before_its_signature_is_right() {
        let secret = Secret::new("shared-by-us").unwrap();
        let body = b"not even JSON";
        let json = ("content-type", "application/json");
        let push = ("x-gitea-event", "push");

        let unsigned = accept(&headers(&[json, push]), body, slice::from_ref(&secret)).unwrap_err();
        assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(unsigned.answer(), "not authenticated");

        let signature = secret.sign(body);
        let signed = [json, push, ("x-gitea-signature", &signature)];
        let unreadable = accept(&headers(&signed), body, &[secret]).unwrap_err();
        assert_eq!(unreadable.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn the_digest_is_that_of_the_raw_body() {
        let secret = Secret::new("shared-by-us").unwrap();
        let body = b" {} ";
        let signature = secret.sign(body);
        let pairs = [
            ("content-type", "application/json"),
            ("x-forgejo-event", "wiki"),
            ("x-forgejo-signature", &signature),
        ];
        let (event, digest) = accept(&headers(&pairs), body, &[secret]).unwrap();
        let name = "wiki".to_owned();
        assert_eq!(event, ForgeEvent::Other { name });
        assert_eq!(digest, Digest::of(body));
    }
}
