//! People write issues and comments, and the bot answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::published::{BotComment, holds};
use crate::world::World;

/// A test prints an answer that takes longer. It does not fail, because the machine may be busy, and the forge may take
/// three seconds for a delivery.
const SLOW: Duration = Duration::from_secs(5);

/// The location of comments: a repository and the number of an issue.
pub(crate) type At<'a> = (&'a str, i64);

/// A comment and the bot's answer.
pub(crate) struct Answered {
    /// The id of the comment.
    pub comment: i64,
    pub answer: BotComment,
    /// The time between the two.
    pub took: Duration,
}

impl Answered {
    /// Asserts that the answer holds a text.
    pub(crate) fn message(&self, text: &str) -> &Self {
        assert!(self.answer.text.contains(text), "the answer should hold `{text}`:\n{}", self.answer.text);
        self
    }
}

impl World {
    /// Opens an issue and returns its number.
    pub(crate) fn open(&self, who: &str, repository: &str, title: &str, body: &str) -> i64 {
        let path = format!("/repos/{repository}/issues");
        let made = self.call(who, "POST", &path, &json!({ "title": title, "body": body }));
        made["number"].as_i64().expect("a number")
    }

    /// Writes a comment and returns its id.
    pub(crate) fn post(&self, who: &str, at: At<'_>, text: &str) -> i64 {
        let (repository, issue) = at;
        let path = format!("/repos/{repository}/issues/{issue}/comments");
        let made = self.call(who, "POST", &path, &json!({ "body": text }));
        made["id"].as_i64().expect("a number")
    }

    /// Edits a comment.
    pub(crate) fn edit(&self, who: &str, repository: &str, comment: i64, text: &str) {
        let path = format!("/repos/{repository}/issues/comments/{comment}");
        self.call(who, "PATCH", &path, &json!({ "body": text }));
    }

    /// The only answer to a comment. The comment 0 is the issue's own text.
    pub(crate) fn answer(&self, at: At<'_>, comment: i64) -> Result<BotComment, String> {
        let (repository, issue) = at;
        let marker = format!("<!-- referee:reply={comment} -->");
        let mut all = self.bot_comments(repository, issue);
        all.retain(|reply| reply.text.starts_with(&marker));
        match all.len() {
            1 => Ok(all.remove(0)),
            n => Err(format!("{n} answers to comment {comment}")),
        }
    }

    /// Writes a comment with commands and waits for the answer.
    pub(crate) fn command(&mut self, who: &str, at: At<'_>, text: &str) -> Answered {
        let started = Instant::now();
        let comment = self.post(who, at, text);
        let answer = self.until(&format!("{who}'s `{text}` should be answered"), |world| {
            let answer = world.answer(at, comment)?;
            // The answer to several commands grows until all are done.
            holds(!answer.text.contains("In progress. The result follows"), &answer)?;
            Ok(answer)
        });
        let took = started.elapsed();
        if took > SLOW {
            eprintln!("the answer to `{text}` took {took:.1?}");
        }
        Answered { comment, answer, took }
    }

    /// The bot's reactions to a comment.
    pub(crate) fn reactions(&self, repository: &str, comment: i64) -> Vec<String> {
        let path = format!("/repos/{repository}/issues/comments/{comment}/reactions");
        let all = self.call("owner", "GET", &path, &Value::Null);
        let bot = self.login("bot");
        let all = all.as_array().into_iter().flatten();
        let mine = all.filter(|r| r["user"]["login"] == bot.as_str());
        mine.map(|r| r["content"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
