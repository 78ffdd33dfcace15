//! Tests of the escaping, the structure and the policy of pages. The first test writes all pages to `target/pages`,
//! where a person can look at them.

use std::collections::BTreeSet;
use std::path::Path;

use super::samples::render_all_samples;
use super::*;
use crate::model::Origin;
use crate::report::{BoardView, SubmissionView};
use crate::web::assets;

#[test]
fn all_samples_render_to_files_with_their_assets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    for asset in assets::ALL {
        std::fs::write(folder.join(&asset.path[1..]), asset.text).unwrap();
    }
    for (name, html) in render_all_samples() {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}

#[test]
fn pages_have_no_inline_script_and_no_inline_style() {
    for (name, html) in render_all_samples() {
        assert!(!html.contains(" style="), "{name}");
        assert!(!html.contains("<style"), "{name}");
        assert!(!html.contains(" onclick") && !html.contains("javascript:"), "{name}");
        assert_eq!(html.matches("<script").count(), 1, "{name}");
        assert!(html.contains("<script src=\"/assets/referee.js\" defer></script>"), "{name}");
    }
}

#[test]
fn every_page_has_the_structure_that_screen_readers_need() {
    for (name, html) in render_all_samples() {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("<main ").count(), 1, "{name}");
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{name}");
        assert!(html.contains("href=\"#main\""), "{name}");
        let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: an id twice");
    }
}

#[test]
fn text_of_participants_is_escaped_and_sanitized() {
    let mut view = SubmissionView::sample_rejected();
    let evil = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[31m&\"'";
    for found in &mut view.findings {
        found.finding.message = evil.into();
        found.finding.help = format!("`{evil}` `");
        found.finding.code = evil.into();
        found.link = Some("javascript:alert(1)".into());
        if let Some(location) = &mut found.finding.location {
            location.file = evil.into();
            location.text = Some(evil.into());
        }
    }
    view.origin =
        Origin::Image { image_name: evil.into(), tag: evil.into(), digest: crate::model::Digest::of(b"manifest") };
    view.incident = Some(evil.into());
    view.stages[0].message = evil.into();
    let html = submission(&view, "0").into_string();
    assert!(!html.contains("<img"));
    assert!(!html.contains("javascript:"));
    assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}'));
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn live_pages_name_their_event_stream_and_final_pages_do_not() {
    let board = board(&BoardView::sample(), "0").into_string();
    assert!(board.contains("data-events=\"/challenges/nuclei/validation/segmentation/events\""));
    let queued = submission(&SubmissionView::sample_queued(), "0").into_string();
    assert!(queued.contains("data-events=\"/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2/events\""));
    let scored = submission(&SubmissionView::sample(), "0").into_string();
    assert!(!scored.contains("data-events") && scored.contains("data-final"));
    assert!(board.contains(&board_fragment(&BoardView::sample()).into_string()));
}

#[test]
fn a_page_with_a_secret_address_forbids_referrers_and_indexing() {
    let html = submission(&SubmissionView::sample(), "0").into_string();
    assert!(html.contains("name=\"referrer\" content=\"no-referrer\""));
    assert!(html.contains("noindex"));
}

/// The names behind `.` in the selectors of the style sheet.
fn styled_classes() -> BTreeSet<&'static str> {
    let selectors = assets::STYLE.text.lines().filter_map(|l| l.split('{').next());
    let parts = selectors.flat_map(|l| l.split('.').skip(1));
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    parts
        .map(|part| &part[..part.find(|c| !is_name(c)).unwrap_or(part.len())])
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn the_style_sheet_has_no_unknown_class() {
    let pages: String = render_all_samples().into_iter().map(|(_, html)| html).collect();
    let mut used: BTreeSet<&str> =
        pages.split(" class=\"").skip(1).flat_map(|t| t.split('"').next().unwrap().split(' ')).collect();
    // Set by the script.
    used.extend(["changed", "live", "offline"]);
    // For a running stage and for the reason of a missing value. No sample has either.
    used.extend(["working", "reason"]);
    let unused: Vec<_> = styled_classes().difference(&used).copied().collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn the_elements_that_the_script_needs_are_on_live_pages() {
    let page = submission(&SubmissionView::sample_queued(), "0").into_string();
    let ids = assets::SCRIPT.text.split("getElementById(\"").skip(1);
    for id in ids.map(|t| t.split('"').next().unwrap()) {
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id}");
    }
    assert!(page.contains(" data-announcement=\""));
    assert!(assets::SCRIPT.text.contains("dataset.announcement"));
}
