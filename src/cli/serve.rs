//! `referee serve`: the daemon.
//!
//! At SIGTERM it stops claiming work, leaves the rows as they are, and ends. The next start repeats the attempts that
//! were running.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;

use super::terminal::Logs;
use super::{SettingsFile, open, terminal};
use crate::pipeline::{App, commands, lease, workers};
use crate::web;

/// Ended jobs are removed in a fraction of a second. The next start removes the rest.
const CLEANING_TIME: std::time::Duration = std::time::Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee serve                          # settings in ./referee.toml
  REFEREE_LOG=debug referee serve        # logs more; REFEREE_LOG=warn logs less")]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    /// Write logs as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let logs = if options.log_json { Logs::Json } else { Logs::Daemon };
    terminal::start_logs(logs);
    terminal::install_tls();
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let (app, _locks) = open::app(settings, challenges).await?;
    let listener = TcpListener::bind(app.context.settings.listen)
        .await
        .with_context(|| format!("listening on {}", app.context.settings.listen))?;
    serve(app, listener).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until the process is asked to end.
///
/// # Errors
/// When the start or the listener fails.
pub(super) async fn serve(app: Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    prepare(&app).await?;
    let mut stages = workers::start(&app);
    tracing::info!(
        listen = %listener.local_addr()?,
        url = app.context.settings.public_url,
        challenges = app.context.challenges.len(),
        "referee is up"
    );
    let pages = web::serve(Arc::clone(&app), listener);
    tokio::select! {
        result = pages => result?,
        result = terminal::end_requested() => {
            result?;
            tracing::info!("the daemon ends; the next start repeats the running attempts");
            let _ = tokio::time::timeout(CLEANING_TIME, app.engines.cleaner.done()).await;
        }
        ended = stages.join_next() => {
            // A worker never returns. If one has ended, it panicked, and the daemon must not run without it.
            anyhow::bail!("a worker ended unexpectedly: {ended:?}");
        }
    }
    Ok(())
}

/// Restores a consistent state before the first stage runs.
async fn prepare(app: &Arc<App>) -> anyhow::Result<()> {
    app.engines.remove_earlier_jobs().await?;
    app.engines.sweep().await?;
    lease::recover(&app.context, &app.forges).await?;
    commands::end_interrupted_commands(app).await?;
    for repository in app.context.store.repositories().await? {
        let forge = app.forges.get(&repository.forge);
        let Some(hosting) = forge.and_then(|forge| forge.hosting().ok()) else {
            continue;
        };
        if let Err(error) = hosting.install_hook(&repository.full_name, &repository.hook_token) {
            tracing::warn!(repository = repository.full_name, %error, "the hook was not renewed");
        }
    }
    tokio::spawn(build_scorers(Arc::clone(app)));
    Ok(())
}

/// Builds all scorers at the start, so that the first team does not wait for them and a broken one is reported early.
async fn build_scorers(app: Arc<App>) {
    let (mut built, mut tasks) = (0, 0);
    for task in app.context.challenges.iter().flat_map(|c| &c.tasks) {
        tasks += 1;
        match app.scorers.image(&app.context, &app.engines, task).await {
            Ok(_) => built += 1,
            Err(error) => {
                tracing::error!(task = task.slug.as_str(), error = format!("{error:#}"), "the scorer cannot be built")
            }
        }
    }
    tracing::info!(built, tasks, "scorers were prepared");
}
