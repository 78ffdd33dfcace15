//! The report as a comment on a forge.

use super::super::view::LogView;
use super::super::{SubmissionView, markdown};
use crate::model::{ChallengeSlug, Finding, Location, LogExcerpt, Origin, Stage, limits};

/// One snapshot per sample.
#[test]
fn samples_as_comments() {
    for (name, view) in SubmissionView::samples() {
        insta::assert_snapshot!(format!("comment-{name}"), markdown::submission(&view));
    }
}

#[test]
fn hostile_texts_stay_inert() {
    let mut view = SubmissionView::sample_smoke_failed();
    view.phase.title = "Phase | <b>@all</b>".to_owned();
    let sha = view.origin.sha().expect("a sample is a commit").clone();
    view.origin = Origin::Commit { sha, full_ref: "refs/heads/`|@alpha".to_owned() };
    view.stages[2].message = "exit code 1 | see #12 and https://evil.example".to_owned();
    view.findings = SubmissionView::sample_rejected().findings;
    view.findings.truncate(1);
    view.findings[0].link = Some("https://forge.example/a>(b) \"c\"".to_owned());
    view.findings[0].finding =
        Finding::error("LA001", "The file `@alpha|`` calls @alpha", "fixes #12, see [[Home]] :tada:")
            .at(Location::line("a`b|<img>.py", 1).with_text("``` @alpha </details>"));
    view.logs[0].title = "</summary><script>@alpha #1".to_owned();
    view.logs[0].excerpt.head = "````\n</details>\u{1b}[2J @alpha\n```".to_owned();
    view.reproduce = Some("docker run ```".to_owned());
    insta::assert_snapshot!("comment-hostile", markdown::submission(&view));
}

fn long_log(title: &str) -> LogView {
    let line = "Traceback of a line with `ticks` and more\n";
    LogView {
        // The stage at which the sample failed.
        stage: Stage::Admission,
        title: title.to_owned(),
        excerpt: LogExcerpt { head: line.repeat(1500), tail: line.repeat(1500), total_bytes: 10_000_000 },
    }
}

#[test]
fn a_report_that_is_too_long_shortens_its_logs_first() {
    let mut view = SubmissionView::sample_rejected();
    view.logs = (0..9).map(|i| long_log(&format!("Log {i}"))).collect();
    let text = markdown::submission(&view);
    assert!(text.len() <= limits::COMMENT_BYTES_MAX);
    assert!(text.contains("lines left out …"));
    assert_eq!(text.matches("<details>").count(), 9);
    assert_eq!(text.matches("\n**error").count(), 3);
    assert!(text.ends_with("4 of 100 submissions today.\n"));
}

#[test]
fn a_report_that_is_still_too_long_leaves_out_findings_and_states_their_number() {
    let mut view = SubmissionView::sample_rejected();
    let first = view.findings[0].clone();
    view.findings = vec![first; limits::FINDINGS_LISTED_MAX];
    for finding in &mut view.findings {
        finding.finding.message = "@".repeat(5000);
        finding.finding.help = "[x](y) #1 ".repeat(500);
    }
    view.findings_left_out = 7;
    view.logs = vec![long_log("Log")];
    let text = markdown::submission(&view);
    assert!(text.len() <= limits::COMMENT_BYTES_MAX);
    let listed = text.matches("\n**error").count();
    let left_out = limits::FINDINGS_LISTED_MAX + 7 - listed;
    assert!(listed > 3, "{listed}");
    assert!(text.contains(&format!("… and {left_out} more findings. The submission page has ")));
}

#[test]
fn a_report_with_huge_titles_still_has_the_address_of_the_page() {
    let mut view = SubmissionView::sample();
    view.phase.title = "#1 ".repeat(50_000);
    let text = markdown::submission(&view);
    assert!(text.len() < 1000 && text.contains(&view.url), "{text}");
    assert!(markdown::read_marker(&text).is_some());
}

#[test]
fn only_the_first_line_of_a_comment_identifies_it() {
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
