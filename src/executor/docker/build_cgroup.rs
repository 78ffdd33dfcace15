//! A control group around all steps of a build. It limits their processes, and it counts the resources that ran out.
//!
//! The classic builder limits neither processes nor disk, and it reports an out-of-memory kill like `exit 137`. So each
//! of its builds gets a control group of its own. BuildKit accepts no limits from its callers, but starts every step in
//! one control group (`<parent of the engine>/buildkit/<step>`, moby's `builder-next/executor_unix.go`). Referee
//! creates that one again for each build, with limits.
//!
//! This needs root on the engine's host, and an engine that names groups by path. Elsewhere no group is made, and
//! [`super::self_test`] reports it. The help is then an engine of its own for builds, started under limits.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;

use super::facts::EngineFacts;
use crate::executor::BuildLimits;

const CGROUPS: &str = "/sys/fs/cgroup";
/// The depth below the root at which an engine's own group may be.
const GROUPS_DEPTH: usize = 4;
/// Microseconds of the period that a quota of CPU time belongs to.
pub(super) const CPU_PERIOD: u64 = 100_000;

/// The resources that a build ran out of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Exhausted {
    /// `None` if the kernel does not report it.
    pub memory: Option<bool>,
    pub processes: bool,
}

/// A control group around all steps of one build. It can be removed only when the steps are gone.
#[derive(Debug, Clone)]
pub(super) struct BuildCgroup {
    /// Its path below the root of every controller.
    name: String,
    root: PathBuf,
    unified: bool,
    /// Keeps other processes out of BuildKit's group. The kernel releases the lock with the last clone.
    _lock: Option<Arc<fs::File>>,
}

impl BuildCgroup {
    /// Whether groups can be made here: the engine names groups by path, and the file system of groups is the host's
    /// and writable. The error is the reason.
    pub(super) fn is_possible(engine: &EngineFacts, local: bool) -> std::result::Result<(), String> {
        if !local {
            return Err("the engine is on another host".to_owned());
        }
        if engine.cgroup_driver != "cgroupfs" {
            return Err(format!("the engine's cgroup driver is {}", engine.cgroup_driver));
        }
        let parent = pids_root(Path::new(CGROUPS), engine.has_unified_cgroups());
        let probe = parent.join("referee-probe");
        let made = fs::create_dir(&probe);
        let removed = fs::remove_dir(&probe);
        made.and(removed).map_err(|e| format!("{}: {e}", parent.display()))
    }

    /// Makes a group for a build by the classic builder, and limits its processes.
    pub(super) fn for_classic_build(name: &str, unified: bool, processes: u64) -> io::Result<Self> {
        let cgroup = Self { name: format!("referee-build-{name}"), root: PathBuf::from(CGROUPS), unified, _lock: None };
        let pids = pids_root(&cgroup.root, unified).join(&cgroup.name);
        match fs::create_dir(&pids) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        fs::write(pids.join("pids.max"), processes.to_string())?;
        Ok(cgroup)
    }

    /// Removes BuildKit's group (see [`buildkit_steps`]) and makes it again, which sets its counts to zero. Then limits
    /// it.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] while a build of any process is in it.
    pub(super) fn for_buildkit(group: &str, unified: bool, limits: &BuildLimits) -> io::Result<Self> {
        let busy = || {
            let message = format!("another build runs in the control group {group}");
            io::Error::new(io::ErrorKind::ResourceBusy, message)
        };
        let root = PathBuf::from(CGROUPS);
        let above = pids_root(&root, unified).join(group);
        let above = fs::File::open(above.parent().unwrap_or(&root))?;
        match rustix::fs::flock(&above, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(busy()),
            locked => locked?,
        }
        let cgroup = Self { name: group.to_owned(), root, unified, _lock: Some(Arc::new(above)) };
        if !cgroup.remove() {
            return Err(busy());
        }
        if unified {
            cgroup.limit_unified(limits)?;
        } else {
            cgroup.limit_by_controller(limits)?;
        }
        Ok(cgroup)
    }

    fn limit_unified(&self, limits: &BuildLimits) -> io::Result<()> {
        let group = self.root.join(&self.name);
        delegate(&self.root, &group)?;
        fs::create_dir_all(&group)?;
        fs::write(group.join("pids.max"), limits.processes.to_string())?;
        fs::write(group.join("memory.max"), limits.memory.to_string())?;
        write_if_exists(&group.join("memory.swap.max"), "0")?;
        fs::write(group.join("cpu.max"), format!("{} {CPU_PERIOD}", cpu_quota(limits)))
    }

    fn limit_by_controller(&self, limits: &BuildLimits) -> io::Result<()> {
        let group_of = |controller: &str| {
            let group = self.root.join(controller).join(&self.name);
            fs::create_dir_all(&group).map(|()| group)
        };
        let memory = limits.memory.to_string();
        let group = group_of("pids")?;
        fs::write(group.join("pids.max"), limits.processes.to_string())?;
        let group = group_of("memory")?;
        fs::write(group.join("memory.limit_in_bytes"), &memory)?;
        write_if_exists(&group.join("memory.memsw.limit_in_bytes"), &memory)?;
        let group = group_of("cpu")?;
        fs::write(group.join("cpu.cfs_period_us"), CPU_PERIOD.to_string())?;
        fs::write(group.join("cpu.cfs_quota_us"), cpu_quota(limits).to_string())
    }

    /// The value of the builder's parameter `cgroupparent`.
    pub(super) fn parent(&self) -> String {
        format!("/{}", self.name)
    }

    /// The resources that ran out, as far as the kernel reports it.
    pub(super) fn exhausted(&self, limits: &BuildLimits) -> Exhausted {
        let count = |path: PathBuf, name: &str| number_after(&fs::read_to_string(path).ok()?, name);
        let group_of = |controller: &str| {
            let root = if self.unified { self.root.clone() } else { self.root.join(controller) };
            root.join(&self.name)
        };
        let (pids, memory) = (group_of("pids"), group_of("memory"));
        // Version 1 counts kills only in the step's own group, which no longer exists. But it keeps the peak of all
        // steps together. Kernels charge in batches, so the peak may be a little below the limit.
        let memory = if self.unified {
            count(memory.join("memory.events"), "oom_kill ").map(|kills| kills > 0)
        } else {
            count(memory.join("memory.max_usage_in_bytes"), "").map(|peak| peak >= limits.memory - limits.memory / 20)
        };
        // Kernels before 6.1 do not keep the peak. There a fork bomb is only a failed step.
        let peak = count(pids.join("pids.peak"), "");
        Exhausted { memory, processes: peak.is_some_and(|peak| peak >= limits.processes) }
    }

    /// Ids of the containers whose steps run now. Each has a group of its own below this one.
    pub(super) fn containers(&self) -> Vec<String> {
        let group = pids_root(&self.root, self.unified).join(&self.name);
        let below = fs::read_dir(group).into_iter().flatten().flatten();
        below
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()))
            .collect()
    }

    /// Removes the group from every controller. Returns false while a step is still in it.
    pub(super) fn remove(&self) -> bool {
        let controllers = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let mut groups = vec![self.root.join(&self.name)];
        groups.extend(controllers.map(|c| c.path().join(&self.name)));
        let mut removed = true;
        for group in groups {
            if let Err(e) = fs::remove_dir(group) {
                removed &= matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
            }
        }
        removed
    }
}

/// Microseconds of CPU time of all steps in each period.
pub(super) fn cpu_quota(limits: &BuildLimits) -> u64 {
    u64::from(limits.cpu_percent) * CPU_PERIOD / 100
}

/// The groups in which steps of BuildKit run now, as paths below the root of a controller: `docker/buildkit/<step>`,
/// whatever the engine calls its own group.
pub(super) fn buildkit_steps(unified: bool) -> BTreeSet<PathBuf> {
    let root = pids_root(Path::new(CGROUPS), unified);
    let mut steps = BTreeSet::new();
    let mut open = vec![(root.clone(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for below in subfolders(&folder) {
            match below.file_name() {
                Some(name) if name == "buildkit" => {
                    let relative = |step: PathBuf| step.strip_prefix(&root).map(Path::to_owned).ok();
                    steps.extend(subfolders(&below).filter_map(relative));
                }
                _ if depth < GROUPS_DEPTH => open.push((below, depth + 1)),
                _ => {}
            }
        }
    }
    steps
}

fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir())).map(|entry| entry.path())
}

/// Lets the groups above this one pass on the controllers that it needs (cgroup-v2.rst, "Top-down Constraint").
fn delegate(root: &Path, group: &Path) -> io::Result<()> {
    let above: Vec<_> = group.ancestors().skip(1).take_while(|a| a.starts_with(root)).collect();
    for folder in above.into_iter().rev() {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("cgroup.subtree_control"), "+cpu +memory +pids")?;
    }
    Ok(())
}

/// Writes a file of the kernel, unless this kernel does not have it.
fn write_if_exists(file: &Path, text: &str) -> io::Result<()> {
    if file.exists() { fs::write(file, text) } else { Ok(()) }
}

/// The number behind a name at the start of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

fn pids_root(root: &Path, unified: bool) -> PathBuf {
    if unified { root.to_owned() } else { root.join("pids") }
}
