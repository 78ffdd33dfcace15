//! Every commit of the corpus, pushed to the real program with git, several at a time. Commits that end in their build
//! are pushed to a local forge. All others are pushed to the model of a forge, which shows their results.
//!
//! The tests collect all differences and print them together. At the end nothing may be left.

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

/// How long all submissions together may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);
/// The number of pushes at the same time.
const PUSHES: usize = 3;
/// How many bytes of memory the daemon may have more at the end than at its start. Each of two readers of commits may
/// keep 32 MiB of texts, and the allocator does not return all memory.
const GROWTH_BYTES_MAX: u64 = 128 << 20;
/// How long idle threads may take to end and to return their memory.
const IDLE_WITHIN: Duration = Duration::from_secs(60);
/// Limits of builds that a hostile build reaches within seconds. Only hostile builds get them: on a busy machine an
/// honest build would reach one, too.
const BUILDER: &str = "time = \"45s\"\nmemory = \"256MiB\"\nlog = \"256KiB\"\n\
                       disk = \"512MiB\"\nfile = \"64MiB\"\nprocesses = 128\n";

/// A row that was pushed.
pub(crate) struct Sent<'a> {
    pub row: &'a Row,
    copy: Copy,
    sha: String,
    pushed: Pushed,
}

fn send<'a>(row: &'a Row, copy: Copy) -> Sent<'a> {
    let sha = row::commit(row, &copy);
    let pushed = copy.push(&["origin", &format!("HEAD:{}", row.branch)]);
    Sent { row, copy, sha, pushed }
}

/// Pushes all rows, a few at a time.
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

/// An installation for these rows, which is not started yet.
fn world(rows: &[Row]) -> Option<World> {
    let mut world = World::new()?;
    assert!(!rows.is_empty());
    let (engine, runtime) = (crate::engine(), crate::runtime());
    world.slots = 3;
    let builder = crate::builder();
    world.settings = format!("[engine]\nsocket = {engine:?}\nruntime = {runtime:?}\n[builder]\nwith = {builder:?}\n");
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
fn commits_that_end_in_their_build_get_their_results_and_leave_nothing() {
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
    secrecy::assert_pages(&world, &Words::of(&[CANARY]));
    differences.none_or_panic();
    assert_nothing_left(world, &before, at_start, &rows);
}

#[test]
fn all_other_commits_get_their_results_and_leave_nothing() {
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
    hosted.approve_teams(&mut world, &names(&rows));
    println!("all teams are approved after {:.1?}", begun.elapsed());
    let sent = send_all(&rows, |team| hosted.copy_of(&world, team));
    println!("all commits are pushed after {:.1?}", begun.elapsed());
    hosted.settle(&mut world, rows.len(), PATIENCE);
    println!("all submissions have ended after {:.1?}", begun.elapsed());

    let words = secrecy::words(&hosted);
    let mut differences = Differences::new(Words::of(&words));
    for one in &sent {
        compare(&world, one, &mut differences, |submission, one| published(&hosted, submission, one));
    }
    differences.none_or_panic();
    hosted.settle_boards(&mut world, PATIENCE);
    println!("the leaderboards are written after {:.1?}", begun.elapsed());
    secrecy::assert_pages(&world, &Words::of(&words));
    secrecy::assert_forge(&hosted);
    secrecy::assert_search_finds(&world, &hosted);
    println!("all texts are searched after {:.1?}", begun.elapsed());
    assert_nothing_left(world, &before, at_start, &rows);
}

/// The reports on a submission, and all other texts that its team reads about it.
type Texts = Result<(Vec<String>, String), String>;

/// The texts of a forge about a submission. Each commit status has to link to its page, and one has to be a failure
/// unless the submission was scored.
fn published(hosted: &Hosted, submission: &Submission, one: &Sent<'_>) -> Texts {
    let marker = markdown::marker(&submission.challenge, submission.number);
    let published = hosted.published(&one.row.name, &one.sha, &marker)?;
    let page = format!("/submissions/{}", submission.token.as_str());
    let statuses = &published.statuses;
    let failed = statuses.iter().any(|status| status.state == "failure");
    let linked = statuses.iter().all(|status| status.target.ends_with(&page));
    let ended = statuses.iter().all(|status| status.state != "pending");
    if !(linked && ended && failed == (one.row.outcome != Outcome::Scored)) {
        return Err(format!("commit statuses of {page}: {statuses:#?}"));
    }
    Ok((vec![published.note, published.comment], published.all))
}

fn compare(
    world: &World,
    one: &Sent<'_>,
    differences: &mut Differences,
    published: impl Fn(&Submission, &Sent<'_>) -> Texts,
) {
    let row = one.row;
    if !one.pushed.accepted {
        return differences.add(row, &format!("git refused the push:\n{}", one.pushed.text));
    }
    let records = world.submissions("hostile", &row.name);
    let [record] = records.as_slice() else {
        return differences.add(row, &format!("was entered {} times", records.len()));
    };
    let submission = &record.submission;
    differences.compare_result(row, submission, world.attempts(record));
    let token = submission.token.as_str();
    let page = world.page(&format!("/submissions/{token}"));
    let view = world.page(&format!("/api/v1/submissions/{token}"));
    match published(submission, one) {
        Err(message) => differences.add(row, &message),
        Ok((reports, elsewhere)) => {
            let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
            let elsewhere = [&one.pushed.text, &page, &view, &elsewhere].map(String::as_str);
            differences.compare_texts(row, &reports, &elsewhere.join("\n"));
        }
    }
    if let Some((least, most)) = row.right {
        let phase = submission.phase.as_str();
        let board = world.get(&format!("/api/v1/boards/hostile/{phase}/double"));
        let rows = board["rows"].as_array().expect("rows");
        let mine = rows.iter().find(|r| r["team"] == row.name.as_str());
        let value = mine.and_then(|r| r["values"][0]["value"].as_f64());
        if !value.is_some_and(|value| (least..=most).contains(&value)) {
            differences.add(row, &format!("{value:?} is not in [{least}, {most}]"));
        }
    }
}

/// Asserts that nothing is left of the rows: neither memory of the daemon nor anything on the machine. `before` is the
/// state of the machine before the daemon, `at_start` the daemon's memory at its start.
fn assert_nothing_left(mut world: World, before: &Left, at_start: u64, rows: &[Row]) {
    let pid = world.pid();
    world.until("the memory is returned", IDLE_WITHIN, |_| leaks::memory(pid).0 < at_start + GROWTH_BYTES_MAX);
    let (now, most) = leaks::memory(pid);
    let [at_start, now, most] = [at_start, now, most].map(|bytes| bytes >> 20);
    println!("memory: {at_start} MiB at start, {now} MiB at the end, {most} MiB at most");
    let attempts =
        rows.iter().flat_map(|row| world.submissions("hostile", &row.name)).flat_map(|record| world.attempts(&record));
    let logs = attempts.filter_map(|a| a.log).map(|log| log.text());
    let printed = leaks::image_ids(logs);
    let data = world.path("data");
    let instance = std::fs::read_to_string(data.join("instance")).unwrap();
    let folders = [&data.join("work"), &world.path("tmp")];
    world.until("no object of a job is left", PATIENCE, |world| world.left_on_engine().is_empty());
    let left = leaks::of_instance(instance.trim(), pid, &folders.map(|f| f.as_path()));
    assert!(left.is_empty(), "left: {left:#?}");
    drop(world);
    let left = before.since(&printed);
    assert!(left.is_empty(), "left: {left:#?}");
}
