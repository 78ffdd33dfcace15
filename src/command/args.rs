//! The words of one command to checked values, in the order in which its row asks for them.
//!
//! Asks nobody whether what is named exists. What is left over at the end is an error.

use super::error::{CommandError, Problem};
use super::line::Word;
use super::order::{Extension, Login, Scope, Subject, Topic};
use super::table::{self, Row};
use crate::model::{Duration, PhaseSlug, TaskSlug, TeamSlug, Timestamp, limits, suggest};

type Read<T> = Result<T, CommandError>;

/// The words that are not yet taken.
#[derive(Debug)]
pub(super) struct Args<'a> {
    row: &'static Row,
    line: &'a str,
    words: Vec<Word>,
    /// Where the last word that was taken ends, in bytes of the line.
    taken: usize,
}

impl<'a> Args<'a> {
    /// The words of a line that follow the name of a command, which ends at a byte.
    pub(super) fn new(row: &'static Row, line: &'a str, words: Vec<Word>, taken: usize) -> Self {
        Self {
            row,
            line,
            words,
            taken,
        }
    }

    /// Nothing may be left.
    pub(super) fn end(mut self) -> Read<()> {
        let Some(word) = self.words.drain(..).next() else {
            return Ok(());
        };
        if let Some(key) = word.key.as_deref() {
            return Err(match self.row.keys.contains(&key) {
                true => self.twice(&format!("{key}="), &word),
                false => self.unknown_key(key, &word),
            });
        }
        let problem = Problem::TooMany {
            typed: word.text,
            text: !self.row.keys.is_empty(),
        };
        Err(self.error(problem).at(word.column))
    }

    /// A submission's number.
    pub(super) fn submission(&mut self) -> Read<i64> {
        let word = self.need("the number of a submission")?;
        let digits = word.text.strip_prefix('#').unwrap_or(&word.text);
        match positive(digits) {
            Some(number) => Ok(number),
            None => Err(self.unfit(&word, "the number of a submission, such as `#12`")),
        }
    }

    /// The number of something that has no `#`.
    pub(super) fn number(&mut self) -> Read<Option<i64>> {
        let Some(word) = self.next()? else {
            return Ok(None);
        };
        match positive(&word.text) {
            Some(number) => Ok(Some(number)),
            None => Err(self.unfit(&word, "the number of a rescore, such as `3`")),
        }
    }

    /// How many evaluations.
    pub(super) fn evaluations(&mut self) -> Read<i64> {
        let word = self.need("the number of evaluations")?;
        let most = limits::GRANT_EVALUATIONS_MAX;
        match positive(&word.text).filter(|number| *number <= most) {
            Some(number) => Ok(number),
            None => Err(self.unfit(&word, format!("a number of evaluations from 1 to {most}"))),
        }
    }

    /// `team NAME`.
    pub(super) fn team(&mut self) -> Read<TeamSlug> {
        let word = self.need("`team` with a team's name")?;
        match is(&word, "team") {
            true => self.team_name(),
            false => Err(self.unfit(&word, "the word `team`, which stands before a team's name")),
        }
    }

    /// The name of a team alone.
    pub(super) fn team_name(&mut self) -> Read<TeamSlug> {
        let word = self.need("a team's name")?;
        TeamSlug::new(word.text.as_str())
            .map_err(|why| self.unfit(&word, format!("a team's name: {}", why.why)))
    }

    /// The name of a phase.
    pub(super) fn phase(&mut self) -> Read<PhaseSlug> {
        let word = self.need("the name of a phase")?;
        let scope = self.scope_of(&word)?;
        match scope.task {
            None => Ok(scope.phase),
            Some(_) => Err(self.unfit(&word, "a phase: leave out `/` and the task")),
        }
    }

    /// `PHASE` or `PHASE/TASK`.
    pub(super) fn scope(&mut self) -> Read<Scope> {
        let word = self.need("a phase or a board")?;
        self.scope_of(&word)
    }

    /// `PHASE`, `PHASE/TASK` or nothing.
    pub(super) fn scope_or_all(&mut self) -> Read<Option<Scope>> {
        let word = self.next()?;
        word.map(|word| self.scope_of(&word)).transpose()
    }

    /// `PHASE/TASK`.
    pub(super) fn board(&mut self) -> Read<(PhaseSlug, TaskSlug)> {
        let word = self.need("a board, written `PHASE/TASK`,")?;
        let scope = self.scope_of(&word)?;
        match scope.task {
            Some(task) => Ok((scope.phase, task)),
            None => Err(self.unfit(&word, "a board: write phase and task, `PHASE/TASK`")),
        }
    }

    /// What `/status` is asked of.
    pub(super) fn subject(&mut self) -> Read<Option<Subject>> {
        let Some(word) = self.next()? else {
            return Ok(None);
        };
        let digits = word.text.strip_prefix('#').unwrap_or(&word.text);
        if let Some(number) = positive(digits) {
            return Ok(Some(Subject::Submission(number)));
        }
        if word.text.starts_with('#') {
            return Err(self.unfit(&word, "the number of a submission, such as `#12`"));
        }
        match is(&word, "team") {
            true => Ok(Some(Subject::Team(self.team_name()?))),
            false => Ok(Some(Subject::Scope(self.scope_of(&word)?))),
        }
    }

    /// `by 2d` or `until 2026-09-20`.
    pub(super) fn extension(&mut self) -> Read<Extension> {
        let word = self.need("`by` or `until`")?;
        if is(&word, "by") {
            let word = self.need("a length of time, such as `2d`,")?;
            return match Duration::parse(&word.text.to_ascii_lowercase()) {
                Some(span) if span.0 > 0 && span <= limits::PHASE_EXTENSION_MAX => {
                    Ok(Extension::By(span))
                }
                Some(span) if span.0 > 0 => Err(self.unfit(
                    &word,
                    format!("at most {}", limits::PHASE_EXTENSION_MAX.written()),
                )),
                _ => Err(self.unfit(&word, "a length of time, such as `2d`, `36h` or `1d12h`")),
            };
        }
        if !is(&word, "until") {
            return Err(self.unfit(&word, "`by` or `until`"));
        }
        let word = self.need("a moment, such as `2026-09-20T23:59Z`,")?;
        let day_end = format!("{}T23:59:59Z", word.text);
        match Timestamp::parse(&word.text).or_else(|_| Timestamp::parse(&day_end)) {
            Ok(timestamp) => Ok(Extension::Until(Timestamp(
                timestamp.0.div_euclid(1000) * 1000,
            ))),
            Err(_) => Err(self.unfit(
                &word,
                "a moment with its time zone, such as `2026-09-20T23:59Z`, nor a day, such as `2026-09-20`",
            )),
        }
    }

    /// One account or more.
    pub(super) fn members(&mut self) -> Read<Vec<Login>> {
        let mut word = self.need("the account of a member")?;
        let mut members: Vec<Login> = Vec::new();
        loop {
            let name = word.text.strip_prefix('@').unwrap_or(&word.text);
            let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let fits = (1..=limits::LOGIN_CHARS_MAX).contains(&name.len()) && name.chars().all(ok);
            if !fits {
                return Err(self.unfit(&word, "the name of an account"));
            }
            // Forges take `Ada` and `ada` for the same account.
            if members.iter().any(|m| m.0.eq_ignore_ascii_case(name)) {
                return Err(self.twice(&word.text, &word));
            }
            if members.len() == limits::TEAM_MEMBERS_MAX {
                let most = format!("among the {} members that a team may have", members.len());
                return Err(self.unfit(&word, most));
            }
            members.push(Login(name.to_owned()));
            match self.next()? {
                Some(next) => word = next,
                None => return Ok(members),
            }
        }
    }

    /// The scope and the reason of a pause. Without a scope the reason stands in quotes: a word that
    /// is not a phase's name must not widen a pause to everything.
    pub(super) fn pause(&mut self) -> Read<(Option<Scope>, Option<String>)> {
        let named = self.named("reason")?;
        let Some(word) = self.next()? else {
            return Ok((None, named));
        };
        if word.quoted && named.is_none() {
            return Ok((None, Some(self.not_empty(word)?)));
        }
        let scope = Some(self.scope_of(&word)?);
        let reason = match (named, self.words.as_slice()) {
            (Some(reason), _) => Some(reason),
            (None, [word]) if word.quoted && word.key.is_none() => {
                let word = self.need("a reason")?;
                Some(self.not_empty(word)?)
            }
            (None, _) => self.rest(),
        };
        Ok((scope, reason))
    }

    /// `reason="…"`, which must be there.
    pub(super) fn reason(&mut self) -> Read<String> {
        match self.named("reason")? {
            Some(reason) => Ok(reason),
            None if self.words.is_empty() => Err(self.error(Problem::Missing {
                what: "`reason=\"…\"`",
            })),
            None => {
                let word = self.words.remove(0);
                Err(match word.key.as_deref() {
                    Some(key) => self.unknown_key(key, &word),
                    None => self.unfit(&word, "`reason=\"…\"`"),
                })
            }
        }
    }

    /// The rest of the line.
    pub(super) fn text(&mut self) -> Read<String> {
        let missing = Problem::Missing { what: "a text" };
        self.rest().ok_or_else(|| self.error(missing))
    }

    /// What `/help` is asked for.
    pub(super) fn topic(&mut self) -> Read<Option<Topic>> {
        let Some(word) = self.next()? else {
            return Ok(None);
        };
        let mut name = word.text.trim_start_matches('/').to_owned();
        while let Some(word) = self.next()? {
            name.push(' ');
            name.push_str(&word.text);
        }
        Topic::find(&name)
            .map(Some)
            .map_err(|error| error.at(word.column))
    }

    fn scope_of(&self, word: &Word) -> Read<Scope> {
        let (phase, task) = match word.text.split_once('/') {
            Some((phase, task)) => (phase, Some(task)),
            None => (word.text.as_str(), None),
        };
        let phase = PhaseSlug::new(phase)
            .map_err(|why| self.unfit(word, format!("a phase or a board: {}", why.why)))?;
        let task = task
            .map(TaskSlug::new)
            .transpose()
            .map_err(|why| self.unfit(word, format!("a board `PHASE/TASK`: {}", why.why)))?;
        Ok(Scope { phase, task })
    }

    /// The next word without a key.
    fn next(&mut self) -> Read<Option<Word>> {
        let Some(at) = self.words.iter().position(|word| word.key.is_none()) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        self.taken = self.taken.max(word.end);
        self.closed(word).map(Some)
    }

    fn need(&mut self, what: &'static str) -> Read<Word> {
        if let Some(word) = self.next()? {
            return Ok(word);
        }
        // `phase=validation`, where the name alone is wanted.
        let foreign = |word: &&Word| {
            let key = word.key.as_deref();
            key.is_some_and(|key| !self.row.keys.contains(&key))
        };
        match self.words.iter().find(foreign) {
            Some(word) => Err(self.unknown_key(word.key.as_deref().unwrap_or_default(), word)),
            None => Err(self.error(Problem::Missing { what })),
        }
    }

    /// The value behind a key.
    fn named(&mut self, key: &str) -> Read<Option<String>> {
        let here = |word: &Word| word.key.as_deref() == Some(key);
        let Some(at) = self.words.iter().position(here) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        let word = self.closed(word)?;
        self.not_empty(word).map(Some)
    }

    /// All that follows the last word, if anything does.
    fn rest(&mut self) -> Option<String> {
        self.words.clear();
        let text = self.line.get(self.taken..).unwrap_or_default().trim();
        (!text.is_empty()).then(|| text.replace('\t', " "))
    }

    fn closed(&self, word: Word) -> Read<Word> {
        match word.closed {
            true => Ok(word),
            false => Err(self.error(Problem::Unclosed).at(word.column)),
        }
    }

    fn not_empty(&self, word: Word) -> Read<String> {
        match word.text.trim() {
            "" => Err(self.unfit(&word, "a reason: write a few words in quotes")),
            text => Ok(text.to_owned()),
        }
    }

    fn error(&self, problem: Problem) -> CommandError {
        CommandError::of(self.row.verb, problem)
    }

    fn unfit(&self, word: &Word, what: impl Into<String>) -> CommandError {
        let problem = Problem::Unfit {
            typed: word.text.clone(),
            what: what.into(),
        };
        self.error(problem).at(word.column)
    }

    fn twice(&self, typed: &str, word: &Word) -> CommandError {
        let typed = typed.to_owned();
        self.error(Problem::Twice { typed }).at(word.column)
    }

    fn unknown_key(&self, key: &str, word: &Word) -> CommandError {
        let problem = Problem::UnknownKey {
            typed: key.to_owned(),
            meant: suggest::nearest(key, self.row.keys.iter().copied()),
        };
        self.error(problem).at(word.column)
    }
}

impl Topic {
    /// The name of a command or of a family, in letters of any size.
    pub(super) fn find(name: &str) -> Read<Self> {
        let plain = name.to_ascii_lowercase();
        if let Some(known) = table::names().find(|known| *known == plain) {
            return Ok(Self(known));
        }
        Err(CommandError::general(Problem::UnknownCommand {
            typed: name.to_owned(),
            meant: suggest::nearest(&plain, table::names()),
        }))
    }
}

fn is(word: &Word, literal: &str) -> bool {
    !word.quoted && word.text.eq_ignore_ascii_case(literal)
}

/// A whole number from 1, of digits alone.
fn positive(digits: &str) -> Option<i64> {
    let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| only_digits)?;
    (number > 0).then_some(number)
}
