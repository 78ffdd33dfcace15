//! A forge for the corpus: an organization as `referee forge setup` leaves it, a repository for each team,
//! and what the forge shows of a commit.
//!
//! It refuses to make anybody a team: the daemon finds the repositories, and an organizer lets them in by
//! commands in issues.

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

/// The organization, as the challenge's pattern of teams has it.
const ORGANIZATION: &str = "hostile";
const OWNER: &str = "owner";
const BOT: &str = "referee";
const ORGANIZER: &str = "organizer";
/// Who pushes, for all teams.
const MEMBER: &str = "member";
/// What the documentation names for the bot.
const BOT_SCOPES: [&str; 5] = [
    "write:repository",
    "write:issue",
    "read:organization",
    "read:user",
    "read:package",
];
/// What it names for `referee forge setup`.
const SETUP_SCOPES: [&str; 3] = ["write:organization", "write:repository", "read:user"];
/// Commands that one text may have.
const COMMANDS: usize = 20;
/// All teams take part by then, on a machine with much else to do.
const WELCOME_WITHIN: Duration = Duration::from_secs(180);
/// Every push was heard of by then, or found.
const KNOWN_WITHIN: Duration = Duration::from_secs(300);

/// A forge with its organization.
pub struct Hosted {
    pub forge: Forge,
    /// The bot's token.
    pub token: String,
    /// What signs deliveries.
    pub secret: String,
    store: OnceLock<Store>,
    runtime: Runtime,
}

/// What a forge shows of a commit.
pub struct Shown {
    /// Its note.
    pub note: String,
    /// The one report on it in the team's issue.
    pub comment: String,
    /// State, address and words of each of its lamps, as it is now.
    pub lamps: Vec<[String; 3]>,
    /// All that the bot has ever said there, lamps of earlier moments too.
    pub all: String,
}

impl Hosted {
    /// A forge with people and nothing else.
    pub fn new() -> Self {
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

    /// The challenge as it is on this forge, in a folder of the installation; and what its settings need.
    pub fn configure(&self, world: &World) -> (PathBuf, String) {
        let folder = world.path("challenge");
        copy::files(&row::here().join("challenge"), &folder, &[]);
        let file = folder.join("challenge.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let at_home = "forge = \"local\"\n";
        assert!(text.contains(at_home), "the challenge has changed");
        let here = format!(
            "forge = \"forge\"\norganizers = \"{ORGANIZATION}/organizers\"\n\
             leaderboard = \"{ORGANIZATION}/leaderboard\"\n"
        );
        std::fs::write(&file, text.replace(at_home, &here)).unwrap();
        std::fs::write(world.path("bot.token"), &self.token).unwrap();
        let settings = format!(
            "[forge.forge]\nkind = \"gitea\"\nurl = {:?}\nwebhook-secrets = [{:?}]\n\
             token-file = \"bot.token\"\n",
            self.forge.root(),
            self.secret
        );
        (folder, settings)
    }

    /// Brings the organization to where the challenge can run, and makes an empty repository for each
    /// team.
    pub fn set_up(&self, world: &World, teams: &[&str]) {
        let token = self.forge.token(OWNER, &SETUP_SCOPES);
        std::fs::write(world.path("owner.token"), token).unwrap();
        world.write_settings();
        let setup = ["forge", "setup", "--owner-token-file", "owner.token"];
        let output = world.referee(&setup).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
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
        let participants = (ORGANIZATION, "participants");
        self.forge
            .team(participants, &units, &[MEMBER], Some(&names));
    }

    /// Waits until the daemon knows the repositories, and lets all of them in.
    pub fn welcome(&self, world: &mut World, teams: &[&str]) {
        let challenge = challenge();
        let stand = |world: &World, state: RegistrationState| {
            let all = self.read(self.store(world).registration_requests(&challenge));
            all.iter().filter(|c| c.state == state).count() == teams.len()
        };
        world.until("repositories are found", WELCOME_WITHIN, |world| {
            stand(world, RegistrationState::Pending)
        });
        let path = format!("/repos/{ORGANIZATION}/organizers/issues");
        for some in teams.chunks(COMMANDS) {
            let commands = some.iter().map(|team| format!("/team approve {team}\n"));
            let body = json!({ "title": "Teams", "body": commands.collect::<String>() });
            let made = self.forge.api(ORGANIZER, "POST", &path, &body);
            let (status, message) = self.runtime.block_on(made);
            assert_eq!(status, 201, "{message}");
        }
        world.until("all teams take part", WELCOME_WITHIN, |world| {
            stand(world, RegistrationState::Bound)
        });
    }

    /// A clone of a team's repository, as a member of it makes one.
    pub fn copy_of(&self, world: &World, team: &str) -> Copy {
        let full_name = format!("{ORGANIZATION}/team-{team}");
        let remote = self.forge.remote(MEMBER, &full_name);
        Copy::clone_of(Path::new(&remote), world.path(&format!("copies/{team}")))
    }

    /// Waits until as many submissions are known as there are teams, nothing is under way, and everything
    /// has been shown but boards, which have time.
    pub fn settle(&self, world: &mut World, teams: usize, at_most: Duration) {
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

    /// Waits until the boards are as they are now.
    pub fn settle_boards(&self, world: &mut World, at_most: Duration) {
        world.until("the boards are written", at_most, |world| {
            self.due(world).is_empty()
        });
    }

    /// Channels of what waits to be shown, now or later.
    fn due(&self, world: &World) -> Vec<String> {
        let (forge, far) = (ForgeName::new("forge").unwrap(), Timestamp(i64::MAX));
        let of =
            |priority_class| self.read(self.store(world).due((&forge, priority_class), far, 10));
        let all = [
            PriorityClass::Answers,
            PriorityClass::Urgent,
            PriorityClass::Rest,
        ]
        .into_iter();
        all.flat_map(of).map(|item| item.channel).collect()
    }

    /// The daemon's database, to be read only. Not by the world: its runtime is another.
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

    /// What is shown of a team's only commit.
    pub fn shown(&self, (team, sha): (&str, &str), mark: &str) -> Result<Shown, String> {
        let state = self.forge.state();
        let name = format!("team-{team}");
        let repository = state.repository_named(ORGANIZATION, &name).unwrap().id;
        let note = note(&state.git(repository), sha).ok_or("no note")?;
        let mine = |issue: &&Issue| issue.repository == repository;
        let issues: Vec<i64> = state.issues.iter().filter(mine).map(|i| i.id).collect();
        let said = state.comments.iter().filter(|c| issues.contains(&c.issue));
        let said: Vec<&str> = said.map(|comment| comment.body.as_str()).collect();
        let reports = said.iter().filter(|text| text.starts_with(mark));
        let reports: Vec<&str> = reports.copied().collect();
        let [comment] = reports[..] else {
            return Err(format!("{} reports among {said:#?}", reports.len()));
        };
        let of = |s: &&Status| s.repository == repository && s.sha == sha;
        let statuses: Vec<_> = state.statuses.iter().filter(of).collect();
        let is_now = |at: usize| {
            let later = &statuses[at + 1..];
            !later.iter().any(|s| s.context == statuses[at].context)
        };
        let now = (0..statuses.len()).filter(|at| is_now(*at));
        let lamp = |at: usize| {
            let status = statuses[at];
            [&status.state, &status.target, &status.description].map(String::clone)
        };
        let mut all = said.join("\n");
        for status in &statuses {
            let (context, words) = (&status.context, &status.description);
            all.push_str(&format!("\n{context} {words} {}", status.target));
        }
        Ok(Shown {
            note,
            comment: comment.to_owned(),
            lamps: now.map(lamp).collect(),
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
