//! Whether all this really holds on this engine: what it says of itself, and canaries that run
//! into limits on purpose, in the same sandbox as everybody's jobs.
//!
//! It changes nothing, and leaves nothing behind but the image of our own programs. A flaw always
//! comes with what was expected and with its remedy.
//!
//! | file | what it knows |
//! |---|---|
//! | `versions` | versions and their floors; pure |
//! | `host` | what programs on the engine's host answer |
//! | `canaries` | programs of ours that try limits and doors |

mod canaries;
mod host;
mod versions;

use super::{DockerEngine, EngineFacts, meter};
use crate::executor::{Check, Look, Result, Weight};

const BUILD_LIMITS: &str = "limits of builds";

impl DockerEngine {
    pub(super) async fn self_test(&self, looks: &[Look]) -> Result<Vec<Check>> {
        let facts = self.ask_facts().await?;
        let mut checks = Vec::new();
        if looks.contains(&Look::Engine) {
            checks.extend(self.versions(&facts).await?);
            checks.extend(said_by_engine(&facts));
        }
        if looks.contains(&Look::Gpus) {
            checks.push(self.toolkit(&facts).await);
        }
        if looks.contains(&Look::Builds) {
            checks.push(self.build_limits(&facts));
            checks.push(self.doors_of_builds().await?);
        }
        if looks.contains(&Look::Jobs) {
            let (of_runtime, possible) = self.runtime(&facts).await;
            checks.extend(of_runtime);
            if possible {
                checks.extend(self.canaries(&facts).await?);
            }
        }
        Ok(checks)
    }

    async fn versions(&self, facts: &EngineFacts) -> Result<Vec<Check>> {
        let told = self
            .call("version", |docker| async move { docker.version().await })
            .await??;
        let components = told.components.unwrap_or_default();
        let named = |name: &str| {
            let same =
                |c: &&bollard::models::SystemVersionComponents| c.name.eq_ignore_ascii_case(name);
            components.iter().find(same)
        };
        let runc = named("runc").map_or_else(
            || versions::runc("", ""),
            |runc| {
                let details = runc.details.as_ref().and_then(|d| d.get("GitCommit"));
                let details = details.map_or("", String::as_str);
                versions::runc(&runc.version, details)
            },
        );
        Ok(vec![
            versions::engine(&facts.version),
            runc,
            versions::buildkit(named("buildkit").map(|b| b.version.as_str())),
            versions::kernel(&facts.kernel, &self.kernel_build(facts)),
        ])
    }

    /// What the kernel says of its build; nothing where it is another host's.
    fn kernel_build(&self, facts: &EngineFacts) -> String {
        match self.is_local(facts) {
            true => std::fs::read_to_string("/proc/sys/kernel/version").unwrap_or_default(),
            false => String::new(),
        }
    }

    fn build_limits(&self, facts: &EngineFacts) -> Check {
        match meter::Cage::possible(facts, self.is_local(facts)) {
            Ok(()) => Check::fine(BUILD_LIMITS, "each build has a control group of its own"),
            Err(why) => Check::fine(BUILD_LIMITS, format!("memory and CPU alone; {why}")).flawed(
                Weight::Warning,
                "processes and disk are limited as well",
                "Give builds an engine of their own (`[builder] socket`), started with \
                 `--cgroup-parent` under a limit of processes and with a data root of limited size.",
            ),
        }
    }
}

fn said_by_engine(facts: &EngineFacts) -> Vec<Check> {
    let said = |what: &str, good: bool, [yes, no]: [&str; 2], flaw: (Weight, &str, &str)| {
        let (weight, expected, remedy) = flaw;
        match good {
            true => Check::fine(what, yes),
            false => Check::fine(what, no).flawed(weight, expected, remedy),
        }
    };
    let limits = facts.memory_limit && facts.swap_limit && facts.pids_limit;
    let warnings = match facts.warnings.is_empty() {
        true => "not all of them".to_owned(),
        false => facts.warnings.join("; "),
    };
    vec![
        said(
            "restart of the engine",
            facts.live_restore,
            ["jobs survive it: live-restore is on", "it ends all jobs"],
            (
                Weight::Warning,
                "jobs survive it",
                "Set \"live-restore\": true in the engine's daemon.json. Without it the jobs of \
                 that moment are run again.",
            ),
        ),
        said(
            "system calls",
            facts.has_seccomp(),
            ["filtered by seccomp, with a profile of ours", "no seccomp"],
            (
                Weight::Bad,
                "the kernel filters them",
                "Use a kernel with CONFIG_SECCOMP_FILTER and an engine that is built with seccomp.",
            ),
        ),
        said(
            "AppArmor",
            facts.has_apparmor(),
            [
                "on, with the engine's profile docker-default",
                "off, or not in this kernel",
            ],
            (
                Weight::Warning,
                "on: a second wall around jobs",
                "Boot with AppArmor (`security=apparmor`). All other walls stand without it.",
            ),
        ),
        said(
            "limits of the engine",
            limits,
            ["memory, swap and processes", &warnings],
            (
                Weight::Bad,
                "memory, swap and processes can be limited",
                "Enable the controllers on the kernel's command line: `cgroup_enable=memory \
                 swapaccount=1`.",
            ),
        ),
    ]
}
