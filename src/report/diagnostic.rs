//! Draws a finding as compilers do: message, location, the underlined source line, and help.

use crate::model::{Finding, Location, Severity};

use super::sanitize;
use super::style::{COLUMNS, Paint, Style, start_within, width, wrap};

/// Replaces a tab in a source line.
const TAB: &str = "    ";

/// The lines of a finding, without a final newline.
pub(super) fn draw(finding: &Finding, style: Style) -> String {
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

/// `error[DF020]: ADD is not allowed`
fn title(finding: &Finding, style: Style) -> String {
    let head = format!("{}[{}]", finding.severity, sanitize::line(&finding.code));
    let message = sanitize::line(&finding.message);
    let wrapped = wrap(&format!("{head}: {message}"), COLUMNS, "  ");
    match wrapped.strip_prefix(&head) {
        Some(rest) => format!("{}{}", style.paint(paint(finding.severity), &head), style.bold(rest)),
        None => wrapped,
    }
}

/// The columns of the line number, left of the bar.
fn gutter(location: Option<&Location>) -> usize {
    let digits = location.and_then(|p| p.line).map_or(1, |n| n.to_string().len());
    digits + 1
}

/// The source line, underlined from the column or from its first word to its end.
fn source(location: &Location, gutter: usize, colour: Paint, style: Style) -> Vec<String> {
    let (Some(number), Some(text)) = (location.line, &location.text) else {
        return vec![];
    };
    let raw = sanitize::text(text).replace('\n', " ");
    let before = location.column.map_or_else(
        || raw.chars().take_while(|c| c.is_whitespace()).count(),
        |column| (column as usize).saturating_sub(1),
    );
    let prefix: String = raw.chars().take(before).collect();
    let start = width(&prefix.replace('\t', TAB));
    let whole = raw.trim_end().replace('\t', TAB);
    let (line, end) = match start_within(&whole, COLUMNS - gutter - 3) {
        Some(start) => (format!("{start}…"), width(start)),
        None => (whole.clone(), width(&whole)),
    };
    if line.is_empty() {
        return vec![];
    }
    let start = start.min(end.saturating_sub(1));
    let carets = "^".repeat((end - start).max(1));
    let (bar, pad) = (style.faint("|"), " ".repeat(gutter));
    vec![
        format!("{pad} {bar}"),
        format!("{} {bar} {line}", style.faint(&format!("{number:>gutter$}"))),
        format!("{pad} {bar} {}{}", " ".repeat(start), style.paint(colour, &carets)),
    ]
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
