//! Ends a submission that is in progress: `/withdraw` by its team, `/cancel` by an organizer.

use serde_json::json;

use super::context::CommandContext;
use super::refusal::{CommandRefusal, CommandResult};
use crate::model::Outcome;
use crate::store::{Charge, CommandEffects, SubmissionRecord, Withdrawn};

/// An organizer ends a submission, wherever it is in the pipeline. Its team gets the quota back.
pub(super) async fn cancel_submission(context: &CommandContext<'_>, number: i64) -> CommandResult<String> {
    let record = context.submission(number).await?;
    end(context, &record, "cancel", Charge::Nothing).await
}

/// A team ends its own submission. It pays the evaluation if hidden inputs were mounted before.
pub(super) async fn withdraw_submission(context: &CommandContext<'_>, number: i64) -> CommandResult<String> {
    let team = context.own_team()?;
    let record = context.submission(number).await?;
    if record.submission.team != *team {
        // A team cannot find out which numbers other teams have.
        return Err(CommandRefusal::UnknownSubmission { number });
    }
    end(context, &record, "withdraw", Charge::UsedEvaluation).await
}

async fn end(
    context: &CommandContext<'_>,
    record: &SubmissionRecord,
    action: &'static str,
    charge: Charge,
) -> CommandResult<String> {
    let submission = &record.submission;
    let number = submission.number;
    let detail = json!({
        "before": submission.state.public(),
        "after": Outcome::Withdrawn,
        "team": submission.team,
        "reason": "",
    });
    let subject = format!("{}#{number}", context.challenge.slug);
    let effects = CommandEffects { audit: &context.audit(action, subject, detail), messages: &context.report(record) };
    let ended = context.store.withdraw(record, charge, effects, context.now).await?;
    let work = match ended {
        Withdrawn::Ended(outcome) => return Err(CommandRefusal::Ended { number, outcome }),
        Withdrawn::Working(_) => " Referee stops its running stage.",
        Withdrawn::Waiting => "",
    };
    let quota = if context.store.spent(submission.id).await? > 0 {
        "It has used one evaluation of the quota."
    } else {
        "It has used no evaluation of the quota."
    };
    Ok(format!("Submission #{number} is withdrawn.{work} {quota}"))
}
