//! The messages that the pipeline enqueues for forges: who writes which message, on which channel, how urgently.
//!
//! Pure: values in, outbox messages out. `publish` delivers them and makes the text at that time.

use serde_json::{Value, json};

use super::context::Context;
use super::forges::Forges;
use crate::forge::Capabilities;
use crate::model::{Challenge, Duration, ForgeName, Stage, Timestamp};
use crate::store::{ANSWER, NewOutboxMessage, Repository, SubmissionRecord, TextRef, URGENT};

/// Channel: the commit status of admission.
pub const ADMISSION: &str = "admission";
/// Channel: all other commit statuses of a commit.
pub const STATUS: &str = "status";
/// Channel: the report on a commit, as a git note.
pub const NOTE: &str = "note";
/// Channel: the report on a submission, as a sticky comment.
pub const REPORT: &str = "report";
/// Channel: the reply to commands.
pub const REPLY: &str = "reply";
/// Channel: the reaction that acknowledges commands.
pub const REACTION: &str = "reaction";
/// Channel: a comment that notifies a team or the organizers once.
pub const NOTICE: &str = "notice";
/// Channel: the leaderboards, as files of a repository.
pub const BOARD: &str = "board";

/// A report is edited at most this often while the submission is under way.
const REPORT_PACE: Duration = Duration::seconds(5);
/// All notes of a repository share a ref, so they are not written at each step.
const NOTE_PACE: Duration = Duration::seconds(10);
/// The shortest time between two commits to a leaderboard repository.
const BOARD_PACE: Duration = Duration::seconds(60);

/// The priority of notices. Smaller goes first.
const NOTICE_PRIORITY: i64 = 2;
/// The priority of leaderboards.
const BOARD_PRIORITY: i64 = 3;

/// Whether the messages about a submission report its progress or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Progress,
    End,
}

/// Messages that update everything that a forge shows of a submission: commit statuses, report and note.
pub fn submission_updates(
    context: &Context,
    forges: &Forges,
    record: &SubmissionRecord,
    occasion: Occasion,
) -> Vec<NewOutboxMessage> {
    let Some(challenge) = context.challenge(&record.submission.challenge) else {
        return Vec::new();
    };
    let Some(forge) = forges.get(&challenge.forge) else {
        return Vec::new();
    };
    let now = context.clock.now();
    updates_on(&challenge.forge, forge.capabilities(), record, occasion, now)
}

/// [`submission_updates`] for a caller without a daemon. First results and ends go before progress.
pub fn updates_on(
    forge: &ForgeName,
    capabilities: Capabilities,
    record: &SubmissionRecord,
    occasion: Occasion,
    now: Timestamp,
) -> Vec<NewOutboxMessage> {
    let ended = occasion == Occasion::End;
    let message = |subject: String, channel, payload: Value, pace| NewOutboxMessage {
        forge: forge.clone(),
        subject,
        channel,
        payload,
        priority: match (channel, occasion) {
            (ADMISSION, _) => URGENT,
            (STATUS, Occasion::End) => 1,
            (_, Occasion::End) => 2,
            (_, Occasion::Progress) => 3,
        },
        not_before: now,
        pace: if ended { Duration(0) } else { pace },
    };
    let mut all = Vec::new();
    let commit = record.submission.origin.sha().map(|sha| {
        (format!("commit {} {sha}", record.repository), json!({ "repository": record.repository.0, "sha": sha }))
    });
    if let Some((subject, payload)) = &commit
        && capabilities.statuses
    {
        if record.submission.stage() == Stage::Admission {
            all.push(message(subject.clone(), ADMISSION, payload.clone(), Duration(0)));
        }
        all.push(message(subject.clone(), STATUS, payload.clone(), Duration(0)));
    }
    if capabilities.issues {
        let id = record.submission.id.0;
        let payload = json!({ "submission": id });
        all.push(message(format!("submission {id}"), REPORT, payload, REPORT_PACE));
    }
    // Where commit statuses and a comment report progress, a note is written at the end only. An image has no
    // commit that could carry a note.
    if let Some((subject, payload)) = commit
        && capabilities.notes
        && (ended || !capabilities.statuses)
    {
        let pace = if capabilities.statuses { NOTE_PACE } else { Duration(0) };
        all.push(message(subject, NOTE, payload, pace));
    }
    all
}

/// Messages about an end: those about the submission, and the leaderboards where they may have changed.
pub fn end_updates(
    context: &Context,
    forges: &Forges,
    record: &SubmissionRecord,
    ranked: bool,
) -> Vec<NewOutboxMessage> {
    let mut messages = submission_updates(context, forges, record, Occasion::End);
    if ranked && let Some(challenge) = context.challenge(&record.submission.challenge) {
        messages.extend(leaderboards(context, forges, challenge));
    }
    messages
}

/// The message that updates a challenge's leaderboard repository. `None` where there is no such repository.
pub fn leaderboards(context: &Context, forges: &Forges, challenge: &Challenge) -> Option<NewOutboxMessage> {
    let full_name = challenge.leaderboard.as_ref()?;
    let forge = forges.get(&challenge.forge)?;
    forge.file_commits().is_ok().then(|| NewOutboxMessage {
        forge: challenge.forge.clone(),
        subject: format!("boards {}", challenge.slug),
        channel: BOARD,
        payload: json!({ "challenge": challenge.slug, "full_name": full_name }),
        priority: BOARD_PRIORITY,
        not_before: context.clock.now(),
        pace: BOARD_PACE,
    })
}

/// The message that acknowledges the commands of a text.
pub fn reaction(text: &TextRef, now: Timestamp) -> NewOutboxMessage {
    about_text(text, REACTION, URGENT, now)
}

/// The message that shows the replies to the commands of a text as they are now.
pub fn reply(text: &TextRef, now: Timestamp) -> NewOutboxMessage {
    about_text(text, REPLY, ANSWER, now)
}

fn about_text(text: &TextRef, channel: &'static str, priority: i64, now: Timestamp) -> NewOutboxMessage {
    let TextRef { forge, forge_id, issue, comment_id } = text;
    NewOutboxMessage {
        forge: forge.clone(),
        subject: format!("text {forge_id} {issue} {comment_id}"),
        channel,
        payload: json!({ "forge_id": forge_id, "issue": issue, "comment_id": comment_id }),
        priority,
        not_before: now,
        pace: Duration(0),
    }
}

/// A notice to a team, in the issue of its repository. The forge sends a mail. Enqueue it once per `subject`.
pub fn team_notice(repository: &Repository, subject: &str, text: &str, now: Timestamp) -> NewOutboxMessage {
    NewOutboxMessage {
        forge: repository.forge.clone(),
        subject: format!("{subject} to {}", repository.forge_id),
        channel: NOTICE,
        payload: json!({ "forge_id": repository.forge_id, "text": text, "at": now.0 }),
        priority: NOTICE_PRIORITY,
        not_before: now,
        pace: Duration(0),
    }
}

/// A notice to the organizers of a challenge, in an issue of their repository. `None` where they have no
/// repository or their forge has no issues. Enqueue it once per `subject`.
pub fn organizer_notice(
    forges: &Forges,
    challenge: &Challenge,
    subject: &str,
    text: &str,
    now: Timestamp,
) -> Option<NewOutboxMessage> {
    let organizers = challenge.organizers.as_ref()?;
    let forge = forges.get(&challenge.forge)?;
    forge.issues().is_ok().then(|| NewOutboxMessage {
        forge: challenge.forge.clone(),
        subject: format!("{subject} to organizers"),
        channel: NOTICE,
        payload: json!({ "full_name": organizers, "text": text, "at": now.0 }),
        priority: NOTICE_PRIORITY,
        not_before: now,
        pace: Duration(0),
    })
}
