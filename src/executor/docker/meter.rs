//! What a build takes of processes, memory and disk.
//!
//! BuildKit takes no limit at all from its callers, but starts every step in one control group
//! (`<parent of the engine>/buildkit/<step>`, moby's `builder-next/executor_unix.go`): that one is made
//! anew for each build, and limited.
//!
//! The classic builder limits neither processes nor disk, and tells an out-of-memory kill from
//! `exit 137` by nothing at all. Where the engine's host is ours to look at, we put each build
//! into a control group of its own and watch the free space of the engine's disk. Where it is
//! not (a remote engine, systemd's driver, no root), this does nothing and [`super::check`] says
//! so; the remedy is an engine of its own for builds, under limits.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;

use super::EngineFacts;
use crate::executor::BuildLimits;

const CGROUPS: &str = "/sys/fs/cgroup";
/// How deep an engine's own group may be below the root.
const GROUPS_DEPTH: usize = 4;

/// What a build ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    /// `None` if the kernel does not tell.
    pub memory_ran_out: Option<bool>,
    pub processes_ran_out: bool,
}

impl Used {
    /// Where there is no control group to ask.
    pub(super) const UNKNOWN: Self = Self {
        memory_ran_out: None,
        processes_ran_out: false,
    };
}

/// A control group around all steps of one build. Removing it needs the steps to be gone.
#[derive(Debug, Clone)]
pub(super) struct Cage {
    /// Its path below the root of every controller.
    name: String,
    root: PathBuf,
    unified: bool,
    /// Keeps other processes from BuildKit's group; the kernel gives it back when the last clone is gone.
    _alone: Option<Arc<fs::File>>,
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
            _alone: None,
        };
        let pids = pids_parent(&cage.root, unified).join(&cage.name);
        match fs::create_dir(&pids) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        fs::write(pids.join("pids.max"), processes.to_string())?;
        Ok(cage)
    }

    /// Makes BuildKit's group (see [`buildkit_steps`]) anew, which sets all its counts to zero, and limits it.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] while another build is in it, of whatever process.
    pub(super) fn around_buildkit(
        group: &str,
        unified: bool,
        limits: &BuildLimits,
    ) -> io::Result<Self> {
        let busy = || {
            let message = format!("another build runs in the control group {group}");
            io::Error::new(io::ErrorKind::ResourceBusy, message)
        };
        let root = PathBuf::from(CGROUPS);
        let above = pids_parent(&root, unified).join(group);
        let above = fs::File::open(above.parent().unwrap_or(&root))?;
        match rustix::fs::flock(&above, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(busy()),
            locked => locked?,
        }
        let cage = Self {
            name: group.to_owned(),
            root,
            unified,
            _alone: Some(Arc::new(above)),
        };
        if !cage.remove() {
            return Err(busy());
        }
        let (memory, quota) = (limits.memory, u64::from(limits.cpu_percent) * 1000);
        let processes = limits.processes.to_string();
        if unified {
            let group = cage.root.join(group);
            delegate(&cage.root, &group)?;
            fs::create_dir_all(&group)?;
            fs::write(group.join("pids.max"), processes)?;
            fs::write(group.join("memory.max"), memory.to_string())?;
            if_there(&group.join("memory.swap.max"), "0")?;
            fs::write(group.join("cpu.max"), format!("{quota} 100000"))?;
            return Ok(cage);
        }
        let of = |controller: &str| {
            let group = cage.root.join(controller).join(group);
            fs::create_dir_all(&group).map(|()| group)
        };
        fs::write(of("pids")?.join("pids.max"), processes)?;
        let memories = of("memory")?;
        fs::write(memories.join("memory.limit_in_bytes"), memory.to_string())?;
        if_there(
            &memories.join("memory.memsw.limit_in_bytes"),
            &memory.to_string(),
        )?;
        let cpu = of("cpu")?;
        fs::write(cpu.join("cpu.cfs_period_us"), "100000")?;
        fs::write(cpu.join("cpu.cfs_quota_us"), quota.to_string())?;
        Ok(cage)
    }

    /// For the builder's parameter `cgroupparent`.
    pub(super) fn parent(&self) -> String {
        format!("/{}", self.name)
    }

    /// What ran out, as far as the kernel tells.
    pub(super) fn used(&self, limits: &BuildLimits) -> Used {
        let count = |path: PathBuf, name: &str| number(&fs::read_to_string(path).ok()?, name);
        let (pids, memory) = match self.unified {
            true => (self.root.join(&self.name), self.root.join(&self.name)),
            false => (
                self.root.join("pids").join(&self.name),
                self.root.join("memory").join(&self.name),
            ),
        };
        // Version 1 counts kills in the step's own group alone, which is gone by now; but the
        // highest use of all steps together stays. Kernels charge in batches, so it may be a
        // little below the limit.
        let memory_ran_out = match self.unified {
            true => count(memory.join("memory.events"), "oom_kill ").map(|kills| kills > 0),
            false => count(memory.join("memory.max_usage_in_bytes"), "")
                .map(|peak| peak >= limits.memory - limits.memory / 20),
        };
        // Kernels before 6.1 do not keep the peak; then a fork bomb is only a failed step.
        let peak = count(pids.join("pids.peak"), "");
        Used {
            memory_ran_out,
            processes_ran_out: peak.is_some_and(|peak| peak >= limits.processes),
        }
    }

    /// Ids of the containers whose steps run now: each has a group of its own below this one.
    pub(super) fn containers(&self) -> Vec<String> {
        let group = pids_parent(&self.root, self.unified).join(&self.name);
        let below = fs::read_dir(group).into_iter().flatten().flatten();
        below
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()))
            .collect()
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

/// Groups in which steps of BuildKit run at this moment, as paths below a controller's root:
/// `docker/buildkit/<step>`, whatever the engine calls its own.
pub(super) fn buildkit_steps(unified: bool) -> BTreeSet<PathBuf> {
    let root = pids_parent(Path::new(CGROUPS), unified);
    let mut steps = BTreeSet::new();
    let mut open = vec![(root.clone(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for below in folders(&folder) {
            match below.file_name() {
                Some(name) if name == "buildkit" => {
                    let relative =
                        |step: PathBuf| step.strip_prefix(&root).map(Path::to_owned).ok();
                    steps.extend(folders(&below).filter_map(relative));
                }
                _ if depth < GROUPS_DEPTH => open.push((below, depth + 1)),
                _ => {}
            }
        }
    }
    steps
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
        .map(|entry| entry.path())
}

/// Lets the groups above this one hand on the controllers that it needs (cgroup-v2.rst,
/// "Top-down Constraint").
fn delegate(root: &Path, group: &Path) -> io::Result<()> {
    let above: Vec<_> = group
        .ancestors()
        .skip(1)
        .take_while(|a| a.starts_with(root))
        .collect();
    for folder in above.into_iter().rev() {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("cgroup.subtree_control"), "+cpu +memory +pids")?;
    }
    Ok(())
}

/// Writes where the kernel has such a file.
fn if_there(file: &Path, text: &str) -> io::Result<()> {
    match file.exists() {
        true => fs::write(file, text),
        false => Ok(()),
    }
}

/// The number after a name at the start of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

fn pids_parent(root: &Path, unified: bool) -> PathBuf {
    if unified {
        root.to_owned()
    } else {
        root.join("pids")
    }
}

/// What is free on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Free {
    pub bytes: u64,
    /// Files that can still be made; `None` where their number has no bound of its own.
    pub files: Option<u64>,
}

/// What is free on the file system that a path is on.
pub(super) fn free(path: &Path) -> io::Result<Free> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(Free {
        bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        files: (stat.f_files > 0).then_some(stat.f_favail),
    })
}
