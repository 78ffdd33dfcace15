//! The report as a comment on a forge.

use super::super::view::LogView;
use super::super::{SubmissionView, markdown};
use crate::model::{ChallengeSlug, Finding, Location, LogExcerpt, Origin, Stage, limits};

/// One file for each sample: what a participant reads.
#[test]
fn samples() {
    for (name, view) in SubmissionView::samples() {
        insta::assert_snapshot!(format!("comment-{name}"), markdown::submission(&view));
    }
}

#[test]
fn hostile_texts() {
    let mut view = SubmissionView::sample_smoke_failed();
    view.phase.title = "Phase | <b>@all</b>".to_owned();
    let sha = view.origin.sha().expect("a sample is a commit").clone();
    view.origin = Origin::Commit {
        sha,
        full_ref: "refs/heads/`|@alpha".to_owned(),
    };
    view.stages[2].message = "exit code 1 | see #12 and https://evil.example".to_owned();
    view.findings = SubmissionView::sample_rejected().findings;
    view.findings.truncate(1);
    view.findings[0].link = Some("https://forge.example/a>(b) \"c\"".to_owned());
    view.findings[0].finding = Finding::error(
        "LA001",
        "The file `@alpha|`` calls @alpha",
        "fixes #12, see [[Home]] :tada:",
    )
    .at(Location::line("a`b|<img>.py", 1).with_text("``` @alpha </details>"));
    view.logs[0].title = "</summary><script>@alpha #1".to_owned();
    view.logs[0].excerpt.head = "````\n</details>\u{1b}[2J @alpha\n```".to_owned();
    view.reproduce = Some("docker run ```".to_owned());
    insta::assert_snapshot!("comment-hostile", markdown::submission(&view));
}

fn long_log(title: &str) -> LogView {
    let line = "Traceback of a line with `ticks` and more\n";
    LogView {
        // Where the sample failed.
        stage: Stage::Admission,
        title: title.to_owned(),
        excerpt: LogExcerpt {
            head: line.repeat(1500),
            tail: line.repeat(1500),
            total_bytes: 10_000_000,
        },
    }
}

#[test]
fn too_long_a_report_cuts_its_logs_first() {
    let mut view = SubmissionView::sample_rejected();
    view.logs = (0..9).map(|i| long_log(&format!("Log {i}"))).collect();
    let text = markdown::submission(&view);
    assert!(text.len() <= limits::COMMENT_BYTES_MAX);
    assert!(text.contains("lines left out …"));
    assert_eq!(text.matches("<details>").count(), 9);
    assert_eq!(text.matches("\n**error").count(), 3);
    assert!(text.ends_with("4 of 100 pushes today.\n"));
}

#[test]
fn then_its_findings_and_says_how_many() {
    let mut view = SubmissionView::sample_rejected();
    let first = view.findings[0].clone();
    view.findings = vec![first; limits::FINDINGS_SHOWN_MAX];
    for finding in &mut view.findings {
        finding.finding.message = "@".repeat(5000);
        finding.finding.help = "[x](y) #1 ".repeat(500);
    }
    view.findings_left_out = 7;
    view.logs = vec![long_log("Log")];
    let text = markdown::submission(&view);
    assert!(text.len() <= limits::COMMENT_BYTES_MAX);
    let shown = text.matches("\n**error").count();
    let left_out = limits::FINDINGS_SHOWN_MAX + 7 - shown;
    assert!(shown > 3, "{shown}");
    assert!(text.contains(&format!(
        "… and {left_out} more findings; the page has them."
    )));
}

#[test]
fn absurd_titles_leave_the_address_of_the_page() {
    let mut view = SubmissionView::sample();
    view.phase.title = "#1 ".repeat(50_000);
    let text = markdown::submission(&view);
    assert!(text.len() < 1000 && text.contains(&view.url), "{text}");
    assert!(markdown::read_marker(&text).is_some());
}

#[test]
fn a_comment_is_found_again_by_its_first_line_only() {
    let nuclei = ChallengeSlug::new("nuclei").unwrap();
    let text = markdown::submission(&SubmissionView::sample());
    assert_eq!(markdown::read_marker(&text), Some((nuclei.clone(), 12)));
    let marker = markdown::marker(&nuclei, 12);
    assert_eq!(marker, "<!-- referee:submission=nuclei#12 -->");
    assert_eq!(markdown::read_marker(&marker), Some((nuclei, 12)));
    for other in [
        format!("> {text}"),
        format!("\n{text}"),
        format!(" {marker}"),
        marker.replace("#12", "#012"),
        marker.replace("#12", "#+12"),
        marker.replace("#12", "#-1"),
        marker.replace("#12", "#0"),
        marker.replace("#12", "#99999999999999999999"),
        marker.replace("nuclei", "../x"),
        marker.replace(" -->", ""),
        String::new(),
    ] {
        assert_eq!(markdown::read_marker(&other), None, "{other:.60}");
    }
}
