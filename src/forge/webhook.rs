//! Webhooks: how a delivery becomes an event, or is refused.
//!
//! The order of the questions matters: the signature is verified before the body is parsed. Nothing here limits the
//! size of a body; the endpoint stops reading at
//! [`limits::DELIVERY_BYTES_MAX`](crate::model::limits::DELIVERY_BYTES_MAX). Nothing here recognizes a delivery that
//! arrived before; the store does so by its digest, because a repeated delivery may have another id.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::signature::{self, SignatureHeader, Unverified, WebhookSecret};
use crate::model::{Digest, ForgeEvent};

/// The webhooks of one forge. They need no credentials: deliveries arrive also where Referee cannot ask the forge.
pub trait Webhooks: Send + Sync {
    /// Verifies that the forge sent this delivery, and then reads it.
    ///
    /// # Errors
    /// The delivery is not JSON, not signed with a known secret, or not readable.
    fn accept(&self, headers: &HeaderMap, body: &[u8]) -> Result<VerifiedDelivery, DeliveryRefusal>;
}

/// A delivery that the forge has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedDelivery {
    pub event: ForgeEvent,
    /// Of the raw body.
    pub digest: Digest,
}

/// Why a delivery is refused. The text is for Referee's log; the sender gets the [`answer`](Self::answer).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryRefusal {
    /// The content type is a form or something else that is not JSON. A form's signature may cover another text than
    /// its body (Gitea services/webhook/deliver.go, `newDefaultRequest`).
    #[error("the content type is not application/json")]
    ContentType,
    #[error("not authenticated: {0}")]
    Unverified(Unverified),
    /// The forge sent it, and the body is not as expected: the forge may be newer than Referee. The forge does not
    /// send it again, so the sweep must find its content.
    #[error(transparent)]
    Unreadable(PayloadError),
}

impl DeliveryRefusal {
    /// The status for the sender.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unverified(_) => StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The text for the sender, without any detail about a signature. The administrator of the hook reads it on the
    /// forge's page.
    pub fn answer(&self) -> String {
        match self {
            Self::ContentType => "set the webhook's content type to application/json".to_owned(),
            Self::Unverified(_) => "not authenticated".to_owned(),
            Self::Unreadable(error) => error.to_string(),
        }
    }
}

/// Why a body is not the event that its headers announce.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("no header names the event")]
    Unnamed,
    #[error("`{path}`: {reason}")]
    Unexpected {
        /// The field, as in `repository.id`; `.` is the whole body. Shortened.
        path: String,
        /// Shortened.
        reason: String,
    },
}

/// Accepts a delivery: JSON, signed in one of these headers with one of the secrets, and then read by `read`.
///
/// # Errors
/// As [`Webhooks::accept`].
pub fn accept(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[WebhookSecret],
    signatures: &[SignatureHeader],
    read: impl Fn(&HeaderMap, &[u8]) -> Result<ForgeEvent, PayloadError>,
) -> Result<VerifiedDelivery, DeliveryRefusal> {
    if !is_json(headers) {
        return Err(DeliveryRefusal::ContentType);
    }
    signature::verify(headers, body, secrets, signatures).map_err(DeliveryRefusal::Unverified)?;
    let event = read(headers, body).map_err(DeliveryRefusal::Unreadable)?;
    Ok(VerifiedDelivery { event, digest: Digest::of(body) })
}

/// Whether there is exactly one content type, and it is JSON. A proxy may add parameters.
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
        for good in ["application/json", "Application/JSON", "application/json ; charset=utf-8"] {
            assert!(is_json(&headers(&[("content-type", good)])), "{good}");
        }
        for bad in ["", "text/json", "application/json5", "multipart/form-data"] {
            assert!(!is_json(&headers(&[("content-type", bad)])), "{bad}");
        }
        let twice = ("content-type", "application/json");
        assert!(!is_json(&headers(&[twice, twice])));
        assert!(!is_json(&headers(&[])));
    }
}
