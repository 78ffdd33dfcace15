//! `referee.toml` to checked [`Settings`], or all its problems at once.
//!
//! Findings repeat no value of this file, because some are secrets. Three variables of the
//! environment win over it, and no others.

mod engine;
mod forge;
mod retention;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::reader::{self, BAD_VALUE, PATH_MISSING, Section, Source, shown, text_of};
use super::secret::DatabaseUrl;
use super::values::{Read, Refusal, joined, path, refused, text};
use crate::model::{Finding, ForgeName, Location};

pub use engine::{BuilderSettings, EngineSettings, Gpus, RunnerSettings, ScorerSettings};
pub use forge::{ForgeSettings, GiteaSettings, LocalSettings, RESERVED_FORGE};
pub use retention::RetentionSettings;

/// The annotated defaults: the layer below every `referee.toml`.
pub const REFEREE_TOML: &str = include_str!("referee.toml");

/// How one daemon is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where the pages and hooks listen.
    pub listen: SocketAddr,
    /// Address of the pages as participants reach them, without `/` at the end.
    pub public_url: String,
    /// Absolute directory of all state: database, artifacts, work.
    pub data: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// Absolute directories of the challenges, in the order of the file.
    pub challenges: Vec<PathBuf>,
    /// The forges that challenges name.
    pub forges: BTreeMap<ForgeName, ForgeSettings>,
    /// What runs containers.
    pub engine: EngineSettings,
    /// What runs scorers.
    pub scorer: ScorerSettings,
    /// What builds images.
    pub builder: BuilderSettings,
    /// What may run at the same time.
    pub runner: RunnerSettings,
    /// What is forgotten.
    pub retention: RetentionSettings,
}

/// Reads `referee.toml`; the environment wins over it.
///
/// # Errors
/// All problems, warnings among them, when any of them is an error.
pub fn read_settings(file: &Path) -> Result<Settings, Vec<Finding>> {
    super::accept(inspect_settings(file))
}

/// The settings of a machine without a `referee.toml`: the annotated defaults and the environment.
///
/// # Errors
/// When the environment is wrong.
pub fn default_settings() -> Result<Settings, Vec<Finding>> {
    let here = std::path::absolute(".").unwrap_or_default();
    super::accept(parse("", "(defaults)", &here, &environment))
}

/// Reads `referee.toml` and gives every problem, warnings too. Where one of them is an error, the
/// settings must not be used.
pub fn inspect_settings(file: &Path) -> (Option<Settings>, Vec<Finding>) {
    let text = match text_of(file) {
        Ok(text) => text,
        Err(findings) => return (None, findings),
    };
    match std::path::absolute(file) {
        Ok(absolute) => {
            let base = absolute.parent().unwrap_or(Path::new("/"));
            parse(&text, &shown(file), base, &environment)
        }
        Err(e) => {
            let message = format!("The working directory cannot be told: {e}.");
            let help = "Start from a directory that exists, or give an absolute path.";
            let finding = Finding::error(PATH_MISSING, message, help);
            (None, vec![finding.at(Location::file(shown(file)))])
        }
    }
}

/// What the environment says; an empty variable is as good as none.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read in config"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A look-up of environment variables.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the text of a `referee.toml` that lies in `base`.
fn parse(
    text: &str,
    name: &str,
    base: &Path,
    environment: Environment<'_>,
) -> (Option<Settings>, Vec<Finding>) {
    let source = Source {
        name,
        text,
        defaults: REFEREE_TOML,
        guarded: true,
    };
    reader::read(&source, |root| {
        let challenges = root.list("challenges", path(base));
        check_challenges(root, challenges.as_deref().unwrap_or_default());
        let server = root.section("server", |s| server(s, base, environment));
        let forges = root.named_sections("forge", |name, s| forge::read(name, s, base));
        let engine = root.section("engine", engine::engine);
        let scorer = root.section("scorer", |s| engine::scorer(s, engine.as_ref()));
        let builder = root.section("builder", |s| engine::builder(s, engine.as_ref()));
        let runner = root.section("runner", engine::runner);
        let retention = root.section("retention", retention::read);
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
            let message = format!("There is no directory `{}`.", directory.display());
            s.absent("challenges", message, "Correct the path of the challenge.");
        } else if challenges[..at].contains(directory) {
            let message = format!("`{}` is named twice.", directory.display());
            s.contradiction("challenges", message, "Name each challenge once.");
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
    // A path in the environment is relative to where the daemon is started, as in a shell.
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
        s.doubt(
            "listen",
            format!("Links on pages and commits will lead to `http://{listen}`, which is nowhere."),
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

/// The value of an environment variable, where it is set.
fn variable<T>(
    s: &Section<'_>,
    environment: Environment<'_>,
    name: &str,
    kind: impl Fn(&Value) -> Read<T>,
) -> Option<T> {
    let refusal = match kind(&Value::from(environment(name)?)) {
        Ok(value) => return Some(value),
        Err(refusal) => refusal,
    };
    let (message, help) = match refusal {
        Refusal::Type(wanted) => ("is of another type".to_owned(), format!("Write {wanted}.")),
        Refusal::Value { message, help } => (message, help),
    };
    let finding = Finding::error(BAD_VALUE, format!("`{name}` {message}."), help);
    s.add(vec![
        finding.at(Location::file(format!("environment {name}"))),
    ]);
    None
}

fn address(value: &Value) -> Read<SocketAddr> {
    text(value)?.parse().or_else(|_| {
        refused(
            "is no address to listen on",
            "Write an IP address and a port, for example `127.0.0.1:8030` or `[::]:8030`.",
        )
    })
}

/// An `http` or `https` address without a trailing `/`, fit to append a path to.
fn web_address(value: &Value) -> Read<String> {
    let written = text(value)?;
    let rest = written
        .strip_prefix("https://")
        .or_else(|| written.strip_prefix("http://"));
    let unfit =
        |c: char| c.is_whitespace() || matches!(c, '@' | '?' | '#' | '\\' | '"' | '<' | '>');
    match rest {
        Some(rest)
            if !rest.starts_with(['/', ':']) && !rest.is_empty() && !rest.contains(unfit) =>
        {
            Ok(written.trim_end_matches('/').to_owned())
        }
        _ => refused(
            "is no web address",
            "Write for example `https://referee.example.org`, without name, password or `?`.",
        ),
    }
}

/// A database; a SQLite file is relative to `base`.
fn database(base: &Path) -> impl Fn(&Value) -> Read<DatabaseUrl> + '_ {
    move |value| {
        let url = text(value)?;
        if let Some(file) = url.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            let (file, options) = file.find('?').map_or((file, ""), |at| file.split_at(at));
            if file.is_empty() || file.contains(":memory:") {
                return refused(
                    "is no file, so that a restart would lose every submission",
                    "Name a file: `sqlite:data/referee.db`.",
                );
            }
            let file = joined(base, Path::new(file));
            return Ok(DatabaseUrl::new(format!(
                "sqlite:{}{options}",
                file.display()
            )));
        }
        let server = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"));
        match server {
            Some(server) if !server.is_empty() => Ok(DatabaseUrl::new(url)),
            _ => refused(
                "is no database that is known",
                "Write `sqlite:<file>` or `postgres://user:password@host/name`.",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
