//! The cost of the sandbox, and the influence of jobs on each other.
//!
//! The first part runs an empty container in the sandbox and without it, in turn: the difference is the cost of the
//! sandbox. The second part runs a reference job, about two seconds of work in the sandbox, again and again, while
//! every hostile commit of `tests/hostile/corpus` goes through the platform.
//!
//! The benchmark prints times and asserts none. Run `cargo bench --bench sandbox`. Words behind `--` select the rows
//! whose names contain one of them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a measurement is its report")]

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

/// Pairs of containers that are measured, after one pair that is not.
const PAIRS: usize = 15;
/// Reference jobs run alone for this time, before the first hostile commit and after the last one.
const ALONE: Duration = Duration::from_secs(20);
/// The approximate time of a reference job.
const REFERENCE_TIME: Duration = Duration::from_secs(2);
/// The approximate number of reference jobs beside a row.
const BESIDE: u32 = 6;
/// The goal: the time of a reference job beside a row, divided by its time alone, is at most this.
const SLOWER_MAX: f64 = 1.2;
/// About a second of one core, some of it for memory and files.
const WORK: &str = "python3 -c 'x = 1
for n in range(9_000_000): x = (x * 1103515245 + n) & 0xffffffff
open(\"/tmp/x\", \"wb\").write(bytes(1 << 18) * 2)'";

/// Limits of builds that are reached within seconds, as in `tests/hostile`.
const BUILDER: &str = "[builder]\ntime = \"20s\"\nmemory = \"256MiB\"\nlog = \"256KiB\"\n\
                       disk = \"512MiB\"\nfile = \"64MiB\"\nprocesses = 128\n";

/// The runtime whose verdicts `row` reads.
fn runtime() -> String {
    "runc".into()
}

/// The builder whose verdicts `row` reads.
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

/// Measures a container that ends at once: from the request to the end, and with preparation and removal.
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
    println!("an empty container, medians of {PAIRS}:");
    println!("  without the sandbox, created, run and removed   {plain:.3} s");
    println!("  in the sandbox, from the request to the end     {inside:.3} s  ({:+.3} s)", inside - plain);
    println!("  and with file system, output and removal        {whole:.3} s  ({:+.3} s)", whole - plain);
}

/// A job of an image that was built before. Other benchmarks measure builds.
fn job(image: &ImageId, name: &str, script: &str) -> JobSpec {
    JobSpec { image: image.clone(), env: vec![("SCRIPT".to_owned(), script.to_owned())], ..plain_job(name) }
}

async fn in_sandbox(bench: &Bench, spec: &JobSpec) -> (f64, f64) {
    let begun = Instant::now();
    bench.engine.prepare(spec).await.unwrap();
    let requested = Instant::now();
    let job = bench.engine.submit(spec).await.unwrap();
    let end = bench.end_of(&job).await;
    let ran = requested.elapsed().as_secs_f64();
    assert_eq!(end.exit_code, 0, "{end:?}");
    bench.collect(spec, &job).await;
    bench.engine.cleanup(&job).await.unwrap();
    (ran, begun.elapsed().as_secs_f64())
}

/// The same container by `docker run`. The time of the program `docker` itself is subtracted: it is that of a call that
/// costs the engine nothing.
fn without_sandbox(image: &str) -> f64 {
    let timed = |arguments: &[&str]| {
        let begun = Instant::now();
        let output = Command::new("docker").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        begun.elapsed().as_secs_f64()
    };
    let ran = timed(&["run", "--rm", "--network", "none", "--env", "SCRIPT=true", image]);
    let overhead = timed(&["image", "inspect", "--format", "{{.Id}}", image]);
    (ran - overhead).max(0.0)
}

/// The start of a reference job, and its seconds from the request to the end.
type Reference = (Instant, f64);

/// Runs reference jobs one after the other until `enough`.
async fn reference_jobs(bench: &Bench, enough: &AtomicBool) -> Vec<Reference> {
    let image = bench.shell().await;
    let mut all = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let spec = job(&image, &format!("reference-{}", all.len()), WORK);
        bench.engine.prepare(&spec).await.unwrap();
        let begun = Instant::now();
        let job = bench.engine.submit(&spec).await.unwrap();
        let end = bench.end_of(&job).await;
        all.push((begun, begun.elapsed().as_secs_f64()));
        assert_eq!(end.exit_code, 0, "the reference job: {end:?}");
        bench.engine.cleanup(&job).await.unwrap();
    }
    all
}

/// A row, with the times of its push and its end.
struct RowRun {
    name: String,
    from: Instant,
    to: Instant,
}

fn beside(runtime: &tokio::runtime::Runtime) {
    let (Some(bench), Some(mut world)) = (runtime.block_on(Bench::new()), World::new()) else {
        return;
    };
    let words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
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
    let (runs, references) = std::thread::scope(|scope| {
        let references = scope.spawn(|| runtime.block_on(reference_jobs(&bench, &enough)));
        std::thread::sleep(ALONE);
        let runs: Vec<RowRun> = rows.iter().map(|row| run_row(&mut world, row)).collect();
        std::thread::sleep(ALONE);
        enough.store(true, Ordering::Relaxed);
        (runs, references.join().unwrap())
    });
    report(&runs, &references);
}

/// Pushes a row and waits for its end, again and again for the time of several reference jobs: one job proves nothing
/// on a machine with few cores. A row that makes its own commit is pushed once.
fn run_row(world: &mut World, row: &Row) -> RowRun {
    let copy = world.copy_of("hostile", &row.name);
    row::commit(row, &copy);
    let from = Instant::now();
    for again in 1.. {
        copy.push(&["origin", &format!("HEAD:{}", row.branch)]);
        world.settle(PATIENCE);
        if from.elapsed() > BESIDE * REFERENCE_TIME || row.folder.join("make.py").exists() {
            break;
        }
        copy.write("again.txt", &again.to_string());
        copy.commit("Once more");
    }
    RowRun { name: row.name.clone(), from, to: Instant::now() }
}

fn report(runs: &[RowRun], references: &[Reference]) {
    let (first, last) = (runs[0].from, runs[runs.len() - 1].to);
    let times = |wanted: &dyn Fn(Instant) -> bool| -> Vec<f64> {
        let those = references.iter().filter(|(begun, _)| wanted(*begun));
        those.map(|(_, took)| *took).collect()
    };
    // A job that began before the first push may have ended after it.
    let alone = times(&|begun| begun > last || begun + 2 * REFERENCE_TIME < first);
    let base = median(&alone);
    println!("\na reference job alone: {base:.3} s, median of {}", alone.len());
    println!("beside each row, median of its reference jobs divided by that:");
    let mut slowed = 0;
    for row in runs {
        let beside = times(&|begun| (row.from..row.to).contains(&begun));
        if beside.is_empty() {
            println!("  {:<36} ended within one reference job", row.name);
            continue;
        }
        let ratio = median(&beside) / base;
        slowed += usize::from(ratio > SLOWER_MAX);
        let note = if ratio > SLOWER_MAX { "  slower" } else { "" };
        println!("  {:<36} {ratio:.3}  of {:>2}{note}", row.name, beside.len());
    }
    let all = median(&times(&|begun| (first..last).contains(&begun))) / base;
    println!("all of them: {all:.3}; {slowed} of {} rows over {SLOWER_MAX}", runs.len());
}
