//! Repeats every recorded request to a forge with its model, in the same order, and compares the answers. Every
//! exchange is compared or exempt, and every exemption is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use referee::clock::Clock;
use referee::model::Timestamp;
use tokio::sync::OnceCell;

use crate::comparison::{Names, differences};
use crate::exemptions::{self, Exemption};
use crate::model::api::Request;
use crate::model::call::Answer;
use crate::model::deliveries::Delivery;
use crate::model::{Forge, ForgeVersion};
use crate::recording::{self, Exchange};
use crate::setup::{self, Pushed};

/// Exchanges that were recorded with each forge.
const RECORDED: [(ForgeVersion, usize); 4] = [
    (ForgeVersion::Gitea122, 209),
    (ForgeVersion::Gitea124, 209),
    (ForgeVersion::Gitea127, 209),
    (ForgeVersion::Forgejo10, 210),
];

struct Replay {
    forge: Forge,
    clock: Clock,
    names: Names,
    tokens: BTreeMap<String, String>,
}

impl Replay {
    fn new(version: ForgeVersion, exchanges: &[Exchange]) -> Self {
        let clock = Clock::fixed(Timestamp(exchanges[0].at() - 2000));
        let answer = exchanges.iter().find(|e| e.name == "006-user-no-token").unwrap();
        let root = answer.answer.split('"').find(|part| part.starts_with("http://")).unwrap();
        let root = root.trim_end_matches("/api/swagger");
        let forge = Forge::silent(version, root, clock.clone());
        let tokens = setup::accounts(&forge);
        Self { forge, clock, names: Names::default(), tokens }
    }

    fn authorization(&self, exchange: &Exchange) -> Option<String> {
        let recorded = exchange.authorization.as_deref()?;
        let named = recorded.strip_prefix("token <").and_then(|rest| rest.strip_suffix('>'));
        Some(match named {
            Some(name) => format!("token {}", self.tokens[name]),
            None if exchange.name.ends_with("user-bad-token") => "token bad".to_owned(),
            None => {
                let pair = format!("referee:{}", setup::PASSWORD);
                format!("Basic {}", STANDARD.encode(pair))
            }
        })
    }

    fn request(&self, exchange: &Exchange) -> Request {
        let body = match &exchange.body {
            serde_json::Value::Null => String::new(),
            body => self.names.translated(&body.to_string()),
        };
        Request {
            method: exchange.method.clone(),
            path: self.names.translated(&exchange.path),
            authorization: self.authorization(exchange),
            body: body.into_bytes(),
        }
    }

    async fn ask(&mut self, exchange: &Exchange) -> Answer {
        self.clock.set(Timestamp(exchange.at()));
        let answer = self.forge.answer(&self.request(exchange)).await;
        if exchange.name.contains("token-create") {
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            self.tokens.insert(text("name"), text("sha1"));
        }
        answer
    }

    /// Several writers at once. The writer that won in the recording looks first here, so it also writes first.
    async fn race(&mut self, exchanges: &[&Exchange]) -> Vec<Answer> {
        self.clock.set(Timestamp(exchanges[0].at()));
        self.forge.race(exchanges.len());
        let mut order: Vec<usize> = (0..exchanges.len()).collect();
        order.sort_by_key(|n| exchanges[*n].status != 201);
        let mut running = Vec::new();
        for n in order {
            let (forge, request) = (self.forge.clone(), self.request(exchanges[n]));
            let task = tokio::spawn(async move { forge.answer(&request).await });
            running.push((n, task));
            while running.len() < exchanges.len() && self.forge.looked() < running.len() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let mut answers = Vec::new();
        for (n, task) in running {
            answers.push((n, task.await.unwrap()));
        }
        answers.sort_by_key(|(n, _)| *n);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

fn is_race(exchange: &Exchange) -> bool {
    exchange.name.contains("contents-race-")
}

/// The recordings of one forge, repeated with its model.
pub(crate) struct Run {
    pub version: ForgeVersion,
    /// Every exchange with its differences.
    compared: Vec<(String, Vec<String>)>,
    /// The deliveries of hooks meanwhile.
    pub deliveries: Vec<Delivery>,
    pub names: Names,
}

/// All forges.
pub(crate) async fn runs() -> &'static [Run] {
    static RUNS: OnceCell<Vec<Run>> = OnceCell::const_new();
    let all = RUNS.get_or_init(|| async {
        let mut all = Vec::new();
        for version in ForgeVersion::ALL {
            let folder = recording::folder(version);
            all.push(replayed(version, &folder).await);
        }
        all
    });
    all.await
}

async fn replayed(version: ForgeVersion, folder: &std::path::Path) -> Run {
    let exchanges = recording::exchanges(folder);
    let pushed = Pushed::read(folder, &exchanges);
    let mut replay = Replay::new(version, &exchanges);
    let (mut compared, mut deliveries) = (Vec::new(), Vec::new());
    for group in exchanges.chunk_by(|a, b| is_race(a) && is_race(b)) {
        let group: Vec<&Exchange> = group.iter().collect();
        replay.clock.set(Timestamp(group[0].at()));
        let number = group[0].number;
        setup::before(number, &mut replay.forge.state(), &pushed, &mut replay.names);
        let answers = match group[..] {
            [one] => vec![replay.ask(one).await],
            _ => replay.race(&group).await,
        };
        for (exchange, answer) in group.iter().zip(&answers) {
            let found = differences(&mut replay.names, exchange, answer);
            compared.push((exchange.name.clone(), found));
        }
        // The forge sends them before the next exchange.
        deliveries.extend(replay.forge.state().outbox.drain(..));
    }
    Run { version, compared, deliveries, names: replay.names }
}

/// The unexpected differences of a forge. Records the exemptions that were needed.
fn unexpected(run: &Run, exemptions: &[Exemption], needed: &mut [bool]) -> Vec<String> {
    let version = run.version;
    let mut wrong = Vec::new();
    for (name, found) in &run.compared {
        let exempt = exemptions.iter().position(|exempt| exempt.applies_to(version, name));
        match exempt {
            Some(_) if found.is_empty() => {
                wrong.push(format!("{} {name}: exempt, but the answer is the same", version.name()));
            }
            Some(n) => needed[n] = true,
            None if found.is_empty() => {}
            None => {
                let found = found.join("\n    ");
                wrong.push(format!("{} {name}:\n    {found}", version.name()));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_exchange_gets_the_same_answer() {
    let runs = runs().await;
    let exemptions = exemptions::read();
    let mut needed = vec![false; exemptions.len()];
    let mut wrong = Vec::new();
    for (run, (version, count)) in runs.iter().zip(RECORDED) {
        assert_eq!((run.version, run.compared.len()), (version, count));
        wrong.extend(unexpected(run, &exemptions, &mut needed));
    }
    for (exemption, needed) in exemptions.iter().zip(needed) {
        if !needed {
            wrong.push(format!("exempt.txt:{}: no such difference", exemption.line));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
