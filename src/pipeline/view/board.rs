//! A board: the scores of its newest revision, ranked now.
//!
//! Ranking takes milliseconds, so nothing is cached that could be stale.

use crate::model::{Board, BoardVisibility, CaseId, Challenge, Phase, Task, Timestamp};
use crate::ranking::{self, BoardInput, Entry};
use crate::report::{
    BoardLink, BoardView, CellValue, CellView, ChallengeView, ColumnView, HomeView, RowView, Titled,
};
use crate::store::{ScoreRecord, Store};

/// What boards are made of; less than a daemon, so that the command line can show them too.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// All challenges.
    pub challenges: &'a [Challenge],
    /// The database.
    pub store: &'a Store,
    /// The present moment.
    pub now: Timestamp,
}

/// The board as everybody may see it; `None` when there is none, or nobody may see it.
///
/// # Errors
/// When the database fails.
pub async fn board(from: Rows<'_>, board: &Board) -> anyhow::Result<Option<BoardView>> {
    let Some(challenge) = from.challenges.iter().find(|c| c.slug == board.challenge) else {
        return Ok(None);
    };
    let (Some(phase), Some(task)) = (challenge.phase(&board.phase), challenge.task(&board.task))
    else {
        return Ok(None);
    };
    if phase.show.board == BoardVisibility::Hidden {
        return Ok(None);
    }
    let (submissions, under_way) = from.store.board_counts(board).await?;
    let revision = from.store.current_revision(board).await?;
    let rows = match &revision {
        None => Vec::new(),
        Some(revision) => {
            let cases: Vec<CaseId> =
                serde_json::from_value(revision.definition["cases"].clone()).unwrap_or_default();
            let scores = from.store.scores(revision.id).await?;
            rows(&scores, (phase, task), &cases)
        }
    };
    Ok(Some(BoardView {
        board: board.clone(),
        challenge: Titled::new(challenge.slug.clone(), &challenge.title),
        phase: Titled::new(phase.slug.clone(), &phase.title),
        task: Titled::new(task.slug.clone(), &task.title),
        metrics: task.metrics.iter().map(ColumnView::from).collect(),
        ranking: task.ranking,
        rows,
        submissions: u64::try_from(submissions).unwrap_or(0),
        under_way: u64::try_from(under_way).unwrap_or(0),
        opens: phase.opens,
        closes: phase.closes,
        revision: revision.map(|r| r.id),
        generated_at: from.now,
    }))
}

/// Ranks the submissions that count and writes them as rows, best first.
fn rows(scores: &[ScoreRecord], (phase, task): (&Phase, &Task), cases: &[CaseId]) -> Vec<RowView> {
    let entries: Vec<Entry<'_>> = scores
        .iter()
        .map(|record| Entry {
            team: &record.submission.submission.team,
            submission: record.submission.submission.id,
            score: &record.score,
        })
        .collect();
    let input = BoardInput {
        metrics: &task.metrics,
        ranking: task.ranking,
        cases,
        entries: &entries,
    };
    let counting = ranking::counting(&input, phase.pick);
    let standings = ranking::standings(&BoardInput {
        entries: &counting,
        ..input
    });
    let decimals = phase.show.decimals;
    standings
        .into_iter()
        .filter_map(|standing| {
            let record = scores
                .iter()
                .find(|s| s.submission.submission.id == standing.submission)?;
            let submission = &record.submission.submission;
            Some(RowView {
                rank: standing.rank,
                team: standing.team,
                values: standing
                    .metrics
                    .iter()
                    .map(|m| CellView::new(m.aggregate, m.rank, decimals))
                    .collect(),
                value: CellValue::new(standing.value, decimals),
                submission: submission.number,
                sha: submission.sha.clone(),
                at: submission.observed_at,
                imputed: standing.imputed,
                is_baseline: false,
            })
        })
        .collect()
}

/// All challenges with the boards that everybody may see.
///
/// # Errors
/// When the database fails.
pub async fn home(from: Rows<'_>) -> anyhow::Result<HomeView> {
    let mut challenges = Vec::new();
    for challenge in from.challenges {
        let mut boards = Vec::new();
        for name in challenge.boards() {
            if let Some(view) = board(from, &name).await? {
                boards.push(BoardLink::of(&view));
            }
        }
        challenges.push(ChallengeView {
            challenge: Titled::new(challenge.slug.clone(), &challenge.title),
            boards,
        });
    }
    Ok(HomeView {
        challenges,
        generated_at: from.now,
    })
}
