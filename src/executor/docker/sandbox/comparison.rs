//! The comparison of a requested container with the one that the engine made. Pure.
//!
//! A difference in any field counts, whether the field was requested or not.

use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, HealthConfig, HostConfig, Mount, MountPoint,
    MountType,
};
use serde_json::Value;

use super::is_kernel_path;

/// The differences between a container and its request. Empty if there are none.
pub(in crate::executor::docker) fn differences(
    wanted: &ContainerCreateBody,
    seen: &ContainerInspectResponse,
) -> Vec<String> {
    let mut found = Vec::new();
    let wanted_host = wanted.host_config.clone().unwrap_or_default();
    let seen_host = seen.host_config.clone().unwrap_or_default();
    compare("HostConfig", &json(&wanted_host), &json(&seen_host), &mut found);
    compare_kernel_paths(&seen_host, &mut found);
    let seen_config = seen.config.clone().unwrap_or_default();
    compare_config(wanted, &seen_config, &mut found);
    compare_environment(wanted, &seen_config, &mut found);
    if seen.image != wanted.image {
        found.push(format!("image is {:?}", seen.image));
    }
    compare_mounts(
        wanted_host.mounts.as_deref().unwrap_or_default(),
        seen.mounts.as_deref().unwrap_or_default(),
        &mut found,
    );
    found
}

pub(super) fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Every requested value must be there, and every other value must be inactive.
fn compare(path: &str, wanted: &Value, seen: &Value, found: &mut Vec<String>) {
    match (wanted, seen) {
        (Value::Object(wanted), Value::Object(seen)) => {
            for (name, value) in wanted {
                let other = seen.get(name).unwrap_or(&Value::Null);
                compare(&format!("{path}.{name}"), value, other, found);
            }
            for (name, value) in seen {
                let set_by_engine = matches!(name.as_str(), "MaskedPaths" | "ReadonlyPaths");
                if !wanted.contains_key(name) && !is_inactive(value) && !set_by_engine {
                    found.push(format!("{path}.{name} is {}, which Referee did not request", short(value)));
                }
            }
        }
        (Value::Array(wanted), Value::Array(seen)) if wanted.len() == seen.len() => {
            for (index, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
                compare(&format!("{path}[{index}]"), wanted, seen, found);
            }
        }
        _ if wanted == seen || (is_inactive(wanted) && is_inactive(seen)) => {}
        _ => found.push(format!("{path} is {} instead of {}", short(seen), short(wanted))),
    }
}

/// Null, false, zero, empty, or made of nothing else.
fn is_inactive(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_inactive),
        Value::Object(fields) => fields.values().all(is_inactive),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The engine hides parts of /proc and /sys by itself. A privileged container shows them.
fn compare_kernel_paths(seen: &HostConfig, found: &mut Vec<String>) {
    let masked = seen.masked_paths.as_deref().unwrap_or_default();
    let read_only = seen.readonly_paths.as_deref().unwrap_or_default();
    for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"] {
        if !masked.iter().any(|m| m == path) {
            found.push(format!("{path} is not masked"));
        }
    }
    for path in ["/proc/sys", "/proc/sysrq-trigger"] {
        if !read_only.iter().any(|r| r == path) {
            found.push(format!("{path} is not read-only"));
        }
    }
}

fn compare_config(wanted: &ContainerCreateBody, seen: &ContainerConfig, found: &mut Vec<String>) {
    // Intervals of the image may remain. `NONE` switches the check off.
    let test = |check: &Option<HealthConfig>| json(&check.as_ref().and_then(|c| c.test.as_ref()));
    let (disabled, stdin) = (&wanted.network_disabled, &wanted.attach_stdin);
    for (name, wanted, seen) in [
        ("User", json(&wanted.user), json(&seen.user)),
        ("Hostname", json(&wanted.hostname), json(&seen.hostname)),
        ("NetworkDisabled", json(disabled), json(&seen.network_disabled)),
        ("AttachStdin", json(stdin), json(&seen.attach_stdin)),
        ("OpenStdin", json(&wanted.open_stdin), json(&seen.open_stdin)),
        ("Tty", json(&wanted.tty), json(&seen.tty)),
        ("StopSignal", json(&wanted.stop_signal), json(&seen.stop_signal)),
        ("Healthcheck", test(&wanted.healthcheck), test(&seen.healthcheck)),
        // A volume of the image is a writable directory without a limit.
        ("Volumes", Value::Null, json(&seen.volumes)),
    ] {
        compare(name, &wanted, &seen, found);
    }
    let labels = seen.labels.clone().unwrap_or_default();
    for (name, value) in wanted.labels.iter().flatten() {
        if labels.get(name) != Some(value) {
            found.push(format!("label {name} is {:?}", labels.get(name)));
        }
    }
    let directory = seen.working_dir.as_deref().unwrap_or_default();
    if is_kernel_path(directory) {
        found.push(format!("working directory is {directory}"));
    }
}

fn compare_environment(wanted: &ContainerCreateBody, seen: &ContainerConfig, found: &mut Vec<String>) {
    let env = seen.env.as_deref().unwrap_or_default();
    for entry in wanted.env.iter().flatten() {
        // The engine keeps the bare name of a removed variable, and gives it to no process.
        let removed = !entry.contains('=');
        let exists = if removed {
            env.iter().any(|e| e.split_once('=').is_some_and(|(name, _)| name == entry))
        } else {
            env.contains(entry)
        };
        if removed == exists {
            let name = entry.split('=').next().unwrap_or_default();
            found.push(format!("variable {name} is not as requested"));
        }
    }
}

/// `Mounts` of `inspect` lists the effective mounts, anonymous volumes of the image included.
fn compare_mounts(wanted: &[Mount], seen: &[MountPoint], found: &mut Vec<String>) {
    for mount in wanted {
        let target = mount.target.as_deref().unwrap_or_default();
        let Some(point) = seen.iter().find(|p| p.destination.as_deref() == Some(target)) else {
            found.push(format!("{target} is not mounted"));
            continue;
        };
        let is_volume = mount.typ == Some(MountType::VOLUME);
        let source = if is_volume { &point.name } else { &point.source };
        if *source != mount.source {
            found.push(format!("{target} has the source {source:?}"));
        }
        if point.rw != mount.read_only.map(|ro| !ro) {
            found.push(format!("{target} is writable: {:?}", point.rw));
        }
        let propagation = point.propagation.as_deref().unwrap_or_default();
        if !is_volume && propagation != "rprivate" {
            found.push(format!("{target} has the propagation {propagation}"));
        }
    }
    for point in seen {
        let target = point.destination.as_deref().unwrap_or_default();
        if !wanted.iter().any(|m| m.target.as_deref() == Some(target)) {
            found.push(format!("{target} is mounted, which Referee did not request"));
        }
    }
}
