//! Converts `referee.toml` to checked [`Settings`], or reports all its problems at once.
//!
//! Findings never show a line of this file with its value, because some values are secrets. Three environment
//! variables take precedence over the file.

mod engine;
mod forge;
mod retention;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::reader::{self, INVALID_VALUE, Input, PATH_MISSING, Section, display_path, read_file};
use super::secret::DatabaseUrl;
use super::values::{ValueError, ValueResult, invalid, joined, path, text};
use crate::model::{Finding, ForgeName, Location};

pub use engine::{BuilderSettings, EngineSettings, Gpus, RunnerSettings, ScorerSettings};
pub use forge::{ForgeSettings, GiteaSettings, LocalSettings, RESERVED_FORGE};
pub use retention::RetentionSettings;

/// The annotated defaults. They are the layer below every `referee.toml`.
pub const REFEREE_TOML: &str = include_str!("referee.toml");

/// The settings of one daemon.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Address at which the daemon listens for pages and webhooks.
    pub listen: SocketAddr,
    /// Address of the pages as participants reach them, without `/` at the end.
    pub public_url: String,
    /// Absolute directory of all state: database, artifacts, mirrors and work.
    pub data: PathBuf,
    pub database: DatabaseUrl,
    /// Absolute directories of the challenges, in the order of the file.
    pub challenges: Vec<PathBuf>,
    pub forges: BTreeMap<ForgeName, ForgeSettings>,
    pub engine: EngineSettings,
    pub scorer: ScorerSettings,
    pub builder: BuilderSettings,
    pub runner: RunnerSettings,
    pub retention: RetentionSettings,
}

/// Reads `referee.toml` and the environment, which takes precedence.
///
/// # Errors
/// All findings, including warnings, if one of them is an error.
pub fn read_settings(file: &Path) -> Result<Settings, Vec<Finding>> {
    let (settings, findings) = inspect_settings(file);
    super::without_errors(settings, findings)
}

/// The settings of a machine without a `referee.toml`: the annotated defaults and the environment.
///
/// # Errors
/// Findings about the environment variables.
pub fn default_settings() -> Result<Settings, Vec<Finding>> {
    let here = std::path::absolute(".").unwrap_or_default();
    let (settings, findings) = parse("", "(defaults)", &here, &environment);
    super::without_errors(settings, findings)
}

/// Reads `referee.toml` and returns all findings, including warnings. If one of them is an error, the settings must
/// not be used.
pub fn inspect_settings(file: &Path) -> (Option<Settings>, Vec<Finding>) {
    let text = match read_file(file) {
        Ok(text) => text,
        Err(findings) => return (None, findings),
    };
    match std::path::absolute(file) {
        Ok(absolute) => {
            let base = absolute.parent().unwrap_or(Path::new("/"));
            parse(&text, &display_path(file), base, &environment)
        }
        Err(e) => {
            let message = format!("The current directory cannot be determined: {e}.");
            let help = "Start from a directory that exists, or use an absolute path.";
            let finding = Finding::error(PATH_MISSING, message, help);
            (None, vec![finding.at(Location::file(display_path(file)))])
        }
    }
}

/// Reads an environment variable. An empty one counts as unset.
#[expect(clippy::disallowed_methods, reason = "only `config` reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads environment variables by name.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the text of a `referee.toml` that lies in `base`.
fn parse(text: &str, name: &str, base: &Path, environment: Environment<'_>) -> (Option<Settings>, Vec<Finding>) {
    let input = Input { name, text, defaults: REFEREE_TOML, hide_values: true };
    reader::read_text(&input, |root| {
        let challenges = root.list("challenges", path(base));
        check_challenges(root, challenges.as_deref().unwrap_or_default());
        let server = root.section("server", |s| server(s, base, environment));
        let forges = root.named_sections("forge", |name, s| forge::read(name, s, base));
        let engine = root.section("engine", engine::engine);
        let scorer = root.section("scorer", |s| engine::scorer(s, engine.as_ref()));
        let builder = root.section("builder", |s| engine::builder(s, engine.as_ref()));
        let runner = root.section("runner", engine::runner);
        let retention = root.section("retention", retention::retention);
        let server = server?;
        Some(Settings {
            listen: server.listen,
            public_url: server.public_url,
            data: server.data,
            database: server.database,
            challenges: challenges?,
            forges: forges?.into_iter().collect(),
            engine: engine?,
            scorer: scorer?,
            builder: builder?,
            runner: runner?,
            retention: retention?,
        })
    })
}

fn check_challenges(s: &Section<'_>, challenges: &[PathBuf]) {
    for (at, directory) in challenges.iter().enumerate() {
        if !directory.is_dir() {
            let message = format!("The directory `{}` does not exist.", directory.display());
            s.path_missing("challenges", message, "Correct the path of the challenge.");
        } else if challenges[..at].contains(directory) {
            let message = format!("`{}` is listed twice.", directory.display());
            s.contradiction("challenges", message, "List each challenge once.");
        }
    }
}

/// The `[server]` table.
struct Server {
    listen: SocketAddr,
    public_url: String,
    data: PathBuf,
    database: DatabaseUrl,
}

fn server(s: &Section<'_>, base: &Path, environment: Environment<'_>) -> Option<Server> {
    // A path in an environment variable is relative to the current directory, as in a shell.
    let here = std::path::absolute(".").unwrap_or_else(|_| base.to_owned());
    let listen = s.required("listen", address);
    let listen = variable(s, environment, "REFEREE_LISTEN", address).or(listen);
    let data = s.required("data", path(base));
    let data = variable(s, environment, "REFEREE_DATA", path(&here)).or(data);
    let url = s.optional("database", database(base));
    let url = variable(s, environment, "REFEREE_DATABASE_URL", database(&here)).or(url);
    let public_url = s.optional("public-url", web_address);
    let (listen, data) = (listen?, data?);
    if !s.has("public-url") && listen.ip().is_unspecified() {
        s.warning(
            "listen",
            format!("Links on pages and commits will not work, because they start with `http://{listen}`."),
            "Set `public-url` to the address that participants use.",
        );
    }
    let sqlite = || DatabaseUrl::new(format!("sqlite:{}/referee.db", data.display()));
    Some(Server {
        public_url: public_url.unwrap_or_else(|| format!("http://{listen}")),
        listen,
        database: url.unwrap_or_else(sqlite),
        data,
    })
}

/// The value of an environment variable. `None` if it is not set or not valid.
fn variable<T>(
    s: &Section<'_>,
    environment: Environment<'_>,
    name: &str,
    kind: impl Fn(&Value) -> ValueResult<T>,
) -> Option<T> {
    let error = match kind(&Value::from(environment(name)?)) {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let (message, help) = match error {
        ValueError::Type(expected) => ("has the wrong type".to_owned(), format!("Write {expected}.")),
        ValueError::Value { message, help } => (message, help),
    };
    let finding = Finding::error(INVALID_VALUE, format!("`{name}` {message}."), help);
    s.add(vec![finding.at(Location::file(format!("environment {name}")))]);
    None
}

fn address(value: &Value) -> ValueResult<SocketAddr> {
    text(value)?.parse().or_else(|_| {
        invalid(
            "is not an address to listen on",
            "Write an IP address and a port, for example `127.0.0.1:8030` or `[::]:8030`.",
        )
    })
}

/// An `http` or `https` address without a trailing `/`, so that a path can be appended.
fn web_address(value: &Value) -> ValueResult<String> {
    let written = text(value)?;
    let rest = written.strip_prefix("https://").or_else(|| written.strip_prefix("http://"));
    let unfit = |c: char| c.is_whitespace() || matches!(c, '@' | '?' | '#' | '\\' | '"' | '<' | '>');
    match rest {
        Some(rest) if !rest.starts_with(['/', ':']) && !rest.is_empty() && !rest.contains(unfit) => {
            Ok(written.trim_end_matches('/').to_owned())
        }
        _ => invalid(
            "is not a web address",
            "Write for example `https://referee.example.org`, without user name, password or `?`.",
        ),
    }
}

/// The address of a database. A SQLite file is relative to `base`.
fn database(base: &Path) -> impl Fn(&Value) -> ValueResult<DatabaseUrl> + '_ {
    move |value| {
        let url = text(value)?;
        if let Some(file) = url.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            let (file, options) = file.find('?').map_or((file, ""), |at| file.split_at(at));
            if file.is_empty() || file.contains(":memory:") {
                return invalid(
                    "is not a file, so a restart would lose every submission",
                    "Write the name of a file: `sqlite:data/referee.db`.",
                );
            }
            let file = joined(base, Path::new(file));
            return Ok(DatabaseUrl::new(format!("sqlite:{}{options}", file.display())));
        }
        let server = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        match server {
            Some(server) if !server.is_empty() => Ok(DatabaseUrl::new(url)),
            _ => invalid(
                "is not the address of a supported database",
                "Write `sqlite:<file>` or `postgres://user:password@host/name`.",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
