//! The overhead of Referee: one submission whose containers take ten seconds, through Referee and through a script of
//! `docker build` and `docker run`, in turn.
//!
//! The benchmark prints times and asserts nothing about them. `cargo bench --bench pipeline`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a measurement is its report")]

#[expect(dead_code, reason = "only tests use the other items")]
#[path = "../tests/it/copy.rs"]
mod copy;
#[expect(dead_code, reason = "only tests use the other items")]
#[path = "../tests/it/world.rs"]
mod world;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use copy::Copy;
use world::{PATIENCE, World, docker, examples, submission};

/// Measured pairs, after a warm-up pair.
const PAIRS: usize = 5;
const TEAM: &str = "bench";
/// Seconds that the container sleeps, once on the sample and once on the data.
const SLEEPS: u32 = 5;

/// The same work as a script. `$1` repository, `$2` empty folder, `$3` challenge, `$4` image of the scorer.
const SCRIPT: &str = r#"
set -euo pipefail
cd "$2" && git clone --quiet "$1" code
image=$(docker build --quiet --no-cache --network none code)
limits="--rm --network none --read-only --user 65534:65534 --cap-drop ALL
    --security-opt no-new-privileges --memory 512m --cpus 1 --pids-limit 64 --tmpfs /tmp:size=64m"
for data in sample data/validation; do
    at=$3/$data/segmentation
    mkdir -p -m 777 "$data/predictions" "$data/report"
    docker run $limits -v "$at/inputs:/input:ro" -v "$PWD/$data/predictions:/output" "$image"
    docker run $limits --cpus 2 --memory 1g -v "$PWD/$data/predictions:/predictions:ro" \
        -v "$at/truth:/truth:ro" -v "$PWD/$data/report:/output" "$4"
    test -s "$data/report/metrics.json"
done
docker rmi "$image" >/dev/null
"#;

fn main() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let scorer = examples().join("nuclei/scorer");
    let scorer = docker(&["build", "--quiet", &scorer.to_string_lossy()]).unwrap();
    let copy = world.copy_of("nuclei", TEAM);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..=PAIRS {
        change(&copy, n);
        let referee = through_referee(&mut world, &copy);
        let script = through_script(&world, scorer.trim(), n);
        println!(
            "{}: Referee {:.2} s, script {:.2} s, ratio {:.3}",
            if n == 0 { "warm-up".to_owned() } else { format!("pair {n}") },
            referee.as_secs_f64(),
            script.as_secs_f64(),
            referee.as_secs_f64() / script.as_secs_f64()
        );
        if n > 0 {
            ours.push(referee);
            theirs.push(script);
        }
    }
    world.settle(PATIENCE);
    let (ours, theirs) = (median(ours), median(theirs));
    println!("median ratio {:.3}", ours.as_secs_f64() / theirs.as_secs_f64());
    print_stages(&world);
    // Removes only the name, because others may use the image.
    let _ = docker(&["rmi", "--no-prune", scorer.trim()]);
}

fn change(copy: &Copy, n: usize) {
    copy.take(&submission("nuclei/baseline-empty"));
    let main = std::fs::read_to_string(copy.path.join("main.py")).unwrap();
    copy.write("main.py", &format!("{main}\nimport time\ntime.sleep({SLEEPS})\n# {n}\n"));
    copy.commit("Ten seconds");
}

fn through_referee(world: &mut World, copy: &Copy) -> Duration {
    let pushed = copy.push(&["-o", "watch", "origin", "HEAD:main"]);
    pushed.message("Scored");
    world.settle(PATIENCE);
    pushed.took
}

fn through_script(world: &World, scorer: &str, n: usize) -> Duration {
    let folder = world.path(&format!("script-{n}"));
    std::fs::create_dir_all(&folder).unwrap();
    let repository = world.repository("nuclei", TEAM);
    let started = Instant::now();
    let output = Command::new("bash")
        .args(["-c", SCRIPT, "script"])
        .args([repository.as_path(), &folder, &examples().join("nuclei"), Path::new(scorer)])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Prints the attempts of the last submission, and the waits between them.
fn print_stages(world: &World) {
    let record = world.submissions("nuclei", TEAM).pop().expect("a submission");
    let mut at = record.submission.observed_at;
    for attempt in world.attempts(&record) {
        let (started, ended) = (attempt.attempt.started_at, attempt.attempt.ended_at.unwrap());
        println!(
            "{:<6} waited {:>5} ms, took {:>6} ms, container {}",
            attempt.attempt.stage.as_str(),
            started.since(at).0,
            ended.since(started).0,
            serde_json::to_value(&attempt.detail).unwrap()["run_ms"]
        );
        at = ended;
    }
}
