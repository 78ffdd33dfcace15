//! One installation of the platform in its own folder: daemon, teams and state.
//!
//! A test must leave nothing behind: at its end no attempt may be running, and the engine may hold nothing of this
//! instance. The world removes only objects with the label of this instance.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use referee::clock::Clock;
use referee::forge::Capabilities;
use referee::model::{Actor, AttemptState, Board, ChallengeSlug, ForgeName, Stage};
use referee::pipeline::commands::{self, CommandContext, CommandReply, CommandResult};
use referee::store::{AttemptRecord, AuditEntry, PriorityClass, Store, SubmissionRecord};
use serde_json::Value;

use crate::copy::{self, Copy};

/// The image that every example starts from.
pub(crate) const BASE: &str = "referee/python:3.11";
/// How long a submission may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
/// How long a daemon may take to end after SIGTERM.
pub(crate) const END_WITHIN: Duration = Duration::from_secs(5);
/// How long the daemon may take to remove an ended job from the engine.
pub(crate) const CLEAN_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct World {
    folder: tempfile::TempDir,
    listen: String,
    challenges: Vec<PathBuf>,
    /// The number of runs at the same time.
    pub slots: u32,
    /// More tables of `referee.toml`.
    pub settings: String,
    daemon: Option<Child>,
    /// The length of the log in bytes when this daemon started.
    log_before: u64,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    store: OnceLock<Store>,
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Runs `docker` and returns its output, or its error output if it fails.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new("docker").args(arguments).stdin(Stdio::null()).output().map_err(|e| format!("docker: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Whether the tests run under CI, where no test may be skipped.
pub(crate) fn under_ci() -> bool {
    variable("CI").is_some()
}

/// The reason why these tests cannot run here, if there is one.
fn missing() -> Option<String> {
    if let Err(message) = docker(&["version"]) {
        return Some(format!("no engine answers: {}", message.trim()));
    }
    docker(&["image", "inspect", BASE]).err().map(|_| format!("no image {BASE}: run examples/base/build.sh"))
}

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The folder of an example submission such as `nuclei/good-otsu`.
pub(crate) fn submission(name: &str) -> PathBuf {
    let (challenge, team) = name.split_once('/').expect("challenge/team");
    examples().join(challenge).join("submissions").join(team)
}

impl World {
    /// An empty installation. `None` if no engine answers or the base image is missing. Under CI that is a failure.
    pub(crate) fn new() -> Option<Self> {
        if let Some(missing) = missing() {
            assert!(!under_ci(), "the tests of the platform cannot run: {missing}");
            eprintln!("SKIPPED, the platform is not tested: {missing}");
            return None;
        }
        // reqwest needs a TLS provider before its first client, also for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Some(Self {
            folder,
            listen: free.local_addr().unwrap().to_string(),
            challenges: Vec::new(),
            slots: 2,
            settings: String::new(),
            daemon: None,
            log_before: 0,
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            store: OnceLock::new(),
        })
    }

    /// An installation with an unchanged example challenge.
    pub(crate) fn with_example(name: &str) -> Option<Self> {
        let mut world = Self::new()?;
        world.challenges.push(examples().join(name));
        Some(world)
    }

    /// An installation with a copy of an example challenge that `change` has edited.
    pub(crate) fn with_changed(name: &str, change: impl FnOnce(&Path)) -> Option<Self> {
        let mut world = Self::new()?;
        let folder = world.path("challenge");
        copy::files(&examples().join(name), &folder, &["submissions"]);
        change(&folder);
        world.challenges.push(folder);
        Some(world)
    }

    pub(crate) fn add_example(&mut self, name: &str) {
        self.add_challenge(examples().join(name));
    }

    pub(crate) fn add_challenge(&mut self, folder: PathBuf) {
        self.challenges.push(folder);
    }

    /// A path in the folder of this installation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the current settings to `referee.toml`.
    pub(crate) fn write_settings(&self) {
        let mut text = String::from("challenges = [");
        for challenge in &self.challenges {
            write!(text, "{:?}, ", challenge.display().to_string()).unwrap();
        }
        let (listen, slots, more) = (&self.listen, self.slots, &self.settings);
        write!(text, "]\n[server]\nlisten = \"{listen}\"\n[runner]\ngpus = 0\nslots = {slots}\n{more}").unwrap();
        std::fs::write(self.path("referee.toml"), text).unwrap();
    }

    /// A call of the program in this installation.
    pub(crate) fn referee(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_referee"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null()).env("TMPDIR", self.path("tmp"));
        for name in ["REFEREE_LISTEN", "REFEREE_DATA", "REFEREE_DATABASE_URL"] {
            command.env_remove(name);
        }
        command
    }

    /// Creates repositories of teams by the command of organizers.
    pub(crate) fn add_teams(&self, challenge: &str, teams: &[impl AsRef<str>]) {
        self.write_settings();
        for team in teams {
            let arguments = ["team", "add", "--challenge", challenge, team.as_ref()];
            let output = self.referee(&arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        self.write_settings();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("referee.log")).unwrap();
        self.log_before = log.metadata().unwrap().len();
        let daemon = self.referee(&["serve"]).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.daemon = Some(daemon);
        let url = format!("http://{}/health", self.listen);
        self.until("the daemon is up", Duration::from_secs(60), |world| {
            let asked = world.runtime.block_on(world.client.get(&url).send());
            asked.is_ok_and(|answer| answer.status().is_success())
        });
    }

    /// Kills the daemon with SIGKILL, as a power cut would.
    pub(crate) fn kill9(&mut self) {
        let mut daemon = self.daemon.take().expect("a daemon");
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// Sends SIGTERM to the daemon and returns the time until it ended.
    pub(crate) fn stop(&mut self) -> Duration {
        let pid = self.pid().to_string();
        let mut daemon = self.daemon.take().expect("a daemon");
        let asked = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        loop {
            if let Some(status) = daemon.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return asked.elapsed();
            }
            if asked.elapsed() > END_WITHIN {
                daemon.kill().unwrap();
                daemon.wait().unwrap();
                panic!("the daemon did not end within {END_WITHIN:?} of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon").id()
    }

    /// The bare repository of a team.
    pub(crate) fn repository(&self, challenge: &str, team: &str) -> PathBuf {
        self.path(&format!("repositories/{challenge}/team-{team}.git"))
    }

    /// A fresh clone of a team's repository.
    pub(crate) fn copy_of(&self, challenge: &str, team: &str) -> Copy {
        let nonce = Instant::now();
        let path = self.path(&format!("copies/{challenge}-{team}-{nonce:?}").replace(' ', ""));
        Copy::clone_of(&self.repository(challenge, team), path)
    }

    /// Waits until a condition holds. `expected` names it in the failure message.
    pub(crate) fn until(&mut self, expected: &str, at_most: Duration, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < at_most, "not within {at_most:?}: {expected}");
            if let Some(daemon) = &mut self.daemon {
                let ended = daemon.try_wait().unwrap();
                assert!(ended.is_none(), "the daemon ended: {ended:?}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The JSON at an address of the API.
    pub(crate) fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.page(path)).expect("JSON")
    }

    /// The body of the page at an address.
    pub(crate) fn page(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.listen);
        self.runtime.block_on(async {
            let answer = self.client.get(&url).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{url}: {}", answer.status());
            answer.text().await.expect("a text")
        })
    }

    /// A submission as its team sees it.
    pub(crate) fn view(&self, token: &str) -> Value {
        self.get(&format!("/api/v1/submissions/{token}"))
    }

    /// Waits for the end of a submission and returns its view and its outcome.
    pub(crate) fn wait_end(&mut self, token: &str) -> (Value, String) {
        let ended = |world: &Self| {
            let view = world.view(token);
            (view["state"]["state"] == "ended").then_some(view)
        };
        self.until("the submission ends", PATIENCE, |world| ended(world).is_some());
        let view = ended(self).expect("an end is final");
        let outcome = view["state"]["at"].as_str().expect("an outcome").to_owned();
        (view, outcome)
    }

    /// Waits until all submissions have ended and the outbox is empty.
    ///
    /// It reads the submissions first. The end of a submission and its outbox messages are one transaction: if the
    /// outbox came first, an end between the two reads would leave a message unseen.
    pub(crate) fn settle(&mut self, at_most: Duration) {
        self.until("everything has ended", at_most, |world| {
            let store = world.store();
            world.runtime.block_on(async {
                if !store.submissions_under_way().await.unwrap().is_empty() {
                    return false;
                }
                let far = referee::model::Timestamp(i64::MAX);
                let local = ForgeName::new("local").unwrap();
                for class in [PriorityClass::Answers, PriorityClass::Urgent, PriorityClass::Rest] {
                    if !store.due_messages(&local, class, far, 1).await.unwrap().is_empty() {
                        return false;
                    }
                }
                true
            })
        });
    }

    /// The database, opened for reading only.
    pub(crate) fn store(&self) -> &Store {
        self.store.get_or_init(|| {
            let url = format!("sqlite:{}?mode=ro", self.path("data/referee.db").display());
            self.runtime.block_on(Store::open(&url)).unwrap()
        })
    }

    /// Gives a command of organizers beside the daemon, in its database.
    pub(crate) fn command(&self, words: &[&str]) -> CommandResult<CommandReply> {
        let command: commands::Command = referee::command::parse_arguments(words)?;
        self.beside_daemon(async |context| command.run(&context).await)
    }

    /// Uses the context that a command has beside the daemon.
    pub(crate) fn beside_daemon<T>(&self, act: impl AsyncFnOnce(CommandContext<'_>) -> T) -> T {
        let challenge = referee::config::read_challenge(&self.challenges[0]).unwrap();
        let url = format!("sqlite:{}", self.path("data/referee.db").display());
        self.runtime.block_on(async {
            let store = Store::open(&url).await.unwrap();
            let (actor, now) = (Actor::CommandLine, Clock::system().now());
            let forge = Capabilities::NOTES_ONLY;
            let context = CommandContext::beside_daemon(&challenge, &store, forge, &actor, now);
            act(context).await
        })
    }

    /// All entries of the audit log.
    pub(crate) fn audit(&self) -> Vec<AuditEntry> {
        let all = self.store().audit_entries(0, 1000);
        self.runtime.block_on(all).unwrap()
    }

    /// All submissions of a team, oldest first.
    pub(crate) fn submissions(&self, challenge: &str, team: &str) -> Vec<SubmissionRecord> {
        let slug = ChallengeSlug::new(challenge).unwrap();
        let all = self.store().submissions_of_challenge(&slug);
        let mut all = self.runtime.block_on(all).unwrap();
        all.retain(|r| r.submission.team.as_str() == team);
        all
    }

    /// The attempts of a submission, oldest first.
    pub(crate) fn attempts(&self, record: &SubmissionRecord) -> Vec<AttemptRecord> {
        self.runtime.block_on(self.store().attempts(record)).unwrap()
    }

    /// The number of attempts of a stage that are in a state.
    pub(crate) fn count(&self, record: &SubmissionRecord, stage: Stage, state: AttemptState) -> usize {
        self.attempts(record).iter().filter(|a| a.attempt.stage == stage && a.attempt.state == state).count()
    }

    /// The number of evaluations that the submission's team has spent on its board.
    pub(crate) fn spent(&self, record: &SubmissionRecord) -> u32 {
        let submission = &record.submission;
        let board = Board {
            challenge: submission.challenge.clone(),
            phase: submission.phase.clone(),
            task: submission.task.clone().expect("a task"),
        };
        let now = submission.observed_at;
        let usage = self.store().usage(&board, &submission.team, 0, now);
        self.runtime.block_on(usage).unwrap().total
    }

    /// The number of the team's submissions with a score in the board's current scoring revision.
    pub(crate) fn scores(&self, board: &Board, team: &str) -> usize {
        let store = self.store();
        self.runtime.block_on(async {
            let Some(revision) = store.current_scoring_revision(board).await.unwrap() else {
                return 0;
            };
            let scores = store.scores(revision.id).await.unwrap();
            let mine = |s: &&referee::store::ScoreRecord| s.submission.submission.team.as_str() == team;
            scores.iter().filter(mine).count()
        })
    }

    /// The objects of this instance on the engine: containers, volumes and unnamed images of builds.
    pub(crate) fn left_on_engine(&self) -> Vec<String> {
        let Ok(instance) = std::fs::read_to_string(self.path("data/instance")) else {
            return Vec::new();
        };
        let filter = format!("label=referee.instance={}", instance.trim());
        let containers = docker(&["ps", "-aq", "--filter", &filter]).unwrap();
        let volumes = docker(&["volume", "ls", "-q", "--filter", &filter]).unwrap();
        let unnamed = self.unnamed_images();
        containers
            .lines()
            .map(|id| format!("container {id}"))
            .chain(volumes.lines().map(|name| format!("volume {name}")))
            .chain(unnamed.into_iter().map(|id| format!("image {id}")))
            .collect()
    }

    /// The unnamed images of this instance's builds.
    pub(crate) fn unnamed_images(&self) -> Vec<String> {
        let Ok(instance) = std::fs::read_to_string(self.path("data/instance")) else {
            return Vec::new();
        };
        let label = format!("label=referee.made-by={}", instance.trim());
        let listed = docker(&["images", "-q", "--filter", "dangling=true", "--filter", &label]);
        listed.unwrap().lines().map(str::to_owned).collect()
    }

    /// Whether the running daemon has finished to build its scorers, successfully or not.
    fn scorers_prepared(&self) -> bool {
        let log = std::fs::read(self.path("referee.log")).unwrap();
        let since = usize::try_from(self.log_before).unwrap();
        String::from_utf8_lossy(&log[since..]).contains("scorers were prepared")
    }

    fn running_attempts(&self) -> usize {
        if !self.path("data/referee.db").exists() {
            return 0;
        }
        let far = referee::model::Timestamp(i64::MAX);
        let running = self.store().orphans("no daemon", far);
        self.runtime.block_on(running).unwrap().len()
    }

    /// Removes the objects with this instance's label and its tags, and nothing else.
    fn clear_engine(&self) {
        let Ok(instance) = std::fs::read_to_string(self.path("data/instance")) else {
            return;
        };
        for left in self.left_on_engine() {
            let _ = match left.split_once(' ').expect("two words") {
                ("container", id) => docker(&["rm", "-fv", id]),
                ("image", id) => docker(&["rmi", id]),
                (_, volume) => docker(&["volume", "rm", "-f", volume]),
            };
        }
        let listed = docker(&["images", "--format", "{{.Tag}}", "referee/build"]);
        for tag in listed.unwrap_or_default().lines() {
            if tag.starts_with(&format!("{}.", instance.trim())) {
                let _ = docker(&["rmi", &format!("referee/build:{tag}")]);
            }
        }
    }

    fn end_daemon(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end_daemon();
            let log = std::fs::read_to_string(self.path("referee.log"));
            eprintln!("--- the daemon's log\n{}---", log.unwrap_or_default());
            self.clear_engine();
            return;
        }
        let running = self.running_attempts();
        // A daemon builds its scorers after its start. Each step of a build leaves an image until the build ends.
        let asked = Instant::now();
        while self.daemon.is_some() && asked.elapsed() < PATIENCE && !self.scorers_prepared() {
            std::thread::sleep(Duration::from_millis(100));
        }
        // The daemon removes the objects of ended jobs in the background.
        let asked = Instant::now();
        while self.daemon.is_some() && asked.elapsed() < CLEAN_WITHIN && !self.left_on_engine().is_empty() {
            std::thread::sleep(Duration::from_millis(100));
        }
        self.end_daemon();
        let left = self.left_on_engine();
        self.clear_engine();
        assert_eq!(running, 0, "attempts are still running");
        assert!(left.is_empty(), "left on the engine: {left:?}");
    }
}
