//! The deliveries of the model's hooks while the recorded exchanges are repeated, compared with the recorded
//! deliveries: the same events in the same order with the same bodies and headers. Pushes by git are not among them,
//! because the replay does not push; `live` has those.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::comparison::{Names, values_differ};
use crate::model::ForgeVersion;
use crate::model::deliveries::Delivery;
use crate::recording::{self, Delivered};
use crate::replay::{Run, runs};

/// Headers of the connection, which differ each time.
const OTHER: [&str; 5] = ["host", "user-agent", "content-length", "accept-encoding", "connection"];

/// A hook that was deleted before its test delivery was sent, so nothing was recorded.
const LOST: (ForgeVersion, &str) = (ForgeVersion::Gitea124, "/hooks/gitea124-repo");

/// The path of a hook and its event.
type Kind = (String, String);

fn by_git(delivered: &Delivered) -> bool {
    let event = delivered.header("X-Gitea-Event");
    let pushed = ["push", "create", "delete"].contains(&event);
    pushed && delivered.body["sender"]["login"] == "alice"
}

fn recorded(run: &Run) -> BTreeMap<Kind, Vec<Delivered>> {
    let mut all: BTreeMap<Kind, Vec<Delivered>> = BTreeMap::new();
    for delivered in recording::deliveries(&recording::folder(run.version)) {
        if !by_git(&delivered) {
            let event = delivered.header("X-Gitea-Event-Type").to_owned();
            all.entry((delivered.path.clone(), event)).or_default().push(delivered);
        }
    }
    all
}

fn ours(run: &Run) -> BTreeMap<Kind, Vec<&Delivery>> {
    let mut all: BTreeMap<Kind, Vec<&Delivery>> = BTreeMap::new();
    for delivery in &run.deliveries {
        let path = delivery.url.splitn(4, '/').nth(3).unwrap_or_default();
        all.entry((format!("/{path}"), delivery.event.clone())).or_default().push(delivery);
    }
    all
}

/// Names of headers with their values; of a value that each delivery has anew, only its length.
fn headers(all: &[(String, String)]) -> BTreeMap<String, String> {
    let kept = all.iter().filter(|(name, _)| !OTHER.contains(&name.to_ascii_lowercase().as_str()));
    let pairs = kept.map(|(name, value)| {
        let own = name.ends_with("Delivery") || name.contains("Signature");
        let value = if own { value.len().to_string() } else { value.clone() };
        (name.to_ascii_lowercase(), value)
    });
    pairs.collect()
}

fn differences(names: &mut Names, recorded: &Delivered, ours: &Delivery) -> Vec<String> {
    let body: Value = serde_json::from_slice(&ours.body).unwrap();
    let mut found = values_differ(names, recorded.body.clone(), body);
    let (theirs, mine) = (headers(&recorded.headers), headers(&ours.headers));
    if theirs != mine {
        found.push(format!("headers: recorded {theirs:?}, ours {mine:?}"));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_send_the_same_deliveries_as_recorded_hooks() {
    let runs = runs().await;
    let mut wrong = Vec::new();
    for run in runs {
        let (recorded, ours) = (recorded(run), ours(run));
        let mut names = run.names.clone();
        let here = run.version.name();
        for (kind, theirs) in &recorded {
            let mine = ours.get(kind).map(Vec::as_slice).unwrap_or_default();
            if theirs.len() != mine.len() {
                wrong.push(format!("{here} {kind:?}: recorded {}, ours {}", theirs.len(), mine.len()));
            }
            for (theirs, mine) in theirs.iter().zip(mine) {
                let found = differences(&mut names, theirs, mine);
                if !found.is_empty() {
                    wrong.push(format!("{here} {}:\n    {}", theirs.name, found.join("\n    ")));
                }
            }
        }
        let lost = |kind: &Kind| (run.version, kind.0.as_str()) == LOST;
        for kind in ours.keys().filter(|kind| !recorded.contains_key(*kind) && !lost(kind)) {
            wrong.push(format!("{here} {kind:?}: recorded none"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
