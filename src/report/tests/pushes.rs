//! The lines that `git push` shows.

use super::super::remote::{closing_lines, lines, lines_beside};
use super::super::{StageState, StageView, SubmissionView};
use crate::model::{PublicState, Stage};

fn new_lines(before: Option<&SubmissionView>, now: &SubmissionView) -> String {
    lines(before, now).join("\n")
}

#[test]
fn a_push_that_is_rejected_at_once() {
    insta::assert_snapshot!(new_lines(None, &SubmissionView::sample_rejected()), @"
    Referee: #9, team alpha, phase validation
      https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ✗ admission      180 ms  3 errors, 1 warning, 1 advice
      error[DF010] Dockerfile:1:6: Base image `python:3.12-slim` is not on
        the list of base images
        help: Use one of the base images that the organizers list.
      error[DF020] Dockerfile:7: ADD is not allowed
        help: Use COPY: ADD can fetch URLs and unpack archives.
      error[SUB003] submission.toml:2: The challenge has no task
        `segmentaton`
        help: Did you mean `segmentation`?
      warning[DF041] Dockerfile: There is no USER. The container runs as
        user 65534
        help: Write `USER 65534` before the ENTRYPOINT, and test the
              container with it.
      advice[DF033] Dockerfile:9: EXPOSE has no effect and is left out
        help: Delete it. Containers run without a network.
    Rejected by the rules: 3 errors, 1 warning, 1 advice.
    Fix the listed problems and push again. The submission used no
    evaluation.
    ");
}

#[test]
fn a_push_followed_until_its_score() {
    let scored = SubmissionView::sample();
    let received = SubmissionView {
        state: PublicState::Waiting(Stage::Admission),
        stages: Stage::ALL.iter().copied().map(StageView::waiting).collect(),
        findings: vec![],
        score: None,
        ..scored.clone()
    };
    let mut queued = SubmissionView::sample_queued();
    queued.findings = scored.findings.clone();
    let parts = [
        new_lines(None, &received),
        closing_lines(&received).join("\n"),
        new_lines(Some(&received), &queued),
        new_lines(Some(&queued), &scored),
    ];
    insta::assert_snapshot!(parts.join("\n---\n"), @"
    Referee: #12, team alpha, phase validation, task segmentation
      https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ---
    Status: received. Processing continues in the background:
      https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ---
    ✓ admission      200 ms  no findings
      warning[DF063] Dockerfile:5: `pip install` needs a network, but builds
        have none
        help: Commit the wheels, COPY them, and install with `--no-index`.
    ✓ build          40.1 s  1.2 GiB in 9 layers
    ✓ smoke           3.3 s  2 of 2 cases, scored
    · queued at position 3, starts in about 15 min
    ---
    ✓ run        3 min 12 s
    ✓ scoring         4.8 s
    Scored: AP@0.5 0.812, rank 2 of 7.
      AP@0.5 ↑     0.812  rank 2
      Dice ↑       0.874  rank 1
      HD95 [px] ↓  4.037  rank 3
    ");
}

#[test]
fn admission_is_shown_once_for_all_tasks_of_a_push() {
    let mut first = SubmissionView::sample();
    first.stages[1..].iter_mut().for_each(|g| g.state = StageState::Waiting);
    first.state = PublicState::Waiting(Stage::Build);
    let mut second = SubmissionView::sample();
    second.number = 13;
    second.score = None;
    assert!(new_lines(None, &first).contains("! admission"));
    let beside = lines_beside(&first, &second).join("\n");
    assert!(beside.contains("Referee: #13"), "{beside}");
    assert!(!beside.contains("admission") && !beside.contains("DF063"), "{beside}");
    assert!(beside.contains("✓ build"), "{beside}");
    let before = SubmissionView {
        stages: Stage::ALL.iter().copied().map(StageView::waiting).collect(),
        findings: vec![],
        ..first
    };
    assert!(lines_beside(&before, &second).join("\n").contains("! admission"));
}

#[test]
fn a_shorter_waiting_time_at_the_same_position_gets_no_line() {
    let queued = SubmissionView::sample_queued();
    let mut later = queued.clone();
    later.queue.as_mut().unwrap().wait = None;
    assert_eq!(new_lines(Some(&queued), &later), "");
    later.queue.as_mut().unwrap().position = 2;
    assert_eq!(new_lines(Some(&queued), &later), "· queued at position 2");
}

#[test]
fn an_unchanged_view_has_no_new_lines() {
    for (name, view) in SubmissionView::samples() {
        assert_eq!(lines(Some(&view), &view), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn failures_and_platform_errors() {
    let parts =
        [new_lines(None, &SubmissionView::sample_smoke_failed()), new_lines(None, &SubmissionView::sample_fault())];
    insta::assert_snapshot!(parts.join("\n---\n"), @r#"
    Referee: #10, team alpha, phase validation, task segmentation
      https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ✓ admission      190 ms  no findings
    ✓ build          38.9 s  1.2 GiB in 9 layers
    ✗ smoke           2.4 s  exit code 1 after 2.4 s
      | Traceback (most recent call last):
      |   File "/opt/predict.py", line 41, in <module>
      |     main()
      |   File "/opt/predict.py", line 33, in main
      |     io.imsave(out / name, labels)
      | OSError: [Errno 30] Read-only file system: '/outputs/tile_01.png'
    The container ended with an error in the smoke run.
    It failed on the public sample. You can reproduce it locally. The
    submission used no evaluation.
    ---
    Referee: #14, team alpha, phase validation, task segmentation
      https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ✓ admission      200 ms  no findings
    ✓ build          40.1 s  1.2 GiB in 9 layers
    ✓ smoke           3.3 s  2 of 2 cases, scored
    ✓ run             3 min
    ✗ scoring         1 min
    Not evaluated because of a platform error.
    Please report the incident number to the organizers. The submission used
    no evaluation. You need not push again unless they ask for it.
    Incident 7f3a9c.
    "#);
}
