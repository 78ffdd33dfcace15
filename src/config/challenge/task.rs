//! `[[task]]`: contract, scorer, metrics, ranking and limits.
//!
//! Looks whether sample and scorer are there; never at what they hold beyond names.

use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::{SLUG, check, directory_at};
use crate::config::data;
use crate::config::reader::Section;
use crate::config::values::{
    Read, Refusal, any_number, number, one_of, parsed, path, refused, shown_size, size, span, text,
    whole,
};
use crate::model::{
    AcrossMetrics, Aggregate, Contract, ContractMode, Direction, Duration, MetricName, MetricSpec,
    MissingRule, PathPattern, Ranking, RunLimits, Scheme, ScorerSpec, Task, TaskSlug,
};

/// The smoke run's time where a task does not say: a push should be answered while its author is
/// still there.
const SMOKE_TIME: Duration = Duration::seconds(120);

/// Engines start no container with less.
const MEMORY_LEAST: u64 = 16 * 1024 * 1024;

/// Directories that every run provides or that an image cannot live without.
const RESERVED: [&str; 15] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/srv",
    "/sys", "/tmp", "/usr", "/var",
];

/// Reads one task; `seen` holds the names of those above it in the file, and then this one too.
pub fn read(s: &Section<'_>, directory: &Path, seen: &mut Vec<TaskSlug>) -> Option<Task> {
    let slug = s.required("slug", parsed(SLUG, |t| TaskSlug::new(t).ok()));
    if let Some(slug) = &slug {
        if seen.contains(slug) {
            let message = format!("There are two tasks of the name `{slug}`.");
            s.contradiction("slug", message, "Give each its own slug.");
        }
        seen.push(slug.clone());
    }
    let title = s.optional("title", text);
    let sample = s.required("sample", path(directory));
    let contract = s.section("contract", contract);
    let around = check::Around {
        directory,
        contract: contract.as_ref(),
        sample: sample.as_deref(),
    };
    let checks = s.optional_sections("check", |s| check::read(s, &around));
    let scorer = s.section("scorer", |s| scorer(s, directory));
    let mut names = Vec::new();
    let metrics = s.sections("metric", |s| metric(s, &mut names));
    let ranking = s.section("ranking", ranking);
    let limits = s.section("limits", limits);
    let slug = slug?;
    let task = Task {
        title: title.unwrap_or_else(|| slug.to_string()),
        slug,
        sample: sample?,
        contract: contract?,
        checks: checks?,
        scorer: scorer?,
        metrics: metrics?,
        ranking: ranking?,
        limits: limits?,
    };
    check_sample(s, &task);
    Some(task)
}

fn contract(s: &Section<'_>) -> Option<Contract> {
    let mode = s.required(
        "mode",
        one_of(&[
            ("whole-set", ContractMode::WholeSet),
            ("per-case", ContractMode::PerCase),
        ]),
    );
    let input = s.required("input", mount);
    let output = s.required("output", mount);
    let expect = s.required_list("expect", paths);
    if expect.as_ref().is_some_and(Vec::is_empty) {
        let help = "Name at least one file that must exist for each case.";
        s.bad("expect", "`expect` is empty.", help);
    }
    if let (Some(input), Some(output)) = (&input, &output) {
        let inside = |a: &str, b: &str| Path::new(a).starts_with(b);
        if inside(input, output) || inside(output, input) {
            s.contradiction(
                "output",
                format!("`{input}` and `{output}` lie within each other."),
                "Choose two directories side by side, for example `/input` and `/output`.",
            );
        }
    }
    Some(Contract {
        mode: mode?,
        input: input?,
        output: output?,
        expect: expect?,
    })
}

/// A path in the container where something is mounted.
fn mount(value: &Value) -> Read<String> {
    let path = text(value)?;
    let fine = |part: &str| {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(ok) && !matches!(part, "." | "..")
    };
    match path.strip_prefix('/') {
        Some(rest) if rest.split('/').all(fine) => {}
        _ => {
            return refused(
                "is no absolute path in a container",
                "Write for example `/input`: no `/` at the end, no `..`, no blanks.",
            );
        }
    }
    let fixed = ["/dev", "/proc", "/sys", "/tmp"];
    let reserved =
        RESERVED.contains(&path.as_str()) || fixed.iter().any(|f| Path::new(&path).starts_with(f));
    if reserved {
        return refused(
            format!("cannot be `{path}`, which the container needs itself"),
            "Choose a directory of its own, for example `/input`.",
        );
    }
    Ok(path)
}

/// A pattern of paths.
pub(super) fn paths(value: &Value) -> Read<PathPattern> {
    let allowed = "Write a relative path, for example `{case}.png`; no `..`, no empty part.";
    parsed(allowed, |t| pattern(t).then(|| PathPattern(t.to_owned())))(value)
}

fn pattern(text: &str) -> bool {
    let fine = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
    text.split('/').all(fine) && !text.replace("{case}", "").contains(['{', '}'])
}

fn scorer(s: &Section<'_>, directory: &Path) -> Option<ScorerSpec> {
    let build = s.required("build", path(directory));
    let dockerfile = s.required(
        "dockerfile",
        parsed(
            "Write a path within the build context, without `..`.",
            |t| pattern(t).then(|| t.to_owned()),
        ),
    );
    let memory = s.required("memory", size(MEMORY_LEAST));
    let time = s.required("time", span);
    let (build, dockerfile): (PathBuf, String) = (build?, dockerfile?);
    directory_at(s, "build", Some(&build));
    if build.is_dir() && !build.join(&dockerfile).is_file() {
        let message = format!("The scorer has no `{dockerfile}` in `{}`.", build.display());
        s.absent("dockerfile", message, "Add it, or correct `dockerfile`.");
    }
    Some(ScorerSpec {
        build,
        dockerfile,
        memory: memory?,
        time: time?,
    })
}

fn metric(s: &Section<'_>, names: &mut Vec<MetricName>) -> Option<MetricSpec> {
    let name = s.required(
        "name",
        parsed(
            "Write 1 to 64 of A-Z, a-z, 0-9, `_`, `-`, `.` and `@`, starting with a letter.",
            MetricName::new,
        ),
    );
    let title = s.optional("title", text);
    let direction = s.required(
        "direction",
        one_of(&[("max", Direction::Max), ("min", Direction::Min)]),
    );
    let bounds = s.required("bounds", bounds);
    let missing = s.required("missing", missing);
    let aggregate = s.required(
        "aggregate",
        one_of(&[("mean", Aggregate::Mean), ("median", Aggregate::Median)]),
    );
    if let Some(name) = &name {
        if names.contains(name) {
            let message = format!("There are two metrics of the name `{name}`.");
            s.contradiction("name", message, "Give each its own name.");
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

fn bounds(value: &Value) -> Read<(f64, f64)> {
    let wanted = "two numbers in a list, such as `[0.0, 1.0]`";
    let array = value
        .as_array()
        .ok_or_else(|| Refusal::Type(wanted.to_owned()))?;
    let numbers: Vec<f64> = array.iter().map(any_number).collect::<Read<_>>()?;
    match numbers[..] {
        [low, high] if low < high => Ok((low, high)),
        [low, high] => refused(
            format!("ends at {high}, which is not above {low}"),
            "Write the smallest legal value first.",
        ),
        _ => refused(
            format!("holds {} numbers", numbers.len()),
            "Write two: the smallest and the largest legal value.",
        ),
    }
}

fn missing(value: &Value) -> Read<MissingRule> {
    match value.as_str() {
        Some("worst") => Ok(MissingRule::Worst),
        Some("reject") => Ok(MissingRule::Reject),
        None if value.is_integer() || value.is_float() => any_number(value).map(MissingRule::Value),
        _ => refused(
            "says nothing that is known",
            "Write `worst`, `reject` or a number.",
        ),
    }
}

/// A missing value must become one that is legal and that can be averaged.
fn check_missing(s: &Section<'_>, spec: &MetricSpec) {
    let (low, high) = spec.bounds;
    match spec.missing {
        MissingRule::Worst if spec.worst().is_infinite() => s.contradiction(
            "bounds",
            "A missing value counts as the worst one, which is infinite.",
            "Write a finite bound, or `missing = \"reject\"`.",
        ),
        MissingRule::Value(value) if !(low..=high).contains(&value) || value.is_infinite() => s
            .contradiction(
                "missing",
                format!("A missing value counts as {value}, which is not within the bounds."),
                format!("Write a finite number from {low} to {high}."),
            ),
        _ => {}
    }
}

fn ranking(s: &Section<'_>) -> Option<Ranking> {
    let scheme = s.required(
        "scheme",
        one_of(&[
            ("aggregate-then-rank", Scheme::AggregateThenRank),
            ("rank-then-aggregate", Scheme::RankThenAggregate),
        ]),
    );
    let across = s.required(
        "across-metrics",
        one_of(&[
            ("mean-rank", AcrossMetrics::MeanRank),
            ("first", AcrossMetrics::First),
        ]),
    );
    Some(Ranking {
        scheme: scheme?,
        across_metrics: across?,
    })
}

fn limits(s: &Section<'_>) -> Option<RunLimits> {
    let gpus = s.required("gpus", whole(0, 64));
    let cpus = s.required("cpus", number(0.1, 1024.0));
    let memory = s.required("memory", size(MEMORY_LEAST));
    let time = s.required("time", span);
    let smoke_time = s.optional("smoke-time", span);
    let output = s.required("output", size(1));
    let files = s.required("files", whole(1, 100_000_000));
    let pids = s.required("pids", whole(1, 1_000_000));
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
            format!(
                "The smoke run may take {}, longer than a run's {}.",
                limits.smoke_time, limits.time
            ),
            "Shorten `smoke-time`, or lengthen `time`.",
        );
    }
    let in_memory = limits
        .output
        .saturating_add(limits.shm)
        .saturating_add(limits.tmp);
    if in_memory > limits.memory {
        s.doubt(
            "memory",
            format!(
                "Output, `/dev/shm` and `/tmp` may hold {} together, more than the memory of {} \
                 that they are kept in.",
                shown_size(in_memory),
                shown_size(limits.memory)
            ),
            "Give more memory, or less to `output`, `shm` or `tmp`: who fills them is killed.",
        );
    }
}

/// The public sample must be complete: every submission is tried on it first.
fn check_sample(s: &Section<'_>, task: &Task) {
    directory_at(s, "sample", Some(&task.sample));
    if !task.sample.is_dir() {
        return;
    }
    if !data::sample_ground_truth(task).is_dir() {
        s.absent(
            "sample",
            "The sample has no directory `truth`.",
            "Add it: the smoke run is scored like any other.",
        );
    }
    match data::cases(&data::sample_inputs(task)) {
        Err(findings) => s.add(findings),
        Ok(cases) if cases.len() > 1 && task.contract.mode == ContractMode::WholeSet => {
            let all: Vec<_> = task.contract.expect.iter().map(|e| e.0.as_str()).collect();
            for pattern in all.iter().filter(|p| !p.contains("{case}")) {
                s.doubt(
                    "contract",
                    format!(
                        "`{pattern}` asks for the same file for each of the {} sample cases.",
                        cases.len()
                    ),
                    "Put `{case}` into the pattern, unless one file speaks for all cases.",
                );
            }
        }
        Ok(_) => {}
    }
}
