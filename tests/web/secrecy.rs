//! What a hidden phase must not tell, looked for wherever anybody can look.

use referee::model::CaseId;

use crate::canary::Words;
use crate::server::Server;
use crate::story::{SECRET, SECRET_VALUE, Story};

/// Everything that can be read about a submission and its board.
async fn all_that_is_told(
    server: &Server,
    story: &Story<'_>,
    phase: &str,
) -> Vec<(String, String)> {
    let board = format!("nuclei/{phase}/segmentation");
    let mut told = Vec::new();
    for at in [
        story.page(),
        format!("{}?fragment=1", story.page()),
        story.json(),
        "/".to_owned(),
        "/challenges/nuclei".to_owned(),
        "/api/v1/challenges".to_owned(),
        format!("/challenges/{board}"),
        format!("/challenges/{board}?fragment=1"),
        format!("/challenges/{board}.csv"),
        format!("/api/v1/boards/{board}"),
    ] {
        told.push((at.clone(), server.get(&at).await.body));
    }
    told
}

fn tells_nothing(told: &[(String, String)]) {
    let words = Words::of(&[SECRET, "hidden_case"]);
    for (at, body) in told {
        assert_eq!(words.find(body), None, "{at}: the name of a case or a log");
        assert!(!body.contains("exit code 77"), "{at}: an exit code");
        assert!(!body.contains("77."), "{at}: an exit code");
        assert!(!body.contains("0.9182"), "{at}: a value of a case");
        assert!(
            !body.contains("more finding") && !body.contains(" 20 more"),
            "{at}: a count"
        );
        assert!(
            !body.contains("61234") && !body.contains("61.2"),
            "{at}: a duration"
        );
    }
}

#[tokio::test]
async fn a_hidden_phase_tells_no_more_than_an_outcome() {
    let server = Server::start().await;
    for (team, phase) in [("alpha", "validation"), ("beta", "sealed")] {
        let repository = server.add_team("local", team, team).await;
        let branch = if phase == "validation" { "main" } else { phase };
        let failed = Story::pushed(&server, &repository, branch).await;
        failed.run_failed().await;
        let told = all_that_is_told(&server, &failed, phase).await;
        tells_nothing(&told);
        let page = &told[0].1;
        assert!(page.contains("The container ended with an error"), "{page}");
        // The runs on public data are shown all the same.
        assert!(page.contains("sample_1"), "the sample's cases");

        let running = Story::pushed(&server, &repository, branch).await;
        running.ran().await;
        tells_nothing(&all_that_is_told(&server, &running, phase).await);

        let scored = Story::pushed(&server, &repository, branch).await;
        scored.scored(SECRET_VALUE).await;
        tells_nothing(&all_that_is_told(&server, &scored, phase).await);
    }
}

/// The counterpart: in an open phase the same texts are there, so that the search above means something.
#[tokio::test]
async fn an_open_phase_tells_it() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let failed = Story::pushed(&server, &repository, "open").await;
    failed.run_failed().await;
    let told = all_that_is_told(&server, &failed, "open").await;
    assert!(told[0].1.contains("more."), "findings that are left out");
    let words = Words::of(&[SECRET]);
    assert!(words.find(&told[0].1).is_some() && words.find(&told[2].1).is_some());
    assert!(told[0].1.contains("exit code 77"));
}

#[tokio::test]
async fn a_sealed_board_and_one_that_never_was_look_the_same() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "sealed").await;
    story.scored(0.5).await;
    for (undisclosed, never) in [
        (
            "/challenges/nuclei/sealed/segmentation",
            "/challenges/nuclei/never/segmentation",
        ),
        (
            "/challenges/nuclei/sealed/segmentation.csv",
            "/challenges/nuclei/never/segmentation.csv",
        ),
        (
            "/challenges/nuclei/sealed/segmentation?fragment=1",
            "/challenges/nuclei/never/segmentation?fragment=1",
        ),
        (
            "/challenges/nuclei/sealed/segmentation/events",
            "/challenges/nuclei/never/segmentation/events",
        ),
        (
            "/api/v1/boards/nuclei/sealed/segmentation",
            "/api/v1/boards/nuclei/never/segmentation",
        ),
    ] {
        let (undisclosed, never) = (server.get(undisclosed).await, server.get(never).await);
        assert_eq!(undisclosed.status.as_u16(), 404);
        assert_eq!(
            (undisclosed.status, undisclosed.body),
            (never.status, never.body)
        );
    }
    for at in ["/", "/challenges/nuclei", "/api/v1/challenges"] {
        assert!(!server.get(at).await.body.contains("sealed"), "{at}");
    }
    // Nor does the team's own page know its score, or lead to the board.
    let page = server.get(&story.page()).await.body;
    assert!(page.contains("The results are not public yet"), "{page}");
    assert!(!page.contains("0.500"), "a score");
    assert!(!page.contains("/challenges/nuclei/sealed"), "a dead link");
    let json: serde_json::Value =
        serde_json::from_str(&server.get(&story.json()).await.body).unwrap();
    assert!(json["score"].is_null(), "{json}");
}

/// In a contract with one run for each case, the end of one and the start of the next are seen by
/// nobody: their times would tell the cases apart.
#[tokio::test]
async fn cases_that_follow_each_other_are_one_evaluation() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    story.smoked().await;
    let first = CaseId::new(SECRET).unwrap();
    let lease = story.claim_case(&first).await;
    let working = server.get(&story.json()).await.body;
    let mut events = story.events().await;
    events.next().await;
    story.finish_case(&lease).await;
    let between = server.get(&story.json()).await.body;
    let second = CaseId::new("hidden_case_0043").unwrap();
    story.claim_case(&second).await;
    let next = server.get(&story.json()).await.body;
    assert_eq!(working, between);
    assert_eq!(between, next);
    events.says_nothing().await;
}
