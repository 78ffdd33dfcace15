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
const DISTRIBUTIONS: [&str; 6] = ["+ds", "+dfsg", "+deb", "~deb", "ubuntu", ".el"];

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

/// BuildKit is a part of the engine that we do not use, and most engines do not name its version.
pub(super) fn buildkit(version: Option<&str>) -> Check {
    match version {
        Some(version) => patched("BuildKit", version, &BUILDKIT),
        None => Check::fine(
            "BuildKit",
            "not used: builds go to the classic builder, which neither frontends nor git contexts \
             reach; the engine does not tell which BuildKit it brings",
        ),
    }
}

/// The kernel of the engine's host. Its number decides nothing: distributions mend it without a
/// new one, and the trials of doors say what can be reached in it.
pub(super) fn kernel(version: &str) -> Check {
    let version = told(version);
    Check::fine(
        "kernel",
        format!(
            "{version}; whether holes such as CVE-2026-31431 (AF_ALG) are closed in it, no number \
             tells, so doors to them are tried below; keep its updates on, and start it anew after \
             them"
        ),
    )
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

/// A warning only, and a milder one where somebody may have mended what has an old number.
fn patched(what: &str, version: &str, floor: &Floor) -> Check {
    let check = Check::fine(what, told(version));
    if floor.is_kept(version_of(version)) {
        return check;
    }
    let mended = DISTRIBUTIONS.iter().any(|part| version.contains(part));
    let remedy = match mended {
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
    check.flawed(Weight::Warning, expected, remedy)
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
        assert!(debian.remedy.contains("live with this line"), "{debian:?}");
        let makers = flaw(engine("24.0.7"));
        assert_eq!(makers.weight, Weight::Warning);
        assert!(
            makers.remedy.starts_with("Install a newer one"),
            "{makers:?}"
        );
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
        assert!(buildkit(None).is_fine());
        assert!(buildkit(None).seen.contains("does not tell"));
        assert!(buildkit(Some("v0.28.1")).is_fine());
        assert!(!buildkit(Some("v0.12.5")).is_fine());
        assert!(kernel("6.1.0-37-amd64").is_fine());
        assert!(
            kernel("6.1.0-37-amd64")
                .seen
                .starts_with("6.1.0-37-amd64; ")
        );
        assert!(kernel("").seen.starts_with("not told"));
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
