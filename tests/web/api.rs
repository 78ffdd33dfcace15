//! The JSON API: the server sends what the reference has, and nothing else.

use std::path::Path;

use serde_json::Value;

use crate::server::Server;
use crate::story::Story;

/// The states of submissions in the reference.
const SUBMISSIONS: [&str; 6] = ["fault", "hidden-failure", "queued", "rejected", "scored", "smoke-failed"];

/// The reference of the JSON API: a snapshot of the unit tests of reports.
fn reference(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/tests/snapshots");
    let snapshot = std::fs::read_to_string(folder.join(format!("referee__report__tests__json__{name}.snap"))).unwrap();
    // A snapshot begins with a header between two lines of dashes.
    serde_json::from_str(snapshot.splitn(3, "---\n").nth(2).unwrap()).unwrap()
}

/// The path of every key in a value. All members of an array share a path.
fn keys(value: &Value, at: &str, into: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                into.insert(format!("{at}.{key}"));
                keys(inner, &format!("{at}.{key}"), into);
            }
        }
        Value::Array(all) => all.iter().for_each(|v| keys(v, &format!("{at}[]"), into)),
        _ => {}
    }
}

#[tokio::test]
async fn the_server_sends_only_documented_keys() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let mut documented = std::collections::BTreeSet::new();
    for name in SUBMISSIONS {
        keys(&reference(&format!("submission-{name}")), "", &mut documented);
    }
    // A score in a phase that shows cases has them as the score on the sample does.
    let of_sample = documented.iter().filter_map(|key| key.strip_prefix(".sample_score"));
    let of_open: Vec<String> = of_sample.map(|rest| format!(".score{rest}")).collect();
    documented.extend(of_open);
    for branch in ["main", "open"] {
        let scored = Story::pushed(&server, &repository, branch).await;
        scored.scored(0.5).await;
        let failed = Story::pushed(&server, &repository, branch).await;
        failed.run_failed().await;
        for story in [scored, failed] {
            let json = server.get(&story.json()).await.body;
            let mut served = std::collections::BTreeSet::new();
            keys(&serde_json::from_str(&json).unwrap(), "", &mut served);
            let new: Vec<_> = served.difference(&documented).collect();
            assert!(new.is_empty(), "{new:?}");
        }
    }
    let mut documented = std::collections::BTreeSet::new();
    keys(&reference("board"), "", &mut documented);
    let board = "/api/v1/boards/nuclei/validation/segmentation";
    let mut served = std::collections::BTreeSet::new();
    let json = server.get(board).await.body;
    keys(&serde_json::from_str(&json).unwrap(), "", &mut served);
    assert_eq!(served, documented);
}

#[tokio::test]
async fn an_error_is_an_object() {
    let server = Server::start().await;
    let answer = server.get("/api/v1/submissions/unknown").await;
    insta::assert_json_snapshot!("error", serde_json::from_str::<Value>(&answer.body).unwrap());
}
