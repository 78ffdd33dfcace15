//! The report as Markdown: one comment on a forge for each submission, edited in place.
//!
//! Texts of users pass [`super::escape`], so that they mention no user and link nothing. A comment is never longer than
//! [`limits::COMMENT_BYTES_MAX`]: logs are shortened first, then findings, and the comment states that. A comment is
//! Referee's only if it starts with [`marker`]. Callers must also check its author.

use super::escape::{
    code_block, code_block_within, html_text, markdown_code, markdown_prose, markdown_text, markdown_url, shortened,
};
use super::text::quota;
use super::view::{FindingView, LogView, ScoreView, StageView, SubmissionView, Tone, arrow};
use crate::model::text::counted;
use crate::model::{ChallengeSlug, limits};

const MARKER_START: &str = "<!-- referee:submission=";
const MARKER_END: &str = " -->";
const BETWEEN: &str = "\n\n";
/// Reserved for the sentence with the number of omitted findings.
const FINDINGS_NOTE_BYTES: usize = 100;

/// The whole report, ending with a newline. Referee finds it again by its first line, [`marker`].
pub fn submission(view: &SubmissionView) -> String {
    let marker = marker(&view.challenge.slug, view.number);
    let mut before = vec![head(view)];
    before.extend(view.notices.iter().map(|notice| markdown_prose(notice)));
    before.push(stages(&view.stages));
    let mut after: Vec<String> = scores(view).into_iter().collect();
    let mut last = vec![];
    if let Some(command) = &view.reproduce {
        let command = code_block("sh", command);
        last.push(format!("Reproduce it locally:\n\n{command}"));
    }
    last.extend(foot(view));
    let fixed = before.iter().chain(&after).chain(&last);
    let taken: usize = fixed.map(|b| b.len() + BETWEEN.len()).sum();
    let mut room = limits::COMMENT_BYTES_MAX.saturating_sub(marker.len() + taken + 2);
    let findings = findings(view, &mut room);
    // A forge mails comments, so they have only the log of the failed stage. The submission page has the others.
    let failed = view.failed_stage();
    let failed_logs: Vec<&LogView> = view.logs.iter().filter(|l| Some(l.stage) == failed).collect();
    after.extend(logs(&failed_logs, room));
    let blocks: Vec<String> = before.into_iter().chain(findings).chain(after).collect();
    let blocks = [blocks, last].concat().join(BETWEEN);
    let text = format!("{marker}\n{blocks}\n");
    if text.len() > limits::COMMENT_BYTES_MAX {
        // Only extremely long titles have this effect.
        let link = link(view, "See the submission page.");
        return format!("{marker}\nThis report is too long for a comment. {link}\n");
    }
    text
}

/// The invisible first line of the comment for a submission.
pub fn marker(challenge: &ChallengeSlug, number: i64) -> String {
    format!("{MARKER_START}{challenge}#{number}{MARKER_END}")
}

/// The submission of a comment. `None` unless the comment starts exactly with [`marker`].
pub fn read_marker(comment: &str) -> Option<(ChallengeSlug, i64)> {
    let named = comment.strip_prefix(MARKER_START)?;
    let (named, _) = named.split_once(MARKER_END)?;
    let (challenge, number) = named.split_once('#')?;
    let challenge = ChallengeSlug::new(challenge).ok()?;
    let number: i64 = number.parse().ok().filter(|n| *n > 0)?;
    comment.starts_with(&marker(&challenge, number)).then_some((challenge, number))
}

fn head(view: &SubmissionView) -> String {
    let symbol = match view.tone() {
        Tone::Success => '✓',
        Tone::Failure => '✗',
        Tone::InProgress => '…',
        Tone::Neutral => '·',
    };
    let mut text = format!("**{symbol} {}**", markdown_text(&view.headline()));
    if let Some(advice) = view.advice() {
        text.push_str(&format!("\n{}", markdown_prose(advice)));
    }
    if let Some(incident) = &view.incident {
        text.push_str(&format!("\nIncident {}.", markdown_code(incident)));
    }
    let task = view.task.as_ref().map_or(String::new(), |t| format!(", task {}", markdown_text(t.slug.as_str())));
    let content = view.origin.content();
    text.push_str(&format!(
        "\n\n{} of team {} to phase {}{task}: {} {} ({}), received {}.",
        link(view, &format!("Submission {}", view.number)),
        markdown_text(view.team.as_str()),
        markdown_text(view.phase.slug.as_str()),
        content.word(),
        markdown_code(content.short()),
        markdown_code(&shortened(&view.origin.pushed_as(), limits::SENTENCE_CHARS_MAX)),
        view.observed_at,
    ));
    text
}

/// A link to the submission page.
fn link(view: &SubmissionView, text: &str) -> String {
    match markdown_url(&view.url) {
        Some(url) => format!("[{text}](<{url}>)"),
        None => text.to_owned(),
    }
}

fn stages(stages: &[StageView]) -> String {
    let rows = stages.iter().map(|stage| {
        let time = stage.duration.map_or(String::new(), |d| d.to_string());
        let message = match stage.message.as_str() {
            "" => stage.state.label().to_owned(),
            message => markdown_prose(&shortened(message, limits::SENTENCE_CHARS_MAX)),
        };
        let symbol = stage.state.symbol();
        format!("| {symbol} | {} | {time} | {message} |", stage.name)
    });
    let head = ["| | stage | time | |", "|---|---|--:|---|"];
    let lines: Vec<String> = head.into_iter().map(str::to_owned).chain(rows).collect();
    lines.join("\n")
}

/// As many findings as fit into the room, and the number of the others. Subtracts the used bytes from `room`.
fn findings(view: &SubmissionView, room: &mut usize) -> Vec<String> {
    let mut free = room.saturating_sub(FINDINGS_NOTE_BYTES);
    let mut blocks: Vec<String> = vec![];
    for block in view.findings.iter().map(finding) {
        let Some(left) = free.checked_sub(block.len() + BETWEEN.len()) else {
            break;
        };
        free = left;
        blocks.push(block);
    }
    let without_room = view.findings.len() - blocks.len();
    let omitted = without_room + view.findings_left_out;
    if omitted > 0 {
        let on_page = match without_room {
            0 => String::new(),
            n => format!(" The submission page has {n} of them."),
        };
        blocks.push(format!("… and {}.{on_page}", counted(omitted, "more finding")));
    }
    *room = free;
    blocks
}

fn finding(view: &FindingView) -> String {
    let finding = &view.finding;
    let mut text = format!("**{} {}**", finding.severity, markdown_text(&finding.code));
    if let Some(location) = &finding.location {
        let at = markdown_code(&shortened(&location.to_string(), limits::SENTENCE_CHARS_MAX));
        text.push_str(&match view.link.as_deref().and_then(markdown_url) {
            Some(url) => format!(" [{at}](<{url}>)"),
            None => format!(" {at}"),
        });
    }
    let sentence = |text: &str| markdown_prose(&shortened(text, limits::SENTENCE_CHARS_MAX));
    text.push_str(&format!(": {}", sentence(&finding.message)));
    if let Some(source) = finding.location.as_ref().and_then(|p| p.text.as_deref()) {
        text.push_str(&format!("\n\n{}", code_block("text", &shortened(source, limits::LOCATION_TEXT_CHARS_MAX))));
    }
    if !finding.help.is_empty() {
        text.push_str(&format!("\n\n*Help:* {}", sentence(&finding.help)));
    }
    text
}

/// The score, or the score on the public sample if there is no other.
fn scores(view: &SubmissionView) -> Option<String> {
    match (&view.score, &view.sample_score) {
        (Some(score), _) => {
            let title = format!("Score in {}", markdown_text(&view.phase.title));
            Some(score_table(&title, score, Some(view.number)))
        }
        (None, Some(score)) => Some(score_table("Score on the public sample", score, None)),
        (None, None) => None,
    }
}

/// The table has a column for ranks only if a metric has a rank.
fn score_table(title: &str, score: &ScoreView, number: Option<i64>) -> String {
    let ranked = score.metrics.iter().any(|m| m.rank.is_some());
    let (rank_head, rank_rule) = if ranked { (" rank |", "--:|") } else { ("", "") };
    let mut lines = vec![format!("| {title} | value |{rank_head}"), format!("|---|--:|{rank_rule}")];
    lines.extend(score.metrics.iter().map(|m| {
        let rank = match (ranked, m.rank) {
            (false, _) => String::new(),
            (true, None) => " |".to_owned(),
            (true, Some(rank)) => format!(" {rank} |"),
        };
        let title = markdown_text(&m.title);
        format!("| {title} {} | {} |{rank}", arrow(m.direction), m.formatted)
    }));
    let mut text = lines.join("\n");
    if let Some(overall) = number.and_then(|n| score.overall(n)) {
        text.push_str(&format!("\n\n{}", markdown_text(&overall)));
    }
    if score.imputed > 0 {
        let imputed = score.imputed;
        text.push_str(&format!("\n\nMissing values, which count as challenge.toml defines: {imputed}."));
    }
    text
}

/// The logs in collapsed sections, each with an equal part of the room.
fn logs(logs: &[&LogView], room: usize) -> Vec<String> {
    let share = (room / logs.len().max(1)).saturating_sub(BETWEEN.len());
    logs.iter().map(|log| self::log(log, share)).filter(|block| block.len() <= share).collect()
}

fn log(log: &LogView, share: usize) -> String {
    let summary = format!("{} ({})", html_text(&shortened(&log.title, limits::SENTENCE_CHARS_MAX)), log.stage);
    let text = log.excerpt.text();
    let mut bytes = limits::CODE_BLOCK_BYTES_MAX;
    while bytes >= limits::LOG_BYTES_MIN {
        let block = code_block_within("text", text.trim_end(), bytes);
        let folded = format!("<details><summary>{summary}</summary>\n\n{block}\n\n</details>");
        if folded.len() <= share {
            return folded;
        }
        bytes /= 2;
    }
    format!("{summary}: too long for this comment, see the submission page.")
}

fn foot(view: &SubmissionView) -> Option<String> {
    let quota = view.quota.as_ref().map(|q| format!("Quota used: {}.", quota(q)));
    let image = view.image.as_ref().map(|i| format!("Image: `{i}`"));
    let lines: Vec<String> = quota.into_iter().chain(image).collect();
    (!lines.is_empty()).then(|| lines.join(BETWEEN))
}
