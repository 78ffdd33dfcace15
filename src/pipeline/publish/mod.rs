//! The other end of the outbox: publishes messages on a forge, and retries until the forge has them.
//!
//! The text is made from the rows when a message is sent, so it is never older than the message, and of ten waiting
//! versions only the newest is sent. In reading order: [`commit_status`], [`note`] (a git note), [`sticky_comment`] (a
//! comment that is written once and edited afterwards) and its users [`report`] (about a submission), [`reply`] (to
//! commands) and [`notice`] (to a team or to organizers), each in an issue that exists or that [`report_issue`] finds,
//! and [`leaderboards`] (files of a repository).

mod commit_status;
mod leaderboards;
mod note;
mod notice;
mod reply;
mod report;
mod report_issue;
mod reported_commit;
mod sticky_comment;
mod target;

use futures_util::StreamExt as _;

use target::Target;

use super::App;
use super::context::{Context, Progress};
use super::forge_health::CallKind;
use super::forges::Forges;
use super::outbox::{ADMISSION, BOARD, NOTE, NOTICE, REACTION, REPLY, REPORT, STATUS};
use crate::clock;
use crate::forge::ForgeError;
use crate::model::{Backoff, Duration, ForgeName, Timestamp, limits};
use crate::store::{OutboxMessage, PriorityClass};

/// Messages of one step.
const BATCH: i64 = 32;
/// Messages that are sent at the same time. A forge on a small machine answers about 20 calls a second, however many
/// arrive.
const AT_ONCE: usize = 4;
/// Messages of one step, sent one by one, while urgent ones are due.
const BATCH_BESIDE_URGENT: i64 = 4;
/// Pauses between attempts.
const RETRY: Backoff = Backoff { first: Duration::seconds(1), most: Duration::seconds(300) };
/// Attempts, over a quarter of an hour, before a repository that the forge does not know is considered deleted. An
/// account that lost its access by mistake has so long to get it back.
const GONE_ATTEMPTS_MAX: i64 = 10;
/// Attempts, over half a minute, before a commit that the forge does not know is considered deleted.
const COMMIT_ATTEMPTS_MAX: i64 = 5;
/// A repository can be unarchived. The sweep notices that for a team's repository. Any other one is tried this often.
const ARCHIVED_PAUSE: Duration = Duration::seconds(3600);
/// A forge may execute a request so long after Referee has given up waiting.
const LATE: Duration = Duration(2 * limits::FORGE_CALL_TIME.0);

/// The reason why a message was not published.
#[derive(Debug)]
enum Unpublished {
    /// The forge refused.
    Forge(ForgeError),
    /// The repository was deleted, or is hidden from Referee's account.
    NoRepository,
    /// The repository no longer has the commit: another one was force-pushed, and the commit was removed.
    NoCommit,
    /// Referee itself failed.
    Internal(anyhow::Error),
}

impl From<ForgeError> for Unpublished {
    fn from(error: ForgeError) -> Self {
        Self::Forge(error)
    }
}

impl From<anyhow::Error> for Unpublished {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<crate::store::StoreError> for Unpublished {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Sends messages that are due to a forge.
///
/// # Errors
/// When the database fails. A call to the forge that fails is retried later.
pub async fn step(app: &App, forge: &ForgeName, class: PriorityClass) -> anyhow::Result<Progress> {
    let App { context, forges, .. } = app;
    let now = context.clock.now();
    if forges.health.waits(forge, now) {
        return Ok(Progress::Idle);
    }
    let mut urgent_waits = false;
    if class == PriorityClass::Rest {
        let urgent = context.store.due_messages(forge, PriorityClass::Urgent, now, 1);
        urgent_waits = !urgent.await?.is_empty();
    }
    let (batch, at_once) = if urgent_waits { (BATCH_BESIDE_URGENT, 1) } else { (BATCH, AT_ONCE) };
    let due = context.store.due_messages(forge, class, now, batch).await?;
    let worked = !due.is_empty();
    let results: Vec<anyhow::Result<()>> = futures_util::stream::iter(due)
        .map(|message| send(context, forges, message))
        .buffer_unordered(at_once)
        .collect()
        .await;
    results.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(Progress::from_worked(worked))
}

/// Sends one message and records the result.
async fn send(context: &Context, forges: &Forges, mut message: OutboxMessage) -> anyhow::Result<()> {
    let now = || context.clock.now();
    if forges.health.waits(&message.forge, now()) {
        // The forge went away while the message waited. It stays due.
        return Ok(());
    }
    let store = &context.store;
    let error = match publish(context, forges, &mut message).await {
        Ok(None) => return Ok(store.record_sent(&message, now()).await?),
        Ok(Some(again)) => return Ok(store.record_sent_until(&message, now(), again).await?),
        Err(error) => error,
    };
    if let Unpublished::Forge(error) = &error {
        forges.health.failed(&message.forge, CallKind::Write, error, now());
    }
    let Decision { pause, is_final, reason } = decide(&error, message.attempts);
    let (subject, channel) = (&message.subject, &message.channel);
    if is_final {
        tracing::warn!(subject, channel, error = reason, "not published; given up");
        return Ok(store.abandon_message(&message, &reason, now()).await?);
    }
    tracing::info!(subject, channel, error = reason, "not published yet");
    let again = now().plus(pause);
    Ok(store.record_failed_attempt(&message, &reason, again).await?)
}

/// Publishes a message on its channel. Returns the time of another look, if an earlier attempt may still appear.
async fn publish(
    context: &Context,
    forges: &Forges,
    message: &mut OutboxMessage,
) -> Result<Option<Timestamp>, Unpublished> {
    match message.channel.as_str() {
        REPORT => return report::publish(context, forges, message).await,
        REPLY => return reply::publish(context, forges, message).await,
        NOTICE => return notice::publish(context, forges, message).await,
        ADMISSION | STATUS => commit_status::publish(context, forges, message).await?,
        NOTE => note::publish(context, forges, message).await?,
        REACTION => reply::publish_reaction(context, forges, message).await?,
        BOARD => leaderboards::publish(context, forges, message).await?,
        other => {
            let error = anyhow::anyhow!("there is no channel `{other}`");
            return Err(Unpublished::Internal(error));
        }
    }
    Ok(None)
}

/// What follows an attempt that failed.
struct Decision {
    pause: Duration,
    /// Whether the message is given up.
    is_final: bool,
    reason: String,
}

/// Decides about a message that was not published, after so many earlier attempts.
fn decide(error: &Unpublished, attempts: i64) -> Decision {
    let pause = RETRY.jittered(attempts, clock::jitter());
    let retry = |pause, is_final, reason| Decision { pause, is_final, reason };
    match error {
        Unpublished::Forge(error @ ForgeError::Archived) => retry(ARCHIVED_PAUSE, false, error.to_string()),
        Unpublished::Forge(error) => {
            let pause = error.asks_to_wait().unwrap_or(pause);
            retry(pause, error.is_final(), error.to_string())
        }
        Unpublished::NoRepository => {
            let reason = "the forge no longer has this repository, or hides it from the account of Referee";
            retry(pause, attempts >= GONE_ATTEMPTS_MAX, reason.to_owned())
        }
        Unpublished::NoCommit => {
            let reason = "the forge no longer has this commit: another one was force-pushed";
            retry(pause, attempts >= COMMIT_ATTEMPTS_MAX, reason.to_owned())
        }
        Unpublished::Internal(error) => retry(pause, false, format!("{error:#}")),
    }
}
