//! What the forge shows of a submission, and what the daemon knows of it. Each look gives what it found,
//! or says what is there instead, so that [`World::until`] can ask again.

use std::collections::BTreeMap;

use referee::model::{ChallengeSlug, ForgeName, Outcome, Timestamp};
use referee::store::{PriorityClass, SubmissionRecord};
use serde_json::Value;

use crate::world::World;

/// A lamp: state, address, words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lamp {
    pub state: String,
    pub url: String,
    pub message: String,
}

/// A comment of the bot's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub id: i64,
    pub text: String,
}

/// Whether something holds, or what is seen instead.
pub fn holds(so: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    so.then_some(()).ok_or_else(|| format!("{seen:?}"))
}

impl World {
    /// Submissions of a team, oldest first.
    pub fn submissions(&self, team: &str) -> Vec<SubmissionRecord> {
        let slug = ChallengeSlug::new("nuclei").unwrap();
        let mut all = self.read(self.store().submissions_of_challenge(&slug));
        all.retain(|r| r.submission.team.as_str() == team);
        all
    }

    /// Commit and phase of a team's submissions, oldest first.
    pub fn entered(&self, team: &str) -> Vec<(String, String)> {
        let all = self.submissions(team).into_iter().map(|r| r.submission);
        all.map(|s| (s.origin.sha().unwrap().to_string(), s.phase.to_string()))
            .collect()
    }

    /// The only submission of a commit, however it stands.
    pub fn submission(&self, team: &str, sha: &str) -> Result<SubmissionRecord, String> {
        let mut all = self.submissions(team);
        all.retain(|r| r.submission.origin.sha().is_some_and(|s| s.as_str() == sha));
        match all.len() {
            1 => Ok(all.remove(0)),
            n => Err(format!("{n} submissions of {sha}")),
        }
    }

    /// Waits for the end of all submissions of a commit, at least one, and for what it comes to.
    pub fn ends(&mut self, (team, sha): (&str, &str), outcome: Outcome) -> SubmissionRecord {
        self.until(&format!("{team} {sha} should be {outcome:?}"), |world| {
            let mut all = world.submissions(team);
            all.retain(|r| r.submission.origin.sha().is_some_and(|s| s.as_str() == sha));
            let record = all.pop().ok_or("no submission")?;
            let over = record.submission.outcome().ok_or_else(|| {
                let submission = &record.submission;
                format!(
                    "at {:?}, working: {}",
                    submission.stage(),
                    submission.state.is_working()
                )
            })?;
            assert_eq!(over, outcome, "outcome of {team} {sha}");
            Ok(record)
        })
    }

    /// Lamps of a commit: the newest of each.
    pub fn lamps(&self, repository: &str, sha: &str) -> BTreeMap<String, Lamp> {
        let path = format!("/repos/{repository}/commits/{sha}/statuses");
        let all = self.list("owner", &path);
        let mut newest: BTreeMap<String, (i64, Lamp)> = BTreeMap::new();
        for status in all {
            let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
            let id = status["id"].as_i64().expect("a number");
            let lamp = Lamp {
                state: text("status"),
                url: text("target_url"),
                message: text("description"),
            };
            let slot = newest.entry(text("context")).or_insert((id, lamp.clone()));
            if slot.0 < id {
                *slot = (id, lamp);
            }
        }
        newest
            .into_iter()
            .map(|(name, (_, lamp))| (name, lamp))
            .collect()
    }

    /// A lamp that shall have this state.
    pub fn lamp(
        &self,
        repository: &str,
        sha: &str,
        (name, state): (&str, &str),
    ) -> Result<Lamp, String> {
        let lamps = self.lamps(repository, sha);
        let lamp = lamps.get(name).ok_or_else(|| format!("{lamps:?}"))?;
        holds(lamp.state == state, lamp)?;
        Ok(lamp.clone())
    }

    /// Issues titled "Referee" that the bot opened in a repository.
    pub fn threads(&self, repository: &str) -> Vec<i64> {
        let path = format!("/repos/{repository}/issues?state=all&type=issues");
        let all = self.list("owner", &path);
        let bot = self.login("bot");
        let mine = |i: &&Value| i["title"] == "Referee" && i["user"]["login"] == bot.as_str();
        let all = all.iter().filter(mine);
        all.map(|i| i["number"].as_i64().expect("a number"))
            .collect()
    }

    /// The only such issue.
    pub fn thread(&self, repository: &str) -> Result<i64, String> {
        match self.threads(repository)[..] {
            [number] => Ok(number),
            ref all => Err(format!("{} issues of ours: {all:?}", all.len())),
        }
    }

    /// Comments of the bot in an issue, oldest first.
    pub fn said(&self, repository: &str, issue: i64) -> Vec<Said> {
        let path = format!("/repos/{repository}/issues/{issue}/comments");
        let (status, all) = self.ask("owner", "GET", &path, &Value::Null);
        assert!(matches!(status, 200 | 404), "{path}: {status} {all}");
        let bot = self.login("bot");
        let all = all.as_array().into_iter().flatten();
        let mine = all.filter(|c| c["user"]["login"] == bot.as_str());
        mine.map(|c| Said {
            id: c["id"].as_i64().expect("a number"),
            text: c["body"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
    }

    /// The only report on a commit, in the only issue of ours.
    pub fn report(&self, repository: &str, sha: &str) -> Result<Said, String> {
        let issue = self.thread(repository)?;
        let all = self.said(repository, issue);
        let named = |s: &&Said| {
            s.text.starts_with("<!-- referee:submission=") && s.text.contains(&sha[..7])
        };
        let mut found: Vec<Said> = all.iter().filter(named).cloned().collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            n => Err(format!("{n} reports on {sha} among {all:#?}")),
        }
    }

    /// The only report on a commit, which shall hold this text.
    pub fn report_with(&self, repository: &str, sha: &str, text: &str) -> Result<Said, String> {
        let report = self.report(repository, sha)?;
        holds(report.text.contains(text), &report)?;
        Ok(report)
    }

    /// The note of a commit as the forge gives it.
    pub fn note(&self, repository: &str, sha: &str) -> Result<String, String> {
        let path = format!("/repos/{repository}/git/notes/{sha}");
        match self.ask("owner", "GET", &path, &Value::Null) {
            (200, note) => Ok(note["message"].as_str().unwrap_or_default().to_owned()),
            (status, message) => Err(format!("{status} {message}")),
        }
    }

    /// Commits of a repository's `main`.
    pub fn commits(&self, repository: &str) -> usize {
        let path = format!("/repos/{repository}/commits?sha=main&stat=false");
        self.list("owner", &path).len()
    }

    /// A file of a repository's `main`.
    pub fn file(&self, repository: &str, path: &str) -> Result<String, String> {
        let address = format!("/repos/{repository}/raw/{path}");
        match self.ask("owner", "GET", &address, &Value::Null) {
            (200, Value::String(text)) => Ok(text),
            (status, message) => Err(format!("{path}: {status} {message}")),
        }
    }

    /// What waits to be shown on the forge, now or later.
    pub fn waiting(&self) -> Vec<String> {
        let forge = ForgeName::new("forge").unwrap();
        let priority_classes = [
            PriorityClass::Answers,
            PriorityClass::Urgent,
            PriorityClass::Rest,
        ];
        let all = priority_classes.into_iter().flat_map(|priority_class| {
            let far = Timestamp(i64::MAX);
            self.read(self.store().due((&forge, priority_class), far, 100))
        });
        all.map(|item| format!("{} {}", item.channel, item.subject))
            .collect()
    }

    /// Waits until nothing is under way, and all is shown but boards, which have time.
    pub fn settle(&mut self) {
        self.until("everything should be shown", |world| {
            let under_way = world.read(world.store().submissions_under_way());
            let (busy, mut waiting) = (under_way.len(), world.waiting());
            waiting.retain(|message| !message.starts_with("board "));
            holds(busy == 0 && waiting.is_empty(), (busy, waiting))
        });
    }
}
