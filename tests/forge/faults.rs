//! The model's faults, as a client and a receiver see them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::live::world;
use crate::model::fault_injection::{Chance, Fault, Script, When};
use crate::model::{Forge, ForgeVersion};

/// A client that follows no redirect. Making one is slow.
fn client() -> reqwest011::Client {
    let policy = reqwest011::redirect::Policy::none();
    reqwest011::Client::builder().redirect(policy).build().unwrap()
}

/// A bot that posts statuses.
struct Bot {
    client: reqwest011::Client,
    forge: Forge,
    token: String,
}

impl Bot {
    fn new(forge: &Forge) -> Self {
        let token = forge.token("referee", &["write:repository"]);
        Self { client: client(), forge: forge.clone(), token }
    }

    /// Posts a commit status over the network. The status of the answer and its `Retry-After`; `None` without an answer
    /// in time.
    async fn post(&self, time: Duration) -> Option<(u16, Option<String>)> {
        let root = self.forge.root();
        let url = format!("{root}/api/v1/repos/phakir/team-alpha/statuses/main");
        let authorization = format!("token {}", self.token);
        let body = json!({"state": "success", "context": "c"});
        let request = self.client.post(url).header("Authorization", authorization).json(&body);
        let answer = request.timeout(time).send().await.ok()?;
        let later = answer.headers().get("retry-after");
        let later = later.map(|value| value.to_str().unwrap().to_owned());
        Some((answer.status().as_u16(), later))
    }
}

/// Longer than a busy machine needs.
const LONG: Duration = Duration::from_secs(60);
/// How long a test waits for an answer that never comes.
const SHORT: Duration = Duration::from_secs(2);

fn script(fault: Fault, when: When) -> Script {
    Script { method: "POST", path: "/statuses/".to_owned(), fault, when, times: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripted_fault_affects_the_next_request_only() {
    let (forge, _receiver) = world(ForgeVersion::Gitea127).await;
    let bot = Bot::new(&forge);
    let some = |status: u16| Some((status, None));
    for (fault, expected) in [
        (Fault::Status(502), some(502)),
        (Fault::Later(429, 7), Some((429, Some("7".to_owned())))),
        (Fault::Hang, None),
        (Fault::Redirect, some(302)),
        (Fault::LostRace, some(403)),
        (Fault::Revoked, some(401)),
    ] {
        for when in [When::Before, When::After] {
            let before = forge.state().statuses.len();
            forge.faults().script(script(fault.clone(), when));
            let time = if fault == Fault::Hang { SHORT } else { LONG };
            assert_eq!(bot.post(time).await, expected, "{fault:?}");
            let done = forge.state().statuses.len() - before;
            assert_eq!(done, usize::from(when == When::After), "{fault:?} {when:?}");
            assert_eq!(bot.post(LONG).await, some(201), "after {fault:?}");
        }
    }
    let asked = forge.asked();
    let posts = asked.iter().filter(|asked| asked.method == "POST" && asked.path.contains("/statuses/"));
    // The model keeps its requests, also where the answer failed.
    let posts = posts.filter(|asked| asked.body.starts_with(b"{"));
    let statuses: Vec<Option<u16>> = posts.map(|asked| asked.status).collect();
    assert_eq!(statuses.len(), 24);
    assert_eq!(statuses[..2], [Some(502), Some(201)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postponed_request_is_done_once_and_later() {
    let (forge, _receiver) = world(ForgeVersion::Gitea127).await;
    let bot = Bot::new(&forge);
    forge.faults().script(script(Fault::Late, When::After));
    assert_eq!(bot.post(SHORT).await, None);
    assert!(forge.state().statuses.is_empty());
    assert_eq!(forge.catch_up().await, 1);
    assert_eq!(forge.state().statuses.len(), 1);
    assert_eq!(forge.catch_up().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_forge_handles_one_request_after_the_other() {
    let (forge, _receiver) = world(ForgeVersion::Gitea127).await;
    let bot = Bot::new(&forge);
    forge.pace().status = Duration::from_millis(100);
    let begin = std::time::Instant::now();
    let all = tokio::join!(bot.post(LONG), bot.post(LONG), bot.post(LONG));
    assert_eq!(all, (Some((201, None)), Some((201, None)), Some((201, None))));
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_are_repeated_with_the_same_seed() {
    let (forge, _receiver) = world(ForgeVersion::Forgejo10).await;
    let bot = Bot::new(&forge);
    let mut rounds = Vec::new();
    for _ in 0..2 {
        forge.faults().by_chance(42, 0.5, &[Fault::Status(500), Fault::Later(503, 1)]);
        let mut round = Vec::new();
        for _ in 0..20 {
            round.push(bot.post(LONG).await.unwrap().0);
        }
        rounds.push(round);
    }
    assert_eq!(rounds[0], rounds[1]);
    let kinds: BTreeSet<u16> = rounds[0].iter().copied().collect();
    assert_eq!(kinds, BTreeSet::from([201, 500, 503]));
    forge.faults().stop();
    assert_eq!(bot.post(LONG).await, Some((201, None)));
}

/// Numbers of the comments that arrived, in order, and how many deliveries were sent.
async fn comments(
    count: usize,
    set: impl FnOnce(&mut crate::model::fault_injection::DeliveryFaults),
) -> (Vec<u64>, usize) {
    let (forge, receiver) = world(ForgeVersion::Gitea124).await;
    let issues = "/repos/phakir/team-alpha/issues";
    forge.api("bob", "POST", issues, &json!({"title": "t"})).await;
    receiver.wait_for(1).await;
    receiver.clear();
    set(&mut forge.delivery_faults());
    for n in 0..count {
        let body = json!({"body": n.to_string()});
        forge.api("bob", "POST", &format!("{issues}/1/comments"), &body).await;
    }
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let quiet = forge.state().outbox.is_empty();
        let before = forge.sent().len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if quiet && before == forge.sent().len() {
            break;
        }
    }
    let got = receiver.got();
    let numbers = got.iter().map(|got| got.json()["comment"]["id"].as_u64().unwrap());
    (numbers.collect(), forge.sent().len() - 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_lost_duplicated_and_reordered() {
    let order: Vec<u64> = (1..=20).collect();
    let (fair, _) = comments(20, |_| {}).await;
    assert_eq!(fair, order);
    let (lost, _) = comments(20, |faults| faults.drop = 1.0).await;
    assert!(lost.is_empty());
    let (some, sent) = comments(20, |faults| {
        faults.drop = 0.5;
        faults.chance = Chance::new(7);
    })
    .await;
    assert!(!some.is_empty() && some.len() < 20);
    assert_eq!(some.len(), sent);
    let (twice, _) = comments(5, |faults| faults.duplicate = 1.0).await;
    assert_eq!(twice, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    let (swapped, _) = comments(20, |faults| {
        faults.reorder = 0.5;
        faults.chance = Chance::new(7);
    })
    .await;
    let mut sorted = swapped.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, order);
    assert_ne!(swapped, order);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_the_same_with_a_new_id() {
    let (forge, receiver) = world(ForgeVersion::Gitea122).await;
    forge.delivery_faults().delay = Duration::from_millis(50);
    forge.api("bob", "POST", "/repos/phakir/team-alpha/issues", &json!({"title": "t"})).await;
    receiver.wait_for(1).await;
    while forge.sent().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(forge.sent()[0].status, Some(200));
    forge.replay(0);
    let got = receiver.wait_for(2).await;
    assert_eq!(got[0].body, got[1].body);
    assert_eq!(got[0].header("x-gitea-signature"), got[1].header("x-gitea-signature"));
    let ids = [got[0].header("x-gitea-delivery"), got[1].header("x-gitea-delivery")];
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids.map(|id| id.as_bytes()[14]), [b'4'; 2]);
}
