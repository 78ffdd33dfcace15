//! A leaderboard: the scores of its scoring revision, ranked now, or as they were when organizers froze it.
//!
//! A leaderboard is ranked at each request, so no stored version can be out of date.

use std::collections::BTreeSet;

use crate::model::{
    Board, BoardVisibility, CaseId, Challenge, Definition, FreezePoint, Overrides, Phase, Pick, Standing, Task,
    TeamSlug, Timestamp,
};
use crate::pipeline::context::Context;
use crate::pipeline::scoring_revision;
use crate::ranking::{self, BoardEntry, BoardInput, CountingRule};
use crate::report::{BoardLink, BoardView, CellValue, CellView, ChallengeView, ColumnView, HomeView, RowView, Titled};
use crate::store::{ScoreRecord, Store};

/// Reads leaderboards. It needs less than a daemon, so that the command line can show them too.
#[derive(Debug, Clone, Copy)]
pub struct BoardReader<'a> {
    pub challenges: &'a [Challenge],
    pub store: &'a Store,
    pub now: Timestamp,
}

impl<'a> BoardReader<'a> {
    /// Reads the leaderboards of a daemon, now.
    pub fn of(context: &'a Context) -> Self {
        Self { challenges: &context.challenges, store: &context.store, now: context.clock.now() }
    }
}

/// The leaderboard that the public sees. `None` if it does not exist or is hidden.
pub async fn board(from: BoardReader<'_>, board: &Board) -> anyhow::Result<Option<BoardView>> {
    let Some(challenge) = from.challenges.iter().find(|c| c.slug == board.challenge) else {
        return Ok(None);
    };
    let (Some(phase), Some(task)) = (challenge.phase(&board.phase), challenge.task(&board.task)) else {
        return Ok(None);
    };
    let overrides = from.store.overrides(&challenge.slug).await?;
    let phase = &overrides.on_board(board, phase);
    if phase.show.board == BoardVisibility::Hidden {
        return Ok(None);
    }
    let (submissions, under_way) = from.store.board_counts(board).await?;
    let content = BoardContent::read(from.store, board, &overrides).await?;
    let task = &match &content.definition {
        Some(definition) => definition.task(task),
        None => task.clone(),
    };
    let (ranked, disqualified) = content.ranked(board, &overrides);
    let rows = content.rows(&ranked, board, phase, task);
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
        revision: content.revision,
        frozen: content.frozen,
        paused: overrides.paused(board).is_some(),
        disqualified,
        generated_at: from.now,
    }))
}

/// The content of a leaderboard: now, or at the time when it was frozen.
struct BoardContent {
    revision: Option<i64>,
    definition: Option<Definition>,
    scores: Vec<ScoreRecord>,
    frozen: Option<Timestamp>,
    /// The overrides of the leaderboard at that time. They hold the submissions that teams have chosen.
    overrides: Overrides,
}

impl BoardContent {
    async fn read(store: &Store, board: &Board, overrides: &Overrides) -> anyhow::Result<Self> {
        let freeze = overrides.frozen(board);
        let revision = match freeze {
            None => store.current_scoring_revision(board).await?,
            Some(FreezePoint { revision: None, .. }) => None,
            Some(FreezePoint { revision: Some(id), .. }) => store.scoring_revision(id).await?,
        };
        let mut scores = match &revision {
            Some(revision) => store.scores(revision.id).await?,
            None => Vec::new(),
        };
        if let Some(freeze) = freeze {
            scores.retain(|score| score.created_at <= freeze.at);
        }
        Ok(Self {
            definition: revision.as_ref().and_then(scoring_revision::definition_of),
            revision: revision.map(|r| r.id),
            scores,
            frozen: freeze.map(|f| f.at),
            overrides: freeze.map_or_else(|| overrides.clone(), |f| overrides.until(f.at)),
        })
    }

    /// The scores that the leaderboard ranks, and the disqualified teams.
    fn ranked(&self, board: &Board, overrides: &Overrides) -> (Vec<&ScoreRecord>, Vec<TeamSlug>) {
        let team = |score: &ScoreRecord| score.submission.submission.team.clone();
        let (unranked, ranked): (Vec<_>, Vec<_>) =
            self.scores.iter().partition(|score| overrides.disqualified(board, &team(score)).is_some());
        let disqualified: BTreeSet<TeamSlug> = unranked.into_iter().map(team).collect();
        (ranked, disqualified.into_iter().collect())
    }

    /// The rows of the leaderboard, best first.
    fn rows(&self, ranked: &[&ScoreRecord], board: &Board, phase: &Phase, task: &Task) -> Vec<RowView> {
        let cases = self.definition.as_ref().map_or(&[][..], |d| &d.cases[..]);
        let decimals = phase.show.decimals;
        standings(ranked, board, phase, task, cases, &self.overrides)
            .into_iter()
            .filter_map(|standing| {
                let record = ranked.iter().find(|s| s.submission.submission.id == standing.submission)?;
                let submission = &record.submission.submission;
                Some(RowView {
                    rank: standing.rank,
                    team: standing.team,
                    values: standing.metrics.iter().map(|m| CellView::new(m.aggregate, m.rank, decimals)).collect(),
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
}

/// Ranks the submissions of a leaderboard that count for their teams, best first.
pub fn standings(
    scores: &[&ScoreRecord],
    board: &Board,
    phase: &Phase,
    task: &Task,
    cases: &[CaseId],
    overrides: &Overrides,
) -> Vec<Standing> {
    let entries: Vec<BoardEntry<'_>> = scores
        .iter()
        .map(|record| BoardEntry {
            team: &record.submission.submission.team,
            submission: record.submission.submission.id,
            score: &record.score,
        })
        .collect();
    let eligible = match phase.pick {
        Pick::Chosen => ranking::keep_chosen(&entries, |team| {
            let number = overrides.chosen(board, team)?;
            let all = scores.iter().map(|s| &s.submission.submission);
            all.into_iter().find(|s| s.number == number).map(|s| s.id)
        }),
        Pick::Best | Pick::Last => entries,
    };
    let input = BoardInput { metrics: &task.metrics, ranking: task.ranking, cases, entries: &eligible };
    let rule = CountingRule { pick: phase.pick, best_by: &task.best_by(), decimals: phase.show.decimals };
    let counting = ranking::counting_entries(&input, &rule);
    ranking::standings(&BoardInput { entries: &counting, ..input })
}

/// All challenges with their public leaderboards.
pub async fn home(from: BoardReader<'_>) -> anyhow::Result<HomeView> {
    let mut challenges = Vec::new();
    for challenge in from.challenges {
        let mut boards = Vec::new();
        for name in challenge.boards() {
            if let Some(view) = board(from, &name).await? {
                boards.push(BoardLink::of(&view));
            }
        }
        challenges.push(ChallengeView { challenge: Titled::new(challenge.slug.clone(), &challenge.title), boards });
    }
    Ok(HomeView { challenges, generated_at: from.now })
}
