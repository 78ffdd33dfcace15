//! Checks a built or pushed image: IMG001 to IMG010, IMG017, IMG018.
//!
//! The checks use the engine's report of the image, never its Dockerfile.

use std::collections::BTreeMap;

use super::catalogue::{
    IMG001, IMG002, IMG003, IMG004, IMG005, IMG006, IMG007, IMG008, IMG009, IMG010, IMG017, IMG018,
};
use super::dockerfile::{is_under, steers_the_host};
use super::exit::bytes;
use super::policy::Policy;
use crate::model::{Finding, Found, ImageFacts, RunLimits, limits};

/// Checks an image with an unknown base image.
pub fn check_image(image: &ImageFacts, bounds: &RunLimits, policy: &Policy) -> Vec<Finding> {
    check_image_on_base(image, None, bounds, policy)
}

/// Checks an image. Environment variables of its base image, which is on the organizers' list, are accepted.
pub fn check_image_on_base(
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
            "The image is for {}/{}, but the server is {}",
            printable(&image.os),
            printable(&image.architecture),
            policy.platform()
        )));
    }
    if image.bytes > bounds.image {
        findings.push(IMG003.finding(format!(
            "Image size: {}. At most {} is allowed",
            bytes(image.bytes),
            bytes(bounds.image)
        )));
    }
    if image.layers > limits::IMAGE_LAYERS_MAX {
        findings.push(too_many_layers(image.layers));
    }
    if let Some(volume) = image.volumes.first() {
        let message = format!("The image declares a volume: `{}`", printable(volume));
        findings.push(IMG005.finding(message));
    }
    if !image.on_build.is_empty() {
        findings.push(IMG006.finding("The image has ONBUILD instructions"));
    }
    findings.extend(check_environment(image, base));
    if is_root(&image.user) {
        let message = "The image asks for root. The container runs as user 65534 instead";
        findings.push(IMG008.finding(message));
    }
    if let Some(root) = ["/proc", "/sys", "/dev"].into_iter().find(|root| is_under(&image.working_dir, root)) {
        findings.push(IMG009.finding(format!("The working directory is under {root}")));
    }
    findings.extend(check_labels(image));
    findings.into_iter().map(|finding| policy.apply_severity(finding)).collect()
}

/// Also for the layers of a manifest.
pub(super) fn too_many_layers(layers: usize) -> Finding {
    let layers_max = limits::IMAGE_LAYERS_MAX;
    IMG004.finding(format!("The image has {layers} layers. At most {layers_max} are allowed"))
}

/// An engine reads these files before it starts a container.
const ACCOUNT_FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];
/// Of a line in bytes. Engines read no longer lines of these files (Go's `bufio.Scanner`).
const ACCOUNT_LINE_MAX: u64 = 60_000;
const ACCOUNT_FILE_BYTES_MAX: u64 = 256 * 1024;
/// The mount points of every container, besides inputs and outputs.
const MOUNTS: [&str; 4] = ["/dev", "/proc", "/sys", "/tmp"];

/// The files of an image that an engine reads before it starts a container.
pub fn account_files() -> Vec<String> {
    ACCOUNT_FILES.map(str::to_owned).to_vec()
}

/// The problems of [`account_files`], each as a sentence without a full stop.
pub fn account_file_problems(found: &BTreeMap<String, Found>) -> Vec<String> {
    let all = found.iter().filter(|(path, _)| ACCOUNT_FILES.contains(&path.as_str()));
    all.filter_map(|(path, found)| Some(format!("`{path}` {}", account_file_problem(found)?))).collect()
}

/// The paths of an image that [`check_inspected_paths`] checks.
pub fn inspected_paths(policy: &Policy) -> Vec<String> {
    let fixed = ACCOUNT_FILES.into_iter().chain(MOUNTS).map(str::to_owned);
    fixed.chain(policy.mounts.iter().cloned()).collect()
}

/// Checks the files that were found at [`inspected_paths`].
pub fn check_inspected_paths(found: &BTreeMap<String, Found>, policy: &Policy) -> Vec<Finding> {
    let findings = found.iter().filter_map(|(path, found)| {
        let (rule, problem) = if ACCOUNT_FILES.contains(&path.as_str()) {
            (IMG017, account_file_problem(found)?)
        } else {
            (IMG018, mount_point_problem(found)?)
        };
        let message = format!("`{}` of the image {problem}", printable(path));
        Some(policy.apply_severity(rule.finding(message)))
    });
    findings.collect()
}

fn account_file_problem(found: &Found) -> Option<&'static str> {
    match found {
        Found::File { bytes, longest_line: Some(line) }
            if *bytes <= ACCOUNT_FILE_BYTES_MAX && *line <= ACCOUNT_LINE_MAX =>
        {
            None
        }
        Found::File { .. } => Some("is too large, or has a line that is too long"),
        Found::Directory => Some("is a directory"),
        other => special_file_problem(other),
    }
}

fn mount_point_problem(found: &Found) -> Option<&'static str> {
    match found {
        Found::Directory => None,
        Found::File { .. } => Some("is a file"),
        other => special_file_problem(other),
    }
}

fn special_file_problem(found: &Found) -> Option<&'static str> {
    match found {
        Found::Nothing | Found::File { .. } | Found::Directory => None,
        Found::Link => Some("is a symbolic link"),
        Found::Other => Some("is a device, a pipe or a socket"),
        Found::Unreadable(_) => Some("cannot be reached, because links in its path lead nowhere"),
    }
}

fn check_environment(image: &ImageFacts, base: Option<&ImageFacts>) -> Vec<Finding> {
    let inherited = |entry: &String| base.is_some_and(|base| base.env.contains(entry));
    image
        .env
        .iter()
        .filter(|entry| !inherited(entry))
        .filter_map(|entry| {
            let name = entry.split('=').next().unwrap_or(entry);
            steers_the_host(name).then(|| IMG007.finding(format!("The image sets `{}`", printable(name))))
        })
        .collect()
}

fn check_labels(image: &ImageFacts) -> Option<Finding> {
    let size: usize = image.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
    (size > limits::IMAGE_LABEL_BYTES_MAX).then(|| {
        IMG010.finding(format!(
            "The labels have {}. At most {} is allowed",
            bytes(size as u64),
            bytes(limits::IMAGE_LABEL_BYTES_MAX as u64)
        ))
    })
}

fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    name.is_empty() || name == "root" || name.parse() == Ok(0_u32)
}

/// A text of the image for a message.
pub(super) fn printable(text: &str) -> String {
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
    fn account_files_and_mount_points_are_checked() {
        let policy = Policy::new(["python:3.11"], [&samples::contract("{case}.png")]);
        let file = |bytes, longest_line| Found::File { bytes, longest_line };
        let codes = |path: &str, found: Found| -> Vec<String> {
            let found = BTreeMap::from([(path.to_owned(), found)]);
            let all = check_inspected_paths(&found, &policy).into_iter();
            all.map(|f| f.code).collect()
        };
        let kinds =
            [file(1 << 30, None), Found::Directory, Found::Link, Found::Other, Found::Unreadable(String::new())];
        let blocks = kinds.iter().map(|found| {
            let paths = ["/etc/group", "/input"].map(|path| (path.to_owned(), found.clone()));
            let findings = check_inspected_paths(&BTreeMap::from(paths), &policy);
            samples::block(format!("{found:?}"), &findings)
        });
        insta::assert_snapshot!("paths", blocks.collect::<String>());
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
        for found in [file(1, Some(1)), Found::Link, Found::Other, Found::Unreadable(String::new())] {
            assert_eq!(codes("/input", found.clone()), ["IMG018"], "{found:?}");
        }
        let inspected = inspected_paths(&policy);
        let has = |path: &str| inspected.iter().any(|p| p == path);
        assert!(has("/etc/group") && has("/tmp"));
        assert!(policy.mounts.iter().all(|mount| inspected.contains(mount)));
    }

    #[test]
    fn each_problem_is_found_alone_and_a_good_image_has_none() {
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
            ("IMG010", |i| drop(i.labels.insert("a".into(), "b".repeat(20_000)))),
        ];
        let mut all = String::new();
        for (code, change) in changes {
            let mut image = good();
            change(&mut image);
            let findings = check_image(&image, &samples::limits(), &policy);
            let label = if code.is_empty() { "accepted" } else { code };
            all += &samples::block(label, &findings);
            let codes: Vec<_> = findings.into_iter().map(|f| f.code).collect();
            assert_eq!(codes.concat(), code);
        }
        insta::assert_snapshot!("images", all);
    }

    #[test]
    fn variables_of_the_base_image_are_accepted_unless_they_were_changed() {
        let policy = Policy::new(["x"], []);
        let mut base = good();
        base.env.push("LD_LIBRARY_PATH=/usr/local/nvidia/lib64".into());
        let mut image = base.clone();
        assert_eq!(check_image_on_base(&image, Some(&base), &samples::limits(), &policy), []);
        image.env.push("LD_LIBRARY_PATH=/evil".into());
        assert_eq!(check_image_on_base(&image, Some(&base), &samples::limits(), &policy)[0].code, "IMG007");
    }
}
