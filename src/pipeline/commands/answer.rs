//! The sentences that commands are answered with. Values in, Markdown out.

use crate::forge::MadeTeam;
use crate::model::{Board, TeamSlug};
use crate::pipeline::orders::phases::PhaseMoved;
use crate::pipeline::orders::rescore::{Preview, Turned};
use crate::pipeline::orders::submissions::{Cancelled, Resumed};
use crate::pipeline::orders::teams::{Chosen, Granted};
use crate::ranking::RankChange;
use crate::report::escape::{markdown_code, markdown_text};
use crate::report::rounded;
use crate::store::{CommandRecord, Repository, RescoreState, SubmissionRecord};

/// The answer to all commands of a text, in its order.
pub(super) fn all(records: &[CommandRecord]) -> String {
    let parts: Vec<String> = records
        .iter()
        .map(|record| {
            let message = record
                .reply
                .as_deref()
                .unwrap_or("Under way; the answer follows here.");
            match records.len() {
                // Whoever wrote one command knows which.
                1 => message.to_owned(),
                _ => format!("{}\n\n{message}", markdown_code(&record.text)),
            }
        })
        .collect();
    parts.join("\n\n---\n\n")
}

pub(super) fn phase(moved: &PhaseMoved) -> String {
    let (before, after) = (&moved.before, &moved.after);
    let mut message = vec![format!(
        "Phase `{}`: open from {} to {}.",
        after.slug, after.opens, after.closes
    )];
    if before.opens != after.opens {
        message.push(format!("Its beginning was {}.", before.opens));
    }
    if before.closes != after.closes {
        message.push(format!("Its end was {}.", before.closes));
    }
    message.join(" ")
}

pub(super) fn boards(what: &str, boards: &[Board], then: &str) -> String {
    let names: Vec<String> = boards
        .iter()
        .map(|b| format!("`{}/{}`", b.phase, b.task))
        .collect();
    format!("{what}: {}. {then}", names.join(", "))
        .trim()
        .to_owned()
}

pub(super) fn chosen(chosen: &Chosen) -> String {
    let before = match chosen.before {
        Some(number) => format!(" instead of submission {number}"),
        None => String::new(),
    };
    format!(
        "Submission {} counts for team `{}` on `{}/{}`{before}.",
        chosen.number, chosen.team, chosen.board.phase, chosen.board.task
    )
}

pub(super) fn cancelled(ended: &Cancelled) -> String {
    let running = match ended.running {
        true => " What runs of it is ended within moments.",
        false => "",
    };
    let spent = match ended.spent {
        true => "It has spent an evaluation.",
        false => "It has spent no evaluation.",
    };
    format!("Submission {} is withdrawn.{running} {spent}", ended.number)
}

pub(super) fn rerun(resumed: &Resumed) -> String {
    format!(
        "Submission {} of team `{}` ({}) goes on from its {} stage. It spends nothing again.",
        resumed.number, resumed.team, resumed.from, resumed.to
    )
}

pub(super) fn granted(granted: &Granted) -> String {
    format!(
        "Team `{}` has {} more on `{}/{}`: {} left today, {} in the phase.",
        granted.team,
        match granted.amount {
            1 => "one evaluation".to_owned(),
            n => format!("{n} evaluations"),
        },
        granted.board.phase,
        granted.board.task,
        granted.after.today,
        granted.after.total
    )
}

/// What a rescore would change, and how to go on.
pub(super) fn preview(preview: &Preview) -> String {
    let board = format!("`{}/{}`", preview.board.phase, preview.board.task);
    if preview.state == RescoreState::Failed {
        let why = preview
            .problem
            .as_deref()
            .unwrap_or("for a reason in the log");
        return format!(
            "{board} could not be scored again: {}\n\nThe board stays as it is. Mend the scorer and \
             write `/rescore` again.",
            markdown_text(why)
        );
    }
    format!(
        "{board} scored again: {} of {} submissions. {}\n\n`/apply {}` makes it so, `/discard {}` drops it.",
        preview.done,
        preview.all,
        changes(&preview.changes, preview.decimals),
        preview.rescore,
        preview.rescore,
    )
}

pub(super) fn applied(turned: &Turned) -> String {
    format!(
        "`{}/{}` shows revision {} now, instead of {}. {}",
        turned.board.phase,
        turned.board.task,
        turned.after,
        turned.before,
        changes(&turned.changes, SHOWN_DECIMALS)
    )
}

/// Decimals where the phase's own are not at hand.
const SHOWN_DECIMALS: u8 = 3;

fn changes(changes: &[RankChange], decimals: u8) -> String {
    if changes.is_empty() {
        return "No team is ranked.".to_owned();
    }
    let moves = changes.iter().filter(|c| c.moves()).count();
    let head = match moves {
        0 => "No team changes its place.".to_owned(),
        1 => "One team changes its place:".to_owned(),
        n => format!("{n} teams change their places:"),
    };
    let place = |rank: Option<u32>| rank.map_or("–".to_owned(), |r| r.to_string());
    let value = |v: Option<f64>| v.map_or("–".to_owned(), |v| rounded(v, decimals).1);
    let rows: Vec<String> = changes
        .iter()
        .map(|c| {
            let mark = match (c.rank_before, c.rank_after) {
                (Some(before), Some(after)) if after < before => "↑",
                (Some(before), Some(after)) if after > before => "↓",
                (a, b) if a == b => "",
                _ => "•",
            };
            format!(
                "| {mark} | `{}` | {} | {} | {} | {} |",
                c.team,
                place(c.rank_before),
                place(c.rank_after),
                value(c.value_before),
                value(c.value_after)
            )
        })
        .collect();
    format!(
        "{head}\n\n| | Team | rank before | rank after | value before | value after |\n\
         |---|---|--:|--:|--:|--:|\n{}",
        rows.join("\n")
    )
}

/// What was made of a team.
pub(super) fn newcomer(bound: &Repository, made: &MadeTeam) -> String {
    let steps = made.steps.iter();
    let steps: Vec<String> = steps
        .map(|(met, what)| format!("- {met}: {}", markdown_text(what)))
        .collect();
    format!(
        "Team `{}` takes part with `{}`.\n\n{}\n\nIts members clone, change and push:\n\n```sh\n\
         git clone {}\n```",
        bound.team,
        bound.full_name,
        steps.join("\n"),
        made.url
    )
}

/// Our account owns nothing: who makes a team needs an owner's token.
pub(super) fn team_add(team: &TeamSlug, members: &[&str]) -> String {
    format!(
        "Making a repository and a forge team takes an owner's rights, which our account does not \
         have. Whoever runs this server does it by\n\n```sh\nreferee team add {team} {} \
         --owner-token-file FILE\n```\n\nor sets `owner-token-file` of this forge in `referee.toml`, so that \
         it can be ordered here. An owner can also make the repository and the forge team by hand, and \
         then `/team approve {team}`.",
        members.join(" ")
    )
}

pub(super) fn submissions(records: &[SubmissionRecord], most: usize) -> String {
    if records.is_empty() {
        return "No submissions yet.".to_owned();
    }
    let newest = records.iter().rev().take(most);
    let rows: Vec<String> = newest
        .map(|r| line(r, &r.submission.observed_at.to_string()))
        .collect();
    let more = match records.len().saturating_sub(most) {
        0 => String::new(),
        n => format!("\n\n… and {n} earlier ones."),
    };
    format!(
        "| Received | Submission | Team | Board | State |\n|---|---|---|---|---|\n{}{more}",
        rows.join("\n")
    )
}

pub(super) fn line(record: &SubmissionRecord, first: &str) -> String {
    let submission = &record.submission;
    let task = submission.task.as_ref().map_or("…", |t| t.as_str());
    format!(
        "| {first} | {} (`{}`) | `{}` | `{}/{task}` | {} |",
        submission.number,
        submission.origin.content().short(),
        submission.team,
        submission.phase,
        submission.state.public().evaluation_as_one().label()
    )
}
