//! The terminal and the process, for several commands: TLS, logs, findings, signals.

use std::io::IsTerminal as _;
use std::path::Path;

use tracing_subscriber::EnvFilter;

use crate::config::{self, Settings};
use crate::model::{Challenge, Finding};
use crate::report::{style::Style, text};

/// Installs the cryptography for HTTPS. The library leaves the choice to the program.
pub(super) fn install_tls() {
    // An error means that another command has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The kind of log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logs {
    /// The log of a daemon, as text.
    Daemon,
    /// The log of a daemon, as JSON.
    Json,
    /// Warnings and errors of a command whose output is the result.
    Quiet,
}

/// Starts logging to standard error. `REFEREE_LOG` sets the filter, in the format of `RUST_LOG`.
pub(super) fn start_logs(logs: Logs) {
    let default = match logs {
        Logs::Daemon | Logs::Json => "referee=info,warn",
        Logs::Quiet => "warn",
    };
    let filter = EnvFilter::try_from_env("REFEREE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    let _ = match logs {
        Logs::Json => builder.json().try_init(),
        Logs::Daemon | Logs::Quiet => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
}

/// Prints findings about configuration in the style of a compiler.
pub(super) fn show_findings(findings: &[Finding]) {
    eprint!("{}", text::findings(findings, style_of(std::io::stderr().is_terminal())));
}

/// Terminals get colours. Files and pipes get plain text.
pub(super) fn style_of(is_terminal: bool) -> Style {
    if is_terminal { Style::Colour } else { Style::Plain }
}

/// Reads the settings and the challenges. If they have errors, prints all findings.
///
/// # Errors
/// The settings or a challenge have an error.
pub(super) fn installation(path: &Path) -> anyhow::Result<(Settings, Vec<Challenge>)> {
    match config::read_installation(path) {
        Ok(installation) => Ok((installation.settings, installation.challenges)),
        Err(findings) => {
            show_findings(&findings);
            anyhow::bail!("{} has errors", path.display())
        }
    }
}

/// Waits for SIGINT or SIGTERM.
pub(super) async fn end_requested() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
