//! `/export PHASE[/TASK]`: writes the submissions and scores of leaderboards into a JSON file.

use serde_json::{Value, json};

use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::clock;
use crate::command::{Args, BoardSelector, CommandError, CommandSpec};
use crate::model::Board;
use crate::model::text::counted;
use crate::store::{AttemptRecord, AuditEntry, ScoreRecord, StoreError, SubmissionRecord};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    boards: BoardSelector,
}

impl CommandHandler for Export {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "export",
        takes: "PHASE[/TASK]",
        summary: "Exports the submissions and scores of a leaderboard or phase as JSON.",
        details: "The file holds every submission with its state, its attempts, their findings, and its score under \
                  the current scoring revision, hidden scores included. It also holds the audit log of the challenge. \
                  The reply has its address; anyone who knows the address can read the file.",
        examples: &["/export validation", "/export validation/segmentation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.boards().map(|boards| Self { boards })
    }

    fn arguments(&self) -> String {
        self.boards.to_string()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let settings = &context.daemon()?.context.settings;
        let submissions = context.store.submissions_of_challenge(&context.challenge.slug).await?;
        let mut boards = Vec::new();
        for board in context.boards(&self.boards)? {
            boards.push(export_board(context, &board, &submissions).await?);
        }
        let content = json!({
            "written_at": context.now.to_string(),
            "boards": boards,
            "audit_log": export_audit_log(context).await?,
        });
        let token = clock::page_token();
        let folder = settings.data.join("exports");
        let file = folder.join(format!("{}.json", token.as_str()));
        let write = async {
            tokio::fs::create_dir_all(&folder).await?;
            tokio::fs::write(&file, format!("{content:#}\n")).await
        };
        write.await.map_err(StoreError::from)?;
        // The address is a secret, so the audit log does not hold it.
        let audit = context.audit("export", self.boards.to_string(), json!({ "boards": boards.len() }));
        context.store.append_audit_entry(&audit, context.now).await?;
        let address = format!("{}/exports/{}", settings.public_url, token.as_str());
        Ok(reply(boards.len(), &address).into())
    }
}

fn reply(boards: usize, address: &str) -> String {
    format!(
        "The export of {} is at <{address}>. Anyone who knows this address can read it, hidden scores included.",
        counted(boards, "leaderboard")
    )
}

/// One leaderboard. `all` has the submissions of the challenge.
async fn export_board(context: &CommandContext<'_>, board: &Board, all: &[SubmissionRecord]) -> CommandResult<Value> {
    let store = context.store;
    let revision = store.current_scoring_revision(board).await?;
    let scores = match &revision {
        Some(revision) => store.scores(revision.id).await?,
        None => Vec::new(),
    };
    let mut submissions = Vec::new();
    for record in all.iter().filter(|record| record.submission.board().as_ref() == Some(board)) {
        let attempts = store.attempts(record).await?;
        submissions.push(export(record, &scores, &attempts));
    }
    let revision = revision
        .map(|revision| json!({ "id": revision.id, "digest": revision.digest, "definition": revision.definition }));
    Ok(json!({
        "board": board,
        "scoring_revision": revision,
        "submissions": submissions,
    }))
}

fn export(record: &SubmissionRecord, scores: &[ScoreRecord], attempts: &[AttemptRecord]) -> Value {
    let submission = &record.submission;
    let score = scores.iter().find(|score| score.submission.submission.id == submission.id);
    json!({
        "number": submission.number,
        "team": submission.team,
        "commit": submission.origin.content(),
        "pushed_as": submission.origin.pushed_as(),
        "observed_at": submission.observed_at.to_string(),
        "image": record.image,
        "state": submission.state.public(),
        "score": score.map(|score| &score.score),
        "attempts": attempts.iter().map(export_attempt).collect::<Vec<_>>(),
    })
}

fn export_attempt(record: &AttemptRecord) -> Value {
    let attempt = &record.attempt;
    json!({
        "stage": attempt.stage,
        "case": attempt.case,
        "number": attempt.number,
        "state": attempt.state,
        "started_at": attempt.started_at.to_string(),
        "ended_at": attempt.ended_at.map(|at| at.to_string()),
        "findings": record.findings,
    })
}

/// The audit log of the challenge, oldest first.
async fn export_audit_log(context: &CommandContext<'_>) -> CommandResult<Vec<Value>> {
    let mut entries = context.store.newest_audit_entries(&context.challenge.slug, i64::MAX).await?;
    entries.reverse();
    let export = |entry: AuditEntry| {
        json!({
            "at": entry.created_at.to_string(),
            "by": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "change": entry.detail,
        })
    };
    Ok(entries.into_iter().map(export).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_boards, assert_replies};
    use super::*;

    impl AnyCommand for Export {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_boards().prop_map(|boards| Self { boards })
        }
    }

    #[tokio::test]
    async fn an_export_needs_the_daemon() {
        let mut world = World::new().await;
        world.organizer("/export validation").await;
        world.assert_transcript("export");
        let address = "https://referee.example/exports/0123456789abcdef";
        assert_replies("export_replies", &reply(2, address));
    }

    #[tokio::test]
    async fn an_export_has_attempts_scores_and_the_audit_log() {
        let mut world = World::new().await;
        world.scored("a", 0.5, NOW).await;
        world.organizer("/grant team a 2 validation").await;
        let context = world.context();
        let all = world.store.submissions_of_challenge(&world.challenge.slug).await.unwrap();
        let board = export_board(&context, &world.board, &all).await.unwrap();
        let submission = &board["submissions"][0];
        assert_eq!(submission["team"], "a");
        assert_eq!(submission["score"]["cases"][0]["values"]["ap50"], 0.5);
        let stages: Vec<&str> =
            submission["attempts"].as_array().unwrap().iter().filter_map(|attempt| attempt["stage"].as_str()).collect();
        assert!(stages.contains(&"scoring"), "{submission}");
        let audit = export_audit_log(&context).await.unwrap();
        assert_eq!((audit.len(), &audit[0]["action"]), (1, &json!("grant")));
    }
}
