//! What is on the engine and on this machine, before and after: nothing may be left.
//!
//! Others may use the same engine at the same time. What they make and remove meanwhile is waited for, and
//! an image without a name is ours if our builds printed it or what it was made from, or if it was made
//! from nothing, as what was loaded is.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{BASE, docker};

/// What others make on the same engine is gone by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Things by name, those that a case could leave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left(BTreeSet<String>);

fn lines(kind: &str, arguments: &[&str]) -> Vec<String> {
    let text = docker(arguments).unwrap();
    text.lines().map(|line| format!("{kind} {line}")).collect()
}

fn entries(kind: &str, folder: &str, is_it: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .filter(|path| is_it(path))
        .map(|path| format!("{kind} {path}"))
        .collect()
}

impl Left {
    /// All that there is now.
    pub fn now() -> Self {
        let mut all = BTreeSet::new();
        let id = "{{.ID}}";
        all.extend(lines("network", &["network", "ls", "--format", id]));
        let unnamed = ["images", "--filter", "dangling=true", "--format", id];
        all.extend(lines("image", &unnamed));
        let unnamed = [
            "volume",
            "ls",
            "--filter",
            "dangling=true",
            "--format",
            "{{.Name}}",
        ];
        all.extend(lines("volume", &unnamed));
        all.extend(entries("loop device", "/sys/block", |path| {
            Path::new(path).join("loop/backing_file").exists()
        }));
        Self(all)
    }

    /// What is there now, was not before and is ours, whose builds have printed these ids; looked at until
    /// it is nothing, or for a while.
    pub fn since(&self, printed: &BTreeSet<String>) -> Vec<String> {
        let started = Instant::now();
        loop {
            let mut new: Vec<String> = Self::now().0.difference(&self.0).cloned().collect();
            new.retain(|left| match left.strip_prefix("image ") {
                Some(id) => is_ours(id, printed),
                None => true,
            });
            if new.is_empty() || started.elapsed() > PATIENCE {
                return new;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn is_ours(id: &str, printed: &BTreeSet<String>) -> bool {
    let parent = |id: &str| docker(&["image", "inspect", "--format", "{{.Parent}}", id]);
    // Gone meanwhile: nothing is left of it.
    let Ok(parent) = parent(id) else {
        return false;
    };
    match parent.trim().strip_prefix("sha256:") {
        Some(parent) => printed.contains(id) || printed.contains(&parent[..12]),
        None => true,
    }
}

/// The ids of images that builds printed, but for that of the base image, which all have in common.
pub fn printed(logs: impl Iterator<Item = String>) -> BTreeSet<String> {
    let base = docker(&["image", "inspect", "--format", "{{.Id}}", BASE]).unwrap();
    let mut printed = BTreeSet::new();
    for log in logs {
        let ids = log.lines().filter_map(|line| line.strip_prefix(" ---> "));
        let ids = ids.map(|id| id.trim().to_owned());
        printed.extend(ids.filter(|id| id.len() == 12 && !base.contains(id.as_str())));
    }
    printed
}

/// What an instance left elsewhere than on its engine: control groups of builds, files of work that
/// has ended, temporary files, processes.
pub fn of_instance(instance: &str, pid: u32, folders: &[&Path]) -> Vec<String> {
    let mut left = Vec::new();
    let is_ours = |path: &str| path.contains(&format!("referee-build-{instance}"));
    left.extend(entries("control group", "/sys/fs/cgroup", is_ours));
    let controllers = entries("", "/sys/fs/cgroup", |path| Path::new(path).is_dir());
    for controller in controllers {
        left.extend(entries("control group", controller.trim(), is_ours));
    }
    for folder in folders {
        left.extend(entries("file", &folder.display().to_string(), |_| true));
    }
    left.extend(
        children(pid)
            .into_iter()
            .map(|child| format!("process {child}")),
    );
    left
}

/// Processes that one has started.
fn children(pid: u32) -> Vec<String> {
    let processes = entries("", "/proc", |path| {
        path["/proc/".len()..].parse::<u32>().is_ok()
    });
    let parent = |path: &str| -> Option<u32> {
        let stat = std::fs::read_to_string(Path::new(path).join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1)?.parse().ok()
    };
    processes
        .into_iter()
        .filter(|process| parent(process.trim()) == Some(pid))
        .collect()
}

/// Bytes of memory that a process has, and the most that it ever had.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kibibytes = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        let number = line.split_whitespace().nth(1).unwrap();
        number.parse::<u64>().unwrap() * 1024
    };
    (kibibytes("VmRSS:"), kibibytes("VmHWM:"))
}
