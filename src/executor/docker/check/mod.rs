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

use super::{DockerEngine, EngineFacts, kernel_log, meter};
use crate::executor::{Check, Look, Result, Weight};
use crate::model::BuildsWith;

const BUILD_LIMITS: &str = "limits of builds";
const APART: &str = "Give builds an engine of their own (`[builder] socket`), started with `--cgroup-parent` under \
                     limits of processes and memory and with a data root of limited size.";

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
            checks.push(self.build_limits(&facts).await);
            checks.push(self.doors_of_builds().await?);
        }
        if looks.contains(&Look::Jobs) {
            let (of_runtime, possible) = self.runtime(&facts).await;
            checks.extend(of_runtime);
            if self.is_local(&facts) {
                checks.push(memory_of_jobs(kernel_log::readable()));
            }
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
            versions::buildkit(
                named("buildkit").map(|b| b.version.as_str()),
                (self.options().builds_with == BuildsWith::BuildKit)
                    .then_some(facts.version.as_str()),
            ),
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

    async fn build_limits(&self, facts: &EngineFacts) -> Check {
        let caged = meter::Cage::possible(facts, self.is_local(facts));
        match self.options().builds_with {
            BuildsWith::Classic => limits_of_classic_builds(caged),
            BuildsWith::BuildKit => {
                let group = match caged {
                    Ok(()) => {
                        let _alone = self.shared.builds.alone.lock().await;
                        let group = self.buildkit_group(facts).await;
                        group.map_err(|error| error.to_string())
                    }
                    Err(why) => Err(why),
                };
                limits_of_buildkit(group, versions::buildkit_limits_files(&facts.version))
            }
        }
    }
}

/// Nothing is wrong with either: where the log is not for us, the engine's word has to do.
fn memory_of_jobs(log: std::io::Result<()>) -> Check {
    let asked = match log {
        Ok(()) => "the engine and the kernel's log are asked".to_owned(),
        Err(why) => format!("the engine is asked; the kernel's log is not for us ({why})"),
    };
    Check::fine("jobs out of memory", asked)
}

fn limits_of_classic_builds(caged: std::result::Result<(), String>) -> Check {
    match caged {
        Ok(()) => Check::fine(BUILD_LIMITS, "each build has a control group of its own"),
        Err(why) => Check::fine(BUILD_LIMITS, format!("memory and CPU alone; {why}")).flawed(
            Weight::Warning,
            "processes and disk are limited as well",
            APART,
        ),
    }
}

/// `group` is the control group around all steps, or why there is none.
fn limits_of_buildkit(group: std::result::Result<String, String>, files: bool) -> Check {
    match group {
        Ok(group) if files => Check::fine(
            BUILD_LIMITS,
            format!("one build at a time, in the control group {group}"),
        ),
        Ok(group) => Check::fine(
            BUILD_LIMITS,
            format!("one build at a time, in the control group {group}; the size of a file is not limited"),
        )
        .flawed(
            Weight::Bad,
            "the size of a file is limited, which BuildKit heeds from engine 23 on: a step that makes a file of \
             4 TiB of nothing keeps this one busy for hours, whatever time a build may take",
            "Install a newer engine, or let this one build `with = \"classic\"` in `[builder]`.",
        ),
        Err(why) => Check::fine(
            BUILD_LIMITS,
            format!("time and log alone, as far as is seen from here; {why}"),
        )
        .flawed(Weight::Bad, "memory, processes and disk are limited as well", APART),
    }
}

fn said_by_engine(facts: &EngineFacts) -> Vec<Check> {
    let said = |what: &str, good: bool, [yes, no]: [&str; 2], flaw: (Weight, &str, &str)| {
        let (weight, expected, help) = flaw;
        match good {
            true => Check::fine(what, yes),
            false => Check::fine(what, no).flawed(weight, expected, help),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_limit_a_build_is_told() {
        let of = |check: Check| (check.seen, check.flaw.map(|flaw| flaw.weight));
        assert_eq!(of(limits_of_classic_builds(Ok(()))).1, None);
        let (seen, weight) = of(limits_of_classic_builds(Err("no root".to_owned())));
        assert_eq!(seen, "memory and CPU alone; no root");
        assert_eq!(weight, Some(Weight::Warning));
        let group = || Ok("docker/buildkit".to_owned());
        assert_eq!(of(limits_of_buildkit(group(), true)).1, None);
        let (seen, weight) = of(limits_of_buildkit(group(), false));
        assert!(
            seen.ends_with("the size of a file is not limited"),
            "{seen}"
        );
        assert_eq!(weight, Some(Weight::Bad));
        let (seen, weight) = of(limits_of_buildkit(Err("no root".to_owned()), true));
        assert!(seen.starts_with("time and log alone"), "{seen}");
        assert_eq!(weight, Some(Weight::Bad));
    }
}
