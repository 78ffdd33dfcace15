//! The JSON API. The snapshots are its reference: a change of a snapshot can break programs of users.

use referee::report::{BoardView, HomeView, SubmissionView};
use serde_json::Value;

use crate::server::Server;
use crate::story::Story;

#[test]
fn json_of_submissions() {
    for (name, view) in SubmissionView::samples() {
        insta::assert_json_snapshot!(format!("submission-{name}"), view);
    }
}

#[test]
fn json_of_leaderboards() {
    insta::assert_json_snapshot!("board", BoardView::sample());
    insta::assert_json_snapshot!("board-empty", BoardView::sample_empty());
    insta::assert_json_snapshot!("challenges", HomeView::sample());
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
    for (_, view) in SubmissionView::samples() {
        keys(&serde_json::to_value(view).unwrap(), "", &mut documented);
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
    let sample = serde_json::to_value(BoardView::sample()).unwrap();
    keys(&sample, "", &mut documented);
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
