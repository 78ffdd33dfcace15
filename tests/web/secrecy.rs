//! Secrets of a hidden phase. The tests search for them in every answer of the server.

use referee::model::CaseId;

use crate::canary::Words;
use crate::server::Server;
use crate::story::{SECRET, SECRET_VALUE, Story};

/// All answers about a submission and its leaderboard: address and body.
async fn answers_about(server: &Server, story: &Story<'_>, phase: &str) -> Vec<(String, String)> {
    let board = format!("nuclei/{phase}/segmentation");
    let mut answers = Vec::new();
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
        answers.push((at.clone(), server.get(&at).await.body));
    }
    answers
}

fn contain_no_secret(answers: &[(String, String)]) {
    let words = Words::of(&[SECRET, "hidden_case"]);
    for (at, body) in answers {
        assert_eq!(words.find(body), None, "{at}: the name of a case or a log");
        assert!(!body.contains("exit code 77"), "{at}: an exit code");
        assert!(!body.contains("77."), "{at}: an exit code");
        assert!(!body.contains("0.9182"), "{at}: a value of a case");
        assert!(!body.contains("more finding") && !body.contains(" 20 more"), "{at}: a count");
        assert!(!body.contains("61234") && !body.contains("61.2"), "{at}: a duration");
    }
}

#[tokio::test]
async fn a_hidden_phase_shows_only_an_outcome() {
    let server = Server::start().await;
    for (team, phase) in [("alpha", "validation"), ("beta", "undisclosed")] {
        let repository = server.add_team("local", team, team).await;
        let branch = if phase == "validation" { "main" } else { phase };
        let failed = Story::pushed(&server, &repository, branch).await;
        failed.run_failed().await;
        let answers = answers_about(&server, &failed, phase).await;
        contain_no_secret(&answers);
        let page = &answers[0].1;
        assert!(page.contains("The container ended with an error"), "{page}");
        // The smoke run uses public data, so the page shows its details.
        assert!(page.contains("sample_1"), "the sample's cases");

        let running = Story::pushed(&server, &repository, branch).await;
        running.ran().await;
        contain_no_secret(&answers_about(&server, &running, phase).await);

        let scored = Story::pushed(&server, &repository, branch).await;
        scored.scored(SECRET_VALUE).await;
        contain_no_secret(&answers_about(&server, &scored, phase).await);
    }
}

/// In an open phase the same search finds the texts. Without this test, the search could miss everything.
#[tokio::test]
async fn an_open_phase_shows_the_same_texts() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let failed = Story::pushed(&server, &repository, "open").await;
    failed.run_failed().await;
    let answers = answers_about(&server, &failed, "open").await;
    let (page, json) = (&answers[0].1, &answers[2].1);
    assert!(page.contains("more."), "findings that are left out");
    let words = Words::of(&[SECRET]);
    assert!(words.find(page).is_some() && words.find(json).is_some());
    assert!(page.contains("exit code 77"));
}

#[tokio::test]
async fn a_hidden_leaderboard_and_a_missing_one_have_the_same_answers() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "undisclosed").await;
    story.scored(0.5).await;
    for (hidden, missing) in [
        ("/challenges/nuclei/undisclosed/segmentation", "/challenges/nuclei/never/segmentation"),
        ("/challenges/nuclei/undisclosed/segmentation.csv", "/challenges/nuclei/never/segmentation.csv"),
        ("/challenges/nuclei/undisclosed/segmentation?fragment=1", "/challenges/nuclei/never/segmentation?fragment=1"),
        ("/challenges/nuclei/undisclosed/segmentation/events", "/challenges/nuclei/never/segmentation/events"),
        ("/api/v1/boards/nuclei/undisclosed/segmentation", "/api/v1/boards/nuclei/never/segmentation"),
    ] {
        let (hidden, missing) = (server.get(hidden).await, server.get(missing).await);
        assert_eq!(hidden.status.as_u16(), 404);
        assert_eq!(hidden.status, missing.status);
        assert_eq!(hidden.body, missing.body);
    }
    for at in ["/", "/challenges/nuclei", "/api/v1/challenges"] {
        assert!(!server.get(at).await.body.contains("undisclosed"), "{at}");
    }
    // The page of the submission has neither a score nor a link to the leaderboard.
    let page = server.get(&story.page()).await.body;
    assert!(page.contains("The results are not public yet"), "{page}");
    assert!(!page.contains("0.500"), "a score");
    assert!(!page.contains("/challenges/nuclei/undisclosed"), "a dead link");
    let json: serde_json::Value = serde_json::from_str(&server.get(&story.json()).await.body).unwrap();
    assert!(json["score"].is_null(), "{json}");
}

/// In a contract with one run per case, the times between two runs would reveal the duration of each case.
#[tokio::test]
async fn the_runs_on_all_cases_look_like_one_evaluation() {
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
    events.stays_silent().await;
}
