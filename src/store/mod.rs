//! L2, the only module that knows SQL.
//!
//! One SQL text serves SQLite (the embedded default) and PostgreSQL. Every change of state is one
//! transaction that also guards the state it starts from: a stale worker changes nothing. No row is
//! ever decided here; that is done by pure code above and handed in as values.

mod artifact;
mod attempt;
mod audit;
mod command;
mod delivery;
mod disclosure;
mod evaluation;
mod finish;
mod image;
mod image_owner;
mod lock;
mod open;
mod outbox;
mod overrides;
mod quota;
mod registration;
mod replay;
mod repository;
mod rescore;
mod row;
mod state;
mod submission;
mod thread;
mod withdraw;

pub use artifact::Artifacts;
pub use attempt::{AttemptRecord, Claim};
pub use audit::{AuditEntry, NewAuditEntry};
pub use command::{CommandRecord, CommandState, NewCommand, TextRef};
pub use delivery::{About, Delivery, DeliveryWriter, Received, Unhandled};
pub use disclosure::Disclosure;
pub use evaluation::{ScoreRecord, ScoringRevision};
pub use finish::{Effect, Finish, Next, TaskEntry};
pub use image::UnneededImage;
pub use image_owner::{ImageOwner, ImageRecord, NewImage, SeenImage};
pub use lock::{DatabaseLock, InstanceLock};
pub use outbox::{ANSWER, NewOutboxMessage, OutboxMessage, PriorityClass, URGENT};
pub use quota::{Grant, Usage};
pub use registration::{RegistrationRequest, RegistrationState};
pub use replay::{ItemEnd, RescoreLease};
pub use repository::{Repository, SeenRef};
pub use rescore::{Applied, Rescore, RescoreItem, RescoreState};
pub use submission::{NewSource, SourceRecord, SubmissionRecord};
pub use thread::Thread;
pub use withdraw::{Charge, CommandEffects, Withdrawn};

use sqlx::any::AnyConnectOptions;
use sqlx::{Any, AnyPool, Connection as _, Transaction};
use tokio::sync::broadcast;

use crate::model::{Board, Submission, SubmissionId};

/// What a reader of live pages may want to look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This submission.
    Submission(SubmissionId),
    /// The run of one case of this submission began or ended among others. Wakes who works; no
    /// reader is told, because the times of hidden cases are nobody's to know.
    Case(SubmissionId),
    /// This board.
    Board(Board),
    /// Something is due to a forge.
    Outbox,
    /// A delivery came in.
    Delivery,
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database itself.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The schema.
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database was created by a version of Referee with another schema.
    #[error(
        "the database has schema {found}, this version of Referee needs schema {expected}: start the version \
         that created the database, restore a backup, or move the database away to begin with an empty one"
    )]
    Schema {
        /// Digest of the database's schema.
        found: String,
        /// Digest of this version's schema.
        expected: String,
    },
    /// A row holds what no code of this version wrote.
    #[error("the database holds {what} `{value}`, which this version does not know")]
    Corrupt {
        /// Kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The lease was lost: somebody else owns the attempt, or it has ended.
    #[error("attempt {0} is no longer ours")]
    LeaseLost(i64),
    /// A decision rests on what is no longer so; it has to be made again.
    #[error("what this was decided on has changed meanwhile")]
    Stale,
    /// The team has an owner of its images, or the owner belongs to somebody.
    #[error("{owner} cannot become the owner of the team's images: {because}")]
    OwnerBound {
        /// The owner that was to be bound.
        owner: String,
        /// What stands against it.
        because: String,
    },
    /// The team has a repository, or the repository belongs to somebody.
    #[error("{wanted} cannot become the repository of team {team}: {because}")]
    Bound {
        /// The team.
        team: String,
        /// The repository that was to be bound.
        wanted: String,
        /// What stands against it.
        because: String,
    },
    /// Too much waits to be written; the sender may try again.
    #[error("too many deliveries wait to be written")]
    Busy,
    /// The file system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// Connections that cannot write.
    reads: AnyPool,
    /// The one connection that can.
    writes: AnyPool,
    engine: open::Engine,
    options: AnyConnectOptions,
    changes: broadcast::Sender<Change>,
}

impl Store {
    /// Everything that changes from now on. Slow readers miss changes and are told so.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.reads.acquire().await?;
        connection.ping().await?;
        Ok(())
    }

    /// Tells live readers. Called after the commit, never before: they will read the rows.
    fn notify(&self, change: Change) {
        // Nobody listening is fine.
        let _ = self.changes.send(change);
    }

    /// Tells of a submission that has ended or goes on after its end; its board counts and may rank it.
    fn notify_end(&self, submission: &Submission) {
        self.notify(Change::Submission(submission.id));
        if let Some(task) = &submission.task {
            self.notify(Change::Board(Board {
                challenge: submission.challenge.clone(),
                phase: submission.phase.clone(),
                task: task.clone(),
            }));
        }
    }
}

/// Draws the next number of a counter, starting with 1.
async fn next_number(tx: &mut Transaction<'static, Any>, counter: &str) -> Result<i64> {
    next_numbers(tx, counter, 1).await
}

/// Draws that many numbers of a counter and returns the last of them.
async fn next_numbers(tx: &mut Transaction<'static, Any>, counter: &str, many: i64) -> Result<i64> {
    let value: i64 = sqlx::query_scalar(
        "INSERT INTO counter (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value
         RETURNING value",
    )
    .bind(counter)
    .bind(many)
    .fetch_one(&mut **tx)
    .await?;
    Ok(value)
}
