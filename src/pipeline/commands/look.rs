//! Commands that only tell: how things stand, what waits, what is left. And the export, which
//! writes a file and tells where it is.

use serde_json::json;

use super::answer;
use crate::clock;
use crate::command::{Scope, Subject};
use crate::model::{Board, TeamSlug};
use crate::pipeline::orders::{Answer, Desk, Refusal};
use crate::pipeline::{App, policy, schedule, view};
use crate::report::escape::markdown_code;
use crate::report::{board_text, markdown};
use crate::rules;
use crate::store::{StoreError, SubmissionRecord};

/// Submissions that one answer lists.
const LISTED_MAX: usize = 20;

/// A fault of ours that is not the database's.
fn ours(error: anyhow::Error) -> Refusal {
    Refusal::Fault(StoreError::Io(std::io::Error::other(format!("{error:#}"))))
}

pub(super) async fn status(
    app: &App,
    desk: &Desk<'_>,
    team: Option<&TeamSlug>,
    subject: Option<&Subject>,
) -> Answer<String> {
    let slug = &desk.challenge.slug;
    match (subject, team) {
        (Some(Subject::Submission(number)), team) => {
            let found = desk.store.submission_by_number(slug, *number).await?;
            let mine = |r: &SubmissionRecord| team.is_none_or(|t| *t == r.submission.team);
            let Some(record) = found.filter(mine) else {
                return Err(Refusal::NoSubmission { number: *number });
            };
            let view = view::submission(&app.context, &record)
                .await
                .map_err(ours)?;
            let text = markdown::submission(&view);
            // Without the mark: this is no report, and must not be taken for one.
            Ok(text.lines().skip(1).collect::<Vec<_>>().join("\n"))
        }
        (Some(Subject::Team(team)), _) | (None, Some(team)) => {
            let mut all = desk.store.submissions_of_challenge(slug).await?;
            all.retain(|r| r.submission.team == *team);
            Ok(answer::submissions(&all, LISTED_MAX))
        }
        (Some(Subject::Scope(scope)), _) => {
            let mut parts = Vec::new();
            for board in boards(desk, scope)? {
                parts.push(
                    match view::board(view::BoardReader::of(&app.context), &board)
                        .await
                        .map_err(ours)?
                    {
                        Some(view) => board_text::markdown(&view),
                        None => format!("`{board}` is not public."),
                    },
                );
            }
            Ok(parts.join("\n\n"))
        }
        (None, None) => overview(desk).await,
    }
}

async fn overview(desk: &Desk<'_>) -> Answer<String> {
    let orders = desk.store.overrides(&desk.challenge.slug).await?;
    let phases: Vec<String> = desk
        .challenge
        .phases
        .iter()
        .map(|phase| {
            let phase = orders.phase(&desk.challenge.slug, phase);
            let state = match phase.is_open(desk.now) {
                true => "open",
                false if desk.now < phase.opens => "not yet open",
                false => "closed",
            };
            format!(
                "| `{}` | {state} | {} | {} |",
                phase.slug, phase.opens, phase.closes
            )
        })
        .collect();
    let under_way = desk.store.submissions_under_way().await?;
    let mine = under_way
        .iter()
        .filter(|r| r.submission.challenge == desk.challenge.slug)
        .count();
    Ok(format!(
        "| Phase | | opens | closes |\n|---|---|---|---|\n{}\n\n{mine} submissions are under way.",
        phases.join("\n")
    ))
}

pub(super) async fn quota(desk: &Desk<'_>, team: Option<&TeamSlug>) -> Answer<String> {
    let Some(team) = team else {
        let message = "a quota is a team's; ask in its repository, or give some with `/grant`";
        return Err(Refusal::Already(message.to_owned()));
    };
    let orders = desk.store.overrides(&desk.challenge.slug).await?;
    let mut rows = Vec::new();
    for phase in &desk.challenge.phases {
        let phase = orders.phase(&desk.challenge.slug, phase);
        if !phase.is_open(desk.now) {
            continue;
        }
        for task in &desk.challenge.tasks {
            let board = Board {
                challenge: desk.challenge.slug.clone(),
                phase: phase.slug.clone(),
                task: task.slug.clone(),
            };
            let used = desk.store.usage(&board, team, 0, desk.now).await?;
            let left = rules::quota::left(policy::counts(used), &phase.quota);
            rows.push(format!(
                "| `{}/{}` | {} | {} | {} |",
                phase.slug, task.slug, left.today, left.total, left.submissions_today
            ));
        }
    }
    Ok(match rows.is_empty() {
        true => "No phase is open.".to_owned(),
        false => format!(
            "| Board | evaluations left today | in this phase | pushes left today |\n|---|--:|--:|--:|\n{}\n\n\
             Days are days in UTC.",
            rows.join("\n")
        ),
    })
}

pub(super) async fn queue(app: &App, desk: &Desk<'_>) -> Answer<String> {
    let mut rows = Vec::new();
    let mine = |r: &SubmissionRecord| r.submission.challenge == desk.challenge.slug;
    for record in desk.store.submissions_under_way().await? {
        if mine(&record) && record.submission.state.is_working() {
            rows.push(answer::line(&record, "now"));
        }
    }
    let waiting = schedule::order(&app.context).await.map_err(ours)?;
    for (place, record) in waiting.iter().filter(|r| mine(r)).enumerate() {
        rows.push(answer::line(record, &(place + 1).to_string()));
    }
    Ok(match rows.is_empty() {
        true => "Nothing runs and nothing waits.".to_owned(),
        false => format!(
            "| Place | Submission | Team | Board | State |\n|--:|---|---|---|---|\n{}",
            rows.join("\n")
        ),
    })
}

pub(super) async fn teams(desk: &Desk<'_>) -> Answer<String> {
    let slug = &desk.challenge.slug;
    let mut rows: Vec<String> = desk
        .store
        .repositories()
        .await?
        .iter()
        .filter(|r| r.challenge == *slug)
        .map(|r| format!("| `{}` | {} | |", r.team, markdown_code(&r.full_name)))
        .collect();
    let waiting = desk.store.registration_requests(slug).await?;
    rows.extend(
        waiting
            .iter()
            .filter(|c| c.state == crate::store::RegistrationState::Pending)
            .map(|c| {
                format!(
                    "| `{}` | {} | waits for `/team approve {}` |",
                    c.team,
                    markdown_code(&c.full_name),
                    c.team
                )
            }),
    );
    Ok(match rows.is_empty() {
        true => "There are no teams yet. `/team add NAME USER…` makes one.".to_owned(),
        false => format!(
            "| Team | Repository | |\n|---|---|---|\n{}",
            rows.join("\n")
        ),
    })
}

/// The boards of a scope, at least one.
fn boards(desk: &Desk<'_>, scope: &Scope) -> Answer<Vec<Board>> {
    let found: Vec<Board> = desk
        .challenge
        .boards()
        .filter(|b| b.phase == scope.phase)
        .filter(|b| scope.task.as_ref().is_none_or(|t| *t == b.task))
        .collect();
    match found.is_empty() {
        false => Ok(found),
        true => {
            let known: Vec<String> = desk
                .challenge
                .boards()
                .map(|b| format!("{}/{}", b.phase, b.task))
                .collect();
            let known = known.iter().map(String::as_str);
            Err(Refusal::unknown("board", scope, known))
        }
    }
}

/// The board that a rescore is of: that of its number, or the only open one.
pub(super) async fn rescored_board(desk: &Desk<'_>, number: Option<i64>) -> Answer<Board> {
    let mut open = Vec::new();
    for board in desk.challenge.boards() {
        if let Some(found) = desk.store.rescore_of(&board).await?
            && number.map_or(found.state.is_open(), |n| n == found.id)
        {
            open.push((found.id, board));
        }
    }
    match (open.len(), number) {
        (1, _) => Ok(open.remove(0).1),
        (0, _) => Err(Refusal::Already(
            "no rescore is open; `/rescore PHASE/TASK` begins one".to_owned(),
        )),
        _ => {
            let known: Vec<String> = open.iter().map(|(n, b)| format!("`{n}` ({b})")).collect();
            Err(Refusal::Already(format!(
                "several rescores are open, name one of them: {}",
                known.join(", ")
            )))
        }
    }
}

/// Writes everything about the submissions and scores of boards into a file that only who knows its
/// address can read.
pub(super) async fn export(app: &App, desk: &Desk<'_>, scope: &Scope) -> Answer<String> {
    let mut parts = Vec::new();
    for board in boards(desk, scope)? {
        let revision = desk.store.current_revision(&board).await?;
        let scores = match &revision {
            Some(revision) => desk.store.scores(revision.id).await?,
            None => Vec::new(),
        };
        let submissions = desk
            .store
            .submissions_of_challenge(&board.challenge)
            .await?;
        let submissions: Vec<_> = submissions
            .iter()
            .filter(|r| r.submission.board().as_ref() == Some(&board))
            .map(|r| {
                let score = scores
                    .iter()
                    .find(|s| s.submission.submission.id == r.submission.id);
                json!({
                    "number": r.submission.number,
                    "team": r.submission.team,
                    "commit": r.submission.origin.content(),
                    "pushed_as": r.submission.origin.pushed_as(),
                    "observed_at": r.submission.observed_at.to_string(),
                    "image": r.image,
                    "state": r.submission.state.public(),
                    "score": score.map(|s| &s.score),
                })
            })
            .collect();
        parts.push(json!({
            "board": board,
            "scoring_revision": revision.map(|r| json!({ "id": r.id, "digest": r.digest, "definition": r.definition })),
            "submissions": submissions,
        }));
    }
    let token = clock::page_token();
    let folder = app.context.settings.data.join("exports");
    let file = folder.join(format!("{}.json", token.as_str()));
    let text = format!(
        "{:#}\n",
        json!({ "written_at": desk.now.to_string(), "boards": parts })
    );
    let write = async {
        tokio::fs::create_dir_all(&folder).await?;
        tokio::fs::write(&file, text).await
    };
    write.await.map_err(StoreError::from)?;
    Ok(format!(
        "Everything about {} {} is at <{}/exports/{}>. Whoever knows this address can read it, hidden \
         scores included.",
        parts.len(),
        if parts.len() == 1 { "board" } else { "boards" },
        app.context.settings.public_url,
        token.as_str()
    ))
}
