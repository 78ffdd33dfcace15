//! A leaderboard as a table for terminals, as CSV and as Markdown. All three have the rounded values of the view.

use super::escape::markdown_text;
use super::sanitize;
use super::style::{COLUMNS, Paint, Style, width, wrap};
use super::view::arrow;
use super::{BoardView, PhaseState, RowView};
use crate::model::text::counted;

/// The text of an empty leaderboard.
pub const EMPTY: &str = "No submission has a score yet.";

/// A table for a terminal, ending with a newline. As wide as its columns need.
pub fn terminal(view: &BoardView, style: Style) -> String {
    let title = format!(
        "{}: {}, {}",
        sanitize::line(&view.challenge.title),
        sanitize::line(&view.phase.title),
        sanitize::line(&view.task.title)
    );
    let mut text = format!("{}\n{}\n\n", style.bold(&wrap(&title, COLUMNS, "  ")), state(view));
    for notice in view.notices() {
        text.push_str(&format!("{}\n\n", wrap(&notice, COLUMNS, "")));
    }
    if view.rows.is_empty() {
        text.push_str(EMPTY);
        text.push('\n');
        return text;
    }
    let head = columns(view);
    let cells: Vec<Vec<Cell>> = view.rows.iter().map(|row| cells(view, row)).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|i| {
            let column = cells.iter().map(|row| width(&row[i].text));
            column.chain([width(&head[i])]).max().unwrap_or(0)
        })
        .collect();
    let titles: Vec<Cell> =
        head.iter().zip(&cells[0]).map(|(title, below)| Cell { right: below.right, ..Cell::left(title) }).collect();
    text.push_str(&style.faint(&table_line(&titles, &widths, Style::Plain)));
    text.push('\n');
    for row in &cells {
        text.push_str(&table_line(row, &widths, style));
        text.push('\n');
    }
    text.push_str(&format!("\n{}\n", wrap(&view.ranked_by(), COLUMNS, "")));
    text
}

/// `open until …; 34 submissions, 2 in progress`
pub fn state(view: &BoardView) -> String {
    let phase = match view.phase_state() {
        PhaseState::Planned => format!("opens {}", view.opens),
        PhaseState::Open => format!("open until {}", view.closes),
        PhaseState::Closed => format!("closed {}", view.closes),
    };
    let submissions = counted(view.submissions, "submission");
    match view.under_way {
        0 => format!("{phase}; {submissions}"),
        n => format!("{phase}; {submissions}, {n} in progress"),
    }
}

struct Cell {
    text: String,
    /// Whether the text is aligned to the right.
    right: bool,
    /// Whether it is the best value of its column.
    best: bool,
}

impl Cell {
    fn left(text: &str) -> Self {
        Self { text: text.to_owned(), right: false, best: false }
    }

    fn right(text: String) -> Self {
        Self { right: true, ..Self::left(&text) }
    }
}

fn columns(view: &BoardView) -> Vec<String> {
    let mut head = vec!["rank".to_owned(), "team".to_owned()];
    head.extend(view.rank_title().map(str::to_lowercase));
    let metrics = view.metrics.iter();
    head.extend(metrics.map(|m| format!("{} {}", sanitize::line(&m.title), arrow(m.direction))));
    head.extend(["submission".to_owned(), "received".to_owned()]);
    head
}

fn cells(view: &BoardView, row: &RowView) -> Vec<Cell> {
    let mut cells = vec![Cell::right(row.rank.to_string()), Cell::left(&team(row))];
    if view.rank_title().is_some() {
        cells.push(Cell::right(row.value.formatted.clone()));
    }
    cells.extend(
        row.values.iter().map(|cell| Cell {
            best: cell.rank == 1,
            ..Cell::right(format!("{} ({})", cell.value.formatted, cell.rank))
        }),
    );
    cells.push(Cell::right(format!("#{}", row.submission)));
    cells.push(Cell::left(&row.at.to_string()));
    cells
}

fn team(row: &RowView) -> String {
    let baseline = if row.is_baseline { " (baseline)" } else { "" };
    format!("{}{baseline}", row.team)
}

fn table_line(cells: &[Cell], widths: &[usize], style: Style) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, columns)| {
            let pad = " ".repeat(columns - width(&cell.text));
            let text = if cell.best { style.paint(Paint::Green, &cell.text) } else { cell.text.clone() };
            if cell.right { format!("{pad}{text}") } else { format!("{text}{pad}") }
        })
        .collect();
    padded.join("  ").trim_end().to_owned()
}

/// Comma-separated values according to RFC 4180, with a header line. A `'` precedes text that a spreadsheet would read
/// as a formula. Numbers stay numbers.
pub fn csv(view: &BoardView) -> String {
    let mut head = vec!["rank".to_owned(), "team".to_owned(), "is_baseline".to_owned()];
    head.extend(view.rank_title().map(|_| "mean_rank".to_owned()));
    for metric in &view.metrics {
        head.extend([metric.name.to_string(), format!("{}_rank", metric.name)]);
    }
    head.extend(["imputed", "submission", "commit", "received"].map(str::to_owned));
    let head: Vec<String> = head.iter().map(|name| csv_text(name)).collect();
    let mut lines = vec![csv_line(&head)];
    for row in &view.rows {
        let mut fields = vec![row.rank.to_string(), csv_text(row.team.as_str()), row.is_baseline.to_string()];
        fields.extend(view.rank_title().map(|_| row.value.formatted.clone()));
        for cell in &row.values {
            fields.extend([cell.value.formatted.clone(), cell.rank.to_string()]);
        }
        fields.extend([
            row.imputed.to_string(),
            row.submission.to_string(),
            row.content.to_string(),
            row.at.to_string(),
        ]);
        lines.push(csv_line(&fields));
    }
    lines.concat()
}

fn csv_text(dirty: &str) -> String {
    let mut text = sanitize::line(dirty);
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    if text.contains(['"', ',']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

fn csv_line(fields: &[String]) -> String {
    format!("{}\r\n", fields.join(","))
}

/// A section of a Markdown file, ending with a newline.
pub fn markdown(view: &BoardView) -> String {
    let title = markdown_title(view);
    let table = markdown_table(view);
    let mut paragraphs = vec![state(view)];
    paragraphs.extend(view.notices().iter().map(|notice| markdown_text(notice)));
    format!("## {title}\n\n{}\n\n{table}", paragraphs.join("\n\n"))
}

/// `Validation: Instance segmentation`, escaped.
pub fn markdown_title(view: &BoardView) -> String {
    let (phase, task) = (&view.phase.title, &view.task.title);
    format!("{}: {}", markdown_text(phase), markdown_text(task))
}

/// The table with an explanation of the ranking, or [`EMPTY`]. Ends with a newline.
pub fn markdown_table(view: &BoardView) -> String {
    let Some(first) = view.rows.first() else {
        return format!("{EMPTY}\n");
    };
    let head: Vec<String> = columns(view).iter().map(|t| markdown_text(t)).collect();
    let rule: String = cells(view, first).iter().map(|cell| if cell.right { "--:|" } else { "---|" }).collect();
    let mut text = format!("| {} |\n|{rule}\n", head.join(" | "));
    for row in &view.rows {
        text.push_str(&format!("| {} |\n", markdown_cells(view, row).join(" | ")));
    }
    text.push_str(&format!("\n{}\n", markdown_text(&view.ranked_by())));
    text
}

/// Only the team's name needs escaping. A forge would read a number behind `#` as an issue.
fn markdown_cells(view: &BoardView, row: &RowView) -> Vec<String> {
    let mut fields: Vec<String> = cells(view, row)
        .into_iter()
        .map(|cell| if cell.best { format!("**{}**", cell.text) } else { cell.text })
        .collect();
    let number = fields.len() - 2;
    fields[1] = markdown_text(&fields[1]);
    fields[number] = row.submission.to_string();
    fields
}

#[cfg(test)]
mod tests {
    use super::csv_text;

    #[test]
    fn text_is_never_a_formula_and_quotes_do_not_end_its_field() {
        for (dirty, field) in [
            ("alpha", "alpha"),
            ("=1+1", "'=1+1"),
            ("\t@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("a,\"b\"\r\nc", "\"a,\"\"b\"\" c\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
        ] {
            assert_eq!(csv_text(dirty), field);
        }
    }
}
