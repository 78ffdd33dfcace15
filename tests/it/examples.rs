//! Every example submission, pushed as a team would, gets the verdict that its `expected.toml`
//! says; and `referee check` in a working copy says the same before anybody pushes.
//!
//! All differences are collected and shown at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use referee::model::{Severity, Stage};
use referee::store::SubmissionRecord;
use serde_json::Value;
use toml_edit::DocumentMut;

use crate::copy::{self, Copy, Pushed};
use crate::world::{BASE, World, examples};

/// All examples have ended by then, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(900);
const CHALLENGES: [&str; 2] = ["nuclei", "phakir"];
/// Checks at the same time.
const CHECKS: usize = 2;

/// Least and greatest allowed value of each metric.
type Ranges = BTreeMap<String, (f64, f64)>;

/// An example and the verdict that it must get.
struct Example {
    challenge: &'static str,
    name: String,
    folder: PathBuf,
    expected: DocumentMut,
}

impl Example {
    fn word(&self, key: &str) -> &str {
        self.expected[key].as_str().expect("a word")
    }

    fn list(&self, key: &str) -> Vec<&str> {
        let list = self.expected.get(key).and_then(|item| item.as_array());
        list.iter()
            .flat_map(|l| l.iter())
            .filter_map(|v| v.as_str())
            .collect()
    }

    /// Ranges of metrics by task, where a challenge has several tasks; else under no name.
    fn scores(&self) -> BTreeMap<String, Ranges> {
        let Some(table) = self.expected.get("scores").and_then(|i| i.as_table()) else {
            return BTreeMap::new();
        };
        let ranges = |table: &toml_edit::Table| -> Ranges {
            let range = |item: &toml_edit::Item| {
                let bounds = item.as_array().expect("two bounds");
                let bound = |at: usize| bounds.get(at).and_then(|v| v.as_float());
                (bound(0).expect("a bound"), bound(1).expect("a bound"))
            };
            table
                .iter()
                .map(|(k, v)| (k.to_owned(), range(v)))
                .collect()
        };
        if table.iter().all(|(_, item)| item.is_array()) {
            return BTreeMap::from([(String::new(), ranges(table))]);
        }
        table
            .iter()
            .map(|(task, item)| (task.to_owned(), ranges(item.as_table().expect("ranges"))))
            .collect()
    }

    /// Whether it ends before anything hidden is touched.
    fn ends_before_evaluation(&self) -> bool {
        self.word("stage").parse::<Stage>().expect("a stage") < Stage::Run
    }
}

fn all() -> Vec<Example> {
    let mut found = Vec::new();
    for challenge in CHALLENGES {
        let submissions = examples().join(challenge).join("submissions");
        for entry in std::fs::read_dir(submissions).unwrap() {
            let folder = entry.unwrap().path();
            let text = std::fs::read_to_string(folder.join("expected.toml")).unwrap();
            found.push(Example {
                challenge,
                name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
                folder,
                expected: text.parse().unwrap(),
            });
        }
    }
    found.sort_by(|a, b| (a.challenge, &a.name).cmp(&(b.challenge, &b.name)));
    assert!(found.len() > 50, "the examples are not where they were");
    found
}

/// What differs, one line each: example, what, expected, found.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        example: &Example,
        (what, expected, found): (&str, T, T),
    ) {
        if expected != found {
            self.notify(
                example,
                &format!("{what}: {expected:?} expected, {found:?} found"),
            );
        }
    }

    fn notify(&mut self, example: &Example, what: &str) {
        let name = format!("{}/{}", example.challenge, example.name);
        self.0.push(format!("{name:<32} {what}"));
    }

    fn none_or_panic(self) {
        assert!(self.0.is_empty(), "differences:\n{}", self.0.join("\n"));
    }
}

/// Codes in order of appearance without repetitions.
fn without_repetitions(codes: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    for code in codes {
        if !all.contains(&code) {
            all.push(code);
        }
    }
    all
}

#[test]
fn every_example_gets_its_verdict() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    world.add_example("phakir");
    let examples = all();
    for challenge in CHALLENGES {
        let mine = examples.iter().filter(|e| e.challenge == challenge);
        let teams: Vec<&str> = mine.map(|e| e.name.as_str()).collect();
        world.add_teams(challenge, &teams);
    }
    world.start();
    let mut copies = Vec::new();
    for example in &examples {
        let copy = world.copy_of(example.challenge, &example.name);
        let sha = copy.take(&example.folder).commit("Our method");
        let pushed = copy.push_main();
        assert_ne!(
            pushed.tokens().len(),
            0,
            "{}:\n{}",
            example.name,
            pushed.text
        );
        copies.push((copy, sha, pushed));
    }
    world.settle(PATIENCE);
    let mut differences = Differences::default();
    for (example, pushed) in examples.iter().zip(&copies) {
        compare(&world, example, pushed, &mut differences);
    }
    differences.none_or_panic();
}

fn compare(
    world: &World,
    example: &Example,
    (copy, sha, _): &(Copy, String, Pushed),
    differences: &mut Differences,
) {
    let records = world.submissions(example.challenge, &example.name);
    if records.is_empty() {
        differences.notify(example, "was never entered");
    }
    for record in &records {
        compare_one(world, example, record, differences);
    }
    let note = copy.note(sha);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for message in example.list("messages") {
        if !words(&note).contains(&words(message)) {
            differences.notify(
                example,
                &format!("the report does not say `{message}`:\n{note}"),
            );
        }
    }
    let scores = example.scores();
    let scored: Vec<String> = records
        .iter()
        .filter(|r| r.submission.outcome() == Some(referee::model::Outcome::Scored))
        .filter_map(|r| r.submission.task.as_ref().map(ToString::to_string))
        .collect();
    // A challenge of one task names none in its expectations.
    let named: Vec<&String> = scores.keys().filter(|task| !task.is_empty()).collect();
    if !named.is_empty() {
        let mut found: Vec<&String> = scored.iter().collect();
        found.sort();
        differences.compare(example, ("tasks with a score", named, found));
    }
    for task in &scored {
        let ranges = scores.get(task).or_else(|| scores.get(""));
        compare_scores(world, example, (task, ranges), differences);
    }
}

fn compare_one(
    world: &World,
    example: &Example,
    record: &SubmissionRecord,
    differences: &mut Differences,
) {
    let submission = &record.submission;
    let outcome = submission.outcome().map_or("none", |o| o.as_str());
    differences.compare(example, ("outcome", example.word("outcome"), outcome));
    let stage = submission.stage().as_str();
    differences.compare(example, ("stage", example.word("stage"), stage));
    let of = |severity: Severity| {
        let attempts = world.attempts(record);
        let findings = attempts.into_iter().flat_map(|a| a.findings);
        without_repetitions(findings.filter(|f| f.severity == severity).map(|f| f.code))
    };
    let errors = of(Severity::Error);
    let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
    differences.compare(example, ("codes", example.list("codes"), errors));
    let warnings = of(Severity::Warning);
    for code in example.list("warnings") {
        if !warnings.iter().any(|w| w == code) {
            differences.notify(example, &format!("no warning {code} among {warnings:?}"));
        }
    }
    // What runs on hidden data is told by its outcome alone.
    let view = world.view(submission.token.as_str()).to_string();
    let told = |code: &&str| view.contains(*code);
    if stage == "run" && example.list("codes").iter().any(told) {
        differences.notify(example, "tells how it failed on hidden data");
    }
}

fn compare_scores(
    world: &World,
    example: &Example,
    (task, ranges): (&str, Option<&Ranges>),
    differences: &mut Differences,
) {
    let Some(ranges) = ranges else {
        differences.notify(example, &format!("no scores are expected for {task}"));
        return;
    };
    let board = world.get(&format!(
        "/api/v1/boards/{}/validation/{task}",
        example.challenge
    ));
    let rows = board["rows"].as_array().expect("rows");
    let Some(row) = rows.iter().find(|row| row["team"] == example.name.as_str()) else {
        differences.notify(example, &format!("is not on the board of {task}"));
        return;
    };
    let columns = board["metrics"].as_array().expect("columns");
    for (column, cell) in columns
        .iter()
        .zip(row["values"].as_array().expect("values"))
    {
        let metric = column["name"].as_str().expect("a name");
        let value = cell["value"].as_f64().expect("a number");
        let (least, most) = ranges[metric];
        if value < least || value > most {
            let what = format!("{task} {metric}: {value} is not in [{least}, {most}]");
            differences.notify(example, &what);
        }
    }
}

#[test]
fn check_says_the_same_before_a_push() {
    let Some(world) = World::new() else { return };
    let examples = all();
    let next = Mutex::new(examples.iter());
    let differences = Mutex::new(Differences::default());
    std::thread::scope(|scope| {
        for _ in 0..CHECKS {
            scope.spawn(|| {
                loop {
                    let Some(example) = next.lock().unwrap().next() else {
                        return;
                    };
                    let result = check(&world, example);
                    compare_check(example, &result, &mut differences.lock().unwrap());
                }
            });
        }
    });
    differences.into_inner().unwrap().none_or_panic();
}

/// `referee check` in a working copy of an example.
fn check(world: &World, example: &Example) -> Result<Value, String> {
    let folder = world.path(&format!("check/{}-{}", example.challenge, example.name));
    copy::files(&example.folder, &folder, &["expected.toml"]);
    Copy {
        path: folder.clone(),
    }
    .git(&["init", "--quiet"]);
    let challenge = examples().join(example.challenge);
    let output = world
        .referee(&["check", "--json", "--base", BASE, "--challenge"])
        .arg(&challenge)
        .arg(&folder)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn compare_check(example: &Example, result: &Result<Value, String>, differences: &mut Differences) {
    let result = match result {
        Ok(result) => result,
        Err(message) => return differences.notify(example, &format!("check failed: {message}")),
    };
    let (mut outcome, mut stage) = (example.expected["outcome"].as_str(), example.word("stage"));
    let mut codes = example.list("codes");
    if !example.ends_before_evaluation() {
        (outcome, stage, codes) = (None, "run", Vec::new());
    }
    differences.compare(
        example,
        ("outcome of check", outcome, result["outcome"].as_str()),
    );
    let found = result["stage"].as_str().unwrap_or_default();
    differences.compare(example, ("stage of check", stage, found));
    let findings = result["findings"].as_array().expect("findings");
    let errors = without_repetitions(
        findings
            .iter()
            .filter(|f| f["severity"] == "error")
            .filter_map(|f| f["code"].as_str().map(str::to_owned)),
    );
    let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
    differences.compare(example, ("codes of check", codes, errors));
    for code in example.list("warnings") {
        if !findings.iter().any(|f| f["code"] == code) {
            differences.notify(example, &format!("check has no warning {code}"));
        }
    }
}

/// The examples are read here, so that a folder without a test is impossible.
#[test]
fn the_table_of_the_examples_is_complete() {
    let readme = std::fs::read_to_string(Path::new(&examples()).join("README.md")).unwrap();
    for example in all() {
        let (name, outcome) = (&example.name, example.word("outcome"));
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in examples/README.md"));
        let rest = format!("| {outcome} | {} |", example.word("stage"));
        assert!(row.contains(&rest), "{name}: {row}");
    }
}
