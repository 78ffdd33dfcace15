//! An image, built here or pushed, against what may run: IMG001 to IMG010, IMG017, IMG018.
//!
//! Judges what the engine reports of the image, never what its Dockerfile promised.

use std::collections::BTreeMap;

use super::catalogue::{
    IMG001, IMG002, IMG003, IMG004, IMG005, IMG006, IMG007, IMG008, IMG009, IMG010, IMG017, IMG018,
};
use super::dockerfile::{is_under, steers_the_host};
use super::exit::bytes;
use super::policy::Policy;
use crate::model::{Finding, Found, ImageFacts, RunLimits, limits};

/// Looks at an image whose base sets nothing of note; see [`check_on_base`].
pub fn check(image: &ImageFacts, bounds: &RunLimits, policy: &Policy) -> Vec<Finding> {
    check_on_base(image, None, bounds, policy)
}

/// Looks at an image. What its base, an image of the organizers' list, says itself is not the
/// participant's to change, and is accepted.
pub fn check_on_base(
    image: &ImageFacts,
    base: Option<&ImageFacts>,
    bounds: &RunLimits,
    policy: &Policy,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if image.entrypoint.is_empty() && image.command.is_empty() {
        findings.push(IMG001.finding("The image has neither an entrypoint nor a command"));
    }
    if image.os != "linux" || image.architecture != policy.architecture {
        findings.push(IMG002.finding(format!(
            "The image is for {}/{}, the server is {}",
            word(&image.os),
            word(&image.architecture),
            policy.platform()
        )));
    }
    if image.bytes > bounds.image {
        findings.push(IMG003.finding(format!(
            "The image has {}, {} are allowed",
            bytes(image.bytes),
            bytes(bounds.image)
        )));
    }
    if image.layers > limits::IMAGE_LAYERS_MAX {
        findings.push(IMG004.finding(format!(
            "The image has {} layers, {} are allowed",
            image.layers,
            limits::IMAGE_LAYERS_MAX
        )));
    }
    if let Some(volume) = image.volumes.first() {
        findings.push(IMG005.finding(format!("The image declares a volume: `{}`", word(volume))));
    }
    if !image.on_build.is_empty() {
        findings.push(IMG006.finding("The image has ONBUILD instructions"));
    }
    findings.extend(environment(image, base));
    if is_root(&image.user) {
        findings
            .push(IMG008.finding("The image asks for root; the container runs as 65534 instead"));
    }
    if let Some(root) = ["/proc", "/sys", "/dev"]
        .into_iter()
        .find(|root| is_under(&image.working_dir, root))
    {
        findings.push(IMG009.finding(format!("The working directory is under {root}")));
    }
    findings.extend(labels(image));
    findings
        .into_iter()
        .map(|finding| policy.adjust(finding))
        .collect()
}

/// Files that an engine reads before it starts a container.
const ACCOUNTS: [&str; 2] = ["/etc/passwd", "/etc/group"];
/// Engines read no longer line of them (Go's `bufio.Scanner`).
const ACCOUNTS_LINE_MAX: u64 = 60_000;
const ACCOUNTS_BYTES_MAX: u64 = 256 * 1024;
/// What is mounted in every container, besides inputs and outputs.
const MOUNTS: [&str; 4] = ["/dev", "/proc", "/sys", "/tmp"];

/// The files that an engine reads of an image before it starts anything of it.
pub fn accounts() -> Vec<String> {
    ACCOUNTS.map(str::to_owned).to_vec()
}

/// What is wrong with [`accounts`], a sentence without an end for each.
pub fn wrong_accounts(found: &BTreeMap<String, Found>) -> Vec<String> {
    let all = found
        .iter()
        .filter(|(path, _)| ACCOUNTS.contains(&path.as_str()));
    all.filter_map(|(path, found)| Some(format!("`{path}` {}", wrong(found, true)?)))
        .collect()
}

/// The paths of an image that [`check_places`] judges.
pub fn locations(policy: &Policy) -> Vec<String> {
    let fixed = ACCOUNTS.into_iter().chain(MOUNTS).map(str::to_owned);
    fixed.chain(policy.mounts.iter().cloned()).collect()
}

/// Looks at what is at [`locations`].
pub fn check_locations(found: &BTreeMap<String, Found>, policy: &Policy) -> Vec<Finding> {
    let judged = found.iter().filter_map(|(path, found)| {
        let rule = match ACCOUNTS.contains(&path.as_str()) {
            true => IMG017,
            false => IMG018,
        };
        let wrong = wrong(found, rule.code == IMG017.code)?;
        Some(policy.adjust(rule.finding(format!("`{}` of the image {wrong}", word(path)))))
    });
    judged.collect()
}

/// What is wrong with a file of accounts, or else with a place that is mounted over.
fn wrong(found: &Found, is_accounts: bool) -> Option<&'static str> {
    Some(match (found, is_accounts) {
        (Found::Nothing, _) | (Found::Directory, false) => return None,
        (
            Found::File {
                bytes,
                longest_line,
            },
            true,
        ) => {
            let short = longest_line.is_some_and(|line| line <= ACCOUNTS_LINE_MAX);
            if *bytes <= ACCOUNTS_BYTES_MAX && short {
                return None;
            }
            "is too large, or has a line that is too long"
        }
        (Found::File { .. }, false) => "is a file",
        (Found::Directory, true) => "is a directory",
        (Found::Link, _) => "is a symbolic link",
        (Found::Other, _) => "is a device, a pipe or a socket",
        (Found::Unreadable(_), _) => "cannot be reached: links on the way lead nowhere",
    })
}

fn environment(image: &ImageFacts, base: Option<&ImageFacts>) -> Vec<Finding> {
    let inherited = |entry: &String| base.is_some_and(|base| base.env.contains(entry));
    image
        .env
        .iter()
        .filter(|entry| !inherited(entry))
        .filter_map(|entry| {
            let name = entry.split('=').next().unwrap_or(entry);
            steers_the_host(name)
                .then(|| IMG007.finding(format!("The image sets `{}`", word(name))))
        })
        .collect()
}

fn labels(image: &ImageFacts) -> Option<Finding> {
    let size: usize = image
        .labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    (size > limits::IMAGE_LABEL_BYTES_MAX).then(|| {
        IMG010.finding(format!(
            "The labels have {}, {} are allowed",
            bytes(size as u64),
            bytes(limits::IMAGE_LABEL_BYTES_MAX as u64)
        ))
    })
}

fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    name.is_empty() || name == "root" || name.parse() == Ok(0_u32)
}

/// A word of the image, fit for a sentence.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::rules::samples;

    fn good() -> ImageFacts {
        ImageFacts {
            id: Digest::of(b"image"),
            os: "linux".into(),
            architecture: "amd64".into(),
            bytes: 332 << 20,
            layers: 12,
            user: "65534".into(),
            entrypoint: vec!["python3".into()],
            command: vec![],
            working_dir: "/app".into(),
            volumes: vec![],
            env: vec!["PATH=/usr/bin".into(), "NVIDIA_VISIBLE_DEVICES=all".into()],
            on_build: vec![],
            labels: [("referee.kind".to_owned(), "submission".to_owned())].into(),
        }
    }

    #[test]
    fn what_engines_read_and_mount_over_is_plain() {
        let policy = Policy::new(["python:3.11"], [&samples::contract("{case}.png")]);
        let file = |bytes, longest_line| Found::File {
            bytes,
            longest_line,
        };
        let codes = |path: &str, found: Found| -> Vec<String> {
            let found = BTreeMap::from([(path.to_owned(), found)]);
            let all = check_locations(&found, &policy).into_iter();
            all.map(|f| f.code).collect()
        };
        for (path, found) in [
            ("/etc/passwd", file(2_000, Some(80))),
            ("/etc/group", Found::Nothing),
            ("/tmp", Found::Directory),
            ("/input", Found::Nothing),
        ] {
            assert!(codes(path, found.clone()).is_empty(), "{path} {found:?}");
        }
        for found in [
            file(2_000, Some(70_000)),
            file(1 << 30, None),
            Found::Directory,
            Found::Link,
            Found::Other,
            Found::Unreadable("too many levels of symbolic links".into()),
        ] {
            assert_eq!(codes("/etc/group", found.clone()), ["IMG017"], "{found:?}");
        }
        for found in [
            file(1, Some(1)),
            Found::Link,
            Found::Other,
            Found::Unreadable(String::new()),
        ] {
            assert_eq!(codes("/input", found.clone()), ["IMG018"], "{found:?}");
        }
        let locations = locations(&policy);
        assert!(
            locations.iter().any(|p| p == "/etc/group") && locations.iter().any(|p| p == "/tmp")
        );
        assert!(policy.mounts.iter().all(|mount| locations.contains(mount)));
    }

    #[test]
    fn each_fault_is_found_alone_and_a_good_image_has_none() {
        let policy = Policy::new(["x"], []);
        type Change = fn(&mut ImageFacts);
        let changes: [(&str, Change); 16] = [
            ("", |_| {}),
            ("", |i| i.command = std::mem::take(&mut i.entrypoint)),
            ("", |i| i.working_dir = String::new()),
            ("IMG001", |i| i.entrypoint.clear()),
            ("IMG002", |i| i.architecture = "arm64".into()),
            ("IMG002", |i| i.os = "windows".into()),
            ("IMG003", |i| i.bytes = 3 << 30),
            ("IMG004", |i| i.layers = 101),
            ("IMG005", |i| i.volumes = vec!["/x".into()]),
            ("IMG006", |i| i.on_build = vec!["RUN x".into()]),
            ("IMG007", |i| i.env.push("LD_PRELOAD=/x.so".into())),
            ("IMG007", |i| i.env.push("http_proxy=x".into())),
            ("IMG008", |i| i.user = String::new()),
            ("IMG008", |i| i.user = "0:0".into()),
            ("IMG009", |i| i.working_dir = "/proc/self/fd/7".into()),
            ("IMG010", |i| {
                drop(i.labels.insert("a".into(), "b".repeat(20_000)))
            }),
        ];
        for (code, change) in changes {
            let mut image = good();
            change(&mut image);
            let codes: Vec<_> = check(&image, &samples::limits(), &policy)
                .into_iter()
                .map(|f| f.code)
                .collect();
            assert_eq!(codes.concat(), code);
        }
    }

    #[test]
    fn what_the_base_sets_is_accepted_unless_it_was_changed() {
        let policy = Policy::new(["x"], []);
        let mut base = good();
        base.env
            .push("LD_LIBRARY_PATH=/usr/local/nvidia/lib64".into());
        let mut image = base.clone();
        assert_eq!(
            check_on_base(&image, Some(&base), &samples::limits(), &policy),
            []
        );
        image.env.push("LD_LIBRARY_PATH=/evil".into());
        assert_eq!(
            check_on_base(&image, Some(&base), &samples::limits(), &policy)[0].code,
            "IMG007"
        );
    }
}
