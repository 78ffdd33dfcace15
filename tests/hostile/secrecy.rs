//! Searches for hidden words in everything that participants and readers can see, and proves that the search finds
//! words.

use std::collections::BTreeSet;

use referee::model::Stage;
use referee::store::{AttemptRecord, SubmissionRecord};

use crate::canary::{CANARY, Form, Words};
use crate::hosted::Hosted;
use crate::outward::{self, Kind, Published};
use crate::world::World;

/// A submission that prints its inputs in every form, on the sample and on hidden data.
const PRINTER: &str = "42-prints-hidden-data";
/// The forms in which it prints.
const PRINTED: [Form; 4] = [Form::Plain, Form::Base64, Form::Hex, Form::Packed];
/// A word that it prints about the sample, which may be published.
const OF_SAMPLE: &str = "/input/apple.json";
/// Submissions that leave hidden words in logs or findings for the organizers.
const KEPT: [&str; 7] = [
    PRINTER,
    "42-fails-with-hidden-data",
    "42-keys-of-hidden-data",
    "42-links-to-hidden-data",
    "42-names-of-hidden-data",
    "42-writes-hidden-data",
    "58-nan-in-hidden-data",
];
/// A case of the sample. A report names it if the submission has no result for it.
const MISSING_CASE: &str = "apple.json";

/// The words that may never be published: the canary, the bot's token, and the secret of deliveries.
pub(crate) fn words(hosted: &Hosted) -> [String; 3] {
    [CANARY.into(), hosted.token.clone(), hosted.secret.clone()]
}

/// Asserts that the public pages and the daemon's log hold no hidden word.
pub(crate) fn assert_pages(world: &World, words: &Words) {
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
        assert_eq!(words.find(world.page(page)), None, "{page}");
    }
    let log = std::fs::read_to_string(world.path("referee.log")).unwrap();
    let line = log.lines().find(|line| words.find(line).is_some());
    assert_eq!(line, None, "the daemon's log");
}

/// Asserts that nothing on the forge and no request holds a hidden word.
pub(crate) fn assert_forge(hosted: &Hosted) {
    let all = outward::all(hosted);
    println!("{} items are on the forge", all.len());
    // Only the request that creates the webhook holds the secret of deliveries.
    let is_hook = |item: &&Published| item.kind == Kind::Request && item.at.ends_with("/hooks");
    let (hooks, others): (Vec<&Published>, Vec<&Published>) = all.iter().partition(is_hook);
    let [canary, token, secret] = words(hosted);
    let secrets = Words::of(&[&canary, &token, &secret]);
    assert_eq!(outward::find(others, &secrets), [""; 0]);
    let secrets = Words::of(&[&canary, &token]);
    assert_eq!(outward::find(hooks.iter().copied(), &secrets), [""; 0]);
    let secret = Words::of(&[&secret]);
    assert_eq!(outward::find(hooks, &secret).len(), 1);
    // The search reads items of every kind: all kinds hold one of these public words.
    let public = Words::of(&[PRINTER, "/submissions/"]);
    let all = all.iter().filter(|item| public.find(&item.bytes).is_some());
    let kinds: BTreeSet<Kind> = all.map(|item| item.kind).collect();
    let every = [Kind::CommitStatus, Kind::Issue, Kind::Comment, Kind::Request, Kind::Team, Kind::Leaderboard];
    assert_eq!(kinds, BTreeSet::from(every));
}

/// Asserts that the search finds words: public words in every form in which they are published, and hidden words in the
/// records of the organizers. Without this proof, the assertions above mean nothing.
pub(crate) fn assert_search_finds(world: &World, hosted: &Hosted) {
    let record = only_submission(world, PRINTER);
    let page = world.page(&format!("/submissions/{}", record.submission.token.as_str()));
    let sample = Words::of(&[OF_SAMPLE]).forms(page);
    assert_eq!(sample, BTreeSet::from(PRINTED), "on its page");
    let canary = Words::of(&[CANARY]);
    let hidden = canary.forms(kept(world, PRINTER));
    assert_eq!(hidden, BTreeSet::from(PRINTED), "in the organizers' log");
    for team in KEPT {
        assert!(canary.find(kept(world, team)).is_some(), "{team}");
    }
    let words = Words::of(&[MISSING_CASE]);
    let mut published = outward::all(hosted);
    published.retain(|item| words.find(&item.bytes).is_some());
    let kinds: BTreeSet<Kind> = published.iter().map(|item| item.kind).collect();
    let every = BTreeSet::from([Kind::Comment, Kind::Request, Kind::Team]);
    assert!(kinds.is_superset(&every), "{kinds:?}");
}

fn only_submission(world: &World, team: &str) -> SubmissionRecord {
    let mut records = world.submissions("hostile", team);
    assert_eq!(records.len(), 1, "submissions of {team}");
    records.remove(0)
}

/// The logs and findings of a team's run on hidden data, which only organizers can read.
fn kept(world: &World, team: &str) -> String {
    let attempts = world.attempts(&only_submission(world, team)).into_iter();
    let runs = attempts.filter(|a| a.attempt.stage == Stage::Run);
    let text = |run: AttemptRecord| {
        let log = run.log.map(|log| log.text()).unwrap_or_default();
        format!("{log}\n{:?}\n", run.findings)
    };
    runs.map(text).collect()
}
