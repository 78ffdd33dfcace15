//! What a build takes of processes, memory and disk.
//!
//! The classic builder limits neither processes nor disk, and tells an out-of-memory kill from
//! `exit 137` by nothing at all. Where the engine's host is ours to look at, we put each build
//! into a control group of its own and watch the free space of the engine's disk. Where it is
//! not (a remote engine, systemd's driver, no root), this does nothing and [`super::check`] says
//! so; the remedy is an engine of its own for builds, under limits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::EngineFacts;

const CGROUPS: &str = "/sys/fs/cgroup";

/// A control group around all steps of one build. Removing it needs the steps to be gone.
#[derive(Debug)]
pub(super) struct Cage {
    name: String,
    root: PathBuf,
    unified: bool,
}

impl Cage {
    /// Whether cages can be made here: the engine names groups by path, and the file system of
    /// groups is the host's and writable.
    pub(super) fn possible(engine: &EngineFacts, local: bool) -> std::result::Result<(), String> {
        if !local {
            return Err("the engine is on another host".to_owned());
        }
        if engine.cgroup_driver != "cgroupfs" {
            return Err(format!(
                "the engine's cgroup driver is {}",
                engine.cgroup_driver
            ));
        }
        let parent = pids_parent(Path::new(CGROUPS), engine.cgroup_version == "2");
        let probe = parent.join("referee-probe");
        let made = fs::create_dir(&probe);
        let removed = fs::remove_dir(&probe);
        match made.and(removed) {
            Ok(()) => Ok(()),
            Err(e) => Err(format!("{}: {e}", parent.display())),
        }
    }

    /// Makes the group and limits its processes.
    pub(super) fn new(name: &str, unified: bool, processes: u64) -> io::Result<Self> {
        let cage = Self {
            name: format!("referee-build-{name}"),
            root: PathBuf::from(CGROUPS),
            unified,
        };
        let pids = pids_parent(&cage.root, unified).join(&cage.name);
        match fs::create_dir(&pids) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        fs::write(pids.join("pids.max"), processes.to_string())?;
        Ok(cage)
    }

    /// For the builder's parameter `cgroupparent`.
    pub(super) fn parent(&self) -> String {
        format!("/{}", self.name)
    }

    /// Whether a step was killed for want of memory, or used as much as it was allowed; `None`
    /// if the kernel does not tell.
    pub(super) fn memory_ran_out(&self, limit: u64) -> Option<bool> {
        if self.unified {
            let events =
                fs::read_to_string(self.root.join(&self.name).join("memory.events")).ok()?;
            let kills = events.lines().find_map(|l| l.strip_prefix("oom_kill "))?;
            return Some(kills.trim() != "0");
        }
        // Version 1 counts kills in the step's own group alone, which is gone by now; but the
        // highest use of all steps together stays. Kernels charge in batches, so it may be a
        // little below the limit.
        let peak = self.root.join("memory").join(&self.name);
        let peak = fs::read_to_string(peak.join("memory.max_usage_in_bytes")).ok()?;
        Some(peak.trim().parse::<u64>().ok()? >= limit - limit / 20)
    }

    /// Removes the group everywhere; false while a step is still in it.
    pub(super) fn remove(&self) -> bool {
        let mut places = vec![self.root.join(&self.name)];
        let controllers = fs::read_dir(&self.root).into_iter().flatten().flatten();
        places.extend(controllers.map(|c| c.path().join(&self.name)));
        let mut gone = true;
        for place in places {
            if let Err(e) = fs::remove_dir(place) {
                let absent = matches!(
                    e.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                );
                gone &= absent;
            }
        }
        gone
    }
}

fn pids_parent(root: &Path, unified: bool) -> PathBuf {
    if unified {
        root.to_owned()
    } else {
        root.join("pids")
    }
}

/// Free bytes of the file system that a path is on.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
