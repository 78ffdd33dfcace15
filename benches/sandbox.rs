//! What the sandbox costs, and what those in it can do to each other.
//!
//! First a container that does nothing, in the sandbox and without it, in turn: the difference is what a run
//! costs. Then a canary, one second of work in the sandbox, again and again, while every hostile commit of
//! `tests/hostile/corpus` goes its way through the platform beside it.
//!
//! Prints; asserts nothing about time. `cargo bench --bench sandbox`; with words behind `--` only rows whose
//! names hold one of them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a measurement is its report"
)]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/executor/bench.rs"]
mod bench;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/copy.rs"]
mod copy;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/hostile/row.rs"]
mod row;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/world.rs"]
mod world;

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bench::{Bench, plain_job};
use referee::executor::{JobSpec, Runner as _};
use referee::model::ImageId;
use row::{Kind, Row};
use world::{PATIENCE, World};

/// Pairs of containers that are measured, after one that is not.
const PAIRS: usize = 15;
/// For so long canaries run alone, before the first hostile commit and after the last one.
const ALONE: Duration = Duration::from_secs(20);
/// About what a canary takes.
const CANARY: Duration = Duration::from_secs(2);
/// Canaries that run beside a row, about.
const BESIDE: u32 = 6;
/// What a canary's time may be of that of one alone: the goal.
const SLOWER_MAX: f64 = 1.2;
/// About a second of one core, some of it for memory and files.
const WORK: &str = "python3 -c 'x = 1
for n in range(9_000_000): x = (x * 1103515245 + n) & 0xffffffff
open(\"/tmp/x\", \"wb\").write(bytes(1 << 18) * 2)'";

/// Bounds of builds that are met within seconds, as in `tests/hostile`.
const BUILDER: &str = "[builder]\ntime = \"20s\"\nmemory = \"256MiB\"\nlog = \"256KiB\"\n\
                       disk = \"512MiB\"\nfile = \"64MiB\"\nprocesses = 128\n";

/// The runtime that `row` reads verdicts for.
fn runtime() -> String {
    "runc".into()
}

/// The builder that `row` reads verdicts for.
fn builder() -> String {
    "classic".into()
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(overhead());
    beside(&runtime);
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A container that ends at once: from its order to its end, and all that belongs to it.
async fn overhead() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (mut inside, mut whole, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let image = bench.shell().await;
    for n in 0..=PAIRS {
        let spec = job(&image, &format!("nothing-{n}"), "true");
        let (ran, all) = in_sandbox(&bench, &spec).await;
        let without = without_sandbox(spec.image.as_str());
        if n > 0 {
            inside.push(ran);
            whole.push(all);
            plain.push(without);
        }
    }
    let (inside, whole, plain) = (median(&inside), median(&whole), median(&plain));
    println!("a container that does nothing, medians of {PAIRS}:");
    println!("  without the sandbox, created, run and removed   {plain:.3} s");
    println!(
        "  in the sandbox, from its order to its end       {inside:.3} s  ({:+.3} s)",
        inside - plain
    );
    println!(
        "  with its file system, output and removal, too   {whole:.3} s  ({:+.3} s)",
        whole - plain
    );
}

/// A job of an image that was built once: what a build takes is measured elsewhere.
fn job(image: &ImageId, name: &str, script: &str) -> JobSpec {
    JobSpec {
        image: image.clone(),
        env: vec![("SCRIPT".to_owned(), script.to_owned())],
        ..plain_job(name)
    }
}

async fn in_sandbox(bench: &Bench, spec: &JobSpec) -> (f64, f64) {
    let begun = Instant::now();
    bench.engine.prepare(spec).await.unwrap();
    let ordered = Instant::now();
    let job = bench.engine.submit(spec).await.unwrap();
    let end = bench.end_of(&job).await;
    let ran = ordered.elapsed().as_secs_f64();
    assert_eq!(end.exit_code, 0, "{end:?}");
    bench.collect(spec, &job).await;
    bench.engine.cleanup(&job).await.unwrap();
    (ran, begun.elapsed().as_secs_f64())
}

/// The same container as everybody starts one. What `docker` itself takes is taken off: the time of a
/// question that costs the engine nothing.
fn without_sandbox(image: &str) -> f64 {
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        let output = Command::new("docker").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        begun.elapsed().as_secs_f64()
    };
    let ran = timed(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--env",
        "SCRIPT=true",
        image,
    ]);
    let asked = timed(&["image", "inspect", "--format", "{{.Id}}", image]);
    (ran - asked).max(0.0)
}

/// A canary: when it began, and the seconds from its order to its end.
type Canary = (Instant, f64);

/// Canaries one after the other until it is enough.
async fn canaries(bench: &Bench, enough: &AtomicBool) -> Vec<Canary> {
    let image = bench.shell().await;
    let mut all = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let spec = job(&image, &format!("canary-{}", all.len()), WORK);
        bench.engine.prepare(&spec).await.unwrap();
        let begun = Instant::now();
        let job = bench.engine.submit(&spec).await.unwrap();
        let end = bench.end_of(&job).await;
        all.push((begun, begun.elapsed().as_secs_f64()));
        assert_eq!(end.exit_code, 0, "the canary: {end:?}");
        bench.engine.cleanup(&job).await.unwrap();
    }
    all
}

/// A row, and when it was pushed and had ended.
struct Went {
    name: String,
    from: Instant,
    to: Instant,
}

fn beside(runtime: &tokio::runtime::Runtime) {
    let (Some(bench), Some(mut world)) = (runtime.block_on(Bench::new()), World::new()) else {
        return;
    };
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    let words: Vec<String> = words.collect();
    let mut rows = row::all();
    rows.retain(|row| {
        let named = words.is_empty() || words.iter().any(|word| row.name.contains(word.as_str()));
        row.kind == Kind::Commit && named
    });
    world.add_challenge(row::here().join("challenge"));
    world.slots = 1;
    world.settings = BUILDER.to_owned();
    let teams: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    world.add_teams("hostile", &teams);
    world.start();

    let enough = AtomicBool::new(false);
    let (went, canaries) = std::thread::scope(|scope| {
        let canaries = scope.spawn(|| runtime.block_on(canaries(&bench, &enough)));
        std::thread::sleep(ALONE);
        let went: Vec<Went> = rows.iter().map(|row| go(&mut world, row)).collect();
        std::thread::sleep(ALONE);
        enough.store(true, Ordering::Relaxed);
        (went, canaries.join().unwrap())
    });
    report(&went, &canaries);
}

/// Pushes a row and waits for its end, again and again for as long as some canaries take: one alone is worth
/// nothing on a machine with few cores. A row that makes its own commit is pushed once.
fn go(world: &mut World, row: &Row) -> Went {
    let copy = world.copy_of("hostile", &row.name);
    row::commit(row, &copy);
    let from = Instant::now();
    for again in 1.. {
        copy.push(&["origin", &format!("HEAD:{}", row.branch)]);
        world.settle(PATIENCE);
        if from.elapsed() > BESIDE * CANARY || row.folder.join("make.py").exists() {
            break;
        }
        copy.write("again.txt", &again.to_string());
        copy.commit("Once more");
    }
    Went {
        name: row.name.clone(),
        from,
        to: Instant::now(),
    }
}

fn report(went: &[Went], canaries: &[Canary]) {
    let (first, last) = (went[0].from, went[went.len() - 1].to);
    let times = |wanted: &dyn Fn(Instant) -> bool| -> Vec<f64> {
        let those = canaries.iter().filter(|(begun, _)| wanted(*begun));
        those.map(|(_, took)| *took).collect()
    };
    // One that began before the first push has perhaps ended after it.
    let alone = times(&|begun| begun > last || begun + 2 * CANARY < first);
    let base = median(&alone);
    println!("\na canary alone: {base:.3} s, median of {}", alone.len());
    println!("beside each row, median of its canaries over that:");
    let mut slowed = 0;
    for row in went {
        let beside = times(&|begun| (row.from..row.to).contains(&begun));
        if beside.is_empty() {
            println!("  {:<36} ended within one canary", row.name);
            continue;
        }
        let ratio = median(&beside) / base;
        slowed += usize::from(ratio > SLOWER_MAX);
        let mark = if ratio > SLOWER_MAX { "  slower" } else { "" };
        println!(
            "  {:<36} {ratio:.3}  of {:>2}{mark}",
            row.name,
            beside.len()
        );
    }
    let all = median(&times(&|begun| (first..last).contains(&begun))) / base;
    println!(
        "all of them: {all:.3}; {slowed} of {} rows over {SLOWER_MAX}",
        went.len()
    );
}
