//! Every commit of the corpus, pushed to the real program by local git, several at a time.
//!
//! All differences are collected and shown at once; after the last, nothing may be left.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use referee::model::{Outcome, Severity, Stage};
use referee::store::AttemptRecord;

use crate::canary;
use crate::copy::{Copy, Pushed};
use crate::leaks::{self, Left};
use crate::row::{self, Kind, Row};
use crate::world::World;

/// All have ended by then, on a machine with much else to do.
pub const PATIENCE: Duration = Duration::from_secs(900);
/// Pushes at the same time.
const PUSHES: usize = 3;
/// What the daemon's memory may have grown by, when all is over: each of two readers of commits may keep
/// 32 MiB of texts, and the allocator does not give everything back.
const GROWTH_BYTES_MAX: u64 = 128 << 20;
/// Bounds of builds, small enough to be met within seconds. Only for those that meet them: on a busy
/// machine an honest build would meet one, too.
const BUILDER: &str = "[builder]\ntime = \"45s\"\nmemory = \"256MiB\"\nlog = \"256KiB\"\n\
                       disk = \"512MiB\"\nfile = \"64MiB\"\nprocesses = 128\n";

/// What differs, one line each: case, what, expected, found.
#[derive(Default)]
pub struct Differences(Vec<String>);

impl Differences {
    pub fn compare<T: PartialEq + Debug>(&mut self, row: &Row, what: &str, wanted: T, found: T) {
        if wanted != found {
            self.tell(
                row,
                &format!("{what}: {wanted:?} expected, {found:?} found"),
            );
        }
    }

    pub fn tell(&mut self, row: &Row, what: &str) {
        self.0.push(format!("{:<32} {what}", row.name));
    }

    /// The verdict and the codes of the findings.
    pub fn verdict(
        &mut self,
        row: &Row,
        (outcome, stage): (Option<Outcome>, Stage),
        attempts: Vec<AttemptRecord>,
    ) {
        let word = |outcome: Option<Outcome>| outcome.map_or("none", Outcome::as_str);
        self.compare(row, "outcome", word(Some(row.outcome)), word(outcome));
        self.compare(row, "stage", row.stage, stage);
        let findings = attempts.into_iter().flat_map(|a| a.findings);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for finding in findings {
            let list = match finding.severity {
                Severity::Error => &mut errors,
                _ => &mut warnings,
            };
            if !list.contains(&finding.code) {
                list.push(finding.code);
            }
        }
        self.compare(row, "codes", &row.codes, &errors);
        for code in row.warnings.iter().filter(|code| !warnings.contains(code)) {
            self.tell(row, &format!("no warning {code} among {warnings:?}"));
        }
    }

    /// What the participant reads, in one of these places at least; and never reads.
    pub fn shown(&mut self, row: &Row, report: &str, elsewhere: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words(report).contains(&words(&row.message)) {
            let message = &row.message;
            self.tell(
                row,
                &format!("the report does not say `{message}`:\n{report}"),
            );
        }
        let mut never: Vec<String> = row.never.clone();
        never.retain(|text| report.contains(text) || elsewhere.contains(text));
        never.extend(canary::told(report).or_else(|| canary::told(elsewhere)));
        for text in never {
            self.tell(row, &format!("`{text}` is shown:\n{report}\n{elsewhere}"));
        }
    }

    pub fn none_or_panic(self) {
        assert!(self.0.is_empty(), "differences:\n{}", self.0.join("\n"));
    }
}

/// A case that was pushed.
struct Sent<'a> {
    row: &'a Row,
    copy: Copy,
    sha: String,
    pushed: Pushed,
}

fn send<'a>(world: &World, row: &'a Row) -> Sent<'a> {
    let copy = world.copy_of("hostile", &row.name);
    copy.take(&row.folder);
    let _ = std::fs::remove_file(copy.path.join("make.py"));
    let made = || {
        std::process::Command::new("git")
            .args(["rev-parse", "--quiet", "--verify", "HEAD"])
            .current_dir(&copy.path)
            .output()
            .unwrap()
    };
    row::make(row, &copy.path);
    let made = made();
    let sha = match made.status.success() {
        true => String::from_utf8(made.stdout).unwrap().trim().to_owned(),
        false => copy.commit("Our method"),
    };
    let pushed = copy.push(&["origin", &format!("HEAD:{}", row.branch)]);
    Sent {
        row,
        copy,
        sha,
        pushed,
    }
}

/// Pushes all of them, a few at a time.
fn send_all<'a>(world: &World, rows: &'a [Row]) -> Vec<Sent<'a>> {
    let next = Mutex::new(rows.iter());
    let sent = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PUSHES {
            scope.spawn(|| {
                loop {
                    let Some(row) = next.lock().unwrap().next() else {
                        return;
                    };
                    let one = send(world, row);
                    sent.lock().unwrap().push(one);
                }
            });
        }
    });
    let mut sent = sent.into_inner().unwrap();
    sent.sort_by_key(|one| one.row.name.clone());
    sent
}

#[test]
fn commits_that_end_in_their_build_get_their_verdicts_and_leave_nothing() {
    verdicts(BUILDER, |row| row.stage == Stage::Build);
}

#[test]
fn all_other_commits_get_their_verdicts_and_leave_nothing() {
    verdicts("", |row| row.stage != Stage::Build);
}

fn verdicts(builder: &str, is_wanted: impl Fn(&Row) -> bool) {
    let Some(mut world) = World::new() else {
        return;
    };
    let mut rows = row::all();
    rows.retain(|row| row.kind == Kind::Commit && is_wanted(row));
    let before = Left::now();
    world.add_challenge(row::here().join("challenge"));
    let (engine, runtime) = (crate::engine(), crate::runtime());
    world.slots = 3;
    world.settings = format!("[engine]\nsocket = {engine:?}\nruntime = {runtime:?}\n{builder}");
    let teams: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    world.add_teams("hostile", &teams);
    world.start();
    let (at_start, _) = leaks::memory(world.pid());

    let begun = Instant::now();
    let sent = send_all(&world, &rows);
    let pushed = begun.elapsed();
    world.settle(PATIENCE);
    println!(
        "{} commits: pushed in {pushed:.1?}, ended after {:.1?}",
        rows.len(),
        begun.elapsed()
    );

    let mut differences = Differences::default();
    for one in &sent {
        compare(&world, one, &mut differences);
    }
    hidden_things_stay_hidden(&world);
    let (at_end, most) = leaks::memory(world.pid());
    println!(
        "memory: {} MiB at start, {} MiB at the end, {} MiB at most",
        at_start >> 20,
        at_end >> 20,
        most >> 20
    );
    differences.none_or_panic();
    let attempts = rows
        .iter()
        .flat_map(|row| world.submissions("hostile", &row.name))
        .flat_map(|record| world.attempts(&record));
    let logs = attempts.filter_map(|a| a.log).map(|log| log.text());
    let printed = logs.flat_map(|log| leaks::printed(&log).collect::<Vec<_>>());
    let printed = printed.collect();
    nothing_is_left(world, (&before, &printed));
    assert!(
        at_end < at_start + GROWTH_BYTES_MAX,
        "{at_end} bytes after {at_start}"
    );
}

fn compare(world: &World, one: &Sent<'_>, differences: &mut Differences) {
    let row = one.row;
    if !one.pushed.accepted {
        return differences.tell(row, &format!("git did not take it:\n{}", one.pushed.text));
    }
    let records = world.submissions("hostile", &row.name);
    let [record] = records.as_slice() else {
        return differences.tell(row, &format!("was entered {} times", records.len()));
    };
    let submission = &record.submission;
    let verdict = (submission.outcome, submission.stage);
    differences.verdict(row, verdict, world.attempts(record));
    let token = submission.token.as_str();
    let note = one.copy.note(&one.sha);
    let page = world.page(&format!("/submissions/{token}"));
    let view = world.page(&format!("/api/v1/submissions/{token}"));
    differences.shown(row, &note, &format!("{}\n{page}\n{view}", one.pushed.text));
    if let Some((least, most)) = row.right {
        let phase = submission.phase.as_str();
        let board = world.get(&format!("/api/v1/boards/hostile/{phase}/double"));
        let rows = board["rows"].as_array().expect("rows");
        let mine = rows.iter().find(|r| r["team"] == row.name.as_str());
        let value = mine.and_then(|r| r["values"][0]["value"].as_f64());
        if !value.is_some_and(|value| (least..=most).contains(&value)) {
            differences.tell(row, &format!("{value:?} is not in [{least}, {most}]"));
        }
    }
}

/// What everybody sees, and what the organizers' log keeps.
fn hidden_things_stay_hidden(world: &World) {
    for page in [
        "/",
        "/challenges/hostile",
        "/challenges/hostile/hidden/double",
        "/api/v1/boards/hostile/hidden/double",
    ] {
        assert_eq!(canary::told(&world.page(page)), None, "{page}");
    }
    let log = std::fs::read_to_string(world.path("referee.log")).unwrap();
    let line = log.lines().find(|line| canary::told(line).is_some());
    assert_eq!(line, None, "the daemon's log");
}

fn nothing_is_left(mut world: World, (before, printed): (&Left, &BTreeSet<String>)) {
    let data = world.path("data");
    let instance = std::fs::read_to_string(data.join("instance")).unwrap();
    let folders = [&data.join("work"), &world.path("tmp")];
    let pid = world.pid();
    world.until("nothing of jobs is left", PATIENCE, |world| {
        world.left_on_engine().is_empty()
    });
    let left = leaks::of_instance(instance.trim(), pid, &folders.map(|f| f.as_path()));
    assert!(left.is_empty(), "left: {left:#?}");
    drop(world);
    let left = before.since(printed);
    assert!(left.is_empty(), "left: {left:#?}");
}
