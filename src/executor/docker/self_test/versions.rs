//! The versions of an engine's components, compared with a table of fixed versions. Pure.
//!
//! The table is the file `fixed_versions.toml`. It has a date, because it becomes outdated. A version without the known
//! fixes is only a warning: distributions fix vulnerabilities without a new version number.

use toml_edit::{DocumentMut, Item, Value};

use crate::model::diagnosis::{Check, CheckSeverity};

const TABLE: &str = include_str!("fixed_versions.toml");

/// Three numbers, and the number of a pre-release such as `-rc.3`. A release is newer than all its pre-releases.
type Version = [u32; 4];
/// Replaces the number of the pre-release in a release.
const RELEASE: u32 = u32::MAX;

/// Parts of the version numbers of distribution packages.
const DISTRIBUTIONS: [&str; 12] =
    ["+ds", "+dfsg", "+deb", "~deb", "ubuntu", ".el", ".amzn", "-amd64", "-arm64", "-generic", "-default", "Debian "];

/// The entry of one component in the table.
struct FixedVersions {
    /// One for each line of releases, oldest first.
    versions: Vec<Version>,
    /// The expectation, for messages.
    expected: String,
}

impl FixedVersions {
    fn of(component: &str) -> Self {
        let table: DocumentMut = TABLE.parse().unwrap_or_default();
        let entry = table.get(component);
        let text = |item: Option<&Item>| item.and_then(Item::as_str).unwrap_or_default().to_owned();
        let fixed = entry.and_then(|entry| entry.get("fixed")?.as_array());
        let fixed: Vec<_> = fixed.into_iter().flatten().filter_map(Value::as_str).collect();
        Self {
            versions: fixed.iter().map(|version| version_of(version)).collect(),
            expected: format!(
                "{} or later: fixes {} (known fixes as of {})",
                fixed.join(", "),
                text(entry.and_then(|entry| entry.get("advisories"))),
                text(table.get("date")),
            ),
        }
    }

    fn contain(&self, version: Version) -> bool {
        let newest = self.versions.last().copied().unwrap_or_default();
        let same_line = |fixed: &&Version| fixed[..2] == version[..2];
        match self.versions.iter().find(same_line) {
            Some(fixed) => version >= *fixed,
            None => version >= newest,
        }
    }
}

/// The engine itself.
pub(super) fn engine(version: &str) -> Check {
    check_version("engine version", version, version, "engine")
}

/// runc starts the containers of jobs and of build steps. `details` is the version of the package, if the engine
/// reports it.
pub(super) fn runc(version: &str, details: &str) -> Check {
    let whole = if version_of(details) == version_of(version) { details } else { version };
    check_version("runc version", whole, whole, "runc")
}

/// BuildKit is a part of the engine, and most engines do not report its version. `engine` is the version of an engine
/// that builds with BuildKit: an engine with the known fixes contains a BuildKit with the known fixes.
pub(super) fn buildkit(version: Option<&str>, engine: Option<&str>) -> Check {
    const NAME: &str = "BuildKit";
    match (version, engine) {
        (Some(version), _) => check_version(NAME, version, version, "buildkit"),
        (None, Some(engine)) => {
            let seen = format!("part of the engine {}", reported(engine));
            check_version(NAME, &seen, engine, "engine")
        }
        (None, None) => Check::ok(
            NAME,
            "not used: the classic builder makes all builds, and frontends and git contexts cannot reach it. The \
             engine does not report the version of its BuildKit.",
        ),
    }
}

/// Whether BuildKit in an engine of this version applies `ulimits`, and so limits the size of a file (moby's
/// `builder-next/builder.go` passes them on from 23.0 on).
pub(super) fn buildkit_limits_files(engine: &str) -> bool {
    version_of(engine) >= [23, 0, 0, RELEASE]
}

/// The kernel of the engine's host. `build` is the kernel's description of its build, where it can be read: only there
/// Debian names the release that the kernel was made of. The probe of system calls shows whether AF_ALG can be reached
/// at all.
pub(super) fn kernel(version: &str, build: &str) -> Check {
    const NAME: &str = "kernel";
    match build.split_once("Debian ") {
        Some((_, release)) => {
            let release = release.split_whitespace().next().unwrap_or_default();
            let seen = format!("{version}, Debian {release}");
            check_version(NAME, &seen, release, "kernel")
        }
        None => check_version(NAME, version, version, "kernel"),
    }
}

/// gVisor, from the output of `runsc --version`. The table has no entry for it.
pub(super) fn gvisor(answer: &str) -> Option<Check> {
    let line = answer.lines().find_map(|l| l.strip_prefix("runsc version "))?;
    let version = line.trim();
    Some(Check::ok("gVisor", format!("{version}; Referee has no list of fixed versions, so install its updates")))
}

/// The NVIDIA container toolkit, from the output of `nvidia-ctk --version` or `nvidia-container-cli --version`.
pub(super) fn toolkit(answer: &str) -> Option<Check> {
    let line = answer
        .lines()
        .find(|line| line.starts_with("NVIDIA Container Toolkit CLI version") || line.starts_with("cli-version"))?;
    let version = line.split_whitespace().last()?;
    Some(check_version(TOOLKIT_NAME, version, version, TOOLKIT))
}

pub(super) const TOOLKIT_NAME: &str = "NVIDIA container toolkit";
const TOOLKIT: &str = "nvidia-container-toolkit";

/// The expectation for a toolkit on another host.
pub(super) fn expected_toolkit() -> String {
    FixedVersions::of(TOOLKIT).expected
}

fn reported(version: &str) -> &str {
    if version.is_empty() { "the engine does not report it" } else { version }
}

/// Compares a version with the table. `seen` is shown.
fn check_version(name: &str, seen: &str, version: &str, component: &str) -> Check {
    let check = Check::ok(name, reported(seen));
    let fixed = FixedVersions::of(component);
    if fixed.contain(version_of(version)) {
        return check;
    }
    let help = if DISTRIBUTIONS.iter().any(|part| seen.contains(part)) {
        "This is a distribution package. Security fixes are backported without a new version number. Keep security \
         updates enabled and ignore this warning."
    } else {
        "Install a later version from your distribution or from the project."
    };
    check.with_problem(CheckSeverity::Warning, fixed.expected, help)
}

/// Reads `20.10.24+dfsg1` as 20, 10, 24, and `1.5.0-rc.3` as 1, 5, 0 and the third pre-release. Missing numbers are 0.
fn version_of(text: &str) -> Version {
    let rest = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (numbers, suffix) = rest.split_at(end.unwrap_or(rest.len()));
    let mut numbers = numbers.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let pre_release = suffix.strip_prefix("-rc").map(|number| {
        let number = number.trim_start_matches(['.', '-']);
        let end = number.find(|c: char| !c.is_ascii_digit());
        number[..end.unwrap_or(number.len())].parse().unwrap_or(0)
    });
    [next(), next(), next(), pre_release.unwrap_or(RELEASE)]
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_messages;
    use super::*;

    #[test]
    fn the_table_has_an_entry_for_each_component() {
        let table: DocumentMut = TABLE.parse().unwrap();
        for component in ["engine", "runc", "kernel", "buildkit", TOOLKIT] {
            let fixed = FixedVersions::of(component);
            let versions = table[component]["fixed"].as_array().unwrap();
            assert_eq!(fixed.versions.len(), versions.len());
            assert!(fixed.versions.is_sorted(), "{component}");
            assert!(table[component]["advisories"].is_str(), "{component}");
        }
        assert!(table["date"].is_str());
    }

    #[test]
    fn versions_are_read_in_every_usual_form() {
        let release = |a, b, c| [a, b, c, RELEASE];
        for (text, version) in [
            ("20.10.24+dfsg1", release(20, 10, 24)),
            ("29.5.1", release(29, 5, 1)),
            ("29.5", release(29, 5, 0)),
            ("v0.28.1", release(0, 28, 1)),
            ("1.1.5+ds1-1+deb12u1", release(1, 1, 5)),
            ("1.3.6-0ubuntu1~24.04.1", release(1, 3, 6)),
            ("5.10.0-32-amd64", release(5, 10, 0)),
            ("6.1.0-37-amd64", release(6, 1, 0)),
            ("6.18.44-fc-v782", release(6, 18, 44)),
            ("1.5.0-rc.3", [1, 5, 0, 3]),
            ("1.4.0-rc1+dev", [1, 4, 0, 1]),
            ("release-20221102.0-11-g8d6f5c2", release(20_221_102, 0, 0)),
            ("", release(0, 0, 0)),
            ("99999999999999.1", release(0, 1, 0)),
        ] {
            assert_eq!(version_of(text), version, "{text}");
        }
    }

    #[test]
    fn each_line_of_releases_has_its_own_fixed_version() {
        let fine = |version| runc(version, "").problem.is_none();
        for good in ["1.3.6", "1.3.9", "1.4.3", "1.5.0-rc.3", "1.5.0", "2.0.0"] {
            assert!(fine(good), "{good}");
        }
        for bad in ["", "1.1.12", "1.3.5", "1.4.0", "1.4.2", "1.5.0-rc.2"] {
            assert!(!fine(bad), "{bad}");
        }
        assert!(engine("29.10.0").problem.is_none());
        assert!(engine("29.5.1-rc.1").problem.is_some());
        assert!(engine("28.5.2").problem.is_some());
    }

    #[test]
    fn an_old_version_is_a_warning_with_other_help_for_distribution_packages() {
        let problem = |check: Check| check.problem.expect("a problem");
        let debian = problem(engine("20.10.24+dfsg1"));
        assert_eq!(debian.severity, CheckSeverity::Warning);
        assert_eq!(debian.expected, "29.5.1 or later: fixes CVE-2026-41567 and earlier (known fixes as of 2026-08)");
        assert!(debian.help.contains("ignore this warning"), "{debian:?}");
        let upstream = problem(engine("24.0.7"));
        assert_eq!(upstream.severity, CheckSeverity::Warning);
        assert!(upstream.help.starts_with("Install a later version"), "{upstream:?}");
        assert_eq!(engine("").seen, "the engine does not report it");
    }

    /// Debian's engine reports the version of runc, and the version of its package among the details.
    #[test]
    fn runc_is_shown_with_the_version_of_its_package() {
        assert_eq!(runc("1.1.5+ds1", "1.1.5+ds1-1+deb12u1").seen, "1.1.5+ds1-1+deb12u1");
        assert_eq!(runc("1.3.6", "v1.3.6-0-g1a2b3c4").seen, "v1.3.6-0-g1a2b3c4");
        assert_eq!(runc("1.3.6", "8bd78a9977e6").seen, "1.3.6");
        assert_eq!(runc("1.3.6", "").seen, "1.3.6");
    }

    #[test]
    fn an_unreported_version_of_buildkit_is_not_invented() {
        assert!(buildkit(None, None).problem.is_none());
        assert!(buildkit(None, None).seen.contains("does not report"));
        assert!(buildkit(Some("v0.28.1"), None).problem.is_none());
        assert!(buildkit(Some("v0.12.5"), Some("29.5.1")).problem.is_some());
        assert!(buildkit(None, Some("29.5.1")).problem.is_none());
        assert!(buildkit_limits_files("29.5.1") && buildkit_limits_files("23.0.0"));
        assert!(!buildkit_limits_files("20.10.24+dfsg1") && !buildkit_limits_files(""));
        let old = buildkit(None, Some("20.10.24+dfsg1"));
        assert_eq!(old.seen, "part of the engine 20.10.24+dfsg1");
        assert!(old.problem.is_some());
    }

    #[test]
    fn a_kernel_is_compared_with_its_own_line_of_releases() {
        let fine = |version, built| kernel(version, built).problem.is_none();
        for good in ["6.18.44-fc-v782", "6.1.170", "5.15.204", "7.0.0", "7.3.1"] {
            assert!(fine(good, ""), "{good}");
        }
        for bad in ["", "4.19.300", "5.15.203", "6.12.84", "6.17.9", "7.0.0-rc6"] {
            assert!(!fine(bad, ""), "{bad}");
        }
        let debian = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-1 (2026-05-02)";
        let seen = kernel("6.1.0-47-amd64", debian);
        assert_eq!(seen, Check::ok("kernel", "6.1.0-47-amd64, Debian 6.1.170-1"));
        assert!(!fine("6.1.0-37-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"));
        for distribution in ["6.1.0-37-amd64", "6.8.0-110-generic", "5.14.0-611.54.1.el9_7.x86_64"] {
            let problem = kernel(distribution, "").problem.expect("a problem");
            assert!(problem.help.contains("ignore this warning"), "{problem:?}");
        }
        assert_eq!(kernel("", "").seen, "the engine does not report it");
    }

    #[test]
    fn the_messages_are_these() {
        assert_messages(
            "versions",
            &[
                engine("29.5.1"),
                engine("20.10.24+dfsg1"),
                engine(""),
                runc("1.1.12", ""),
                buildkit(None, None),
                buildkit(None, Some("24.0.7")),
                buildkit(Some("v0.12.5"), None),
                kernel("6.1.0-37-amd64", "#1 SMP Debian 6.1.140-1 (2025-05-22)"),
                gvisor("runsc version release-20260101.0\n").unwrap(),
                toolkit("cli-version: 1.14.3\n").unwrap(),
            ],
        );
    }

    #[test]
    fn the_output_of_each_program_is_read() {
        let seen = |check: Option<Check>| check.map(|c| (c.problem.is_none(), c.seen));
        for (answer, version) in [
            ("runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n", "0.0~20221219.0"),
            ("runsc version release-20221102.0-11-g8d6f5c2\nspec: 1.1.0-rc.1\n", "release-20221102.0-11-g8d6f5c2"),
        ] {
            let (fine, seen) = seen(gvisor(answer)).unwrap();
            assert!(fine && seen.starts_with(&format!("{version}; ")), "{seen}");
        }
        assert_eq!(gvisor("runc version 1.1.5\n"), None);
        for (answer, fine, version) in [
            ("NVIDIA Container Toolkit CLI version 1.17.4\ncommit: 9b69590c\n", false, "1.17.4"),
            ("NVIDIA Container Toolkit CLI version 1.17.8\n", true, "1.17.8"),
            ("cli-version: 1.18.0\nlib-version: 1.18.0\nbuild date: x\n", true, "1.18.0"),
            ("cli-version: 1.14.3\nlib-version: 1.14.3\n", false, "1.14.3"),
        ] {
            assert_eq!(seen(toolkit(answer)), Some((fine, version.to_owned())));
        }
        assert_eq!(toolkit("command not found"), None);
    }
}
