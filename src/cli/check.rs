//! `referee check`: all stages up to the smoke run in a working copy, by the code of the daemon.
//!
//! Needs the directory of the challenge (its public parts suffice) and an engine. Sends nothing to any server, and
//! leaves nothing behind but the image with `--keep`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;

use super::{SettingsFile, open, terminal};
use crate::clock;
use crate::config::{self, Settings};
use crate::executor;
use crate::forge::folder;
use crate::forge::git::GitError;
use crate::model::finding::any_error;
use crate::model::{
    Challenge, Duration, Finding, ImageFacts, KillReason, Outcome, Score, SourceTree, Stage, Task, TaskSlug, suggest,
};
use crate::pipeline::image_build::{self, Building, Built};
use crate::pipeline::smoke::{self, SmokeResult, SmokeRun};
use crate::pipeline::{Engines, cases, participant, policy, scorer};
use crate::report::sanitize;
use crate::report::{style::Style, text};
use crate::rules::{self, Policy};

/// The number of uncommitted files that are named.
const UNCOMMITTED_NAMED: usize = 5;
/// The name of the image in the printed commands.
const LOCAL_IMAGE: &str = "my-submission";
/// The exit code of a shell that finds no command.
const NOT_FOUND: i32 = 127;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee check --challenge ../nuclei               # all stages, in the current folder
  referee check --challenge ../nuclei --rules-only  # takes a second and needs no engine
  referee check --challenge ../nuclei --shell       # opens a shell in the container at the end
  referee check --challenge ../phakir --task phase-recognition --keep")]
pub(super) struct Options {
    /// The working copy.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Directory of the challenge (it contains challenge.toml), instead of those in referee.toml.
    #[arg(long, value_name = "DIR")]
    challenge: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsFile,
    /// Stop before the build. Needs no engine.
    #[arg(long)]
    rules_only: bool,
    /// Check only this task of a submission to several tasks.
    #[arg(long)]
    task: Option<String>,
    /// Images that a Dockerfile may start from, instead of those in referee.toml.
    #[arg(long = "base", value_name = "NAME")]
    bases: Vec<String>,
    /// Keep the built image and print its id.
    #[arg(long)]
    keep: bool,
    /// Open a shell in the image at the end, also after a failed smoke run: in the sandbox of the run, with the
    /// sample as input. Needs the program `docker`, and /bin/sh in the image.
    #[arg(long, conflicts_with_all = ["rules_only", "json"])]
    shell: bool,
    /// Write the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// The end of a submission before its evaluation.
#[derive(Debug, serde::Serialize)]
struct CheckResult {
    /// The last stage, or `run` if the submission would be evaluated.
    stage: Stage,
    outcome: Option<Outcome>,
    findings: Vec<Finding>,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::start_logs(terminal::Logs::Quiet);
    let checker = Checker::new(options)?;
    let result = checker.check().await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        let style = checker.output.style;
        print!("{}", text::findings(&result.findings, style));
        match result.outcome {
            None if options.rules_only => println!("The submission passes admission."),
            None => println!("{}", style.bold("The submission would be evaluated.")),
            Some(outcome) => println!("{}", style.bold(outcome.message())),
        }
    }
    Ok(ExitCode::from(u8::from(result.outcome.is_some())))
}

struct Checker<'a> {
    options: &'a Options,
    settings: Settings,
    challenge: Challenge,
    policy: Policy,
    output: Output,
}

impl<'a> Checker<'a> {
    fn new(options: &'a Options) -> anyhow::Result<Self> {
        let file = &options.settings.path;
        let settings = if file.exists() {
            config::read_settings(file)
        } else {
            // A participant has no daemon. These are the settings of one with defaults.
            config::default_settings()
        };
        let mut settings = settings.map_err(|findings| {
            terminal::show_findings(&findings);
            anyhow::anyhow!("{} cannot be used", file.display())
        })?;
        if !options.bases.is_empty() {
            settings.builder.bases.clone_from(&options.bases);
        }
        let directory = match (&options.challenge, settings.challenges.as_slice()) {
            (Some(directory), _) => directory,
            (None, [only]) => only,
            (None, _) => anyhow::bail!("name a challenge: --challenge DIR, the folder that contains challenge.toml"),
        };
        let challenge = config::read_challenge(directory).map_err(|findings| {
            terminal::show_findings(&findings);
            anyhow::anyhow!("the challenge in {} cannot be used", directory.display())
        })?;
        Ok(Self {
            options,
            policy: policy::policy(&settings.builder, &challenge),
            settings,
            challenge,
            output: Output { style: terminal::style_of(std::io::stdout().is_terminal()), quiet: options.json },
        })
    }

    async fn check(&self) -> anyhow::Result<CheckResult> {
        let started = Instant::now();
        let ended = |stage, outcome, findings| CheckResult { stage, outcome, findings };
        let rejected = |findings| {
            self.output.failed("admission");
            Ok(ended(Stage::Admission, Some(Outcome::Rejected), findings))
        };
        let folder = &self.options.folder;
        let tree = match folder::read(folder) {
            Ok(tree) => tree,
            Err(GitError::TooLarge(part)) => {
                return rejected(vec![rules::layout::repository_too_large(&part.to_string())]);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", folder.display()));
            }
        };
        let template = policy::template(&self.challenge);
        let admission = rules::admission::check_commit(&tree, &self.challenge, &self.policy, template.as_ref());
        if any_error(&admission.findings) {
            return rejected(admission.findings);
        }
        self.output.passed("admission", started);
        self.output.note_uncommitted(&folder::uncommitted(folder));
        let mut findings = admission.findings;
        if self.options.rules_only {
            return Ok(ended(Stage::Build, None, findings));
        }
        let tasks = self.selected_tasks(&admission.tasks)?;
        let engines = open::engines(&self.settings, "check").await?;
        for (slug, dockerfile) in tasks {
            let check = TaskCheck {
                checker: self,
                engines: &engines,
                tree: &tree,
                task: self.challenge.task(slug).context("the task exists")?,
                dockerfile,
            };
            let (stage, outcome) = check.run(&mut findings).await?;
            if outcome.is_some() {
                return Ok(ended(stage, outcome, findings));
            }
        }
        Ok(ended(Stage::Run, None, findings))
    }

    /// The tasks of the submission, or the one that `--task` selects.
    fn selected_tasks<'t>(&self, entered: &'t [(TaskSlug, String)]) -> anyhow::Result<Vec<&'t (TaskSlug, String)>> {
        let Some(wanted) = &self.options.task else {
            return Ok(entered.iter().collect());
        };
        if let Some(task) = entered.iter().find(|(slug, _)| slug.as_str() == wanted) {
            return Ok(vec![task]);
        }
        let existing = || self.challenge.tasks.iter().map(|t| t.slug.as_str());
        if !existing().any(|slug| slug == wanted) {
            let near = suggest::did_you_mean(wanted, existing());
            anyhow::bail!(
                "the challenge {} has no task `{wanted}`{near} (it has {})",
                self.challenge.slug.as_str(),
                existing().collect::<Vec<_>>().join(", ")
            );
        }
        let entered: Vec<_> = entered.iter().map(|(slug, _)| slug.as_str()).collect();
        anyhow::bail!(
            "the submission does not enter the task `{wanted}`, but {}: see `tasks` in submission.toml",
            entered.join(", ")
        );
    }
}

/// The build and the smoke run of one task.
struct TaskCheck<'a> {
    checker: &'a Checker<'a>,
    engines: &'a Engines,
    tree: &'a SourceTree,
    task: &'a Task,
    dockerfile: &'a str,
}

impl TaskCheck<'_> {
    async fn run(&self, findings: &mut Vec<Finding>) -> anyhow::Result<(Stage, Option<Outcome>)> {
        let name = format!("check-{}", hex::encode(clock::random_bytes::<6>()));
        let work = std::env::temp_dir().join(format!("referee-{name}"));
        std::fs::create_dir_all(&work)?;
        let result = tokio::select! {
            result = self.build_and_smoke(&name, &work, findings) => result,
            () = interrupted() => {
                eprintln!("interrupted; the container and the image are being removed");
                self.engines.remove_jobs_of(&name, KillReason::Cancelled).await;
                Err(anyhow::anyhow!("interrupted"))
            }
        };
        std::fs::remove_dir_all(&work)?;
        result
    }

    async fn build_and_smoke(
        &self,
        name: &str,
        work: &Path,
        findings: &mut Vec<Finding>,
    ) -> anyhow::Result<(Stage, Option<Outcome>)> {
        let (output, options) = (&self.checker.output, self.checker.options);
        let started = Instant::now();
        let built = self.build(name, work).await?;
        findings.extend(built.findings);
        let Some(image) = built.image else {
            output.failed("build");
            output.log(&built.log.text());
            return Ok((Stage::Build, built.outcome));
        };
        output.passed("build", started);
        let started = Instant::now();
        let smoked = self.smoke(name, work, &image).await;
        // The image can be removed only after its containers.
        self.engines.cleaner.done().await;
        if let (true, Ok(smoked)) = (options.shell, &smoked) {
            output.log(&smoked.log.text());
            self.open_shell(&image, work).await?;
        }
        if options.keep {
            println!("The image is kept: {}", image.id);
        } else {
            self.engines.remove_image(&image.id, name).await?;
        }
        let smoked = smoked?;
        findings.extend(smoked.findings);
        if smoked.outcome.is_none() {
            output.passed("smoke", started);
            output.score(smoked.score.as_ref(), self.task);
        } else {
            output.failed("smoke");
            if !options.shell {
                output.log(&smoked.log.text());
                output.lines(&self.reproduction()?);
            }
        }
        Ok((Stage::Smoke, smoked.outcome))
    }

    async fn build(&self, name: &str, work: &Path) -> anyhow::Result<Built> {
        let context = work.join("context.tar");
        let file = std::io::BufWriter::new(std::fs::File::create(&context)?);
        let ignore = image_build::ignored(self.tree, self.dockerfile)?;
        folder::write_context(&self.checker.options.folder, self.tree, &ignore, file)?;
        let building = Building {
            name,
            tree: self.tree,
            dockerfile: self.dockerfile,
            context: &context,
            limits: &self.task.limits,
            policy: &self.checker.policy,
        };
        image_build::build(self.engines, &self.checker.settings.builder, &building).await
    }

    async fn smoke(&self, name: &str, work: &Path, image: &ImageFacts) -> anyhow::Result<SmokeResult> {
        let scorer = scorer::image(self.engines, &self.task.scorer, work).await?;
        let smoke = SmokeRun {
            name: name.to_owned(),
            task: self.task,
            policy: &self.checker.policy,
            image: &image.id,
            scorer: &scorer,
            work: &work.join("smoke"),
            gpus: &[],
            seed: 1,
        };
        smoke::run(self.engines, &smoke, |_| async { Ok(()) }).await
    }

    /// The commands that repeat the smoke run by hand.
    fn reproduction(&self) -> anyhow::Result<String> {
        let (challenge, folder) = (&self.checker.challenge, &self.checker.options.folder);
        let case = cases::first_sample_case(self.task)?;
        let reproduce = participant::Reproduce {
            challenge,
            task: self.task,
            case: case.as_ref(),
            dockerfile: Some(self.dockerfile),
            image: LOCAL_IMAGE,
        };
        let folder = folder.display().to_string();
        let build = executor::local_build_command(self.dockerfile, LOCAL_IMAGE, &folder);
        let commands = format!(
            "CHALLENGE=$(realpath {})\n{build}\ninstall -d -m 777 out\n{}",
            challenge.directory.display(),
            reproduce.run_command()
        );
        Ok(format!(
            "Use --shell to open a shell in the container. To repeat the run by hand:\n  {}",
            commands.replace('\n', "\n  ")
        ))
    }

    /// Opens a shell in the sandbox of the smoke run. Its output folder is removed afterwards.
    async fn open_shell(&self, image: &ImageFacts, work: &Path) -> anyhow::Result<()> {
        let output = work.join("shell");
        std::fs::create_dir_all(&output)?;
        let writable = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&output, writable)?;
        let case = cases::first_sample_case(self.task)?;
        let job = participant::sample_job(self.task, &image.id, case.as_ref());
        let command = [&image.entrypoint[..], &image.command[..]].concat();
        println!(
            "Referee opens a shell in the sandbox of the run. Input: {}. Output: {}. Command of the image: {}",
            self.task.contract.input,
            self.task.contract.output,
            sanitize::line(&command.join(" ")),
        );
        let socket = self.checker.settings.engine.socket.clone();
        let open = move || executor::open_local_shell(&socket, &job, &output);
        let ended = tokio::task::spawn_blocking(open).await?;
        if ended?.code() == Some(NOT_FOUND) {
            println!("The image has no /bin/sh, or the last command was not found.");
        }
        Ok(())
    }
}

/// Returns at SIGINT or SIGTERM. Never returns where these signals cannot be received.
async fn interrupted() {
    if terminal::end_requested().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The progress on standard output. Prints nothing where the result is JSON.
struct Output {
    style: Style,
    quiet: bool,
}

impl Output {
    fn lines(&self, lines: &str) {
        if !self.quiet {
            println!("{lines}");
        }
    }

    fn passed(&self, stage: &str, started: Instant) {
        let ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let time = self.style.faint(&Duration(ms).to_string());
        self.lines(&format!("✓ {stage:<6} {time}"));
    }

    fn failed(&self, stage: &str) {
        self.lines(&format!("✗ {stage}"));
    }

    /// A check reads files, but a push sends commits.
    fn note_uncommitted(&self, files: &[String]) {
        if files.is_empty() {
            return;
        }
        let few = files[..files.len().min(UNCOMMITTED_NAMED)].join(", ");
        let more = if files.len() > UNCOMMITTED_NAMED { ", …" } else { "" };
        let count =
            if files.len() == 1 { "1 file differs".to_owned() } else { format!("{} files differ", files.len()) };
        let few = sanitize::line(&few);
        self.lines(&format!("note: {count} from the last commit: {few}{more}. A push sends only commits."));
    }

    fn log(&self, log: &str) {
        if !log.trim().is_empty() {
            self.lines(&self.style.faint("--- output"));
            self.lines(&sanitize::text(log.trim_end()));
            self.lines(&self.style.faint("---"));
        }
    }

    fn score(&self, score: Option<&Score>, task: &Task) {
        let Some(score) = score else { return };
        let aggregates = task.metrics.iter().filter_map(|spec| {
            let values = score.cases.iter().map(|c| c.values.get(&spec.name));
            let values: Vec<f64> = values.map(|v| spec.counted(v.copied().flatten())).collect();
            Some(format!("{} {:.4}", spec.title, spec.aggregate.of(&values)?))
        });
        let aggregates: Vec<_> = aggregates.collect();
        self.lines(&format!("  on the public sample: {}", aggregates.join(", ")));
        for case in &score.cases {
            if let Some(reason) = &case.reason {
                let reason = sanitize::line(reason);
                self.lines(&format!("  {}: {reason}", case.case));
            }
        }
    }
}
