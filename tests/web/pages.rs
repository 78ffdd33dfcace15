//! Every address of the site: its content type, its security headers and its links.

use std::collections::{BTreeSet, VecDeque};

use referee::web::pages::CONTENT_SECURITY_POLICY;

use crate::server::{Answer, Server};
use crate::story::{EVIL, Story};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

const BOARD: &str = "nuclei/validation/segmentation";

fn has_security_headers(answer: &Answer, at: &str) {
    assert_eq!(answer.header("content-security-policy"), CONTENT_SECURITY_POLICY, "{at}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{at}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{at}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{at}");
    let cached = answer.header("cache-control");
    let is_asset = answer.status.is_success() && at.starts_with("/assets/");
    let expected = if is_asset { "public, max-age=300" } else { "no-store" };
    let live = at.ends_with("/events");
    assert!(live || cached == expected, "{at}: {cached}");
}

/// Two ranked teams, and submissions in several other states.
async fn some_submissions(server: &Server) -> Vec<Story<'_>> {
    let mut all = Vec::new();
    for (n, team) in ["alpha", "beta", "gamma"].into_iter().enumerate() {
        let repository = server.add_team("local", team, team).await;
        for branch in ["main", "open", "undisclosed"] {
            let story = Story::pushed(server, &repository, branch).await;
            match (n, branch) {
                (0, _) => story.scored(0.5).await,
                (1, "main") => story.rejected().await,
                (1, "open") => story.smoke_failed().await,
                (1, _) => story.run_failed().await,
                (_, "main") => story.scored(0.7).await,
                (_, "open") => story.smoked().await,
                _ => story.built().await,
            };
            all.push(story);
        }
    }
    all
}

#[tokio::test]
async fn every_address_answers_with_its_content_type_and_security_headers() {
    let server = Server::start().await;
    let stories = some_submissions(&server).await;
    let (page, json) = (stories[0].page(), stories[0].json());
    let token = stories[0].token.as_str();
    for (at, status, content_type) in [
        ("/", 200, HTML),
        ("/challenges/nuclei", 200, HTML),
        (&format!("/challenges/{BOARD}"), 200, HTML),
        (&format!("/challenges/{BOARD}?fragment=1"), 200, HTML),
        (&format!("/challenges/{BOARD}.csv"), 200, CSV),
        (&format!("/api/v1/boards/{BOARD}"), 200, JSON),
        ("/api/v1/challenges", 200, JSON),
        (&page, 200, HTML),
        (&format!("{page}?fragment=1"), 200, HTML),
        (&json, 200, JSON),
        ("/rules", 200, HTML),
        ("/health", 200, TEXT),
        ("/assets/referee.css", 200, "text/css; charset=utf-8"),
        ("/assets/referee.js", 200, "text/javascript; charset=utf-8"),
        ("/assets/referee.svg", 200, "image/svg+xml"),
        ("/assets/..%2fCargo.toml", 404, HTML),
        ("/nothing/here", 404, HTML),
        ("/challenges/other", 404, HTML),
        ("/challenges/nuclei/validation/other", 404, HTML),
        ("/challenges/nuclei/other/segmentation", 404, HTML),
        ("/challenges/nuclei/validation/other.csv", 404, HTML),
        ("/challenges/nuclei/validation/other/events", 404, HTML),
        ("/api/v1/boards/nuclei/validation/other", 404, JSON),
        ("/api/v1/nothing", 404, JSON),
        (&format!("{page}/"), 404, HTML),
        // The token of a submission is not the token of a hook.
        (&format!("/local/{token}/pushed"), 405, TEXT),
    ] {
        let answer = server.get(at).await;
        assert_eq!(answer.status.as_u16(), status, "{at}");
        assert_eq!(answer.header("content-type"), content_type, "{at}");
        has_security_headers(&answer, at);
        assert!(!answer.body.is_empty(), "{at}");
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_without_markup_or_internal_details() {
    let server = Server::start().await;
    for at in [
        "/submissions/%ff",
        "/challenges/%00/a/b",
        "/challenges/nuclei/validation/segmentation?fragment=1&fragment=2",
        "/submissions/<script>",
    ] {
        let answer = server.get(at).await;
        assert!(answer.status.is_client_error(), "{at}: {}", answer.status);
        assert!(!answer.body.contains("<script>"), "{at}");
        assert!(!answer.body.contains("src/"), "{at}: {}", answer.body);
        has_security_headers(&answer, at);
    }
}

#[tokio::test]
async fn only_the_exact_address_of_a_submission_shows_that_it_exists() {
    let server = Server::start().await;
    let stories = some_submissions(&server).await;
    let token = stories[0].token.as_str();
    let other = "0123456789abcdef0123456789abcdef";
    let wrong_tokens = [
        other.to_owned(),
        token[..token.len() - 1].to_owned(),
        token.to_uppercase(),
        format!("{token}0"),
        "1".to_owned(),
        stories[0].id.0.to_string(),
        "%2e%2e%2f".to_owned(),
    ];
    for (prefix, suffix) in [
        ("/submissions/", ""),
        ("/submissions/", "?fragment=1"),
        ("/submissions/", "/events"),
        ("/api/v1/submissions/", ""),
    ] {
        let missing = server.get(&format!("{prefix}{other}{suffix}")).await;
        assert_eq!(missing.status.as_u16(), 404);
        for wrong in wrong_tokens.iter().filter(|s| s.as_str() != token) {
            let at = format!("{prefix}{wrong}{suffix}");
            let answer = server.get(&at).await;
            assert_eq!(answer.status, missing.status, "{at}");
            assert_eq!(answer.body, missing.body, "{at}");
        }
    }
}

#[tokio::test]
async fn pages_escape_the_texts_of_teams() {
    let server = Server::start().await;
    for story in some_submissions(&server).await {
        for at in [story.page(), format!("{}?fragment=1", story.page())] {
            let html = server.get(&at).await.body;
            assert!(!html.contains("<script>"), "{at}");
            assert!(!html.contains('\u{1b}'), "{at}: an escape sequence");
            assert!(!html.contains('\u{202e}'), "{at}: a change of the text direction");
        }
        let json = server.get(&story.json()).await;
        let view: serde_json::Value = serde_json::from_str(&json.body).unwrap();
        // Programs get the unchanged text, because JSON has no markup.
        if let Some(finding) = view["findings"].get(0) {
            assert!(finding.to_string().contains("<script>"), "{finding}");
        }
        assert!(!json.body.contains('\u{1b}'), "escaped by JSON");
    }
    // The hostile text is on the page, in its escaped form.
    let repository = server.add_team("local", "delta", "delta").await;
    let story = Story::pushed(&server, &repository, "main").await;
    story.smoke_failed().await;
    let html = server.get(&story.page()).await.body;
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(EVIL.starts_with("<script>"));
}

#[tokio::test]
async fn a_leaderboard_has_the_same_rows_as_page_csv_and_json() {
    let server = Server::start().await;
    some_submissions(&server).await;
    for phase in ["validation", "open"] {
        let board = format!("nuclei/{phase}/segmentation");
        let html = server.get(&format!("/challenges/{board}")).await.body;
        assert!(html.contains(&format!("\"/challenges/{board}.csv\"")), "CSV");
        assert!(html.contains(&format!("\"/api/v1/boards/{board}\"")), "JSON");
        let json = server.get(&format!("/api/v1/boards/{board}")).await.body;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let csv = server.get(&format!("/challenges/{board}.csv")).await.body;
        let rows = json["rows"].as_array().unwrap();
        assert_eq!(csv.lines().count(), rows.len() + 1, "{csv}");
        for row in rows {
            let team = row["team"].as_str().unwrap();
            assert!(html.contains(&format!("team-{team}")), "{team}");
            assert!(csv.contains(team), "{team}");
        }
    }
}

/// All addresses in attributes of a page.
fn links(html: &str) -> Vec<String> {
    ["href=\"", "src=\"", "data-events=\""]
        .iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .map(|link| link.replace("&amp;", "&"))
        .collect()
}

fn ids(html: &str) -> BTreeSet<&str> {
    let parts = html.split(" id=\"").skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn every_link_leads_to_a_page_of_the_site() {
    let server = Server::start().await;
    let stories = some_submissions(&server).await;
    let mut todo: VecDeque<String> = stories.iter().map(Story::page).collect();
    todo.push_front("/".to_owned());
    let mut seen: BTreeSet<String> = todo.iter().cloned().collect();
    while let Some(at) = todo.pop_front() {
        if at.ends_with("/events") {
            let stream = server.client.get(format!("{}{at}", server.url));
            assert!(stream.send().await.unwrap().status().is_success(), "{at}");
            continue;
        }
        let answer = server.get(&at).await;
        assert!(answer.status.is_success(), "{at}: {}", answer.status);
        if answer.header("content-type") != HTML {
            continue;
        }
        for link in links(&answer.body) {
            let (page, anchor) = match link.split_once('#') {
                Some((page, anchor)) => (page, Some(anchor)),
                None => (link.as_str(), None),
            };
            assert!(page.is_empty() || page.starts_with('/'), "{at} leaves the site: {link}");
            let page = if page.is_empty() { at.as_str() } else { page };
            if let Some(anchor) = anchor {
                let target = server.get(page).await.body;
                // The hostile code of a finding is not in the catalogue of rules.
                let hostile = anchor.contains("script");
                assert!(hostile || ids(&target).contains(anchor), "{at}: {link}");
            }
            if seen.insert(page.to_owned()) {
                todo.push_back(page.to_owned());
            }
        }
    }
    // The first page, the challenge, two leaderboards in three formats, rules, assets and submissions.
    assert!(seen.len() >= 10 + stories.len(), "{seen:?}");
}
