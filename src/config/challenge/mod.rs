//! `challenge.toml` to a checked [`Challenge`], or all its problems at once.
//!
//! Needs no hidden data, so that a participant's laptop can read a challenge too: whether the data
//! is there is asked by [`super::check_paths`].

mod check;
mod phase;
mod task;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::reader::{self, Section, Source, shown, text_of};
use super::values::{Read, one_of, parsed, path, refused, text};
use crate::model::{Challenge, ChallengeSlug, Digest, Finding, ForgeName, Severity, TeamPattern};

/// The annotated defaults: the layer below every `challenge.toml`.
pub const CHALLENGE_TOML: &str = include_str!("challenge.toml");

/// What is allowed wherever a slug is wanted.
const SLUG: &str =
    "Write 1 to 63 of a-z, 0-9, `-`, `_` and `.`, starting with a letter or a digit.";

/// Reads the challenge in a directory.
///
/// # Errors
/// All problems, warnings among them, when any of them is an error.
pub fn read_challenge(directory: &Path) -> Result<Challenge, Vec<Finding>> {
    super::accept(inspect_challenge(directory))
}

/// Reads the challenge in a directory and gives every problem, warnings too. Where one of them is
/// an error, the challenge must not be used.
pub fn inspect_challenge(directory: &Path) -> (Option<Challenge>, Vec<Finding>) {
    let file = directory.join("challenge.toml");
    match text_of(&file) {
        // Engines want absolute paths, and a link is followed once, here.
        Ok(text) => match directory.canonicalize() {
            Ok(directory) => parse(&text, &shown(&file), &directory),
            Err(e) => {
                let finding = Finding::error(
                    reader::PATH_MISSING,
                    format!("The directory of the challenge cannot be read: {e}."),
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
    let source = Source {
        name,
        text,
        defaults: CHALLENGE_TOML,
        guarded: false,
    };
    reader::read(&source, |root| {
        let head = root.section("challenge", |s| head(s, directory));
        let mut slugs = Vec::new();
        let tasks = root.sections("task", |s| task::read(s, directory, &mut slugs));
        let mut before = Vec::new();
        let phases = root.sections("phase", |s| phase::read(s, directory, &mut before));
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
            "Write `owner/prefix*` with one `*`; the part under it names the team.",
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
            format!("`{board}` is a team repository by the pattern of `teams`."),
            "Choose a repository outside of the pattern.",
        );
    }
    directory_at(s, "template", template.as_deref());
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
    let fine = |part: &str| {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(ok) && !part.starts_with('.')
    };
    (fine(owner) && fine(name)).then(|| text.to_owned())
}

fn rule(code: &str, value: &Value) -> Read<Severity> {
    let letters = code.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = code.len() - letters.len();
    if !letters.bytes().all(|b| b.is_ascii_uppercase()) || letters.len() < 2 || digits != 3 {
        return refused(
            "is no rule",
            "Write the code of a rule, for example `DF041`.",
        );
    }
    one_of(&[
        ("error", Severity::Error),
        ("warning", Severity::Warning),
        ("advice", Severity::Advice),
    ])(value)
}

/// Tells when a directory that a key names is not there.
fn directory_at(s: &Section<'_>, key: &str, directory: Option<&Path>) {
    if let Some(directory) = directory
        && !directory.is_dir()
    {
        let message = format!("There is no directory `{}`.", directory.display());
        s.absent(key, message, format!("Make it, or correct `{key}`."));
    }
}

#[cfg(test)]
mod tests;
