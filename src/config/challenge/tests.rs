//! A challenge on disk, broken in every way that people break one.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::{check_paths, ground_truth_of, inputs_of, sample_inputs};
use crate::model::{
    AcrossMetrics, Aggregate, BoardVisibility, ContractMode, Direction, Duration, MissingRule,
    Pick, Quota, Scheme, Trigger,
};

/// Every needed key and no other.
const LEAST: &str = r#"
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

/// What is said of a text, a finding a line, with the folder's own path left out.
fn said(text: &str) -> String {
    said_in(&folder(), text)
}

/// What is said of a text that lies in this folder.
fn said_in(folder: &TempDir, text: &str) -> String {
    let (_, findings) = parse(text, "challenge.toml", folder.path());
    let lines = findings.iter().map(|f| {
        let location = f.location.as_ref().map(ToString::to_string);
        format!(
            "{} {} {}: {} {}\n",
            location.unwrap_or_default(),
            f.code,
            f.severity,
            f.message,
            f.help
        )
    });
    let shown: String = lines.collect();
    shown.replace(&folder.path().display().to_string(), "…")
}

/// What is said of the least challenge with one text replaced by another.
fn said_with(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from), "{from}");
    said(&LEAST.replacen(from, to, 1))
}

#[test]
fn defaults_are_those_of_the_annotated_text() {
    let folder = folder();
    let (challenge, findings) = parse(LEAST, "challenge.toml", folder.path());
    assert_eq!(findings, vec![]);
    let challenge = challenge.unwrap();
    assert_eq!(
        (challenge.title.as_str(), challenge.forge.as_str()),
        ("nuclei", "local")
    );
    assert_eq!((&challenge.organizers, &challenge.template), (&None, &None));
    let task = &challenge.tasks[0];
    assert_eq!(task.title, "segmentation");
    assert_eq!(task.contract.mode, ContractMode::WholeSet);
    assert_eq!(
        (task.contract.input.as_str(), task.contract.output.as_str()),
        ("/input", "/output")
    );
    assert_eq!(task.scorer.build, folder.path().join("scorer"));
    assert_eq!(
        (task.scorer.memory, task.scorer.time),
        (4 << 30, Duration::seconds(600))
    );
    let metric = &task.metrics[0];
    assert_eq!(
        (metric.title.as_str(), metric.direction),
        ("dice", Direction::Max)
    );
    assert_eq!(
        (metric.missing, metric.aggregate),
        (MissingRule::Worst, Aggregate::Mean)
    );
    assert_eq!(task.ranking.scheme, Scheme::AggregateThenRank);
    assert_eq!(task.ranking.across_metrics, AcrossMetrics::MeanRank);
    assert_eq!(
        (task.limits.gpus, task.limits.cpus, task.limits.memory),
        (0, 1.0, 4 << 30)
    );
    assert_eq!(task.limits.smoke_time, Duration::seconds(120));
    let phase = &challenge.phases[0];
    assert_eq!(phase.on, Trigger::Branch("main".into()));
    assert_eq!(
        phase.quota,
        Quota {
            per_day: 5,
            total: 100,
            concurrent: 1,
            submissions_per_day: 20
        }
    );
    assert_eq!(
        (phase.show.board, phase.show.logs),
        (BoardVisibility::Live, false)
    );
    assert_eq!((phase.show.decimals, phase.pick), (3, Pick::Best));
}

/// The annotated text with its `#key` lines switched on.
fn everything() -> String {
    let lines = CHALLENGE_TOML.lines();
    let on = lines.map(|line| match line.strip_prefix('#') {
        Some(set) if !set.is_empty() && !set.starts_with(' ') => set,
        _ => line,
    });
    let text = on.collect::<Vec<_>>().join("\n");
    text.replace("sample/segmentation", "sample")
}

#[test]
fn the_annotated_text_is_valid_when_switched_on() {
    let text = everything();
    assert_eq!(said(&text.replace("template = ", "#template = ")), "");
    let folder = folder();
    fs::create_dir(folder.path().join("template")).unwrap();
    let (full, findings) = parse(&text, "challenge.toml", folder.path());
    assert_eq!(findings, vec![]);
    let full = full.unwrap();
    assert_eq!(full.tasks[0].checks.len(), 3);
    assert_eq!(full.leaderboard.as_deref(), Some("nuclei/leaderboard"));
    assert_eq!(full.rules["DF041"], Severity::Error);
}

#[test]
fn the_annotated_text_names_every_key() {
    let unknown = "zzzzzzzzzz = 1\n";
    let mut text = unknown.to_owned();
    for line in everything().lines().filter(|line| *line != "[rules]") {
        text.push_str(line);
        text.push('\n');
        if line.starts_with('[') {
            text.push_str(unknown);
        }
    }
    let said = said(&text);
    let mut keys = 0;
    for line in said.lines().filter(|line| line.contains("known here are")) {
        let (_, known) = line.split_once("known here are").unwrap();
        for key in known.split('`').skip(1).step_by(2) {
            keys += 1;
            let set = CHALLENGE_TOML.lines().any(|line| {
                let line = line.trim_start_matches('#');
                line.starts_with(&format!("{key} =")) || line.contains(&format!("{key}]"))
            });
            assert!(set, "`{key}` is not in challenge.toml:\n{line}");
        }
    }
    assert!(keys > 50, "{said}");
}

#[test]
fn five_mistakes_are_five_findings() {
    let text = LEAST
        .replace("slug = \"nuclei\"\n", "slug = \"Nuclei!\"\n")
        .replace("sample = \"sample\"\n", "sample = 5\n")
        .replace("direction = \"max\"\n", "direction = \"maximum\"\n")
        .replace("on = \"branch:main\"\n", "")
        .replace(
            "data = \"data\"\n",
            "data = \"data\"\nquota = { per_day = 3 }\n",
        );
    insta::assert_snapshot!(said(&text), @r#"
    challenge.toml:3:8 CFG005 error: `slug` cannot be `Nuclei!`. Write 1 to 63 of a-z, 0-9, `-`, `_` and `.`, starting with a letter or a digit.
    challenge.toml:8:10 CFG003 error: `sample` is a whole number. Write a text in quotes.
    challenge.toml:12:13 CFG005 error: `direction` cannot be `maximum`. Write `max` or `min`.
    challenge.toml:15:1 CFG002 error: `on` is missing in `phase`. Add `on = …` in `phase`.
    challenge.toml:20:11 CFG004 error: `per_day` is not known in `phase.quota`. Did you mean `per-day`?
    "#);
}

#[test]
fn a_missing_quote_hides_no_other_mistake() {
    let text = LEAST
        .replace("slug = \"nuclei\"\n", "slug = \"nuclei\n")
        .replace("name = \"dice\"\n", "nam = \"dice\"\n")
        .replace("\"branch:main\"", "branch:main")
        .replace("data = \"data\"\n", "data = 5\n");
    insta::assert_snapshot!(said(&text), @r#"
    challenge.toml:3:15 CFG001 error: The file is not valid TOML here: invalid basic string, expected `"`. Correct the line; a value that is a text needs quotes at both ends.
    challenge.toml:11:1 CFG004 error: `nam` is not known in `task.metric`. Did you mean `name`?
    challenge.toml:19:6 CFG001 error: The file is not valid TOML here: string values must be quoted, expected literal string. Correct the line; a value that is a text needs quotes at both ends.
    challenge.toml:20:8 CFG003 error: `data` is a whole number. Write a text in quotes.
    "#);
}

#[test]
fn what_cannot_be_left_out_ends_the_reading() {
    insta::assert_snapshot!(said_with("[[task]]", "[[task]"), @r#"challenge.toml:6:8 CFG001 error: The file is not valid TOML here: unclosed array table, expected `]`. Correct the line; a value that is a text needs quotes at both ends."#);
    insta::assert_snapshot!(said_with("[challenge]", "[challenge]\n[challenge]"), @r#"challenge.toml:3:2 CFG001 error: The file is not valid TOML here: duplicate key. Correct the line; a value that is a text needs quotes at both ends."#);
    insta::assert_snapshot!(said_with("[\"{case}.png\"] }", "[\"{case}.png\" }"), @r#"
    challenge.toml:9:37 CFG001 error: The file is not valid TOML here: missing comma between array elements, expected `,`. Correct the line; a value that is a text needs quotes at both ends.
    "#);
}

#[test]
fn an_empty_file_misses_its_tables() {
    insta::assert_snapshot!(said(""), @r#"
    challenge.toml:1:1 CFG002 error: `slug` is missing in `challenge`. Add `slug = …` in `challenge`.
    challenge.toml:1:1 CFG002 error: `teams` is missing in `challenge`. Add `teams = …` in `challenge`.
    challenge.toml:1:1 CFG002 error: `task` is missing. Add `[[task]]`.
    challenge.toml:1:1 CFG002 error: `phase` is missing. Add `[[phase]]`.
    "#);
    insta::assert_snapshot!(said("task = []\nchallenge = 1\n[phases]\n"), @r#"
    challenge.toml:1:1 CFG002 error: `task` is missing. Add `[[task]]`.
    challenge.toml:2:13 CFG003 error: `challenge` is a whole number. Write a table: `[challenge]`.
    challenge.toml:3:2 CFG004 error: `phases` is not known. Did you mean `phase`?
    "#);
}

#[test]
fn contradictions_are_told() {
    let limits = |text: &str| said_with("[[phase]]", &format!("[task.limits]\n{text}\n[[phase]]"));
    let metric = |text: &str| said_with("bounds = [0, 1]", text);
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
            "bounds = [0, 1]\n[[task.metric]]\nname = \"dice\"\ndirection = \"min\"\nbounds = [0, inf]\nmissing = \"reject\"",
        ),
        said_with("closes = \"2099", "closes = \"2023"),
        said_with(
            "teams = ",
            "leaderboard = \"nuclei/team-board\"\norganizers = \"me\"\nteams = ",
        ),
        said_with(
            "[[phase]]",
            "[rules]\nDF041 = \"off\"\ndf1 = \"error\"\n[[phase]]",
        ),
    ];
    insta::assert_snapshot!(all.join("--\n"), @r#"
    challenge.toml:16:14 CFG006 error: The smoke run may take 1 h, longer than a run's 30 min. Shorten `smoke-time`, or lengthen `time`.
    --
    challenge.toml:15:1 CFG006 warning: Output, `/dev/shm` and `/tmp` may hold 8512 MiB together, more than the memory of 4 GiB that they are kept in. Give more memory, or less to `output`, `shm` or `tmp`: who fills them is killed.
    --
    challenge.toml:16:8 CFG005 error: `cpus` cannot be 0. A number from 0.1 to 1024 is allowed.
    challenge.toml:17:8 CFG005 error: `pids` cannot be -1. A whole number from 1 to 1000000 is allowed.
    challenge.toml:18:7 CFG005 error: `shm` is not a size. Write a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example `"512MiB"`.
    challenge.toml:19:8 CFG003 error: `time` is a whole number. Write a length of time with its unit, such as `"60s"`.
    --
    challenge.toml:13:10 CFG005 error: `bounds` ends at 0, which is not above 1. Write the smallest legal value first.
    --
    challenge.toml:13:10 CFG005 error: `bounds` is not a number (`nan`). Write a number.
    --
    challenge.toml:13:10 CFG005 error: `bounds` holds 3 numbers. Write two: the smallest and the largest legal value.
    --
    challenge.toml:13:10 CFG006 error: A missing value counts as the worst one, which is infinite. Write a finite bound, or `missing = "reject"`.
    --
    challenge.toml:14:11 CFG006 error: A missing value counts as 2, which is not within the bounds. Write a finite number from 0 to 1.
    --
    challenge.toml:14:11 CFG005 error: `missing` says nothing that is known. Write `worst`, `reject` or a number.
    --
    challenge.toml:15:8 CFG006 error: There are two metrics of the name `dice`. Give each its own name.
    --
    challenge.toml:18:10 CFG006 error: The phase closes at 2023-12-31T23:59:59Z, before it opens at 2024-01-01T00:00:00Z. Swap or correct the two moments.
    --
    challenge.toml:4:15 CFG006 error: `nuclei/team-board` is a team repository by the pattern of `teams`. Choose a repository outside of the pattern.
    challenge.toml:5:14 CFG005 error: `organizers` cannot be `me`. Write `owner/name`.
    --
    challenge.toml:16:9 CFG005 error: `DF041` cannot be `off`. Write `error` or `warning` or `advice`.
    challenge.toml:17:7 CFG005 error: `df1` is no rule. Write the code of a rule, for example `DF041`.
    "#);
}

#[test]
fn mistakes_in_checks_are_told_all_at_once() {
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
    let text = LEAST.replacen("[[phase]]", checks, 1);
    let folder = folder();
    fs::write(folder.path().join("bad.json"), r#"{ "type": "objekt" }"#).unwrap();
    insta::assert_snapshot!(said_in(&folder, &text), @r#"
    challenge.toml:18:6 CFG005 error: `is` cannot be `tiff`. Write `png` or `csv` or `json` or `nifti`.
    challenge.toml:20:9 CFG006 error: `{case}.tif` is not in `expect`. Write `{case}.png`, just as it is there.
    challenge.toml:22:11 CFG006 error: `columns` means nothing for `png`. Remove it, or correct `is`: it is for `csv`.
    challenge.toml:23:12 CFG006 error: `keys-for` means nothing for `png`. Remove it, or correct `is`: it is for `json`.
    challenge.toml:24:19 CFG005 error: `types` cannot hold `int16`. Write some of `uint1`, `uint2`, `uint4`, `uint8`, `uint16`, `rgb8`, `rgb16`, `palette1`, `palette2`, `palette4`, `palette8`, `grey-alpha8`, `grey-alpha16`, `rgba8`, `rgba16`.
    challenge.toml:25:11 CFG006 error: `{case}/*.png` has 1 star, `files` has 0 stars. Write as many: each stands for the same text in both, in their order.
    challenge.toml:25:11 CFG007 error: No input of the case `a` fits `{case}/*.png` of `size-of`. The sample is in `…/sample/inputs`. Correct it: a path within the inputs, with `*` for what differs.
    challenge.toml:30:11 CFG007 error: No input of the case `a` fits `{case}.nii.gz` of `size-of`. The sample is in `…/sample/inputs`. Correct it: a path within the inputs, with `*` for what differs.
    challenge.toml:31:9 CFG005 error: `types` is empty. Name a type, or remove the key.
    challenge.toml:32:10 CFG007 error: There is no file `…/none.json`. Add it, or correct `schema`.
    challenge.toml:32:10 CFG006 error: `schema` means nothing for `nifti`. Remove it, or correct `is`: it is for `json`.
    challenge.toml:35:1 CFG004 error: `file` is not known in `task.check`. Did you mean `files`?
    challenge.toml:36:10 CFG005 error: `…/bad.json` is no JSON schema: /type: "objekt" is not valid under any of the schemas listed in the 'anyOf' keyword. Correct the file; all of the schema must be in it.
    challenge.toml:37:11 CFG005 error: `one-for` cannot be `*/../x`. Write a relative path, for example `{case}.png`; no `..`, no empty part.
    challenge.toml:38:9 CFG005 error: `every` cannot be 0. A whole number from 1 to 1000000 is allowed.
    challenge.toml:42:11 CFG005 error: `columns` is empty. Name the columns, or remove the key.
    challenge.toml:43:12 CFG007 error: No input of the case `a` fits `{case}.png` of `rows-for`. The sample is in `…/sample/inputs`. Correct it: a path within the inputs, with `*` for what differs.
    challenge.toml:44:9 CFG006 error: `{case}.png` has no star, so no number that `every` could go by. Put a `*` in the place of the number.
    "#);
}

#[test]
fn a_check_of_one_file_for_all_cases_has_no_one_input() {
    let shared = LEAST.replacen("[\"{case}.png\"] }", "[\"all.png\"] }", 1);
    let check =
        "[[task.check]]\nfiles = \"all.png\"\nis = \"png\"\nsize-of = \"{case}.png\"\n[[phase]]";
    let said = said(&shared.replacen("[[phase]]", check, 1));
    assert!(
        said.contains("is one file for all cases, `{case}.png` another for each"),
        "{said}"
    );
}

#[test]
fn schemas_are_complete_and_valid_or_told() {
    let folder = folder();
    let text = LEAST.replacen(
        "[[phase]]",
        "[[task.check]]\nfiles = \"{case}.png\"\nis = \"json\"\nschema = \"x.json\"\n[[phase]]",
        1,
    );
    for (schema, message) in [
        ("{}", ""),
        ("{", "is not JSON"),
        ("{ \"pattern\": \"(\" }", "is no JSON schema"),
        ("{ \"$ref\": \"other.json\" }", "is no JSON schema"),
        (
            "{ \"$ref\": \"https://example.org/x\" }",
            "Referee reads no other documents",
        ),
    ] {
        fs::write(folder.path().join("x.json"), schema).unwrap();
        let said = said_in(&folder, &text);
        assert!(
            said.contains(message) && said.is_empty() == message.is_empty(),
            "{schema}: {said}"
        );
    }
}

#[test]
fn paths_that_lead_nowhere_are_told() {
    let task = "sample = \"sample\"\n";
    let all = [
        said_with(task, &format!("{task}scorer = {{ build = \"none\" }}\n")),
        said_with(
            task,
            &format!("{task}scorer = {{ dockerfile = \"Containerfile\" }}\n"),
        ),
        said_with("sample = \"sample\"", "sample = \"elsewhere\""),
        said_with("sample = \"sample\"", "sample = \"scorer\""),
    ];
    insta::assert_snapshot!(all.join("--\n"), @r#"
    challenge.toml:9:20 CFG007 error: There is no directory `…/none`. Make it, or correct `build`.
    --
    challenge.toml:9:25 CFG007 error: The scorer has no `Containerfile` in `…/scorer`. Add it, or correct `dockerfile`.
    --
    challenge.toml:8:10 CFG007 error: There is no directory `…/elsewhere`. Make it, or correct `sample`.
    --
    challenge.toml:8:10 CFG007 error: The sample has no directory `truth`. Add it: the smoke run is scored like any other.
    …/scorer/inputs CFG007 error: The inputs cannot be read: No such file or directory (os error 2). Put the cases there, or correct the path.
    "#);
}

#[test]
fn contracts_keep_to_directories_of_their_own() {
    let contract = |text: &str| {
        said_with(
            "contract = { expect",
            &format!("contract = {{ {text}, expect"),
        )
    };
    for path in [
        "input", "/", "", "/input/", "/in//put", "/in put", "/../etc", "/tmp", "/tmp/in",
        "/dev/shm", "/proc/1", "/sys/fs", "/etc", "/in:ro", "/in,put",
    ] {
        let said = contract(&format!("input = \"{path}\""));
        assert!(said.contains("CFG005"), "{path}: {said}");
    }
    for path in ["/phakir/inputs", "/srv/in", "/opt/x-1.0"] {
        assert_eq!(contract(&format!("input = \"{path}\"")), "", "{path}");
    }
    for (input, output) in [("/a", "/a"), ("/a", "/a/b"), ("/a/b", "/a")] {
        let said = contract(&format!("input = \"{input}\", output = \"{output}\""));
        assert!(said.contains("CFG006"), "{said}");
    }
    for pattern in ["", "/x", "../{case}", "a//b", "{cases}.png", "a\\\\b"] {
        let said = said_with("{case}.png", pattern);
        assert!(said.contains("CFG005"), "{pattern}: {said}");
    }
    let said = said_with("{case}.png", "all.json");
    assert!(said.contains("CFG006 warning"), "{said}");
    assert!(said_with("[\"{case}.png\"]", "[]").contains("CFG005"));
    assert!(said_with("{ expect = [\"{case}.png\"] }", "{ }").contains("CFG002"));
}

#[test]
fn images_start_submissions_and_their_tags_name_the_task() {
    let folder = folder();
    let read = |text: &str| parse(text, "challenge.toml", folder.path()).0.unwrap();
    let one = read(&LEAST.replace("branch:main", "image:team-*"));
    assert_eq!(one.phases[0].on, Trigger::Image("team-*".into()));
    assert_eq!(one.phases_of_image("team-a").count(), 1);
    assert_eq!(one.phases_of_image("other").count(), 0);
    assert_eq!(one.phases_of_ref("refs/heads/team-a").count(), 0);
    let slug = |challenge: &Challenge, tag: &str| {
        let task = challenge.task_of_tag(tag);
        task.map_or_else(String::new, |task| task.slug.to_string())
    };
    assert_eq!(slug(&one, "latest"), "segmentation");

    let task = LEAST.split_once("[[task]]").unwrap().1;
    let task = task.split_once("[[phase]]").unwrap().0;
    let task = task.replace("\"segmentation\"", "\"segmentation-fine\"");
    let two = read(&LEAST.replace("[[phase]]", &format!("[[task]]{task}[[phase]]")));
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
    let doubled = LEAST.replace("branch:main", "image:*");
    let second = doubled.split_once("[[phase]]").unwrap().1;
    let second = second
        .replace("\"validation\"", "\"test\"")
        .replace("image:*", "image:team-*");
    assert!(said(&format!("{doubled}[[phase]]{second}")).contains("CFG006 warning"));
}

#[test]
fn phases_that_overlap_are_doubted() {
    let second = |on: &str, opens: &str| {
        let phase = LEAST.split_once("[[phase]]").unwrap().1;
        let phase = phase
            .replace("\"validation\"", "\"test\"")
            .replace("branch:main", on)
            .replace("2024-01-01T00:00:00Z", opens);
        said(&format!("{LEAST}[[phase]]{phase}"))
    };
    assert!(second("branch:main", "2025-01-01T00:00:00Z").contains("CFG006 warning"));
    assert!(second("branch:m*", "2025-01-01T00:00:00Z").contains("CFG006 warning"));
    assert_eq!(second("tag:main", "2025-01-01T00:00:00Z"), "");
    assert_eq!(second("image:main", "2025-01-01T00:00:00Z"), "");
    assert!(second("branch:main", "2100-01-01T00:00:00Z").contains("before it opens"));
    let twice = LEAST
        .split_once("[[phase]]")
        .unwrap()
        .1
        .replace("branch", "tag");
    assert!(said(&format!("{LEAST}[[phase]]{twice}")).contains("two phases of the name"));
    let task = LEAST.split_once("[[task]]").unwrap().1;
    let task = task.split_once("[[phase]]").unwrap().0;
    let twice = LEAST.replace("[[phase]]", &format!("[[task]]{task}[[phase]]"));
    assert!(said(&twice).contains("two tasks of the name"));
}

#[test]
fn metrics_may_be_written_in_a_list() {
    let (tables, list) = (
        "[[task.metric]]\nname = \"dice\"\ndirection = \"max\"\nbounds = [0, 1]\n",
        "metric = [{ name = \"dice\", direction = \"max\", bounds = [0, 1] }]\n",
    );
    assert_eq!(said_with(tables, list), "");
    assert!(said_with(tables, "metric = []\n").contains("`metric` is missing in `task`"));
    assert!(said_with(tables, "metric = [1]\n").contains("CFG003"));
    assert!(said_with("[[phase]]", "[phase]").contains("Write a list of tables: `[[phase]]`."));
}

#[test]
fn data_is_found_where_it_lies_and_asked_for_separately() {
    let folder = folder();
    let (challenge, _) = parse(LEAST, "challenge.toml", folder.path());
    let challenge = challenge.unwrap();
    let (phase, task) = (&challenge.phases[0], &challenge.tasks[0]);
    let data = folder.path().join("data");
    assert_eq!(check_paths(&challenge).len(), 1);
    for path in ["inputs", "segmentation/truth"] {
        fs::create_dir_all(data.join(path)).unwrap();
    }
    assert_eq!(check_paths(&challenge)[0].message, "There are no cases.");
    fs::write(data.join("inputs/c.nii.gz"), "").unwrap();
    assert_eq!(check_paths(&challenge), vec![]);
    assert_eq!(inputs_of(phase, task), data.join("inputs"));
    let check = "[[task.check]]\nfiles = \"{case}.png\"\nis = \"png\"\none-for = \"{case}.png\"\n";
    let text = LEAST.replacen("[[phase]]", &format!("{check}[[phase]]"), 1);
    let checked = parse(&text, "challenge.toml", folder.path()).0.unwrap();
    let message = &check_paths(&checked)[0].message;
    assert_eq!(
        message,
        "No input of the case `c` fits `{case}.png` of `one-for`."
    );
    assert_eq!(
        ground_truth_of(phase, task),
        data.join("segmentation/truth")
    );
    fs::create_dir_all(data.join("segmentation/inputs")).unwrap();
    assert_eq!(inputs_of(phase, task), data.join("segmentation/inputs"));
    assert_eq!(sample_inputs(task), folder.path().join("sample/inputs"));
}

#[test]
fn a_directory_without_a_challenge_is_one_finding() {
    let folder = folder();
    let findings = read_challenge(folder.path()).unwrap_err();
    assert_eq!((findings.len(), findings[0].code.as_str()), (1, "CFG007"));
    fs::write(folder.path().join("challenge.toml"), LEAST).unwrap();
    let challenge = read_challenge(folder.path()).unwrap();
    assert_eq!(challenge.config_digest, Digest::of(LEAST.as_bytes()));
}

/// The examples are read by newcomers; what they say must be right.
#[test]
fn examples_have_no_findings() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in fs::read_dir(examples).into_iter().flatten() {
        let folder = entry.unwrap().path();
        if folder.join("challenge.toml").is_file() {
            let (challenge, findings) = inspect_challenge(&folder);
            assert_eq!(findings, vec![]);
            // They come with their data.
            assert_eq!(check_paths(&challenge.unwrap()), vec![]);
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        parse(&text, "challenge.toml", Path::new("/nowhere"));
    }

    #[test]
    fn no_damage_panics(at in 0..LEAST.len(), with in "[\\[\\]{}=\"'.,#\na0é-]{0,4}", cut in 0..20_usize) {
        let mut text = LEAST.to_owned();
        text.replace_range(at..(at + cut).min(LEAST.len()), &with);
        let (challenge, findings) = parse(&text, "challenge.toml", Path::new("/nowhere"));
        prop_assert!(challenge.is_some() || !findings.is_empty());
    }
}
