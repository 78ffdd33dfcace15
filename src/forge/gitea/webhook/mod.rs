//! The deliveries of Gitea and Forgejo, read into [`ForgeEvent`](crate::model::ForgeEvent)s.
//!
//! [`payload`] finds the event's name and parses the body; the files beside it hold the bodies.

pub mod payload;

mod fields;
mod issue;
mod push;
mod repository;

use http::HeaderMap;

use crate::forge::Webhooks;
use crate::forge::signature::{HUB_SIGNATURE_256, SignatureHeader, WebhookSecret};
use crate::forge::webhook::{self, DeliveryRefusal, VerifiedDelivery};

/// The headers with a signature. Gitea sends the first and the last (services/webhook/deliver.go, `addDefaultHeaders`),
/// Forgejo all three (services/webhook/shared/payloader.go). `X-Gogs-Signature` repeats the first, and
/// `X-Hub-Signature` is SHA-1: neither is read.
const SIGNATURES: [SignatureHeader; 3] = [
    SignatureHeader { name: "x-gitea-signature", prefix: "" },
    SignatureHeader { name: "x-forgejo-signature", prefix: "" },
    HUB_SIGNATURE_256,
];

/// The webhooks of one Gitea or Forgejo.
#[derive(Debug, Clone)]
pub struct GiteaWebhooks {
    secrets: Vec<WebhookSecret>,
}

impl GiteaWebhooks {
    /// Accepts deliveries that were signed with any of these secrets.
    pub fn new(secrets: Vec<WebhookSecret>) -> Self {
        Self { secrets }
    }
}

impl Webhooks for GiteaWebhooks {
    fn accept(&self, headers: &HeaderMap, body: &[u8]) -> Result<VerifiedDelivery, DeliveryRefusal> {
        webhook::accept(headers, body, &self.secrets, &SIGNATURES, payload::read_event)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;
    use crate::model::{Digest, ForgeEvent};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn webhooks() -> (GiteaWebhooks, WebhookSecret) {
        let secret = WebhookSecret::new("shared-by-us").unwrap();
        (GiteaWebhooks::new(vec![secret.clone()]), secret)
    }

    #[test]
    fn a_body_is_not_read_before_its_signature_is_right() {
        let (webhooks, secret) = webhooks();
        let body = b"not even JSON";
        let json = ("content-type", "application/json");
        let push = ("x-gitea-event", "push");

        let unsigned = webhooks.accept(&headers(&[json, push]), body).unwrap_err();
        assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(unsigned.answer(), "not authenticated");

        let signature = secret.sign(body);
        let signed = [json, push, ("x-gitea-signature", &signature)];
        let unreadable = webhooks.accept(&headers(&signed), body).unwrap_err();
        assert_eq!(unreadable.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn the_digest_is_that_of_the_raw_body() {
        let (webhooks, secret) = webhooks();
        let body = b" {} ";
        let signature = secret.sign(body);
        let pairs =
            [("content-type", "application/json"), ("x-forgejo-event", "wiki"), ("x-forgejo-signature", &signature)];
        let delivery = webhooks.accept(&headers(&pairs), body).unwrap();
        let name = "wiki".to_owned();
        assert_eq!(delivery.event, ForgeEvent::Other { name });
        assert_eq!(delivery.digest, Digest::of(body));
    }

    #[test]
    fn each_header_of_either_software_is_verified() {
        let (webhooks, secret) = webhooks();
        let event = [("content-type", "application/json"), ("x-gitea-event", "wiki")];
        let good = secret.sign(b"{}");
        let (hub, bad) = (format!("sha256={good}"), secret.sign(b"[]"));
        let right = [
            ("x-gitea-signature", good.as_str()),
            ("x-forgejo-signature", &good),
            ("x-hub-signature-256", &hub),
            ("x-hub-signature", "sha1=anything"),
        ];
        let accepts = |signatures: &[(&'static str, &str)]| {
            let all = headers(&[&event[..], signatures].concat());
            webhooks.accept(&all, b"{}").is_ok()
        };
        assert!(accepts(&right));
        for one in &right[..3] {
            assert!(accepts(&[*one]), "{one:?}");
        }
        assert!(!accepts(&[right[0], ("x-forgejo-signature", &bad)]));
        assert!(!accepts(&[("x-gitea-signature", &bad), right[2]]));
        assert!(!accepts(&[("x-gogs-signature", &good)]));
    }
}
