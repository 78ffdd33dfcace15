//! The files in `deploy`, compared with the program and with each other: the settings are valid, the limits of the
//! proxy are those of Referee, and both forms of the forge's settings agree. No container and no proxy is started.

use std::collections::BTreeMap;
use std::path::Path;

use referee::model::limits;

use super::program::{Folder, ROOT};

fn text_of(file: &str) -> String {
    let path = Path::new(ROOT).join("deploy").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The settings are valid, with the challenge of `referee init` and the two changes to it in the walkthrough.
#[test]
fn the_settings_of_the_walkthrough_are_valid() {
    let folder = Folder::new();
    let ran = folder.referee(&["init", "nuclei"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let challenge = std::fs::read_to_string(folder.path("nuclei/challenge/challenge.toml")).unwrap();
    let teams = "teams = \"nuclei/team-*\"\n";
    let more = "organizers = \"nuclei/organizers\"\nleaderboard = \"nuclei/leaderboard\"\n";
    let changed =
        challenge.replace("\nforge = \"local\"\n", "\nforge = \"gitea\"\n").replace(teams, &format!("{teams}{more}"));
    assert!(changed.contains("\"gitea\"") && changed.contains(more));
    folder.write("nuclei/challenge/challenge.toml", &changed);
    folder.write("webhook-secret", &"0123456789abcdef".repeat(4));
    folder.write("token", "0123456789abcdef\n");
    let settings = text_of("referee.toml").replace("/srv/referee/", "").replace("/etc/referee/", "");
    folder.write("referee.toml", &settings);
    let ran = folder.referee(&["config", "check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
}

/// Keys of app.ini, in the form of environment variables for Gitea's images.
fn app_ini() -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut keys = BTreeMap::new();
    for line in text_of("app.ini").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.replace('.', "_0X2E_");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with(';')) {
            keys.insert(format!("GITEA__{section}__{key}"), value.to_owned());
        }
    }
    keys
}

#[test]
fn compose_and_app_ini_configure_the_forge_alike() {
    let keys = app_ini();
    assert!(keys.len() > 8, "{keys:?}");
    let compose = text_of("compose.yaml");
    // The addresses of the forge and of the daemon differ.
    let differ = ["GITEA__server__HTTP_ADDR", "GITEA__webhook__ALLOWED_HOST_LIST"];
    for (key, value) in keys.iter().filter(|(key, _)| !differ.contains(&key.as_str())) {
        let line = compose.lines().find_map(|l| l.trim().strip_prefix(key.as_str())?.strip_prefix(": "));
        let found = line.unwrap_or_else(|| panic!("compose.yaml lacks {key}"));
        assert_eq!(found.trim_matches('"'), value, "{key}");
    }
}

#[test]
fn mounted_files_exist() {
    let compose = text_of("compose.yaml");
    let mounted = compose.lines().filter_map(|line| line.trim().strip_prefix("- ./"));
    let files: Vec<_> = mounted.filter_map(|rest| rest.split(':').next()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!text_of(file).is_empty(), "{file}");
    }
}

/// The engine mounts paths of its host into jobs, so these paths must be the same inside and outside of the container.
#[test]
fn paths_that_jobs_mount_are_the_same_inside_and_outside() {
    let compose = text_of("compose.yaml");
    let lines = compose.lines().filter_map(|line| line.trim().strip_prefix("- /srv/referee/"));
    let shared: Vec<_> = lines.filter(|rest| rest.contains(":/srv")).collect();
    assert_eq!(shared.len(), 2, "{shared:?}");
    for rest in shared {
        let mut parts = rest.split(':');
        let outside = parts.next().map(|path| format!("/srv/referee/{path}"));
        assert_eq!(outside.as_deref(), parts.next(), "{rest}");
    }
}

#[test]
fn the_proxy_accepts_deliveries_up_to_the_limit_of_the_daemon() {
    let site = text_of("nginx/referee.conf");
    let hooks = site.split("location /hooks/").nth(1).and_then(|rest| rest.split("\n    }").next());
    let mebibytes = limits::DELIVERY_BYTES_MAX / (1024 * 1024);
    assert!(hooks.unwrap().contains(&format!("client_max_body_size {mebibytes}m;")), "{site}");
    for file in ["nginx/addresses-native.conf", "nginx/addresses-compose.conf"] {
        let addresses = text_of(file);
        for name in ["upstream referee ", "upstream forge ", "geo $from_forge "] {
            assert!(addresses.contains(name), "{file}: {name}");
        }
    }
}
