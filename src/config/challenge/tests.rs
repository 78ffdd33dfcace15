//! A challenge on disk, with every mistake that people make in one.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::{check_data, ground_truth_of, inputs_of, sample_inputs};
use crate::model::{
    AcrossMetrics, Aggregate, BoardVisibility, ContractMode, Direction, Duration, MissingRule, Pick, Quota, Scheme,
    Trigger,
};

/// The required keys and no other.
const MINIMAL: &str = r#"
[challenge]
slug = "nuclei"
teams = "nuclei/team-*"

[[task]]
slug = "segmentation"
sample = "sample"
contract = { expect = ["{case}.png"] }
[[task.metric]]
name = "dice"
direction = "max"
bounds = [0, 1]

[[phase]]
slug = "validation"
opens = 2024-01-01T00:00:00Z
closes = "2099-12-31T23:59:59Z"
on = "branch:main"
data = "data"
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let make = |path: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    make("sample/inputs/a.png");
    make("sample/inputs/b.png");
    make("sample/truth/a.png");
    make("scorer/Dockerfile");
    let schema = folder.path().join("keypoints.schema.json");
    fs::write(schema, r#"{ "type": "object" }"#).unwrap();
    folder
}

/// The findings of a text, one per line, without the path of the folder.
fn findings_of(text: &str) -> String {
    findings_in(&folder(), text)
}

/// The findings of a text in this folder, one per line.
fn findings_in(folder: &TempDir, text: &str) -> String {
    let (_, findings) = parse(text, "challenge.toml", folder.path());
    let lines = findings.iter().map(|f| {
        let location = f.location.as_ref().map(ToString::to_string);
        format!("{} {} {}: {}\n    help: {}\n", location.unwrap_or_default(), f.code, f.severity, f.message, f.help)
    });
    let listing: String = lines.collect();
    listing.replace(&folder.path().display().to_string(), "…")
}

/// The findings of the minimal challenge with one text replaced by another.
fn findings_with(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from}");
    findings_of(&MINIMAL.replacen(from, to, 1))
}

#[test]
fn a_minimal_challenge_has_the_defaults_of_the_annotated_text() {
    let folder = folder();
    let (challenge, findings) = parse(MINIMAL, "challenge.toml", folder.path());
    assert_eq!(findings, vec![]);
    let challenge = challenge.unwrap();
    assert_eq!((challenge.title.as_str(), challenge.forge.as_str()), ("nuclei", "local"));
    assert_eq!((&challenge.organizers, &challenge.template), (&None, &None));
    let task = &challenge.tasks[0];
    assert_eq!(task.title, "segmentation");
    assert_eq!(task.contract.mode, ContractMode::WholeSet);
    assert_eq!((task.contract.input.as_str(), task.contract.output.as_str()), ("/input", "/output"));
    assert_eq!(task.scorer.build, folder.path().join("scorer"));
    assert_eq!((task.scorer.memory, task.scorer.time), (4 << 30, Duration::seconds(600)));
    let metric = &task.metrics[0];
    assert_eq!((metric.title.as_str(), metric.direction), ("dice", Direction::Max));
    assert_eq!((metric.missing, metric.aggregate), (MissingRule::Worst, Aggregate::Mean));
    assert_eq!(task.ranking.scheme, Scheme::AggregateThenRank);
    assert_eq!(task.ranking.across_metrics, AcrossMetrics::MeanRank);
    assert_eq!((task.limits.gpus, task.limits.cpus, task.limits.memory), (0, 1.0, 4 << 30));
    assert_eq!(task.limits.smoke_time, Duration::seconds(120));
    let phase = &challenge.phases[0];
    assert_eq!(phase.on, Trigger::Branch("main".into()));
    assert_eq!(phase.quota, Quota { per_day: 5, total: 100, concurrent: 1, submissions_per_day: 20 });
    assert_eq!((phase.show.board, phase.show.logs), (BoardVisibility::Live, false));
    assert_eq!((phase.show.decimals, phase.pick), (3, Pick::Best));
}

/// The annotated text with all `#key` lines enabled.
fn all_keys() -> String {
    let lines = CHALLENGE_TOML.lines();
    let on = lines.map(|line| match line.strip_prefix('#') {
        Some(set) if !set.is_empty() && !set.starts_with(' ') => set,
        _ => line,
    });
    let text = on.collect::<Vec<_>>().join("\n");
    // The inputs of the sample are PNG.
    text.replace("sample/segmentation", "sample").replace("\"{case}.nii.gz\"", "\"{case}.png\"")
}

#[test]
fn the_annotated_text_with_all_keys_is_valid() {
    let text = all_keys();
    assert_eq!(findings_of(&text.replace("template = ", "#template = ")), "");
    let folder = folder();
    fs::create_dir(folder.path().join("template")).unwrap();
    let (full, findings) = parse(&text, "challenge.toml", folder.path());
    assert_eq!(findings, vec![]);
    let full = full.unwrap();
    assert_eq!(full.tasks[0].checks.len(), 4);
    assert_eq!(full.leaderboard.as_deref(), Some("nuclei/leaderboard"));
    assert_eq!(full.rules["DF041"], Severity::Error);
}

#[test]
fn the_annotated_text_has_every_key() {
    let unknown = "zzzzzzzzzz = 1\n";
    let mut text = unknown.to_owned();
    for line in all_keys().lines().filter(|line| *line != "[rules]") {
        text.push_str(line);
        text.push('\n');
        if line.starts_with('[') {
            text.push_str(unknown);
        }
    }
    let findings = findings_of(&text);
    let mut keys = 0;
    for line in findings.lines().filter(|line| line.contains("Known keys are")) {
        let (_, known) = line.split_once("Known keys are").unwrap();
        for key in known.split('`').skip(1).step_by(2) {
            keys += 1;
            let set = CHALLENGE_TOML.lines().any(|line| {
                let line = line.trim_start_matches('#');
                line.starts_with(&format!("{key} =")) || line.contains(&format!("{key}]"))
            });
            assert!(set, "`{key}` is not in challenge.toml:\n{line}");
        }
    }
    assert!(keys > 50, "{findings}");
}

#[test]
fn five_mistakes_are_five_findings() {
    let text = MINIMAL
        .replace("slug = \"nuclei\"\n", "slug = \"Nuclei!\"\n")
        .replace("sample = \"sample\"\n", "sample = 5\n")
        .replace("direction = \"max\"\n", "direction = \"maximum\"\n")
        .replace("on = \"branch:main\"\n", "")
        .replace("data = \"data\"\n", "data = \"data\"\nquota = { per_day = 3 }\n");
    insta::assert_snapshot!(findings_of(&text));
}

/// Configuration files of earlier versions must not fail without a hint.
#[test]
fn a_renamed_key_is_an_error_that_names_the_present_key() {
    let phase = |text: &str| {
        let data = "data = \"data\"\n";
        findings_with(data, &format!("{data}{text}\n"))
    };
    let all = [
        phase("quota = { tries-per-day = 3 }"),
        phase("show = { grid = \"5m\" }"),
        // The present name is set as well.
        phase("quota = { tries-per-day = 3, submissions-per-day = 4, per-day = 1 }"),
        // An old name in a section that never had it.
        phase("quota = { grid = \"5m\" }"),
    ];
    insta::assert_snapshot!(all.join("--\n"));
}

#[test]
fn a_missing_quote_does_not_hide_other_mistakes() {
    let text = MINIMAL
        .replace("slug = \"nuclei\"\n", "slug = \"nuclei\n")
        .replace("name = \"dice\"\n", "nam = \"dice\"\n")
        .replace("\"branch:main\"", "branch:main")
        .replace("data = \"data\"\n", "data = 5\n");
    insta::assert_snapshot!(findings_of(&text));
}

#[test]
fn a_syntax_error_beyond_its_line_is_the_only_finding() {
    let all = [
        findings_with("[[task]]", "[[task]"),
        findings_with("[challenge]", "[challenge]\n[challenge]"),
        findings_with("[\"{case}.png\"] }", "[\"{case}.png\" }"),
    ];
    insta::assert_snapshot!(all.join("--\n"));
}

#[test]
fn the_tables_missing_in_an_empty_file_are_reported() {
    let all = [findings_of(""), findings_of("task = []\nchallenge = 1\n[phases]\n")];
    insta::assert_snapshot!(all.join("--\n"));
}

#[test]
fn contradictions_are_reported() {
    let limits = |text: &str| findings_with("[[phase]]", &format!("[task.limits]\n{text}\n[[phase]]"));
    let metric = |text: &str| findings_with("bounds = [0, 1]", text);
    let all = [
        limits("smoke-time = \"1h\""),
        limits("output = \"8GiB\""),
        limits("cpus = 0\npids = -1\nshm = \"64\"\ntime = 60"),
        metric("bounds = [1, 0]"),
        metric("bounds = [0, nan]"),
        metric("bounds = [0, 1, 2]"),
        metric("bounds = [-inf, 1]"),
        metric("bounds = [0, 1]\nmissing = 2"),
        metric("bounds = [0, 1]\nmissing = \"zero\""),
        metric(
            "bounds = [0, 1]\n[[task.metric]]\nname = \"dice\"\ndirection = \"min\"\n\
             bounds = [0, inf]\nmissing = \"reject\"",
        ),
        findings_with("closes = \"2099", "closes = \"2023"),
        findings_with("teams = ", "leaderboard = \"nuclei/team-board\"\norganizers = \"me\"\nteams = "),
        findings_with("[[phase]]", "[rules]\nDF041 = \"off\"\ndf1 = \"error\"\n[[phase]]"),
    ];
    insta::assert_snapshot!(all.join("--\n"));
}

#[test]
fn all_mistakes_in_checks_are_reported_together() {
    let checks = r#"
[[task.check]]
files = "{case}.tif"
is = "tiff"
[[task.check]]
files = "{case}.tif"
is = "png"
columns = ["Frame"]
keys-for = "{case}.png"
types = ["uint8", "int16"]
size-of = "{case}/*.png"
every = 25
[[task.check]]
files = "{case}.png"
is = "nifti"
size-of = "{case}.nii.gz"
types = []
schema = "none.json"
[[task.check]]
is = "json"
file = "{case}.png"
schema = "bad.json"
one-for = "*/../x"
every = 0
[[task.check]]
files = "{case}.png"
is = "csv"
columns = []
rows-for = "{case}.png"
every = 2
[[phase]]"#;
    let text = MINIMAL.replacen("[[phase]]", checks, 1);
    let folder = folder();
    fs::write(folder.path().join("bad.json"), r#"{ "type": "objekt" }"#).unwrap();
    insta::assert_snapshot!(findings_in(&folder, &text));
}

#[test]
fn size_of_needs_one_output_per_case() {
    let shared = MINIMAL.replacen("[\"{case}.png\"] }", "[\"all.png\"] }", 1);
    let check = "[[task.check]]\nfiles = \"all.png\"\nis = \"png\"\nsize-of = \"{case}.png\"\n[[phase]]";
    let findings = findings_of(&shared.replacen("[[phase]]", check, 1));
    assert!(findings.contains("is one file for all cases, but `{case}.png` is one file per case"), "{findings}");
}

#[test]
fn schemas_must_be_complete_and_valid() {
    let folder = folder();
    let text = MINIMAL.replacen(
        "[[phase]]",
        "[[task.check]]\nfiles = \"{case}.png\"\nis = \"json\"\nschema = \"x.json\"\n[[phase]]",
        1,
    );
    for (schema, message) in [
        ("{}", ""),
        ("{", "is not JSON"),
        ("{ \"pattern\": \"(\" }", "is not a valid JSON schema"),
        ("{ \"$ref\": \"other.json\" }", "is not a valid JSON schema"),
        ("{ \"$ref\": \"https://example.org/x\" }", "Referee reads no other documents"),
    ] {
        fs::write(folder.path().join("x.json"), schema).unwrap();
        let findings = findings_in(&folder, &text);
        assert!(findings.contains(message) && findings.is_empty() == message.is_empty(), "{schema}: {findings}");
    }
}

#[test]
fn missing_paths_are_reported() {
    let task = "sample = \"sample\"\n";
    let all = [
        findings_with(task, &format!("{task}scorer = {{ build = \"none\" }}\n")),
        findings_with(task, &format!("{task}scorer = {{ dockerfile = \"Containerfile\" }}\n")),
        findings_with("sample = \"sample\"", "sample = \"elsewhere\""),
        findings_with("sample = \"sample\"", "sample = \"scorer\""),
    ];
    insta::assert_snapshot!(all.join("--\n"));
}

#[test]
fn mount_points_are_separate_directories() {
    let contract = |text: &str| findings_with("contract = { expect", &format!("contract = {{ {text}, expect"));
    for path in [
        "input", "/", "", "/input/", "/in//put", "/in put", "/../etc", "/tmp", "/tmp/in", "/dev/shm", "/proc/1",
        "/sys/fs", "/etc", "/in:ro", "/in,put",
    ] {
        let findings = contract(&format!("input = \"{path}\""));
        assert!(findings.contains("CFG005"), "{path}: {findings}");
    }
    for path in ["/phakir/inputs", "/srv/in", "/opt/x-1.0"] {
        assert_eq!(contract(&format!("input = \"{path}\"")), "", "{path}");
    }
    for (input, output) in [("/a", "/a"), ("/a", "/a/b"), ("/a/b", "/a")] {
        let findings = contract(&format!("input = \"{input}\", output = \"{output}\""));
        assert!(findings.contains("CFG006"), "{findings}");
    }
    for pattern in ["", "/x", "../{case}", "a//b", "{cases}.png", "a\\\\b"] {
        let findings = findings_with("{case}.png", pattern);
        assert!(findings.contains("CFG005"), "{pattern}: {findings}");
    }
    let findings = findings_with("{case}.png", "all.json");
    assert!(findings.contains("CFG006 warning"), "{findings}");
    assert!(findings_with("[\"{case}.png\"]", "[]").contains("CFG005"));
    assert!(findings_with("{ expect = [\"{case}.png\"] }", "{ }").contains("CFG002"));
}

#[test]
fn image_triggers_select_the_task_by_tag() {
    let folder = folder();
    let read = |text: &str| parse(text, "challenge.toml", folder.path()).0.unwrap();
    let one = read(&MINIMAL.replace("branch:main", "image:team-*"));
    assert_eq!(one.phases[0].on, Trigger::Image("team-*".into()));
    assert_eq!(one.phases_of_image("team-a").count(), 1);
    assert_eq!(one.phases_of_image("other").count(), 0);
    assert_eq!(one.phases_of_ref("refs/heads/team-a").count(), 0);
    let slug = |challenge: &Challenge, tag: &str| {
        let task = challenge.task_of_tag(tag);
        task.map_or_else(String::new, |task| task.slug.to_string())
    };
    assert_eq!(slug(&one, "latest"), "segmentation");

    let task = MINIMAL.split_once("[[task]]").unwrap().1;
    let task = task.split_once("[[phase]]").unwrap().0;
    let task = task.replace("\"segmentation\"", "\"segmentation-fine\"");
    let two = read(&MINIMAL.replace("[[phase]]", &format!("[[task]]{task}[[phase]]")));
    for (tag, wanted) in [
        ("segmentation", "segmentation"),
        ("segmentation-v2", "segmentation"),
        ("segmentation-fine", "segmentation-fine"),
        ("segmentation-fine-v2", "segmentation-fine"),
        ("segmentation2", ""),
        ("latest", ""),
    ] {
        assert_eq!(slug(&two, tag), wanted, "{tag}");
    }
    let doubled = MINIMAL.replace("branch:main", "image:*");
    let second = doubled.split_once("[[phase]]").unwrap().1;
    let second = second.replace("\"validation\"", "\"test\"").replace("image:*", "image:team-*");
    assert!(findings_of(&format!("{doubled}[[phase]]{second}")).contains("CFG006 warning"));
}

#[test]
fn overlapping_phases_are_a_warning() {
    let second = |on: &str, opens: &str| {
        let phase = MINIMAL.split_once("[[phase]]").unwrap().1;
        let phase = phase
            .replace("\"validation\"", "\"test\"")
            .replace("branch:main", on)
            .replace("2024-01-01T00:00:00Z", opens);
        findings_of(&format!("{MINIMAL}[[phase]]{phase}"))
    };
    assert!(second("branch:main", "2025-01-01T00:00:00Z").contains("CFG006 warning"));
    assert!(second("branch:m*", "2025-01-01T00:00:00Z").contains("CFG006 warning"));
    assert_eq!(second("tag:main", "2025-01-01T00:00:00Z"), "");
    assert_eq!(second("image:main", "2025-01-01T00:00:00Z"), "");
    assert!(second("branch:main", "2100-01-01T00:00:00Z").contains("before it opens"));
    let twice = MINIMAL.split_once("[[phase]]").unwrap().1.replace("branch", "tag");
    assert!(findings_of(&format!("{MINIMAL}[[phase]]{twice}")).contains("Two phases have the slug"));
    let task = MINIMAL.split_once("[[task]]").unwrap().1;
    let task = task.split_once("[[phase]]").unwrap().0;
    let twice = MINIMAL.replace("[[phase]]", &format!("[[task]]{task}[[phase]]"));
    assert!(findings_of(&twice).contains("Two tasks have the slug"));
}

#[test]
fn metrics_may_be_written_in_a_list() {
    let (tables, list) = (
        "[[task.metric]]\nname = \"dice\"\ndirection = \"max\"\nbounds = [0, 1]\n",
        "metric = [{ name = \"dice\", direction = \"max\", bounds = [0, 1] }]\n",
    );
    assert_eq!(findings_with(tables, list), "");
    assert!(findings_with(tables, "metric = []\n").contains("`metric` is missing in `task`"));
    assert!(findings_with(tables, "metric = [1]\n").contains("CFG003"));
    assert!(findings_with("[[phase]]", "[phase]").contains("Write a list of tables: `[[phase]]`."));
}

#[test]
fn hidden_data_is_found_and_checked_separately() {
    let folder = folder();
    let (challenge, _) = parse(MINIMAL, "challenge.toml", folder.path());
    let challenge = challenge.unwrap();
    let (phase, task) = (&challenge.phases[0], &challenge.tasks[0]);
    let data = folder.path().join("data");
    assert_eq!(check_data(&challenge).findings.len(), 1);
    for path in ["inputs", "segmentation/truth"] {
        fs::create_dir_all(data.join(path)).unwrap();
    }
    assert_eq!(check_data(&challenge).findings[0].message, "The directory has no cases.");
    fs::write(data.join("inputs/c.nii.gz"), "").unwrap();
    assert_eq!(check_data(&challenge).findings, vec![]);
    assert_eq!(inputs_of(phase, task), data.join("inputs"));
    let check = "[[task.check]]\nfiles = \"{case}.png\"\nis = \"png\"\none-for = \"{case}.png\"\n";
    let text = MINIMAL.replacen("[[phase]]", &format!("{check}[[phase]]"), 1);
    let checked = parse(&text, "challenge.toml", folder.path()).0.unwrap();
    let message = &check_data(&checked).findings[0].message;
    assert_eq!(message, "No input of the case `c` matches `{case}.png` of `one-for`.");
    assert_eq!(ground_truth_of(phase, task), data.join("segmentation/truth"));
    fs::create_dir_all(data.join("segmentation/inputs")).unwrap();
    assert_eq!(inputs_of(phase, task), data.join("segmentation/inputs"));
    assert_eq!(sample_inputs(task), folder.path().join("sample/inputs"));
}

#[test]
fn a_directory_without_a_challenge_is_one_finding() {
    let folder = folder();
    let findings = read_challenge(folder.path()).unwrap_err();
    assert_eq!((findings.len(), findings[0].code.as_str()), (1, "CFG007"));
    fs::write(folder.path().join("challenge.toml"), MINIMAL).unwrap();
    let challenge = read_challenge(folder.path()).unwrap();
    assert_eq!(challenge.config_digest, Digest::of(MINIMAL.as_bytes()));
}

/// People copy the examples, so they must be valid.
#[test]
fn examples_have_no_findings() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in fs::read_dir(examples).into_iter().flatten() {
        let folder = entry.unwrap().path();
        if folder.join("challenge.toml").is_file() {
            let (challenge, findings) = inspect_challenge(&folder);
            assert_eq!(findings, vec![]);
            // The examples include their data.
            assert_eq!(check_data(&challenge.unwrap()).findings, vec![]);
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        parse(&text, "challenge.toml", Path::new("/nowhere"));
    }

    #[test]
    fn no_damage_panics(at in 0..MINIMAL.len(), with in "[\\[\\]{}=\"'.,#\na0é-]{0,4}", removed in 0..20_usize) {
        let mut text = MINIMAL.to_owned();
        text.replace_range(at..(at + removed).min(MINIMAL.len()), &with);
        let (challenge, findings) = parse(&text, "challenge.toml", Path::new("/nowhere"));
        prop_assert!(challenge.is_some() || !findings.is_empty());
    }
}
