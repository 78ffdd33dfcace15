//! Converts `challenge.toml` to a checked [`Challenge`], or reports all its problems at once.
//!
//! The hidden data need not exist, so that a participant's laptop can read a challenge. [`super::check_data`] checks
//! that it exists.

mod check;
mod pattern;
mod phase;
mod task;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::reader::{self, Input, Section, display_path, read_file};
use super::values::{ValueResult, invalid, parsed, path, text, word};
use crate::model::{Challenge, ChallengeSlug, Digest, Finding, ForgeName, Severity, TeamPattern};

/// The annotated defaults. They are the layer below every `challenge.toml`.
pub const CHALLENGE_TOML: &str = include_str!("challenge.toml");

/// Help for every slug.
const SLUG: &str = "Write 1 to 63 characters of a-z, 0-9, `-`, `_` and `.`, starting with a letter or a digit.";

/// Reads the challenge in a directory.
///
/// # Errors
/// All findings, including warnings, if one of them is an error.
pub fn read_challenge(directory: &Path) -> Result<Challenge, Vec<Finding>> {
    let (challenge, findings) = inspect_challenge(directory);
    super::without_errors(challenge, findings)
}

/// Reads the challenge in a directory and returns all findings, including warnings. If one of them is an error, the
/// challenge must not be used.
pub fn inspect_challenge(directory: &Path) -> (Option<Challenge>, Vec<Finding>) {
    let file = directory.join("challenge.toml");
    match read_file(&file) {
        // Engines need absolute paths. A symbolic link is resolved only here.
        Ok(text) => match directory.canonicalize() {
            Ok(directory) => parse(&text, &display_path(&file), &directory),
            Err(e) => {
                let finding = Finding::error(
                    reader::PATH_MISSING,
                    format!("The directory of the challenge cannot be resolved: {e}."),
                    "Check its permissions.",
                );
                (None, vec![finding])
            }
        },
        Err(findings) => (None, findings),
    }
}

/// Reads the text of a `challenge.toml` that lies in `directory`.
fn parse(text: &str, name: &str, directory: &Path) -> (Option<Challenge>, Vec<Finding>) {
    let input = Input { name, text, defaults: CHALLENGE_TOML, hide_values: false };
    reader::read_text(&input, |root| {
        let head = root.section("challenge", |s| head(s, directory));
        let mut slugs = Vec::new();
        let tasks = root.sections("task", |s| task::task(s, directory, &mut slugs));
        let mut before = Vec::new();
        let phases = root.sections("phase", |s| phase::phase(s, directory, &mut before));
        let rules = root.pairs("rules", rule);
        let head = head?;
        Some(Challenge {
            slug: head.slug,
            title: head.title,
            forge: head.forge,
            teams: head.teams,
            organizers: head.organizers,
            leaderboard: head.leaderboard,
            template: head.template,
            directory: directory.to_owned(),
            config_digest: Digest::of(text.as_bytes()),
            tasks: tasks?,
            phases: phases?,
            rules: rules?.into_iter().collect::<BTreeMap<_, _>>(),
        })
    })
}

/// The `[challenge]` table.
struct Head {
    slug: ChallengeSlug,
    title: String,
    forge: ForgeName,
    teams: TeamPattern,
    organizers: Option<String>,
    leaderboard: Option<String>,
    template: Option<PathBuf>,
}

fn head(s: &Section<'_>, directory: &Path) -> Option<Head> {
    const PAIR: &str = "Write `owner/name`.";
    let slug = s.required("slug", parsed(SLUG, |t| ChallengeSlug::new(t).ok()));
    let title = s.optional("title", text);
    let forge = s.required("forge", parsed(SLUG, |t| ForgeName::new(t).ok()));
    let teams = s.required(
        "teams",
        parsed(
            "Write `owner/prefix*` with one `*`. The text in place of `*` is the name of the team.",
            TeamPattern::parse,
        ),
    );
    let organizers = s.optional("organizers", parsed(PAIR, owner_and_name));
    let leaderboard = s.optional("leaderboard", parsed(PAIR, owner_and_name));
    let template = s.optional("template", path(directory));
    if let (Some(teams), Some(board)) = (&teams, &leaderboard)
        && teams.team_of(board).is_some()
    {
        s.contradiction(
            "leaderboard",
            format!("`{board}` matches the pattern of `teams`, so it would be a team repository."),
            "Choose a repository that does not match the pattern.",
        );
    }
    check_directory(s, "template", template.as_deref());
    let slug = slug?;
    Some(Head {
        title: title.unwrap_or_else(|| slug.to_string()),
        slug,
        forge: forge?,
        teams: teams?,
        organizers,
        leaderboard,
        template,
    })
}

fn owner_and_name(text: &str) -> Option<String> {
    let (owner, name) = text.split_once('/')?;
    let valid = |part: &str| {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(ok) && !part.starts_with('.')
    };
    (valid(owner) && valid(name)).then(|| text.to_owned())
}

/// The severity of a rule in this challenge. Whether the rule exists is checked by the caller.
fn rule(code: &str, value: &Value) -> ValueResult<Severity> {
    let letters = code.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = code.len() - letters.len();
    if !letters.bytes().all(|b| b.is_ascii_uppercase()) || letters.len() < 2 || digits != 3 {
        return invalid("is not the code of a rule", "Write the code of a rule, for example `DF041`.");
    }
    word(value)
}

/// Reports that a directory does not exist.
fn check_directory(s: &Section<'_>, key: &str, directory: Option<&Path>) {
    if let Some(directory) = directory
        && !directory.is_dir()
    {
        let message = format!("The directory `{}` does not exist.", directory.display());
        s.path_missing(key, message, format!("Create it, or correct `{key}`."));
    }
}

#[cfg(test)]
mod tests;
