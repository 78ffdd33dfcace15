//! A board: the scores of its revision, ranked now, or as they were when organizers froze it.
//!
//! Ranking takes milliseconds, so nothing is cached that could be stale.

use std::collections::BTreeSet;

use crate::model::{
    Board, BoardVisibility, CaseId, Challenge, Definition, Freeze, Overrides, Phase, Pick,
    Standing, Task, TeamSlug, Timestamp,
};
use crate::pipeline::scoring_revision;
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
    let orders = from.store.overrides(&challenge.slug).await?;
    let phase = &orders.on_board(board, phase);
    if phase.show.board == BoardVisibility::Hidden {
        return Ok(None);
    }
    let (submissions, under_way) = from.store.board_counts(board).await?;
    let shown = shown(from.store, board, &orders).await?;
    let task = &match &shown.definition {
        Some(definition) => definition.task(task),
        None => task.clone(),
    };
    let (ranked, disqualified) = shown.ranked(board, &orders);
    let rows = rows(&shown, ranked, (board, phase, task));
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
        revision: shown.revision,
        frozen: shown.frozen,
        paused: orders.paused(board).is_some(),
        disqualified,
        generated_at: from.now,
    }))
}

/// What a board shows: the present, or what was when it was frozen.
struct Shown {
    revision: Option<i64>,
    definition: Option<Definition>,
    scores: Vec<ScoreRecord>,
    frozen: Option<Timestamp>,
    /// Overrides of that moment, by which teams' choices count.
    then: Overrides,
}

async fn shown(store: &Store, board: &Board, orders: &Overrides) -> anyhow::Result<Shown> {
    let freeze = orders.frozen(board);
    let revision = match freeze {
        None => store.current_revision(board).await?,
        Some(Freeze { revision: None, .. }) => None,
        Some(Freeze {
            revision: Some(id), ..
        }) => store.revision(id).await?,
    };
    let mut scores = match &revision {
        Some(revision) => store.scores(revision.id).await?,
        None => Vec::new(),
    };
    if let Some(freeze) = freeze {
        scores.retain(|score| score.created_at <= freeze.at);
    }
    Ok(Shown {
        definition: revision.as_ref().and_then(scoring_revision::definition_of),
        revision: revision.map(|r| r.id),
        scores,
        frozen: freeze.map(|f| f.at),
        then: freeze.map_or_else(|| orders.clone(), |f| orders.until(f.at)),
    })
}

impl Shown {
    /// Scores that may be ranked, and the teams whose scores may not.
    fn ranked(&self, board: &Board, orders: &Overrides) -> (Vec<&ScoreRecord>, Vec<TeamSlug>) {
        let team = |score: &ScoreRecord| score.submission.submission.team.clone();
        let (out, ranked): (Vec<_>, Vec<_>) = self
            .scores
            .iter()
            .partition(|score| orders.disqualified(board, &team(score)).is_some());
        let disqualified: BTreeSet<TeamSlug> = out.into_iter().map(team).collect();
        (ranked, disqualified.into_iter().collect())
    }
}

/// Ranks those submissions of a board that count for their teams, best first.
pub fn standings(
    scores: &[&ScoreRecord],
    (board, phase, task): (&Board, &Phase, &Task),
    cases: &[CaseId],
    orders: &Overrides,
) -> Vec<Standing> {
    let entries: Vec<Entry<'_>> = scores
        .iter()
        .map(|record| Entry {
            team: &record.submission.submission.team,
            submission: record.submission.submission.id,
            score: &record.score,
        })
        .collect();
    let eligible = match phase.pick {
        Pick::Chosen => ranking::chosen(&entries, |team| {
            let number = orders.chosen(board, team)?;
            let all = scores.iter().map(|s| &s.submission.submission);
            all.into_iter().find(|s| s.number == number).map(|s| s.id)
        }),
        Pick::Best | Pick::Last => entries,
    };
    let input = BoardInput {
        metrics: &task.metrics,
        ranking: task.ranking,
        cases,
        entries: &eligible,
    };
    let counting = ranking::counting(&input, phase.pick);
    ranking::standings(&BoardInput {
        entries: &counting,
        ..input
    })
}

/// Writes the standings as rows, best first.
fn rows(
    shown: &Shown,
    ranked: Vec<&ScoreRecord>,
    (board, phase, task): (&Board, &Phase, &Task),
) -> Vec<RowView> {
    let cases = shown.definition.as_ref().map_or(&[][..], |d| &d.cases[..]);
    let standings = standings(&ranked, (board, phase, task), cases, &shown.then);
    let decimals = phase.show.decimals;
    standings
        .into_iter()
        .filter_map(|standing| {
            let record = ranked
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
                content: submission.origin.content(),
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
