//! The one description of a locked-down container, and whether the engine obeyed it. Pure.
//!
//! It refuses to take anything from an image but what the image must decide: its program, its
//! working directory, and the environment that is not removed. What was asked for is compared
//! with what `inspect` shows before the container is started: every field that we set must be
//! there unchanged, and every field that we did not set must be at rest.
//!
//! Why each value is what it is: field by field in [`create_body`]. Where the kernel or the engine
//! silently does less (no AppArmor, no swap accounting), [`super::check`] says so.

use std::collections::HashMap;

use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, DeviceRequest, HealthConfig,
    HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountPoint, MountType, MountVolumeOptions,
    MountVolumeOptionsDriverConfig, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use serde_json::Value;

use super::{EngineFacts, OutputStore, is_name};
use crate::executor::{ExecutorError, Input, JobSpec, OutputSpec, Result, spec_digest};

/// Our own profile: everything is denied but what it lists, by purpose. It travels inline with
/// every create call, so it holds on remote engines too. gVisor (`runsc`) ignores it.
const SECCOMP: &str = include_str!("seccomp.json");

/// Nobody, on every distribution. Images' own users are ignored: they may be root.
pub(super) const USER: u32 = 65534;
/// What every job takes its machine to be called.
pub(super) const HOSTNAME: &str = "referee";
/// Files that a process of a job may have open.
pub(super) const OPEN_FILES: i64 = 4096;

/// Threads of gVisor's own. With 64 in all, simple programs failed now and then; with 512 none did.
const GVISOR_THREADS: i64 = 512;

/// Unit of tmpfs.
const PAGE: u64 = 4096;

pub(super) const LABEL_INSTANCE: &str = "referee.instance";
pub(super) const LABEL_JOB: &str = "referee.job";
pub(super) const LABEL_ROLE: &str = "referee.role";
pub(super) const LABEL_SPEC: &str = "referee.spec";

/// What a container of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs somebody's image.
    Job,
    /// Keeps a job's output mounted; runs [`super::holder`].
    Holder,
    /// Runs into a limit on purpose, for [`super::check`].
    Canary,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Holder => "holder",
            Self::Canary => "canary",
        }
    }
}

/// Names that belong to a job on an engine; the instance is part of them, so that two daemons on
/// one engine cannot take each other's containers for their own.
pub(super) struct Names<'a> {
    pub instance: &'a str,
    pub job: &'a str,
}

impl Names<'_> {
    pub(super) fn container(&self, role: Role) -> String {
        let (instance, job) = (self.instance, self.job);
        match role {
            Role::Job | Role::Canary => format!("referee-{instance}-{job}"),
            Role::Holder => format!("referee-{instance}-{job}-holder"),
        }
    }

    pub(super) fn volume(&self) -> String {
        format!("referee-{}-{}-output", self.instance, self.job)
    }
}

/// Everything that decides a container besides the job itself.
pub(super) struct Place<'a> {
    pub names: Names<'a>,
    pub role: Role,
    pub engine: &'a EngineFacts,
    /// The configured runtime, or the engine's default.
    pub runtime: &'a str,
    pub output: OutputStore,
}

/// The body of `POST /containers/create`; input paths are the engine's already.
///
/// # Errors
/// When a number does not fit or a path would change the meaning of an option.
pub(super) fn create_body(job: &JobSpec, place: &Place) -> Result<ContainerCreateBody> {
    check_words(job)?;
    Ok(ContainerCreateBody {
        image: Some(job.image.as_str().to_owned()),
        user: Some(format!("{USER}:{USER}")),
        hostname: Some(HOSTNAME.to_owned()),
        // Also spares 0.15 s for each container; the price is that there is no /etc/hosts, and so no `localhost`.
        network_disabled: Some(true),
        attach_stdin: Some(false),
        open_stdin: Some(false),
        tty: Some(false),
        stop_signal: Some("SIGKILL".to_owned()),
        // An image's own health check would run beside the job and print into `inspect`.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        env: Some(environment(job)),
        labels: Some(labels(job, place)),
        host_config: Some(host_config(job, place)?),
        // No working_dir: many honest images rely on `WORKDIR /app` with `python main.py`. The
        // effective one is checked in `differences`: below /proc, /sys or /dev it could name a
        // descriptor that leaked from the runtime (CVE-2024-21626).
        // No entrypoint and no cmd: the image's own.
        ..ContainerCreateBody::default()
    })
}

/// Refuses what an engine or a shell would read otherwise than it looks.
fn check_words(job: &JobSpec) -> Result<()> {
    let refuse = |what: String| Err(ExecutorError::Refused(format!("job {}: {what}", job.name)));
    if !is_name(&job.name, 63) {
        return refuse("the name has other characters than a-z, 0-9 and `-`".to_owned());
    }
    let inputs = job.inputs.iter().map(|input| &input.target);
    if let Some(bad) = inputs.chain([&job.output.target]).find(|t| !is_target(t)) {
        return refuse(format!("nothing can be mounted at `{bad}`"));
    }
    let names = job.env.iter().map(|(name, _)| name).chain(&job.env_remove);
    if let Some(bad) = names
        .into_iter()
        .find(|n| n.is_empty() || n.contains(['=', '\0']))
    {
        return refuse(format!("`{bad}` is no name of a variable"));
    }
    Ok(())
}

fn host_config(job: &JobSpec, place: &Place) -> Result<HostConfig> {
    let limits = &job.limits;
    let memory = signed("memory", limits.memory)?;
    let largest_file = signed("output", largest_file(job))?;
    Ok(HostConfig {
        network_mode: Some("none".to_owned()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        privileged: Some(false),
        security_opt: Some(security(place.engine)),
        readonly_rootfs: Some(true),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        memory: Some(memory),
        memory_swap: Some(memory), // the sum: no swap
        oom_kill_disable: Some(false),
        oom_score_adj: Some(500), // before the engine and before us
        nano_cpus: Some((limits.cpus * 1e9).round() as i64),
        pids_limit: Some(pids_limit(limits.pids, place.runtime)),
        shm_size: Some(signed("shm", limits.shm)?),
        ulimits: Some(vec![
            ulimit("nofile", OPEN_FILES),
            ulimit("core", 0),
            ulimit("fsize", largest_file),
        ]),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), tmp_options(job))])),
        mounts: Some(mounts(job, place)?),
        // Two files of 8 MB on the engine's disk, whatever is printed; `log` keeps the head.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "8m".to_owned()),
                ("max-file".to_owned(), "2".to_owned()),
            ])),
        }),
        init: Some(true),         // or process 1 ignores its own segmentation fault
        auto_remove: Some(false), // or the end is lost
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            ..RestartPolicy::default()
        }),
        publish_all_ports: Some(false),
        runtime: Some(place.runtime.to_owned()),
        device_requests: (!job.gpus.is_empty()).then(|| {
            vec![DeviceRequest {
                driver: Some("nvidia".to_owned()),
                device_ids: Some(job.gpus.iter().map(|gpu| gpu.0.clone()).collect()),
                capabilities: Some(vec![
                    ["gpu", "compute", "utility"].map(str::to_owned).to_vec(),
                ]),
                ..DeviceRequest::default()
            }]
        }),
        ..HostConfig::default()
    })
}

/// 0 would mean no limit. gVisor counts against its sandbox, so its own threads need room, too: where they
/// find none it gives up, and an honest job fails by chance.
fn pids_limit(pids: u32, runtime: &str) -> i64 {
    let own = match runtime.starts_with("runsc") {
        true => GVISOR_THREADS,
        false => 0,
    };
    i64::from(pids.max(1)) + own
}

/// Bytes of the largest file. A scratch file in /tmp or a shared tensor in /dev/shm may be larger than
/// the whole output; all three are capped on their own, so this only stops absurdly sparse files.
pub(super) fn largest_file(job: &JobSpec) -> u64 {
    job.output.bytes.max(job.limits.tmp).max(job.limits.shm)
}

/// What /tmp is mounted with: uid and gid, because `mode` alone is ignored where the image has a /tmp
/// of its own.
pub(super) fn tmp_options(job: &JobSpec) -> String {
    let size = job.limits.tmp;
    format!("rw,nosuid,nodev,noexec,size={size},nr_inodes=100k,uid={USER},gid={USER},mode=0700")
}

fn security(engine: &EngineFacts) -> Vec<String> {
    let mut options = vec![
        "no-new-privileges:true".to_owned(),
        format!("seccomp={SECCOMP}"),
    ];
    // Without AppArmor in the kernel this would be accepted and do nothing.
    if engine.has_apparmor() {
        options.push("apparmor=docker-default".to_owned());
    }
    options
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(value),
        hard: Some(value),
    }
}

/// A name without `=` takes the variable out of the image's environment.
fn environment(job: &JobSpec) -> Vec<String> {
    let set = job
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    set.chain(job.env_remove.iter().cloned()).collect()
}

/// Ours come last: neither an image nor a caller can give a container another owner.
fn labels(job: &JobSpec, place: &Place) -> HashMap<String, String> {
    let mut labels: HashMap<String, String> = job
        .labels
        .iter()
        .map(|(name, value)| (label_name(name), value.clone()))
        .collect();
    labels.extend(owner_labels(&place.names, place.role));
    labels.insert(LABEL_SPEC.to_owned(), spec_digest(job).to_string());
    labels
}

/// All our labels begin alike, whether their caller wrote it or not.
pub(super) fn label_name(name: &str) -> String {
    match name.strip_prefix("referee.") {
        Some(_) => name.to_owned(),
        None => format!("referee.{name}"),
    }
}

pub(super) fn owner_labels(names: &Names, role: Role) -> HashMap<String, String> {
    HashMap::from([
        (LABEL_INSTANCE.to_owned(), names.instance.to_owned()),
        (LABEL_JOB.to_owned(), names.job.to_owned()),
        (LABEL_ROLE.to_owned(), role.as_str().to_owned()),
    ])
}

/// `Mounts`, never `Binds`: a missing source is an error instead of a new empty directory.
fn mounts(job: &JobSpec, place: &Place) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for input in &job.inputs {
        mounts.push(input_mount(input)?);
    }
    if place.role != Role::Canary {
        mounts.push(output_mount(&job.output, place));
    }
    Ok(mounts)
}

/// `NonRecursive`, because a read-only bind leaves mounts below it writable.
fn input_mount(input: &Input) -> Result<Mount> {
    let source = input.source.to_str().ok_or_else(|| {
        ExecutorError::Refused(format!("input {} is not UTF-8", input.source.display()))
    })?;
    Ok(Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_owned()),
        target: Some(input.target.clone()),
        read_only: Some(true),
        bind_options: Some(MountBindOptions {
            non_recursive: Some(true),
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    })
}

/// `NoCopy`, or the image could seed the volume with files of its own. The driver's options are
/// given with the mount, so that a volume that vanished comes back capped or not at all.
fn output_mount(output: &OutputSpec, place: &Place) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(place.names.volume()),
        target: Some(output.target.clone()),
        read_only: Some(false),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(owner_labels(&place.names, Role::Job)),
            driver_config: Some(MountVolumeOptionsDriverConfig {
                name: Some("local".to_owned()),
                options: Some(volume_options(output, place.output)),
            }),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// One page and one entry more than the job may use: whoever has filled the file system has
/// then gone over the limit, and whoever used exactly what was allowed has not. The entry of
/// the root directory counts, too. The limit of bytes is rounded up to pages.
pub(super) fn volume_options(output: &OutputSpec, store: OutputStore) -> HashMap<String, String> {
    let OutputStore::Tmpfs = store;
    let size = output.bytes.div_ceil(PAGE) * PAGE + PAGE;
    let entries = output.files.saturating_add(2);
    HashMap::from([
        ("type".to_owned(), "tmpfs".to_owned()),
        ("device".to_owned(), "tmpfs".to_owned()),
        (
            "o".to_owned(),
            format!(
                "size={size},nr_inodes={entries},uid={USER},gid={USER},mode=0700,nosuid,nodev,noexec"
            ),
        ),
    ])
}

/// Bytes of the file system that a file of this length takes, at most.
pub(super) fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE).saturating_mul(PAGE)
}

fn signed(what: &str, value: u64) -> Result<i64> {
    i64::try_from(value)
        .map_err(|_| ExecutorError::Refused(format!("{what}: {value} bytes are too many")))
}

/// In which ways an existing container is not what was asked for; empty when it is.
pub(super) fn differences(
    wanted: &ContainerCreateBody,
    seen: &ContainerInspectResponse,
) -> Vec<String> {
    let mut found = Vec::new();
    let wanted_host = wanted.host_config.clone().unwrap_or_default();
    let seen_host = seen.host_config.clone().unwrap_or_default();
    compare(
        "HostConfig",
        &json(&wanted_host),
        &json(&seen_host),
        &mut found,
    );
    proc_is_masked(&seen_host, &mut found);
    compare_config(wanted, &seen.config.clone().unwrap_or_default(), &mut found);
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

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Every wanted value is there, and whatever was not asked for is at rest.
fn compare(path: &str, wanted: &Value, seen: &Value, found: &mut Vec<String>) {
    match (wanted, seen) {
        (Value::Object(wanted), Value::Object(seen)) => {
            for (name, value) in wanted {
                let other = seen.get(name).unwrap_or(&Value::Null);
                compare(&format!("{path}.{name}"), value, other, found);
            }
            for (name, value) in seen {
                let set_by_engine = matches!(name.as_str(), "MaskedPaths" | "ReadonlyPaths");
                if !wanted.contains_key(name) && !is_at_rest(value) && !set_by_engine {
                    found.push(format!("{path}.{name} is {} unasked", short(value)));
                }
            }
        }
        (Value::Array(wanted), Value::Array(seen)) if wanted.len() == seen.len() => {
            for (index, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
                compare(&format!("{path}[{index}]"), wanted, seen, found);
            }
        }
        _ if wanted == seen || (is_at_rest(wanted) && is_at_rest(seen)) => {}
        _ => found.push(format!(
            "{path} is {} instead of {}",
            short(seen),
            short(wanted)
        )),
    }
}

/// Null, false, zero, empty, or made of nothing else.
fn is_at_rest(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_at_rest),
        Value::Object(fields) => fields.values().all(is_at_rest),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The engine hides parts of /proc and /sys by itself; a privileged container shows them.
fn proc_is_masked(seen: &HostConfig, found: &mut Vec<String>) {
    let masked = seen.masked_paths.as_deref().unwrap_or_default();
    let read_only = seen.readonly_paths.as_deref().unwrap_or_default();
    for path in [
        "/proc/kcore",
        "/proc/keys",
        "/proc/timer_list",
        "/sys/firmware",
    ] {
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
    let mut same = |what: &str, wanted: Value, seen: Value| {
        compare(what, &wanted, &seen, found);
    };
    same("User", json(&wanted.user), json(&seen.user));
    same("Hostname", json(&wanted.hostname), json(&seen.hostname));
    same(
        "NetworkDisabled",
        json(&wanted.network_disabled),
        json(&seen.network_disabled),
    );
    same(
        "AttachStdin",
        json(&wanted.attach_stdin),
        json(&seen.attach_stdin),
    );
    same(
        "OpenStdin",
        json(&wanted.open_stdin),
        json(&seen.open_stdin),
    );
    same("Tty", json(&wanted.tty), json(&seen.tty));
    same(
        "StopSignal",
        json(&wanted.stop_signal),
        json(&seen.stop_signal),
    );
    // Intervals of the image may stay; `NONE` is what switches it off.
    let test = |check: &Option<HealthConfig>| json(&check.as_ref().and_then(|c| c.test.as_ref()));
    same(
        "Healthcheck",
        test(&wanted.healthcheck),
        test(&seen.healthcheck),
    );
    // A volume of the image is a writable directory without a limit.
    same("Volumes", Value::Null, json(&seen.volumes));
    let labels = seen.labels.clone().unwrap_or_default();
    for (name, value) in wanted.labels.iter().flatten() {
        if labels.get(name) != Some(value) {
            found.push(format!("label {name} is {:?}", labels.get(name)));
        }
    }
    let env = seen.env.as_deref().unwrap_or_default();
    for entry in wanted.env.iter().flatten() {
        let removed = !entry.contains('=');
        // The engine keeps the bare name of a removed variable, and gives it to nobody.
        let is_there = env.iter().any(|e| match removed {
            true => e.split_once('=').is_some_and(|(name, _)| name == entry),
            false => e == entry,
        });
        if removed == is_there {
            let name = entry.split('=').next().unwrap_or_default();
            found.push(format!("variable {name} is not as asked"));
        }
    }
    let directory = seen.working_dir.as_deref().unwrap_or_default();
    if is_kernel_path(directory) {
        found.push(format!("working directory is {directory}"));
    }
}

/// Whether a path leads into a file system of the kernel, whatever dots and slashes it has.
fn is_kernel_path(path: &str) -> bool {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    matches!(parts.first(), Some(&("proc" | "sys" | "dev")))
}

/// `Mounts` of `inspect` lists what is really mounted, anonymous volumes of the image included.
fn compare_mounts(wanted: &[Mount], seen: &[MountPoint], found: &mut Vec<String>) {
    for mount in wanted {
        let target = mount.target.as_deref().unwrap_or_default();
        let Some(point) = seen
            .iter()
            .find(|p| p.destination.as_deref() == Some(target))
        else {
            found.push(format!("{target} is not mounted"));
            continue;
        };
        let is_volume = mount.typ == Some(MountType::VOLUME);
        let from = if is_volume {
            &point.name
        } else {
            &point.source
        };
        if *from != mount.source {
            found.push(format!("{target} comes from {from:?}"));
        }
        if point.rw != mount.read_only.map(|ro| !ro) {
            found.push(format!("{target} is writable: {:?}", point.rw));
        }
        let private = point.propagation.as_deref().unwrap_or_default();
        if !is_volume && private != "rprivate" {
            found.push(format!("{target} propagates: {private}"));
        }
    }
    for point in seen {
        let target = point.destination.as_deref().unwrap_or_default();
        if !wanted.iter().any(|m| m.target.as_deref() == Some(target)) {
            found.push(format!("{target} is mounted unasked"));
        }
    }
}

/// A path at which something can be mounted: absolute, in its shortest form, not the root, not
/// in a file system of the kernel, and of characters that no option or report has to escape.
fn is_target(path: &str) -> bool {
    let good = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    path.strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(good))
        && !is_kernel_path(path)
}

/// Whether a container was made by this instance for this job.
pub(super) fn is_owned(seen: &ContainerInspectResponse, instance: &str, job: &str) -> bool {
    let labels = seen.config.as_ref().and_then(|c| c.labels.as_ref());
    let is = |name, value| labels.and_then(|l| l.get(name)).is_some_and(|v| v == value);
    is(LABEL_INSTANCE, instance) && is(LABEL_JOB, job)
}

#[cfg(test)]
mod tests;
