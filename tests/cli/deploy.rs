//! What `deploy` holds, against the program and against itself: settings are read, the numbers of the proxy
//! are ours, and the two ways to say the forge's settings say the same. No container and no proxy is started.

use std::collections::BTreeMap;
use std::path::Path;

use referee::model::limits;

use super::program::{Folder, ROOT};

fn text_of(file: &str) -> String {
    let path = Path::new(ROOT).join("deploy").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The settings of the walkthrough are without fault, with the challenge that `referee init` makes and the two
/// changes to it that the walkthrough makes.
#[test]
fn the_settings_of_the_walkthrough_are_right() {
    let folder = Folder::new();
    let ran = folder.referee(&["init", "nuclei"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let challenge =
        std::fs::read_to_string(folder.path("nuclei/challenge/challenge.toml")).unwrap();
    let teams = "teams = \"nuclei/team-*\"\n";
    let more = "organizers = \"nuclei/organizers\"\nleaderboard = \"nuclei/leaderboard\"\n";
    let changed = challenge
        .replace("\nforge = \"local\"\n", "\nforge = \"gitea\"\n")
        .replace(teams, &format!("{teams}{more}"));
    assert!(changed.contains("\"gitea\"") && changed.contains(more));
    folder.write("nuclei/challenge/challenge.toml", &changed);
    folder.write("webhook-secret", &"0123456789abcdef".repeat(4));
    folder.write("token", "0123456789abcdef\n");
    let settings = text_of("referee.toml")
        .replace("/srv/referee/", "")
        .replace("/etc/referee/", "");
    folder.write("referee.toml", &settings);
    let ran = folder.referee(&["config", "check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
}

/// Keys of app.ini as Gitea's images take them from the environment.
fn app_ini() -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut keys = BTreeMap::new();
    for line in text_of("app.ini").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.replace('.', "_0X2E_");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with(';'))
        {
            keys.insert(format!("GITEA__{section}__{key}"), value.to_owned());
        }
    }
    keys
}

#[test]
fn containers_and_packages_get_the_same_forge() {
    let keys = app_ini();
    assert!(keys.len() > 8, "{keys:?}");
    let compose = text_of("compose.yaml");
    // Where it listens and where the daemon is differ by nature.
    let differ = [
        "GITEA__server__HTTP_ADDR",
        "GITEA__webhook__ALLOWED_HOST_LIST",
    ];
    for (key, value) in keys
        .iter()
        .filter(|(key, _)| !differ.contains(&key.as_str()))
    {
        let line = compose
            .lines()
            .find_map(|l| l.trim().strip_prefix(key.as_str())?.strip_prefix(": "));
        let said = line.unwrap_or_else(|| panic!("compose.yaml lacks {key}"));
        assert_eq!(said.trim_matches('"'), value, "{key}");
    }
}

#[test]
fn files_that_containers_mount_from_here_exist() {
    let compose = text_of("compose.yaml");
    let mounted = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ./"));
    let files: Vec<_> = mounted.filter_map(|rest| rest.split(':').next()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!text_of(file).is_empty(), "{file}");
    }
}

/// The engine is told paths of its host: what jobs mount must have one path inside and outside.
#[test]
fn what_jobs_mount_has_one_path() {
    let compose = text_of("compose.yaml");
    let lines = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- /srv/referee/"));
    let shared: Vec<_> = lines.filter(|rest| rest.contains(":/srv")).collect();
    assert_eq!(shared.len(), 2, "{shared:?}");
    for rest in shared {
        let mut parts = rest.split(':');
        let outside = parts.next().map(|path| format!("/srv/referee/{path}"));
        assert_eq!(outside.as_deref(), parts.next(), "{rest}");
    }
}

#[test]
fn the_proxy_lets_through_what_the_daemon_takes() {
    let site = text_of("nginx/referee.conf");
    let hooks = site
        .split("location /hooks/")
        .nth(1)
        .and_then(|rest| rest.split("\n    }").next());
    let mebibytes = limits::DELIVERY_BYTES_MAX / (1024 * 1024);
    assert!(
        hooks
            .unwrap()
            .contains(&format!("client_max_body_size {mebibytes}m;")),
        "{site}"
    );
    for locations in ["nginx/places-native.conf", "nginx/places-compose.conf"] {
        let locations = text_of(locations);
        for name in ["upstream referee ", "upstream forge ", "geo $from_forge "] {
            assert!(locations.contains(name), "{name}");
        }
    }
}
