//! The expected waiting time of a submission in the queue, from the durations of earlier ones.
//!
//! The calculation is pure: slots, running jobs, and jobs that start earlier. Without earlier runs there is no answer,
//! rather than a guess from the limits. Durations of a phase with hidden data are rounded before they enter, so that
//! many answers disclose no more than one.

use std::collections::BTreeMap;

use super::context::{Capacity, Context};
use super::schedule;
use crate::model::{Board, Duration, PhaseSlug, Stage, SubmissionId, TaskSlug, TeamSlug, Timestamp};
use crate::report::{QueueView, coarse_duration};
use crate::store::SubmissionRecord;

/// The number of recent evaluations whose durations are used.
const RECENT: i64 = 15;
/// Answers are multiples of this. More precision would be false.
const STEP: Duration = Duration::seconds(10);
/// Later than every known end, in milliseconds.
const UNKNOWN: i64 = i64::MAX / 4;

/// The submissions that share the limit on concurrent evaluations of one team.
type QuotaGroup = (TeamSlug, PhaseSlug, Option<TaskSlug>);

/// A job that is running or waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// GPUs that it needs. A job without GPUs needs a CPU slot.
    pub gpus: usize,
    /// Its duration, or the rest of it. `None` without earlier runs.
    pub takes: Option<Duration>,
    pub group: QuotaGroup,
    /// Jobs of its group that may run at the same time.
    pub at_once: usize,
}

/// The times at which slots and groups are free, in milliseconds from now.
struct Plan {
    cpu: Vec<i64>,
    gpus: Vec<i64>,
    ends: BTreeMap<QuotaGroup, Vec<i64>>,
}

impl Plan {
    /// A plan in which every slot is free.
    fn new(capacity: Capacity) -> Self {
        Self { cpu: vec![0; capacity.cpu], gpus: vec![0; capacity.gpus], ends: BTreeMap::new() }
    }

    /// Gives a job the slots that are free first. Returns its start.
    fn start(&mut self, job: &Job) -> i64 {
        let ends = self.ends.entry(job.group.clone()).or_default();
        ends.sort_unstable();
        let group_free = match ends.len().checked_sub(job.at_once.max(1)) {
            Some(index) => ends[index],
            None => 0,
        };
        let slots = if job.gpus == 0 { &mut self.cpu } else { &mut self.gpus };
        slots.sort_unstable();
        let Some(taken) = slots.get_mut(..job.gpus.max(1)) else {
            return UNKNOWN;
        };
        let start = taken.iter().copied().fold(group_free, i64::max);
        let end = (start + job.takes.map_or(UNKNOWN, |d| d.0)).min(UNKNOWN);
        taken.fill(end);
        ends.push(end);
        start
    }
}

/// How long each of these jobs waits, if they start in this order while `running` run. `None` if it need not wait, if
/// the answer depends on a job without earlier runs, or for a submission without a job.
fn waits(capacity: Capacity, running: &[Job], waiting: &[Option<Job>]) -> Vec<Option<Duration>> {
    let mut plan = Plan::new(capacity);
    for job in running {
        plan.start(job);
    }
    waiting.iter().map(|job| until_start(plan.start(job.as_ref()?))).collect()
}

/// The time until a start, in milliseconds from now, as a multiple of [`STEP`].
fn until_start(start: i64) -> Option<Duration> {
    let steps = (start + STEP.0 - 1).div_euclid(STEP.0);
    (start > 0 && start < UNKNOWN).then(|| Duration(steps * STEP.0))
}

/// The median. `None` of an empty list.
fn median(mut durations: Vec<Duration>) -> Option<Duration> {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied()
}

/// The rest of a job that takes so long and has run for `elapsed`. An overdue job ends soon.
fn rest(takes: Duration, elapsed: Duration) -> Duration {
    Duration((takes.0 - elapsed.0).max(STEP.0))
}

/// The queue position of a submission that waits for its evaluation, and its expected waiting time. `None` for all
/// other submissions.
pub async fn queue_position(context: &Context, record: &SubmissionRecord) -> anyhow::Result<Option<QueueView>> {
    let order = schedule::order(context).await?;
    let id = record.submission.id;
    let Some(index) = order.iter().position(|r| r.submission.id == id) else {
        return Ok(None);
    };
    if record.submission.stage() != Stage::Run {
        return Ok(None);
    }
    let before = &order[..index];
    let evaluations = before.iter().filter(|r| r.submission.stage() == Stage::Run);
    let position = u32::try_from(evaluations.count() + 1).unwrap_or(u32::MAX);
    let wait = waits_of(context, &order[..=index]).await?.pop().flatten();
    Ok(Some(QueueView { position, wait, paused: false }))
}

/// A submission that waits for a slot.
#[derive(Debug, Clone)]
pub struct WaitingSubmission {
    pub record: SubmissionRecord,
    /// The expected time until it starts, rounded so that it discloses no duration. `None` if it starts at once, or if
    /// the answer depends on a job without earlier runs.
    pub wait: Option<Duration>,
}

/// All submissions that wait for a slot, in the order in which they will start.
pub async fn starts(context: &Context) -> anyhow::Result<Vec<WaitingSubmission>> {
    let order = schedule::order(context).await?;
    let waits = waits_of(context, &order).await?;
    let waiting = |(record, wait): (_, Option<Duration>)| WaitingSubmission { record, wait: wait.map(coarse_duration) };
    Ok(order.into_iter().zip(waits).map(waiting).collect())
}

/// How long each of these submissions waits, if they start in this order.
async fn waits_of(context: &Context, order: &[SubmissionRecord]) -> anyhow::Result<Vec<Option<Duration>>> {
    let mut jobs = Jobs::new(context).await?;
    let running = jobs.running().await?;
    let mut waiting = Vec::new();
    for record in order {
        waiting.push(jobs.of(record).await?);
    }
    Ok(waits(context.capacity, &running, &waiting))
}

/// The jobs of submissions. The durations of each leaderboard are read once.
struct Jobs<'a> {
    context: &'a Context,
    /// The start of the running stage of each submission.
    since: BTreeMap<SubmissionId, Timestamp>,
    now: Timestamp,
    takes: BTreeMap<(Board, Stage), Option<Duration>>,
}

impl<'a> Jobs<'a> {
    async fn new(context: &'a Context) -> anyhow::Result<Self> {
        let since = context.store.working_since().await?;
        Ok(Self { context, since, now: context.clock.now(), takes: BTreeMap::new() })
    }

    /// The jobs that are running.
    async fn running(&mut self) -> anyhow::Result<Vec<Job>> {
        let mut running = Vec::new();
        for record in self.context.store.submissions_under_way().await? {
            if record.submission.state.is_working() {
                running.extend(self.of(&record).await?);
            }
        }
        Ok(running)
    }

    /// The job of a submission, if its stage needs a slot of the runner.
    async fn of(&mut self, record: &SubmissionRecord) -> anyhow::Result<Option<Job>> {
        let submission = &record.submission;
        let stage = submission.stage();
        if !schedule::needs_slot(stage) {
            return Ok(None);
        }
        // A submission whose configuration no longer exists will not run.
        let Ok(of) = self.context.of(record) else {
            return Ok(None);
        };
        let task = of.task()?;
        let key = (of.board_of(&task.slug), stage);
        let mut takes = match self.takes.get(&key) {
            Some(known) => *known,
            None => {
                let store = &self.context.store;
                let durations = store.durations(&key.0, stage, RECENT).await?;
                let hidden = stage == Stage::Run && !of.phase.show.logs;
                let middle = median(durations).map(|d| if hidden { coarse_duration(d) } else { d });
                self.takes.insert(key, middle);
                middle
            }
        };
        if submission.state.is_working() {
            let since = self.since.get(&submission.id).copied().unwrap_or(self.now);
            takes = takes.map(|t| rest(t, self.now.since(since)));
        }
        Ok(Some(Job {
            gpus: task.limits.gpus as usize,
            takes,
            group: (submission.team.clone(), submission.phase.clone(), submission.task.clone()),
            at_once: match stage {
                Stage::Run => of.phase.quota.concurrent as usize,
                _ => usize::MAX,
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: Capacity = Capacity { cpu: 2, gpus: 2 };

    fn job(team: &str, gpus: usize, seconds: Option<i64>) -> Job {
        Job {
            gpus,
            takes: seconds.map(Duration::seconds),
            group: (TeamSlug::new(team).unwrap(), PhaseSlug::new("validation").unwrap(), None),
            at_once: 1,
        }
    }

    fn seconds(running: &[Job], ahead: &[Job], mine: &Job) -> Option<i64> {
        let waiting: Vec<Option<Job>> = ahead.iter().chain([mine]).cloned().map(Some).collect();
        waits(CAPACITY, running, &waiting).pop().unwrap().map(|d| d.0 / 1000)
    }

    #[test]
    fn a_job_waits_for_the_first_free_slot() {
        let mine = job("mine", 0, None);
        let (a, b, c) = (job("a", 0, Some(60)), job("b", 0, Some(100)), job("c", 0, Some(30)));
        let all = [a.clone(), b.clone()];
        assert_eq!(seconds(&[], &[], &mine), None, "it need not wait");
        assert_eq!(seconds(&all[..1], &[], &mine), None, "one slot is free");
        assert_eq!(seconds(&all, &[], &mine), Some(60));
        assert_eq!(seconds(&all, std::slice::from_ref(&c), &mine), Some(90));
        assert_eq!(seconds(&all, &[c.clone(), job("d", 0, Some(5))], &mine), Some(100));
        assert_eq!(seconds(&[], &[a, b, c], &mine), Some(90));
        let odd = [job("a", 0, Some(61)), job("b", 0, Some(99))];
        assert_eq!(seconds(&odd, &[], &mine), Some(70), "rounded up");
    }

    #[test]
    fn gpus_are_separate_slots() {
        let running = [job("a", 1, Some(60)), job("b", 0, Some(500))];
        assert_eq!(seconds(&running, &[], &job("mine", 1, None)), None);
        assert_eq!(seconds(&running, &[], &job("mine", 2, None)), Some(60));
        assert_eq!(seconds(&running, &[], &job("mine", 3, None)), None, "never");
    }

    #[test]
    fn there_is_no_answer_without_earlier_runs() {
        let unknown = job("a", 0, None);
        let mine = job("mine", 0, Some(1));
        let running = [unknown.clone(), job("b", 0, Some(20))];
        assert_eq!(seconds(&running, &[], &mine), Some(20), "it does not matter");
        assert_eq!(seconds(&running, &[unknown], &mine), None);
        assert_eq!(median(Vec::new()), None);
        let spans = [3, 1, 2].map(Duration::seconds).to_vec();
        assert_eq!(median(spans), Some(Duration::seconds(2)));
    }

    #[test]
    fn a_team_waits_for_its_own_evaluations() {
        let running = [job("mine", 0, Some(60))];
        assert_eq!(seconds(&running, &[], &job("mine", 0, None)), Some(60));
        let two = Job { at_once: 2, ..job("mine", 0, None) };
        assert_eq!(seconds(&running, &[], &two), None);
    }

    #[test]
    fn an_overdue_job_ends_soon() {
        let minute = Duration::seconds(60);
        assert_eq!(rest(minute, Duration::seconds(15)), Duration::seconds(45));
        assert_eq!(rest(minute, Duration::seconds(300)), STEP);
    }
}
