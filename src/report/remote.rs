//! What `git push` shows while the hook waits: only what is new since the last look.
//!
//! Git writes `remote: ` before every line; [`COLUMNS`] leaves room for it on a terminal of 80. No
//! colour: git decides about that.

use crate::model::{PublicState, Stage, limits};

use super::sanitize;
use super::text::{last_lines, score_lines, wrap};
use super::view::{FindingView, QueueView, StageView, SubmissionView};

/// Characters of a line, where a line can be broken.
pub const COLUMNS: usize = 72;
/// Lines of the log of a failed gate; the page has the rest.
const LOG_LINES: usize = 6;

/// The lines that tell how `now` differs from `before`; with no `before`, all there is to tell.
pub fn lines(before: Option<&SubmissionView>, now: &SubmissionView) -> Vec<String> {
    since(before, None, now)
}

/// The same for the submission for another task of a push, of which `told` has been told: the rules
/// have judged the push once, and are told once.
pub fn lines_beside(told: &SubmissionView, now: &SubmissionView) -> Vec<String> {
    since(None, Some(told), now)
}

fn since(
    before: Option<&SubmissionView>,
    beside: Option<&SubmissionView>,
    now: &SubmissionView,
) -> Vec<String> {
    let earlier = |stage| before.or(beside.filter(|_| stage == Stage::Admission));
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
            lines.push(stage_line(stage, &now.verdict()));
        }
        let known = |f: &FindingView| earlier(stage.name).is_some_and(|b| b.findings.contains(f));
        let new = now
            .findings
            .iter()
            .filter(|f| f.stage == stage.name && !known(f));
        lines.extend(new.flat_map(finding));
    }
    if now.findings_left_out > 0 && before.is_none_or(|b| b.findings_left_out == 0) {
        let (shown, more) = (limits::FINDINGS_SHOWN_MAX, now.findings_left_out);
        lines.push(format!("  … {more} more findings than the first {shown}"));
    }
    // The wait grows shorter all the time; a line is worth a new place only.
    if let Some(queue) = now.queue
        && before.and_then(|b| b.queue).map(|q| q.position) != Some(queue.position)
    {
        lines.push(queued(queue));
    }
    let ended = |view: &SubmissionView| matches!(view.state, PublicState::Ended(_));
    if ended(now) && !before.is_some_and(ended) {
        lines.extend(verdict(now));
    }
    lines
        .iter()
        .flat_map(|line| line.lines().map(str::to_owned))
        .collect()
}

/// The last lines when the hook stops waiting before the end; none after it.
pub fn parting(now: &SubmissionView) -> Vec<String> {
    if matches!(now.state, PublicState::Ended(_)) {
        return vec![];
    }
    vec![
        format!(
            "Now: {}. Your push is safe; the rest goes on without you:",
            now.state.label()
        ),
        format!("  {}", now.url),
    ]
}

fn received(now: &SubmissionView) -> Vec<String> {
    let mut what = format!(
        "Referee: #{}, team {}, phase {}",
        now.number, now.team, now.phase.slug
    );
    if let Some(task) = &now.task {
        what.push_str(&format!(", task {}", task.slug));
    }
    vec![wrap(&what, COLUMNS, "  "), format!("  {}", now.url)]
}

/// Without its sentence where the verdict will say the same.
fn stage_line(stage: &StageView, verdict: &str) -> String {
    let time = stage.duration.map_or(String::new(), |d| d.to_string());
    let message = match stage.message.as_str() {
        message if verdict.starts_with(message.trim_end_matches('.')) => String::new(),
        message => sanitize::line(message),
    };
    let line = format!(
        "{} {:<9} {time:>11}  {message}",
        stage.state.mark(),
        stage.name.as_str()
    );
    wrap(line.trim_end(), COLUMNS, &" ".repeat(22))
}

fn finding(view: &FindingView) -> Vec<String> {
    let finding = &view.finding;
    let at = finding
        .location
        .as_ref()
        .map_or(String::new(), |p| format!(" {p}"));
    let what = format!(
        "  {}[{}]{at}: {}",
        finding.severity, finding.code, finding.message
    );
    let mut lines = vec![indented(&what, "    ")];
    if !finding.help.is_empty() {
        lines.push(indented(&format!("    fix: {}", finding.help), "         "));
    }
    lines
}

/// Sanitized, but with its indentation.
fn indented(line: &str, hang: &str) -> String {
    let depth = line.len() - line.trim_start_matches(' ').len();
    wrap(
        &format!("{}{}", &line[..depth], sanitize::line(line)),
        COLUMNS,
        hang,
    )
}

fn queued(queue: QueueView) -> String {
    if queue.paused {
        return format!(
            "· queued at place {}; evaluations are paused",
            queue.position
        );
    }
    match queue.wait {
        Some(wait) => format!(
            "· queued at place {}, starts in about {wait}",
            queue.position
        ),
        None => format!("· queued at place {}", queue.position),
    }
}

fn verdict(now: &SubmissionView) -> Vec<String> {
    let failed = now
        .logs
        .iter()
        .filter(|l| Some(l.stage) == now.failed_stage());
    let logged = failed.flat_map(|log| last_lines(log, LOG_LINES).1);
    let mut lines: Vec<String> = logged.map(|l| format!("  | {l}")).collect();
    lines.push(wrap(&sanitize::line(&now.verdict()), COLUMNS, "  "));
    lines.extend(now.score.iter().flat_map(score_lines));
    lines.extend(now.advice().map(|advice| wrap(advice, COLUMNS, "")));
    if let Some(incident) = &now.incident {
        lines.push(format!("Incident {}.", sanitize::line(incident)));
    }
    lines
}
