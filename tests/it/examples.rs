//! Every example submission that a team pushes gets the result in its `expected.toml`. `referee check` in a working
//! copy reports the same result before a push.
//!
//! The tests collect all differences and print them together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use referee::model::{Severity, Stage};
use referee::store::SubmissionRecord;
use serde_json::Value;
use toml_edit::DocumentMut;

use crate::copy::{self, Copy};
use crate::world::{BASE, World, examples};

/// How long all examples together may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);
const CHALLENGES: [&str; 2] = ["nuclei", "phakir"];
/// The number of checks at the same time.
const CHECKS: usize = 2;

/// The least and the greatest allowed value of each metric.
type Ranges = BTreeMap<String, (f64, f64)>;

/// An example and its expected result.
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
        list.iter().flat_map(|l| l.iter()).filter_map(|v| v.as_str()).collect()
    }

    /// The ranges of metrics by task. If the challenge has one task, the name is empty.
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
            table.iter().map(|(k, v)| (k.to_owned(), range(v))).collect()
        };
        if table.iter().all(|(_, item)| item.is_array()) {
            return BTreeMap::from([(String::new(), ranges(table))]);
        }
        table.iter().map(|(task, item)| (task.to_owned(), ranges(item.as_table().expect("ranges")))).collect()
    }

    /// Whether the submission ends before a stage on hidden data.
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
    assert!(found.len() > 50, "the examples were not found");
    found
}

/// One line for each difference: the example, the subject, the expected and the found value.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, example: &Example, subject: &str, expected: T, found: T) {
        if expected != found {
            self.add(example, &format!("{subject}: {expected:?} expected, {found:?} found"));
        }
    }

    fn add(&mut self, example: &Example, difference: &str) {
        let name = format!("{}/{}", example.challenge, example.name);
        self.0.push(format!("{name:<32} {difference}"));
    }

    fn none_or_panic(self) {
        assert!(self.0.is_empty(), "differences:\n{}", self.0.join("\n"));
    }
}

/// The codes in their first order, each once.
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
fn every_example_gets_its_expected_result() {
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
        assert_ne!(pushed.tokens().len(), 0, "{}:\n{}", example.name, pushed.text);
        copies.push((copy, sha, pushed));
    }
    world.settle(PATIENCE);
    let mut differences = Differences::default();
    for (example, (copy, sha, _)) in examples.iter().zip(&copies) {
        compare(&world, example, &copy.note(sha), &mut differences);
    }
    differences.none_or_panic();
}

fn compare(world: &World, example: &Example, note: &str, differences: &mut Differences) {
    let records = world.submissions(example.challenge, &example.name);
    if records.is_empty() {
        differences.add(example, "was never entered");
    }
    for record in &records {
        compare_submission(world, example, record, differences);
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for message in example.list("messages") {
        if !words(note).contains(&words(message)) {
            differences.add(example, &format!("no `{message}` in the report:\n{note}"));
        }
    }
    let scores = example.scores();
    let scored: Vec<String> = records
        .iter()
        .filter(|r| r.submission.outcome() == Some(referee::model::Outcome::Scored))
        .filter_map(|r| r.submission.task.as_ref().map(ToString::to_string))
        .collect();
    // The expectations of a challenge with one task do not name the task.
    let named: Vec<&String> = scores.keys().filter(|task| !task.is_empty()).collect();
    if !named.is_empty() {
        let mut found: Vec<&String> = scored.iter().collect();
        found.sort();
        differences.compare(example, "tasks with a score", named, found);
    }
    for task in &scored {
        match scores.get(task).or_else(|| scores.get("")) {
            Some(ranges) => compare_scores(world, example, task, ranges, differences),
            None => differences.add(example, &format!("no scores are expected for {task}")),
        }
    }
}

fn compare_submission(world: &World, example: &Example, record: &SubmissionRecord, differences: &mut Differences) {
    let submission = &record.submission;
    let outcome = submission.outcome().map_or("none", |o| o.as_str());
    differences.compare(example, "outcome", example.word("outcome"), outcome);
    let stage = submission.stage().as_str();
    differences.compare(example, "stage", example.word("stage"), stage);
    let codes = |severity: Severity| {
        let attempts = world.attempts(record);
        let findings = attempts.into_iter().flat_map(|a| a.findings);
        without_repetitions(findings.filter(|f| f.severity == severity).map(|f| f.code))
    };
    let errors = codes(Severity::Error);
    let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
    differences.compare(example, "codes", example.list("codes"), errors);
    let warnings = codes(Severity::Warning);
    for code in example.list("warnings") {
        if !warnings.iter().any(|w| w == code) {
            differences.add(example, &format!("no warning {code} among {warnings:?}"));
        }
    }
    // The team learns the outcome of a run on hidden data and nothing else.
    let view = world.view(submission.token.as_str()).to_string();
    let shown = |code: &&str| view.contains(*code);
    if stage == "run" && example.list("codes").iter().any(shown) {
        differences.add(example, "the page shows how the run on hidden data failed");
    }
}

fn compare_scores(world: &World, example: &Example, task: &str, ranges: &Ranges, differences: &mut Differences) {
    let board = world.get(&format!("/api/v1/boards/{}/validation/{task}", example.challenge));
    let rows = board["rows"].as_array().expect("rows");
    let Some(row) = rows.iter().find(|row| row["team"] == example.name.as_str()) else {
        differences.add(example, &format!("is not on the leaderboard of {task}"));
        return;
    };
    let columns = board["metrics"].as_array().expect("columns");
    for (column, cell) in columns.iter().zip(row["values"].as_array().expect("values")) {
        let metric = column["name"].as_str().expect("a name");
        let value = cell["value"].as_f64().expect("a number");
        let (least, most) = ranges[metric];
        if value < least || value > most {
            let difference = format!("{task} {metric}: {value} is not in [{least}, {most}]");
            differences.add(example, &difference);
        }
    }
}

#[test]
fn check_reports_the_same_result_before_a_push() {
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

/// The JSON of `referee check` in a working copy of an example, or its error output.
fn check(world: &World, example: &Example) -> Result<Value, String> {
    let folder = world.path(&format!("check/{}-{}", example.challenge, example.name));
    copy::files(&example.folder, &folder, &["expected.toml"]);
    Copy { path: folder.clone() }.git(&["init", "--quiet"]);
    let challenge = examples().join(example.challenge);
    let output = world
        .referee(&["check", "--json", "--base", BASE, "--challenge"])
        .arg(&challenge)
        .arg(&folder)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn compare_check(example: &Example, result: &Result<Value, String>, differences: &mut Differences) {
    let result = match result {
        Ok(result) => result,
        Err(message) => return differences.add(example, &format!("check failed: {message}")),
    };
    let (mut outcome, mut stage) = (example.expected["outcome"].as_str(), example.word("stage"));
    let mut codes = example.list("codes");
    if !example.ends_before_evaluation() {
        (outcome, stage, codes) = (None, "run", Vec::new());
    }
    differences.compare(example, "outcome of check", outcome, result["outcome"].as_str());
    let found = result["stage"].as_str().unwrap_or_default();
    differences.compare(example, "stage of check", stage, found);
    let findings = result["findings"].as_array().expect("findings");
    let errors = without_repetitions(
        findings.iter().filter(|f| f["severity"] == "error").filter_map(|f| f["code"].as_str().map(str::to_owned)),
    );
    let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
    differences.compare(example, "codes of check", codes, errors);
    for code in example.list("warnings") {
        if !findings.iter().any(|f| f["code"] == code) {
            differences.add(example, &format!("check has no warning {code}"));
        }
    }
}

/// The test reads the folders of the examples, so that none can be missing in the table.
#[test]
fn the_table_of_the_examples_is_complete() {
    let readme = std::fs::read_to_string(Path::new(&examples()).join("README.md")).unwrap();
    for example in all() {
        let (name, outcome) = (&example.name, example.word("outcome"));
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in examples/README.md"));
        let rest = format!("| {outcome} | {} |", example.word("stage"));
        assert!(row.contains(&rest), "{name}: {row}");
    }
}
