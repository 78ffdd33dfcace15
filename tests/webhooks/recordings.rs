//! All deliveries that were recorded on four forges, not only the fixtures.

use std::collections::BTreeMap;

use referee::forge::webhook::DeliveryRefusal as Refusal;
use referee::model::ForgeEvent;
use serde_json::Value;

use crate::mutants;
use crate::recording::Recording;
use crate::recording_archive::recordings;

/// The deliveries of one forge.
struct Expected {
    forge: &'static str,
    /// By fine event: deliveries of hooks that send JSON and have our secret.
    accepted: &'static [(&'static str, usize)],
    /// Deliveries of hooks that send forms.
    forms: usize,
    /// Deliveries of hooks without a secret.
    unsigned: usize,
}

const EXPECTED: [Expected; 4] = [
    Expected {
        forge: "forgejo-10-dev",
        accepted: &[
            ("create", 16),
            ("delete", 6),
            ("fork", 1),
            ("issue_comment", 8),
            ("issue_label", 1),
            ("issues", 5),
            ("push", 30),
            ("release", 1),
            ("repository", 6),
        ],
        forms: 2,
        unsigned: 2,
    },
    Expected {
        forge: "gitea-1.22-dev",
        accepted: &[
            ("create", 12),
            ("delete", 2),
            ("fork", 1),
            ("issue_comment", 8),
            ("issue_label", 1),
            ("issues", 5),
            ("push", 24),
            ("release", 1),
            ("repository", 6),
        ],
        forms: 2,
        unsigned: 2,
    },
    Expected {
        forge: "gitea-1.24-dev",
        accepted: &[
            ("create", 13),
            ("delete", 2),
            ("fork", 1),
            ("issue_comment", 8),
            ("issue_label", 1),
            ("issues", 5),
            ("package", 4),
            ("push", 24),
            ("release", 1),
            ("repository", 6),
            ("status", 15),
        ],
        forms: 2,
        unsigned: 2,
    },
    Expected {
        forge: "gitea-1.27-dev",
        accepted: &[
            ("create", 13),
            ("delete", 2),
            ("fork", 1),
            ("issue_comment", 8),
            ("issue_label", 1),
            ("issues", 6),
            ("package", 4),
            ("push", 25),
            ("release", 1),
            ("repository", 6),
            ("status", 15),
        ],
        forms: 1,
        unsigned: 1,
    },
];

const TOTAL: usize = 310;

#[test]
fn every_recorded_delivery_is_accepted_or_refused_as_it_should_be() {
    let mut total = 0;
    for expected in EXPECTED {
        let mut accepted: BTreeMap<String, usize> = BTreeMap::new();
        let (mut forms, mut unsigned) = (0, 0);
        for recording in deliveries(expected.forge) {
            total += 1;
            match (recording.path.as_str(), recording.accept()) {
                ("/form", Err(Refusal::ContentType)) => forms += 1,
                ("/no-secret", Err(Refusal::Unverified(_))) => unsigned += 1,
                (_, Ok(delivery)) => {
                    let name = recording.header("x-gitea-event-type");
                    compare(&recording, name, &delivery.event);
                    *accepted.entry(name.to_owned()).or_default() += 1;
                }
                (path, other) => panic!("{} ({path}): {other:?}", recording.name),
            }
        }
        let accepted = accepted.iter().map(|(name, n)| (name.as_str(), *n));
        assert_eq!(accepted.collect::<Vec<_>>(), expected.accepted);
        assert_eq!((forms, unsigned), (expected.forms, expected.unsigned));
    }
    assert_eq!(total, TOTAL);
}

#[test]
fn every_change_of_a_recorded_delivery_is_refused() {
    let all = EXPECTED.iter().flat_map(|expected| deliveries(expected.forge));
    let refused: usize = all.map(|recording| mutants::check(&recording)).sum();
    assert!(refused > 5000, "only {refused} mutants were tried");
}

fn deliveries(forge: &str) -> Vec<Recording> {
    Recording::read_all(&recordings().join(forge).join("deliveries"))
}

/// Reads the body a second time, without types, and compares both results.
fn compare(recording: &Recording, name: &str, event: &ForgeEvent) {
    let body: Value = serde_json::from_slice(&recording.body).unwrap();
    let ours = serde_json::to_value(event).unwrap();
    let kind = match name {
        "push" if body["before"] == body["after"] => "ping",
        "push" if is_zero(&body["after"]) => "deleted",
        "push" => "pushed",
        "create" => "created",
        "delete" => "deleted",
        "issues" | "issue_label" => "issue",
        "issue_comment" => "comment",
        "repository" => "repository",
        "package" => "package",
        _ => "other",
    };
    let at = &recording.name;
    assert_eq!(ours["event"], kind, "{at}");
    if kind == "other" {
        assert_eq!(ours["name"], name, "{at}");
        return;
    }
    let source = if kind == "package" { &body["package"] } else { &body };
    let text = if kind == "comment" { &body["comment"] } else { &body["issue"] };
    let pairs = [
        ("/repository/id", &source["repository"]["id"]),
        ("/repository/full_name", &source["repository"]["full_name"]),
        ("/sender/id", &body["sender"]["id"]),
        ("/sender/login", &body["sender"]["login"]),
        ("/action", &body["action"]),
        ("/number", &body["issue"]["number"]),
        ("/issue", &body["issue"]["number"]),
        ("/title", &body["issue"]["title"]),
        ("/comment", &body["comment"]["id"]),
        ("/body", &text["body"]),
        ("/author_id", &text["user"]["id"]),
        ("/before", &body["before"]),
        ("/after", if kind == "created" { &body["sha"] } else { &body["after"] }),
        ("/previous_body", &body["changes"]["body"]["from"]),
        ("/owner_id", &body["package"]["owner"]["id"]),
        ("/name", &body["package"]["name"]),
        ("/version", &body["package"]["version"]),
        ("/kind", &body["package"]["type"]),
    ];
    for (pointer, theirs) in pairs {
        let Some(ours) = ours.pointer(pointer) else {
            continue;
        };
        let none = ours.is_null() && (theirs.is_null() || is_zero(theirs));
        let kind_of_ref = pointer == "/kind" && kind != "package";
        assert!(none || kind_of_ref || ours == theirs, "{at}: {pointer}: {ours}, {theirs}");
    }
    if let Some(full_ref) = ours.get("full_ref") {
        let theirs = body["ref"].as_str().unwrap();
        assert!(full_ref.as_str().unwrap().ends_with(theirs), "{at}");
    }
}

fn is_zero(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b == b'0'))
}
