//! The Docker Engine: whether it is usable, and the removal of objects that a daemon has left.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::instance::variable;

/// The image that every submission starts from.
const BASE: &str = "referee/python:3.11";

fn docker(arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new("docker").args(arguments).stdin(Stdio::null()).output().map_err(|e| format!("docker: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Whether submissions can run here. Under CI they must.
pub(crate) fn is_usable() -> bool {
    let missing = match docker(&["image", "inspect", BASE]) {
        Ok(_) => return true,
        Err(message) => format!("no image {BASE} (examples/base/build.sh): {}", message.trim()),
    };
    assert!(variable("CI").is_none(), "the tests cannot run: {missing}");
    eprintln!("SKIPPED, nothing is tested: {missing}");
    false
}

/// Removes the objects of the daemon with this data folder, by their label and tags.
pub(crate) fn clear(data: &Path) {
    let Ok(instance) = std::fs::read_to_string(data.join("instance")) else {
        return;
    };
    let filter = format!("label=referee.instance={}", instance.trim());
    let containers = docker(&["ps", "-aq", "--filter", &filter]).unwrap_or_default();
    for id in containers.lines() {
        let _ = docker(&["rm", "-fv", id]);
    }
    let volumes = docker(&["volume", "ls", "-q", "--filter", &filter]).unwrap_or_default();
    for name in volumes.lines() {
        let _ = docker(&["volume", "rm", "-f", name]);
    }
    let tags = docker(&["images", "--format", "{{.Tag}}", "referee/build"]).unwrap_or_default();
    let mine = |tag: &&str| tag.starts_with(&format!("{}.", instance.trim()));
    for tag in tags.lines().filter(mine) {
        let _ = docker(&["rmi", &format!("referee/build:{tag}")]);
    }
}
