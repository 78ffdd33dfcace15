//! `referee check`: the whole gate in a working copy — rules, build, smoke run — by the very code of
//! the daemon, with every finding shown as a compiler would.
//!
//! Needs the challenge's directory (public parts suffice) and a Docker Engine; sends nothing
//! anywhere and leaves nothing but, with `--keep`, the image.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;

use super::{SettingsFile, open, terminal};
use crate::clock;
use crate::config::{self, Settings};
use crate::executor::docker;
use crate::forge::folder;
use crate::forge::git::GitError;
use crate::model::finding::any_error;
use crate::model::{
    Challenge, Duration, Finding, ImageFacts, KillReason, Outcome, SourceTree, Stage, Task,
    TaskSlug, suggest,
};
use crate::pipeline::image_build::{self, Building, Built};
use crate::pipeline::smoke::{self, SmokeResult, SmokeRun};
use crate::pipeline::{Engines, cases, participant, policy, scorer};
use crate::report::{style::Style, text};
use crate::rules;

/// Files that differ from the last commit and are named.
const UNCOMMITTED_SHOWN: usize = 5;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee check --challenge ../nuclei               # all of it, in the current folder
  referee check --challenge ../nuclei --rules-only  # in a moment, without an engine
  referee check --challenge ../nuclei --shell       # then look around in the container
  referee check --challenge ../phakir --task phase-recognition --keep")]
pub struct Options {
    /// The working copy.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Directory of the challenge (where challenge.toml is), instead of those of referee.toml.
    #[arg(long, value_name = "DIR")]
    challenge: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsFile,
    /// Stop before the build: static rules only, no engine needed.
    #[arg(long)]
    rules_only: bool,
    /// Only this task, where the submission enters several.
    #[arg(long)]
    task: Option<String>,
    /// Images that a Dockerfile may start from, instead of those of referee.toml.
    #[arg(long = "base", value_name = "NAME")]
    bases: Vec<String>,
    /// Keep the built image and say its name.
    #[arg(long)]
    keep: bool,
    /// Open a shell in the image at the end, in the sandbox of the run and with the sample as input,
    /// whether the smoke run failed or not. Needs the program `docker`, and a /bin/sh in the image.
    #[arg(long, conflicts_with_all = ["rules_only", "json"])]
    shell: bool,
    /// Write the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// How a checked submission would have ended before its evaluation.
#[derive(Debug, serde::Serialize)]
struct Result {
    /// The stage where it ended; `run` when it would go to evaluation.
    stage: Stage,
    /// How it ended, if it did.
    outcome: Option<Outcome>,
    /// All findings in order.
    findings: Vec<Finding>,
}

/// What a check works with.
struct Gate {
    settings: Settings,
    challenge: Challenge,
    style: Style,
    quiet: bool,
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::start_logs(terminal::Logs::Quiet);
    let stage = stage(options)?;
    let result = check(options, &stage).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        print!("{}", text::findings(&result.findings, stage.style));
        match result.outcome {
            None if options.rules_only => println!("The rules are kept."),
            None => println!("{}", stage.style.bold("Ready: it would go to evaluation.")),
            Some(outcome) => println!("{}", stage.style.bold(outcome.message())),
        }
    }
    Ok(ExitCode::from(u8::from(result.outcome.is_some())))
}

fn stage(options: &Options) -> anyhow::Result<Gate> {
    let mut settings = match options.settings.path.exists() {
        true => config::read_settings(&options.settings.path),
        // A participant has no daemon: the defaults are those of one.
        false => config::default_settings(),
    }
    .map_err(|findings| {
        terminal::show_findings(&findings);
        anyhow::anyhow!("{} cannot be used", options.settings.path.display())
    })?;
    if !options.bases.is_empty() {
        settings.builder.bases.clone_from(&options.bases);
    }
    let directory = match (&options.challenge, settings.challenges.as_slice()) {
        (Some(directory), _) => directory.clone(),
        (None, [only]) => only.clone(),
        (None, _) => anyhow::bail!(
            "say which challenge: --challenge DIR, the folder that holds challenge.toml"
        ),
    };
    let challenge = config::read_challenge(&directory).map_err(|findings| {
        terminal::show_findings(&findings);
        anyhow::anyhow!("the challenge in {} cannot be used", directory.display())
    })?;
    Ok(Gate {
        settings,
        challenge,
        style: terminal::style_of(std::io::stdout().is_terminal()),
        quiet: options.json,
    })
}

impl Gate {
    /// One line of progress, with the time that the step took.
    fn passed(&self, stage: &str, started: Instant) {
        if !self.quiet {
            let ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            println!(
                "✓ {stage:<6} {}",
                self.style.faint(&Duration(ms).to_string())
            );
        }
    }

    /// A push sends commits, and this looks at files.
    fn note_uncommitted(&self, folder: &Path) {
        let files = folder::uncommitted(folder);
        if self.quiet || files.is_empty() {
            return;
        }
        let few: Vec<_> = files
            .iter()
            .take(UNCOMMITTED_SHOWN)
            .map(String::as_str)
            .collect();
        let more = if files.len() > few.len() { ", …" } else { "" };
        println!(
            "note: {} not committed as here, and a push sends commits: {}{more}",
            match files.len() {
                1 => "1 file is".to_owned(),
                n => format!("{n} files are"),
            },
            crate::report::sanitize::line(&few.join(", ")),
        );
    }

    fn failed(&self, stage: &str) {
        if !self.quiet {
            println!("✗ {stage}");
        }
    }
}

async fn check(options: &Options, stage: &Gate) -> anyhow::Result<Result> {
    let started = Instant::now();
    let ended = |stage, outcome, findings| Result {
        stage,
        outcome,
        findings,
    };
    let tree = match folder::read(&options.folder) {
        Ok(tree) => tree,
        Err(GitError::TooLarge(what)) => {
            stage.failed("admission");
            let findings = vec![rules::layout::repository_too_large(&what.to_string())];
            return Ok(ended(Stage::Admission, Some(Outcome::Rejected), findings));
        }
        Err(error) => {
            return Err(error).with_context(|| format!("reading {}", options.folder.display()));
        }
    };
    let policy = policy::policy(&stage.settings.builder, &stage.challenge);
    let template = policy::template(&stage.challenge);
    let admitted =
        rules::admission::check_commit(&tree, &stage.challenge, &policy, template.as_ref());
    if any_error(&admitted.findings) {
        stage.failed("admission");
        let rejected = Some(Outcome::Rejected);
        return Ok(ended(Stage::Admission, rejected, admitted.findings));
    }
    stage.passed("admission", started);
    stage.note_uncommitted(&options.folder);
    let mut findings = admitted.findings;
    if options.rules_only {
        return Ok(ended(Stage::Build, None, findings));
    }
    if let Some(wanted) = &options.task {
        entered(wanted, &stage.challenge, &admitted.tasks)?;
    }
    let engines = open::engines(&stage.settings, "check").await?;
    let chosen = admitted
        .tasks
        .iter()
        .filter(|(task, _)| options.task.as_deref().is_none_or(|t| t == task.as_str()));
    for (slug, dockerfile) in chosen {
        let task = stage.challenge.task(slug).context("the task is there")?;
        let one = One {
            options,
            stage,
            tree: &tree,
            policy: &policy,
            task,
            dockerfile,
        };
        let (stage, outcome) = one.check(&engines, &mut findings).await?;
        if outcome.is_some() {
            return Ok(ended(stage, outcome, findings));
        }
    }
    Ok(ended(Stage::Run, None, findings))
}

/// That the one task asked for is one of the challenge, and of the submission.
fn entered(
    wanted: &str,
    challenge: &Challenge,
    tasks: &[(TaskSlug, String)],
) -> anyhow::Result<()> {
    let all = || challenge.tasks.iter().map(|t| t.slug.as_str());
    if !all().any(|slug| slug == wanted) {
        let near = suggest::did_you_mean(wanted, all());
        anyhow::bail!(
            "the challenge {} has no task `{wanted}`{near} (it has {})",
            challenge.slug.as_str(),
            all().collect::<Vec<_>>().join(", ")
        );
    }
    if !tasks.iter().any(|(slug, _)| slug.as_str() == wanted) {
        let tasks: Vec<_> = tasks.iter().map(|(slug, _)| slug.as_str()).collect();
        anyhow::bail!(
            "the submission does not enter the task `{wanted}`, but {}: see `tasks` in submission.toml",
            tasks.join(", ")
        );
    }
    Ok(())
}

/// Ends when somebody asks for it; never, where that cannot be heard.
async fn interrupted() {
    if terminal::asked_to_end().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One task of a submission.
struct One<'a> {
    options: &'a Options,
    stage: &'a Gate,
    tree: &'a SourceTree,
    policy: &'a rules::Policy,
    task: &'a Task,
    dockerfile: &'a str,
}

impl One<'_> {
    async fn check(
        &self,
        engines: &Engines,
        findings: &mut Vec<Finding>,
    ) -> anyhow::Result<(Stage, Option<Outcome>)> {
        let name = format!("check-{}", hex::encode(clock::random_bytes::<6>()));
        let work = std::env::temp_dir().join(format!("referee-{name}"));
        std::fs::create_dir_all(&work)?;
        let result = tokio::select! {
            result = self.build_and_smoke(engines, (&name, &work), findings) => result,
            () = interrupted() => {
                eprintln!("interrupted; what runs is being removed");
                engines.remove_jobs_of(&name, KillReason::Cancelled).await;
                Err(anyhow::anyhow!("interrupted"))
            }
        };
        std::fs::remove_dir_all(&work)?;
        result
    }

    async fn build_and_smoke(
        &self,
        engines: &Engines,
        (name, work): (&str, &Path),
        findings: &mut Vec<Finding>,
    ) -> anyhow::Result<(Stage, Option<Outcome>)> {
        let started = Instant::now();
        let built = self.build(engines, (name, work)).await?;
        findings.extend(built.findings);
        let Some(image) = built.image else {
            self.stage.failed("build");
            self.show_log(&built.log.text());
            return Ok((Stage::Build, built.outcome));
        };
        self.stage.passed("build", started);
        let started = Instant::now();
        let smoked = self.smoke(engines, (name, work), &image).await;
        // The image can be removed only after its containers.
        engines.cleaner.done().await;
        if let (true, Ok(smoked)) = (self.options.shell, &smoked) {
            self.show_log(&smoked.log.text());
            self.shell(&image, work).await?;
        }
        if self.options.keep {
            println!("The image is kept as referee/build:{name}");
        } else {
            engines.forget(&image.id, name).await?;
        }
        let smoked = smoked?;
        findings.extend(smoked.findings.iter().cloned());
        if smoked.outcome.is_some() {
            self.stage.failed("smoke");
            if !self.stage.quiet && !self.options.shell {
                self.show_log(&smoked.log.text());
                println!("To look around in the container: the same with --shell. By hand:");
                println!(
                    "  CHALLENGE=$(realpath {})",
                    self.stage.challenge.directory.display()
                );
                println!(
                    "  docker build --network none --file {} --tag my-submission {}",
                    self.dockerfile,
                    self.options.folder.display()
                );
                println!("  install -d -m 777 out");
                println!("  {}", self.by_hand()?.replace('\n', "\n  "));
            }
            return Ok((Stage::Smoke, smoked.outcome));
        }
        self.stage.passed("smoke", started);
        if !self.stage.quiet {
            self.show_score(&smoked);
        }
        Ok((Stage::Smoke, None))
    }

    /// The container of the smoke run as a person starts it.
    fn by_hand(&self) -> anyhow::Result<String> {
        let case = cases::first_sample_case(self.task)?;
        let reproduce = participant::Reproduce {
            challenge: &self.stage.challenge,
            task: self.task,
            case: case.as_ref(),
            dockerfile: Some(self.dockerfile),
            image: "my-submission",
        };
        Ok(reproduce.docker_run())
    }

    /// A shell in the sandbox of the smoke run, with a folder to write to that is gone afterwards.
    async fn shell(&self, image: &ImageFacts, work: &Path) -> anyhow::Result<()> {
        let output = work.join("shell");
        std::fs::create_dir_all(&output)?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&output, open)?;
        let case = cases::first_sample_case(self.task)?;
        let job = participant::on_sample(self.task, &image.id, case.as_ref());
        let starts = [&image.entrypoint[..], &image.command[..]].concat();
        println!(
            "A shell in the sandbox of the run: input in {}, output in {}, starts {}.",
            self.task.contract.input,
            self.task.contract.output,
            crate::report::sanitize::line(&starts.join(" ")),
        );
        let socket = self.stage.settings.engine.socket.clone();
        let ended =
            tokio::task::spawn_blocking(move || docker::shell(&socket, &job, &output)).await?;
        match ended {
            Ok(status) if status.code() == Some(127) => {
                println!("The image has no /bin/sh, or its last command was not found.");
            }
            Ok(_) => {}
            Err(error) => anyhow::bail!("the program `docker` cannot be started: {error}"),
        }
        Ok(())
    }

    async fn build(&self, engines: &Engines, (name, work): (&str, &Path)) -> anyhow::Result<Built> {
        let context = work.join("context.tar");
        let file = std::io::BufWriter::new(std::fs::File::create(&context)?);
        let ignore = image_build::ignored(self.tree, self.dockerfile)?;
        folder::write_context(&self.options.folder, self.tree, &ignore, file)?;
        let text = self.tree.text(self.dockerfile).unwrap_or_default();
        let dockerfile = rules::dockerfile::check_dockerfile(self.dockerfile, text, self.policy)
            .parsed
            .context("the Dockerfile passed the rules but cannot be read now")?;
        let building = Building {
            name,
            path: self.dockerfile,
            dockerfile: &dockerfile,
            context: &context,
            limits: &self.task.limits,
            policy: self.policy,
        };
        image_build::build(engines, &self.stage.settings.builder, &building).await
    }

    async fn smoke(
        &self,
        engines: &Engines,
        (name, work): (&str, &Path),
        image: &ImageFacts,
    ) -> anyhow::Result<SmokeResult> {
        let scorer = scorer::image(engines, &self.task.scorer, work).await?;
        let smoking = SmokeRun {
            name: name.to_owned(),
            task: self.task,
            policy: self.policy,
            image: &image.id,
            scorer: &scorer,
            work: &work.join("smoke"),
            gpus: &[],
            seed: 1,
        };
        smoke::run(engines, &smoking, |_| async { Ok(()) }).await
    }

    fn show_log(&self, log: &str) {
        if !self.stage.quiet && !log.trim().is_empty() {
            println!("{}", self.stage.style.faint("--- what it printed"));
            println!("{}", crate::report::sanitize::text(log.trim_end()));
            println!("{}", self.stage.style.faint("---"));
        }
    }

    fn show_score(&self, smoked: &SmokeResult) {
        let Some(score) = &smoked.score else { return };
        let parts: Vec<String> = self
            .task
            .metrics
            .iter()
            .filter_map(|spec| {
                let values: Vec<f64> = score
                    .cases
                    .iter()
                    .map(|c| spec.counted(c.values.get(&spec.name).copied().flatten()))
                    .collect();
                let value = spec.aggregate.of(&values)?;
                Some(format!("{} {value:.4}", spec.title))
            })
            .collect();
        println!("  on the public sample: {}", parts.join(", "));
        for case in &score.cases {
            if let Some(reason) = &case.reason {
                let reason = crate::report::sanitize::line(reason);
                println!("  {}: {reason}", case.case);
            }
        }
    }
}
