//! How long a team looks at its terminal: `git push` until the verdict of the rules is there, beside
//! the same push to a repository without Referee.
//!
//! Prints; asserts nothing about time. `cargo bench --bench push`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a measurement is its report"
)]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/copy.rs"]
mod copy;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/world.rs"]
mod world;

use std::time::Duration;

use world::{PATIENCE, World, submission};

const PUSHES: usize = 20;
const TEAM: &str = "bench";

fn main() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    let plain = world.path("plain.git");
    copy.git(&["init", "--quiet", "--bare", &plain.to_string_lossy()]);
    copy.git(&["remote", "add", "plain", &plain.to_string_lossy()]);
    copy.take(&submission("nuclei/five-mistakes"));
    let (mut judged, mut stored) = (Vec::new(), Vec::new());
    for n in 0..=PUSHES {
        copy.write("number.txt", &n.to_string());
        copy.commit("Another try");
        let pushed = copy.push(&["plain", "HEAD:main"]);
        assert!(pushed.accepted, "{}", pushed.text);
        let verdict = copy.push_main();
        verdict.message("Rejected by the rules");
        // The first push finds nothing in any cache.
        if n > 0 {
            stored.push(pushed.took);
            judged.push(verdict.took);
        }
    }
    world.settle(PATIENCE);
    println!("{PUSHES} pushes           median      p90");
    show("to the verdict", judged);
    show("without Referee", stored);
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_millis();
    println!("{what:<15} {:>9} ms {:>5} ms", at(0.5), at(0.9));
}
