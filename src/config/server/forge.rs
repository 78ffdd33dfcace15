//! `[forge.name]`: where the team repositories are, and the secrets shared with that place.
//!
//! Speaks to no forge.

use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::web_address;
use crate::config::reader::{Section, read_file};
use crate::config::secret::Secret;
use crate::config::values::{ValueResult, invalid, one_of, path, text};
use crate::model::{Finding, ForgeName};

/// Characters of the shortest webhook secret; a shorter one can be guessed from one delivery.
const SECRET_CHARS_LEAST: usize = 16;

/// No forge may be called so: orders from the command line are kept under this name.
pub const RESERVED_FORGE: &str = "command-line";

/// A forge as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeSettings {
    /// Bare repositories in the file system.
    Local {
        /// Directory that holds `owner/name.git`.
        root: PathBuf,
    },
    /// Gitea or Forgejo.
    Gitea {
        /// Address without `/` at the end.
        url: String,
        /// The same as people reach it; the forge's own word for itself.
        public_url: String,
        /// Any of them signs a delivery; at least one, two while one replaces the other.
        webhook_secrets: Vec<Secret>,
        /// Token of the account that answers.
        token: Option<Secret>,
        /// Token of an owner of the organization, by which organizers make teams from a comment.
        owner_token: Option<Secret>,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Local,
    Gitea,
}

/// Reads one forge.
pub fn read(name: &str, s: &Section<'_>, base: &Path) -> Option<(ForgeName, ForgeSettings)> {
    let name = ForgeName::new(name);
    if let Err(invalid) = &name {
        let help = "Rename the table: a-z, 0-9, `-`, `_` and `.` are allowed.";
        s.invalid("", format!("{invalid}."), help);
    }
    if name.as_ref().is_ok_and(|n| n.as_str() == RESERVED_FORGE) {
        let message =
            format!("`{RESERVED_FORGE}` is no name for a forge: it stands for this server.");
        s.invalid("", message, "Rename the table.");
    }
    let kind = s.required(
        "kind",
        one_of(&[("local", Kind::Local), ("gitea", Kind::Gitea)]),
    );
    let settings = match kind {
        Some(Kind::Local) => s
            .required("root", path(base))
            .map(|root| ForgeSettings::Local { root }),
        Some(Kind::Gitea) => gitea(s, base),
        None => {
            s.accept_all_keys();
            None
        }
    };
    Some((name.ok()?, settings?))
}

fn gitea(s: &Section<'_>, base: &Path) -> Option<ForgeSettings> {
    let url = s.required("url", web_address);
    let public_url = s.optional("public-url", web_address);
    let files = s.list("webhook-secret-files", path(base));
    let written = match s.has("webhook-secret-files") {
        true => s.list("webhook-secrets", secret).or(Some(Vec::new())),
        false => s.required_list("webhook-secrets", secret),
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
            "There is no webhook secret, so that anybody could forge a push.",
            "Write one, the same as in the forge.",
        );
    }
    let (url, token, owner_token) = (url?, token?, owner_token?);
    Some(ForgeSettings::Gitea {
        public_url: public_url.unwrap_or_else(|| url.clone()),
        url,
        webhook_secrets,
        token,
        owner_token,
    })
}

/// The token in the file that a key names, if it names one.
fn token_in(s: &Section<'_>, key: &'static str, base: &Path) -> Option<Option<Secret>> {
    match s.optional(key, path(base)) {
        Some(file) => secret_in(s, key, &file, 1).map(Some),
        None => Some(None),
    }
}

/// A webhook secret. Never repeated in a refusal.
fn secret(value: &Value) -> ValueResult<Secret> {
    let text = text(value)?;
    if text.chars().count() < SECRET_CHARS_LEAST {
        return invalid(
            format!("holds a secret of less than {SECRET_CHARS_LEAST} characters"),
            "Draw a long one, for example with `openssl rand -hex 32`.",
        );
    }
    Ok(Secret::new(text))
}

/// The secret that a file holds on its one line.
fn secret_in(s: &Section<'_>, key: &str, file: &Path, least: usize) -> Option<Secret> {
    let unread = |findings: Vec<Finding>| {
        let message = findings.into_iter().map(|f| f.message).collect::<String>();
        let message = format!("`{}`: {message}", file.display());
        s.path_missing(
            key,
            message,
            format!("Correct `{key}`, or the permissions of the file."),
        );
    };
    let text = read_file(file).map_err(unread).ok()?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.chars().count() < least || secret.contains('\n') {
        s.invalid(
            key,
            format!(
                "`{}` does not hold one line of at least {least} characters.",
                file.display()
            ),
            "Write the secret alone into the file.",
        );
        return None;
    }
    Some(Secret::new(secret))
}
