//! People write comments, and the bot answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::looks::{Said, holds};
use crate::world::World;

/// An answer that takes longer is told of, and no failure: the machine may have much else to do. The
/// forge itself may take three seconds to tell us.
const SLOW: Duration = Duration::from_secs(5);

/// A text with the answer to it.
pub struct Talk {
    /// The comment that was written.
    pub comment: i64,
    /// The bot's answer.
    pub answer: Said,
    /// From one to the other.
    pub took: Duration,
}

impl Talk {
    /// Asserts that a text is in the answer.
    pub fn message(&self, text: &str) -> &Self {
        assert!(
            self.answer.text.contains(text),
            "the answer should say `{text}`, and says:\n{}",
            self.answer.text
        );
        self
    }
}

impl World {
    /// Opens an issue; its number.
    pub fn open(&self, who: &str, repository: &str, (title, body): (&str, &str)) -> i64 {
        let path = format!("/repos/{repository}/issues");
        let made = self.call(who, "POST", &path, &json!({ "title": title, "body": body }));
        made["number"].as_i64().expect("a number")
    }

    /// Writes a comment; its number.
    pub fn write(&self, who: &str, (repository, issue): (&str, i64), text: &str) -> i64 {
        let path = format!("/repos/{repository}/issues/{issue}/comments");
        let made = self.call(who, "POST", &path, &json!({ "body": text }));
        made["id"].as_i64().expect("a number")
    }

    /// Changes an own comment.
    pub fn rewrite(&self, who: &str, (repository, comment): (&str, i64), text: &str) {
        let path = format!("/repos/{repository}/issues/comments/{comment}");
        self.call(who, "PATCH", &path, &json!({ "body": text }));
    }

    /// The only answer to a comment (0: to the issue's own text).
    pub fn answer(&self, (repository, issue): (&str, i64), comment: i64) -> Result<Said, String> {
        let mark = format!("<!-- referee:reply={comment} -->");
        let mut all = self.said(repository, issue);
        all.retain(|said| said.text.starts_with(&mark));
        match all.len() {
            1 => Ok(all.remove(0)),
            n => Err(format!("{n} answers to comment {comment}")),
        }
    }

    /// Writes a comment and waits for the answer.
    pub fn say(&mut self, who: &str, at: (&str, i64), text: &str) -> Talk {
        let started = Instant::now();
        let comment = self.write(who, at, text);
        let answer = self.until(&format!("{who}'s `{text}` should be answered"), |world| {
            let answer = world.answer(at, comment)?;
            // Of several commands each is answered as soon as it is done.
            holds(
                !answer.text.contains("Under way; the answer follows"),
                &answer,
            )?;
            Ok(answer)
        });
        let took = started.elapsed();
        if took > SLOW {
            eprintln!("the answer to `{text}` took {took:.1?}");
        }
        Talk {
            comment,
            answer,
            took,
        }
    }

    /// Reactions of the bot to a comment.
    pub fn reactions(&self, repository: &str, comment: i64) -> Vec<String> {
        let path = format!("/repos/{repository}/issues/comments/{comment}/reactions");
        let all = self.call("owner", "GET", &path, &Value::Null);
        let bot = self.login("bot");
        let all = all.as_array().into_iter().flatten();
        let mine = all.filter(|r| r["user"]["login"] == bot.as_str());
        mine.map(|r| r["content"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
