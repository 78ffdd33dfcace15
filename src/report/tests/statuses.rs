//! Commit statuses.

use super::super::SubmissionView;
use super::super::status::{SAYS_CHARS_MAX, statuses};

#[test]
fn one_line_for_each_gate_of_each_sample() {
    let mut all = String::new();
    for (name, view) in SubmissionView::samples() {
        all.push_str(&format!("{name}\n"));
        for status in statuses(&view) {
            assert!(status.says.chars().count() <= SAYS_CHARS_MAX);
            all.push_str(&format!(
                "  {:<8} {}: {}\n",
                status.light.as_str(),
                status.context,
                status.says
            ));
        }
    }
    insta::assert_snapshot!(all, @r"
    scored
      success  referee/rules: passed with warnings in 210 ms: 1 warning
      success  referee/build: passed in 41.3 s: 1.2 GiB in 9 layers
      success  referee/smoke: passed in 3.1 s: 2 of 2 cases, scored
      success  referee/validation/segmentation: #12: Scored: AP@0.5 0.812, rank 2 of 7.
    rejected
      failure  referee/rules: failed in 180 ms: 3 errors, 1 warning, 1 advice
      error    referee/build: not reached
      error    referee/smoke: not reached
    smoke-failed
      success  referee/rules: passed in 190 ms: no findings
      success  referee/build: passed in 38.9 s: 1.2 GiB in 9 layers
      failure  referee/smoke: failed in 2.4 s: exit code 1 after 2.4 s
      failure  referee/validation/segmentation: #10: The container ended with an error in the smoke run.
    hidden-failure
      success  referee/rules: passed in 190 ms: no findings
      success  referee/build: passed in 39.7 s: 1.2 GiB in 9 layers
      success  referee/smoke: passed in 3 s: 2 of 2 cases, scored
      failure  referee/test/segmentation: #11: The container exceeded its time limit in the evaluation.
    queued
      success  referee/rules: passed in 200 ms: no findings
      success  referee/build: passed in 40.1 s: 1.2 GiB in 9 layers
      success  referee/smoke: passed in 3.3 s: 2 of 2 cases, scored
      pending  referee/validation/segmentation: #13: Queued at place 3, expected to start in about 15 min.
    fault
      success  referee/rules: passed in 200 ms: no findings
      success  referee/build: passed in 40.1 s: 1.2 GiB in 9 layers
      success  referee/smoke: passed in 3.3 s: 2 of 2 cases, scored
      error    referee/validation/segmentation: #14: Not evaluated, for a reason that is not yours.
    ");
}

#[test]
fn a_long_sentence_is_cut_and_cleaned() {
    let mut view = SubmissionView::sample();
    view.gates[0].says = format!("a\u{202e}b\n{}", "c".repeat(300));
    let says = &statuses(&view)[0].says;
    assert_eq!(says.chars().count(), SAYS_CHARS_MAX);
    assert!(says.contains("ab ccc") && says.ends_with('…'));
}
