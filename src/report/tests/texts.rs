//! The plain-text report.

use super::super::SubmissionView;
use super::super::style::Style;
use super::super::text::{findings, submission};
use crate::model::{Finding, Location};

fn plain(view: &SubmissionView) -> String {
    submission(view, Style::Plain)
}

#[test]
fn scored() {
    insta::assert_snapshot!(plain(&SubmissionView::sample()), @"
    Scored: AP@0.5 0.812, rank 2 of 7.

    Nuclei in fluorescence microscopy, submission #12
    team alpha, phase validation, task segmentation
    commit 8ed3f6ad68 (refs/heads/main), received 2026-03-02T09:14:07Z

      ! admission      210 ms  1 warning
      ✓ build          41.3 s  1.2 GiB in 9 layers
      ✓ smoke           3.1 s  2 of 2 cases, scored
      ✓ run        3 min 12 s
      ✓ scoring         4.8 s

    warning[DF063]: `pip install` needs a network, but builds have none
      --> Dockerfile:5
       |
     5 | RUN pip install -r requirements.txt
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: Commit the wheels, COPY them, and install with `--no-index`.

    Score in Validation:
      AP@0.5 ↑     0.812  rank 2
      Dice ↑       0.874  rank 1
      HD95 [px] ↓  4.037  rank 3
      Overall: rank 2 of 7. It is the best of the team by AP@0.5, then Dice, then HD95 [px].

    Used   3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 submissions today
    Image  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
    Page   https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ");
}

#[test]
fn rejected_with_five_findings() {
    insta::assert_snapshot!(plain(&SubmissionView::sample_rejected()), @r#"
    Rejected by the rules: 3 errors, 1 warning, 1 advice.
    Fix the listed problems and push again. The submission used no evaluation.

    Nuclei in fluorescence microscopy, submission #9
    team alpha, phase validation
    commit 8ed3f6ad68 (refs/heads/main), received 2026-03-02T09:14:07Z

      ✗ admission      180 ms  3 errors, 1 warning, 1 advice
      – build                  not reached
      – smoke                  not reached
      – run                    not reached
      – scoring                not reached

    error[DF010]: Base image `python:3.12-slim` is not on the list of base images
      --> Dockerfile:1:6
       |
     1 | FROM python:3.12-slim
       |      ^^^^^^^^^^^^^^^^
       = help: Use one of the base images that the organizers list.

    error[DF020]: ADD is not allowed
      --> Dockerfile:7
       |
     7 | ADD https://data.example/weights.tar.gz /opt/weights
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: Use COPY: ADD can fetch URLs and unpack archives.

    error[SUB003]: The challenge has no task `segmentaton`
      --> submission.toml:2
       |
     2 | tasks = ["segmentaton"]
       | ^^^^^^^^^^^^^^^^^^^^^^^
       = help: Did you mean `segmentation`?

    warning[DF041]: There is no USER. The container runs as user 65534
      --> Dockerfile
       = help: Write `USER 65534` before the ENTRYPOINT, and test the container with it.

    advice[DF033]: EXPOSE has no effect and is left out
      --> Dockerfile:9
       |
     9 | EXPOSE 8080
       | ^^^^^^^^^^^
       = help: Delete it. Containers run without a network.

    Used   3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 submissions today
    Page   https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    "#);
}

#[test]
fn smoke_failed_with_its_log() {
    insta::assert_snapshot!(plain(&SubmissionView::sample_smoke_failed()), @r#"
    The container ended with an error in the smoke run.
    It failed on the public sample. You can reproduce it locally. The submission used no evaluation.

    Nuclei in fluorescence microscopy, submission #10
    team alpha, phase validation, task segmentation
    commit 8ed3f6ad68 (refs/heads/main), received 2026-03-02T09:14:07Z

      ✓ admission      190 ms  no findings
      ✓ build          38.9 s  1.2 GiB in 9 layers
      ✗ smoke           2.4 s  exit code 1 after 2.4 s
      – run                    not reached
      – scoring                not reached

    Container, standard output and error (smoke):
      | loading /opt/model.pt
      | 2 images in /input
      | tile_01.png: 256 x 256, 43 nuclei
      | Traceback (most recent call last):
      |   File "/opt/predict.py", line 41, in <module>
      |     main()
      |   File "/opt/predict.py", line 33, in main
      |     io.imsave(out / name, labels)
      | OSError: [Errno 30] Read-only file system: '/outputs/tile_01.png'

    Reproduce it locally:
      docker run --rm --network none --read-only --user 1000:1000 \
        --memory 512m --cpus 1 --tmpfs /tmp:size=64m \
        -v "$PWD/sample/segmentation/inputs:/input:ro" \
        -v "$PWD/output:/output" team-alpha:local

    Used   3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 submissions today
    Image  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
    Page   https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    "#);
}

#[test]
fn failed_in_a_hidden_phase() {
    insta::assert_snapshot!(plain(&SubmissionView::sample_hidden_failure()), @"
    The container exceeded its time limit in the evaluation.
    This phase hides details of runs on hidden data. Test your method on the public sample, and on cases
    that differ from it. The submission used one evaluation.

    Nuclei in fluorescence microscopy, submission #11
    team alpha, phase test, task segmentation
    commit 8ed3f6ad68 (refs/tags/final-1), received 2026-03-02T09:14:07Z

      ✓ admission      190 ms  no findings
      ✓ build          39.7 s  1.2 GiB in 9 layers
      ✓ smoke             3 s  2 of 2 cases, scored
      ✗ run             2 min  The container exceeded its time limit.
      – scoring                not reached

    Score on the public sample:
      AP@0.5 ↑     0.850
      Dice ↑       0.894
      HD95 [px] ↓  3.650

    Used   1 of 1 evaluations today, 1 of 3 in this phase; 1 of 10 submissions today
    Image  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
    Page   https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ");
}

#[test]
fn queued() {
    insta::assert_snapshot!(plain(&SubmissionView::sample_queued()), @"
    Queued at position 3, starts in about 15 min.

    Nuclei in fluorescence microscopy, submission #13
    team alpha, phase validation, task segmentation
    commit 8ed3f6ad68 (refs/heads/main), received 2026-03-02T09:14:07Z

      ✓ admission      200 ms  no findings
      ✓ build          40.1 s  1.2 GiB in 9 layers
      ✓ smoke           3.3 s  2 of 2 cases, scored
      · run                    waiting
      · scoring                waiting

    Score on the public sample:
      AP@0.5 ↑     0.850
      Dice ↑       0.894
      HD95 [px] ↓  3.650

    Used   3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 submissions today
    Image  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
    Page   https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ");
}

#[test]
fn platform_error_with_incident() {
    insta::assert_snapshot!(plain(&SubmissionView::sample_fault()), @"
    Not evaluated because of a platform error.
    Please report the incident number to the organizers. The submission used no evaluation. You need not
    push again unless they ask for it.
    Incident 7f3a9c.

    Nuclei in fluorescence microscopy, submission #14
    team alpha, phase validation, task segmentation
    commit 8ed3f6ad68 (refs/heads/main), received 2026-03-02T09:14:07Z

      ✓ admission      200 ms  no findings
      ✓ build          40.1 s  1.2 GiB in 9 layers
      ✓ smoke           3.3 s  2 of 2 cases, scored
      ✓ run             3 min
      ✗ scoring         1 min  Not evaluated because of a platform error.

    Score on the public sample:
      AP@0.5 ↑     0.850
      Dice ↑       0.894
      HD95 [px] ↓  3.650

    Used   3 of 20 evaluations today, 17 of 200 in this phase; 4 of 100 submissions today
    Image  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
    Page   https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2
    ");
}

#[test]
fn tabs_long_lines_and_columns_past_the_end_are_displayed() {
    let mut past = Location::line("Dockerfile", 120).with_text("RUN x");
    past.column = Some(900);
    let all = [
        Finding::error("DF001", "A tab", "").at(Location::line("Dockerfile", 3).with_text("\tRUN\tx")),
        Finding::warning("DF002", "A long line", "Break it.")
            .at(Location::line("Dockerfile", 12).with_text("RUN ".repeat(40))),
        Finding::error("DF003", "A column past the end of its line", "None.").at(past),
        Finding::error("DF004", "An empty line", "None.").at(Location::line("Dockerfile", 1).with_text("")),
        Finding::error("DF005", "A \u{1b}[31mhostile\u{202e} line", "None.").at(Location::line(
            "Docker\u{1b}file\n",
            1,
        )
        .with_text("RUN \u{1b}]0;x\u{7}echo\u{200b} y")),
    ];
    insta::assert_snapshot!(findings(&all, Style::Plain), @r"
    error[DF001]: A tab
      --> Dockerfile:3
       |
     3 |     RUN    x
       |     ^^^^^^^^

    warning[DF002]: A long line
       --> Dockerfile:12
        |
     12 | RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN RUN R…
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        = help: Break it.

    error[DF003]: A column past the end of its line
        --> Dockerfile:120:900
         |
     120 | RUN x
         |     ^
         = help: None.

    error[DF004]: An empty line
      --> Dockerfile:1
       = help: None.

    error[DF005]: A hostile line
      --> Dockerile :1
       |
     1 | RUN echo y
       | ^^^^^^^^^^
       = help: None.
    ");
}

#[test]
fn only_the_style_with_colours_has_escape_sequences() {
    let view = SubmissionView::sample_rejected();
    assert!(!plain(&view).contains('\u{1b}'));
    let coloured = submission(&view, Style::Colour);
    assert!(coloured.contains("\u{1b}[1;31merror[DF020]\u{1b}[0m"));
}
