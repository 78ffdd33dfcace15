//! The report as plain text, for the git note and for terminals.
//!
//! Lines are at most [`COLUMNS`] wide, except for logs and for texts that are copied whole: addresses and commands.

use crate::model::Finding;
use crate::model::text::counted;

use super::style::{COLUMNS, Paint, Style, padded, width, wrap};
use super::view::{LogView, QuotaView, ScoreView, StageState, StageView, SubmissionView, Tone, arrow};
use super::{diagnostic, sanitize};

/// The last lines of a log in a report. The submission page has the whole log.
const LOG_LINES: usize = 30;
const LOG_LINE_CHARS_MAX: usize = 400;
/// Columns of the longest metric name that the table of scores aligns.
const METRIC_COLUMNS_MAX: usize = 60;

/// The whole report, ending with a newline.
pub fn submission(view: &SubmissionView, style: Style) -> String {
    let mut blocks = vec![head(view, style)];
    let notices = view.notices.iter().map(|n| sanitize::line(n));
    blocks.extend(notices.map(|n| wrap(&n, COLUMNS, "")));
    blocks.push(stages(&view.stages, style));
    blocks.extend(view.findings.iter().map(|f| diagnostic::draw(&f.finding, style)));
    if view.findings_left_out > 0 {
        blocks.push(format!("… and {}.", counted(view.findings_left_out, "more finding")));
    }
    // Only the log of the failed stage helps. The submission page has the others.
    let failed = view.failed_stage();
    let failed_logs = view.logs.iter().filter(|log| Some(log.stage) == failed);
    blocks.extend(failed_logs.map(|log| log_tail(log, style)));
    if let Some(score) = &view.score {
        let title = format!("Score in {}", sanitize::line(&view.phase.title));
        blocks.push(score_table(&title, score, Some(view.number)));
    } else if let Some(score) = &view.sample_score {
        blocks.push(score_table("Score on the public sample", score, None));
    }
    if let Some(command) = &view.reproduce {
        let command = indent(&sanitize::text(command), "  ");
        blocks.push(format!("Reproduce it locally:\n{command}"));
    }
    blocks.push(foot(view));
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// Findings alone, as `referee check` prints them, ending with a newline unless there are none.
pub fn findings<'a>(findings: impl IntoIterator<Item = &'a Finding>, style: Style) -> String {
    let drawn: Vec<String> = findings.into_iter().map(|f| diagnostic::draw(f, style)).collect();
    if drawn.is_empty() {
        return String::new();
    }
    format!("{}\n", drawn.join("\n\n"))
}

/// The stages as lines: symbol, name, duration and message.
pub fn stages(stages: &[StageView], style: Style) -> String {
    let lines: Vec<String> = stages.iter().map(|stage| stage_line(stage, style)).collect();
    lines.join("\n")
}

fn stage_line(stage: &StageView, style: Style) -> String {
    let paint = match stage.state {
        StageState::Passed => Paint::Green,
        StageState::Warned => Paint::Yellow,
        StageState::Failed => Paint::Red,
        StageState::Working => Paint::Blue,
        StageState::Waiting | StageState::Skipped => Paint::Grey,
    };
    let symbol = style.paint(paint, stage.state.symbol());
    let time = stage.duration.map_or(String::new(), |d| d.to_string());
    let mut message = sanitize::line(&stage.message);
    if message.is_empty() && !stage.state.is_over() {
        message = stage.state.label().to_owned();
    }
    let line = format!("{:<9} {time:>11}  {message}", stage.name.as_str());
    let line = wrap(line.trim_end(), COLUMNS - 4, &" ".repeat(24));
    format!("  {symbol} {line}")
}

fn head(view: &SubmissionView, style: Style) -> String {
    let paint = match view.tone() {
        Tone::Success => Paint::Green,
        Tone::Failure => Paint::Red,
        Tone::InProgress => Paint::Blue,
        Tone::Neutral => Paint::Yellow,
    };
    let headline = wrap(&sanitize::line(&view.headline()), COLUMNS, "  ");
    let mut lines = vec![style.paint(paint, &headline)];
    lines.extend(view.advice().map(|advice| wrap(advice, COLUMNS, "")));
    if let Some(incident) = &view.incident {
        lines.push(format!("Incident {}.", sanitize::line(incident)));
    }
    lines.push(String::new());
    let title = sanitize::line(&view.challenge.title);
    lines.push(wrap(&format!("{title}, submission #{}", view.number), COLUMNS, "  "));
    let mut entered = format!("team {}, phase {}", view.team, view.phase.slug);
    if let Some(task) = &view.task {
        entered.push_str(&format!(", task {}", task.slug));
    }
    lines.push(wrap(&entered, COLUMNS, "  "));
    let (content, pushed_as) = (view.origin.content(), view.origin.pushed_as());
    let origin = format!(
        "{} {} ({}), received {}",
        content.word(),
        content.short(),
        sanitize::line(&pushed_as),
        view.observed_at
    );
    lines.push(wrap(&origin, COLUMNS, "  "));
    lines.join("\n")
}

/// The last lines of a log. Every line is indented, so that the log cannot imitate other parts of the report.
fn log_tail(log: &LogView, style: Style) -> String {
    let tail = last_lines(log, LOG_LINES);
    let mut lines = vec![format!("{} ({}):", sanitize::line(&log.title), log.stage)];
    if tail.omitted > 0 {
        lines.push(format!("  … {} above, see the submission page", counted(tail.omitted, "line")));
    }
    let bar = style.faint("|");
    let framed = tail.lines.iter().map(|l| format!("  {bar} {l}"));
    lines.extend(framed.map(|l| l.trim_end().to_owned()));
    lines.join("\n")
}

/// The last lines of a log, sanitized and shortened.
pub(super) struct LogTail {
    /// Number of lines before these.
    pub(super) omitted: usize,
    pub(super) lines: Vec<String>,
}

pub(super) fn last_lines(log: &LogView, lines_max: usize) -> LogTail {
    let text = sanitize::text(&log.excerpt.text());
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let omitted = lines.len().saturating_sub(lines_max);
    LogTail { omitted, lines: lines[omitted..].iter().map(|l| shortened(l)).collect() }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LOG_LINE_CHARS_MAX) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    }
}

/// A title and [`score_lines`]. With the number of the submission, the overall rank follows.
fn score_table(title: &str, score: &ScoreView, number: Option<i64>) -> String {
    let mut lines = vec![format!("{title}:")];
    lines.extend(score_lines(score));
    if let Some(overall) = number.and_then(|n| score.overall(n)) {
        lines.push(format!("  {}", sanitize::line(&overall)));
    }
    lines.join("\n")
}

/// Metrics with values and ranks, aligned at the decimal point.
pub(super) fn score_lines(score: &ScoreView) -> Vec<String> {
    let names: Vec<String> =
        score.metrics.iter().map(|m| format!("{} {}", sanitize::line(&m.title), arrow(m.direction))).collect();
    let name_width = names.iter().map(|n| width(n)).max().unwrap_or(0);
    let name_width = name_width.min(METRIC_COLUMNS_MAX);
    let values = || score.metrics.iter().map(|m| m.formatted.as_str());
    let digits = |value: &str| value.find('.').unwrap_or(value.len());
    let point = values().map(digits).max().unwrap_or(0);
    let decimals = values().map(|v| v.len() - digits(v)).max().unwrap_or(0);
    let value_width = point + decimals;
    let mut lines = vec![];
    for (name, metric) in names.iter().zip(&score.metrics) {
        let value = &metric.formatted;
        let value = format!("{}{value}", " ".repeat(point - digits(value)));
        let rank = metric.rank.map_or(String::new(), |r| format!("rank {r}"));
        let name = padded(name, name_width);
        let line = format!("  {name}  {value:<value_width$}  {rank}");
        lines.push(line.trim_end().to_owned());
    }
    if score.imputed > 0 {
        let values = counted(score.imputed, "missing value");
        lines.push(format!("  {values}, counted as challenge.toml defines."));
    }
    lines
}

fn foot(view: &SubmissionView) -> String {
    let mut lines = vec![];
    if let Some(quota) = &view.quota {
        lines.push(format!("Used   {}", self::quota(quota)));
    }
    if let Some(image) = &view.image {
        lines.push(format!("Image  {image}"));
    }
    lines.push(format!("Page   {}", view.url));
    lines.join("\n")
}

/// `3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 submissions today`
pub fn quota(quota: &QuotaView) -> String {
    let granted = match quota.granted {
        0 => String::new(),
        n => format!(" ({n} granted by the organizers)"),
    };
    format!(
        "{} of {} evaluations today, {} of {} in this phase{granted}; {} of {} submissions today",
        quota.used_today,
        quota.per_day,
        quota.used_total,
        quota.total,
        quota.submissions_today,
        quota.submissions_per_day
    )
}

fn indent(text: &str, by: &str) -> String {
    let lines: Vec<String> = text.lines().map(|l| format!("{by}{l}")).collect();
    lines.join("\n")
}
