//! L0, the nouns of the field: values that every other module speaks in.
//!
//! Nothing here performs I/O, asks for the time or draws a random number.

pub mod actor;
pub mod backoff;
pub mod challenge;
pub mod check;
pub mod definition;
pub mod diagnosis;
pub mod event;
pub mod facts;
pub mod finding;
pub mod ids;
pub mod job;
pub mod limits;
pub mod numbers;
pub mod origin;
pub mod overrides;
pub mod pattern;
pub mod rerun;
pub mod schema;
pub mod score;
pub mod source;
pub mod stage;
pub mod submission;
pub mod suggest;
pub(crate) mod tar_reader;
pub mod text;
pub mod time;

pub use actor::Actor;
pub use backoff::{Backoff, Jitter};
pub use challenge::{
    AcrossMetrics, Aggregate, Board, BoardVisibility, Case, Challenge, Contract, ContractMode, MetricSpec, MissingRule,
    Phase, Pick, Quota, Ranking, RunLimits, Scheme, ScorerSpec, Show, Task, TeamPattern, Trigger,
};
pub use check::{ImageFormat, InputSelection, NIFTI_TYPES, OutputCheck, OutputFormat, PNG_TYPES, SpaceCheck};
pub use definition::Definition;
pub use event::{ForgeEvent, RefKind, RepositoryRef, Sender};
pub use facts::{
    BuildsWith, Found, GpuUuid, ImageFacts, KillReason, LogExcerpt, OutputLimitHit, OutputListing, RunEnd,
};
pub use finding::{Finding, Location, Severity};
pub use ids::{
    AttemptId, CaseId, ChallengeSlug, CommitSha, Digest, ForgeName, ImageId, PageToken, PhaseSlug, RepositoryId,
    SubmissionId, TaskSlug, TeamSlug,
};
pub use job::{Attempt, AttemptDetail, AttemptState, Blame, Lease};
pub use origin::{ContentId, Origin};
pub use overrides::{FreezePoint, Override, Overrides, Setting};
pub use pattern::PathPattern;
pub use rerun::RerunPlan;
pub use schema::Schema;
pub use score::{CaseScore, Direction, MetricName, MetricStanding, Score, Standing};
pub use source::{Entry, EntryKind, SourceTree};
pub use stage::{Outcome, Stage};
pub use submission::{PublicState, Submission, SubmissionState};
pub use time::{Duration, Timestamp};
