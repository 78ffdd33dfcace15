//! Reads submissions from the database, and published results from the forge. Each function returns its result, or a
//! description of the current state, so that [`World::until`] can try again.

use std::collections::BTreeMap;

use referee::model::{ChallengeSlug, ForgeName, Outcome, Timestamp};
use referee::store::{PriorityClass, SubmissionRecord};
use serde_json::Value;

use crate::world::World;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitStatus {
    pub state: String,
    pub url: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BotComment {
    pub id: i64,
    pub text: String,
}

/// Succeeds if a condition holds. The error describes the state that was seen instead.
pub(crate) fn holds(condition: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    condition.then_some(()).ok_or_else(|| format!("{seen:?}"))
}

impl World {
    /// The submissions of a team, oldest first.
    pub(crate) fn submissions(&self, team: &str) -> Vec<SubmissionRecord> {
        let slug = ChallengeSlug::new("nuclei").unwrap();
        let mut all = self.read(self.store().submissions_of_challenge(&slug));
        all.retain(|r| r.submission.team.as_str() == team);
        all
    }

    /// The commit and the phase of a team's submissions, oldest first.
    pub(crate) fn entered(&self, team: &str) -> Vec<(String, String)> {
        let all = self.submissions(team).into_iter().map(|r| r.submission);
        all.map(|s| (s.origin.sha().unwrap().to_string(), s.phase.to_string())).collect()
    }

    /// The only submission of a commit, in any state.
    pub(crate) fn submission(&self, team: &str, sha: &str) -> Result<SubmissionRecord, String> {
        let mut all = self.submissions(team);
        all.retain(|r| r.submission.origin.sha().is_some_and(|s| s.as_str() == sha));
        match all.len() {
            1 => Ok(all.remove(0)),
            n => Err(format!("{n} submissions of {sha}")),
        }
    }

    /// Waits until the newest submission of a commit has ended with this outcome.
    pub(crate) fn ends(&mut self, team: &str, sha: &str, outcome: Outcome) -> SubmissionRecord {
        self.until(&format!("{team} {sha} should be {outcome:?}"), |world| {
            let mut all = world.submissions(team);
            all.retain(|r| r.submission.origin.sha().is_some_and(|s| s.as_str() == sha));
            let record = all.pop().ok_or("no submission")?;
            let ended = record.submission.outcome().ok_or_else(|| {
                let submission = &record.submission;
                format!("at {:?}, working: {}", submission.stage(), submission.state.is_working())
            })?;
            assert_eq!(ended, outcome, "outcome of {team} {sha}");
            Ok(record)
        })
    }

    /// The newest commit status of each context.
    pub(crate) fn commit_statuses(&self, repository: &str, sha: &str) -> BTreeMap<String, CommitStatus> {
        let path = format!("/repos/{repository}/commits/{sha}/statuses");
        let all = self.list("owner", &path);
        let mut newest: BTreeMap<String, (i64, CommitStatus)> = BTreeMap::new();
        for status in all {
            let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
            let id = status["id"].as_i64().expect("a number");
            let commit_status =
                CommitStatus { state: text("status"), url: text("target_url"), message: text("description") };
            let newer = newest.get(&text("context")).is_none_or(|old| old.0 < id);
            if newer {
                newest.insert(text("context"), (id, commit_status));
            }
        }
        newest.into_iter().map(|(context, (_, commit_status))| (context, commit_status)).collect()
    }

    /// The commit status of a context, if it has this state.
    pub(crate) fn commit_status(
        &self,
        repository: &str,
        sha: &str,
        context: &str,
        state: &str,
    ) -> Result<CommitStatus, String> {
        let all = self.commit_statuses(repository, sha);
        let found = all.get(context).ok_or_else(|| format!("{all:?}"))?;
        holds(found.state == state, found)?;
        Ok(found.clone())
    }

    /// The issues titled "Referee" that the bot has opened in a repository.
    pub(crate) fn report_issues(&self, repository: &str) -> Vec<i64> {
        let path = format!("/repos/{repository}/issues?state=all&type=issues");
        let all = self.list("owner", &path);
        let bot = self.login("bot");
        let mine = |i: &&Value| i["title"] == "Referee" && i["user"]["login"] == bot.as_str();
        let all = all.iter().filter(mine);
        all.map(|i| i["number"].as_i64().expect("a number")).collect()
    }

    /// The only issue titled "Referee" that the bot has opened in a repository.
    pub(crate) fn report_issue(&self, repository: &str) -> Result<i64, String> {
        match self.report_issues(repository)[..] {
            [number] => Ok(number),
            ref all => Err(format!("{} issues of the bot: {all:?}", all.len())),
        }
    }

    /// The bot's comments in an issue, oldest first.
    pub(crate) fn bot_comments(&self, repository: &str, issue: i64) -> Vec<BotComment> {
        let path = format!("/repos/{repository}/issues/{issue}/comments");
        let (status, all) = self.ask("owner", "GET", &path, &Value::Null);
        assert!(matches!(status, 200 | 404), "{path}: {status} {all}");
        let bot = self.login("bot");
        let all = all.as_array().into_iter().flatten();
        let mine = all.filter(|c| c["user"]["login"] == bot.as_str());
        mine.map(|c| BotComment {
            id: c["id"].as_i64().expect("a number"),
            text: c["body"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
    }

    /// The only report on a commit, in the bot's only issue.
    pub(crate) fn report(&self, repository: &str, sha: &str) -> Result<BotComment, String> {
        let issue = self.report_issue(repository)?;
        let all = self.bot_comments(repository, issue);
        let named = |c: &&BotComment| c.text.starts_with("<!-- referee:submission=") && c.text.contains(&sha[..7]);
        let mut found: Vec<BotComment> = all.iter().filter(named).cloned().collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            n => Err(format!("{n} reports on {sha} among {all:#?}")),
        }
    }

    /// The only report on a commit, if it holds this text.
    pub(crate) fn report_with(&self, repository: &str, sha: &str, text: &str) -> Result<BotComment, String> {
        let report = self.report(repository, sha)?;
        holds(report.text.contains(text), &report)?;
        Ok(report)
    }

    /// The git note on a commit, by the forge's API.
    pub(crate) fn note(&self, repository: &str, sha: &str) -> Result<String, String> {
        let path = format!("/repos/{repository}/git/notes/{sha}");
        match self.ask("owner", "GET", &path, &Value::Null) {
            (200, note) => Ok(note["message"].as_str().unwrap_or_default().to_owned()),
            (status, message) => Err(format!("{status} {message}")),
        }
    }

    /// The number of commits of a repository's `main`.
    pub(crate) fn commits(&self, repository: &str) -> usize {
        let path = format!("/repos/{repository}/commits?sha=main&stat=false");
        self.list("owner", &path).len()
    }

    /// A file of a repository's `main`.
    pub(crate) fn file(&self, repository: &str, path: &str) -> Result<String, String> {
        let address = format!("/repos/{repository}/raw/{path}");
        match self.ask("owner", "GET", &address, &Value::Null) {
            (200, Value::String(text)) => Ok(text),
            (status, message) => Err(format!("{path}: {status} {message}")),
        }
    }

    /// The outbox messages that wait, due now or later: channel and subject.
    pub(crate) fn waiting_messages(&self) -> Vec<String> {
        let forge = ForgeName::new("forge").unwrap();
        let classes = [PriorityClass::Answers, PriorityClass::Urgent, PriorityClass::Rest];
        let all = classes.into_iter().flat_map(|class| {
            let far = Timestamp(i64::MAX);
            self.read(self.store().due_messages(&forge, class, far, 100))
        });
        all.map(|message| format!("{} {}", message.channel, message.subject)).collect()
    }

    /// Waits until all submissions have ended and all messages are sent. Messages about leaderboards may still wait.
    pub(crate) fn settle(&mut self) {
        self.until("everything should be published", |world| {
            let under_way = world.read(world.store().submissions_under_way());
            let (busy, mut waiting) = (under_way.len(), world.waiting_messages());
            waiting.retain(|message| !message.starts_with("board "));
            holds(busy == 0 && waiting.is_empty(), (busy, waiting))
        });
    }
}
