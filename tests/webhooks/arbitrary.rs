//! Arbitrary deliveries: nothing panics, and every event that is read keeps its promises.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use referee::forge::Webhooks as _;
use referee::forge::gitea::{GiteaWebhooks, read_event};
use referee::forge::signature::WebhookSecret;
use referee::forge::webhook::PayloadError;
use referee::model::{ForgeEvent, RefKind};
use serde_json::{Value, json};

use crate::recording::{Recording, fixture_forges};

const EVENTS: [&str; 11] = [
    "push",
    "create",
    "delete",
    "issues",
    "issue_assign",
    "issue_label",
    "issue_milestone",
    "issue_comment",
    "repository",
    "package",
    "other",
];

const HEADERS: [&str; 9] = [
    "content-type",
    "x-gitea-event",
    "x-gitea-event-type",
    "x-forgejo-event",
    "x-forgejo-event-type",
    "x-gitea-signature",
    "x-forgejo-signature",
    "x-hub-signature-256",
    "x-hub-signature",
];

fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

fn webhooks() -> GiteaWebhooks {
    GiteaWebhooks::new(vec![WebhookSecret::new("shared-by-us").unwrap()])
}

/// Any bytes, or a plausible value of a header.
fn header_value() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::sample::select(&EVENTS[..]).prop_map(|name| name.as_bytes().to_vec()),
        Just(b"application/json".to_vec()),
        "(sha256=)?[0-9a-fA-F]{62,66}".prop_map(String::into_bytes),
    ];
    bytes.prop_filter_map("no header holds these bytes", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let pair = (prop::sample::select(&HEADERS[..]), header_value());
    prop::collection::vec(pair, 0..12).prop_map(|pairs| {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), value);
        }
        map
    })
}

fn named(event: &'static str) -> HeaderMap {
    let name = HeaderName::from_static("x-gitea-event-type");
    HeaderMap::from_iter([(name, HeaderValue::from_static(event))])
}

/// Values to replace the value of a field.
fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0a]{39,41}|[0a]{63,65}".prop_map(Value::from),
        "(refs/(heads|tags|notes)/)?[a/.@{~\u{0}ü-]{0,6}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
    ]
}

/// Replaces the `n`th node, counted from the root.
fn replace(node: &mut Value, n: &mut usize, value: &Value) -> bool {
    if *n == 0 {
        *node = value.clone();
        return true;
    }
    *n -= 1;
    match node {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, n, value)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, n, value)),
        _ => false,
    }
}

/// The promises that users of events rely on.
fn keeps_its_promises(event: &ForgeEvent) -> bool {
    match event {
        ForgeEvent::Pushed { full_ref, before, after, .. } => {
            RefKind::of(full_ref).is_some() && before.as_ref() != Some(after)
        }
        ForgeEvent::Created { full_ref, kind, .. } | ForgeEvent::Deleted { full_ref, kind, .. } => {
            full_ref.starts_with(kind.prefix()) && full_ref.len() > kind.prefix().len()
        }
        _ => true,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_delivery_without_the_secret_is_refused(
        headers in headers(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(webhooks().accept(&headers, &body).is_err());
    }

    #[test]
    fn any_body_is_read_or_refused(
        headers in headers(),
        event in prop::sample::select(&EVENTS[..]),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            odd_value().prop_map(|value| value.to_string().into_bytes()),
        ],
    ) {
        let outcome = read_event(&headers, &body);
        prop_assert!(outcome.is_err() || outcome.is_ok_and(|event| keeps_its_promises(&event)));
        let outcome = read_event(&named(event), &body);
        prop_assert_eq!(outcome.is_ok(), event == "other");
    }

    #[test]
    fn any_refs_and_ids_are_read_or_refused(
        event in prop::sample::select(&["push", "create", "delete"][..]),
        values in prop::array::uniform5(odd_value()),
    ) {
        let [full_ref, before, after, sha, kind] = values;
        let body = json!({
            "ref": full_ref, "before": before, "after": after, "sha": sha,
            "ref_type": if kind.is_null() { kind } else { "tag".into() },
            "repository": {"id": 4, "full_name": "phakir/team-alpha"},
            "sender": {"id": 3, "login": "alice"},
        });
        if let Ok(event) = read_event(&named(event), body.to_string().as_bytes()) {
            prop_assert!(keeps_its_promises(&event), "{event:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    #[test]
    fn real_bodies_with_one_odd_value_are_read_or_refused(
        value in odd_value(),
        location in any::<prop::sample::Index>(),
    ) {
        for folder in fixture_forges() {
            for mut recording in Recording::read_all(&folder) {
                let Ok(mut body) = serde_json::from_slice::<Value>(&recording.body) else {
                    continue;
                };
                replace(&mut body, &mut location.index(120), &value);
                recording.body = serde_json::to_vec(&body).unwrap();
                match read_event(&recording.headers, &recording.body) {
                    Ok(event) => prop_assert!(keeps_its_promises(&event), "{event:?}"),
                    Err(PayloadError::Unexpected { path, .. }) => prop_assert!(!path.is_empty()),
                    Err(PayloadError::Unnamed) => prop_assert!(false, "its headers name it"),
                }
            }
        }
    }
}
