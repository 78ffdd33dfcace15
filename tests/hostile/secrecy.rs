//! Looks for what nobody may be told wherever anybody can look, and shows that the search finds.

use std::collections::BTreeSet;

use referee::model::Stage;
use referee::store::{AttemptRecord, SubmissionRecord};

use crate::canary::{CANARY, Form, Words};
use crate::hosted::Hosted;
use crate::outward::{self, Kind, Told};
use crate::world::World;

/// Prints its inputs in every form, on the sample as on hidden data.
const PRINTER: &str = "42-prints-hidden-data";
/// The forms in which it prints.
const PRINTED: [Form; 4] = [Form::Plain, Form::Base64, Form::Hex, Form::Packed];
/// What it prints of the sample, which may be told.
const OF_SAMPLE: &str = "/input/apple.json";
/// What these do leaves hidden words with the organizers: in logs, or in findings.
const KEPT: [&str; 7] = [
    PRINTER,
    "42-fails-with-hidden-data",
    "42-keys-of-hidden-data",
    "42-links-to-hidden-data",
    "42-names-of-hidden-data",
    "42-writes-hidden-data",
    "58-nan-in-hidden-data",
];
/// A case of the sample: who forgets it is told so.
const FORGOTTEN: &str = "apple.json";

/// What nobody may be told: all that is hidden, the bot's token, what signs deliveries.
pub fn words(hosted: &Hosted) -> [String; 3] {
    [CANARY.into(), hosted.token.clone(), hosted.secret.clone()]
}

/// What everybody sees, and what the organizers' log keeps.
pub fn of_pages(world: &World, words: &Words) {
    for page in [
        "/",
        "/rules",
        "/challenges/hostile",
        "/challenges/hostile/hidden/double",
        "/challenges/hostile/hidden/double?fragment=1",
        "/challenges/hostile/hidden/double.csv",
        "/challenges/hostile/public/double",
        "/api/v1/challenges",
        "/api/v1/boards/hostile/hidden/double",
        "/api/v1/boards/hostile/public/double",
    ] {
        assert_eq!(words.told(world.page(page)), None, "{page}");
    }
    let log = std::fs::read_to_string(world.path("referee.log")).unwrap();
    let line = log.lines().find(|line| words.told(line).is_some());
    assert_eq!(line, None, "the daemon's log");
}

/// What the forge was asked, and what stands there.
pub fn of_forge(hosted: &Hosted) {
    let all = outward::all(hosted);
    println!("{} things are on the forge", all.len());
    // Only the forge itself has to know what it signs with: once.
    let is_hook = |told: &&Told| told.kind == Kind::Request && told.at.ends_with("/hooks");
    let (hooks, others): (Vec<&Told>, Vec<&Told>) = all.iter().partition(is_hook);
    let [canary, token, secret] = words(hosted);
    let secrets = Words::of(&[&canary, &token, &secret]);
    assert_eq!(outward::telling(others, &secrets), [""; 0]);
    let secrets = Words::of(&[&canary, &token]);
    assert_eq!(outward::telling(hooks.iter().copied(), &secrets), [""; 0]);
    let secret = Words::of(&[&secret]);
    assert_eq!(outward::telling(hooks, &secret).len(), 1);
    // The search sees places of every kind: these have what may be told.
    let seen = Words::of(&[PRINTER, "/submissions/"]);
    let all = all.iter().filter(|told| seen.told(&told.bytes).is_some());
    let kinds: BTreeSet<Kind> = all.map(|told| told.kind).collect();
    let every = [
        Kind::Lamp,
        Kind::Issue,
        Kind::Comment,
        Kind::Request,
        Kind::Team,
        Kind::Board,
    ];
    assert_eq!(kinds, BTreeSet::from(every));
}

/// The counterpart: what may be told is found in every form where it is told, and what is hidden where
/// it is kept, so that the searches above mean something.
pub fn search_finds(world: &World, hosted: &Hosted) {
    let record = only_submission(world, PRINTER);
    let page = world.page(&format!(
        "/submissions/{}",
        record.submission.token.as_str()
    ));
    let sample = Words::of(&[OF_SAMPLE]).forms(page);
    assert_eq!(sample, BTreeSet::from(PRINTED), "on its page");
    let canary = Words::of(&[CANARY]);
    let hidden = canary.forms(kept(world, PRINTER));
    assert_eq!(hidden, BTreeSet::from(PRINTED), "in the organizers' log");
    for team in KEPT {
        assert!(canary.told(kept(world, team)).is_some(), "{team}");
    }
    let words = Words::of(&[FORGOTTEN]);
    let mut told = outward::all(hosted);
    told.retain(|told| words.told(&told.bytes).is_some());
    let kinds: BTreeSet<Kind> = told.iter().map(|told| told.kind).collect();
    let every = BTreeSet::from([Kind::Comment, Kind::Request, Kind::Team]);
    assert!(kinds.is_superset(&every), "{kinds:?}");
}

fn only_submission(world: &World, team: &str) -> SubmissionRecord {
    let mut records = world.submissions("hostile", team);
    assert_eq!(records.len(), 1, "submissions of {team}");
    records.remove(0)
}

/// What the organizers have of a team's run on hidden data.
fn kept(world: &World, team: &str) -> String {
    let attempts = world.attempts(&only_submission(world, team)).into_iter();
    let runs = attempts.filter(|a| a.attempt.stage == Stage::Run);
    let text = |run: AttemptRecord| {
        let log = run.log.map(|log| log.text()).unwrap_or_default();
        format!("{log}\n{:?}\n", run.findings)
    };
    runs.map(text).collect()
}
