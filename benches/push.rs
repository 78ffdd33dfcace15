//! The duration of `git push` with the verdict of admission, compared with a push to a repository without Referee.
//!
//! The benchmark prints times and asserts nothing about them. `cargo bench --bench push`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a measurement is its report")]

#[expect(dead_code, reason = "only tests use the other items")]
#[path = "../tests/it/copy.rs"]
mod copy;
#[expect(dead_code, reason = "only tests use the other items")]
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
        copy.commit("Another push");
        let pushed = copy.push(&["plain", "HEAD:main"]);
        assert!(pushed.accepted, "{}", pushed.text);
        let verdict = copy.push_main();
        verdict.message("Rejected by the rules");
        // The first push finds empty caches.
        if n > 0 {
            stored.push(pushed.took);
            judged.push(verdict.took);
        }
    }
    world.settle(PATIENCE);
    println!("{PUSHES} pushes           median      p90");
    print_row("with verdict", judged);
    print_row("without Referee", stored);
}

fn print_row(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_millis();
    println!("{name:<15} {:>9} ms {:>5} ms", at(0.5), at(0.9));
}
