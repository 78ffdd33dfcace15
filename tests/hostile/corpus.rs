//! Every commit of the corpus, pushed to the real program by git, several at a time: those that end in
//! their build on a local forge, all others on a forge of its own, which shows what came of them.
//!
//! All differences are collected and shown at once; after the last, nothing may be left.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use referee::model::{Outcome, Stage, Submission};
use referee::report::markdown;

use crate::canary::{CANARY, Words};
use crate::copy::{Copy, Pushed};
use crate::differences::Differences;
use crate::hosted::Hosted;
use crate::leaks::{self, Left};
use crate::row::{self, Kind, Row};
use crate::secrecy;
use crate::world::World;

/// All have ended by then, on a machine with much else to do.
pub const PATIENCE: Duration = Duration::from_secs(900);
/// Pushes at the same time.
const PUSHES: usize = 3;
/// What the daemon's memory may have grown by, when all is over: each of two readers of commits may keep
/// 32 MiB of texts, and the allocator does not give everything back.
const GROWTH_BYTES_MAX: u64 = 128 << 20;
/// Threads that have nothing to do end by then, and what was theirs is given back.
const IDLE_WITHIN: Duration = Duration::from_secs(60);
/// Bounds of builds, small enough to be met within seconds. Only for those that meet them: on a busy
/// machine an honest build would meet one, too.
const BUILDER: &str = "time = \"45s\"\nmemory = \"256MiB\"\nlog = \"256KiB\"\n\
                       disk = \"512MiB\"\nfile = \"64MiB\"\nprocesses = 128\n";

/// A case that was pushed.
pub struct Sent<'a> {
    pub row: &'a Row,
    copy: Copy,
    sha: String,
    pushed: Pushed,
}

fn send<'a>(row: &'a Row, copy: Copy) -> Sent<'a> {
    let sha = row::commit(row, &copy);
    let pushed = copy.push(&["origin", &format!("HEAD:{}", row.branch)]);
    Sent {
        row,
        copy,
        sha,
        pushed,
    }
}

/// Pushes all of them, a few at a time.
fn send_all<'a>(rows: &'a [Row], copy_of: impl Fn(&str) -> Copy + Sync) -> Vec<Sent<'a>> {
    let next = Mutex::new(rows.iter());
    let sent = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PUSHES {
            scope.spawn(|| {
                loop {
                    let Some(row) = next.lock().unwrap().next() else {
                        return;
                    };
                    let one = send(row, copy_of(&row.name));
                    sent.lock().unwrap().push(one);
                }
            });
        }
    });
    let mut sent = sent.into_inner().unwrap();
    sent.sort_by_key(|one| one.row.name.clone());
    sent
}

/// An installation for these rows, not started yet.
fn world(rows: &[Row]) -> Option<World> {
    let mut world = World::new()?;
    assert!(!rows.is_empty());
    let (engine, runtime) = (crate::engine(), crate::runtime());
    world.slots = 3;
    let builder = crate::builder();
    world.settings = format!(
        "[engine]\nsocket = {engine:?}\nruntime = {runtime:?}\n[builder]\nwith = {builder:?}\n"
    );
    Some(world)
}

fn commits(is_wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
    let mut rows = row::all();
    rows.retain(|row| row.kind == Kind::Commit && is_wanted(row));
    rows
}

fn names(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

#[test]
fn commits_that_end_in_their_build_get_their_verdicts_and_leave_nothing() {
    let rows = commits(|row| row.stage == Stage::Build);
    let Some(mut world) = world(&rows) else {
        return;
    };
    let before = Left::now();
    world.add_challenge(row::here().join("challenge"));
    world.settings.push_str(BUILDER);
    world.add_teams("hostile", &names(&rows));
    world.start();
    let (at_start, _) = leaks::memory(world.pid());
    let sent = send_all(&rows, |team| world.copy_of("hostile", team));
    world.settle(PATIENCE);

    let mut differences = Differences::new(Words::of(&[CANARY]));
    for one in &sent {
        compare(&world, one, &mut differences, |_, one| {
            let note = one.copy.note(&one.sha);
            Ok((vec![note], String::new()))
        });
    }
    secrecy::of_pages(&world, &Words::of(&[CANARY]));
    differences.none_or_panic();
    nothing_is_left(world, (before, at_start), &rows);
}

#[test]
fn all_other_commits_get_their_verdicts_and_leave_nothing() {
    let rows = commits(|row| row.stage != Stage::Build);
    let Some(mut world) = world(&rows) else {
        return;
    };
    let before = Left::now();
    let hosted = Hosted::new();
    let (challenge, settings) = hosted.configure(&world);
    world.add_challenge(challenge);
    world.settings.push_str(&settings);
    hosted.set_up(&world, &names(&rows));
    world.start();
    let (at_start, _) = leaks::memory(world.pid());
    let begun = Instant::now();
    hosted.welcome(&mut world, &names(&rows));
    println!("all teams take part after {:.1?}", begun.elapsed());
    let sent = send_all(&rows, |team| hosted.copy_of(&world, team));
    println!("all commits are pushed after {:.1?}", begun.elapsed());
    hosted.settle(&mut world, rows.len(), PATIENCE);
    println!("all has ended after {:.1?}", begun.elapsed());

    let words = secrecy::words(&hosted);
    let mut differences = Differences::new(Words::of(&words));
    for one in &sent {
        compare(&world, one, &mut differences, |submission, one| {
            shown(&hosted, (submission, one))
        });
    }
    differences.none_or_panic();
    hosted.settle_boards(&mut world, PATIENCE);
    println!("the boards are written after {:.1?}", begun.elapsed());
    secrecy::of_pages(&world, &Words::of(&words));
    secrecy::of_forge(&hosted);
    secrecy::search_finds(&world, &hosted);
    println!("all is searched after {:.1?}", begun.elapsed());
    nothing_is_left(world, (before, at_start), &rows);
}

/// Reports on a submission, and what else its team is shown of it.
type Told = Result<(Vec<String>, String), String>;

/// What a forge shows of a submission. Each of its lamps has to lead to its page, and one has to be red
/// unless it was scored.
fn shown(hosted: &Hosted, (submission, one): (&Submission, &Sent<'_>)) -> Told {
    let mark = markdown::marker(&submission.challenge, submission.number);
    let shown = hosted.shown((&one.row.name, &one.sha), &mark)?;
    let page = format!("/submissions/{}", submission.token.as_str());
    let lamps = &shown.lamps;
    let is_red = lamps.iter().any(|[state, ..]| state == "failure");
    let lead = lamps.iter().all(|[_, target, _]| target.ends_with(&page));
    let is_over = lamps.iter().all(|[state, ..]| state != "pending");
    if !(lead && is_over && is_red == (one.row.outcome != Outcome::Scored)) {
        return Err(format!("lamps of {page}: {lamps:#?}"));
    }
    Ok((vec![shown.note, shown.comment], shown.all))
}

fn compare(
    world: &World,
    one: &Sent<'_>,
    differences: &mut Differences,
    told: impl Fn(&Submission, &Sent<'_>) -> Told,
) {
    let row = one.row;
    if !one.pushed.accepted {
        return differences.notify(row, &format!("git did not take it:\n{}", one.pushed.text));
    }
    let records = world.submissions("hostile", &row.name);
    let [record] = records.as_slice() else {
        return differences.notify(row, &format!("was entered {} times", records.len()));
    };
    let submission = &record.submission;
    let verdict = (submission.outcome(), submission.stage());
    differences.verdict(row, verdict, world.attempts(record));
    let token = submission.token.as_str();
    let page = world.page(&format!("/submissions/{token}"));
    let view = world.page(&format!("/api/v1/submissions/{token}"));
    match told(submission, one) {
        Err(message) => differences.notify(row, &message),
        Ok((reports, elsewhere)) => {
            let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
            let elsewhere = [&one.pushed.text, &page, &view, &elsewhere].map(String::as_str);
            differences.shown(row, &reports, &elsewhere.join("\n"));
        }
    }
    if let Some((least, most)) = row.right {
        let phase = submission.phase.as_str();
        let board = world.get(&format!("/api/v1/boards/hostile/{phase}/double"));
        let rows = board["rows"].as_array().expect("rows");
        let mine = rows.iter().find(|r| r["team"] == row.name.as_str());
        let value = mine.and_then(|r| r["values"][0]["value"].as_f64());
        if !value.is_some_and(|value| (least..=most).contains(&value)) {
            differences.notify(row, &format!("{value:?} is not in [{least}, {most}]"));
        }
    }
}

fn nothing_is_left(mut world: World, (before, at_start): (Left, u64), rows: &[Row]) {
    let pid = world.pid();
    world.until("memory is given back", IDLE_WITHIN, |_| {
        leaks::memory(pid).0 < at_start + GROWTH_BYTES_MAX
    });
    let (now, most) = leaks::memory(pid);
    let [at_start, now, most] = [at_start, now, most].map(|bytes| bytes >> 20);
    println!("memory: {at_start} MiB at start, {now} MiB at the end, {most} MiB at most");
    let attempts = rows
        .iter()
        .flat_map(|row| world.submissions("hostile", &row.name))
        .flat_map(|record| world.attempts(&record));
    let logs = attempts.filter_map(|a| a.log).map(|log| log.text());
    let printed = leaks::printed(logs);
    let data = world.path("data");
    let instance = std::fs::read_to_string(data.join("instance")).unwrap();
    let folders = [&data.join("work"), &world.path("tmp")];
    world.until("nothing of jobs is left", PATIENCE, |world| {
        world.left_on_engine().is_empty()
    });
    let left = leaks::of_instance(instance.trim(), pid, &folders.map(|f| f.as_path()));
    assert!(left.is_empty(), "left: {left:#?}");
    drop(world);
    let left = before.since(&printed);
    assert!(left.is_empty(), "left: {left:#?}");
}
