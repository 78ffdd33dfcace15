//! Compares the objects on the engine and on this machine before and after: nothing may be left.
//!
//! Other programs may use the same engine at the same time, so the comparison waits until their objects are gone. An
//! unnamed image counts as ours if our builds printed its id or the id of its parent, or if it has no parent, as a
//! loaded image.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{BASE, docker};

/// How long objects of other programs on the same engine may exist.
const PATIENCE: Duration = Duration::from_secs(60);

/// The names of all objects that a row could leave behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Left(BTreeSet<String>);

fn lines(kind: &str, arguments: &[&str]) -> Vec<String> {
    let text = docker(arguments).unwrap();
    text.lines().map(|line| format!("{kind} {line}")).collect()
}

fn entries(kind: &str, folder: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .filter(|path| is_wanted(path))
        .map(|path| format!("{kind} {path}"))
        .collect()
}

impl Left {
    /// All objects that exist now.
    pub(crate) fn now() -> Self {
        let mut all = BTreeSet::new();
        let id = "{{.ID}}";
        all.extend(lines("network", &["network", "ls", "--format", id]));
        let unnamed = ["images", "--filter", "dangling=true", "--format", id];
        all.extend(lines("image", &unnamed));
        let unnamed = ["volume", "ls", "--filter", "dangling=true", "--format", "{{.Name}}"];
        all.extend(lines("volume", &unnamed));
        all.extend(entries("loop device", "/sys/block", |path| Path::new(path).join("loop/backing_file").exists()));
        Self(all)
    }

    /// Our objects that exist now and did not exist before. It waits up to `PATIENCE` until there are none.
    pub(crate) fn since(&self, printed: &BTreeSet<String>) -> Vec<String> {
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
    // An error means that the image was removed meanwhile.
    let Ok(parent) = parent(id) else {
        return false;
    };
    match parent.trim().strip_prefix("sha256:") {
        Some(parent) => printed.contains(id) || printed.contains(&parent[..12]),
        None => true,
    }
}

/// The ids of images that builds printed. The base image, which all builds share, is left out.
pub(crate) fn image_ids(logs: impl Iterator<Item = String>) -> BTreeSet<String> {
    let base = docker(&["image", "inspect", "--format", "{{.Id}}", BASE]).unwrap();
    let mut printed = BTreeSet::new();
    for log in logs {
        let ids = log.lines().filter_map(|line| line.strip_prefix(" ---> "));
        let ids = ids.map(|id| id.trim().to_owned());
        printed.extend(ids.filter(|id| id.len() == 12 && !base.contains(id.as_str())));
    }
    printed
}

/// The objects that an instance has left outside its engine: control groups of builds, files of ended attempts,
/// temporary files, and processes.
pub(crate) fn of_instance(instance: &str, pid: u32, folders: &[&Path]) -> Vec<String> {
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
    left.extend(children(pid).into_iter().map(|child| format!("process {child}")));
    left
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<String> {
    let processes = entries("", "/proc", |path| path["/proc/".len()..].parse::<u32>().is_ok());
    let parent = |path: &str| -> Option<u32> {
        let stat = std::fs::read_to_string(Path::new(path).join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1)?.parse().ok()
    };
    processes.into_iter().filter(|process| parent(process.trim()) == Some(pid)).collect()
}

/// The current and the greatest memory of a process in bytes.
pub(crate) fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kibibytes = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        let number = line.split_whitespace().nth(1).unwrap();
        number.parse::<u64>().unwrap() * 1024
    };
    (kibibytes("VmRSS:"), kibibytes("VmHWM:"))
}
