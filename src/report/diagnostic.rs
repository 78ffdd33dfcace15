//! A finding drawn as compilers do it: what, where, the source line underlined, the way out.
//!
//! Draws one finding; which findings and in what order is the caller's business.

use crate::model::{Finding, Location, Severity};

use super::sanitize;
use super::text::{COLUMNS, Paint, Style, wrap};

/// Characters that a tab stands for in a drawn source line.
const TAB: &str = "    ";

/// The lines of a finding, without a final newline.
pub fn draw(finding: &Finding, style: Style) -> String {
    let gutter = gutter(finding.location.as_ref());
    let pad = " ".repeat(gutter);
    let mut lines = vec![title(finding, style)];
    if let Some(location) = &finding.location {
        let at = sanitize::line(&location.to_string());
        lines.push(format!("{pad}{} {at}", style.faint("-->")));
        lines.extend(source(location, gutter, paint(finding.severity), style));
    }
    lines.extend(help(&finding.help, gutter, style));
    lines.join("\n")
}

/// `error[DF020]: ADD is not allowed`, with what is too long on the next lines.
fn title(finding: &Finding, style: Style) -> String {
    let head = format!("{}[{}]", finding.severity, sanitize::line(&finding.code));
    let message = sanitize::line(&finding.message);
    let wrapped = wrap(&format!("{head}: {message}"), COLUMNS, "  ");
    match wrapped.strip_prefix(&head) {
        Some(rest) => format!(
            "{}{}",
            style.paint(paint(finding.severity), &head),
            style.bold(rest)
        ),
        None => wrapped,
    }
}

/// Columns left of the bar: those of the line number.
fn gutter(location: Option<&Location>) -> usize {
    let digits = location
        .and_then(|p| p.line)
        .map_or(1, |n| n.to_string().len());
    digits + 1
}

/// The source line between two bars, underlined from the column (or its first word) to its end.
fn source(location: &Location, gutter: usize, colour: Paint, style: Style) -> Vec<String> {
    let (Some(number), Some(text)) = (location.line, &location.text) else {
        return vec![];
    };
    let raw = sanitize::text(text).replace('\n', " ");
    let before = location.column.map_or_else(
        || raw.chars().take_while(|c| c.is_whitespace()).count(),
        |column| (column as usize).saturating_sub(1),
    );
    let start = width_until(&raw, before);
    let whole: Vec<char> = raw.trim_end().replace('\t', TAB).chars().collect();
    let room = COLUMNS - gutter - 3;
    let (shown, end) = if whole.len() > room {
        let mut cut: String = whole[..room - 1].iter().collect();
        cut.push('…');
        (cut, room - 1)
    } else {
        (whole.iter().collect(), whole.len())
    };
    if shown.is_empty() {
        return vec![];
    }
    let start = start.min(end.saturating_sub(1));
    let carets = "^".repeat((end - start).max(1));
    let (bar, pad) = (style.faint("|"), " ".repeat(gutter));
    vec![
        format!("{pad} {bar}"),
        format!(
            "{} {bar} {shown}",
            style.faint(&format!("{number:>gutter$}"))
        ),
        format!(
            "{pad} {bar} {}{}",
            " ".repeat(start),
            style.paint(colour, &carets)
        ),
    ]
}

/// Columns that the first characters take, tabs spread.
fn width_until(raw: &str, characters: usize) -> usize {
    let first = raw.chars().take(characters);
    first.map(|c| if c == '\t' { TAB.len() } else { 1 }).sum()
}

fn help(help: &str, gutter: usize, style: Style) -> Option<String> {
    let help = sanitize::line(help);
    if help.is_empty() {
        return None;
    }
    let pad = " ".repeat(gutter);
    let hang = " ".repeat(gutter + "= help: ".len() + 1);
    let wrapped = wrap(&format!("{pad} = help: {help}"), COLUMNS, &hang);
    Some(match style {
        Style::Plain => wrapped,
        Style::Colour => wrapped.replacen("= help:", &style.faint("= help:"), 1),
    })
}

fn paint(severity: Severity) -> Paint {
    match severity {
        Severity::Error => Paint::Red,
        Severity::Warning => Paint::Yellow,
        Severity::Advice => Paint::Blue,
    }
}
