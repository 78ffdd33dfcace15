//! How long a submission will wait for its evaluation, from what earlier ones took.
//!
//! The reckoning is pure: places, what runs and what is before it. Without experience there is no
//! answer, rather than a guess from the limits. What a hidden phase's runs took goes in rounded, so
//! that watching the answer tells no more than one look at it does.

use std::collections::BTreeMap;

use super::{App, queue};
use crate::model::{
    Board, Duration, PhaseSlug, Stage, SubmissionId, TaskSlug, TeamSlug, Timestamp,
};
use crate::report::{QueueView, coarse};
use crate::store::SubmissionRecord;

/// Evaluations that are asked for experience: the newest.
const ASKED: i64 = 15;
/// Answers are multiples of this: the rest is not known anyway.
const STEP: Duration = Duration::seconds(10);
/// Later than everything that is known.
const UNKNOWN: i64 = i64::MAX / 4;

/// Who shares the number of evaluations that one team may have under way.
type PriorityClass = (TeamSlug, PhaseSlug, Option<TaskSlug>);

/// Places of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    /// For jobs without GPU.
    pub cpu: usize,
    /// GPUs.
    pub gpus: usize,
}

/// A job that runs or waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// GPUs that it takes; 0 takes a place without.
    pub gpus: usize,
    /// What it will take, or what is left of it; none without experience.
    pub takes: Option<Duration>,
    /// Whose it is.
    pub priority_class: PriorityClass,
    /// How many of its lane may run at the same time.
    pub at_once: usize,
}

/// When the places and lanes will be free, in milliseconds from now.
struct Plan {
    cpu: Vec<i64>,
    gpus: Vec<i64>,
    ends: BTreeMap<PriorityClass, Vec<i64>>,
}

impl Plan {
    /// Gives a job the places that are free first, not before `earliest`; when it starts.
    fn start(&mut self, job: &Job) -> i64 {
        let ends = self.ends.entry(job.priority_class.clone()).or_default();
        ends.sort_unstable();
        let lane_free = match ends.len().checked_sub(job.at_once.max(1)) {
            Some(before) => ends[before],
            None => 0,
        };
        let positions = match job.gpus {
            0 => &mut self.cpu,
            _ => &mut self.gpus,
        };
        positions.sort_unstable();
        let Some(taken) = positions.get_mut(..job.gpus.max(1)) else {
            return UNKNOWN;
        };
        let start = taken.iter().copied().fold(lane_free, i64::max);
        let end = (start + job.takes.map_or(UNKNOWN, |d| d.0)).min(UNKNOWN);
        taken.fill(end);
        ends.push(end);
        start
    }
}

/// How long `mine` waits when `running` run, and `ahead` are started before it in this order. None
/// if it need not wait, or if that depends on something without experience.
pub fn expected(
    positions: Positions,
    running: &[Job],
    ahead: &[Job],
    mine: &Job,
) -> Option<Duration> {
    let mut plan = Plan {
        cpu: vec![0; positions.cpu],
        gpus: vec![0; positions.gpus],
        ends: BTreeMap::new(),
    };
    for job in running.iter().chain(ahead) {
        plan.start(job);
    }
    let start = plan.start(mine);
    let steps = (start + STEP.0 - 1).div_euclid(STEP.0);
    (start > 0 && start < UNKNOWN).then(|| Duration(steps * STEP.0))
}

/// The middle one of these; none of none.
fn median(mut spans: Vec<Duration>) -> Option<Duration> {
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied()
}

/// What is left of something that takes so long and began so long ago. What is overdue ends soon.
fn left(takes: Duration, elapsed: Duration) -> Duration {
    Duration((takes.0 - elapsed.0).max(STEP.0))
}

/// The place of a submission that waits for its evaluation, and how long it will wait. None for
/// all others.
///
/// # Errors
/// When the database fails.
pub async fn of(app: &App, record: &SubmissionRecord) -> anyhow::Result<Option<QueueView>> {
    let order = queue::order(app).await?;
    let Some(index) = order
        .iter()
        .position(|r| r.submission.id == record.submission.id)
    else {
        return Ok(None);
    };
    if record.submission.stage != Stage::Run {
        return Ok(None);
    }
    let before = &order[..index];
    let evaluations = before.iter().filter(|r| r.submission.stage == Stage::Run);
    let position = u32::try_from(evaluations.count() + 1).unwrap_or(u32::MAX);
    let mut known = Known {
        app,
        since: app.store.working_since().await?,
        now: app.clock.now(),
        takes: BTreeMap::new(),
    };
    let (mut running, mut ahead) = (Vec::new(), Vec::new());
    for other in app.store.submissions_under_way().await? {
        if other.submission.working {
            running.extend(known.job(&other).await?);
        }
    }
    for other in before {
        ahead.extend(known.job(other).await?);
    }
    let positions = Positions {
        cpu: app.settings.runner.slots as usize,
        gpus: app.slots.gpus(),
    };
    let wait = match known.job(record).await? {
        Some(mine) => expected(positions, &running, &ahead, &mine),
        None => None,
    };
    Ok(Some(QueueView {
        position,
        wait,
        paused: false,
    }))
}

/// What the rows say of jobs, each board asked once.
struct Known<'a> {
    app: &'a App,
    since: BTreeMap<SubmissionId, Timestamp>,
    now: Timestamp,
    takes: BTreeMap<(Board, Stage), Option<Duration>>,
}

impl Known<'_> {
    /// The job of a submission at its stage, if that takes a place of the runner.
    async fn job(&mut self, record: &SubmissionRecord) -> anyhow::Result<Option<Job>> {
        let submission = &record.submission;
        let kind = match submission.stage {
            Stage::Smoke => Stage::Smoke,
            Stage::Run => Stage::Run,
            _ => return Ok(None),
        };
        // One whose configuration is gone will not run.
        let Ok(scope) = self.app.context(record) else {
            return Ok(None);
        };
        let task = scope.task()?;
        let board = Board {
            challenge: scope.challenge.slug.clone(),
            phase: scope.phase.slug.clone(),
            task: task.slug.clone(),
        };
        let key = (board, submission.stage);
        let mut takes = match self.takes.get(&key) {
            Some(known) => *known,
            None => {
                let spans = self.app.store.durations(&key.0, kind, ASKED).await?;
                let hidden = kind == Stage::Run && !scope.phase.show.logs;
                let middle = median(spans).map(|d| if hidden { coarse(d) } else { d });
                self.takes.insert(key, middle);
                middle
            }
        };
        if submission.working {
            let since = self.since.get(&submission.id).copied().unwrap_or(self.now);
            takes = takes.map(|t| left(t, self.now.since(since)));
        }
        Ok(Some(Job {
            gpus: task.limits.gpus as usize,
            takes,
            priority_class: (
                submission.team.clone(),
                submission.phase.clone(),
                submission.task.clone(),
            ),
            at_once: match submission.stage {
                Stage::Run => scope.phase.quota.concurrent as usize,
                _ => usize::MAX,
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Positions = Positions { cpu: 2, gpus: 2 };

    fn job(team: &str, gpus: usize, seconds: Option<i64>) -> Job {
        Job {
            gpus,
            takes: seconds.map(Duration::seconds),
            priority_class: (
                TeamSlug::new(team).unwrap(),
                PhaseSlug::new("validation").unwrap(),
                None,
            ),
            at_once: 1,
        }
    }

    fn seconds(running: &[Job], ahead: &[Job], mine: &Job) -> Option<i64> {
        expected(PLACES, running, ahead, mine).map(|d| d.0 / 1000)
    }

    #[test]
    fn places_are_free_when_those_before_have_ended() {
        let mine = job("mine", 0, None);
        let (a, b, c) = (
            job("a", 0, Some(60)),
            job("b", 0, Some(100)),
            job("c", 0, Some(30)),
        );
        let all = [a.clone(), b.clone()];
        assert_eq!(seconds(&[], &[], &mine), None, "it need not wait");
        assert_eq!(seconds(&all[..1], &[], &mine), None, "one place is free");
        assert_eq!(seconds(&all, &[], &mine), Some(60));
        assert_eq!(seconds(&all, std::slice::from_ref(&c), &mine), Some(90));
        assert_eq!(
            seconds(&all, &[c.clone(), job("d", 0, Some(5))], &mine),
            Some(100)
        );
        assert_eq!(seconds(&[], &[a, b, c], &mine), Some(90));
        let odd = [job("a", 0, Some(61)), job("b", 0, Some(99))];
        assert_eq!(seconds(&odd, &[], &mine), Some(70), "rounded up");
    }

    #[test]
    fn gpus_are_places_of_their_own() {
        let running = [job("a", 1, Some(60)), job("b", 0, Some(500))];
        assert_eq!(seconds(&running, &[], &job("mine", 1, None)), None);
        assert_eq!(seconds(&running, &[], &job("mine", 2, None)), Some(60));
        assert_eq!(seconds(&running, &[], &job("mine", 3, None)), None, "never");
    }

    #[test]
    fn what_nobody_knows_is_not_guessed() {
        let unknown = job("a", 0, None);
        let mine = job("mine", 0, Some(1));
        let running = [unknown.clone(), job("b", 0, Some(20))];
        assert_eq!(
            seconds(&running, &[], &mine),
            Some(20),
            "it does not matter"
        );
        assert_eq!(seconds(&running, &[unknown], &mine), None);
        assert_eq!(median(Vec::new()), None);
        let spans = [3, 1, 2].map(Duration::seconds).to_vec();
        assert_eq!(median(spans), Some(Duration::seconds(2)));
    }

    #[test]
    fn a_team_waits_for_its_own_evaluations_too() {
        let running = [job("mine", 0, Some(60))];
        assert_eq!(seconds(&running, &[], &job("mine", 0, None)), Some(60));
        let two = Job {
            at_once: 2,
            ..job("mine", 0, None)
        };
        assert_eq!(seconds(&running, &[], &two), None);
    }

    #[test]
    fn what_is_overdue_ends_soon() {
        let minute = Duration::seconds(60);
        assert_eq!(left(minute, Duration::seconds(15)), Duration::seconds(45));
        assert_eq!(left(minute, Duration::seconds(300)), STEP);
    }
}
