//! The plot of a leaderboard: one dot for each team on the scale of the headline metric.
//!
//! The plot is our own SVG of fixed size, because plotting crates support neither light and dark by the reader's
//! preference nor a description for screen readers. It loads no script, no font and nothing else. It has its own
//! background, because the page around it may have other colours.

use crate::model::Direction;
use crate::model::text::counted;
use crate::report::style::start_within;
use crate::report::view::arrow;
use crate::report::{BoardView, RowView, board_text, sanitize};

/// Larger values are drawn at the edge, because their differences overflow.
const VALUE_MAX: f64 = 1e100;
/// The approximate number of steps of the scale.
const STEPS: f64 = 5.0;
/// The largest number of a scale that is written with all its digits.
const PLAIN_MAX: f64 = 1e6;

// In units of the view box: pixels, if the page shows the plot in its own size.
const WIDTH: u32 = 760;
const MARGIN: u32 = 20;
const TOP: u32 = 76;
const ROW: u32 = 26;
const SCALE: u32 = 36;
const RANK_END: u32 = 46;
const TEAM_START: u32 = 58;
const PLOT_START: u32 = 250;
const PLOT_END: u32 = 620;
const VALUE_END: u32 = WIDTH - MARGIN;

// Widths of texts in characters. East Asian characters count twice.
const TEAM_WIDTH: usize = 25;
const TITLE_WIDTH: usize = 72;
const METRIC_WIDTH: usize = 105;
const VALUE_WIDTH: usize = 16;

const STYLE: &str = "\
    text{font:13px ui-sans-serif,system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",Arial,\
    sans-serif;fill:#191c20}\
    .title{font-size:16px;font-weight:600}.soft{fill:#59616b}.num{text-anchor:end;font-variant-numeric:tabular-nums}\
    .tick{text-anchor:middle;font-size:11px}.background{fill:#fff;stroke:#e1e2df}.scale{stroke:#e1e2df}\
    .row{stroke:#c9ccc8;stroke-dasharray:1 4}.dot{fill:#0b5a7c}.baseline{fill:#fff;stroke:#59616b;stroke-width:2}\
    @media (prefers-color-scheme:dark){text{fill:#e6e8ea}.soft{fill:#a0a9b2}.background{fill:#191d21;stroke:#2b3036}\
    .scale{stroke:#2b3036}.row{stroke:#47505a}.dot{fill:#7cc7ea}.baseline{fill:#191d21;stroke:#a0a9b2}}";

/// The whole file, ending with a newline.
pub(super) fn svg(view: &BoardView) -> String {
    let rows = u32::try_from(view.rows.len()).unwrap_or(u32::MAX / ROW / 2);
    let end = TOP + rows.max(1) * ROW;
    let height = end + if rows == 0 { MARGIN / 2 } else { SCALE };
    let title = format!("{}: {}", view.phase.title, view.task.title);
    let mut lines = vec![
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">"
        ),
        format!("<title id=\"title\">{}</title>", xml(&title)),
        format!("<desc id=\"desc\">{}</desc>", xml(&description(view))),
        format!("<style>{STYLE}</style>"),
        format!(
            "<rect class=\"background\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
            WIDTH - 1,
            height - 1
        ),
        text("title", MARGIN, 32, &fit(&title, TITLE_WIDTH)),
        text("soft", MARGIN, 54, &fit(&metric(view), METRIC_WIDTH)),
    ];
    match Scale::of(view) {
        None => lines.push(text("soft", MARGIN, TOP + 16, board_text::EMPTY)),
        Some(scale) => {
            lines.extend(scale_lines(&scale, end));
            let drawn = view.rows.iter().zip(0..);
            lines.extend(drawn.flat_map(|(row, i)| team(row, &scale, TOP + i * ROW + ROW / 2)));
        }
    }
    lines.push("</svg>\n".to_owned());
    lines.join("\n")
}

/// The subtitle: `AP@0.5 ↑, higher is better`
fn metric(view: &BoardView) -> String {
    let Some(metric) = view.metrics.first() else {
        return String::new();
    };
    let better = match metric.direction {
        Direction::Max => "higher is better",
        Direction::Min => "lower is better",
    };
    let by = match view.metrics.len() {
        1 => "",
        _ => "; in parentheses the rank by this metric alone",
    };
    let title = fit(&metric.title, METRIC_WIDTH / 3);
    format!("{title} {}, {better}{by}", arrow(metric.direction))
}

/// The content of the plot in words, for screen readers.
fn description(view: &BoardView) -> String {
    let Some(metric) = view.metrics.first().filter(|_| !view.rows.is_empty()) else {
        return board_text::EMPTY.to_owned();
    };
    let rows = view.rows.iter().map(|row| {
        let value = row.values.first().map_or("no value", |v| v.value.formatted.as_str());
        format!("{}. {}: {value}", row.rank, row.team)
    });
    let rows: Vec<String> = rows.collect();
    let teams = counted(view.rows.len(), "team");
    format!("{} of {teams} by rank. {}.", metric.title, rows.join("; "))
}

/// The vertical lines of the scale and their numbers.
fn scale_lines(scale: &Scale, end: u32) -> Vec<String> {
    let lines = scale.ticks().into_iter().flat_map(|(x, label)| {
        [
            format!("<path class=\"scale\" d=\"M{x:.1} {TOP}V{end}\"/>"),
            format!("<text class=\"soft tick\" x=\"{x:.1}\" y=\"{}\">{}</text>", end + 18, xml(&label)),
        ]
    });
    lines.collect()
}

/// One row of the plot. Its middle is at `y`.
fn team(row: &RowView, scale: &Scale, y: u32) -> Vec<String> {
    let base = y + 5;
    let (class, dot, suffix) = if row.is_baseline { ("soft", "baseline", " (baseline)") } else { ("", "dot", "") };
    let name = fit(row.team.as_str(), TEAM_WIDTH - suffix.len());
    let mut lines = vec![
        text("num soft", RANK_END, base, &row.rank.to_string()),
        text(class, TEAM_START, base, &format!("{name}{suffix}")),
        format!("<path class=\"row\" d=\"M{PLOT_START} {y}H{PLOT_END}\"/>"),
    ];
    let Some(cell) = row.values.first() else {
        return lines;
    };
    if let Some(x) = scale.x(cell.value.value) {
        lines.push(format!("<circle class=\"{dot}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"5\"/>"));
    }
    let value = match row.values.len() {
        1 => cell.value.formatted.clone(),
        _ => format!("{} ({})", cell.value.formatted, cell.rank),
    };
    lines.push(text("num", VALUE_END, base, &fit(&value, VALUE_WIDTH)));
    lines
}

/// Maps values to horizontal positions. Both ends are round numbers.
struct Scale {
    from: f64,
    step: f64,
    steps: u32,
}

impl Scale {
    /// `None` if there are no values.
    fn of(view: &BoardView) -> Option<Self> {
        let first = |row: &RowView| Some(row.values.first()?.value.value);
        let values = view.rows.iter().filter_map(first).filter(|v| v.is_finite());
        let values = values.map(|v| v.clamp(-VALUE_MAX, VALUE_MAX));
        let (mut low, mut high) = values.fold(None, |ends, v| match ends {
            None => Some((v, v)),
            Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
        })?;
        // Equal values get one step on each side.
        if high - low <= f64::EPSILON * low.abs().max(high.abs()) {
            let room = if low == 0.0 { 0.5 } else { low.abs() / 10.0 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / STEPS);
        let from = (low / step).floor() * step;
        let steps = ((high - from) / step - 1e-9).ceil().clamp(1.0, 20.0);
        Some(Self { from, step, steps: steps as u32 })
    }

    /// The horizontal position of a value. `None` for NaN.
    fn x(&self, value: f64) -> Option<f64> {
        let part = (value - self.from) / (self.step * f64::from(self.steps));
        let width = f64::from(PLOT_END - PLOT_START);
        (!value.is_nan()).then(|| f64::from(PLOT_START) + part.clamp(0.0, 1.0) * width)
    }

    /// Horizontal positions with their labels.
    fn ticks(&self) -> Vec<(f64, String)> {
        let largest = (self.from.abs() + self.step * f64::from(self.steps)).max(self.step);
        let decimals = (-self.step.log10().floor()).clamp(0.0, 9.0) as usize;
        let tick = |i: u32| {
            let value = self.from + self.step * f64::from(i);
            let label = if largest < PLAIN_MAX && self.step > 1e-6 {
                crate::model::numbers::rounded(value, decimals as u8).1
            } else {
                format!("{value:.2e}")
            };
            Some((self.x(value)?, label))
        };
        (0..=self.steps).filter_map(tick).collect()
    }
}

/// The next larger number of 1, 2, 5, 10 and so on.
fn round_step(span: f64) -> f64 {
    let power = 10f64.powf(span.log10().floor());
    let fits = [1.0, 2.0, 5.0].into_iter().find(|m| m * power >= span * (1.0 - 1e-9));
    fits.unwrap_or(10.0) * power
}

fn text(class: &str, x: u32, y: u32, message: &str) -> String {
    let class = match class {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    format!("<text{class} x=\"{x}\" y=\"{y}\">{}</text>", xml(message))
}

/// The text, shortened with `…` if it is too wide.
fn fit(dirty: &str, width: usize) -> String {
    let line = sanitize::line(dirty);
    match start_within(&line, width) {
        Some(start) => format!("{start}…"),
        None => line,
    }
}

/// A text on one line for XML, which forbids some characters also in escaped form.
fn xml(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let allowed = line.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    let mut text = String::with_capacity(line.len());
    for c in allowed {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            c => text.push(c),
        }
    }
    text
}
