//! 200 pushes at a deadline, with a forge that accepts 20 commit statuses or 10 comments per second, one after the
//! other. Measures when the last team has its first verdict, when everything is published, and how many requests that
//! takes.
//!
//! Intake, admission and outbox are the real ones. Build, smoke run and run are short waits, because the benchmark does
//! not measure an engine. It prints times and asserts nothing about them.
//! `cargo bench --bench deadline [-- TEAMS MILLISECONDS-PER-STAGE]`.

#![expect(clippy::unwrap_used, reason = "a panic in a measurement is its report")]

#[path = "../tests/web/engine.rs"]
mod engine;
#[path = "../tests/web/log.rs"]
#[expect(dead_code, reason = "only tests use the other items")]
mod log;
#[path = "../tests/forge/model/mod.rs"]
#[expect(dead_code, reason = "only tests use the other items")]
mod model;
#[path = "../tests/outbox/submissions.rs"]
#[expect(dead_code, reason = "only tests use the other items")]
mod submissions;
#[path = "../tests/outbox/world.rs"]
#[expect(dead_code, reason = "only tests use the other items")]
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
/// Response times of the forge.
const PACE: Pace = Pace { status: Duration::from_millis(50), comment: Duration::from_millis(100) };
const FIRST_VERDICT_GOAL: f64 = 60.0;
const EVERYTHING_GOAL: f64 = 300.0;

/// A submission that passes admission.
fn files() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nuclei/submissions/good-otsu");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let all = ["Dockerfile", "main.py"].into_iter();
    all.map(|name| (name.to_owned(), read(name))).collect()
}

fn spawn_loop<R>(step: impl Fn() -> R + Send + 'static)
where
    R: Future<Output = Progress> + Send,
{
    tokio::spawn(async move {
        loop {
            if step().await == Progress::Idle {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
}

/// The loops of the daemon that this benchmark needs.
fn start(world: &Arc<World>) {
    for _ in 0..2 {
        let app = Arc::clone(&world.app);
        spawn_loop(move || {
            let app = Arc::clone(&app);
            async move { stages::step(&app, Stage::Admission).await.unwrap() }
        });
    }
    for class in [PriorityClass::Urgent, PriorityClass::Rest] {
        let world = Arc::clone(world);
        spawn_loop(move || {
            let world = Arc::clone(&world);
            async move { publish::step(&world.app, &world.name, class).await.unwrap() }
        });
    }
}

/// Completes the stages of one submission after the other.
fn start_engine(world: &Arc<World>, stage_time: Duration) {
    let world = Arc::clone(world);
    spawn_loop(move || {
        let world = Arc::clone(&world);
        async move {
            let mut progress = Progress::Idle;
            for stage in [Stage::Build, Stage::Smoke, Stage::Run] {
                let now = world.app.context.clock.now();
                let waiting = world.app.context.store.waiting_for(stage, now).await.unwrap();
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

/// The number of repositories (each with one commit) whose first verdict is published.
fn verdicts(forge: &Forge) -> usize {
    let state = forge.state();
    let all = state.statuses.iter();
    let verdicts = all.filter(|s| s.context == "referee/admission" && s.state != "pending");
    verdicts.map(|s| s.repository).collect::<BTreeSet<_>>().len()
}

async fn ended(world: &World) -> usize {
    let challenge = &world.app.context.challenges[0].slug;
    let all = world.app.context.store.submissions_of_challenge(challenge).await.unwrap();
    all.iter().filter(|r| r.submission.outcome().is_some()).count()
}

/// The kind of a request, without names and ids.
fn kind(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let step = |step: &str| {
        let named = step.starts_with("team-") || step.chars().all(|c| c.is_ascii_hexdigit());
        if named { "*".to_owned() } else { step.to_owned() }
    };
    let path: Vec<String> = path.trim_start_matches("/api/v1/").split('/').map(step).collect();
    format!("{method} {}", path.join("/"))
}

fn with_goal(goal: f64, seconds: f64) -> String {
    let met = if seconds <= goal { "met" } else { "missed" };
    format!("{seconds:.1} s (goal {goal} s: {met})")
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let teams = arguments.next().map_or(TEAMS, |n| usize::try_from(n).unwrap());
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
    assert_eq!(observe::sweep(&world.app.context, &world.app.forges).await.unwrap(), teams);
    println!("all pushes entered after {:.1} s", begin.elapsed().as_secs_f64());
    let now = world.app.context.clock.now();
    while !world.app.context.store.waiting_for(Stage::Admission, now).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("all admissions started after {:.1} s", begin.elapsed().as_secs_f64());
    while verdicts(&world.forge) < teams {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("last first verdict: {}", with_goal(FIRST_VERDICT_GOAL, begin.elapsed().as_secs_f64()));
    while ended(&world).await < teams {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("last submission ended after {:.1} s", begin.elapsed().as_secs_f64());
    while world.messages().await.iter().any(|message| message.is_due) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("everything published: {}", with_goal(EVERYTHING_GOAL, begin.elapsed().as_secs_f64()));

    let mut kinds = BTreeMap::<String, usize>::new();
    for asked in world.forge.asked() {
        *kinds.entry(kind(&asked.method, &asked.path)).or_default() += 1;
    }
    println!("API requests per submission:");
    for (kind, count) in kinds {
        println!("  {:6.2}  {kind}", count as f64 / teams as f64);
    }
}
