//! L3, the stages: each claims a row, lets pure code decide, and commits the next row in the same
//! transaction.
//!
//! ```text
//!  observe ─▶ rules ─▶ build ─▶ smoke ─▶ (queue) ─▶ run ─▶ score ─▶ publish
//!  Delivery,  Submission Image   sample             Attempt Score   outbox
//!  sweep      + Findings
//! ```
//!
//! In reading order: [`intake`] and [`observe`] (how a push becomes a submission), [`images`] and [`pushed`] (the same of an image in a registry), [`discovery`] (whose
//! a repository is), [`admission`], [`build`],
//! [`smoke`], [`queue`] and [`slots`] (who runs when), [`expectation`] (and how soon), [`run`],
//! [`engines`] (where images are), [`content`] (what is in the outputs), [`score`], [`disclosure`] (when a verdict is told), [`publish`]; [`revision`] says what a score means and [`rescore`] makes scores again;
//! [`commands`] are what people write in issues and [`orders`] what they come to, [`withdrawal`] clears up behind what was taken
//! back, [`retention`] what nobody needs any more; [`lease`] holds what they share, [`job`] is one container from start to end, [`workers`] calls
//! [`step`] until nothing is left to do. [`view`] makes of the rows what people see.

pub mod admission;
pub mod build;
pub mod commands;
pub mod content;
pub mod disclosure;
pub mod discovery;
pub mod engines;
pub mod expectation;
pub mod images;
pub mod intake;
pub mod job;
pub mod lease;
pub mod observe;
pub mod orders;
pub mod participant;
pub mod publish;
pub mod pushed;
pub mod queue;
pub mod rescore;
pub mod retention;
pub mod run;
pub mod score;
pub mod scorer;
pub mod scoring_revision;
pub mod slots;
pub mod smoke;
pub mod view;
pub mod withdrawal;
pub mod workers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Mutex;

use crate::clock::{self, Clock};
use crate::config::Settings;
use crate::executor::Engine;
use crate::forge::{Capabilities, Forge, ForgeError, ForgeRepository};
use crate::model::{
    Actor, Board, Challenge, ChallengeSlug, Digest, ForgeName, GpuUuid, ImageId, Lease, Origin,
    Phase, Stage, Task,
};
use crate::store::{Artifacts, Claim, DeliveryWriter, Repository, Store, SubmissionRecord};
use slots::Slots;

/// The engines: three trust zones, which may be three machines.
#[derive(Clone)]
pub struct Engines {
    /// Hostile Dockerfiles; never hidden data. No image stays there that runs elsewhere.
    pub builder: Arc<dyn Engine>,
    /// Hostile images with hidden inputs; never the truth.
    pub runner: Arc<dyn Engine>,
    /// The organizers' scorers, built there, with the truth.
    pub scorer: Arc<dyn Engine>,
    /// Removes what jobs leave on them.
    pub cleaner: job::Cleaner,
}

/// Everything that a stage needs.
pub struct App {
    /// `referee.toml`.
    pub settings: Settings,
    /// All challenges.
    pub challenges: Vec<Challenge>,
    /// The database.
    pub store: Store,
    /// Predictions and other outputs.
    pub artifacts: Artifacts,
    /// Where deliveries become durable.
    pub deliveries: DeliveryWriter,
    /// The time.
    pub clock: Clock,
    /// Owner of the leases of this start.
    pub owner: String,
    /// The forges.
    pub forges: BTreeMap<ForgeName, Arc<dyn Forge>>,
    /// The engines.
    pub engines: Engines,
    /// Places for jobs.
    pub slots: Slots,
    /// How each forge is.
    pub health: publish::Health,
    /// Held by whoever opens an issue.
    pub threads: Mutex<()>,
    /// Directory for work under way; emptied at start.
    pub work: PathBuf,
    /// Held while a scorer is built.
    scorers: Mutex<()>,
    /// Digests of truth by directory, each with the fingerprint that it was taken for.
    ground_truths: Mutex<HashMap<PathBuf, (Digest, Digest)>>,
}

/// What an [`App`] is made of, beside its configuration.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The engines.
    pub engines: Engines,
    /// GPUs of the runner.
    pub gpus: Vec<GpuUuid>,
    /// The forges.
    pub forges: BTreeMap<ForgeName, Arc<dyn Forge>>,
    /// The time.
    pub clock: Clock,
    /// Owner of the leases of this start.
    pub owner: String,
}

/// Whether a step did anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It did; there may be more.
    Worked,
    /// There was nothing to do.
    Idle,
}

impl App {
    /// Puts the parts together; makes the directories of the state and starts the writer of deliveries.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn new(
        settings: Settings,
        challenges: Vec<Challenge>,
        parts: Parts,
    ) -> std::io::Result<Self> {
        let work = settings.data.join("work");
        if work.exists() {
            // Of an earlier start; nothing in it is anybody's.
            std::fs::remove_dir_all(&work)?;
        }
        std::fs::create_dir_all(&work)?;
        Ok(Self {
            slots: Slots::new(settings.runner.slots as usize, parts.gpus),
            artifacts: Artifacts::open(settings.data.join("artifacts"))?,
            deliveries: DeliveryWriter::start(parts.store.clone()),
            store: parts.store,
            engines: parts.engines,
            forges: parts.forges,
            clock: parts.clock,
            owner: parts.owner,
            health: publish::Health::default(),
            threads: Mutex::new(()),
            scorers: Mutex::new(()),
            ground_truths: Mutex::new(HashMap::new()),
            settings,
            challenges,
            work,
        })
    }

    /// The challenge of that name.
    pub fn challenge(&self, slug: &ChallengeSlug) -> Option<&Challenge> {
        self.challenges.iter().find(|c| &c.slug == slug)
    }

    /// What boards are made of, now.
    pub fn rows(&self) -> view::Rows<'_> {
        view::Rows {
            challenges: &self.challenges,
            store: &self.store,
            now: self.clock.now(),
        }
    }

    /// Where orders about a challenge are given, now.
    pub fn desk<'a>(&'a self, challenge: &'a Challenge, actor: &'a Actor) -> orders::Desk<'a> {
        orders::Desk {
            challenge,
            store: &self.store,
            shows: self
                .forges
                .get(&challenge.forge)
                .map_or(Capabilities::LOCAL, |f| f.shows()),
            actor,
            now: self.clock.now(),
        }
    }

    /// The forge of that name.
    ///
    /// # Errors
    /// When it is not configured.
    pub fn forge(&self, name: &ForgeName) -> anyhow::Result<&Arc<dyn Forge>> {
        self.forges
            .get(name)
            .with_context(|| format!("no forge `{name}` is configured, or it has no `token-file`"))
    }

    /// A bare repository on this disk that holds a submission's commit.
    ///
    /// # Errors
    /// When the forge or the database says no, or it is an image.
    pub async fn commit(&self, record: &SubmissionRecord) -> Result<PathBuf, ForgeError> {
        let failed = |e: anyhow::Error| ForgeError::Io(std::io::Error::other(e));
        let repository = self.store.repository(record.repository).await;
        let repository = repository.map_err(|e| failed(e.into()))?;
        let forge = self.forge(&repository.forge).map_err(failed)?;
        let submission = &record.submission;
        match &submission.origin {
            Origin::Commit { sha, full_ref } => {
                forge.commit(&located(&repository), (full_ref, sha)).await
            }
            Origin::Image { .. } => Err(ForgeError::NotFound),
        }
    }

    /// Challenge, phase and (once known) task of a submission.
    ///
    /// # Errors
    /// When the configuration no longer has them.
    pub fn context<'a>(&'a self, record: &SubmissionRecord) -> anyhow::Result<Scope<'a>> {
        let submission = &record.submission;
        let challenge = self
            .challenge(&submission.challenge)
            .with_context(|| format!("challenge {} is gone", submission.challenge))?;
        let phase = challenge
            .phase(&submission.phase)
            .with_context(|| format!("phase {} is gone", submission.phase))?;
        let task = match &submission.task {
            None => None,
            Some(slug) => Some(
                challenge
                    .task(slug)
                    .with_context(|| format!("task {slug} is gone"))?,
            ),
        };
        Ok(Scope {
            challenge,
            phase,
            task,
        })
    }

    /// A directory for an attempt, fresh and empty.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn work_directory(&self, lease: &Lease) -> std::io::Result<WorkDirectory> {
        self.directory(&lease.name())
    }

    /// A directory of this name, which is unique to its work, fresh and empty.
    fn directory(&self, name: &str) -> std::io::Result<WorkDirectory> {
        let path = self.work.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(WorkDirectory { path })
    }

    /// The image of a task's scorer as its folder is now, built unless the very same folder was built
    /// before.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn scorer_image(&self, task: &Task) -> anyhow::Result<ImageId> {
        // A second submission waits for the same image.
        let _building = self.scorers.lock().await;
        scorer::image(&self.engines, &task.scorer, &self.work).await
    }

    /// Removes the images of scorers that no board uses, but for these.
    ///
    /// # Errors
    /// When a scorer's folder cannot be read, or the engine does not answer.
    async fn remove_other_scorers(&self, images: &BTreeSet<ImageId>) -> anyhow::Result<usize> {
        let _building = self.scorers.lock().await;
        let tasks = self.challenges.iter().flat_map(|c| &c.tasks);
        let specs: Vec<_> = tasks.map(|task| task.scorer.clone()).collect();
        scorer::remove_others(&self.engines, images, &specs).await
    }

    async fn claim(
        &self,
        record: &SubmissionRecord,
        case: Option<crate::model::CaseId>,
    ) -> anyhow::Result<Option<Lease>> {
        let claim = Claim {
            submission: record.submission.id,
            stage: record.submission.stage,
            case,
            owner: &self.owner,
            seed: clock::seed(),
        };
        Ok(self.store.claim(&claim, self.clock.now()).await?)
    }
}

/// A team's repository as its forge is asked about it.
pub fn located(repository: &Repository) -> ForgeRepository {
    ForgeRepository {
        id: repository.forge_id.clone(),
        full_name: repository.full_name.clone(),
        private: true,
        archived: false,
    }
}

/// Records in the attempt's row that its job is about to be killed.
async fn lease_kill(
    app: &App,
    lease: &Lease,
    reason: crate::model::KillReason,
) -> crate::executor::Result<()> {
    app.store
        .record_kill(lease, reason)
        .await
        .map_err(|e| crate::executor::ExecutorError::Staging(std::io::Error::other(e)))
}

/// What a submission is for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The challenge.
    pub challenge: &'a Challenge,
    /// The phase.
    pub phase: &'a Phase,
    /// The task, once known.
    pub task: Option<&'a Task>,
}

impl<'a> Scope<'a> {
    /// The board that it is for.
    ///
    /// # Errors
    /// When there is no task yet.
    pub fn board(&self) -> anyhow::Result<Board> {
        Ok(Board {
            challenge: self.challenge.slug.clone(),
            phase: self.phase.slug.clone(),
            task: self.task()?.slug.clone(),
        })
    }

    /// The task, where the pipeline cannot have come without one.
    ///
    /// # Errors
    /// When there is none.
    pub fn task(&self) -> anyhow::Result<&'a Task> {
        self.task.context("the submission has no task yet")
    }
}

/// A directory that is removed when its owner is done with it.
#[derive(Debug)]
pub struct WorkDirectory {
    path: PathBuf,
}

impl WorkDirectory {
    /// A new directory within.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// The path of a file within.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        // The start of the daemon empties what could not be removed here.
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "work directory left behind");
        }
    }
}

/// Does one piece of work of a stage, if there is any.
///
/// # Errors
/// When the database fails. Everything else ends up in the attempt's row.
pub async fn step(app: &App, stage: Stage) -> anyhow::Result<Progress> {
    match stage {
        Stage::Admission => admission::step(app).await,
        Stage::Build => build::step(app).await,
        Stage::Smoke | Stage::Run => queue::step(app).await,
        Stage::Scoring => score::step(app).await,
    }
}
