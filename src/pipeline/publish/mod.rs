//! The outbox's other end: shows on a forge what shall be shown, and tries again until it is.
//!
//! What is sent is made from the rows at the moment of sending, so it is never older than the wish,
//! and of ten wishes that wait only the newest is sent. In reading order: `statuses` (lamps on a
//! commit), `note` (a git note), `comment` (a comment that is written once and edited after) and
//! its users: `report` (on a submission), `reply` (to commands), `notice` (to a team, to organizers),
//! each in an issue that stands or that `thread` finds; `leaderboard` (files of a repository).

mod comment;
mod health;
mod leaderboard;
mod note;
mod notice;
mod reply;
mod report;
mod statuses;
mod target;
mod thread;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

pub use health::{Health, Way};
pub use leaderboard::message as board;
pub(super) use leaderboard::put as boards;
pub use notice::{notify, notify_organizers};
pub use reply::{reaction, reply};

use target::Target;

use super::{App, Progress};
use crate::forge::{Capabilities, ForgeError};
use crate::model::{Duration, ForgeName, Timestamp, limits};
use crate::store::{NewOutboxMessage, OutboxMessage, PriorityClass, SubmissionRecord, URGENT};

/// Wishes looked at in one step.
const AT_ONCE: i64 = 32;
/// Wishes sent at the same time: a forge on a small machine takes some 20 calls a second, however many
/// ask.
const SENDING: usize = 4;
/// Wishes looked at in one step, and sent one by one, while more urgent ones are due.
const BESIDE_URGENT: i64 = 4;
/// Longest pause between tries.
const PAUSE_MAX: Duration = Duration::seconds(300);
/// Tries, over a quarter of an hour, before a repository that the forge does not know is taken for gone: an
/// account that was put out of its team by mistake has that long to come back.
const GONE_ATTEMPTS_MAX: i64 = 10;
/// A forge may still do what it was asked this long ago, although we gave up waiting.
const LATE: Duration = Duration(2 * limits::FORGE_CALL_TIME.0);
/// Tries, over half a minute, before a commit that the forge says it does not know is taken for gone.
const COMMIT_ATTEMPTS_MAX: i64 = 5;
/// Somebody may take a repository out of the archive again. The sweep sees it if it is a team's; this
/// often it is tried in any case.
const ARCHIVED_PAUSE: Duration = Duration::seconds(3600);
/// A report is edited this often at most while the submission is under way.
const REPORT_PACE: Duration = Duration::seconds(5);
/// Notes of a repository share a ref: they are not written with every step.
const NOTE_PACE: Duration = Duration::seconds(10);

/// The lamp of the rules.
pub const ADMISSION: &str = "admission";
/// All other lamps of a commit.
pub const STATUS: &str = "status";
/// A report on a commit, as a git note.
pub const NOTE: &str = "note";
/// A report on a submission, as a comment.
pub const REPORT: &str = "report";

/// An answer to commands.
const REPLY: &str = "reply";
/// A sign that commands were heard.
const REACTION: &str = "reaction";
/// A comment of ours in the issue of a repository.
const NOTICE: &str = "notice";
/// The boards, as files of a repository.
const BOARD: &str = "board";

/// Why a wish was not fulfilled.
#[derive(Debug)]
enum Unsent {
    /// The forge said no.
    Forge(ForgeError),
    /// The repository is no longer there, or hidden from us.
    Gone,
    /// The repository no longer has the commit: it was pushed over, and cleared away.
    NoCommit,
    /// We failed ourselves.
    Ours(anyhow::Error),
}

impl From<ForgeError> for Unsent {
    fn from(error: ForgeError) -> Self {
        Self::Forge(error)
    }
}

impl From<anyhow::Error> for Unsent {
    fn from(error: anyhow::Error) -> Self {
        Self::Ours(error)
    }
}

impl From<crate::store::StoreError> for Unsent {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Ours(error.into())
    }
}

/// What a forge shall show of a submission as it is now, by every way that it has. First verdicts
/// and ends go before progress.
pub fn messages(app: &App, record: &SubmissionRecord, ended: bool) -> Vec<NewOutboxMessage> {
    let challenge = app.challenge(&record.submission.challenge);
    let forge = challenge.and_then(|c| app.forges.get_key_value(&c.forge));
    match forge {
        Some((name, forge)) => news((name, forge.shows()), record, ended, app.clock.now()),
        None => Vec::new(),
    }
}

/// [`messages`], for who has no daemon at hand.
pub fn news(
    (name, shows): (&ForgeName, Capabilities),
    record: &SubmissionRecord,
    ended: bool,
    now: Timestamp,
) -> Vec<NewOutboxMessage> {
    let message = |subject: &str, channel, payload: &Value, pace| NewOutboxMessage {
        forge: name.clone(),
        subject: subject.to_owned(),
        channel,
        payload: payload.clone(),
        priority: match (channel, ended) {
            (ADMISSION, _) => URGENT,
            (STATUS, true) => 1,
            (_, true) => 2,
            (_, false) => 3,
        },
        not_before: now,
        pace: if ended { Duration(0) } else { pace },
    };
    let id = record.submission.id.0;
    let report = shows.issues.then(|| {
        let of_submission = json!({ "submission": id });
        message(
            &format!("submission {id}"),
            REPORT,
            &of_submission,
            REPORT_PACE,
        )
    });
    // An image has no commit that could carry a lamp or a note.
    let Some(sha) = record.submission.origin.sha() else {
        return report.into_iter().collect();
    };
    let commit = format!("commit {} {sha}", record.repository);
    let of_commit = json!({ "repository": record.repository.0, "sha": sha });
    let mut all = Vec::new();
    if shows.statuses {
        if record.submission.stage == crate::model::Stage::Admission {
            all.push(message(&commit, ADMISSION, &of_commit, Duration(0)));
        }
        all.push(message(&commit, STATUS, &of_commit, Duration(0)));
    }
    all.extend(report);
    // Where a lamp and a comment tell of progress, a note is for the end.
    if ended || !shows.statuses {
        let pace = if shows.statuses {
            NOTE_PACE
        } else {
            Duration(0)
        };
        all.push(message(&commit, NOTE, &of_commit, pace));
    }
    all
}

/// Sends what is due to a forge by one of its lanes.
///
/// # Errors
/// When the database fails. A forge that fails is tried again later.
pub async fn step(
    app: &App,
    forge: &ForgeName,
    priority_class: PriorityClass,
) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    if app.health.waits(forge, now) {
        return Ok(Progress::Idle);
    }
    let mut urgent_waits = false;
    if priority_class == PriorityClass::Rest {
        let urgent = app
            .store
            .due((forge, PriorityClass::Urgent), now, 1)
            .await?;
        urgent_waits = !urgent.is_empty();
    }
    let (at_once, sending) = match urgent_waits {
        true => (BESIDE_URGENT, 1),
        false => (AT_ONCE, SENDING),
    };
    let due = app.store.due((forge, priority_class), now, at_once).await?;
    if due.is_empty() {
        return Ok(Progress::Idle);
    }
    let results: Vec<anyhow::Result<()>> = futures_util::stream::iter(due)
        .map(|item| send(app, item))
        .buffer_unordered(sending)
        .collect()
        .await;
    for result in results {
        result?;
    }
    Ok(Progress::Worked)
}

/// Sends one wish and keeps what came of it.
async fn send(app: &App, mut item: OutboxMessage) -> anyhow::Result<()> {
    if app.health.waits(&item.forge, app.clock.now()) {
        // The forge went away while this waited for its turn; it stays due.
        return Ok(());
    }
    let now = || app.clock.now();
    let error = match by_channel(app, &mut item).await {
        Ok(None) => return Ok(app.store.sent(&item, now()).await?),
        Ok(Some(again)) => return Ok(app.store.sent_for_now(&item, now(), again).await?),
        Err(error) => error,
    };
    if let Unsent::Forge(error) = &error {
        app.health.failed(&item.forge, (Way::Write, error), now());
    }
    let (pause, is_final, message) = judge(&error, item.attempts);
    if is_final {
        tracing::warn!(
            item.subject,
            item.channel,
            error = message,
            "cannot be shown"
        );
        return Ok(app.store.given_up(&item, &message, now()).await?);
    }
    tracing::info!(item.subject, item.channel, error = message, "not shown yet");
    Ok(app
        .store
        .not_sent(&item, &message, now().plus(pause))
        .await?)
}

/// What is to be done about a wish that could not be sent, after so many tries before: how long to
/// wait, whether to give it up, and why.
fn judge(error: &Unsent, attempts: i64) -> (Duration, bool, String) {
    let pause = Duration::seconds(1 << attempts.clamp(0, 8)).min(PAUSE_MAX);
    match error {
        Unsent::Forge(error @ ForgeError::Archived) => (ARCHIVED_PAUSE, false, error.to_string()),
        Unsent::Forge(error) => {
            let pause = error.asks_to_wait().unwrap_or(pause);
            (pause, error.is_final(), error.to_string())
        }
        Unsent::Gone => {
            let message = "the forge no longer has this repository, or hides it from our account";
            (pause, attempts >= GONE_ATTEMPTS_MAX, message.to_owned())
        }
        Unsent::NoCommit => {
            let message = "the forge no longer has this commit: it was pushed over";
            (pause, attempts >= COMMIT_ATTEMPTS_MAX, message.to_owned())
        }
        Unsent::Ours(error) => (pause, false, format!("{error:#}")),
    }
}

/// A repository may be out of the archive: what waits for that is sent now.
///
/// # Errors
/// When the database fails.
pub async fn is_back(app: &App, forge: &ForgeName, forge_id: &str) -> anyhow::Result<()> {
    if app.health.is_back(forge, forge_id) {
        let message = ForgeError::Archived.to_string();
        app.store.wake(forge, &message, app.clock.now()).await?;
    }
    Ok(())
}

/// Sends a wish by its way. When to look again, if what is shown now may not stay as it is.
async fn by_channel(app: &App, item: &mut OutboxMessage) -> Result<Option<Timestamp>, Unsent> {
    match item.channel.as_str() {
        REPORT => return report::send(app, item).await,
        REPLY => return reply::send(app, item).await,
        NOTICE => return notice::send(app, item).await,
        ADMISSION | STATUS => statuses::send(app, item).await?,
        NOTE => note::send(app, item).await?,
        REACTION => reply::send_reaction(app, item).await?,
        BOARD => leaderboard::send(app, item).await?,
        other => return Err(Unsent::Ours(anyhow::anyhow!("no way `{other}` to a forge"))),
    }
    Ok(None)
}
