//! A board as a picture: one dot for each team on the scale of the headline metric.
//!
//! Plain SVG of fixed size: no script, no font and nothing else from outside; light and dark by
//! the reader's preference, on ground of its own because the page around it may prefer otherwise.

use crate::model::Direction;
use crate::report::view::{arrow, counted};
use crate::report::{BoardView, RowView, board_text, sanitize};

/// Numbers beyond this are drawn at the edge: their differences would not be numbers any more.
const VALUE_MAX: f64 = 1e100;
/// Steps of the scale, about.
const STEPS: f64 = 5.0;
/// Largest number of a scale that is written with all its digits.
const PLAIN_MAX: f64 = 1e6;

// In units of the view box, which are pixels of a page that shows it at its size.
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

/// Widths that a text may take, in letters: those of East Asia count twice.
const TEAM_LETTERS: usize = 25;
const TITLE_LETTERS: usize = 72;
const METRIC_LETTERS: usize = 105;

const STYLE: &str = "\
    text{font:13px ui-sans-serif,system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",Arial,sans-serif;fill:#191c20}\
    .title{font-size:16px;font-weight:600}.soft{fill:#59616b}.num{text-anchor:end;font-variant-numeric:tabular-nums}\
    .tick{text-anchor:middle;font-size:11px}.ground{fill:#fff;stroke:#e1e2df}.grid{stroke:#e1e2df}\
    .row{stroke:#c9ccc8;stroke-dasharray:1 4}.dot{fill:#0b5a7c}.baseline{fill:#fff;stroke:#59616b;stroke-width:2}\
    @media (prefers-color-scheme:dark){text{fill:#e6e8ea}.soft{fill:#a0a9b2}.ground{fill:#191d21;stroke:#2b3036}\
    .grid{stroke:#2b3036}.row{stroke:#47505a}.dot{fill:#7cc7ea}.baseline{fill:#191d21;stroke:#a0a9b2}}";

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
        format!("<desc id=\"desc\">{}</desc>", xml(&in_words(view))),
        format!("<style>{STYLE}</style>"),
        format!(
            "<rect class=\"ground\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
            WIDTH - 1,
            height - 1
        ),
        text("title", MARGIN, 32, &fit(&title, TITLE_LETTERS)),
        text("soft", MARGIN, 54, &fit(&metric(view), METRIC_LETTERS)),
    ];
    match Scale::of(view) {
        None => lines.push(text("soft", MARGIN, TOP + 16, board_text::EMPTY)),
        Some(scale) => {
            lines.extend(disclosure_interval(&scale, end));
            let drawn = view.rows.iter().zip(0..);
            lines.extend(drawn.flat_map(|(row, i)| team(row, &scale, TOP + i * ROW + ROW / 2)));
        }
    }
    lines.push("</svg>\n".to_owned());
    lines.join("\n")
}

/// What is drawn: `AP@0.5 ↑, higher is better`.
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
    let title = fit(&metric.title, METRIC_LETTERS / 3);
    format!("{title} {}, {better}{by}", arrow(metric.direction))
}

/// The picture for those who hear it.
fn in_words(view: &BoardView) -> String {
    let Some(metric) = view.metrics.first().filter(|_| !view.rows.is_empty()) else {
        return board_text::EMPTY.to_owned();
    };
    let told = view.rows.iter().map(|row| {
        let value = row
            .values
            .first()
            .map_or("no value", |v| v.value.shown.as_str());
        format!("{}. {}: {value}", row.rank, row.team)
    });
    let teams = counted(view.rows.len(), "team");
    let told: Vec<String> = told.collect();
    format!("{} of {teams} by rank. {}.", metric.title, told.join("; "))
}

/// The vertical lines and what they stand for.
fn disclosure_interval(scale: &Scale, end: u32) -> Vec<String> {
    let lines = scale.ticks().into_iter().flat_map(|(x, label)| {
        [
            format!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{end}\"/>"),
            format!(
                "<text class=\"soft tick\" x=\"{x:.1}\" y=\"{}\">{}</text>",
                end + 18,
                xml(&label)
            ),
        ]
    });
    lines.collect()
}

/// One line of the plot, its middle at `y`.
fn team(row: &RowView, scale: &Scale, y: u32) -> Vec<String> {
    let base = y + 5;
    let name = match row.is_baseline {
        true => format!("{} (baseline)", fit(row.team.as_str(), TEAM_LETTERS - 11)),
        false => fit(row.team.as_str(), TEAM_LETTERS),
    };
    let mut lines = vec![
        text("num soft", RANK_END, base, &row.rank.to_string()),
        text(
            if row.is_baseline { "soft" } else { "" },
            TEAM_START,
            base,
            &name,
        ),
        format!("<path class=\"row\" d=\"M{PLOT_START} {y}H{PLOT_END}\"/>"),
    ];
    let Some(cell) = row.values.first() else {
        return lines;
    };
    if let Some(x) = scale.x(cell.value.value) {
        let class = if row.is_baseline { "baseline" } else { "dot" };
        lines.push(format!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"5\"/>"
        ));
    }
    let shown = match row.values.len() {
        1 => cell.value.shown.clone(),
        _ => format!("{} ({})", cell.value.shown, cell.rank),
    };
    lines.push(text("num", VALUE_END, base, &fit(&shown, 16)));
    lines
}

/// From values to places, with ends at round numbers.
struct Scale {
    from: f64,
    step: f64,
    steps: u32,
}

impl Scale {
    /// `None` where there is nothing to draw.
    fn of(view: &BoardView) -> Option<Self> {
        let first = |row: &RowView| Some(row.values.first()?.value.value);
        let values = view.rows.iter().filter_map(first).filter(|v| v.is_finite());
        let values = values.map(|v| v.clamp(-VALUE_MAX, VALUE_MAX));
        let (mut low, mut high) = values.fold(None, |ends, v| match ends {
            None => Some((v, v)),
            Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
        })?;
        // Of equal values, one step to each side.
        if high - low <= f64::EPSILON * low.abs().max(high.abs()) {
            let room = if low == 0.0 { 0.5 } else { low.abs() / 10.0 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / STEPS);
        let from = (low / step).floor() * step;
        let steps = ((high - from) / step - 1e-9).ceil().clamp(1.0, 20.0);
        Some(Self {
            from,
            step,
            steps: steps as u32,
        })
    }

    /// Where a value stands; `None` for what is no number.
    fn x(&self, value: f64) -> Option<f64> {
        let part = (value - self.from) / (self.step * f64::from(self.steps));
        let width = f64::from(PLOT_END - PLOT_START);
        (!value.is_nan()).then(|| f64::from(PLOT_START) + part.clamp(0.0, 1.0) * width)
    }

    /// Places and labels.
    fn ticks(&self) -> Vec<(f64, String)> {
        let largest = (self.from.abs() + self.step * f64::from(self.steps)).max(self.step);
        let decimals = (-self.step.log10().floor()).clamp(0.0, 9.0) as usize;
        let tick = |i: u32| {
            let value = self.from + self.step * f64::from(i);
            let label = match largest < PLAIN_MAX && self.step > 1e-6 {
                true => crate::report::rounded(value, decimals as u8).1,
                false => format!("{value:.2e}"),
            };
            Some((self.x(value)?, label))
        };
        (0..=self.steps).filter_map(tick).collect()
    }
}

/// The next larger of 1, 2, 5, 10, and so on.
fn round_step(span: f64) -> f64 {
    let power = 10f64.powf(span.log10().floor());
    let fits = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|m| m * power >= span * (1.0 - 1e-9));
    fits.unwrap_or(10.0) * power
}

fn text(class: &str, x: u32, y: u32, message: &str) -> String {
    let class = match class {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    format!("<text{class} x=\"{x}\" y=\"{y}\">{}</text>", xml(message))
}

/// As much of a text as fits, and `…`.
fn fit(dirty: &str, letters: usize) -> String {
    let line = sanitize::line(dirty);
    let width = |c: char| if c >= '\u{1100}' { 2 } else { 1 };
    if line.chars().map(width).sum::<usize>() <= letters {
        return line;
    }
    let mut taken = 1;
    let fits = |c: &char| {
        taken += width(*c);
        taken <= letters
    };
    let mut cut: String = line.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// Text on one line for XML, which forbids some characters even when escaped.
fn xml(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let allowed = line
        .chars()
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
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
