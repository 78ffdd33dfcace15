//! The report as Markdown, for comments on forges and files in repositories.
//!
//! What a participant can write stands in code only, behind a fence longer than any run of
//! backticks in it. Everything else is escaped, and names nobody: `@` and `#` are followed by a
//! space of no width, so that no account is called and no issue is linked.

use super::sanitize;
use super::text::quota;
use super::view::{FindingView, GateView, LogView, ScoreView, SubmissionView, Tone, arrow};

/// The whole report. Its first line is [`marker`], by which it is found again to be edited.
pub fn submission(view: &SubmissionView) -> String {
    let mut blocks = vec![head(view)];
    blocks.extend(view.notices.iter().map(|n| escape(n)));
    blocks.push(gates(&view.gates));
    blocks.extend(view.findings.iter().map(finding));
    if view.findings_left_out > 0 {
        blocks.push(format!("… and {} more findings.", view.findings_left_out));
    }
    if let Some(score) = &view.score {
        let title = format!("Score in {}", escape(&view.phase.title));
        blocks.push(score_table(&title, score, Some(view.number)));
    } else if let Some(score) = &view.sample_score {
        blocks.push(score_table("Score on the public sample", score, None));
    }
    blocks.extend(view.logs.iter().map(log));
    if let Some(command) = &view.reproduce {
        blocks.push(format!("Repeat it at home:\n\n{}", fence("sh", command)));
    }
    blocks.extend(view.quota.as_ref().map(|q| format!("Quota: {}.", quota(q))));
    blocks.extend(view.image.as_ref().map(|i| format!("Image: `{i}`")));
    format!("{}\n{}\n", marker(view.number), blocks.join("\n\n"))
}

/// The invisible line that names a submission.
pub fn marker(number: i64) -> String {
    format!("<!-- referee: submission {number} -->")
}

fn head(view: &SubmissionView) -> String {
    let mark = match view.tone() {
        Tone::Good => '✓',
        Tone::Bad => '✗',
        Tone::Busy => '…',
        Tone::Neutral => '–',
    };
    let mut text = format!("**{mark} {}**", escape(&view.verdict()));
    if let Some(advice) = view.advice() {
        text.push_str(&format!("\n{}", escape(advice)));
    }
    if let Some(incident) = &view.incident {
        text.push_str(&format!("\nIncident {}.", code(incident)));
    }
    let task = view
        .task
        .as_ref()
        .map_or(String::new(), |t| format!(", task {}", t.slug));
    text.push_str(&format!(
        "\n\n[Submission {}](<{}>) of team {} to phase {}{task}: commit {} ({}), received {}.",
        view.number,
        view.url.replace(['<', '>', '\n'], ""),
        view.team,
        view.phase.slug,
        code(view.sha.short()),
        code(&view.full_ref),
        view.observed_at,
    ));
    text
}

fn gates(gates: &[GateView]) -> String {
    let rows = gates.iter().map(|gate| {
        let time = gate.duration.map_or(String::new(), |d| d.to_string());
        let says = match gate.says.as_str() {
            "" => gate.state.as_str().to_owned(),
            says => prose(says),
        };
        format!(
            "| {} | {} | {time} | {says} |",
            gate.state.mark(),
            gate.name
        )
    });
    let head = ["| | gate | time | |", "|---|---|--:|---|"];
    let lines: Vec<String> = head.into_iter().map(str::to_owned).chain(rows).collect();
    lines.join("\n")
}

fn finding(view: &FindingView) -> String {
    let finding = &view.finding;
    let mut text = format!("**{}[{}]**", finding.severity, escape(&finding.code));
    if let Some(place) = &finding.place {
        let at = code(&place.to_string());
        text.push_str(&match &view.link {
            Some(link) => format!(" [{at}](<{}>)", link.replace(['<', '>', '\n'], "")),
            None => format!(" {at}"),
        });
    }
    text.push_str(&format!(": {}", prose(&finding.says)));
    if let Some(source) = finding.place.as_ref().and_then(|p| p.text.as_deref()) {
        text.push_str(&format!("\n\n{}", fence("text", &sanitize::line(source))));
    }
    if !finding.remedy.is_empty() {
        text.push_str(&format!("\n\n*Fix:* {}", prose(&finding.remedy)));
    }
    text
}

fn score_table(title: &str, score: &ScoreView, number: Option<i64>) -> String {
    let rows = score.metrics.iter().map(|m| {
        let rank = m.rank.map_or(String::new(), |r| r.to_string());
        format!(
            "| {} {} | {} | {rank} |",
            escape(&m.title),
            arrow(m.direction),
            m.shown
        )
    });
    let head = [
        format!("| {title} | value | rank |"),
        "|---|--:|--:|".to_owned(),
    ];
    let lines: Vec<String> = head.into_iter().chain(rows).collect();
    let mut text = lines.join("\n");
    if let Some(standing) = number.and_then(|n| score.standing(n)) {
        text.push_str(&format!("\n\nOverall: {}.", escape(&standing)));
    }
    if score.imputed > 0 {
        text.push_str(&format!(
            "\n\nMissing values counted by rule: {}.",
            score.imputed
        ));
    }
    text
}

fn log(log: &LogView) -> String {
    let title = html(&log.title);
    let text = fence("text", log.excerpt.text().trim_end());
    format!(
        "<details><summary>{title} ({})</summary>\n\n{text}\n\n</details>",
        log.gate
    )
}

/// Text on one line that means nothing to Markdown, HTML or a forge.
pub fn escape(dirty: &str) -> String {
    escape_clean(&sanitize::line(dirty))
}

/// [`escape`] for a part of a line, whose spaces at both ends matter.
fn escape_clean(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '['
                | ']'
                | '<'
                | '>'
                | '|'
                | '~'
                | '&'
                | '$'
                | '#'
                | '!'
                | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
        // A forge looks for names and numbers after it has removed the backslashes.
        if matches!(c, '@' | '#' | '!') && rest.peek().is_some_and(|n| n.is_alphanumeric()) {
            escaped.push('\u{200b}');
        }
    }
    escaped
}

/// A sentence in which pairs of backticks mark code, as findings have it.
pub fn prose(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let parts: Vec<&str> = line.split('`').collect();
    let mut text = String::new();
    for (i, part) in parts.iter().enumerate() {
        let closed = i + 1 < parts.len();
        match i % 2 == 1 && closed && !part.is_empty() {
            true => text.push_str(&code(part)),
            false => text.push_str(&escape_clean(part)),
        }
    }
    text
}

/// Text on one line as a code span.
pub fn code(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let ticks = "`".repeat(longest_run(&line) + 1);
    match line.starts_with('`') || line.ends_with('`') || line.is_empty() {
        true => format!("{ticks} {line} {ticks}"),
        false => format!("{ticks}{line}{ticks}"),
    }
}

/// Lines as a code block.
pub fn fence(language: &str, dirty: &str) -> String {
    let text = sanitize::text(dirty);
    let ticks = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{ticks}{language}\n{text}\n{ticks}")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

fn html(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let line = line
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    line.replace('@', "@\u{200b}").replace('#', "#\u{200b}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_is_called_and_nothing_is_linked() {
        assert_eq!(
            escape("@alpha broke #1"),
            "\\@\u{200b}alpha broke \\#\u{200b}1"
        );
        assert_eq!(escape("<b>*x*</b>\n# h"), "\\<b\\>\\*x\\*\\</b\\> \\# h");
        assert_eq!(escape("5 @ 3"), "5 \\@ 3");
    }

    #[test]
    fn code_in_sentences_is_code_and_a_lone_backtick_is_nothing() {
        assert_eq!(prose("Write `a*b`, not *b*."), "Write `a*b`, not \\*b\\*.");
        assert_eq!(prose("a ` @b"), "a  \\@\u{200b}b");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(
            fence("text", "```\nescape?\n````"),
            "`````text\n```\nescape?\n````\n`````"
        );
    }

    proptest! {
        #[test]
        fn no_text_ends_its_fence(text in "[`a\n ]{0,60}") {
            let fenced = fence("text", &text);
            let ticks = fenced.split('t').next().unwrap().to_owned();
            let inner = fenced.lines().skip(1).collect::<Vec<_>>();
            let (last, inner) = inner.split_last().unwrap();
            prop_assert_eq!(*last, ticks.as_str());
            prop_assert!(inner.iter().all(|l| !l.contains(&ticks)));
        }
    }
}
