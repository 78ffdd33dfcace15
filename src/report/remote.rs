//! The lines that `git push` shows while the hook waits: the changes since the view before.
//!
//! Git prints `remote: ` before every line. [`COLUMNS`] leaves room for it on a terminal with 80 columns. The lines
//! have no colours, because git adds its own.

use crate::model::text::counted;
use crate::model::{PublicState, Stage, limits};

use super::sanitize;
use super::style::wrap;
use super::text::{last_lines, score_lines};
use super::view::{FindingView, QueueView, StageView, SubmissionView};

/// The width of lines that can be broken.
pub const COLUMNS: usize = 72;
/// The last lines of the log of a failed stage. The submission page has the whole log.
const LOG_LINES: usize = 6;

/// The changes from `before` to `now`, or everything if there is no view before.
pub fn lines(before: Option<&SubmissionView>, now: &SubmissionView) -> Vec<String> {
    changes(before, None, now)
}

/// The same for another task of a push. The lines for `other_task` were already shown, and admission is shown only once
/// per push.
pub fn lines_beside(other_task: &SubmissionView, now: &SubmissionView) -> Vec<String> {
    changes(None, Some(other_task), now)
}

fn changes(before: Option<&SubmissionView>, other_task: Option<&SubmissionView>, now: &SubmissionView) -> Vec<String> {
    let earlier = |stage| before.or(other_task.filter(|_| stage == Stage::Admission));
    let mut lines = vec![];
    if before.is_none() {
        lines.extend(received(now));
    }
    for stage in &now.stages {
        let was_over = earlier(stage.name).is_some_and(|b| {
            let same = b.stages.iter().find(|g| g.name == stage.name);
            same.is_some_and(|g| g.state.is_over())
        });
        if stage.state.is_over() && !was_over {
            lines.push(stage_line(stage, &now.headline()));
        }
        let known = |f: &FindingView| earlier(stage.name).is_some_and(|b| b.findings.contains(f));
        let new = now.findings.iter().filter(|f| f.stage == stage.name && !known(f));
        lines.extend(new.flat_map(finding));
    }
    if now.findings_left_out > 0 && before.is_none_or(|b| b.findings_left_out == 0) {
        let (first, more) = (limits::FINDINGS_LISTED_MAX, now.findings_left_out);
        lines.push(format!("  … {} after the first {first}", counted(more, "more finding")));
    }
    // The waiting time changes all the time. Only a new position gets a line.
    if let Some(queue) = now.queue
        && before.and_then(|b| b.queue).map(|q| q.position) != Some(queue.position)
    {
        lines.push(queued(queue));
    }
    let ended = |view: &SubmissionView| matches!(view.state, PublicState::Ended(_));
    if ended(now) && !before.is_some_and(ended) {
        lines.extend(result(now));
    }
    lines.iter().flat_map(|line| line.lines().map(str::to_owned)).collect()
}

/// The last lines, if the hook stops waiting before the submission has ended.
pub fn closing_lines(now: &SubmissionView) -> Vec<String> {
    if matches!(now.state, PublicState::Ended(_)) {
        return vec![];
    }
    vec![format!("Status: {}. Processing continues in the background:", now.state.label()), format!("  {}", now.url)]
}

fn received(now: &SubmissionView) -> Vec<String> {
    let mut title = format!("Referee: #{}, team {}, phase {}", now.number, now.team, now.phase.slug);
    if let Some(task) = &now.task {
        title.push_str(&format!(", task {}", task.slug));
    }
    vec![wrap(&title, COLUMNS, "  "), format!("  {}", now.url)]
}

/// The line has no message if the headline will repeat it.
fn stage_line(stage: &StageView, headline: &str) -> String {
    let time = stage.duration.map_or(String::new(), |d| d.to_string());
    let message = match stage.message.as_str() {
        message if headline.starts_with(message.trim_end_matches('.')) => String::new(),
        message => sanitize::line(message),
    };
    let line = format!("{} {:<9} {time:>11}  {message}", stage.state.symbol(), stage.name.as_str());
    wrap(line.trim_end(), COLUMNS, &" ".repeat(22))
}

fn finding(view: &FindingView) -> Vec<String> {
    let finding = &view.finding;
    let at = finding.location.as_ref().map_or(String::new(), |p| format!(" {p}"));
    let title = format!("  {}[{}]{at}: {}", finding.severity, finding.code, finding.message);
    let mut lines = vec![indented(&title, "    ")];
    if !finding.help.is_empty() {
        let help = format!("    help: {}", finding.help);
        lines.push(indented(&help, "          "));
    }
    lines
}

/// The sanitized line with its indentation.
fn indented(line: &str, hang: &str) -> String {
    let depth = line.len() - line.trim_start_matches(' ').len();
    wrap(&format!("{}{}", &line[..depth], sanitize::line(line)), COLUMNS, hang)
}

fn queued(queue: QueueView) -> String {
    let position = queue.position;
    match queue.wait {
        _ if queue.paused => format!("· queued at position {position}; evaluations are paused"),
        Some(wait) => format!("· queued at position {position}, starts in about {wait}"),
        None => format!("· queued at position {position}"),
    }
}

fn result(now: &SubmissionView) -> Vec<String> {
    let failed = now.logs.iter().filter(|l| Some(l.stage) == now.failed_stage());
    let log = failed.flat_map(|log| last_lines(log, LOG_LINES).lines);
    let mut lines: Vec<String> = log.map(|l| format!("  | {l}")).collect();
    lines.push(wrap(&sanitize::line(&now.headline()), COLUMNS, "  "));
    lines.extend(now.score.iter().flat_map(score_lines));
    lines.extend(now.advice().map(|advice| wrap(advice, COLUMNS, "")));
    if let Some(incident) = &now.incident {
        lines.push(format!("Incident {}.", sanitize::line(incident)));
    }
    lines
}
