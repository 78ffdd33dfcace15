//! Commit statuses.

use super::super::SubmissionView;
use super::super::status::{DESCRIPTION_CHARS_MAX, submission_statuses};

#[test]
fn one_status_for_each_stage_of_each_sample() {
    let mut all = String::new();
    for (name, view) in SubmissionView::samples() {
        all.push_str(&format!("{name}\n"));
        for status in submission_statuses(&view) {
            assert!(status.message.chars().count() <= DESCRIPTION_CHARS_MAX);
            all.push_str(&format!("  {:<9} {}: {}\n", status.state.as_str(), status.context, status.message));
        }
    }
    insta::assert_snapshot!(all, @"
    scored
      success   referee/admission: passed with warnings in 210 ms: 1 warning
      success   referee/build: passed in 41.3 s: 1.2 GiB in 9 layers
      success   referee/smoke: passed in 3.1 s: 2 of 2 cases, scored
      success   referee/validation/segmentation: #12: Scored: AP@0.5 0.812, rank 2 of 7.
    rejected
      failure   referee/admission: failed in 180 ms: 3 errors, 1 warning, 1 advice
      error     referee/build: not reached
      error     referee/smoke: not reached
    smoke-failed
      success   referee/admission: passed in 190 ms: no findings
      success   referee/build: passed in 38.9 s: 1.2 GiB in 9 layers
      failure   referee/smoke: failed in 2.4 s: exit code 1 after 2.4 s
      failure   referee/validation/segmentation: #10: The container ended with an error in the smoke run.
    hidden-failure
      success   referee/admission: passed in 190 ms: no findings
      success   referee/build: passed in 39.7 s: 1.2 GiB in 9 layers
      success   referee/smoke: passed in 3 s: 2 of 2 cases, scored
      failure   referee/test/segmentation: #11: The container exceeded its time limit in the evaluation.
    queued
      success   referee/admission: passed in 200 ms: no findings
      success   referee/build: passed in 40.1 s: 1.2 GiB in 9 layers
      success   referee/smoke: passed in 3.3 s: 2 of 2 cases, scored
      pending   referee/validation/segmentation: #13: Queued at position 3, starts in about 15 min.
    fault
      success   referee/admission: passed in 200 ms: no findings
      success   referee/build: passed in 40.1 s: 1.2 GiB in 9 layers
      success   referee/smoke: passed in 3.3 s: 2 of 2 cases, scored
      error     referee/validation/segmentation: #14: Not evaluated because of a platform error.
    ");
}

#[test]
fn a_long_message_is_shortened_and_sanitized() {
    let mut view = SubmissionView::sample();
    view.stages[0].message = format!("a\u{202e}b\n{}", "c".repeat(300));
    let message = &submission_statuses(&view)[0].message;
    assert_eq!(message.chars().count(), DESCRIPTION_CHARS_MAX);
    assert!(message.contains("ab ccc") && message.ends_with('…'));
}
