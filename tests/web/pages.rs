//! Every address of the site: what kind of thing it is, how it is guarded, where it leads.

use std::collections::{BTreeSet, VecDeque};

use referee::web::pages::CONTENT_SECURITY_POLICY;

use crate::server::{Answer, Server};
use crate::story::{EVIL, Story};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

const BOARD: &str = "nuclei/validation/segmentation";

fn is_guarded(answer: &Answer, at: &str) {
    assert_eq!(
        answer.header("content-security-policy"),
        CONTENT_SECURITY_POLICY,
        "{at}"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{at}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{at}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{at}");
    let cached = answer.header("cache-control");
    let expected = match answer.status.is_success() && at.starts_with("/assets/") {
        true => "public, max-age=300",
        false => "no-store",
    };
    let live = at.ends_with("/events");
    assert!(live || cached == expected, "{at}: {cached}");
}

/// Two ranked teams, and one submission of each other kind.
async fn busy(server: &Server) -> Vec<Story<'_>> {
    let mut all = Vec::new();
    for (n, team) in ["alpha", "beta", "gamma"].into_iter().enumerate() {
        let repository = server.add_team("local", team, team).await;
        for branch in ["main", "open", "sealed"] {
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
async fn every_address_answers_in_its_own_kind_and_guarded() {
    let server = Server::start().await;
    let stories = busy(&server).await;
    let (page, json) = (stories[0].page(), stories[0].json());
    let token = stories[0].token.as_str();
    for (at, status, kind) in [
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
        // A submission's address is no hook's.
        (&format!("/local/{token}/pushed"), 405, TEXT),
    ] {
        let answer = server.get(at).await;
        assert_eq!(answer.status.as_u16(), status, "{at}");
        assert_eq!(answer.header("content-type"), kind, "{at}");
        is_guarded(&answer, at);
        assert!(!answer.body.is_empty(), "{at}");
    }
}

#[tokio::test]
async fn odd_requests_are_refused_without_markup_or_detail() {
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
        is_guarded(&answer, at);
    }
}

#[tokio::test]
async fn a_submission_is_there_for_who_knows_its_address_and_for_nobody_else() {
    let server = Server::start().await;
    let stories = busy(&server).await;
    let token = stories[0].token.as_str();
    let other = "0123456789abcdef0123456789abcdef";
    let strangers = [
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
        for stranger in strangers.iter().filter(|s| s.as_str() != token) {
            let at = format!("{prefix}{stranger}{suffix}");
            let answer = server.get(&at).await;
            assert_eq!(answer.status, missing.status, "{at}");
            assert_eq!(answer.body, missing.body, "{at}");
        }
    }
}

#[tokio::test]
async fn text_of_teams_reaches_pages_as_text() {
    let server = Server::start().await;
    for story in busy(&server).await {
        for at in [story.page(), format!("{}?fragment=1", story.page())] {
            let html = server.get(&at).await.body;
            assert!(!html.contains("<script>"), "{at}");
            assert!(!html.contains('\u{1b}'), "{at}: an escape sequence");
            assert!(!html.contains('\u{202e}'), "{at}: a change of direction");
        }
        let json = server.get(&story.json()).await;
        let view: serde_json::Value = serde_json::from_str(&json.body).unwrap();
        // Data, whole and unchanged, for programs: they never see it as markup.
        if let Some(finding) = view["findings"].get(0) {
            assert!(finding.to_string().contains("<script>"), "{finding}");
        }
        assert!(!json.body.contains('\u{1b}'), "escaped by JSON");
    }
    // The team's part in the test: what was looked for is really there.
    let repository = server.add_team("local", "delta", "delta").await;
    let story = Story::pushed(&server, &repository, "main").await;
    story.smoke_failed().await;
    let html = server.get(&story.page()).await.body;
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(EVIL.starts_with("<script>"));
}

#[tokio::test]
async fn tables_are_there_for_spreadsheets_and_programs_too() {
    let server = Server::start().await;
    busy(&server).await;
    for phase in ["validation", "open"] {
        let board = format!("nuclei/{phase}/segmentation");
        let html = server.get(&format!("/challenges/{board}")).await.body;
        assert!(
            html.contains(&format!("\"/challenges/{board}.csv\"")),
            "CSV"
        );
        assert!(
            html.contains(&format!("\"/api/v1/boards/{board}\"")),
            "JSON"
        );
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
async fn no_link_is_dead() {
    let server = Server::start().await;
    let stories = busy(&server).await;
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
            assert!(
                page.is_empty() || page.starts_with('/'),
                "{at} leaves the site: {link}"
            );
            let page = if page.is_empty() { at.as_str() } else { page };
            if let Some(anchor) = anchor {
                let target = server.get(page).await.body;
                // The evil code of a finding's rule is no code of ours.
                let ours = !anchor.contains("script");
                assert!(!ours || ids(&target).contains(anchor), "{at}: {link}");
            }
            if seen.insert(page.to_owned()) {
                todo.push_back(page.to_owned());
            }
        }
    }
    // What was walked: the home, the challenge, two boards in three kinds, rules, assets, stories.
    assert!(seen.len() >= 10 + stories.len(), "{seen:?}");
}
