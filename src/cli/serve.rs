//! `referee serve`: the daemon.
//!
//! Ends cleanly at SIGTERM: it stops claiming, leaves rows as they are, and goes. The next start
//! makes the attempts again that were under way.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;

use super::terminal::Logs;
use super::{SettingsFile, open, terminal};
use crate::pipeline::{App, commands, job, lease, workers};
use crate::web;

/// Ended jobs are removed in a fraction of a second; more is not worth waiting for.
const CLEANING_TIME: std::time::Duration = std::time::Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee serve                          # settings in ./referee.toml
  REFEREE_LOG=debug referee serve        # tells more; REFEREE_LOG=warn tells less")]
pub struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    /// Write logs as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::start_logs(match options.log_json {
        true => Logs::Json,
        false => Logs::Daemon,
    });
    terminal::install_tls();
    let (settings, challenges) = terminal::installation(&options.settings.path)?;
    let (app, _lock) = open::app(settings, challenges).await?;
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
pub async fn serve(app: Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
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
        result = terminal::asked_to_end() => {
            result?;
            tracing::info!("asked to end; work under way is repeated at the next start");
            // What stays is removed then, too.
            let _ = tokio::time::timeout(CLEANING_TIME, app.engines.cleaner.done()).await;
        }
        died = stages.join_next() => {
            // A loop never returns; if one is gone, it panicked, and half a daemon helps nobody.
            anyhow::bail!("a stage died: {died:?}");
        }
    }
    Ok(())
}

/// What has to be in order before the first stage runs.
async fn prepare(app: &Arc<App>) -> anyhow::Result<()> {
    // They may be one and the same, which is clear the second time. A builder ends what it runs when
    // its client goes away; images of the steps until then are left.
    for engine in [&app.engines.runner, &app.engines.scorer] {
        job::clear(&**engine).await?;
    }
    app.engines.sweep().await?;
    lease::recover(&app.context, &app.forges).await?;
    commands::end_interrupted_commands(app).await?;
    let forges = open::local_forges(&app.context.settings)?;
    for repository in app.context.store.repositories().await? {
        let Some(forge) = forges.get(&repository.forge) else {
            continue;
        };
        let path = forge.path(&repository.full_name);
        if let Err(error) = forge.install_hook(&path, &repository.hook_token) {
            tracing::warn!(repository = repository.full_name, %error, "hook not renewed");
        }
    }
    // Scorers are built now, so that the first team does not wait for them, and a broken one is
    // known before anybody submits.
    let building = Arc::clone(app);
    tokio::spawn(async move {
        let (mut ready, mut asked) = (0, 0);
        for task in building.context.challenges.iter().flat_map(|c| &c.tasks) {
            asked += 1;
            match building
                .scorers
                .image(&building.context, &building.engines, task)
                .await
            {
                Ok(_) => ready += 1,
                Err(error) => tracing::error!(
                    task = task.slug.as_str(),
                    error = format!("{error:#}"),
                    "the scorer cannot be built"
                ),
            }
        }
        tracing::info!(ready, asked, "scorers were prepared");
    });
    Ok(())
}
