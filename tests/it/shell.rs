//! `referee check --shell`: a shell in the sandbox of the run.

use std::io::Write as _;
use std::process::Stdio;

use crate::copy;
use crate::world::{BASE, World, examples, submission};

#[test]
fn a_shell_opens_in_the_sandbox_of_a_failed_run() {
    let Some(world) = World::new() else { return };
    let folder = world.path("check/shell");
    copy::files(&submission("nuclei/crashes"), &folder, &["expected.toml"]);
    copy::Copy { path: folder.clone() }.git(&["init", "--quiet"]);
    let mut check = world
        .referee(&["check", "--shell", "--base", BASE, "--challenge"])
        .arg(examples().join("nuclei"))
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = "echo user $(id -u)\nls /input\ntouch /mine 2>&1\n\
                  touch /output/mine && echo written\ncat /proc/net/dev | grep -c eth\n";
    let mut input = check.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = check.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for line in ["user 65534", "tile_01.png", "written", "0"] {
        assert!(message.lines().any(|l| l == line), "{line} in\n{message}");
    }
    assert!(message.contains("Read-only file system"), "{message}");
    assert!(message.contains("Referee opens a shell in the sandbox of the run"), "{message}");
    assert!(world.left_on_engine().is_empty());
}
