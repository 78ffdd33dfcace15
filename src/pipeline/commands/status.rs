//! `/status [#12 | team NAME | PHASE[/TASK]]`: shows a submission, a team, leaderboards or an overview.

use super::wording::{board_name, submission_row, table};
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec, Permission};
use crate::model::TeamSlug;
use crate::model::text::counted;
use crate::pipeline::view;
use crate::report::{board_text, markdown};
use crate::store::SubmissionRecord;

/// Submissions that one reply lists.
const LISTED_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    subject: Option<Subject>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Submission(i64),
    Team(TeamSlug),
    /// A phase whose name is a number cannot be given without a task: it reads as a submission.
    Boards(BoardSelector),
}

impl CommandHandler for Status {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "status",
        takes: "[#12 | team NAME | PHASE[/TASK]]",
        permission: Permission::Both,
        summary: "Shows the status of a submission. Organizers can also query a team, a phase or a leaderboard.",
        details: "Without an argument it shows the latest submissions in the repository of a team, and the phases \
                  elsewhere. A leaderboard is shown as the public sees it.",
        examples: &["/status", "/status #12", "/status team alpha", "/status validation/segmentation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let Some(word) = args.next_word()? else {
            return Ok(Self { subject: None });
        };
        let subject = if let Some(number) = args.submission_in(&word)? {
            Subject::Submission(number)
        } else if word.is_keyword("team") {
            Subject::Team(args.team_name()?)
        } else {
            Subject::Boards(args.boards_in(&word)?)
        };
        Ok(Self { subject: Some(subject) })
    }

    fn arguments(&self) -> String {
        match &self.subject {
            Some(Subject::Submission(number)) => format!("#{number}"),
            Some(Subject::Team(team)) => format!("team {team}"),
            Some(Subject::Boards(boards)) => boards.to_string(),
            None => String::new(),
        }
    }

    /// A team sees other teams only on the leaderboard.
    fn permission(&self) -> Permission {
        match &self.subject {
            Some(Subject::Team(_) | Subject::Boards(_)) => Permission::Organizers,
            Some(Subject::Submission(_)) | None => Permission::Both,
        }
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let reply = match (&self.subject, context.team) {
            (Some(Subject::Submission(number)), _) => submission(context, *number).await?,
            (Some(Subject::Team(team)), _) | (None, Some(team)) => team_overview(context, team).await?,
            (Some(Subject::Boards(boards)), _) => leaderboards(context, boards).await?,
            (None, None) => challenge_overview(context).await?,
        };
        Ok(reply.into())
    }
}

/// The report of a submission. In the repository of a team only its own submissions exist.
async fn submission(context: &CommandContext<'_>, number: i64) -> CommandResult<String> {
    let record = context.submission(number).await?;
    if context.team.is_some_and(|team| record.submission.team != *team) {
        return Err(CommandRefusal::UnknownSubmission { number });
    }
    let view = view::submission(&context.daemon()?.context, &record).await?;
    let report = markdown::submission(&view);
    // Without its first line, by which Referee finds the report comment that it edits.
    let lines: Vec<&str> = report.lines().skip(1).collect();
    Ok(lines.join("\n"))
}

async fn team_overview(context: &CommandContext<'_>, team: &TeamSlug) -> CommandResult<String> {
    let slug = &context.challenge.slug;
    let mut all = context.store.submissions_of_challenge(slug).await?;
    all.retain(|record| record.submission.team == *team);
    Ok(latest_submissions(&all))
}

/// The latest of some submissions, which come oldest first.
fn latest_submissions(all: &[SubmissionRecord]) -> String {
    if all.is_empty() {
        return "There are no submissions yet.".to_owned();
    }
    let latest = all.iter().rev().take(LISTED_MAX);
    let rows: Vec<String> =
        latest.map(|record| submission_row(&record.submission.observed_at.to_string(), record)).collect();
    let header = "| Received | Submission | Team | Leaderboard | State |\n|---|---|---|---|---|";
    let earlier = match all.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        n => format!("\n\n{} not listed.", counted(n, "earlier submission")),
    };
    format!("{}{earlier}", table(header, &rows))
}

async fn leaderboards(context: &CommandContext<'_>, selector: &BoardSelector) -> CommandResult<String> {
    let reader = view::BoardReader {
        challenges: std::slice::from_ref(context.challenge),
        store: context.store,
        now: context.now,
    };
    let mut parts = Vec::new();
    for board in context.boards(selector)? {
        parts.push(match view::board(reader, &board).await? {
            Some(view) => board_text::markdown(&view),
            None => format!("Leaderboard {} is not public.", board_name(&board)),
        });
    }
    Ok(parts.join("\n\n"))
}

async fn challenge_overview(context: &CommandContext<'_>) -> CommandResult<String> {
    let challenge = context.challenge;
    let overrides = context.store.overrides(&challenge.slug).await?;
    let phases = challenge.phases.iter().map(|phase| {
        let phase = overrides.phase(&challenge.slug, phase);
        let state = if phase.is_open(context.now) {
            "open"
        } else if context.now < phase.opens {
            "not yet open"
        } else {
            "closed"
        };
        format!("| `{}` | {state} | {} | {} |", phase.slug, phase.opens, phase.closes)
    });
    let phases: Vec<String> = phases.collect();
    let header = "| Phase | State | Opens | Closes |\n|---|---|---|---|";
    let mut in_progress = context.store.submissions_under_way().await?;
    in_progress.retain(|record| record.submission.challenge == challenge.slug);
    let submissions = counted(in_progress.len(), "submission");
    Ok(format!("{}\n\n{submissions} in progress.", table(header, &phases)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_boards, arbitrary_number, arbitrary_team, later};
    use super::*;
    use crate::model::BoardVisibility;

    impl AnyCommand for Status {
        fn any() -> impl Strategy<Value = Self> + 'static {
            let subject = prop_oneof![
                arbitrary_number().prop_map(Subject::Submission),
                arbitrary_team().prop_map(Subject::Team),
                arbitrary_boards().prop_map(Subject::Boards),
            ];
            proptest::option::of(subject).prop_map(|subject| Self { subject })
        }
    }

    #[tokio::test]
    async fn status_shows_submissions_leaderboards_and_phases() {
        let mut world = World::new().await;
        world.organizer("/status team a").await;
        world.scored("a", 0.5, later(1)).await;
        world.submitted("a").await;
        world.scored("b", 0.4, later(2)).await;
        world.organizer("/status").await;
        world.organizer("/status team a").await;
        world.organizer("/status validation/segmentation").await;
        world.organizer("/status final").await;
        world.organizer("/status #9").await;
        world.member("a", "/status").await;
        world.member("a", "/status #3").await;
        world.member("a", "/status team b").await;
        world.challenge.phases[1].show.board = BoardVisibility::Hidden;
        world.organizer("/status test").await;
        world.assert_transcript("status");
    }

    #[tokio::test]
    async fn a_long_list_has_only_the_latest_submissions() {
        let mut world = World::new().await;
        let record = world.submitted("a").await;
        let text = latest_submissions(&vec![record; LISTED_MAX + 2]);
        assert_eq!(text.lines().count(), 2 + LISTED_MAX + 2, "{text}");
        assert!(text.ends_with("2 earlier submissions not listed."), "{text}");
    }
}
