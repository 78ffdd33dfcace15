//! Orders about a team: disqualify and reinstate it, give it evaluations, and its own choice of what
//! counts.

use serde_json::json;

use super::super::policy;
use super::{Answer, Desk, Reach, Refusal};
use crate::model::{Board, Outcome, Override, Pick, Setting, TeamSlug, limits};
use crate::rules::quota;
use crate::store::{Grant, NewAuditEntry, Ordered};

/// A team whose place on boards was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamChanged {
    /// The team.
    pub team: TeamSlug,
    /// Boards on which it changed, at least one.
    pub boards: Vec<Board>,
}

/// A choice that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The team.
    pub team: TeamSlug,
    /// On this board.
    pub board: Board,
    /// What counted by choice before; none before the first.
    pub before: Option<i64>,
    /// What counts now.
    pub number: i64,
}

/// Evaluations that were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The team.
    pub team: TeamSlug,
    /// On this board.
    pub board: Board,
    /// How many were given.
    pub amount: u32,
    /// What the team has left before.
    pub before: quota::Left,
    /// What it has left now.
    pub after: quota::Left,
}

/// Gives a team further evaluations on a board: beside the quota of the phase, and today beside the
/// quota of the day.
///
/// # Errors
/// When there is no such team or board, or the number is none that is given.
pub async fn grant(
    desk: &Desk<'_>,
    (board, team): (&Board, &TeamSlug),
    (amount, why): (u32, &str),
) -> Answer<Granted> {
    let (phase, _) = desk.board(board)?;
    desk.team(team).await?;
    if !(1..=limits::GRANT_MAX).contains(&amount) {
        return Err(Refusal::Amount {
            amount,
            most: limits::GRANT_MAX,
        });
    }
    let counts = policy::counts(desk.store.usage(board, team, 0, desk.now).await?);
    let detail = json!({
        "before": { "granted": counts.granted },
        "after": { "granted": counts.granted.saturating_add(amount) },
        "reason": why,
    });
    let audit = desk.audit("grant", format!("{board} team {team}"), detail);
    let grant = Grant {
        board,
        team,
        amount,
        reason: why,
    };
    desk.store.grant(&grant, &audit, desk.now).await?;
    let now = policy::counts(desk.store.usage(board, team, 0, desk.now).await?);
    Ok(Granted {
        team: team.clone(),
        board: board.clone(),
        amount,
        before: quota::left(counts, &phase.quota),
        after: quota::left(now, &phase.quota),
    })
}

/// Takes a team out of the ranking. Its scores stay, and it may go on submitting.
///
/// # Errors
/// When there is no such team, or it is out everywhere within reach.
pub async fn disqualify(
    desk: &Desk<'_>,
    team: &TeamSlug,
    (reach, why): (&Reach, &str),
) -> Answer<TeamChanged> {
    place(desk, team, (reach, why), true).await
}

/// Takes a disqualification back.
///
/// # Errors
/// When there is no such team, or it is ranked everywhere within reach.
pub async fn reinstate(desk: &Desk<'_>, team: &TeamSlug, reach: &Reach) -> Answer<TeamChanged> {
    place(desk, team, (reach, ""), false).await
}

async fn place(
    desk: &Desk<'_>,
    team: &TeamSlug,
    (reach, why): (&Reach, &str),
    out: bool,
) -> Answer<TeamChanged> {
    desk.team(team).await?;
    let challenge = &desk.challenge.slug;
    let orders = desk.store.overrides(challenge).await?;
    let mut boards = desk.boards(reach)?;
    boards.retain(|board| orders.disqualified(board, team).is_some() != out);
    let (action, message) = match out {
        true => ("disqualify", "is disqualified"),
        false => ("reinstate", "is not disqualified"),
    };
    if boards.is_empty() {
        return Err(Refusal::Already(format!("team `{team}` {message} here")));
    }
    // One row for all of them: a board that is added to the file later is covered, too.
    let row = desk.set(reach, Some(team), Setting::Disqualified(out), why);
    let detail = json!({
        "before": { "disqualified": !out },
        "after": { "disqualified": out },
        "reason": why,
        "boards": boards.iter().map(Board::to_string).collect::<Vec<_>>(),
    });
    let audit = desk.audit(action, format!("{challenge} team {team}"), detail);
    commit(desk, (orders.newest(), row), &audit, (&boards, team)).await?;
    Ok(TeamChanged {
        team: team.clone(),
        boards,
    })
}

/// Commits an order about a team's place on boards, if it still rests on the newest order known.
async fn commit(
    desk: &Desk<'_>,
    (newest, row): (i64, Override),
    audit: &NewAuditEntry,
    (boards, team): (&[Board], &TeamSlug),
) -> Answer<()> {
    let reports = desk.reports(boards, |of| of == team).await?;
    let with = Ordered {
        audit,
        boards,
        reports: &reports,
    };
    desk.store
        .put_overrides(&desk.challenge.slug, newest, &[row], with, desk.now)
        .await?;
    Ok(())
}

/// Lets a submission count for its team, where the phase picks the chosen one.
///
/// # Errors
/// When the phase does not, or the submission is another team's or has no score.
pub async fn choose(desk: &Desk<'_>, team: &TeamSlug, number: i64) -> Answer<Chosen> {
    let record = desk.submission(number).await?;
    let submission = &record.submission;
    let unfit = |because: &str| Refusal::Unfit {
        number,
        because: because.to_owned(),
    };
    if submission.team != *team {
        return Err(unfit("it is another team's"));
    }
    let (Some(task), Some(Outcome::Scored)) = (&submission.task, submission.outcome()) else {
        return Err(unfit("it has no score"));
    };
    let board = Board {
        challenge: submission.challenge.clone(),
        phase: submission.phase.clone(),
        task: task.clone(),
    };
    let (phase, _) = desk.board(&board)?;
    let pick = match phase.pick {
        Pick::Chosen => None,
        Pick::Best => Some("best"),
        Pick::Last => Some("last"),
    };
    if let Some(pick) = pick {
        return Err(Refusal::NoChoice {
            phase: phase.slug.to_string(),
            pick,
        });
    }
    let challenge = &desk.challenge.slug;
    let orders = desk.store.overrides(challenge).await?;
    let before = orders.chosen(&board, team);
    if before == Some(number) {
        return Err(Refusal::Already(format!("#{number} is chosen")));
    }
    let row = desk.set(
        &Reach::of(&board),
        Some(team),
        Setting::Chosen(Some(number)),
        "",
    );
    let detail = json!({ "before": before, "after": number });
    let audit = desk.audit("choose", format!("{board} team {team}"), detail);
    let boards = [board.clone()];
    commit(desk, (orders.newest(), row), &audit, (&boards, team)).await?;
    Ok(Chosen {
        team: team.clone(),
        board,
        before,
        number,
    })
}
