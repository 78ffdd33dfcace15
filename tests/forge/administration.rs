//! `referee forge setup`, `referee team add` and `referee doctor` on each version of the forge: their messages, and
//! that a repetition changes nothing.

use std::path::Path;
use std::sync::Arc;

use referee::config::{self, ForgeSettings, Secret};
use referee::forge::kind::{self, ForgeContext};
use referee::forge::{Forge, ForgeError, NewTeam, SetupLine};
use referee::model::diagnosis::{Check, CheckSeverity};
use referee::model::{Challenge, TeamSlug, Timestamp};

use crate::model::{Forge as Model, ForgeVersion};

const NOW: Timestamp = Timestamp(1_770_000_000_000);
const HOOK: &str = "https://referee.example.org/hooks/forge";
const SCOPES: [&str; 5] = ["read:user", "read:organization", "read:package", "write:issue", "write:repository"];
const OWNER_SCOPES: [&str; 3] = ["read:user", "write:organization", "write:repository"];

/// The nuclei challenge on a forge, in an organization that has nothing yet.
fn installation(folder: &Path, url: &str, token: &str) -> (ForgeSettings, Challenge) {
    let nuclei = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
    let challenge = folder.join("challenge");
    std::fs::create_dir(&challenge).unwrap();
    for part in ["data", "sample", "scorer", "template"] {
        std::os::unix::fs::symlink(nuclei.join(part), challenge.join(part)).unwrap();
    }
    let text = std::fs::read_to_string(nuclei.join("challenge.toml")).unwrap();
    let own = "forge = \"forge\"\norganizers = \"nuclei/organizers\"\nleaderboard = \"nuclei/leaderboard\"";
    let text = text.replacen("forge = \"local\"", own, 1);
    let text = text.replacen("on = \"branch:main\"", "on = \"image:*\"", 1);
    std::fs::write(challenge.join("challenge.toml"), text).unwrap();
    std::fs::write(folder.join("token"), token).unwrap();
    let settings = format!(
        "challenges = [\"challenge\"]\n[forge.forge]\nkind = \"gitea\"\nurl = \"{url}\"\n\
         webhook-secrets = [\"correct-horse-battery\"]\ntoken-file = \"token\"\n"
    );
    let file = folder.join("referee.toml");
    std::fs::write(&file, settings).unwrap();
    let config::Installation { settings, mut challenges } = config::read_installation(&file).unwrap();
    let (_, forge) = settings.forges.into_iter().next().unwrap();
    (forge, challenges.remove(0))
}

struct World {
    model: Model,
    challenge: Challenge,
    /// The forge with the rights of an owner.
    forge: Arc<dyn Forge>,
    folder: tempfile::TempDir,
}

impl World {
    async fn start(version: ForgeVersion) -> Self {
        // reqwest wants a provider before its first client, also for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let model = Model::start(version).await;
        for login in ["owner", "referee", "alice"] {
            model.person(login);
        }
        model.organization("nuclei", "owner");
        let folder = tempfile::tempdir().unwrap();
        let token = model.token("referee", &SCOPES);
        let (settings, challenge) = installation(folder.path(), &model.root(), &token);
        let context = ForgeContext {
            mirrors: folder.path().join("mirrors"),
            daemon_url: "http://127.0.0.1:8030".to_owned(),
            program: "/bin/referee".into(),
            owner_token: Some(Secret::new(model.token("owner", &OWNER_SCOPES))),
        };
        let forge = kind::of(&settings).open(&context).unwrap().unwrap();
        Self { model, challenge, forge, folder }
    }

    /// Text without the parts that differ from run to run.
    fn stable(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        text.replace(&self.model.root(), "http://forge").replace(&folder, "FOLDER")
    }

    /// The lines that the setup prints.
    async fn set_up(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut report = |line| lines.push(line);
        let administration = self.forge.administration().unwrap();
        let done = administration.set_up(&self.challenge, HOOK, NOW, &mut report);
        done.await.unwrap();
        lines.iter().map(|line| self.stable(&printed(line))).collect()
    }

    async fn checks(&self) -> Vec<Check> {
        let teams = [("alpha".to_owned(), "nuclei/team-alpha".to_owned())];
        let diagnosis = self.forge.diagnosis().unwrap();
        diagnosis.diagnose(&self.challenge, Some(&teams), Some(NOW)).await
    }
}

fn printed(line: &SetupLine) -> String {
    match line {
        SetupLine::Step(step) => format!("{:<7} {}", step.outcome.to_string(), step.subject),
        SetupLine::Note(text) => text.clone(),
    }
}

fn shown(check: &Check) -> String {
    let seen = format!("{}: {}", check.name, check.seen);
    check.problem.as_ref().map_or(seen.clone(), |problem| {
        let (expected, help) = (&problem.expected, &problem.help);
        format!("{seen}\n    {:?}: {expected}\n    help: {help}", problem.severity)
    })
}

/// How many steps had another outcome than "found".
fn changes(lines: &[String]) -> usize {
    let changed = |line: &&String| line.starts_with("created") || line.starts_with("fixed");
    lines.iter().filter(changed).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_creates_everything_once() {
    for version in ForgeVersion::ALL {
        let world = World::start(version).await;
        let before: Vec<_> = world.checks().await.iter().map(shown).collect();
        let first = world.set_up().await;
        let again = world.set_up().await;
        assert!(changes(&first) >= 10, "{first:#?}");
        assert_eq!(changes(&again), 0, "{again:#?}");
        if version == ForgeVersion::Gitea127 {
            insta::assert_snapshot!("doctor-before", world.stable(&before.join("\n")));
            insta::assert_snapshot!("setup-first", first.join("\n"));
            insta::assert_snapshot!("setup-again", again.join("\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_gets_its_repository_and_its_images_once() {
    for version in ForgeVersion::ALL {
        let world = World::start(version).await;
        world.set_up().await;
        let administration = world.forge.administration().unwrap();
        let template = world.challenge.template_repository();
        let new = |member: &'static [&'static str]| NewTeam {
            full_name: "nuclei/team-alpha",
            template: &template,
            organizers: Some("nuclei/organizers"),
            members: member,
        };
        let unknown = administration.create_team(&new(&["no-such-account"])).await;
        assert!(matches!(unknown, Err(ForgeError::Invalid(_))), "{unknown:?}");
        let created = administration.create_team(&new(&["alice"])).await.unwrap();
        let again = administration.create_team(&new(&["alice"])).await.unwrap();
        assert_eq!(created.repository, again.repository);
        let lines = |steps: Vec<_>| steps.into_iter().map(|s| printed(&SetupLine::Step(s)));
        let steps: Vec<_> = lines(created.steps).chain(lines(again.steps)).collect();

        let team = TeamSlug::new("alpha").unwrap();
        let members = ["alice".to_owned()];
        let mut images = Vec::new();
        for _ in 0..2 {
            let mut report = |line: SetupLine| images.push(printed(&line));
            let owner = administration.create_image_owner(&world.challenge, &team, &members, HOOK, &mut report).await;
            let owner = owner.unwrap();
            assert_eq!(owner.login, "nuclei-alpha");
            assert_eq!(format!("http://{}", owner.registry_host), world.model.root());
        }
        let checks = world.checks().await;
        let errors = checks.iter().filter_map(|check| check.problem.as_ref());
        let errors = errors.filter(|problem| problem.severity == CheckSeverity::Error);
        assert_eq!(errors.count(), 0, "{checks:#?}");
        if version == ForgeVersion::Gitea127 {
            insta::assert_snapshot!("team-add", [steps, images].concat().join("\n"));
            let lines: Vec<_> = checks.iter().map(shown).collect();
            insta::assert_snapshot!("doctor-after", world.stable(&lines.join("\n")));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_explains_a_forge_that_is_away_and_a_token_that_is_refused() {
    let world = World::start(ForgeVersion::Forgejo10).await;
    let tokens = world.model.state().tokens.clone();
    world.model.state().tokens.clear();
    let mut all = world.checks().await;
    world.model.state().tokens = tokens;
    let away = installation_of_nothing(&world);
    let diagnosis = away.diagnosis().unwrap();
    all.extend(diagnosis.diagnose(&world.challenge, None, None).await);
    let lines: Vec<_> = all.iter().map(shown).collect();
    insta::assert_snapshot!("doctor-errors", world.stable(&lines.join("\n")));
}

/// The same forge at a port where nothing listens.
fn installation_of_nothing(world: &World) -> Arc<dyn Forge> {
    let folder = world.folder.path().join("away");
    std::fs::create_dir(&folder).unwrap();
    let (settings, _) = installation(&folder, "http://127.0.0.1:1", "token");
    let context = ForgeContext {
        mirrors: folder.join("mirrors"),
        daemon_url: String::new(),
        program: "/bin/referee".into(),
        owner_token: None,
    };
    kind::of(&settings).open(&context).unwrap().unwrap()
}
