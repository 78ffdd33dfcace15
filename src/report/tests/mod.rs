//! Snapshots of what people read: a change of wording shows in the diff of this folder.

mod boards;
mod comments;
mod publications;
mod pushes;
mod statuses;
mod texts;

use super::{SubmissionView, markdown, redact, remote, text};

/// No line of a report may be wider, except for addresses, commands and logs.
fn assert_narrow(text: &str, columns: usize) {
    for line in text.lines() {
        let copied = ["://", "sha256:", "docker", "    -", "  |"]
            .iter()
            .any(|c| line.contains(c));
        assert!(copied || line.chars().count() <= columns, "{line}");
    }
}

#[test]
fn every_sample_renders_everywhere_without_a_control_character() {
    for (name, view) in SubmissionView::samples() {
        for text in [
            text::submission(&view, text::Style::Plain),
            markdown::submission(&view),
            remote::lines(None, &view).join("\n"),
        ] {
            assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
        }
        assert_narrow(&text::submission(&view, text::Style::Plain), text::COLUMNS);
        assert_narrow(&remote::lines(None, &view).join("\n"), remote::COLUMNS);
    }
}

#[test]
fn samples_show_what_their_phase_would_show() {
    let show = crate::model::Show {
        board: crate::model::BoardVisibility::Live,
        logs: false,
        cases: false,
        decimals: 3,
        disclosure_interval: crate::model::Duration(0),
    };
    for (name, view) in SubmissionView::samples() {
        let told = redact(view.clone(), &show);
        assert_eq!(told.headline(), view.headline(), "{name}");
        assert_eq!(told.findings, view.findings, "{name}");
    }
}

#[test]
fn json_names_its_fields_as_the_api_documents_them() {
    let json = serde_json::to_value(SubmissionView::sample()).unwrap();
    assert_eq!(
        json["state"],
        serde_json::json!({"state": "ended", "at": "scored"})
    );
    assert_eq!(json["stages"][0]["state"], "warned");
    assert_eq!(json["findings"][0]["code"], "DF063");
    assert_eq!(json["score"]["metrics"][0]["shown"], "0.812");
}
