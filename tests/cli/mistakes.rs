//! Messages about failed calls: the problem, and how to fix it. Exit code 1 is a negative result, exit code 2 an error.

use super::program::{Folder, ROOT};

#[test]
fn wrong_calls_get_a_message_that_helps() {
    let folder = Folder::new();
    for (name, arguments, code) in [
        ("nothing", &[][..], 2),
        ("unknown-command", &["bord"], 2),
        ("unknown-flag", &["board", "--formt", "csv"], 2),
        ("unknown-value", &["board", "--format", "jsn"], 2),
        ("missing-argument", &["init"], 2),
        ("unknown-rule", &["rules", "DF999"], 2),
        ("unknown-challenge", &["check"], 2),
        ("unknown-file", &["config", "check", "nowhere"], 1),
        ("no-settings", &["board"], 2),
        ("no-settings-for-doctor", &["doctor"], 1),
        ("no-delivery", &["replay", "push-update"], 2),
    ] {
        let ran = folder.referee(arguments);
        assert_eq!(ran.code, Some(code), "{name}: {ran:?}");
        insta::assert_snapshot!(format!("mistake-{name}"), ran.shown());
    }
}

/// An address without a listener: bound once, and free again.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn replay_reports_a_missing_daemon() {
    let folder = Folder::new();
    let address = free_address();
    let delivery = format!("{ROOT}/webhook-fixtures/gitea-1.27-dev/push-update");
    let to = format!("http://{address}/hooks/gitea");
    let ran = folder.referee(&["replay", &delivery, "--to", &to]);
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.shown().replace(&address, "[ADDRESS]"));
}

/// The leaderboard is read from the database. It needs neither a daemon nor a push.
#[test]
fn the_leaderboard_needs_no_daemon() {
    let folder = Folder::new();
    assert_eq!(folder.referee(&["init", "new"]).code, Some(0));
    let board = |arguments: &[&str]| {
        let config = ["board", "--config", "new/referee.toml"];
        folder.referee(&[&config, arguments].concat())
    };
    std::fs::create_dir_all(folder.path("new/data")).unwrap();
    let all = board(&[]);
    assert_eq!(all.code, Some(0), "{all:?}");
    insta::assert_snapshot!("board-empty", all.shown());
    let other = board(&["nucleus"]);
    assert_eq!(other.code, Some(2));
    insta::assert_snapshot!("board-unknown", other.shown());
}

/// All problems are reported, each with its fix. The version of git differs between machines, so its line is left out.
#[test]
fn doctor_reports_observation_expectation_and_fix() {
    let folder = Folder::new();
    assert_eq!(folder.referee(&["init", "new"]).code, Some(0));
    std::fs::remove_dir_all(folder.path("new/challenge/data/test/segmentation/inputs")).unwrap();
    let settings = std::fs::read_to_string(folder.path("new/referee.toml")).unwrap();
    let engine = "\n[engine]\nsocket = \"unix:///nowhere/docker.sock\"\n";
    folder.write("new/referee.toml", &(settings + engine));
    let mut ran = folder.referee(&["doctor", "--config", "new/referee.toml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let lines = ran.stdout.lines().filter(|line| !line.contains(" git: "));
    ran.stdout = lines.map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!("doctor", ran.shown());
}
