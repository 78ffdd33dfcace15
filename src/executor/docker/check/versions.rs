//! The patch floor: what versions say of themselves, held against the oldest without a known hole
//! that matters here (the advisories up to the summer of 2026). Pure.
//!
//! A version below its floor is a warning and no more, because distributions close holes without
//! changing the numbers in front. Where no floor is known, none is made up.

use crate::executor::{Check, Weight};

/// Three numbers, and that of a release candidate; a release is newer than all its candidates.
type Version = [u32; 4];
/// In the place of a candidate's number.
const RELEASE: u32 = u32::MAX;

/// A part, and the versions from which on the known holes in it are closed: one for each line of
/// releases that is still mended, oldest first.
struct Floor {
    lines: &'static [Version],
    written: &'static str,
}

/// Archive calls, builds, the page cache: CVE-2026-41567 and those before it.
const ENGINE: Floor = Floor {
    lines: &[[29, 5, 1, RELEASE]],
    written: "29.5.1",
};
/// Masked paths, the console, links in /dev of an image: CVE-2026-41579 and those before it.
const RUNC: Floor = Floor {
    lines: &[[1, 3, 6, RELEASE], [1, 4, 3, RELEASE], [1, 5, 0, 3]],
    written: "1.3.6, 1.4.3, 1.5.0-rc.3",
};
/// Writes to the page cache, and so to what is mounted read-only, by AF_ALG: CVE-2026-31431. The
/// first release of each line with the mainline's a664bf3d603d.
const KERNEL: Floor = Floor {
    lines: &[
        [5, 10, 254, RELEASE],
        [5, 15, 204, RELEASE],
        [6, 1, 170, RELEASE],
        [6, 6, 137, RELEASE],
        [6, 12, 85, RELEASE],
        [6, 18, 22, RELEASE],
        [6, 19, 12, RELEASE],
        [7, 0, 0, RELEASE],
    ],
    written: "5.10.254, 5.15.204, 6.1.170, 6.6.137, 6.12.85, 6.18.22, 6.19.12, 7.0",
};
/// Frontends and git contexts: CVE-2026-33747 and CVE-2026-33748.
const BUILDKIT: Floor = Floor {
    lines: &[[0, 28, 1, RELEASE]],
    written: "0.28.1",
};
/// What an image's environment does to a hook that runs as root: CVE-2025-23266.
const TOOLKIT: Floor = Floor {
    lines: &[[1, 17, 8, RELEASE]],
    written: "1.17.8",
};

/// Parts of versions by which distributions say that a text of theirs is meant.
const DISTRIBUTIONS: [&str; 12] = [
    "+ds", "+dfsg", "+deb", "~deb", "ubuntu", ".el", ".amzn", "-amd64", "-arm64", "-generic",
    "-default", "Debian ",
];

impl Floor {
    fn is_kept(&self, version: Version) -> bool {
        let newest = self.lines.last().copied().unwrap_or_default();
        let same_line = |floor: &&Version| floor[..2] == version[..2];
        match self.lines.iter().find(same_line) {
            Some(floor) => version >= *floor,
            None => version >= newest,
        }
    }
}

/// The engine itself.
pub(super) fn engine(version: &str) -> Check {
    patched("engine version", version, &ENGINE)
}

/// What starts containers, jobs and steps of builds alike. `details` is the version that the package has, if the
/// engine tells it.
pub(super) fn runc(version: &str, details: &str) -> Check {
    let whole = match version_of(details) == version_of(version) {
        true => details,
        false => version,
    };
    patched("runc version", whole, &RUNC)
}

/// BuildKit is a part of the engine whose version most engines do not name. `of` is the version of an engine that
/// builds with it: one above its own floor brings a BuildKit above its own.
pub(super) fn buildkit(version: Option<&str>, of: Option<&str>) -> Check {
    const WHAT: &str = "BuildKit";
    match (version, of) {
        (Some(version), _) => patched(WHAT, version, &BUILDKIT),
        (None, Some(engine)) => {
            let seen = format!("a part of the engine {}", told(engine));
            held(WHAT, &seen, engine, &ENGINE)
        }
        (None, None) => Check::fine(
            WHAT,
            "not used: builds go to the classic builder, which neither frontends nor git contexts \
             reach; the engine does not tell which BuildKit it brings",
        ),
    }
}

/// Whether BuildKit in an engine of this version heeds `ulimits`, and so the size of a file (moby's
/// `builder-next/builder.go` hands them on from 23.0 on).
pub(super) fn buildkit_limits_files(engine: &str) -> bool {
    version_of(engine) >= [23, 0, 0, RELEASE]
}

/// The kernel of the engine's host. `built` is what a kernel says of its build, where that can be
/// read: Debian's names there the release that it was made of, and hides it everywhere else. The trials of
/// doors tell besides whether AF_ALG can be reached at all.
pub(super) fn kernel(version: &str, built: &str) -> Check {
    match built.split_once("Debian ") {
        Some((_, made_of)) => {
            let made_of = made_of.split_whitespace().next().unwrap_or_default();
            held(
                "kernel",
                &format!("{version}, Debian {made_of}"),
                made_of,
                &KERNEL,
            )
        }
        None => patched("kernel", version, &KERNEL),
    }
}

/// gVisor, by what `runsc --version` printed. No version of it is known to us as too old.
pub(super) fn gvisor(answer: &str) -> Option<Check> {
    let line = answer
        .lines()
        .find_map(|l| l.strip_prefix("runsc version "))?;
    let version = line.trim();
    Some(Check::fine(
        "gVisor",
        format!("{version}; none is known to us as too old, so keep its updates on"),
    ))
}

/// What gives GPUs to containers, by what `nvidia-ctk --version` or `nvidia-container-cli
/// --version` printed.
pub(super) fn toolkit(answer: &str) -> Option<Check> {
    let line = answer.lines().find(|line| {
        line.starts_with("NVIDIA Container Toolkit CLI version") || line.starts_with("cli-version")
    })?;
    let version = line.split_whitespace().last()?;
    Some(patched("NVIDIA container toolkit", version, &TOOLKIT))
}

fn told(version: &str) -> &str {
    match version {
        "" => "not told by the engine",
        version => version,
    }
}

/// A version that is shown as it is.
fn patched(what: &str, version: &str, floor: &Floor) -> Check {
    held(what, version, version, floor)
}

/// A warning only, and a milder one where somebody may have mended what has an old number.
fn held(what: &str, seen: &str, version: &str, floor: &Floor) -> Check {
    let check = Check::fine(what, told(seen));
    if floor.is_kept(version_of(version)) {
        return check;
    }
    let mended = DISTRIBUTIONS.iter().any(|part| seen.contains(part));
    let help = match mended {
        true => {
            "This one is a distribution's, which closes holes without a new number: keep its \
             security updates on, and live with this line."
        }
        false => "Install a newer one, from your distribution or from the makers.",
    };
    let expected = format!(
        "{} or newer, in which the holes known to us are closed",
        floor.written
    );
    check.flawed(Weight::Warning, expected, help)
}

/// `20.10.24+dfsg1` is 20, 10, 24; `1.5.0-rc.3` is 1, 5, 0 and the third candidate. Numbers that are
/// not there are 0.
fn version_of(text: &str) -> Version {
    let rest = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (numbers, suffix) = rest.split_at(end.unwrap_or(rest.len()));
    let mut numbers = numbers.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let candidate = suffix.strip_prefix("-rc").map(|number| {
        let number = number.trim_start_matches(['.', '-']);
        let end = number.find(|c: char| !c.is_ascii_digit());
        number[..end.unwrap_or(number.len())].parse().unwrap_or(0)
    });
    [next(), next(), next(), candidate.unwrap_or(RELEASE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_everybody_writes_them() {
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
    fn each_line_of_releases_has_a_floor_of_its_own() {
        let fine = |version| runc(version, "").is_fine();
        for good in ["1.3.6", "1.3.9", "1.4.3", "1.5.0-rc.3", "1.5.0", "2.0.0"] {
            assert!(fine(good), "{good}");
        }
        for bad in ["", "1.1.12", "1.3.5", "1.4.0", "1.4.2", "1.5.0-rc.2"] {
            assert!(!fine(bad), "{bad}");
        }
        assert!(engine("29.10.0").is_fine());
        assert!(!engine("29.5.1-rc.1").is_fine());
        assert!(!engine("28.5.2").is_fine());
    }

    #[test]
    fn an_old_version_is_a_warning_and_a_distributions_is_told_apart() {
        let flaw = |check: Check| check.flaw.expect("a flaw");
        let debian = flaw(engine("20.10.24+dfsg1"));
        assert_eq!(debian.weight, Weight::Warning);
        assert!(debian.expected.starts_with("29.5.1 or newer"), "{debian:?}");
        assert!(debian.help.contains("live with this line"), "{debian:?}");
        let makers = flaw(engine("24.0.7"));
        assert_eq!(makers.weight, Weight::Warning);
        assert!(makers.help.starts_with("Install a newer one"), "{makers:?}");
        assert_eq!(engine("").seen, "not told by the engine");
    }

    /// Debian's engine names runc by its own number, and the package among the details.
    #[test]
    fn runc_is_shown_as_its_package_is_called() {
        assert_eq!(
            runc("1.1.5+ds1", "1.1.5+ds1-1+deb12u1").seen,
            "1.1.5+ds1-1+deb12u1"
        );
        assert_eq!(runc("1.3.6", "v1.3.6-0-g1a2b3c4").seen, "v1.3.6-0-g1a2b3c4");
        assert_eq!(runc("1.3.6", "8bd78a9977e6").seen, "1.3.6");
        assert_eq!(runc("1.3.6", "").seen, "1.3.6");
    }

    #[test]
    fn what_the_engine_does_not_tell_is_not_made_up() {
        assert!(buildkit(None, None).is_fine());
        assert!(buildkit(None, None).seen.contains("does not tell"));
        assert!(buildkit(Some("v0.28.1"), None).is_fine());
        assert!(!buildkit(Some("v0.12.5"), Some("29.5.1")).is_fine());
        assert!(buildkit(None, Some("29.5.1")).is_fine());
        assert!(buildkit_limits_files("29.5.1") && buildkit_limits_files("23.0.0"));
        assert!(!buildkit_limits_files("20.10.24+dfsg1") && !buildkit_limits_files(""));
        let old = buildkit(None, Some("20.10.24+dfsg1"));
        assert_eq!(old.seen, "a part of the engine 20.10.24+dfsg1");
        assert!(!old.is_fine());
    }

    #[test]
    fn a_kernel_is_held_against_the_line_that_it_is_of() {
        let fine = |version, built| kernel(version, built).is_fine();
        for good in ["6.18.44-fc-v782", "6.1.170", "5.15.204", "7.0.0", "7.3.1"] {
            assert!(fine(good, ""), "{good}");
        }
        for bad in ["", "4.19.300", "5.15.203", "6.12.84", "6.17.9", "7.0.0-rc6"] {
            assert!(!fine(bad, ""), "{bad}");
        }
        let debian = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-1 (2026-05-02)";
        let seen = kernel("6.1.0-47-amd64", debian);
        assert_eq!(
            seen,
            Check::fine("kernel", "6.1.0-47-amd64, Debian 6.1.170-1")
        );
        assert!(!fine(
            "6.1.0-37-amd64",
            "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"
        ));
        for told_apart in [
            "6.1.0-37-amd64",
            "6.8.0-110-generic",
            "5.14.0-611.54.1.el9_7.x86_64",
        ] {
            let flaw = kernel(told_apart, "").flaw.expect("a flaw");
            assert!(flaw.help.contains("live with this line"), "{flaw:?}");
        }
        assert_eq!(kernel("", "").seen, "not told by the engine");
    }

    #[test]
    fn programs_are_asked_in_their_own_words() {
        let seen = |check: Option<Check>| check.map(|c| (c.is_fine(), c.seen));
        for (answer, version) in [
            (
                "runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n",
                "0.0~20221219.0",
            ),
            (
                "runsc version release-20221102.0-11-g8d6f5c2\nspec: 1.1.0-rc.1\n",
                "release-20221102.0-11-g8d6f5c2",
            ),
        ] {
            let (fine, seen) = seen(gvisor(answer)).unwrap();
            assert!(fine && seen.starts_with(&format!("{version}; ")), "{seen}");
        }
        assert_eq!(gvisor("runc version 1.1.5\n"), None);
        for (answer, fine, version) in [
            (
                "NVIDIA Container Toolkit CLI version 1.17.4\ncommit: 9b69590c\n",
                false,
                "1.17.4",
            ),
            (
                "NVIDIA Container Toolkit CLI version 1.17.8\n",
                true,
                "1.17.8",
            ),
            (
                "cli-version: 1.18.0\nlib-version: 1.18.0\nbuild date: x\n",
                true,
                "1.18.0",
            ),
            (
                "cli-version: 1.14.3\nlib-version: 1.14.3\n",
                false,
                "1.14.3",
            ),
        ] {
            assert_eq!(seen(toolkit(answer)), Some((fine, version.to_owned())));
        }
        assert_eq!(toolkit("command not found"), None);
    }
}
