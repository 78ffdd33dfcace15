//! Deliveries that are lost, duplicated, reordered, late, forged or misaddressed. Referee enters each commit of the
//! repositories once, and within 90 seconds.

use std::collections::BTreeSet;
use std::time::Duration as StdDuration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use referee::forge::signature::WebhookSecret;
use referee::model::{Duration, limits};
use referee::pipeline::{intake, observe};
use referee::store::DeliveryKind;
use serde_json::{Value, json};

use crate::model::ForgeVersion;
use crate::model::fault_injection::Chance;
use crate::secrets;
use crate::world::{Plan, SECRET, World};

const TEAMS: usize = 20;
const ROUNDS: usize = 5;

/// Pushes to the main branch of a team, and returns the commit.
pub(crate) async fn push(world: &World, team: usize, round: usize) -> String {
    let full_name = &world.teams[team].full_name;
    let path = format!("/repos/{full_name}/contents/work-{round}.txt");
    let content = STANDARD.encode(format!("{team} {round}"));
    let body = json!({"content": content, "message": "Work", "branch": "main"});
    let (status, answer) = world.forge.api("alice", "POST", &path, &body).await;
    assert_eq!(status, 201, "{answer}");
    answer["commit"]["sha"].as_str().unwrap().to_owned()
}

/// Waits until the forge has sent all deliveries, and handles them.
pub(crate) async fn handle_all(world: &World) {
    let mut before = usize::MAX;
    loop {
        tokio::time::sleep(StdDuration::from_millis(200)).await;
        let sent = world.forge.sent().len();
        if world.forge.state().outbox.is_empty() && sent == before {
            break;
        }
        before = sent;
    }
    for about in [DeliveryKind::Texts, DeliveryKind::Other] {
        while intake::step(&world.app, about).await.unwrap() > 0 {}
    }
}

/// The commits of all submissions, with repetitions.
pub(crate) async fn entered(world: &World) -> Vec<String> {
    let challenge = &world.app.context.challenges[0].slug;
    let all = world.app.context.store.submissions_of_challenge(challenge).await.unwrap();
    let shas = all.into_iter().map(|r| r.submission.origin.sha().unwrap().to_string());
    shas.collect()
}

/// A world with a webhook. Referee has read its repositories once.
pub(crate) async fn world(teams: usize) -> World {
    let world = World::start(Plan::new(ForgeVersion::Gitea127, teams)).await;
    for team in &world.teams {
        observe::record_refs(&world.app.context, &world.app.forges, team, world.app.context.clock.now()).await.unwrap();
    }
    let address = format!("{}/hooks/{}", world.url, world.name);
    world.forge.hook("owner", "nuclei", &address, SECRET).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_found_by_the_next_sweep_if_its_delivery_is_lost() {
    let world = world(TEAMS).await;
    {
        let mut faults = world.forge.delivery_faults();
        (faults.drop, faults.duplicate, faults.reorder) = (0.3, 0.2, 0.2);
        faults.delay = StdDuration::from_millis(2);
        faults.chance = Chance::new(11);
    }
    let mut pushed = BTreeSet::new();
    let mut by_delivery = 0;
    for round in 0..ROUNDS {
        let pushed_at = world.app.context.clock.now();
        for team in 0..TEAMS {
            pushed.insert(push(&world, team, round).await);
        }
        handle_all(&world).await;
        by_delivery += entered(&world).await.len() - round * TEAMS;
        world.advance(limits::SWEEP_INTERVAL);
        observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
        let found: BTreeSet<String> = entered(&world).await.into_iter().collect();
        assert_eq!(found, pushed);
        let took = world.app.context.clock.now().since(pushed_at);
        assert!(took <= Duration::seconds(90), "{}", took.compact());
    }
    assert_eq!(entered(&world).await.len(), TEAMS * ROUNDS, "each once");
    let all = TEAMS * ROUNDS;
    assert!((all / 2..all).contains(&by_delivery), "{by_delivery} of {all} by delivery");

    // The forge sends all deliveries again, with other ids.
    *world.forge.delivery_faults() = crate::model::fault_injection::DeliveryFaults::none();
    for n in 0..world.forge.sent().len() {
        world.forge.replay(n);
    }
    handle_all(&world).await;
    observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
    assert_eq!(entered(&world).await.len(), TEAMS * ROUNDS, "still once");
    secrets::assert_kept(&world).await;
}

/// Sends the first delivery again with this body, signed with a secret.
async fn send(world: &World, body: &str, secret: &str) -> u16 {
    let sent = world.forge.sent();
    let signature = WebhookSecret::new(secret).unwrap().sign(body.as_bytes());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.post(format!("{}/hooks/{}", world.url, world.name));
    for (name, value) in &sent[0].delivery.headers {
        let signs = name.to_lowercase().contains("signature");
        let value = match (signs, name.to_lowercase().contains("256")) {
            (false, _) => value.clone(),
            (true, true) => format!("sha256={signature}"),
            (true, false) if name.to_lowercase().starts_with("x-hub") => continue,
            (true, false) => signature.clone(),
        };
        request = request.header(name, value);
    }
    let answer = request.body(body.to_owned()).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_of_a_delivery_is_not_trusted() {
    let world = world(2).await;
    let head = push(&world, 0, 0).await;
    handle_all(&world).await;
    assert_eq!(entered(&world).await, std::slice::from_ref(&head));
    let genuine = world.forge.sent()[0].delivery.body.clone();
    let genuine = String::from_utf8(genuine).unwrap();

    // Forged: the sender does not know the secret.
    let fake = "f".repeat(40);
    let forged = genuine.replace(&head, &fake);
    assert_eq!(send(&world, &forged, "not-the-right-secret").await, 401);
    // Signed, but the commit does not exist.
    assert_eq!(send(&world, &forged, SECRET).await, 202);
    // Signed, but about another repository, which does not hold the commit.
    let about = |id: &str, full_name: &str| {
        let mut body: Value = serde_json::from_str(&genuine).unwrap();
        body["repository"]["id"] = json!(id.parse::<i64>().unwrap());
        body["repository"]["full_name"] = json!(full_name);
        body.to_string()
    };
    let other = &world.teams[1];
    let misaddressed = about(&other.forge_id, &other.full_name);
    assert_eq!(send(&world, &misaddressed, SECRET).await, 202);
    // Signed, but the repository does not exist.
    let nowhere = about("987654", "nuclei/team-nowhere");
    assert_eq!(send(&world, &nowhere, SECRET).await, 202);
    handle_all(&world).await;
    let message = "only a ref that Referee reads itself counts";
    assert_eq!(entered(&world).await, [head], "{message}");
    observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
    assert_eq!(entered(&world).await.len(), 1);
}
