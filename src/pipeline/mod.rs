//! L3, the pipeline: each stage claims a row, lets pure code decide, and commits the next row in the same transaction.
//!
//! ```text
//!  observe ─▶ admission ─▶ build ─▶ smoke ─▶ (queue) ─▶ run ─▶ scoring ─▶ publish
//!  Delivery,  Submission   Image    sample              Attempt Score     outbox
//!  sweep      + Findings
//! ```
//!
//! In reading order:
//!
//! - A push becomes a submission: [`intake`], [`observe`], [`images`], [`discovery`].
//! - A submission goes through its stages: [`workers`] call [`stages`], which claims and executes [`admission`],
//!   [`build`], [`smoke`], [`run`] and [`scoring`] under a [`lease`]. [`source`] knows commits from images,
//!   [`schedule`] and [`slots`] decide who runs next, [`job`] is one container, [`content`] reads outputs,
//!   [`verdict`] judges a run, [`scorer`] runs the organizers' scorer, [`scoring_revision`] is the meaning of a score.
//! - Its results become visible: [`outbox`] and [`disclosure`] decide when, [`publish`] delivers to the forge, [`view`]
//!   makes pages and reports.
//! - Organizers steer: [`commands`] and [`replies`], [`rescore`].
//! - Housekeeping: [`image_removal`], [`retention`].
//!
//! [`App`] is the composition of all this. A stage takes only the parts that it needs.

pub mod admission;
pub mod build;
pub mod cases;
pub mod commands;
pub mod content;
pub mod context;
pub mod disclosure;
pub mod discovery;
pub mod eligibility;
pub mod engines;
pub mod forge_health;
pub mod forges;
pub mod ground_truth;
pub mod image_build;
pub mod image_removal;
pub mod images;
pub mod intake;
pub mod job;
pub mod lease;
pub mod observe;
pub mod outbox;
pub mod participant;
pub mod policy;
pub mod predictions;
pub mod publish;
pub mod replies;
pub mod rescore;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod scorer;
pub mod scorer_images;
pub mod scoring;
pub mod scoring_revision;
pub mod slots;
pub mod smoke;
pub mod source;
pub mod stages;
pub mod verdict;
pub mod view;
pub mod wait_time;
pub mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Settings;
use crate::forge::Forge;
use crate::model::{Challenge, ForgeName, GpuUuid};
use crate::store::{Artifacts, DeliveryWriter, Store};
use context::{Capacity, Context};
pub use engines::Engines;
use forges::Forges;
use ground_truth::GroundTruthDigests;
use scorer_images::ScorerImages;
use slots::Slots;

/// The pipeline and everything that it needs.
pub struct App {
    pub context: Context,
    pub forges: Forges,
    pub engines: Engines,
    /// The slots of the runner.
    pub slots: Slots,
    pub scorers: ScorerImages,
    /// Commits webhook deliveries.
    pub deliveries: DeliveryWriter,
}

/// The connections of an [`App`].
pub struct Parts {
    pub store: Store,
    pub engines: Engines,
    /// GPUs of the runner.
    pub gpus: Vec<GpuUuid>,
    pub forges: BTreeMap<ForgeName, Arc<dyn Forge>>,
    pub clock: Clock,
    /// The owner of all leases of this start.
    pub owner: String,
}

impl App {
    /// Composes the pipeline, creates the directories of its state, and starts the writer of deliveries.
    ///
    /// # Errors
    /// When a directory cannot be created.
    pub fn new(settings: Settings, challenges: Vec<Challenge>, parts: Parts) -> std::io::Result<Self> {
        let work = settings.data.join("work");
        if work.exists() {
            // An earlier start left it. No running work uses it.
            std::fs::remove_dir_all(&work)?;
        }
        std::fs::create_dir_all(&work)?;
        let slots = Slots::new(settings.runner.slots as usize, parts.gpus);
        Ok(Self {
            deliveries: DeliveryWriter::start(parts.store.clone()),
            forges: Forges::new(parts.forges),
            engines: parts.engines,
            scorers: ScorerImages::default(),
            context: Context {
                artifacts: Artifacts::open(settings.data.join("artifacts"))?,
                capacity: Capacity { cpu: settings.runner.slots as usize, gpus: slots.gpus() },
                ground_truths: GroundTruthDigests::default(),
                store: parts.store,
                clock: parts.clock,
                owner: parts.owner,
                settings,
                challenges,
                work,
            },
            slots,
        })
    }
}
