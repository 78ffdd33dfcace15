//! The report as plain text: the git note, and what a terminal shows.
//!
//! At most [`COLUMNS`] wide, except for what must be copied whole (addresses, the command that
//! repeats a run) and what a log holds. Colour appears only where the caller asks for it.

use crate::model::Finding;

use super::sanitize;
use super::view::{
    LogView, QuotaView, ScoreView, StageState, StageView, SubmissionView, Tone, arrow,
};
use super::{diagnostic, view};

/// Characters of a line.
pub const COLUMNS: usize = 100;
/// Lines of a log that a report repeats; the page has the rest.
const LOG_LINES: usize = 30;
/// Characters of a line of a log that are shown.
const LOG_LINE_CHARS_MAX: usize = 400;

/// Whether escape sequences for colours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// None: files, notes, pipes.
    Plain,
    /// For terminals.
    Colour,
}

/// A colour of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Wrong.
    Red,
    /// Doubtful.
    Yellow,
    /// Right.
    Green,
    /// Worth knowing.
    Blue,
    /// Beside the point.
    Grey,
}

impl Style {
    /// The text in this colour.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Red => "1;31",
            Paint::Yellow => "1;33",
            Paint::Green => "32",
            Paint::Blue => "1;34",
            Paint::Grey => "2",
        };
        self.code(code, text)
    }

    /// The text in bold.
    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// The text in grey.
    pub fn faint(self, text: &str) -> String {
        self.paint(Paint::Grey, text)
    }

    fn code(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// The whole report, ending with a newline.
pub fn submission(view: &SubmissionView, style: Style) -> String {
    let mut blocks = vec![head(view, style)];
    let notices = view.notices.iter().map(|n| sanitize::line(n));
    blocks.extend(notices.map(|n| wrap(&n, COLUMNS, "")));
    blocks.push(stages(&view.stages, style));
    blocks.extend(
        view.findings
            .iter()
            .map(|f| diagnostic::draw(&f.finding, style)),
    );
    if view.findings_left_out > 0 {
        blocks.push(format!("… and {} more findings.", view.findings_left_out));
    }
    // The log of a gate that was passed explains nothing; the page has it.
    let failed = view.failed_stage();
    let telling = view.logs.iter().filter(|log| Some(log.stage) == failed);
    blocks.extend(telling.map(|log| log_tail(log, style)));
    if let Some(score) = &view.score {
        let title = format!("Score in {}", sanitize::line(&view.phase.title));
        blocks.push(score_table(&title, score, Some(view.number)));
    } else if let Some(score) = &view.sample_score {
        blocks.push(score_table("Score on the public sample", score, None));
    }
    if let Some(command) = &view.reproduce {
        blocks.push(format!(
            "Repeat it at home:\n{}",
            indent(&sanitize::text(command), "  ")
        ));
    }
    blocks.push(foot(view));
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// Findings alone, as `referee check` prints them, ending with a newline unless there are none.
pub fn findings<'a>(findings: impl IntoIterator<Item = &'a Finding>, style: Style) -> String {
    let drawn: Vec<String> = findings
        .into_iter()
        .map(|f| diagnostic::draw(f, style))
        .collect();
    match drawn.is_empty() {
        true => String::new(),
        false => format!("{}\n", drawn.join("\n\n")),
    }
}

/// The gates as lines: mark, name, time, sentence.
pub fn stages(stages: &[StageView], style: Style) -> String {
    let lines: Vec<String> = stages
        .iter()
        .map(|stage| stage_line(stage, style))
        .collect();
    lines.join("\n")
}

fn stage_line(stage: &StageView, style: Style) -> String {
    let mark = stage.state.mark().to_string();
    let mark = match stage.state {
        StageState::Passed => style.paint(Paint::Green, &mark),
        StageState::Warned => style.paint(Paint::Yellow, &mark),
        StageState::Failed => style.paint(Paint::Red, &mark),
        StageState::Working => style.paint(Paint::Blue, &mark),
        StageState::Waiting | StageState::Skipped => style.faint(&mark),
    };
    let time = stage.duration.map_or(String::new(), |d| d.to_string());
    let message = match (sanitize::line(&stage.message), stage.state) {
        (message, StageState::Waiting | StageState::Working | StageState::Skipped)
            if message.is_empty() =>
        {
            stage.state.as_str().to_owned()
        }
        (message, _) => message,
    };
    let line = format!("{:<9} {time:>11}  {message}", stage.name.as_str());
    let line = wrap(line.trim_end(), COLUMNS - 4, &" ".repeat(24));
    format!("  {mark} {line}")
}

fn head(view: &SubmissionView, style: Style) -> String {
    let paint = match view.tone() {
        Tone::Good => Paint::Green,
        Tone::Bad => Paint::Red,
        Tone::Busy => Paint::Blue,
        Tone::Neutral => Paint::Yellow,
    };
    let verdict = wrap(&sanitize::line(&view.verdict()), COLUMNS, "  ");
    let mut lines = vec![style.paint(paint, &verdict)];
    lines.extend(view.advice().map(|advice| wrap(advice, COLUMNS, "")));
    if let Some(incident) = &view.incident {
        lines.push(format!("Incident {}.", sanitize::line(incident)));
    }
    lines.push(String::new());
    let title = sanitize::line(&view.challenge.title);
    lines.push(wrap(
        &format!("{title}, submission #{}", view.number),
        COLUMNS,
        "  ",
    ));
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

/// The end of a log, in a frame that its text cannot leave: every line is indented.
fn log_tail(log: &LogView, style: Style) -> String {
    let (from, lines) = last_lines(log, LOG_LINES);
    let mut shown = vec![format!("{} ({}):", sanitize::line(&log.title), log.stage)];
    if from > 0 {
        shown.push(format!(
            "  … {} above; the page has them",
            view::counted(from, "line")
        ));
    }
    let bar = style.faint("|");
    let framed = lines.iter().map(|l| format!("  {bar} {l}"));
    shown.extend(framed.map(|l| l.trim_end().to_owned()));
    shown.join("\n")
}

/// The end of a log, cleaned, and how many lines are left out before it.
pub fn last_lines(log: &LogView, most: usize) -> (usize, Vec<String>) {
    let text = sanitize::text(&log.excerpt.text());
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(most);
    (from, lines[from..].iter().map(|l| shortened(l)).collect())
}

/// A line of a log as far as anybody reads it here; the page has the rest.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LOG_LINE_CHARS_MAX) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    }
}

/// A title and [`score_lines`]; `number` asks for the place.
fn score_table(title: &str, score: &ScoreView, number: Option<i64>) -> String {
    let mut lines = vec![format!("{title}:")];
    lines.extend(score_lines(score));
    if let Some(standing) = number.and_then(|n| score.standing(n)) {
        lines.push(format!("  Overall: {standing}."));
    }
    lines.join("\n")
}

/// Metrics with values and ranks, aligned at the decimal point.
pub fn score_lines(score: &ScoreView) -> Vec<String> {
    let names: Vec<String> = score
        .metrics
        .iter()
        .map(|m| format!("{} {}", sanitize::line(&m.title), arrow(m.direction)))
        .collect();
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let name_width = widest(&mut names.iter().map(|n| n.chars().count())).min(60);
    let whole = |shown: &str| shown.find('.').unwrap_or(shown.len());
    let point = widest(&mut score.metrics.iter().map(|m| whole(&m.shown)));
    let value_width = point
        + widest(
            &mut score
                .metrics
                .iter()
                .map(|m| m.shown.len() - whole(&m.shown)),
        );
    let mut lines = vec![];
    for (name, metric) in names.iter().zip(&score.metrics) {
        let value = format!(
            "{}{}",
            " ".repeat(point - whole(&metric.shown)),
            metric.shown
        );
        let rank = metric.rank.map_or(String::new(), |r| format!("rank {r}"));
        let line = format!("  {name:<name_width$}  {value:<value_width$}  {rank}");
        lines.push(line.trim_end().to_owned());
    }
    if score.imputed > 0 {
        let values = view::counted(score.imputed as usize, "missing value");
        lines.push(format!("  {values}, counted by the challenge's rule."));
    }
    lines
}

fn foot(view: &SubmissionView) -> String {
    let mut lines = vec![];
    if let Some(quota) = &view.quota {
        lines.push(format!("Quota  {}", self::quota(quota)));
    }
    if let Some(image) = &view.image {
        lines.push(format!("Image  {image}"));
    }
    lines.push(format!("Page   {}", view.url));
    lines.join("\n")
}

/// `3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 pushes today`.
pub fn quota(quota: &QuotaView) -> String {
    let granted = match quota.granted {
        0 => String::new(),
        n => format!(" ({n} given by the organizers)"),
    };
    format!(
        "{} of {} evaluations today, {} of {} in this phase{granted}; {} of {} pushes today",
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

/// Breaks a line at spaces so that it is at most `columns` wide, further lines indented by `hang`.
/// What has no space is broken where it must be, unless it is an address. Spaces at the start stay.
pub fn wrap(line: &str, columns: usize, hang: &str) -> String {
    let mut done = String::new();
    let mut rest = line;
    let mut room = columns;
    loop {
        let Some((limit, _)) = rest.char_indices().nth(room) else {
            done.push_str(rest);
            return done;
        };
        let start = rest.len() - rest.trim_start().len();
        let window = &rest[..limit + rest[limit..].chars().next().map_or(0, char::len_utf8)];
        let space = window.rfind(' ').filter(|at| *at > start);
        let word_end = rest[start..].find(' ').map_or(rest.len(), |at| start + at);
        let cut = match space {
            Some(at) => at,
            None if rest[start..].contains("://") => word_end,
            None => limit,
        };
        done.push_str(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
        if rest.is_empty() {
            return done;
        }
        done.push('\n');
        done.push_str(hang);
        room = columns.saturating_sub(hang.chars().count()).max(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_at_spaces_and_addresses_stay_whole() {
        assert_eq!(wrap("one two three", 7, "  "), "one two\n  three");
        assert_eq!(wrap("short", 10, ""), "short");
        let address = format!("see https://{} now", "x".repeat(40));
        assert_eq!(
            wrap(&address, 20, "").lines().nth(1),
            Some(&address[4..address.len() - 4])
        );
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_letter_and_keeps_the_width(line in "[a-zäö ]{0,200}", columns in 20usize..60) {
            let wrapped = wrap(&line, columns, "  ");
            let letters = |t: &str| t.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            prop_assert_eq!(letters(&wrapped), letters(&line));
            for l in wrapped.lines() {
                prop_assert!(l.trim_end().chars().count() <= columns, "{:?}", l);
            }
        }
    }
}
