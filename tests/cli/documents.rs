//! The documents, compared with the project: calls of `referee` are valid, links and paths exist, and samples of output
//! equal the real output.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use referee::cli::Cli;
use referee::config::read_challenge;
use referee::model::{
    Board, ChallengeSlug, CommitSha, ContentId, Digest, Duration, Finding, Origin, Outcome, PhaseSlug, PublicState,
    Stage, TeamSlug, Timestamp,
};
use referee::report::style::Style;
use referee::report::{
    BoardView, CellValue, CellView, ColumnView, FindingView, RowView, StageState, StageView, SubmissionView, Titled,
    board_text, remote,
};

use super::program::{Folder, ROOT};

const NOW: Timestamp = Timestamp(1_772_442_847_000);

/// The documents whose calls are checked.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "deploy/README.md",
    "examples/README.md",
    "ARCHITECTURE.md",
    "webhook-fixtures/README.md",
    "tests/README.md",
];

fn text_of(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The pieces of code in a text, each with its line number: text in backticks, and lines of fenced or indented blocks.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).flat_map(move |(n, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let whole = !fence && (fenced || line.starts_with("  "));
        let spans = line.split('`').skip(1).step_by(2);
        let spans = spans.filter(move |_| !whole && !fence);
        whole.then_some(line).into_iter().chain(spans).map(move |piece| (n, piece))
    })
}

/// The calls of `referee` in a text, each as words with its line number.
pub(crate) fn calls(text: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    code(text).flat_map(|(n, piece)| {
        let shell = piece.split(" #").next().unwrap_or_default();
        let commands = shell.split(['|', ';', '>']).flat_map(|part| part.split("&&"));
        let call = move |command: &str| {
            let words = command.trim().trim_start_matches("$ ").split_whitespace();
            let words = words.skip_while(|word| {
                let name = word.split('=').next().filter(|name| name.len() < word.len());
                name.is_some_and(|n| n.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
            });
            let words: Vec<String> = words.map(str::to_owned).collect();
            (words.first().map(String::as_str) == Some("referee")).then_some((n, words))
        };
        commands.filter_map(call).collect::<Vec<_>>()
    })
}

/// Checks that the program accepts a call. A call in a sentence may lack its arguments.
pub(crate) fn parses(words: &[String]) -> Result<(), String> {
    match Cli::command().try_get_matches_from(words) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion => Ok(()),
            _ => Err(format!("`{}`: {error}", words.join(" "))),
        },
    }
}

#[test]
fn the_program_accepts_every_call_in_the_documents() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in DOCUMENTS {
        for (line, words) in calls(&text_of(file)) {
            seen += 1;
            wrong.extend(parses(&words).err().map(|e| format!("{file}:{line}: {e}")));
        }
    }
    assert!(seen > 10, "only {seen} calls found: is the search broken?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn calls_are_found_in_code() {
    let text = "Use `referee bord` or `X=1 referee serve`.\n\n```sh\n$ referee init a && referee \
                rules # all\ngit push\n```\n    referee replay x > y\nThe referee is human.\n";
    let found: Vec<_> = calls(text).map(|(n, words)| (n, words.join(" "))).collect();
    let call = |n: usize, words: &str| (n, words.to_owned());
    assert_eq!(
        found,
        [
            call(1, "referee bord"),
            call(1, "referee serve"),
            call(4, "referee init a"),
            call(4, "referee rules"),
            call(7, "referee replay x"),
        ]
    );
    let wrong = |words: &str| parses(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert!(wrong("referee bord").is_err() && wrong("referee rules --all").is_err());
    assert!(wrong("referee init").is_ok() && wrong("referee team add a").is_ok());
}

/// All Markdown of the project, as paths from its root.
fn documents() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(ROOT), &mut found);
    found.sort();
    found
}

#[test]
fn every_link_target_exists() {
    let documents = documents();
    assert!(documents.len() > 8, "{documents:?}");
    let mut broken = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for (n, line) in (1..).zip(text.lines()) {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for target in targets.filter(|t| !t.contains("://") && !t.starts_with('#')) {
                let file = target.split('#').next().unwrap();
                if !document.parent().unwrap().join(file).exists() {
                    broken.push(format!("{}:{n}: {target}", document.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Every file or folder that a document names exists: from the root, from `src`, or as a name within `src`.
#[test]
fn every_named_path_exists() {
    let mut missing = Vec::new();
    let mut seen = 0;
    let documents = ["ARCHITECTURE.md", "README.md", "deploy/README.md", "tests/README.md"];
    for file in documents {
        let text = text_of(file);
        for (line, path) in code(&text).filter(|(_, piece)| is_path(piece)) {
            seen += 1;
            let root = Path::new(ROOT);
            let known = root.join(path).exists() || root.join("src").join(path).exists();
            if !known && !named_in(&root.join("src"), path) {
                missing.push(format!("{file}:{line}: {path}"));
            }
        }
    }
    assert!(seen > 12, "only {seen} paths found: is the search broken?");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Whether a piece of code is a Rust file, or a path in one of the project's top folders.
fn is_path(piece: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let first = piece.split('/').next().unwrap_or_default();
    let is_folder = |parent: &str| !first.is_empty() && Path::new(ROOT).join(parent).join(first).is_dir();
    // The build directory exists only after a build.
    let folder = piece.contains('/') && first != "target" && (is_folder("") || is_folder("src"));
    piece.chars().all(plain) && (piece.ends_with(".rs") || folder)
}

fn named_in(folder: &Path, name: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.ends_with(name) || path.is_dir() && named_in(&path, name)
    })
}

#[test]
fn every_named_script_and_target_exists() {
    let mut missing = Vec::new();
    for file in DOCUMENTS {
        let text = text_of(file);
        for (line, piece) in code(&text) {
            let words: Vec<&str> = piece.split_whitespace().collect();
            let targets = words.windows(2).filter_map(|pair| match pair[0] {
                "--test" => Some(format!("tests/{}", pair[1])),
                "--bench" => Some(format!("benches/{}.rs", pair[1])),
                _ => None,
            });
            let scripts = words.iter().filter(|w| w.ends_with(".sh")).map(|w| (*w).to_owned());
            for path in targets.chain(scripts) {
                let beside = Path::new(ROOT).join(file).with_file_name(&path);
                if !Path::new(ROOT).join(&path).exists() && !beside.exists() {
                    missing.push(format!("{file}:{line}: {path}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The block of the README that contains this text, without the fences.
fn sample(text_in_block: &str) -> String {
    let text = text_of("README.md");
    let blocks = text.split("```text\n").skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.contains(text_in_block));
    found.expect("the README has such a sample").to_owned()
}

/// The push in the README equals the output of pushing that example: the findings come from the rules, the lines from
/// the renderer.
#[test]
fn the_push_in_the_readme_equals_the_real_output() {
    let folder = Folder::new();
    let example = format!("{ROOT}/examples/nuclei/submissions/five-mistakes");
    let challenge = format!("{ROOT}/examples/nuclei");
    let check = ["check", &example, "--challenge", &challenge, "--rules-only", "--json"];
    let ran = folder.referee(&check);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let result: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings: Vec<Finding> = serde_json::from_value(result["findings"].clone()).unwrap();
    let of_rules = |finding| FindingView { stage: Stage::Admission, link: None, finding };
    let view = rejected(findings.into_iter().map(of_rules).collect());
    let lines = remote::lines(None, &view);
    let printed: String = lines.iter().map(|line| format!("remote: {line}\n")).collect();
    assert_eq!(sample("remote: "), format!("$ git push\n{printed}"));
}

/// The second submission of the team `five-mistakes`, which admission has rejected after 10 ms.
fn rejected(findings: Vec<FindingView>) -> SubmissionView {
    let stage = |(name, state, duration)| StageView { duration, state, ..StageView::waiting(name) };
    let later = [Stage::Build, Stage::Smoke, Stage::Run, Stage::Scoring].map(|name| (name, StageState::Skipped, None));
    let admission = (Stage::Admission, StageState::Failed, Some(Duration(10)));
    SubmissionView {
        number: 2,
        challenge: titled("nuclei"),
        phase: Titled::new(PhaseSlug::new("validation").unwrap(), "Validation"),
        task: None,
        board: None,
        team: TeamSlug::new("five-mistakes").unwrap(),
        origin: Origin::Commit { sha: CommitSha::new("1".repeat(40)).unwrap(), full_ref: "refs/heads/main".to_owned() },
        observed_at: NOW,
        state: PublicState::Ended(Outcome::Rejected),
        stages: [admission].into_iter().chain(later).map(stage).collect(),
        findings,
        findings_left_out: 0,
        logs: Vec::new(),
        reproduce: None,
        image: None,
        sample_score: None,
        score: None,
        notices: Vec::new(),
        queue: None,
        quota: None,
        incident: None,
        url: "http://127.0.0.1:8030/submissions/6f0c7c15a1a8392d088dd0173d936c7d".to_owned(),
        hidden: false,
    }
}

fn titled(challenge: &str) -> Titled<ChallengeSlug> {
    Titled::new(ChallengeSlug::new(challenge).unwrap(), challenge)
}

/// The table in the README equals the output of the renderer for the table's numbers. The README omits the last column,
/// the time of the push.
#[test]
fn the_leaderboard_in_the_readme_equals_the_real_output() {
    let sample = sample("good-watershed");
    let challenge = read_challenge(&Path::new(ROOT).join("examples/nuclei")).unwrap();
    let (phase, task) = (&challenge.phases[0], &challenge.tasks[0]);
    let view = BoardView {
        board: Board { challenge: challenge.slug.clone(), phase: phase.slug.clone(), task: task.slug.clone() },
        challenge: titled("nuclei"),
        phase: Titled::new(phase.slug.clone(), &phase.title),
        task: Titled::new(task.slug.clone(), &task.title),
        metrics: task.metrics.iter().map(ColumnView::from).collect(),
        ranking: task.ranking,
        rows: sample.lines().skip(1).map(row).collect(),
        submissions: 0,
        under_way: 0,
        opens: phase.opens,
        closes: phase.closes,
        revision: None,
        frozen: None,
        paused: false,
        disqualified: Vec::new(),
        generated_at: NOW,
    };
    let printed = board_text::terminal(&view, Style::Plain);
    let table = printed.lines().skip_while(|line| !line.starts_with("rank"));
    let table: String = table
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{}\n", line[..line.rfind("  ").unwrap()].trim_end()))
        .collect();
    assert_eq!(sample, table);
}

/// `1  good-otsu  2.333  0.500 (2)  …  #3` as a row.
fn row(line: &str) -> RowView {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &str| word.parse::<f64>().unwrap();
    let values = words[3..words.len() - 1].chunks(2).map(|pair| {
        let rank = pair[1].trim_matches(['(', ')']).parse().unwrap();
        CellView::new(number(pair[0]), rank, 3)
    });
    RowView {
        rank: words[0].parse().unwrap(),
        team: TeamSlug::new(words[1]).unwrap(),
        value: CellValue::new(number(words[2]), 3),
        values: values.collect(),
        submission: words.last().unwrap()[1..].parse().unwrap(),
        content: ContentId::Image(Digest::of(b"")),
        at: NOW,
        imputed: 0,
        is_baseline: false,
    }
}
