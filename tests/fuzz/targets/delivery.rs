//! Webhooks: an unsigned delivery is refused; an event that is read is small and can be stored.
//!
//! The bytes are headers, one in each line, an empty line, and the body.

use http::{HeaderMap, HeaderName, HeaderValue};
use referee::forge::Webhooks as _;
use referee::forge::gitea::{GiteaWebhooks, read_event};
use referee::forge::signature::WebhookSecret;
use referee::forge::webhook::DeliveryRefusal as Refusal;
use referee::model::{Digest, ForgeEvent};

const SIGNATURES: [&str; 3] = ["x-gitea-signature", "x-forgejo-signature", "x-hub-signature-256"];

pub(super) fn keeps(bytes: &[u8]) {
    let (mut headers, body) = split(bytes);
    let (Ok(ours), Ok(other)) = (WebhookSecret::new("shared-by-us"), WebhookSecret::new("never-shared")) else {
        panic!("fit secrets");
    };
    let event = read_event(&headers, body);
    // The author of these bytes cannot know the secrets.
    let webhooks = GiteaWebhooks::new(vec![other, ours.clone()]);
    let unsigned = webhooks.accept(&headers, body);
    assert!(matches!(unsigned, Err(Refusal::ContentType | Refusal::Unverified(_))), "{unsigned:?}");
    for name in SIGNATURES {
        headers.remove(name);
    }
    if let Ok(value) = HeaderValue::from_str(&ours.sign(body)) {
        headers.insert(SIGNATURES[0], value);
    }
    match (webhooks.accept(&headers, body), &event) {
        (Err(Refusal::ContentType), _) => {}
        (Ok(accepted), Ok(event)) => {
            assert_eq!((&accepted.event, accepted.digest), (event, Digest::of(body)));
        }
        (Err(Refusal::Unreadable(reason)), Err(error)) => assert_eq!(&reason, error),
        (outcome, event) => panic!("{outcome:?} of {event:?}"),
    }
    match event {
        Ok(event) => is_kept(&event, body),
        Err(error) => assert!(error.to_string().len() < 4000, "{error}"),
    }
}

/// The store gives back the event that was read.
fn is_kept(event: &ForgeEvent, body: &[u8]) {
    let kept = serde_json::to_string(event).unwrap_or_default();
    assert!(kept.len() <= 4 * body.len() + 1000, "{} of {}", kept.len(), body.len());
    let again: ForgeEvent = serde_json::from_str(&kept).expect("what was kept");
    assert_eq!(&again, event);
}

fn split(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(100) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    (headers, body)
}
