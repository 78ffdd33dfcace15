//! A forge for the corpus: an organization as `referee forge setup` leaves it, a repository for each team, and the
//! texts that the forge shows about a commit.
//!
//! It registers no team itself: the daemon finds the repositories, and an organizer approves them by commands in
//! issues.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use referee::clock;
use referee::model::{ChallengeSlug, ForgeName, Timestamp};
use referee::store::{PriorityClass, RegistrationState, Store};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::copy::{self, Copy};
use crate::model::state::{Issue, Mode, Status};
use crate::model::{Forge, ForgeVersion};
use crate::row;
use crate::world::World;

/// The organization in the challenge's pattern of teams.
const ORGANIZATION: &str = "hostile";
const OWNER: &str = "owner";
const BOT: &str = "referee";
const ORGANIZER: &str = "organizer";
/// The account that pushes for all teams.
const MEMBER: &str = "member";
/// The scopes that the documentation names for the bot's token.
const BOT_SCOPES: [&str; 5] = ["write:repository", "write:issue", "read:organization", "read:user", "read:package"];
/// The scopes that the documentation names for `referee forge setup`.
const SETUP_SCOPES: [&str; 3] = ["write:organization", "write:repository", "read:user"];
/// The most commands in one text.
const COMMANDS: usize = 20;
/// How long the approval of all teams may take on a busy machine.
const APPROVED_WITHIN: Duration = Duration::from_secs(180);
/// How long Referee may take to enter a push, by its delivery or by the sweep.
const KNOWN_WITHIN: Duration = Duration::from_secs(300);

/// A forge with its organization.
pub(crate) struct Hosted {
    pub forge: Forge,
    /// The bot's token.
    pub token: String,
    /// The secret that signs deliveries.
    pub secret: String,
    store: OnceLock<Store>,
    runtime: Runtime,
}

/// The texts of a forge about a commit.
pub(crate) struct Published {
    pub note: String,
    /// The only report on the commit in the team's issue.
    pub comment: String,
    /// The current commit status of each context.
    pub statuses: Vec<Status>,
    /// All comments of the bot in the team's issues, and all commit statuses, earlier ones too.
    pub all: String,
}

impl Hosted {
    /// A forge with accounts and nothing else.
    pub(crate) fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let forge = runtime.block_on(Forge::start(ForgeVersion::Gitea127));
        for login in [OWNER, BOT, ORGANIZER, MEMBER] {
            forge.person(login);
        }
        Self {
            token: forge.token(BOT, &BOT_SCOPES),
            secret: hex::encode(clock::random_bytes::<16>()),
            forge,
            store: OnceLock::new(),
            runtime,
        }
    }

    /// Writes the challenge for this forge into the installation. Returns its folder and the settings that it needs.
    pub(crate) fn configure(&self, world: &World) -> (PathBuf, String) {
        let folder = world.path("challenge");
        copy::files(&row::here().join("challenge"), &folder, &[]);
        let file = folder.join("challenge.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let local = "forge = \"local\"\n";
        assert!(text.contains(local), "the challenge has changed");
        let hosted = format!(
            "forge = \"forge\"\norganizers = \"{ORGANIZATION}/organizers\"\n\
             leaderboard = \"{ORGANIZATION}/leaderboard\"\n"
        );
        std::fs::write(&file, text.replace(local, &hosted)).unwrap();
        std::fs::write(world.path("bot.token"), &self.token).unwrap();
        let settings = format!(
            "[forge.forge]\nkind = \"gitea\"\nurl = {:?}\nwebhook-secrets = [{:?}]\n\
             token-file = \"bot.token\"\n",
            self.forge.root(),
            self.secret
        );
        (folder, settings)
    }

    /// Sets up the organization, and creates an empty repository for each team.
    pub(crate) fn set_up(&self, world: &World, teams: &[&str]) {
        let token = self.forge.token(OWNER, &SETUP_SCOPES);
        std::fs::write(world.path("owner.token"), token).unwrap();
        world.write_settings();
        let setup = ["forge", "setup", "--owner-token-file", "owner.token"];
        let output = world.referee(&setup).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        {
            let mut state = self.forge.state();
            let organizer = state.account_named(ORGANIZER).unwrap().id;
            let mut teams = state.teams.iter();
            let team = teams.find(|team| team.name == "organizers").unwrap().id;
            state.add_member(team, organizer);
        }
        let names: Vec<String> = teams.iter().map(|team| format!("team-{team}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for name in &names {
            self.forge.repository(ORGANIZATION, name, &[]);
        }
        let units = [("repo.code", Mode::Write), ("repo.issues", Mode::Write)];
        self.forge.team(ORGANIZATION, "participants", &units, &[MEMBER], Some(&names));
    }

    /// Waits until the daemon has found the repositories, and approves all of them.
    pub(crate) fn approve_teams(&self, world: &mut World, teams: &[&str]) {
        let challenge = challenge();
        let all_are = |world: &World, state: RegistrationState| {
            let all = self.read(self.store(world).registration_requests(&challenge));
            all.iter().filter(|r| r.state == state).count() == teams.len()
        };
        world.until("repositories are found", APPROVED_WITHIN, |world| all_are(world, RegistrationState::Pending));
        let path = format!("/repos/{ORGANIZATION}/organizers/issues");
        for some in teams.chunks(COMMANDS) {
            let commands = some.iter().map(|team| format!("/team approve {team}\n"));
            let body = json!({ "title": "Teams", "body": commands.collect::<String>() });
            let made = self.forge.api(ORGANIZER, "POST", &path, &body);
            let (status, message) = self.runtime.block_on(made);
            assert_eq!(status, 201, "{message}");
        }
        world.until("all teams are approved", APPROVED_WITHIN, |world| all_are(world, RegistrationState::Approved));
    }

    /// A clone of a team's repository by a member of the team.
    pub(crate) fn copy_of(&self, world: &World, team: &str) -> Copy {
        let full_name = format!("{ORGANIZATION}/team-{team}");
        let remote = self.forge.remote(MEMBER, &full_name);
        Copy::clone_of(Path::new(&remote), world.path(&format!("copies/{team}")))
    }

    /// Waits until there are as many submissions as teams, all have ended, and all messages are sent. Messages about
    /// leaderboards may still wait.
    pub(crate) fn settle(&self, world: &mut World, teams: usize, at_most: Duration) {
        let challenge = challenge();
        world.until("all commits are known", KNOWN_WITHIN, |world| {
            let all = self.store(world).submissions_of_challenge(&challenge);
            self.read(all).len() >= teams
        });
        world.until("everything has ended", at_most, |world| {
            let under_way = self.read(self.store(world).submissions_under_way());
            let due = self.due(world);
            under_way.is_empty() && due.iter().all(|channel| channel == "board")
        });
    }

    /// Waits until the leaderboards are published too.
    pub(crate) fn settle_boards(&self, world: &mut World, at_most: Duration) {
        world.until("the leaderboards are written", at_most, |world| self.due(world).is_empty());
    }

    /// The channels of the messages that wait, due now or later.
    fn due(&self, world: &World) -> Vec<String> {
        let (forge, far) = (ForgeName::new("forge").unwrap(), Timestamp(i64::MAX));
        let due = |class| self.read(self.store(world).due_messages(&forge, class, far, 10));
        let classes = [PriorityClass::Answers, PriorityClass::Urgent, PriorityClass::Rest];
        let all = classes.into_iter().flat_map(due);
        all.map(|message| message.channel).collect()
    }

    /// The daemon's database, opened for reading only. The store of the world belongs to another runtime.
    fn store(&self, world: &World) -> &Store {
        self.store.get_or_init(|| {
            let file = world.path("data/referee.db");
            let url = format!("sqlite:{}?mode=ro", file.display());
            self.runtime.block_on(Store::open(&url)).unwrap()
        })
    }

    fn read<T>(&self, asked: impl Future<Output = referee::store::Result<T>>) -> T {
        self.runtime.block_on(asked).unwrap()
    }

    /// The texts about a team's only commit. The report begins with the marker.
    pub(crate) fn published(&self, team: &str, sha: &str, marker: &str) -> Result<Published, String> {
        let state = self.forge.state();
        let name = format!("team-{team}");
        let repository = state.repository_named(ORGANIZATION, &name).unwrap().id;
        let note = note(&state.git(repository), sha).ok_or("no note")?;
        let mine = |issue: &&Issue| issue.repository == repository;
        let issues: Vec<i64> = state.issues.iter().filter(mine).map(|i| i.id).collect();
        let comments = state.comments.iter().filter(|c| issues.contains(&c.issue));
        let comments: Vec<&str> = comments.map(|comment| comment.body.as_str()).collect();
        let reports = comments.iter().filter(|text| text.starts_with(marker));
        let reports: Vec<&str> = reports.copied().collect();
        let [comment] = reports[..] else {
            return Err(format!("{} reports among {comments:#?}", reports.len()));
        };
        let of_commit = |s: &&Status| s.repository == repository && s.sha == sha;
        let statuses: Vec<_> = state.statuses.iter().filter(of_commit).collect();
        let is_current = |at: usize| {
            let later = &statuses[at + 1..];
            !later.iter().any(|s| s.context == statuses[at].context)
        };
        let current = (0..statuses.len()).filter(|at| is_current(*at));
        let mut all = comments.join("\n");
        for status in &statuses {
            let (context, description) = (&status.context, &status.description);
            all.push_str(&format!("\n{context} {description} {}", status.target));
        }
        Ok(Published {
            note,
            comment: comment.to_owned(),
            statuses: current.map(|at| statuses[at].clone()).collect(),
            all,
        })
    }
}

fn challenge() -> ChallengeSlug {
    ChallengeSlug::new("hostile").unwrap()
}

fn note(git: &git2::Repository, sha: &str) -> Option<String> {
    let sha = git2::Oid::from_str(sha).ok()?;
    let note = git.find_note(Some("refs/notes/commits"), sha).ok()?;
    Some(String::from_utf8_lossy(note.message_bytes()).into_owned())
}
