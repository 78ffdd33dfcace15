//! Sample views for each important state of a submission. Only tests, documentation and the rendering of sample pages
//! use them.

mod boards;

use crate::model::numbers::rounded;
use crate::model::{
    Board, CaseId, ChallengeSlug, CommitSha, Digest, Direction, Duration, Finding, Location, LogExcerpt, MetricName,
    Origin, Outcome, PhaseSlug, PublicState, Severity, Stage, TaskSlug, TeamSlug, Timestamp,
};

use super::view::{
    CaseView, FindingView, LogView, MetricView, QueueView, QuotaView, ScoreView, StageState, StageView, SubmissionView,
    Titled,
};

use StageState::{Failed, Passed, Skipped, Waiting, Warned};

/// 2026-03-02T09:14:07Z, the time of all samples.
const NOW: Timestamp = Timestamp(1_772_442_847_000);
const URL: &str = "https://referee.example/submissions/0f5ad6f8c2b7e19a4d3360b18c95e7d2";

/// The checked form of a valid name from this file.
fn known<T, E>(checked: Result<T, E>) -> T {
    match checked {
        Ok(value) => value,
        Err(_) => unreachable!("all names of the sample data are valid"),
    }
}

fn challenge() -> Titled<ChallengeSlug> {
    Titled::new(known(ChallengeSlug::new("nuclei")), "Nuclei in fluorescence microscopy")
}

fn phase() -> Titled<PhaseSlug> {
    Titled::new(known(PhaseSlug::new("validation")), "Validation")
}

fn task() -> Titled<TaskSlug> {
    Titled::new(known(TaskSlug::new("segmentation")), "Instance segmentation")
}

/// A commit whose digits are derived from a word.
fn commit(word: &str) -> CommitSha {
    known(CommitSha::new(&Digest::of(word.as_bytes()).hex()[..40]))
}

#[derive(Clone, Copy)]
struct SampleMetric {
    name: &'static str,
    title: &'static str,
    direction: Direction,
}

const METRICS: [SampleMetric; 3] = [
    SampleMetric { name: "ap50", title: "AP@0.5", direction: Direction::Max },
    SampleMetric { name: "dice", title: "Dice", direction: Direction::Max },
    SampleMetric { name: "hd95", title: "HD95 [px]", direction: Direction::Min },
];

fn metric_name(text: &str) -> MetricName {
    known(MetricName::new(text).ok_or(()))
}

fn score(values: [f64; 3], ranks: Option<[u32; 3]>) -> ScoreView {
    let metrics = METRICS.iter().zip(values).enumerate();
    let metrics = metrics.map(|(i, (metric, value))| {
        let (value, formatted) = rounded(value, 3);
        MetricView {
            name: metric_name(metric.name),
            title: metric.title.to_owned(),
            direction: metric.direction,
            value,
            formatted,
            rank: ranks.map(|r| r[i]),
        }
    });
    ScoreView {
        metrics: metrics.collect(),
        cases: None,
        imputed: 0,
        rank: None,
        of: 0,
        counting: None,
        counting_reason: None,
    }
}

fn sample_cases() -> Vec<CaseView> {
    [("tile_01", [Some(0.867), Some(0.901), Some(3.2)]), ("tile_02", [Some(0.833), Some(0.887), Some(4.1)])]
        .map(|(case, values)| CaseView { case: known(CaseId::new(case)), values: values.to_vec(), reason: None })
        .to_vec()
}

/// The stages in order: state, duration in milliseconds and message.
fn stages(rows: [(StageState, i64, &str); 5]) -> Vec<StageView> {
    let mut clock = NOW;
    Stage::ALL
        .iter()
        .copied()
        .zip(rows)
        .map(|(name, (state, took, message))| {
            let started = (took > 0).then_some(clock);
            clock = clock.plus(Duration(took));
            StageView {
                name,
                state,
                started,
                ended: started.filter(|_| state.is_over()).map(|_| clock),
                duration: state.is_over().then_some(Duration(took)),
                message: message.to_owned(),
            }
        })
        .collect()
}

const NOT_REACHED: (StageState, i64, &str) = (Skipped, 0, "");

fn finding(stage: Stage, finding: Finding) -> FindingView {
    let location = finding.location.as_ref();
    let link = location.map(|p| {
        let line = p.line.map_or(String::new(), |l| format!("#L{l}"));
        format!("https://forge.example/nuclei/team-alpha/src/commit/{}/{}{line}", commit("alpha"), p.file)
    });
    FindingView { stage, link, finding }
}

impl SubmissionView {
    /// Scored, second of seven.
    pub fn sample() -> Self {
        Self {
            number: 12,
            challenge: challenge(),
            phase: phase(),
            task: Some(task()),
            board: Some(Board { challenge: challenge().slug, phase: phase().slug, task: task().slug }),
            team: known(TeamSlug::new("alpha")),
            origin: Origin::Commit { sha: commit("alpha"), full_ref: "refs/heads/main".to_owned() },
            observed_at: NOW,
            state: PublicState::Ended(Outcome::Scored),
            stages: stages([
                (Warned, 210, "1 warning"),
                (Passed, 41_300, "1.2 GiB in 9 layers"),
                (Passed, 3_100, "2 of 2 cases, scored"),
                (Passed, 192_000, ""),
                (Passed, 4_800, ""),
            ]),
            findings: vec![finding(
                Stage::Admission,
                Finding::warning(
                    "DF063",
                    "`pip install` needs a network, but builds have none",
                    "Commit the wheels, COPY them, and install with `--no-index`.",
                )
                .at(Location::line("Dockerfile", 5).with_text("RUN pip install -r requirements.txt")),
            )],
            findings_left_out: 0,
            logs: vec![],
            reproduce: None,
            image: Some(Digest::of(b"image")),
            sample_score: Some(ScoreView { cases: Some(sample_cases()), ..score([0.850, 0.894, 3.65], None) }),
            score: Some(ScoreView {
                rank: Some(2),
                of: 7,
                counting: Some(12),
                counting_reason: Some("It is the best of the team by AP@0.5, then Dice, then HD95 [px].".into()),
                ..score([0.812, 0.874, 4.037], Some([2, 1, 3]))
            }),
            notices: vec![],
            queue: None,
            quota: Some(QuotaView {
                used_today: 3,
                per_day: 20,
                used_total: 17,
                total: 200,
                submissions_today: 4,
                submissions_per_day: 100,
                granted: 0,
            }),
            incident: None,
            url: URL.to_owned(),
            hidden: true,
        }
    }

    /// Rejected by the rules, with five findings of all severities.
    pub fn sample_rejected() -> Self {
        Self {
            number: 9,
            task: None,
            board: None,
            state: PublicState::Ended(Outcome::Rejected),
            stages: stages([
                (Failed, 180, "3 errors, 1 warning, 1 advice"),
                NOT_REACHED,
                NOT_REACHED,
                NOT_REACHED,
                NOT_REACHED,
            ]),
            findings: rejected_findings(),
            image: None,
            sample_score: None,
            score: None,
            ..Self::sample()
        }
    }

    /// Failed on the public sample, with its log and the command to reproduce it.
    pub fn sample_smoke_failed() -> Self {
        Self {
            number: 10,
            state: PublicState::Ended(Outcome::RunFailed),
            stages: stages([
                (Passed, 190, "no findings"),
                (Passed, 38_900, "1.2 GiB in 9 layers"),
                (Failed, 2_400, "exit code 1 after 2.4 s"),
                NOT_REACHED,
                NOT_REACHED,
            ]),
            findings: vec![],
            logs: vec![LogView {
                stage: Stage::Smoke,
                title: "Container, standard output and error".to_owned(),
                excerpt: smoke_log(),
            }],
            reproduce: Some(
                "docker run --rm --network none --read-only --user 1000:1000 \\\n  \
                 --memory 512m --cpus 1 --tmpfs /tmp:size=64m \\\n  \
                 -v \"$PWD/sample/segmentation/inputs:/input:ro\" \\\n  \
                 -v \"$PWD/output:/output\" team-alpha:local"
                    .to_owned(),
            ),
            sample_score: None,
            score: None,
            ..Self::sample()
        }
    }

    /// Failed on the data of a hidden phase, which shows only an outcome.
    pub fn sample_hidden_failure() -> Self {
        Self {
            number: 11,
            phase: Titled::new(known(PhaseSlug::new("test")), "Final test"),
            origin: Origin::Commit { sha: commit("alpha"), full_ref: "refs/tags/final-1".to_owned() },
            state: PublicState::Ended(Outcome::TimeLimit),
            stages: stages([
                (Passed, 190, "no findings"),
                (Passed, 39_700, "1.2 GiB in 9 layers"),
                (Passed, 3_000, "2 of 2 cases, scored"),
                (Failed, 120_000, Outcome::TimeLimit.message()),
                NOT_REACHED,
            ]),
            findings: vec![],
            score: None,
            quota: Some(QuotaView {
                used_today: 1,
                per_day: 1,
                used_total: 1,
                total: 3,
                submissions_today: 1,
                submissions_per_day: 10,
                granted: 0,
            }),
            ..Self::sample()
        }
    }

    /// Waiting for its evaluation.
    pub fn sample_queued() -> Self {
        Self {
            number: 13,
            state: PublicState::Waiting(Stage::Run),
            stages: stages([
                (Passed, 200, "no findings"),
                (Passed, 40_100, "1.2 GiB in 9 layers"),
                (Passed, 3_300, "2 of 2 cases, scored"),
                (Waiting, 0, ""),
                (Waiting, 0, ""),
            ]),
            findings: vec![],
            score: None,
            queue: Some(QueueView { position: 3, wait: Some(Duration::seconds(15 * 60)), paused: false }),
            ..Self::sample()
        }
    }

    /// Ended with a platform error.
    pub fn sample_fault() -> Self {
        Self {
            number: 14,
            state: PublicState::Ended(Outcome::Fault),
            stages: stages([
                (Passed, 200, "no findings"),
                (Passed, 40_100, "1.2 GiB in 9 layers"),
                (Passed, 3_300, "2 of 2 cases, scored"),
                (Passed, 180_000, ""),
                (Failed, 60_000, Outcome::Fault.message()),
            ]),
            findings: vec![],
            score: None,
            incident: Some("7f3a9c".to_owned()),
            ..Self::sample()
        }
    }

    /// All samples, each with a name for its file.
    pub fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("scored", Self::sample()),
            ("rejected", Self::sample_rejected()),
            ("smoke-failed", Self::sample_smoke_failed()),
            ("hidden-failure", Self::sample_hidden_failure()),
            ("queued", Self::sample_queued()),
            ("fault", Self::sample_fault()),
        ]
    }
}

fn rejected_findings() -> Vec<FindingView> {
    let dockerfile = |line, text: &str| Location::line("Dockerfile", line).with_text(text);
    let mut base = dockerfile(1, "FROM python:3.12-slim");
    base.column = Some(6);
    [
        Finding::error(
            "DF010",
            "Base image `python:3.12-slim` is not on the list of base images",
            "Use one of the base images that the organizers list.",
        )
        .at(base),
        Finding::error("DF020", "ADD is not allowed", "Use COPY: ADD can fetch URLs and unpack archives.")
            .at(dockerfile(7, "ADD https://data.example/weights.tar.gz /opt/weights")),
        Finding::error("SUB003", "The challenge has no task `segmentaton`", "Did you mean `segmentation`?")
            .at(Location::line("submission.toml", 2).with_text("tasks = [\"segmentaton\"]")),
        Finding::warning(
            "DF041",
            "There is no USER. The container runs as user 65534",
            "Write `USER 65534` before the ENTRYPOINT, and test the container with it.",
        )
        .at(Location::file("Dockerfile")),
        Finding::new(
            Severity::Advice,
            "DF033",
            "EXPOSE has no effect and is left out",
            "Delete it. Containers run without a network.",
        )
        .at(dockerfile(9, "EXPOSE 8080")),
    ]
    .map(|f| finding(Stage::Admission, f))
    .to_vec()
}

fn smoke_log() -> LogExcerpt {
    let head = "loading /opt/model.pt\n\
        2 images in /input\n\
        tile_01.png: 256 x 256, 43 nuclei\n\
        Traceback (most recent call last):\n  \
          File \"/opt/predict.py\", line 41, in <module>\n    \
            main()\n  \
          File \"/opt/predict.py\", line 33, in main\n    \
            io.imsave(out / name, labels)\n\
        OSError: [Errno 30] Read-only file system: '/outputs/tile_01.png'\n";
    LogExcerpt { head: head.to_owned(), tail: String::new(), total_bytes: head.len() as u64 }
}
