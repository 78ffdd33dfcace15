//! Webhooks: what is not signed does not count; what is read is small and can be kept.
//!
//! The bytes are headers, one a line, an empty line, and the body.

use http::{HeaderMap, HeaderName, HeaderValue};
use referee::forge::gitea::{Refusal, accept, read};
use referee::forge::signature::Secret;
use referee::model::{Digest, ForgeEvent};

const SIGNATURES: [&str; 3] = [
    "x-gitea-signature",
    "x-forgejo-signature",
    "x-hub-signature-256",
];

pub fn keeps(bytes: &[u8]) {
    let (mut headers, body) = split(bytes);
    let (Ok(ours), Ok(other)) = (Secret::new("shared-by-us"), Secret::new("never-shared")) else {
        panic!("fit secrets");
    };
    let event = read(&headers, body);
    // The author of these bytes cannot know the secrets.
    let unsigned = accept(&headers, body, &[ours.clone(), other.clone()]);
    assert!(
        matches!(unsigned, Err(Refusal::ContentType | Refusal::Unverified(_))),
        "{unsigned:?}"
    );
    for name in SIGNATURES {
        headers.remove(name);
    }
    if let Ok(value) = HeaderValue::from_str(&ours.sign(body)) {
        headers.insert(SIGNATURES[0], value);
    }
    match (accept(&headers, body, &[other, ours]), &event) {
        (Err(Refusal::ContentType), _) => {}
        (Ok((accepted, digest)), Ok(event)) => {
            assert_eq!((&accepted, digest), (event, Digest::of(body)));
        }
        (Err(Refusal::Unreadable(why)), Err(error)) => assert_eq!(&why, error),
        (outcome, event) => panic!("{outcome:?} of {event:?}"),
    }
    match event {
        Ok(event) => is_kept(&event, body),
        Err(error) => assert!(error.to_string().len() < 4000, "{error}"),
    }
}

/// What the store keeps is what was read.
fn is_kept(event: &ForgeEvent, body: &[u8]) {
    let kept = serde_json::to_string(event).unwrap_or_default();
    assert!(
        kept.len() <= 4 * body.len() + 1000,
        "{} of {}",
        kept.len(),
        body.len()
    );
    let again: ForgeEvent = serde_json::from_str(&kept).expect("what was kept");
    assert_eq!(&again, event);
}

fn split(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(100) {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    (headers, body)
}
