//! The open rescore of a leaderboard, and the changes that it would make.
//!
//! It changes nothing: `/rescore` starts a rescore, `/apply` and `/discard` end it.

use super::context::CommandContext;
use super::refusal::{CommandRefusal, CommandResult};
use super::wording::{board_name, table};
use crate::command::{Args, CommandError};
use crate::model::numbers::rounded;
use crate::model::{Board, Standing};
use crate::pipeline::{scoring_revision, view};
use crate::ranking::{self, RankChange};
use crate::store::{Rescore, RescoreState, ScoreRecord, SubmissionRecord};

/// The changes that a rescore would make.
#[derive(Debug, Clone, PartialEq)]
pub struct RescorePreview {
    /// The number of the rescore.
    pub rescore: i64,
    pub board: Board,
    pub state: RescoreState,
    /// The reason for which it failed.
    pub problem: Option<String>,
    /// Submissions with a new score.
    pub done: usize,
    pub all: usize,
    /// Teams in the order of the new leaderboard; complete once the rescore is ready.
    pub changes: Vec<RankChange>,
    /// Decimals of the values on the leaderboard.
    pub decimals: u8,
}

/// The preview of the open rescore of a leaderboard, or of the last one if it failed.
///
/// # Errors
/// There is no such leaderboard, or no such rescore.
pub async fn preview_rescore(context: &CommandContext<'_>, board: &Board) -> CommandResult<RescorePreview> {
    let (phase, _) = context.parts_of(board)?;
    let last = context.store.rescore_of(board).await?;
    let is_shown = |rescore: &Rescore| rescore.state.is_open() || rescore.state == RescoreState::Failed;
    let found = require(board, last, is_shown)?;
    let progress = RescoreProgress::read(context, &found).await?;
    Ok(RescorePreview {
        rescore: found.id,
        board: board.clone(),
        state: found.state,
        problem: found.problem,
        done: progress.done,
        all: progress.all,
        changes: progress.changes,
        decimals: phase.show.decimals,
    })
}

/// The open rescore with this number, or the only open one, for a command that ends it.
pub(super) async fn open_rescore(context: &CommandContext<'_>, number: Option<i64>) -> CommandResult<Rescore> {
    let mut found = Vec::new();
    for board in context.challenge.boards() {
        if let Some(rescore) = context.store.rescore_of(&board).await?
            && number.map_or(rescore.state.is_open(), |number| number == rescore.id)
        {
            found.push(rescore);
        }
    }
    if found.len() > 1 {
        let name = |rescore: &Rescore| format!("`{}` ({})", rescore.id, board_name(&rescore.board));
        let open = found.iter().map(name).collect();
        return Err(CommandRefusal::SeveralRescores { open });
    }
    let rescore = found.pop().ok_or(CommandRefusal::NoOpenRescore)?;
    let board = rescore.board.clone();
    require(&board, Some(rescore), |rescore| rescore.state.is_open())
}

/// The number of a rescore, which a command that ends one takes.
pub(super) fn parse_number(args: &mut Args<'_>) -> Result<Option<i64>, CommandError> {
    args.optional_number("the number of a rescore, such as `3`")
}

fn require(board: &Board, last: Option<Rescore>, is_wanted: impl Fn(&Rescore) -> bool) -> CommandResult<Rescore> {
    let last = match last {
        Some(rescore) if is_wanted(&rescore) => return Ok(rescore),
        last => last.map(|last| match &last.problem {
            Some(problem) => {
                format!(" State of the last rescore: {} ({}).", last.state.as_str(), problem.trim_end_matches('.'))
            }
            None => format!(" State of the last rescore: {}.", last.state.as_str()),
        }),
    };
    Err(CommandRefusal::NoRescore { board: board.clone(), last: last.unwrap_or_default() })
}

/// How far a rescore is, and the changes to the ranking so far.
pub(super) struct RescoreProgress {
    /// Submissions with a new score.
    pub done: usize,
    pub all: usize,
    pub changes: Vec<RankChange>,
    /// The submissions that the rescore scores again.
    pub submissions: Vec<SubmissionRecord>,
}

impl RescoreProgress {
    pub(super) async fn read(context: &CommandContext<'_>, rescore: &Rescore) -> CommandResult<Self> {
        let store = context.store;
        let before = store.scores(rescore.from_revision).await?;
        let items = store.rescore_items(rescore.id).await?;
        let all = before.len().max(items.len());
        let submissions = items.iter().map(|item| item.submission.clone()).collect();
        let after: Vec<ScoreRecord> = items
            .into_iter()
            .filter_map(|item| {
                Some(ScoreRecord { submission: item.submission, score: item.score?, created_at: item.ended_at? })
            })
            .collect();
        let old = store.scoring_revision(rescore.from_revision).await?;
        let old = old.map(|revision| revision.definition);
        let old = standings(context, &rescore.board, &before, old.as_ref()).await?;
        let new = rescore.definition.as_ref();
        let new = standings(context, &rescore.board, &after, new).await?;
        Ok(Self { done: after.len(), all, changes: ranking::rank_changes(&old, &new), submissions })
    }
}

/// The ranking by the scores of one scoring revision; empty while its definition is unknown.
async fn standings(
    context: &CommandContext<'_>,
    board: &Board,
    scores: &[ScoreRecord],
    definition: Option<&serde_json::Value>,
) -> CommandResult<Vec<Standing>> {
    let (phase, task) = context.parts_of(board)?;
    let Some(definition) = definition.and_then(scoring_revision::read_definition) else {
        return Ok(Vec::new());
    };
    let overrides = context.store.overrides(&board.challenge).await?;
    let is_ranked = |score: &&ScoreRecord| {
        let team = &score.submission.submission.team;
        overrides.disqualified(board, team).is_none()
    };
    let ranked: Vec<&ScoreRecord> = scores.iter().filter(is_ranked).collect();
    let task = definition.task(task);
    Ok(view::standings(&ranked, board, phase, &task, &definition.cases, &overrides))
}

/// The changes of a ranking as a sentence and a table.
pub(super) fn describe_changes(changes: &[RankChange], decimals: u8) -> String {
    if changes.is_empty() {
        return "No team is ranked.".to_owned();
    }
    let summary = match changes.iter().filter(|change| change.moves()).count() {
        0 => "No team changes its rank.".to_owned(),
        1 => "1 team changes its rank:".to_owned(),
        n => format!("{n} teams change their ranks:"),
    };
    let header = "| | Team | Rank before | Rank after | Value before | Value after |\n\
                  |---|---|--:|--:|--:|--:|";
    let rows: Vec<String> = changes.iter().map(|change| row(change, decimals)).collect();
    format!("{summary}\n\n{}", table(header, &rows))
}

fn row(change: &RankChange, decimals: u8) -> String {
    let rank = |rank: Option<u32>| rank.map_or("–".to_owned(), |rank| rank.to_string());
    let value = |value: Option<f64>| value.map_or("–".to_owned(), |v| rounded(v, decimals).1);
    let arrow = match (change.rank_before, change.rank_after) {
        (Some(before), Some(after)) if after < before => "↑",
        (Some(before), Some(after)) if after > before => "↓",
        (before, after) if before == after => "",
        _ => "•",
    };
    format!(
        "| {arrow} | `{}` | {} | {} | {} | {} |",
        change.team,
        rank(change.rank_before),
        rank(change.rank_after),
        value(change.value_before),
        value(change.value_after)
    )
}
