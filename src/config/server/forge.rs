//! `[forge.name]`: where the team repositories are, and the secrets that Referee shares with that forge.
//!
//! Nothing here speaks to a forge. `forge::kind` makes one from these settings.

use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::web_address;
use crate::config::reader::{Section, read_file};
use crate::config::secret::Secret;
use crate::config::values::{ValueResult, invalid, one_of, path, text};
use crate::model::{Finding, ForgeName};

/// Characters of the shortest webhook secret. A shorter one could be guessed from one delivery.
const SECRET_CHARS_LEAST: usize = 16;

/// No forge may have this name: commands from the command line are recorded under it.
pub const RESERVED_FORGE: &str = "command-line";

/// The settings of a forge, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeSettings {
    Local(LocalSettings),
    Gitea(GiteaSettings),
}

/// Bare repositories in the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSettings {
    /// Directory that holds `owner/name.git`.
    pub root: PathBuf,
}

/// Gitea or Forgejo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiteaSettings {
    /// Address as Referee reaches it, without `/` at the end.
    pub url: String,
    /// Address as people reach it, which the forge itself uses (`ROOT_URL`).
    pub public_url: String,
    /// At least one; any of them may sign a delivery. Two while one replaces the other.
    pub webhook_secrets: Vec<Secret>,
    /// Token of the account that Referee acts as.
    pub token: Option<Secret>,
    /// Token of an owner of the organization. With it, organizers can add teams by a comment.
    pub owner_token: Option<Secret>,
}

type ReadSettings = fn(&Section<'_>, &Path) -> Option<ForgeSettings>;

/// The kinds of forge, with the function that reads the settings of each.
const KINDS: [(&str, ReadSettings); 2] = [("local", local), ("gitea", gitea)];

/// Reads one forge.
pub(super) fn read(name: &str, s: &Section<'_>, base: &Path) -> Option<(ForgeName, ForgeSettings)> {
    let name = ForgeName::new(name);
    if let Err(invalid) = &name {
        let help = "Rename the table: a-z, 0-9, `-`, `_` and `.` are allowed.";
        s.invalid("", format!("{invalid}."), help);
    }
    if name.as_ref().is_ok_and(|n| n.as_str() == RESERVED_FORGE) {
        let message = format!("A forge cannot be named `{RESERVED_FORGE}`: this name means this server.");
        s.invalid("", message, "Rename the table.");
    }
    let settings = match s.required("kind", one_of(&KINDS)) {
        Some(read_settings) => read_settings(s, base),
        None => {
            s.accept_all_keys();
            None
        }
    };
    Some((name.ok()?, settings?))
}

fn local(s: &Section<'_>, base: &Path) -> Option<ForgeSettings> {
    let root = s.required("root", path(base))?;
    Some(ForgeSettings::Local(LocalSettings { root }))
}

fn gitea(s: &Section<'_>, base: &Path) -> Option<ForgeSettings> {
    let url = s.required("url", web_address);
    let public_url = s.optional("public-url", web_address);
    let files = s.list("webhook-secret-files", path(base));
    let written = if s.has("webhook-secret-files") {
        s.list("webhook-secrets", secret).or(Some(Vec::new()))
    } else {
        s.required_list("webhook-secrets", secret)
    };
    let token = token_in(s, "token-file", base);
    let owner_token = token_in(s, "owner-token-file", base);
    let files = files.unwrap_or_default();
    let read = |file: &PathBuf| secret_in(s, "webhook-secret-files", file, SECRET_CHARS_LEAST);
    let stored: Vec<_> = files.iter().map(read).collect();
    let mut webhook_secrets = written?;
    webhook_secrets.extend(stored.into_iter().flatten());
    if webhook_secrets.is_empty() && files.is_empty() {
        s.invalid(
            "webhook-secrets",
            "There is no webhook secret, so anyone could send a false push event.",
            "Write the secret of the forge's webhook into `webhook-secrets`, or name a file with it in \
             `webhook-secret-files`.",
        );
    }
    let (url, token, owner_token) = (url?, token?, owner_token?);
    Some(ForgeSettings::Gitea(GiteaSettings {
        public_url: public_url.unwrap_or_else(|| url.clone()),
        url,
        webhook_secrets,
        token,
        owner_token,
    }))
}

/// The token in the file that a key names; `Some(None)` where the key is absent.
fn token_in(s: &Section<'_>, key: &'static str, base: &Path) -> Option<Option<Secret>> {
    match s.optional(key, path(base)) {
        Some(file) => secret_in(s, key, &file, 1).map(Some),
        None => Some(None),
    }
}

/// A webhook secret. A refusal never repeats it.
fn secret(value: &Value) -> ValueResult<Secret> {
    let text = text(value)?;
    if text.chars().count() < SECRET_CHARS_LEAST {
        return invalid(
            format!("contains a secret with fewer than {SECRET_CHARS_LEAST} characters"),
            "Generate a long one, for example with `openssl rand -hex 32`.",
        );
    }
    Ok(Secret::new(text))
}

/// The secret in a file of one line.
fn secret_in(s: &Section<'_>, key: &str, file: &Path, least: usize) -> Option<Secret> {
    let unread = |findings: Vec<Finding>| {
        let message = findings.into_iter().map(|f| f.message).collect::<String>();
        let message = format!("`{}`: {message}", file.display());
        s.path_missing(key, message, format!("Correct `{key}`, or the permissions of the file."));
    };
    let text = read_file(file).map_err(unread).ok()?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.chars().count() < least || secret.contains('\n') {
        s.invalid(
            key,
            format!("`{}` does not hold one line of at least {least} characters.", file.display()),
            "Write only the secret into the file.",
        );
        return None;
    }
    Some(Secret::new(secret))
}
