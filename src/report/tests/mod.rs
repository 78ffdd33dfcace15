//! Snapshots of every text that people read. The diff of this folder shows every change of a text.

mod boards;
mod comments;
mod json;
mod publications;
mod pushes;
mod statuses;
mod texts;

use super::style::{COLUMNS, Style};
use super::{SubmissionView, markdown, redact, remote, text};

/// Only lines with addresses, commands and logs may be wider.
fn assert_narrow(text: &str, columns: usize) {
    for line in text.lines() {
        let copied = ["://", "sha256:", "docker", "    -", "  |"].iter().any(|c| line.contains(c));
        assert!(copied || line.chars().count() <= columns, "{line}");
    }
}

#[test]
fn no_text_of_a_sample_has_a_control_character_or_a_wide_line() {
    for (name, view) in SubmissionView::samples() {
        for text in
            [text::submission(&view, Style::Plain), markdown::submission(&view), remote::lines(None, &view).join("\n")]
        {
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
        }
        assert_narrow(&text::submission(&view, Style::Plain), COLUMNS);
        assert_narrow(&remote::lines(None, &view).join("\n"), remote::COLUMNS);
    }
}

#[test]
fn samples_show_only_the_data_that_their_phase_shows() {
    let show = crate::model::Show {
        board: crate::model::BoardVisibility::Live,
        logs: false,
        cases: false,
        decimals: 3,
        disclosure_interval: crate::model::Duration(0),
    };
    for (name, view) in SubmissionView::samples() {
        let redacted = redact(view.clone(), &show);
        assert_eq!(redacted.headline(), view.headline(), "{name}");
        assert_eq!(redacted.findings, view.findings, "{name}");
    }
}

#[test]
fn json_has_the_documented_field_names() {
    let json = serde_json::to_value(SubmissionView::sample()).unwrap();
    assert_eq!(json["state"], serde_json::json!({"state": "ended", "at": "scored"}));
    assert_eq!(json["stages"][0]["state"], "warned");
    assert_eq!(json["findings"][0]["code"], "DF063");
    assert_eq!(json["score"]["metrics"][0]["formatted"], "0.812");
}
