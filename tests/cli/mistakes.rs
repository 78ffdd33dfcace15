//! What is said when a call goes wrong: what, and what to do. Exit code 2 says that the question
//! could not be answered, 1 that the answer is no.

use super::program::{Folder, ROOT};

#[test]
fn calls_that_are_wrong_are_set_right() {
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

/// An address at which nobody listens: bound once, and free again.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn replay_without_a_daemon_says_so() {
    let folder = Folder::new();
    let address = nobody();
    let delivery = format!("{ROOT}/webhook-fixtures/gitea-1.27-dev/push-update");
    let to = format!("http://{address}/hooks/gitea");
    let ran = folder.referee(&["replay", &delivery, "--to", &to]);
    assert_eq!(ran.code, Some(2));
    insta::assert_snapshot!(ran.shown().replace(&address, "[ADDRESS]"));
}

/// The board is read from the database: it needs no daemon, and nothing that has been pushed.
#[test]
fn the_board_needs_no_daemon() {
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

/// Nothing is hidden behind the first thing that is wrong, and each comes with its remedy. The
/// version of git is this machine's, so its line is left out.
#[test]
fn doctor_says_what_was_seen_expected_and_to_do() {
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
