//! The settings of a daemon: defaults, environment variables, mistakes, and secrets that no finding shows.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::config::{Installation, inspect_installation, read_installation};
use crate::model::limits;

const BASE: &str = "/nowhere/etc";

fn read(text: &str) -> (Option<Settings>, Vec<Finding>) {
    parse(text, "referee.toml", Path::new(BASE), &|_| None)
}

fn shown_findings(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|f| {
        let location = f.location.clone().unwrap();
        let text = location.text.clone().unwrap_or_default();
        let (code, message, help) = (&f.code, &f.message, &f.help);
        format!("{location} {code}: {message}\n    line: {text}\n    help: {help}\n")
    });
    lines.collect()
}

fn findings_of(text: &str) -> String {
    shown_findings(&read(text).1)
}

/// The annotated text with all `#key` lines enabled.
fn all_keys() -> String {
    let lines = REFEREE_TOML.lines();
    let on = lines.map(|line| match line.strip_prefix('#') {
        Some(set) if !set.is_empty() && !set.starts_with(' ') => set,
        _ => line,
    });
    on.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_annotated_text_holds_the_defaults() {
    let (settings, findings) = read("");
    assert_eq!(findings, vec![]);
    assert_eq!(read(REFEREE_TOML), (settings.clone(), vec![]));
    let settings = settings.unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8030");
    assert_eq!(settings.public_url, "http://127.0.0.1:8030");
    assert_eq!(settings.data, Path::new("/nowhere/etc/data"));
    assert_eq!(settings.database.expose(), "sqlite:/nowhere/etc/data/referee.db");
    assert_eq!(settings.challenges, Vec::<PathBuf>::new());
    let root = PathBuf::from("/nowhere/etc/repositories");
    let local = (ForgeName::new("local").unwrap(), ForgeSettings::Local(LocalSettings { root }));
    assert_eq!(settings.forges, BTreeMap::from([local]));
    assert_eq!(settings.builder.socket, settings.engine.socket);
    assert_eq!(settings.scorer.socket, settings.engine.socket);
    assert_eq!(settings.scorer.runtime, settings.engine.runtime);
    assert_eq!((settings.runner.gpus, settings.runner.slots), (Gpus::Auto, 2));
}

#[test]
fn runner_scorer_and_builder_may_use_different_engines() {
    let text = "[engine]\nsocket = 'tcp://run:1'\nruntime = 'runsc'\n[scorer]\nsocket = \
                'unix:///score.sock'\n[builder]\nsocket = 'tcp://build:1'";
    let (settings, findings) = read(text);
    assert_eq!(findings, vec![]);
    let settings = settings.unwrap();
    let (scorer, builder) = (&settings.scorer, &settings.builder);
    assert_eq!(scorer.socket, "unix:///score.sock");
    assert_eq!((&*scorer.runtime, &*builder.socket), ("runsc", "tcp://build:1"));
    let own = read("[scorer]\nruntime = 'runc'\n[engine]\nruntime = 'runsc'").0.unwrap();
    assert_eq!((&*own.scorer.runtime, &*own.engine.runtime), ("runc", "runsc"));
    assert!(findings_of("[scorer]\nsocket = 'here'\nsockets = 1").contains("CFG005"));
}

/// The annotated text must agree with the constants in `limits`.
#[test]
fn limits_of_a_build_equal_their_constants() {
    let builder = read("").0.unwrap().builder;
    assert_eq!(builder.time, limits::BUILD_TIME);
    assert_eq!(builder.memory, limits::BUILD_MEMORY_BYTES);
    assert_eq!(builder.log, limits::BUILD_LOG_BYTES_MAX as u64);
    assert_eq!(builder.disk, limits::BUILD_DISK_BYTES);
    assert_eq!(builder.file, limits::BUILD_FILE_BYTES);
    assert_eq!(builder.processes, limits::BUILD_PROCESSES);
}

#[test]
fn the_annotated_text_has_every_key_and_is_valid_with_all_keys() {
    // Only the files that it names do not exist.
    let findings = read(&all_keys()).1;
    assert!(findings.iter().all(|f| f.code == "CFG007"), "{findings:?}");
    let unknown = "zzzzzzzzzz = 1\n";
    let mut text = unknown.to_owned();
    for line in all_keys().lines() {
        text.push_str(&format!("{line}\n"));
        if line.starts_with('[') {
            text.push_str(unknown);
        }
    }
    let mut keys = 0;
    for finding in read(&text).1 {
        let Some((_, known)) = finding.help.split_once("Known keys are") else {
            continue;
        };
        for key in known.split('`').skip(1).step_by(2) {
            keys += 1;
            let set = REFEREE_TOML.lines().any(|line| {
                let line = line.trim_start_matches('#');
                line.starts_with(&format!("{key} = ")) || line.starts_with(&format!("[{key}"))
            });
            assert!(set, "`{key}` is not in referee.toml");
        }
    }
    assert!(keys > 30);
}

#[test]
fn all_mistakes_are_reported_together() {
    let text = r#"
challenges = ["nowhere"]
[server]
listen = "localhost"
publik-url = "x"
[forge.Bad]
kind = "local"
root = "r"
[forge.other]
kind = "svn"
url = "svn://example.org"
[forge.gitea]
kind = "gitea"
url = "git.example.org"
[engine]
socket = "/var/run/docker.sock"
[builder]
network = "host"
with = "kaniko"
disk = "1GiB"
cpus = "two"
[runner]
gpus = ["0"]
slots = 0
"#;
    insta::assert_snapshot!(findings_of(text));
}

#[test]
fn buildkit_does_not_know_the_networks_of_the_engine() {
    let with = |builder: &str| findings_of(&format!("[builder]\nwith = \"buildkit\"\n{builder}"));
    assert_eq!(with(""), "");
    assert_eq!(with("network = \"default\"\n"), "");
    let message = with("network = \"mirror\"\n");
    assert!(message.contains("BuildKit cannot use the engine's network `mirror`."), "{message}");
    assert!(message.contains("`none`"), "{message}");
}

#[test]
fn gitea_needs_a_secret_and_no_finding_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good"), "in-a-file-and-long-enough\n").unwrap();
    fs::write(folder.path().join("short"), "hush\n").unwrap();
    fs::write(folder.path().join("two"), "hush-hush-hush-hush\nhush-hush-hush-hush\n").unwrap();
    let forge = |rest: &str| {
        let text = format!("[forge.gitea]\nkind = 'gitea'\nurl = 'https://git.example.org/'\n{rest}");
        let (settings, findings) = parse(&text, "referee.toml", folder.path(), &|_| None);
        let findings_text = shown_findings(&findings) + &format!("{settings:?}");
        assert!(!findings_text.contains("hush") && !findings_text.contains("long-enough"), "{findings_text}");
        (settings, findings)
    };
    for bad in [
        "",
        "webhook-secrets = []",
        "webhook-secrets = ['']",
        "webhook-secrets = ['hush']",
        "webhook-secrets = 'hush-hush-hush-hush'",
        "webhook-secrets = ['hush-hush-hush-hush", // no quote
        "webhook-secret = 'hush-hush-hush-hush'",
        "webhook-secret-files = []",
        "webhook-secret-files = ['none']",
        "webhook-secret-files = ['short']",
        "webhook-secret-files = ['two']",
        "webhook-secrets = ['hush-hush-hush-hush']\ntoken-file = 'none'",
        "webhook-secrets = ['hush-hush-hush-hush']\nowner-token-file = 'none'",
    ] {
        assert!(!forge(bad).1.is_empty(), "{bad}");
    }
    let good = "webhook-secrets = ['hush-hush-hush-hush']\nwebhook-secret-files = ['good']\n\
                token-file = 'short'\nowner-token-file = 'short'";
    let (settings, findings) = forge(good);
    assert_eq!(findings, vec![]);
    let forges = settings.unwrap().forges;
    assert_eq!(forges.len(), 1, "the default forge is replaced");
    let Some(ForgeSettings::Gitea(GiteaSettings { url, public_url, webhook_secrets, token, owner_token })) =
        forges.into_values().next()
    else {
        panic!("another kind");
    };
    assert_eq!((&*url, &*public_url), ("https://git.example.org", &*url));
    let inside = "webhook-secrets = ['hush-hush-hush-hush']\npublic-url = 'https://x.example.org/'";
    let public = forge(inside).0.unwrap().forges.into_values().next();
    let Some(ForgeSettings::Gitea(GiteaSettings { public_url, .. })) = public else {
        panic!("another kind");
    };
    assert_eq!(public_url, "https://x.example.org");
    let secrets: Vec<_> = webhook_secrets.iter().map(|s| s.expose()).collect();
    assert_eq!(secrets, ["hush-hush-hush-hush", "in-a-file-and-long-enough"]);
    assert_eq!(token.unwrap().expose(), "hush");
    assert_eq!(owner_token.unwrap().expose(), "hush");
}

#[test]
fn the_environment_takes_precedence() {
    let environment = |name: &str| {
        let value = match name {
            "REFEREE_LISTEN" => "[::1]:80",
            "REFEREE_DATA" => "/srv/data",
            "REFEREE_DATABASE_URL" => "postgres://u:hush@example.org/referee",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let text = "[server]\nlisten = '0.0.0.0:1'\ndata = 'd'\ndatabase = 'sqlite:x.db'";
    let (settings, findings) = parse(text, "referee.toml", Path::new(BASE), &environment);
    assert_eq!(findings, vec![]);
    let settings = settings.unwrap();
    assert_eq!(settings.public_url, "http://[::1]:80");
    assert_eq!(settings.data, Path::new("/srv/data"));
    assert!(settings.database.is_postgres());
    assert!(!format!("{settings:?}").contains("hush"));

    let nonsense = |_: &str| Some("nonsense:hush".to_owned());
    let (_, findings) = parse("", "referee.toml", Path::new(BASE), &nonsense);
    insta::assert_snapshot!(shown_findings(&findings));
}

#[test]
fn addresses_of_databases_and_pages_are_checked() {
    let database = |url: &str| read(&format!("[server]\ndatabase = '{url}'")).0;
    for (url, whole) in [
        ("sqlite:x/y.db", "sqlite:/nowhere/etc/x/y.db"),
        ("sqlite://y.db?mode=rwc", "sqlite:/nowhere/etc/y.db?mode=rwc"),
        ("sqlite:///srv/y.db", "sqlite:/srv/y.db"),
        ("postgresql://example.org/db", "postgresql://example.org/db"),
    ] {
        assert_eq!(database(url).unwrap().database.expose(), whole);
    }
    for url in ["sqlite:", "sqlite::memory:", "mysql://u:hush@h/d", "postgres://", "y.db"] {
        let findings_text = findings_of(&format!("[server]\ndatabase = '{url}'"));
        assert!(findings_text.contains("CFG005") && !findings_text.contains("hush"), "{findings_text}");
    }
    for url in ["example.org", "ftp://example.org", "https://", "https://u:hush@example.org", "http://a b", "http:///x"]
    {
        let findings_text = findings_of(&format!("[server]\npublic-url = '{url}'"));
        assert!(findings_text.contains("CFG005") && !findings_text.contains("hush"), "{findings_text}");
    }
    assert!(findings_of("[server]\nlisten = '0.0.0.0:8030'").contains("Links on pages and commits will not work"));
    assert_eq!(findings_of("[server]\nlisten = '0.0.0.0:8030'\npublic-url = 'https://example.org'"), "");
}

#[test]
fn gpus_are_listed_by_uuid() {
    let gpus = |value: &str| read(&format!("[runner]\ngpus = {value}")).0.map(|s| s.runner.gpus);
    assert_eq!(gpus("0"), Some(Gpus::These(vec![])));
    let one = crate::model::GpuUuid("GPU-1".into());
    assert_eq!(gpus("['GPU-1']"), Some(Gpus::These(vec![one])));
    for bad in ["1", "'all'", "['0']", "true"] {
        assert_eq!(gpus(bad), None, "{bad}");
    }
}

#[test]
fn settings_and_challenges_are_checked_against_each_other() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("referee.toml");
    let write = |rest: &str| {
        let nuclei = examples.join("nuclei");
        fs::write(&file, format!("challenges = ['{}', 'copy']\n{rest}", nuclei.display())).unwrap();
    };
    let copy = folder.path().join("copy");
    let text = fs::read_to_string(examples.join("nuclei/challenge.toml")).unwrap();
    fs::create_dir(&copy).unwrap();
    for part in ["sample", "scorer", "template"] {
        std::os::unix::fs::symlink(examples.join("nuclei").join(part), copy.join(part)).unwrap();
    }
    let other = text.replace("\"nuclei\"", "\"other\"").replace("nuclei/team-*", "other/team-*");
    fs::write(copy.join("challenge.toml"), other.replace("gpus = 0", "gpus = 2")).unwrap();
    write("");
    let Installation { challenges, .. } = read_installation(&file).unwrap();
    assert_eq!(challenges[1].slug.as_str(), "other");

    write("[runner]\ngpus = ['GPU-1']");
    let codes = |findings: Vec<Finding>| findings.iter().map(|f| f.message.clone()).collect::<Vec<_>>();
    assert_eq!(
        codes(read_installation(&file).unwrap_err()),
        ["The task `segmentation` needs 2 GPUs, but the runner has 1."]
    );
    write("[forge.elsewhere]\nkind = 'local'\nroot = 'r'");
    fs::write(copy.join("challenge.toml"), text).unwrap();
    assert_eq!(
        codes(inspect_installation(&file).1),
        [
            "Unknown forge `local`.",
            "Unknown forge `local`.",
            "Two challenges have the slug `nuclei`.",
            "The challenge `nuclei` has the same `teams` pattern.",
        ]
    );
    fs::remove_file(copy.join("challenge.toml")).unwrap();
    write("[server]\nlisten = 1");
    assert_eq!(read_installation(&file).unwrap_err().len(), 1);
    assert_eq!(read_settings(&folder.path().join("none")).unwrap_err().len(), 1);
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        read(&text);
    }

    #[test]
    fn no_damage_panics(at in 0..REFEREE_TOML.len(), with in "[\\[\\]{}=\"'.,#\na0é-]{0,4}") {
        let mut text = all_keys();
        text.insert_str(text.floor_char_boundary(at), &with);
        read(&text);
    }
}
