//! The properties of an engine that decide how a container is created and whether builds can be limited.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use bollard::models::{Runtime, SystemInfo};

/// The engine's own description of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EngineFacts {
    pub version: String,
    /// Version of the kernel.
    pub kernel: String,
    pub architecture: String,
    pub default_runtime: String,
    pub runtimes: BTreeMap<String, RuntimeFacts>,
    /// Security options, such as `name=seccomp,profile=default`.
    pub security: Vec<String>,
    pub cgroup_driver: String,
    pub cgroup_version: String,
    /// Directory of the engine's data, on its own host.
    pub root: PathBuf,
    pub live_restore: bool,
    pub memory_limit: bool,
    pub swap_limit: bool,
    pub pids_limit: bool,
    pub warnings: Vec<String>,
}

/// How the engine starts an OCI runtime. Empty where the engine does not report it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RuntimeFacts {
    pub path: String,
    pub arguments: Vec<String>,
}

impl EngineFacts {
    pub(super) fn has_apparmor(&self) -> bool {
        self.security.iter().any(|o| o.contains("name=apparmor"))
    }

    pub(super) fn has_seccomp(&self) -> bool {
        self.security.iter().any(|o| o.contains("name=seccomp"))
    }

    /// Whether the host uses control groups of version 2, the unified hierarchy.
    pub(super) fn has_unified_cgroups(&self) -> bool {
        self.cgroup_version == "2"
    }
}

impl From<SystemInfo> for EngineFacts {
    fn from(info: SystemInfo) -> Self {
        Self {
            version: info.server_version.unwrap_or_default(),
            kernel: info.kernel_version.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            default_runtime: info.default_runtime.unwrap_or_default(),
            runtimes: runtimes(info.runtimes.unwrap_or_default()),
            security: info.security_options.unwrap_or_default(),
            cgroup_driver: info.cgroup_driver.map_or_else(String::new, |d| d.to_string()),
            cgroup_version: info.cgroup_version.map_or_else(String::new, |v| v.to_string()),
            root: info.docker_root_dir.map(PathBuf::from).unwrap_or_default(),
            live_restore: info.live_restore_enabled.unwrap_or(false),
            memory_limit: info.memory_limit.unwrap_or(false),
            swap_limit: info.swap_limit.unwrap_or(false),
            pids_limit: info.pids_limit.unwrap_or(false),
            warnings: info.warnings.unwrap_or_default(),
        }
    }
}

fn runtimes(reported: HashMap<String, Runtime>) -> BTreeMap<String, RuntimeFacts> {
    let facts = |runtime: Runtime| RuntimeFacts {
        path: runtime.path.unwrap_or_default(),
        arguments: runtime.runtime_args.unwrap_or_default(),
    };
    reported.into_iter().map(|(name, runtime)| (name, facts(runtime))).collect()
}
