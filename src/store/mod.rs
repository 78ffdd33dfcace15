//! L2: the database and the artifacts. No other module knows SQL.
//!
//! The same SQL works on SQLite (the embedded default) and PostgreSQL. Every change of state is one transaction that
//! also checks the state from which it starts, so a stale worker changes nothing. Nothing is decided here: pure code in
//! other modules decides, and passes the decision as values.
//!
//! Every function here can fail because of the database. `# Errors` sections list only the other errors.

mod artifact;
mod attempt;
mod audit;
mod command;
mod command_effects;
mod delivery;
mod disclosure;
mod finish;
mod image;
mod image_owner;
mod known_ref;
mod lock;
mod open;
mod outbox;
mod overrides;
mod quota;
mod registration;
mod report_issue;
mod repository;
mod rescore;
mod rescore_work;
mod row;
mod score;
mod state;
mod submission;
mod withdraw;

pub use artifact::Artifacts;
pub use attempt::{AttemptRecord, Claim};
pub use audit::{AuditEntry, NewAuditEntry};
pub use command::{CommandRecord, CommandState, NewCommand, TextRef};
pub use command_effects::CommandEffects;
pub use delivery::{Delivery, DeliveryKind, DeliveryWriter, PendingDelivery, Received};
pub use disclosure::Disclosure;
pub use finish::{Effect, Finish, Next, TaskEntry};
pub use image::UnneededImage;
pub use image_owner::{ImageOwner, ImageRecord, NewImage, SeenImage};
pub use known_ref::SeenRef;
pub use lock::{DatabaseLock, InstanceLock};
pub use outbox::{ANSWER, NewOutboxMessage, OutboxMessage, PriorityClass, URGENT};
pub use quota::{Grant, Usage};
pub use registration::{RegistrationRequest, RegistrationState};
pub use report_issue::ReportIssue;
pub use repository::Repository;
pub use rescore::{ApplyResult, Rescore, RescoreItem, RescoreState};
pub use rescore_work::{RescoreItemEnd, RescoreLease};
pub use score::{ScoreRecord, ScoringRevision};
pub use submission::{NewSource, SourceRecord, SubmissionRecord};
pub use withdraw::{Charge, Withdrawn};

use sqlx::any::AnyConnectOptions;
use sqlx::{Any, AnyPool, Connection as _, Transaction};
use tokio::sync::broadcast;

use crate::model::{Board, Submission, SubmissionId};

/// A committed change, for workers and readers of live pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Submission(SubmissionId),
    /// A run of one of several cases of this submission began or ended. Only workers react. Readers get no event,
    /// because it would reveal the times of hidden cases.
    Case(SubmissionId),
    Board(Board),
    /// The outbox has a new message.
    Outbox,
    /// A delivery or a command was recorded.
    Delivery,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A version of Referee with another schema created the database.
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
    /// A row holds a value that no code of this version writes.
    #[error("the database holds {what} `{value}`, which this version does not know")]
    Corrupt {
        /// The kind of value.
        what: &'static str,
        value: String,
    },
    /// Another worker owns the work, or the work has ended. The number is the row of the attempt or the rescore.
    #[error("the lease of {0} is lost: another worker owns it, or it has ended")]
    LeaseLost(i64),
    /// The decision was based on rows that have changed. It has to be made again.
    #[error("the data on which the decision was based has changed in the meantime")]
    Stale,
    /// The team has another owner of its images, or the owner belongs to another team.
    #[error("{owner} cannot become the owner of the team's images: {reason}")]
    ImageOwnerConflict { owner: String, reason: String },
    /// The team has another repository, or the repository belongs to another team or challenge.
    #[error("{repository} cannot become the repository of team {team}: {reason}")]
    RepositoryConflict { team: String, repository: String, reason: String },
    /// The sender may try again later.
    #[error("too many deliveries wait to be written")]
    Busy,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

pub type Result<T> = std::result::Result<T, StoreError>;

/// The database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    /// Connections that refuse to write.
    reads: AnyPool,
    /// The only connection that writes.
    writes: AnyPool,
    engine: open::Engine,
    options: AnyConnectOptions,
    changes: broadcast::Sender<Change>,
}

impl Store {
    /// All changes from now on. A slow receiver loses changes, and gets an error that reports the loss.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.reads.acquire().await?;
        connection.ping().await?;
        Ok(())
    }

    /// Sends a change to all receivers. Called only after the commit, because receivers read the rows.
    fn notify(&self, change: Change) {
        // An error means that there are no receivers.
        let _ = self.changes.send(change);
    }

    /// Sends the changes for a submission that has ended, or that runs again after its end. Its board changes, too.
    fn notify_end(&self, submission: &Submission) {
        self.notify(Change::Submission(submission.id));
        if let Some(board) = submission.board() {
            self.notify(Change::Board(board));
        }
    }
}

/// Draws the next number of a counter, starting with 1.
async fn next_number(tx: &mut Transaction<'static, Any>, counter: &str) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "INSERT INTO counter (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counter.value + 1
         RETURNING value",
    )
    .bind(counter)
    .fetch_one(&mut **tx)
    .await?)
}
