//! Two hundred pushes at a deadline, to a forge that takes twenty statuses or ten comments a second, one
//! after the other: when the last team has its first verdict, when everything is shown, and how many
//! requests that took.
//!
//! Intake, rules and outbox are the real ones; building, trying and running are short waits, as an
//! engine is not what is measured. Prints; asserts nothing about time.
//! `cargo bench --bench deadline [-- TEAMS MILLISECONDS-PER-STAGE]`.

#![expect(clippy::unwrap_used, reason = "a panic in a measurement is its report")]

#[path = "../tests/web/engine.rs"]
mod engine;
#[path = "../tests/web/log.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod log;
#[path = "../tests/forge/model/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod model;
#[path = "../tests/outbox/submissions.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod submissions;
#[path = "../tests/outbox/world.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::fault_injection::Pace;
use model::{Forge, ForgeVersion};
use referee::clock::Clock;
use referee::model::{Stage, limits};
use referee::pipeline::context::Progress;
use referee::pipeline::{observe, publish, stages};
use referee::store::PriorityClass;
use world::{Plan, World};

const TEAMS: usize = 200;
const STAGE: u64 = 100;
/// The forge takes this long for each.
const PACE: Pace = Pace {
    status: Duration::from_millis(50),
    comment: Duration::from_millis(100),
};
const FIRST_VERDICT_GOAL: f64 = 60.0;
const EVERYTHING_GOAL: f64 = 300.0;

/// A submission that the rules admit.
fn files() -> Vec<(String, String)> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/nuclei/submissions/good-otsu"
    );
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let all = ["Dockerfile", "main.py"].into_iter();
    all.map(|name| (name.to_owned(), read(name))).collect()
}

fn for_ever<R>(doing: impl Fn() -> R + Send + 'static)
where
    R: Future<Output = Progress> + Send,
{
    tokio::spawn(async move {
        loop {
            if doing().await == Progress::Idle {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
}

/// The loops of the daemon that matter here.
fn start(world: &Arc<World>) {
    for _ in 0..2 {
        let app = Arc::clone(&world.app);
        for_ever(move || {
            let app = Arc::clone(&app);
            async move { stages::step(&app, Stage::Admission).await.unwrap() }
        });
    }
    for priority_class in [PriorityClass::Urgent, PriorityClass::Rest] {
        let world = Arc::clone(world);
        for_ever(move || {
            let world = Arc::clone(&world);
            async move {
                publish::step(&world.app, &world.name, priority_class)
                    .await
                    .unwrap()
            }
        });
    }
}

/// One stage after the other of one submission after the other, as long as there are any.
fn start_engine(world: &Arc<World>, stage_time: Duration) {
    let world = Arc::clone(world);
    for_ever(move || {
        let world = Arc::clone(&world);
        async move {
            let mut progress = Progress::Idle;
            for stage in [Stage::Build, Stage::Smoke, Stage::Run] {
                let now = world.app.context.clock.now();
                let waiting = world
                    .app
                    .context
                    .store
                    .waiting_for(stage, now)
                    .await
                    .unwrap();
                let Some(record) = waiting.first() else {
                    continue;
                };
                let id = record.submission.id;
                tokio::time::sleep(stage_time).await;
                match stage {
                    Stage::Build => world.built(id).await,
                    Stage::Smoke => world.smoked(id).await,
                    _ => world.crashed(id).await,
                }
                progress = Progress::Worked;
            }
            progress
        }
    });
}

/// Repositories, of a commit each, whose first verdict is shown.
fn verdicts(forge: &Forge) -> usize {
    let state = forge.state();
    let all = state.statuses.iter();
    let verdicts = all.filter(|s| s.context == "referee/admission" && s.state != "pending");
    verdicts
        .map(|s| s.repository)
        .collect::<BTreeSet<_>>()
        .len()
}

async fn ended(world: &World) -> usize {
    let challenge = &world.app.context.challenges[0].slug;
    let all = world
        .app
        .context
        .store
        .submissions_of_challenge(challenge)
        .await
        .unwrap();
    all.iter()
        .filter(|r| r.submission.outcome().is_some())
        .count()
}

/// What a request is, without what it is about.
fn kind(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let step = |step: &str| {
        let named = step.starts_with("team-") || step.chars().all(|c| c.is_ascii_hexdigit());
        if named {
            "*".to_owned()
        } else {
            step.to_owned()
        }
    };
    let path: Vec<String> = path
        .trim_start_matches("/api/v1/")
        .split('/')
        .map(step)
        .collect();
    format!("{method} {}", path.join("/"))
}

fn told(goal: f64, seconds: f64) -> String {
    let met = if seconds <= goal { "met" } else { "missed" };
    format!("{seconds:.1} s (goal {goal} s: {met})")
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|a| a.parse::<u64>().ok());
    let teams = arguments
        .next()
        .map_or(TEAMS, |n| usize::try_from(n).unwrap());
    let stage_time = Duration::from_millis(arguments.next().unwrap_or(STAGE));
    let plan = Plan {
        clock: Clock::system(),
        patience: limits::FORGE_CALL_TIME,
        files: files(),
        ..Plan::new(ForgeVersion::Gitea127, teams)
    };
    let world = Arc::new(World::start(plan).await);
    *world.forge.pace() = PACE;
    println!("{teams} pushes at once, {stage_time:?} for each stage of the engine");

    let begin = Instant::now();
    start(&world);
    start_engine(&world, stage_time);
    assert_eq!(
        observe::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap(),
        teams
    );
    println!("all entered after {:.1} s", begin.elapsed().as_secs_f64());
    let now = world.app.context.clock.now();
    while !world
        .app
        .context
        .store
        .waiting_for(Stage::Admission, now)
        .await
        .unwrap()
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "all in the hands of the rules after {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    while verdicts(&world.forge) < teams {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "last first verdict: {}",
        told(FIRST_VERDICT_GOAL, begin.elapsed().as_secs_f64())
    );
    while ended(&world).await < teams {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("last end after {:.1} s", begin.elapsed().as_secs_f64());
    while world.messages().await.iter().any(|message| message.is_due) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "everything shown: {}",
        told(EVERYTHING_GOAL, begin.elapsed().as_secs_f64())
    );

    let mut kinds = BTreeMap::<String, usize>::new();
    for asked in world.forge.asked() {
        *kinds.entry(kind(&asked.method, &asked.path)).or_default() += 1;
    }
    println!("requests to the API, for each submission:");
    for (kind, count) in kinds {
        println!("  {:6.2}  {kind}", count as f64 / teams as f64);
    }
}
