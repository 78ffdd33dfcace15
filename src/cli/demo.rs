//! `referee demo`: the example challenge with several teams, pushed with real git, evaluated and
//! ranked before one's eyes.
//!
//! Everything lies in one folder, which is made anew; nothing outside it is changed.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration as StdDuration, Instant};

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::{open, serve, team, terminal};
use crate::model::{Outcome, TeamSlug};
use crate::pipeline::{App, view};
use crate::report::board_text;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee demo --exit                                   # print the board and end
  referee demo --teams good-otsu,five-mistakes          # two teams only
  referee demo --challenge phakir --teams good-phakir")]
pub struct Options {
    /// The folder with the example challenges.
    #[arg(long, default_value = "examples")]
    examples: PathBuf,
    /// Which of them.
    #[arg(long, default_value = "nuclei")]
    challenge: String,
    /// Folder for repositories, state and working copies; made anew.
    #[arg(long, default_value = "target/demo")]
    folder: PathBuf,
    /// Address of the pages.
    #[arg(long, default_value = "127.0.0.1:8030")]
    listen: String,
    /// Example submissions to push, one team each.
    #[arg(long, value_delimiter = ',', default_values_t = TEAMS.map(str::to_owned))]
    teams: Vec<String>,
    /// End when the board is printed, instead of leaving the pages up.
    #[arg(long)]
    exit: bool,
}

/// Four that are ranked, and one for each kind of mistake.
const TEAMS: [&str; 9] = [
    "good-watershed",
    "five-mistakes",
    "good-otsu",
    "crashes",
    "good-li",
    "missing-case",
    "baseline-empty",
    "build-fails",
    "hidden-crash",
];
/// All submissions of a demo must have ended by then.
const PATIENCE: StdDuration = StdDuration::from_secs(600);

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::start_logs(terminal::Logs::Quiet);
    terminal::install_tls();
    let examples = options
        .examples
        .canonicalize()
        .with_context(|| format!("the examples in {}", options.examples.display()))?;
    let listener = TcpListener::bind(&options.listen)
        .await
        .with_context(|| format!("listening on {} (--listen chooses another)", options.listen))?;
    let folder = fresh_folder(&options.folder)?;
    let settings_file = write_settings(&folder, &examples.join(&options.challenge), &listener)?;
    let (settings, challenges) = terminal::installation(&settings_file)?;
    let (app, _lock) = open::app(settings, challenges).await?;
    let serving = Arc::clone(&app);
    let mut daemon = tokio::spawn(async move { serve::serve(serving, listener).await });
    tokio::select! {
        ended = &mut daemon => {
            ended??;
            anyhow::bail!("the daemon ended before the demo did");
        }
        result = play(&app, options, &folder, &examples) => result?,
    }
    if !options.exit {
        println!(
            "\nThe pages stay up at {}; Ctrl-C ends them.",
            app.context.settings.public_url
        );
        if let Some(team) = options.teams.first() {
            let copy = folder.join("working-copies").join(team);
            println!(
                "Push yourself: change something in {}, commit, push.",
                copy.display()
            );
        }
        daemon.await??;
    }
    app.engines.cleaner.done().await;
    Ok(ExitCode::SUCCESS)
}

fn fresh_folder(path: &Path) -> anyhow::Result<PathBuf> {
    if path.exists() {
        anyhow::ensure!(
            path.join("referee.toml").exists() || std::fs::read_dir(path)?.next().is_none(),
            "{} is not a folder of an earlier demo; choose another with --folder",
            path.display()
        );
        std::fs::remove_dir_all(path)?;
    }
    std::fs::create_dir_all(path)?;
    Ok(path.canonicalize()?)
}

fn write_settings(
    folder: &Path,
    challenge: &Path,
    listener: &TcpListener,
) -> anyhow::Result<PathBuf> {
    let mut document = toml_edit::DocumentMut::new();
    let mut challenges = toml_edit::Array::new();
    challenges.push(challenge.display().to_string());
    document["challenges"] = toml_edit::value(challenges);
    document["server"]["listen"] = toml_edit::value(listener.local_addr()?.to_string());
    document["server"]["data"] = toml_edit::value("data");
    document["forge"]["local"]["kind"] = toml_edit::value("local");
    document["forge"]["local"]["root"] = toml_edit::value("repositories");
    let file = folder.join("referee.toml");
    std::fs::write(&file, document.to_string())?;
    Ok(file)
}

async fn play(
    app: &Arc<App>,
    options: &Options,
    folder: &Path,
    examples: &Path,
) -> anyhow::Result<()> {
    let submissions = examples.join(&options.challenge).join("submissions");
    let started = Instant::now();
    for name in &options.teams {
        println!("\n── team {name} pushes");
        push(app, folder, (name, &submissions.join(name))).await?;
    }
    println!("\n── waiting for the evaluations");
    wait_for_ends(app).await?;
    println!("── done after {:.0} s\n", started.elapsed().as_secs_f64());
    let style = terminal::style_of(std::io::stdout().is_terminal());
    for board in app.context.challenges.iter().flat_map(|c| c.boards()) {
        let Some(view) = view::board(view::BoardReader::of(&app.context), &board).await? else {
            continue;
        };
        if view.submissions > 0 {
            println!("{}", board_text::terminal(&view, style));
            println!(
                "Page: {}/challenges/{board}\n",
                app.context.settings.public_url
            );
        }
    }
    verdicts(app).await
}

/// How every submission ended, and where its report is.
async fn verdicts(app: &App) -> anyhow::Result<()> {
    let challenge = app.context.challenges.first().context("one challenge")?;
    println!("Verdicts:");
    for record in app
        .context
        .store
        .submissions_of_challenge(&challenge.slug)
        .await?
    {
        let view = view::submission(&app.context, &record).await?;
        println!(
            "  {:<16} {}",
            record.submission.team.as_str(),
            view.headline()
        );
        if record.submission.outcome() != Some(Outcome::Scored) {
            let codes: Vec<&str> = view
                .findings
                .iter()
                .map(|f| f.finding.code.as_str())
                .collect();
            if !codes.is_empty() {
                println!("  {:<16}   {}", "", codes.join(" "));
            }
        }
        println!("  {:<16}   {}", "", view.url);
    }
    Ok(())
}

/// A team's day: clone, change, commit, push.
async fn push(app: &App, folder: &Path, (name, source): (&str, &Path)) -> anyhow::Result<()> {
    let challenge = app.context.challenges.first().context("one challenge")?;
    let team = TeamSlug::new(name)?;
    let bare =
        team::add_local_team(&app.context.settings, &app.context.store, challenge, &team).await?;
    let copy = folder.join("working-copies").join(name);
    let text = |path: &Path| path.display().to_string();
    git(
        folder,
        &["clone", "--quiet", &text(&bare), &text(&copy)],
        false,
    )
    .await?;
    replace_files(&copy, source)?;
    git(&copy, &["add", "--all"], false).await?;
    git(
        &copy,
        &["commit", "--quiet", "--message", "Our method"],
        false,
    )
    .await?;
    git(&copy, &["push", "origin", "HEAD:main"], true).await
}

/// Puts a submission's files in place of the template's. Links are copied as links.
fn replace_files(copy: &Path, source: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(copy)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|n| n == ".git") {
            continue;
        }
        match path.is_dir() && !path.is_symlink() {
            true => std::fs::remove_dir_all(&path)?,
            false => std::fs::remove_file(&path)?,
        }
    }
    copy_files(source, copy).with_context(|| format!("copying {}", source.display()))
}

fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if entry.file_name() == "expected.toml" {
            // The expected verdict beside an example is not part of it.
            continue;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            copy_files(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

async fn git(folder: &Path, arguments: &[&str], show: bool) -> anyhow::Result<()> {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "user.name=Demo", "-c", "user.email=demo@localhost"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments);
    if show {
        let status = command.status().await.context("running git")?;
        anyhow::ensure!(status.success(), "git {} failed", arguments.join(" "));
    } else {
        let output = command.output().await.context("running git")?;
        anyhow::ensure!(
            output.status.success(),
            "git {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

async fn wait_for_ends(app: &App) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut changes = app.context.store.changes();
    let mut shown = BTreeMap::new();
    loop {
        let open = app.context.store.submissions_under_way().await?;
        for record in &open {
            let label = record.submission.state.public().label();
            let known = shown.insert(record.submission.id, label.clone());
            if known.as_ref() != Some(&label) {
                println!("  {:<16} {label}", record.submission.team.as_str());
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "not all submissions ended in time"
        );
        let _ = tokio::time::timeout(StdDuration::from_secs(1), changes.recv()).await;
        while changes.try_recv().is_ok() {}
    }
}
