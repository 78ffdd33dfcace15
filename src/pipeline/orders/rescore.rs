//! Rescore a board: ask for it, look at what it would change, apply or discard it.

use serde_json::json;

use super::super::{scoring_revision, view};
use super::{Answer, Desk, Refusal};
use crate::model::{Board, Standing};
use crate::ranking::{self, RankChange};
use crate::store::{Applied, Rescore, RescoreState, ScoreRecord};

/// A rescore that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its number.
    pub rescore: i64,
    /// The board.
    pub board: Board,
    /// Scores that the board has now.
    pub scores: usize,
}

/// What a rescore would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Its number.
    pub rescore: i64,
    /// The board.
    pub board: Board,
    /// How far it is. One that has failed can be looked at until the next is begun.
    pub state: RescoreState,
    /// Why it failed.
    pub problem: Option<String>,
    /// Submissions with a new score.
    pub done: usize,
    /// Submissions in all.
    pub all: usize,
    /// Teams in the order of the board to be; complete once the rescore is ready.
    pub changes: Vec<RankChange>,
    /// Decimals that the phase shows of values.
    pub decimals: u8,
}

/// A board that has turned to its rescore.
#[derive(Debug, Clone, PartialEq)]
pub struct Turned {
    /// The board.
    pub board: Board,
    /// Its revision before.
    pub before: i64,
    /// Its revision now.
    pub after: i64,
    /// What has changed.
    pub changes: Vec<RankChange>,
}

/// Asks for a board to be scored again, by the scorer, the truth and the metrics as they are now.
///
/// # Errors
/// When there is no such board, it has no scores, or it is being rescored.
pub async fn rescore(desk: &Desk<'_>, board: &Board) -> Answer<Begun> {
    desk.board(board)?;
    let Some(current) = desk.store.current_revision(board).await? else {
        return Err(Refusal::NoScores {
            board: board.to_string(),
        });
    };
    if let Some(last) = desk.store.rescore_of(board).await?
        && last.state.is_open()
    {
        return Err(Refusal::Rescoring {
            board: board.to_string(),
            state: last.state.as_str(),
        });
    }
    let detail = json!({ "before": { "revision": current.id } });
    let audit = desk.audit("rescore", board.to_string(), detail);
    let scores = desk.store.scores(current.id).await?.len();
    Ok(Begun {
        rescore: desk.store.request_rescore(board, &audit, desk.now).await?,
        board: board.clone(),
        scores,
    })
}

/// What the rescore of a board would change.
///
/// # Errors
/// When there is no such board, or no rescore of it.
pub async fn preview(desk: &Desk<'_>, board: &Board) -> Answer<Preview> {
    let (phase, _) = desk.board(board)?;
    let last = desk.store.rescore_of(board).await?;
    match last {
        Some(found) if found.state.is_open() || found.state == RescoreState::Failed => {
            let (done, all, changes) = changes(desk, &found).await?;
            Ok(Preview {
                rescore: found.id,
                board: board.clone(),
                state: found.state,
                problem: found.problem,
                done,
                all,
                changes,
                decimals: phase.show.decimals,
            })
        }
        last => Err(none(board, last.as_ref())),
    }
}

/// Turns a board to its rescore.
///
/// # Errors
/// When there is none, it is not ready, or the board has turned elsewhere meanwhile.
pub async fn apply(desk: &Desk<'_>, board: &Board) -> Answer<Turned> {
    desk.board(board)?;
    let found = open(desk, board).await?;
    let (_, _, changes) = changes(desk, &found).await?;
    let mut reports = Vec::new();
    for item in desk.store.rescore_items(found.id).await? {
        reports.extend(desk.news(&item.submission));
    }
    let moved: Vec<_> = changes
        .iter()
        .filter(|c| c.moves())
        .map(|c| json!({ "team": c.team, "before": c.rank_before, "after": c.rank_after }))
        .collect();
    let detail = json!({
        "rescore": found.id,
        "before": { "revision": found.from_revision },
        "ranks": moved,
    });
    let audit = desk.audit("rescore apply", board.to_string(), detail);
    let applied = desk
        .store
        .apply_rescore(found.id, &audit, &reports, desk.now)
        .await?;
    match applied {
        Applied::Done { revision, .. } => Ok(Turned {
            board: board.clone(),
            before: found.from_revision,
            after: revision,
            changes,
        }),
        Applied::NotReady { done, all } => Err(Refusal::NotReady {
            board: board.to_string(),
            done,
            all,
        }),
        Applied::Outdated => Err(Refusal::Outdated {
            board: board.to_string(),
        }),
    }
}

/// Gives the rescore of a board up. The board stays as it is.
///
/// # Errors
/// When there is none.
pub async fn discard(desk: &Desk<'_>, board: &Board) -> Answer<Rescore> {
    desk.board(board)?;
    let found = open(desk, board).await?;
    let detail = json!({
        "rescore": found.id,
        "before": found.state.as_str(),
        "after": RescoreState::Discarded.as_str(),
    });
    let audit = desk.audit("rescore discard", board.to_string(), detail);
    desk.store
        .discard_rescore(found.id, &audit, desk.now)
        .await?;
    Ok(found)
}

async fn open(desk: &Desk<'_>, board: &Board) -> Answer<Rescore> {
    let last = desk.store.rescore_of(board).await?;
    match last {
        Some(found) if found.state.is_open() => Ok(found),
        last => Err(none(board, last.as_ref())),
    }
}

fn none(board: &Board, last: Option<&Rescore>) -> Refusal {
    let how = last.map(|last| match &last.problem {
        Some(problem) => format!(" The last one is {}: {problem}", last.state.as_str()),
        None => format!(" The last one is {}.", last.state.as_str()),
    });
    Refusal::NoRescore {
        board: board.to_string(),
        last: how.unwrap_or_default(),
    }
}

/// How many are scored, how many there are, and what the board would change.
async fn changes(desk: &Desk<'_>, rescore: &Rescore) -> Answer<(usize, usize, Vec<RankChange>)> {
    let before = desk.store.scores(rescore.from_revision).await?;
    let items = desk.store.rescore_items(rescore.id).await?;
    let all = before.len().max(items.len());
    let after: Vec<ScoreRecord> = items
        .into_iter()
        .filter_map(|item| {
            Some(ScoreRecord {
                submission: item.submission,
                score: item.score?,
                created_at: item.ended_at?,
            })
        })
        .collect();
    let old = desk.store.revision(rescore.from_revision).await?;
    let old = ranked(desk, rescore, (&before, old.map(|r| r.definition))).await?;
    let new = ranked(desk, rescore, (&after, rescore.definition.clone())).await?;
    Ok((after.len(), all, ranking::changes(&old, &new)))
}

async fn ranked(
    desk: &Desk<'_>,
    rescore: &Rescore,
    (scores, definition): (&[ScoreRecord], Option<serde_json::Value>),
) -> Answer<Vec<Standing>> {
    let board = &rescore.board;
    let (phase, task) = desk.board(board)?;
    let Some(definition) = definition
        .as_ref()
        .and_then(scoring_revision::read_definition)
    else {
        return Ok(Vec::new());
    };
    let orders = desk.store.overrides(&board.challenge).await?;
    let team = |s: &ScoreRecord| s.submission.submission.team.clone();
    let counting: Vec<&ScoreRecord> = scores
        .iter()
        .filter(|s| orders.disqualified(board, &team(s)).is_none())
        .collect();
    let task = definition.task(task);
    Ok(view::standings(
        &counting,
        (board, phase, &task),
        &definition.cases,
        &orders,
    ))
}
