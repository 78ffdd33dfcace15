//! Small parts that several pages show.

use maud::{Markup, PreEscaped, html};

use crate::model::{Direction, Severity, Stage, Timestamp};
use crate::report::{PhaseState, StageState, sanitize};

/// A time to the minute. The attribute for programs has the seconds.
pub(super) fn timestamp(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let minutes = exact.get(..16).unwrap_or(&exact).replace('T', " ");
    html! { time datetime=(exact) { (minutes) } }
}

/// When a phase opens or closes.
pub(super) fn phase_times(state: PhaseState, opens: Timestamp, closes: Timestamp) -> Markup {
    html! {
        @match state {
            PhaseState::Planned => { "opens " (timestamp(opens)) }
            PhaseState::Open => { "open until " (timestamp(closes)) }
            PhaseState::Closed => { "closed " (timestamp(closes)) }
        }
    }
}

/// A sentence in which pairs of backticks enclose code.
pub(super) fn prose(text: &str) -> Markup {
    let line = sanitize::line(text);
    let parts: Vec<&str> = line.split('`').collect();
    html! {
        @for (i, part) in parts.iter().enumerate() {
            @if i % 2 == 1 && i + 1 < parts.len() { code { (part) } } @else { (part) }
        }
    }
}

/// The direction of better values: an arrow, and words for screen readers.
pub(super) fn arrow(direction: Direction) -> Markup {
    let (arrow, words) = match direction {
        Direction::Max => ("↑", "higher is better"),
        Direction::Min => ("↓", "lower is better"),
    };
    html! {
        span.arrow title=(words) aria-hidden="true" { (arrow) }
        span.visually-hidden { " (" (words) ")" }
    }
}

/// The severity of a finding as a coloured word.
pub(super) fn severity(severity: Severity) -> Markup {
    html! { span.badge.(severity.to_string()) { (severity) } }
}

/// The name of a stage on pages.
pub(super) fn stage_title(stage: Stage) -> &'static str {
    match stage {
        Stage::Admission => "Admission",
        Stage::Build => "Build",
        Stage::Smoke => "Smoke run",
        Stage::Run => "Run",
        Stage::Scoring => "Scoring",
    }
}

/// The class of a stage's state in the style sheet.
pub(super) fn state_class(state: StageState) -> &'static str {
    match state {
        StageState::Waiting => "waiting",
        StageState::Working => "working",
        StageState::Passed => "passed",
        StageState::Warned => "warned",
        StageState::Failed => "failed",
        StageState::Skipped => "skipped",
    }
}

/// The symbol of a state as a drawing, which does not depend on the reader's fonts.
pub(super) fn icon(state: StageState) -> Markup {
    let path = match state {
        StageState::Passed => r#"<path d="M3.5 8.5l3 3 6-7"/>"#,
        StageState::Failed => r#"<path d="M4 4l8 8M12 4l-8 8"/>"#,
        StageState::Warned => r#"<path d="M8 3v6.2M8 12.4v.2"/>"#,
        StageState::Working => r#"<path d="M3.6 8h.1M8 8h.1M12.4 8h.1"/>"#,
        StageState::Waiting => r#"<circle cx="8" cy="8" r="2"/>"#,
        StageState::Skipped => r#"<path d="M4 8h8"/>"#,
    };
    html! {
        svg.icon viewBox="0 0 16 16" aria-hidden="true" focusable="false" { (PreEscaped(path)) }
    }
}

/// A used part as a bar. The width is an attribute, because the policy forbids inline styles.
pub(super) fn bar(used: u32, of: u32) -> Markup {
    let width = u64::from(used.min(of)) * 100 / u64::from(of.max(1));
    html! {
        svg.bar.full[used >= of] viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            rect.track width="100" height="6" {}
            rect.fill width=(width) height="6" {}
        }
    }
}

/// A text with a button that copies it. The script shows the button.
pub(super) fn copyable(id: &str, label: &str, text: &str) -> Markup {
    html! {
        div.copyable {
            pre #(id) tabindex="0" role="region" aria-label=(label) { code { (sanitize::text(text)) } }
            button type="button" hidden data-copy=(id) { "Copy" }
        }
    }
}
