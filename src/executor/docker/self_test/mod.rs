//! Checks of an engine for `referee doctor`: its own statements, and programs that exceed limits on purpose.
//!
//! They change nothing and leave nothing on the engine but the image of Referee's own programs. Every problem has an
//! expectation and a help.
//!
//! | file | content |
//! |---|---|
//! | `versions` | versions, compared with `fixed_versions.toml`; pure |
//! | `host` | answers of programs on the engine's host |
//! | `limit_probes` | programs that exceed limits and make restricted system calls |

mod host;
mod limit_probes;
mod versions;

use async_trait::async_trait;

use super::build_cgroup::BuildCgroup;
use super::connection::DockerEngine;
use super::facts::EngineFacts;
use super::kernel_log;
use crate::executor::{CheckScope, Result, SelfTest};
use crate::model::BuildsWith;
use crate::model::diagnosis::{Check, CheckSeverity};

const BUILD_LIMITS: &str = "build limits";
const SEPARATE_BUILDER: &str = "\
    Give builds an engine of their own (`[builder] socket`). Start it with `--cgroup-parent` under limits of processes \
    and memory, and with a data root of limited size.";

/// The failed check of an engine that does not answer. `table` is its table in referee.toml.
pub(in crate::executor) fn failed_check(message: String, table: &str) -> Check {
    Check::ok("engine", message).with_problem(
        CheckSeverity::Error,
        "a Docker Engine that answers and accepts all requests",
        format!(
            "Install and start it (`apt-get install docker.io`), add the daemon's user to the group `docker`, or \
             correct `[{table}] socket`."
        ),
    )
}

#[async_trait]
impl SelfTest for DockerEngine {
    async fn check(&self, scopes: &[CheckScope]) -> Result<Vec<Check>> {
        let facts = self.ask_facts().await?;
        let mut checks = Vec::new();
        for scope in scopes {
            match scope {
                CheckScope::Engine => {
                    checks.extend(self.check_versions(&facts).await?);
                    checks.extend(check_settings(&facts));
                }
                CheckScope::Gpus => checks.push(self.check_toolkit(&facts).await),
                CheckScope::Builds => {
                    checks.push(self.check_build_limits(&facts).await);
                    checks.push(self.probe_syscalls_of_builds().await?);
                }
                CheckScope::Jobs => {
                    let (of_runtime, is_possible) = self.check_runtime(&facts).await;
                    checks.extend(of_runtime);
                    if self.is_local(&facts) {
                        checks.push(check_out_of_memory_detection(kernel_log::is_readable()));
                    }
                    if is_possible {
                        checks.extend(self.probe_sandbox(&facts).await?);
                    }
                }
                CheckScope::BaseImages(bases) => {
                    for base in bases {
                        checks.push(self.check_base_image(base).await?);
                    }
                }
            }
        }
        Ok(checks)
    }
}

impl DockerEngine {
    async fn check_versions(&self, facts: &EngineFacts) -> Result<Vec<Check>> {
        let answer = self.call("version", |docker| async move { docker.version().await }).await??;
        let components = answer.components.unwrap_or_default();
        let component = |name: &str| {
            let mut all = components.iter();
            all.find(|component| component.name.eq_ignore_ascii_case(name))
        };
        let runc = component("runc");
        let package = runc.and_then(|runc| runc.details.as_ref()?.get("GitCommit"));
        let builds_with_buildkit = self.options().builds_with == BuildsWith::BuildKit;
        Ok(vec![
            versions::engine(&facts.version),
            versions::runc(runc.map_or("", |runc| &runc.version), package.map_or("", String::as_str)),
            versions::buildkit(
                component("buildkit").map(|b| b.version.as_str()),
                builds_with_buildkit.then_some(facts.version.as_str()),
            ),
            versions::kernel(&facts.kernel, &self.kernel_build(facts)),
        ])
    }

    /// The kernel's description of its build. Empty where it is another host's.
    fn kernel_build(&self, facts: &EngineFacts) -> String {
        if !self.is_local(facts) {
            return String::new();
        }
        std::fs::read_to_string("/proc/sys/kernel/version").unwrap_or_default()
    }

    async fn check_build_limits(&self, facts: &EngineFacts) -> Check {
        let possible = BuildCgroup::is_possible(facts, self.is_local(facts));
        if self.options().builds_with == BuildsWith::Classic {
            return classic_build_limits(possible);
        }
        let group = match possible {
            Ok(()) => {
                let _exclusive = self.builds().exclusive.lock().await;
                let group = self.buildkit_group(facts).await;
                group.map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        buildkit_limits(group, versions::buildkit_limits_files(&facts.version))
    }

    async fn check_base_image(&self, base: &str) -> Result<Check> {
        let name = format!("base image {base}");
        Ok(match self.image_facts(base).await? {
            // As `docker images` shows it.
            Some(facts) => Check::ok(name, format!("exists: {}", &facts.id.hex()[..12])),
            None => missing_base_image(name, base),
        })
    }
}

fn missing_base_image(name: String, base: &str) -> Check {
    Check::ok(name, "does not exist on the engine that builds").with_problem(
        CheckSeverity::Error,
        "it exists: submissions may start from it, and nothing is pulled for them",
        format!("Run `docker pull {base}`, build it (examples/base/build.sh), or remove it from `[builder] bases`."),
    )
}

/// Without access to the kernel's log the report of the engine suffices.
fn check_out_of_memory_detection(log: std::io::Result<()>) -> Check {
    let seen = match log {
        Ok(()) => "reported by the engine and by the kernel's log".to_owned(),
        Err(why) => format!("reported by the engine; the kernel's log cannot be read ({why})"),
    };
    Check::ok("out-of-memory detection", seen)
}

/// `cgroup` is an error with the reason if a build cannot have a control group of its own.
fn classic_build_limits(cgroup: std::result::Result<(), String>) -> Check {
    match cgroup {
        Ok(()) => Check::ok(BUILD_LIMITS, "each build has a control group of its own"),
        Err(why) => Check::ok(BUILD_LIMITS, format!("only memory and CPU are limited; {why}")).with_problem(
            CheckSeverity::Warning,
            "processes and disk are limited too",
            SEPARATE_BUILDER,
        ),
    }
}

/// `group` is the control group of all steps, or the reason why there is none.
fn buildkit_limits(group: std::result::Result<String, String>, limits_files: bool) -> Check {
    let group = match group {
        Ok(group) => format!("one build at a time, in the control group {group}"),
        Err(why) => {
            let seen = format!("only time and log are limited; {why}");
            return Check::ok(BUILD_LIMITS, seen).with_problem(
                CheckSeverity::Error,
                "memory, processes and disk are limited too",
                SEPARATE_BUILDER,
            );
        }
    };
    if limits_files {
        return Check::ok(BUILD_LIMITS, group);
    }
    let seen = format!("{group}; the size of a file is not limited");
    Check::ok(BUILD_LIMITS, seen).with_problem(
        CheckSeverity::Error,
        "a limit for the size of a file, which BuildKit has from engine 23 on. Without it, a step that creates a \
         sparse file of 4 TiB keeps the engine busy for hours, even after the time limit of the build",
        "Install a later engine, or set `with = \"classic\"` in `[builder]`.",
    )
}

/// A property of an engine that it reports itself.
struct Setting<'a> {
    name: &'a str,
    /// The observation if the property is as expected, and otherwise.
    seen: [&'a str; 2],
    severity: CheckSeverity,
    expected: &'a str,
    help: &'a str,
}

impl Setting<'_> {
    fn check(&self, is_as_expected: bool) -> Check {
        let [expected, other] = self.seen;
        if is_as_expected {
            return Check::ok(self.name, expected);
        }
        Check::ok(self.name, other).with_problem(self.severity, self.expected, self.help)
    }
}

fn check_settings(facts: &EngineFacts) -> Vec<Check> {
    let limits = facts.memory_limit && facts.swap_limit && facts.pids_limit;
    let warnings = facts.warnings.join("; ");
    let restart = Setting {
        name: "engine restart",
        seen: ["jobs survive it: live-restore is on", "it ends all jobs"],
        severity: CheckSeverity::Warning,
        expected: "jobs survive it",
        help: "Set \"live-restore\": true in the engine's daemon.json. Without it, Referee repeats the jobs that a \
               restart ends.",
    };
    let filter = Setting {
        name: "system call filter",
        seen: ["seccomp is available, and Referee uses its own profile", "seccomp is not available"],
        severity: CheckSeverity::Error,
        expected: "the kernel filters system calls",
        help: "Use a kernel with CONFIG_SECCOMP_FILTER and an engine with seccomp.",
    };
    let apparmor = Setting {
        name: "AppArmor",
        seen: ["on, with the engine's profile docker-default", "off, or not in this kernel"],
        severity: CheckSeverity::Warning,
        expected: "on: it is a second line of defence around jobs",
        help: "Boot with AppArmor (`security=apparmor`). All other parts of the sandbox work without it.",
    };
    let engine_limits = Setting {
        name: "engine limits",
        seen: ["memory, swap and processes", if warnings.is_empty() { "some are missing" } else { &warnings }],
        severity: CheckSeverity::Error,
        expected: "memory, swap and processes can be limited",
        help: "Enable the controllers on the kernel's command line: `cgroup_enable=memory swapaccount=1`.",
    };
    vec![
        restart.check(facts.live_restore),
        filter.check(facts.has_seccomp()),
        apparmor.check(facts.has_apparmor()),
        engine_limits.check(limits),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the messages with a snapshot. All messages of `referee doctor` are in one folder.
    pub(super) fn assert_messages(name: &str, checks: &[Check]) {
        let mut text = String::new();
        for check in checks {
            text += &format!("{}: {}\n", check.name, check.seen);
            if let Some(problem) = &check.problem {
                text += &format!("  {:?}\n", problem.severity);
                text += &format!("  expected: {}\n  to do: {}\n", problem.expected, problem.help);
            }
        }
        insta::with_settings!({
            snapshot_path => "../../../cli/doctor/snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, text) });
    }

    #[test]
    fn missing_build_limits_are_problems() {
        let of = |check: Check| (check.seen, check.problem.map(|p| p.severity));
        assert_eq!(of(classic_build_limits(Ok(()))).1, None);
        let (seen, severity) = of(classic_build_limits(Err("no root".to_owned())));
        assert_eq!(seen, "only memory and CPU are limited; no root");
        assert_eq!(severity, Some(CheckSeverity::Warning));
        let group = || Ok("docker/buildkit".to_owned());
        assert_eq!(of(buildkit_limits(group(), true)).1, None);
        let (seen, severity) = of(buildkit_limits(group(), false));
        assert!(seen.ends_with("the size of a file is not limited"), "{seen}");
        assert_eq!(severity, Some(CheckSeverity::Error));
        let (seen, severity) = of(buildkit_limits(Err("no root".to_owned()), true));
        assert!(seen.starts_with("only time and log"), "{seen}");
        assert_eq!(severity, Some(CheckSeverity::Error));
    }

    #[test]
    fn the_messages_are_these() {
        let all = EngineFacts {
            security: vec!["name=apparmor".to_owned(), "name=seccomp".to_owned()],
            live_restore: true,
            memory_limit: true,
            swap_limit: true,
            pids_limit: true,
            ..EngineFacts::default()
        };
        let group = || Ok("docker/buildkit".to_owned());
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_messages("engine-settings", &check_settings(&all));
        assert_messages("engine-settings-missing", &check_settings(&EngineFacts::default()));
        assert_messages(
            "engine",
            &[
                failed_check("the engine does not answer: lost".to_owned(), "engine"),
                classic_build_limits(Ok(())),
                classic_build_limits(Err("no root".to_owned())),
                buildkit_limits(group(), true),
                buildkit_limits(group(), false),
                buildkit_limits(Err("no root".to_owned()), true),
                check_out_of_memory_detection(Ok(())),
                check_out_of_memory_detection(Err(denied())),
                missing_base_image("base image a:1".to_owned(), "a:1"),
            ],
        );
    }
}
