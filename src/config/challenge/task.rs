//! `[[task]]`: contract, scorer, metrics, ranking and limits.
//!
//! The sample and the scorer must exist. Only names in them are read, not the content of files.

use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::check::{self, CheckContext};
use super::pattern::{is_path_pattern, path_pattern};
use super::{SLUG, check_directory};
use crate::config::data;
use crate::config::reader::Section;
use crate::config::values::{
    ValueError, ValueResult, any_number, duration, format_size, integer, invalid, number, parsed, path, size, text,
    word,
};
use crate::model::{
    Contract, ContractMode, Duration, MetricName, MetricSpec, MissingRule, Ranking, RunLimits, ScorerSpec, Task,
    TaskSlug,
};

/// Default of `smoke-time`. The author of a push should get the result while still at the computer.
const SMOKE_TIME: Duration = Duration::seconds(120);

/// Engines do not start a container with less memory.
const MEMORY_BYTES_LEAST: u64 = 16 * 1024 * 1024;

/// Directories that the sandbox provides or that an image needs.
const RESERVED: [&str; 15] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp",
    "/usr", "/var",
];

/// Reads one `[[task]]`. `before` holds the names of the tasks above it in the file, and gets this one appended.
pub(super) fn task(s: &Section<'_>, directory: &Path, before: &mut Vec<TaskSlug>) -> Option<Task> {
    let slug = s.required("slug", parsed(SLUG, |t| TaskSlug::new(t).ok()));
    if let Some(slug) = &slug {
        if before.contains(slug) {
            let message = format!("Two tasks have the slug `{slug}`.");
            s.contradiction("slug", message, "Give each task its own slug.");
        }
        before.push(slug.clone());
    }
    let title = s.optional("title", text);
    let sample = s.required("sample", path(directory));
    let contract = s.section("contract", contract);
    let context = CheckContext { directory, contract: contract.as_ref(), sample: sample.as_deref() };
    let checks = s.optional_sections("check", |s| check::check(s, &context));
    let scorer = s.section("scorer", |s| scorer(s, directory));
    let mut names = Vec::new();
    let metrics = s.sections("metric", |s| metric(s, &mut names));
    let ranking = s.section("ranking", |s| ranking(s, &names));
    let limits = s.section("limits", limits);
    let slug = slug?;
    let (ranking, best_by) = ranking?;
    let task = Task {
        title: title.unwrap_or_else(|| slug.to_string()),
        slug,
        sample: sample?,
        contract: contract?,
        checks: checks?,
        scorer: scorer?,
        metrics: metrics?,
        ranking,
        best_by,
        limits: limits?,
    };
    check_sample(s, &task);
    Some(task)
}

fn contract(s: &Section<'_>) -> Option<Contract> {
    let mode = s.required("mode", word);
    let input = s.required("input", mount);
    let output = s.required("output", mount);
    let expect = s.required_list("expect", path_pattern);
    if expect.as_ref().is_some_and(Vec::is_empty) {
        let help = "List at least one file that the container must write for each case.";
        s.invalid("expect", "`expect` is empty.", help);
    }
    if let (Some(input), Some(output)) = (&input, &output) {
        let inside = |a: &str, b: &str| Path::new(a).starts_with(b);
        if inside(input, output) || inside(output, input) {
            s.contradiction(
                "output",
                format!("One of `{input}` and `{output}` contains the other."),
                "Use two separate directories, for example `/input` and `/output`.",
            );
        }
    }
    Some(Contract { mode: mode?, input: input?, output: output?, expect: expect? })
}

/// A mount point in the container.
fn mount(value: &Value) -> ValueResult<String> {
    let path = text(value)?;
    let valid = |part: &str| {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(ok) && !matches!(part, "." | "..")
    };
    match path.strip_prefix('/') {
        Some(rest) if rest.split('/').all(valid) => {}
        _ => {
            return invalid(
                "is not an absolute path in a container",
                "Write for example `/input`, without `/` at the end, `..` or blanks.",
            );
        }
    }
    let fixed = ["/dev", "/proc", "/sys", "/tmp"];
    let reserved = RESERVED.contains(&path.as_str()) || fixed.iter().any(|f| Path::new(&path).starts_with(f));
    if reserved {
        return invalid(
            format!("cannot be `{path}`, because the container needs that directory"),
            "Use a separate directory, for example `/input`.",
        );
    }
    Ok(path)
}

fn scorer(s: &Section<'_>, directory: &Path) -> Option<ScorerSpec> {
    let build = s.required("build", path(directory));
    let dockerfile = s.required(
        "dockerfile",
        parsed("Write a path within the build context, without `..`.", |t| is_path_pattern(t).then(|| t.to_owned())),
    );
    let memory = s.required("memory", size(MEMORY_BYTES_LEAST));
    let time = s.required("time", duration);
    let (build, dockerfile): (PathBuf, String) = (build?, dockerfile?);
    check_directory(s, "build", Some(&build));
    if build.is_dir() && !build.join(&dockerfile).is_file() {
        let message = format!("The scorer has no `{dockerfile}` in `{}`.", build.display());
        s.path_missing("dockerfile", message, "Create it, or correct `dockerfile`.");
    }
    Some(ScorerSpec { build, dockerfile, memory: memory?, time: time? })
}

fn metric(s: &Section<'_>, names: &mut Vec<MetricName>) -> Option<MetricSpec> {
    let name = s.required("name", metric_name);
    let title = s.optional("title", text);
    let direction = s.required("direction", word);
    let bounds = s.required("bounds", bounds);
    let missing = s.required("missing", missing);
    let aggregate = s.required("aggregate", word);
    if let Some(name) = &name {
        if names.contains(name) {
            let message = format!("Two metrics have the name `{name}`.");
            s.contradiction("name", message, "Give each metric its own name.");
        }
        names.push(name.clone());
    }
    let name = name?;
    let spec = MetricSpec {
        title: title.unwrap_or_else(|| name.to_string()),
        name,
        direction: direction?,
        bounds: bounds?,
        missing: missing?,
        aggregate: aggregate?,
    };
    check_missing(s, &spec);
    Some(spec)
}

fn bounds(value: &Value) -> ValueResult<(f64, f64)> {
    let expected = "two numbers in a list, such as `[0.0, 1.0]`";
    let array = value.as_array().ok_or_else(|| ValueError::Type(expected.to_owned()))?;
    let numbers: Vec<f64> = array.iter().map(any_number).collect::<ValueResult<_>>()?;
    match numbers[..] {
        [low, high] if low < high => Ok((low, high)),
        [low, high] => {
            invalid(format!("ends at {high}, which is not above {low}"), "Write the smallest legal value first.")
        }
        _ => invalid(
            format!("has {} numbers", numbers.len()),
            "Write two numbers: the smallest and the largest legal value.",
        ),
    }
}

fn missing(value: &Value) -> ValueResult<MissingRule> {
    match value.as_str() {
        Some("worst") => Ok(MissingRule::Worst),
        Some("reject") => Ok(MissingRule::Reject),
        None if value.is_integer() || value.is_float() => any_number(value).map(MissingRule::Value),
        _ => invalid("is neither `worst` nor `reject` nor a number", "Write `worst`, `reject` or a number."),
    }
}

/// The value that replaces a missing one must be within the bounds and finite, so that it can be averaged.
fn check_missing(s: &Section<'_>, spec: &MetricSpec) {
    let (low, high) = spec.bounds;
    match spec.missing {
        MissingRule::Worst if spec.worst().is_infinite() => s.contradiction(
            "bounds",
            "A missing value would count as the worst value, which is infinite.",
            "Write a finite bound, or `missing = \"reject\"`.",
        ),
        MissingRule::Value(value) if !(low..=high).contains(&value) || value.is_infinite() => s.contradiction(
            "missing",
            format!("A missing value would count as {value}, which is not a finite number within the bounds."),
            format!("Write a finite number from {low} to {high}."),
        ),
        _ => {}
    }
}

/// Reads `[task.ranking]`: the ranking, and the metrics of `best-by`. `metrics` has the names of the declared metrics.
fn ranking(s: &Section<'_>, metrics: &[MetricName]) -> Option<(Ranking, Option<Vec<MetricName>>)> {
    let scheme = s.required("scheme", word);
    let across = s.required("across-metrics", word);
    let best_by = s.list("best-by", metric_name);
    for (n, name) in best_by.iter().flatten().enumerate() {
        if !metrics.contains(name) {
            let known: Vec<String> = metrics.iter().map(|known| format!("`{known}`")).collect();
            s.invalid("best-by", format!("There is no metric `{name}`."), format!("Use {}.", known.join(", ")));
        }
        if best_by.iter().flatten().take(n).any(|before| before == name) {
            s.contradiction("best-by", format!("`{name}` is listed twice."), "List each metric once.");
        }
    }
    if best_by.as_ref().is_some_and(Vec::is_empty) {
        s.invalid("best-by", "`best-by` is empty.", "List at least one metric, or remove the key.");
    }
    Some((Ranking { scheme: scheme?, across_metrics: across? }, best_by))
}

/// The name of a metric.
fn metric_name(value: &Value) -> ValueResult<MetricName> {
    const ALLOWED: &str = "Write 1 to 64 characters of A-Z, a-z, 0-9, `_`, `-`, `.` and `@`, starting with a letter.";
    parsed(ALLOWED, MetricName::new)(value)
}

fn limits(s: &Section<'_>) -> Option<RunLimits> {
    let gpus = s.required("gpus", integer(0, 64));
    let cpus = s.required("cpus", number(0.1, 1024.0));
    let memory = s.required("memory", size(MEMORY_BYTES_LEAST));
    let time = s.required("time", duration);
    let smoke_time = s.optional("smoke-time", duration);
    let output = s.required("output", size(1));
    let files = s.required("files", integer(1, 100_000_000));
    let pids = s.required("pids", integer(1, 1_000_000));
    let shm = s.required("shm", size(1));
    let tmp = s.required("tmp", size(1));
    let image = s.required("image", size(1));
    let time = time?;
    let limits = RunLimits {
        gpus: gpus?,
        cpus: cpus?,
        memory: memory?,
        time,
        smoke_time: smoke_time.unwrap_or(SMOKE_TIME.min(time)),
        output: output?,
        files: files?,
        pids: pids?,
        shm: shm?,
        tmp: tmp?,
        image: image?,
    };
    check_limits(s, &limits);
    Some(limits)
}

fn check_limits(s: &Section<'_>, limits: &RunLimits) {
    if limits.smoke_time > limits.time {
        s.contradiction(
            "smoke-time",
            format!("`smoke-time` is {}, longer than the {} of `time`.", limits.smoke_time, limits.time),
            "Lower `smoke-time`, or raise `time`.",
        );
    }
    let in_memory = limits.output.saturating_add(limits.shm).saturating_add(limits.tmp);
    if in_memory > limits.memory {
        s.warning(
            "memory",
            format!(
                "`output`, `shm` and `tmp` are {} together, more than the {} of `memory` in which they are kept.",
                format_size(in_memory),
                format_size(limits.memory)
            ),
            "Raise `memory`, or lower `output`, `shm` or `tmp`. A container that fills them is killed.",
        );
    }
}

/// The public sample must be complete, because every submission runs on it first.
fn check_sample(s: &Section<'_>, task: &Task) {
    check_directory(s, "sample", Some(&task.sample));
    if !task.sample.is_dir() {
        return;
    }
    if !data::sample_ground_truth(task).is_dir() {
        s.path_missing(
            "sample",
            "The sample has no directory `truth/`.",
            "Create it. Referee scores the smoke run like every other run.",
        );
    }
    match data::cases(&data::sample_inputs(task)) {
        Err(findings) => s.add(findings),
        Ok(cases) if cases.len() > 1 && task.contract.mode == ContractMode::WholeSet => {
            let all: Vec<_> = task.contract.expect.iter().map(|e| e.0.as_str()).collect();
            for pattern in all.iter().filter(|p| !p.contains("{case}")) {
                s.warning(
                    "contract",
                    format!("`{pattern}` is the same file for all {} cases of the sample.", cases.len()),
                    "Add `{case}` to the pattern, unless one file holds the results of all cases.",
                );
            }
        }
        Ok(_) => {}
    }
}
