//! Deliveries that are lost, doubled, swapped, late, forged or misaddressed: what stands in the
//! repositories is entered once, and soon.

use std::collections::BTreeSet;
use std::time::Duration as StdDuration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use referee::forge::signature::Secret;
use referee::model::{Duration, limits};
use referee::pipeline::{intake, observe};
use referee::store::About;
use serde_json::{Value, json};

use crate::model::ForgeVersion;
use crate::model::knobs::Chance;
use crate::secrets;
use crate::world::{Plan, SECRET, World};

const TEAMS: usize = 20;
const ROUNDS: usize = 5;

/// Pushes to the main branch of a team. The commit.
pub async fn push(world: &World, team: usize, round: usize) -> String {
    let full_name = &world.teams[team].full_name;
    let path = format!("/repos/{full_name}/contents/work-{round}.txt");
    let content = STANDARD.encode(format!("{team} {round}"));
    let body = json!({"content": content, "message": "Work", "branch": "main"});
    let (status, answer) = world.forge.api("alice", "POST", &path, &body).await;
    assert_eq!(status, 201, "{answer}");
    answer["commit"]["sha"].as_str().unwrap().to_owned()
}

/// Waits until the forge has sent all that it will, and acts on what came.
pub async fn quiet(world: &World) {
    let mut before = usize::MAX;
    loop {
        tokio::time::sleep(StdDuration::from_millis(200)).await;
        let sent = world.forge.sent().len();
        if world.forge.state().outbox.is_empty() && sent == before {
            break;
        }
        before = sent;
    }
    for about in [About::Texts, About::Rest] {
        while intake::step(&world.app, about).await.unwrap() > 0 {}
    }
}

/// Commits that are entered, each as often as it is.
pub async fn entered(world: &World) -> Vec<String> {
    let challenge = &world.app.context.challenges[0].slug;
    let all = world
        .app
        .context
        .store
        .submissions_of_challenge(challenge)
        .await
        .unwrap();
    let shas = all
        .into_iter()
        .map(|r| r.submission.origin.sha().unwrap().to_string());
    shas.collect()
}

/// A world whose repositories were seen once, with a hook that reaches us.
pub async fn world(teams: usize) -> World {
    let world = World::start(Plan::of(ForgeVersion::Gitea127, teams)).await;
    for team in &world.teams {
        observe::record_refs(
            &world.app.context,
            &world.app.forges,
            team,
            world.app.context.clock.now(),
        )
        .await
        .unwrap();
    }
    let address = format!("{}/hooks/{}", world.url, world.name);
    world.forge.hook("owner", "nuclei", &address, SECRET).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_is_found_within_a_sweep_though_deliveries_are_lost() {
    let world = world(TEAMS).await;
    {
        let mut weather = world.forge.weather();
        (weather.drop, weather.duplicate, weather.reorder) = (0.3, 0.2, 0.2);
        weather.delay = StdDuration::from_millis(2);
        weather.chance = Chance::new(11);
    }
    let mut standing = BTreeSet::new();
    let mut by_delivery = 0;
    for round in 0..ROUNDS {
        let pushed_at = world.app.context.clock.now();
        for team in 0..TEAMS {
            standing.insert(push(&world, team, round).await);
        }
        quiet(&world).await;
        by_delivery += entered(&world).await.len() - round * TEAMS;
        world.pass(limits::SWEEP_INTERVAL);
        observe::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap();
        let found: BTreeSet<String> = entered(&world).await.into_iter().collect();
        assert_eq!(found, standing);
        let took = world.app.context.clock.now().since(pushed_at);
        assert!(took <= Duration::seconds(90), "{}", took.written());
    }
    assert_eq!(entered(&world).await.len(), TEAMS * ROUNDS, "each once");
    let all = TEAMS * ROUNDS;
    assert!(
        (all / 2..all).contains(&by_delivery),
        "{by_delivery} of {all} by delivery"
    );

    // Everything that was ever sent comes again, with other ids.
    *world.forge.weather() = crate::model::knobs::Weather::fair();
    for n in 0..world.forge.sent().len() {
        world.forge.replay(n);
    }
    quiet(&world).await;
    observe::sweep(&world.app.context, &world.app.forges)
        .await
        .unwrap();
    assert_eq!(entered(&world).await.len(), TEAMS * ROUNDS, "still once");
    secrets::are_kept(&world).await;
}

/// Sends a delivery as the forge did, with another body perhaps, signed with a secret.
async fn send(world: &World, body: &str, secret: &str) -> u16 {
    let sent = world.forge.sent();
    let signature = Secret::new(secret).unwrap().sign(body.as_bytes());
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
async fn what_a_delivery_claims_is_not_believed() {
    let world = world(2).await;
    let head = push(&world, 0, 0).await;
    quiet(&world).await;
    assert_eq!(entered(&world).await, std::slice::from_ref(&head));
    let genuine = world.forge.sent()[0].delivery.body.clone();
    let genuine = String::from_utf8(genuine).unwrap();

    // Forged: somebody who does not know the secret.
    let fake = "f".repeat(40);
    let forged = genuine.replace(&head, &fake);
    assert_eq!(send(&world, &forged, "not-the-right-secret").await, 401);
    // Signed, but nothing of it stands anywhere: a commit that is none.
    assert_eq!(send(&world, &forged, SECRET).await, 202);
    // Signed, but of another repository, where that commit does not stand.
    let of = |id: &str, full_name: &str| {
        let mut body: Value = serde_json::from_str(&genuine).unwrap();
        body["repository"]["id"] = json!(id.parse::<i64>().unwrap());
        body["repository"]["full_name"] = json!(full_name);
        body.to_string()
    };
    let other = &world.teams[1];
    let misaddressed = of(&other.forge_id, &other.full_name);
    assert_eq!(send(&world, &misaddressed, SECRET).await, 202);
    // Signed, of a repository that nobody has.
    let nowhere = of("987654", "nuclei/team-nobody");
    assert_eq!(send(&world, &nowhere, SECRET).await, 202);
    quiet(&world).await;
    assert_eq!(entered(&world).await, [head], "what is read again decides");
    observe::sweep(&world.app.context, &world.app.forges)
        .await
        .unwrap();
    assert_eq!(entered(&world).await.len(), 1);
}
