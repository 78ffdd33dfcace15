//! The words of one command to checked values, in the order in which its parser asks for them.
//!
//! It does not find out whether a named phase, team or submission exists. A word that is left over at
//! the end is an error.

use super::error::{CommandError, CommandProblem};
use super::line::Word;
use super::selector::BoardSelector;
use super::spec::CommandSpec;
use crate::model::{PhaseSlug, TaskSlug, TeamSlug, suggest};

type Result<T> = std::result::Result<T, CommandError>;

const A_SUBMISSION: &str = "a submission number, such as `#12`";
const A_TEAM_NAME: &str = "a team name";
const BOARDS: &str = "a phase or a leaderboard, `PHASE` or `PHASE/TASK`";
const A_BOARD: &str = "a leaderboard, `PHASE/TASK`";

/// The words of a command that are not parsed yet.
#[derive(Debug)]
pub struct Args<'a> {
    spec: &'static CommandSpec,
    line: &'a str,
    words: Vec<Word>,
    /// Where the last parsed word ends, in bytes of the line.
    parsed_to: usize,
}

impl<'a> Args<'a> {
    /// The words that follow the name of a command, which ends at a byte of the line.
    pub(super) fn new(spec: &'static CommandSpec, line: &'a str, words: Vec<Word>, name_end: usize) -> Self {
        Self { spec, line, words, parsed_to: name_end }
    }

    /// Refuses words that are left over.
    pub(super) fn end(mut self) -> Result<()> {
        let Some(word) = self.words.drain(..).next() else {
            return Ok(());
        };
        if let Some(key) = word.key.as_deref() {
            return Err(if self.spec.keys.contains(&key) {
                self.repeated(&format!("{key}="), &word)
            } else {
                self.unknown_key(key, &word)
            });
        }
        let problem = CommandProblem::TooManyWords { typed: word.text, takes_text: !self.spec.keys.is_empty() };
        Err(self.error(problem).at(word.column))
    }

    /// `#12` or `12`.
    pub fn submission(&mut self) -> Result<i64> {
        let word = self.require_word(A_SUBMISSION)?;
        self.submission_in(&word)?.ok_or_else(|| self.invalid(&word, A_SUBMISSION))
    }

    /// The submission that a word names; none if it is not a number. A word that begins with `#`
    /// must be one.
    pub fn submission_in(&self, word: &Word) -> Result<Option<i64>> {
        let digits = word.text.strip_prefix('#').unwrap_or(&word.text);
        let number = positive_number(digits);
        if number.is_none() && word.text.starts_with('#') {
            return Err(self.invalid(word, A_SUBMISSION));
        }
        Ok(number)
    }

    /// A whole number from 1 up to a largest one.
    pub fn number(&mut self, largest: u32, expected: &str) -> Result<u32> {
        let word = self.require_word(expected)?;
        positive_number(&word.text)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number <= largest)
            .ok_or_else(|| self.invalid(&word, expected))
    }

    /// A whole number from 1, or nothing.
    pub fn optional_number(&mut self, expected: &str) -> Result<Option<i64>> {
        let Some(word) = self.next_word()? else {
            return Ok(None);
        };
        let number = positive_number(&word.text);
        number.map_or_else(|| Err(self.invalid(&word, expected)), |number| Ok(Some(number)))
    }

    /// `team NAME`.
    pub fn team(&mut self) -> Result<TeamSlug> {
        let expected = "`team` and a team name";
        let word = self.require_word(expected)?;
        if !word.is_keyword("team") {
            return Err(self.invalid(&word, expected));
        }
        self.team_name()
    }

    /// The name of a team without the word `team`.
    pub fn team_name(&mut self) -> Result<TeamSlug> {
        let word = self.require_word(A_TEAM_NAME)?;
        TeamSlug::new(word.text.as_str()).map_err(|error| self.invalid_because(&word, A_TEAM_NAME, error.reason))
    }

    pub fn phase(&mut self) -> Result<PhaseSlug> {
        let word = self.require_word("a phase")?;
        let BoardSelector { phase, task } = self.boards_in(&word)?;
        phase.filter(|_| task.is_none()).ok_or_else(|| self.invalid(&word, "a phase without `/` and a task"))
    }

    /// `PHASE` or `PHASE/TASK`.
    pub fn boards(&mut self) -> Result<BoardSelector> {
        let word = self.require_word(BOARDS)?;
        self.boards_in(&word)
    }

    /// `PHASE`, `PHASE/TASK`, or nothing for all leaderboards.
    pub fn optional_boards(&mut self) -> Result<BoardSelector> {
        match self.next_word()? {
            Some(word) => self.boards_in(&word),
            None => Ok(BoardSelector::default()),
        }
    }

    /// `PHASE/TASK`.
    pub fn board(&mut self) -> Result<(PhaseSlug, TaskSlug)> {
        let word = self.require_word(A_BOARD)?;
        let BoardSelector { phase, task } = self.boards_in(&word)?;
        phase.zip(task).ok_or_else(|| self.invalid(&word, A_BOARD))
    }

    /// The leaderboards that a word names.
    pub fn boards_in(&self, word: &Word) -> Result<BoardSelector> {
        let (phase, task) = match word.text.split_once('/') {
            Some((phase, task)) => (phase, Some(task)),
            None => (word.text.as_str(), None),
        };
        let phase = PhaseSlug::new(phase).map_err(|error| self.invalid_because(word, BOARDS, error.reason))?;
        let task =
            task.map(TaskSlug::new).transpose().map_err(|error| self.invalid_because(word, A_BOARD, error.reason))?;
        Ok(BoardSelector { phase: Some(phase), task })
    }

    /// The next word without a key.
    pub fn next_word(&mut self) -> Result<Option<Word>> {
        let Some(at) = self.words.iter().position(|word| word.key.is_none()) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        self.parsed_to = self.parsed_to.max(word.end);
        self.closed(word).map(Some)
    }

    pub fn require_word(&mut self, expected: &str) -> Result<Word> {
        if let Some(word) = self.next_word()? {
            return Ok(word);
        }
        // `phase=validation`, where only the name is expected.
        let unknown = self.words.iter().find_map(|word| {
            let key = word.key.as_deref()?;
            (!self.spec.keys.contains(&key)).then(|| self.unknown_key(key, word))
        });
        Err(unknown.unwrap_or_else(|| self.missing(expected)))
    }

    /// The value behind a key, if it is given.
    pub fn named(&mut self, key: &str) -> Result<Option<String>> {
        let has_key = |word: &Word| word.key.as_deref() == Some(key);
        let Some(at) = self.words.iter().position(has_key) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        let word = self.closed(word)?;
        self.not_empty(&word).map(Some)
    }

    /// The value behind a key that must be given.
    pub fn required_named(&mut self, key: &str) -> Result<String> {
        let expected = format!("`{key}=\"…\"`");
        if let Some(value) = self.named(key)? {
            return Ok(value);
        }
        Err(match self.words.first() {
            None => self.missing(&expected),
            Some(word) => match word.key.as_deref() {
                Some(other) => self.unknown_key(other, word),
                None => self.invalid(word, &expected),
            },
        })
    }

    /// The rest of the line as it is; none if nothing is left.
    pub fn rest(&mut self) -> Option<String> {
        self.words.clear();
        let text = self.line.get(self.parsed_to..).unwrap_or_default().trim();
        (!text.is_empty()).then(|| text.replace('\t', " "))
    }

    /// The rest of the line; without its quotes, if it is one quoted text.
    pub fn rest_or_quoted(&mut self) -> Result<Option<String>> {
        match self.words.as_slice() {
            [word] if word.quoted && word.key.is_none() => {
                let word = self.words.remove(0);
                let word = self.closed(word)?;
                self.not_empty(&word).map(Some)
            }
            _ => Ok(self.rest()),
        }
    }

    /// The text of a word, which must not be blank.
    pub fn not_empty(&self, word: &Word) -> Result<String> {
        let text = word.text.trim();
        if text.is_empty() {
            return Err(self.invalid(word, "a few words in quotes"));
        }
        Ok(text.to_owned())
    }

    fn closed(&self, word: Word) -> Result<Word> {
        if word.closed { Ok(word) } else { Err(self.error(CommandProblem::UnclosedQuote).at(word.column)) }
    }

    fn error(&self, problem: CommandProblem) -> CommandError {
        CommandError::of_command(self.spec, problem)
    }

    /// The line ends where something is expected.
    pub fn missing(&self, expected: &str) -> CommandError {
        let expected = expected.to_owned();
        self.error(CommandProblem::Missing { expected })
    }

    /// A word is not of the expected kind.
    pub fn invalid(&self, word: &Word, expected: &str) -> CommandError {
        let problem = CommandProblem::Invalid { typed: word.text.clone(), expected: expected.to_owned() };
        self.error(problem).at(word.column)
    }

    fn invalid_because(&self, word: &Word, expected: &str, why: &str) -> CommandError {
        self.invalid(word, &format!("{expected}; {why}"))
    }

    /// A word repeats one that was given before.
    pub fn repeated(&self, typed: &str, word: &Word) -> CommandError {
        let typed = typed.to_owned();
        self.error(CommandProblem::Repeated { typed }).at(word.column)
    }

    fn unknown_key(&self, key: &str, word: &Word) -> CommandError {
        let problem = CommandProblem::UnknownKey {
            typed: key.to_owned(),
            meant: suggest::nearest(key, self.spec.keys.iter().copied()),
        };
        self.error(problem).at(word.column)
    }
}

/// `key="text"` as [`Args::named`] reads it.
pub fn named_argument(key: &str, text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{key}=\"{escaped}\"")
}

/// A whole number from 1, of digits alone.
fn positive_number(digits: &str) -> Option<i64> {
    let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| only_digits)?;
    (number > 0).then_some(number)
}
