//! What several commands need of the terminal and the process. Decides nothing.

use std::io::IsTerminal as _;
use std::path::Path;

use tracing_subscriber::EnvFilter;

use crate::config::{self, Settings};
use crate::model::{Challenge, Finding};
use crate::report::{style::Style, text};

/// Makes HTTPS work: the library leaves the choice of a provider to the program.
pub fn install_tls() {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// Of a daemon, for people.
    Daemon,
    /// Of a daemon, for programs.
    Json,
    /// Of a command whose output is read by who called it: only what is wrong.
    Quiet,
}

/// Structured logs to standard error. `REFEREE_LOG` chooses what, as `RUST_LOG` does elsewhere.
pub fn start_logs(logs: Logs) {
    let usual = match logs {
        Logs::Daemon | Logs::Json => "referee=info,warn",
        Logs::Quiet => "warn",
    };
    let filter = EnvFilter::try_from_env("REFEREE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process (tests, the demo) keeps the first.
    let _ = match logs {
        Logs::Json => builder.json().try_init(),
        Logs::Daemon | Logs::Quiet => builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
    };
}

/// Shows findings about configuration as a compiler would.
pub fn show_findings(findings: &[Finding]) {
    eprint!(
        "{}",
        text::findings(findings, style_of(std::io::stderr().is_terminal()))
    );
}

/// Colours for terminals only: files and pipes get plain text.
pub fn style_of(is_terminal: bool) -> Style {
    match is_terminal {
        true => Style::Colour,
        false => Style::Plain,
    }
}

/// Settings and challenges, or an error after all findings were shown.
///
/// # Errors
/// When either has an error.
pub fn installation(path: &Path) -> anyhow::Result<(Settings, Vec<Challenge>)> {
    match config::read_installation(path) {
        Ok(installation) => Ok((installation.settings, installation.challenges)),
        Err(findings) => {
            show_findings(&findings);
            anyhow::bail!("{} cannot be used as it is", path.display())
        }
    }
}

/// Waits until somebody asks the process to end.
pub async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
