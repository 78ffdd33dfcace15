//! The one description of a locked-down container, and the comparison with what the engine made of it. Pure.
//!
//! An image decides only its program, its working directory, and those variables of the environment that are not
//! removed. Before a container starts, the requested configuration is compared with the result of `inspect`: every
//! requested field must be there unchanged, and every other field must have its inactive value.
//!
//! [`create_body`] gives the reason for each value. Where the kernel or the engine silently does less (no AppArmor, no
//! swap accounting), [`super::self_test`] reports it.

mod comparison;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, DeviceRequest, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType, MountVolumeOptions,
    MountVolumeOptionsDriverConfig, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};

use super::connection::is_name;
use super::facts::EngineFacts;
use crate::executor::{ExecutorError, Input, JobSpec, OutputSpec, Result};

pub(super) use comparison::differences;

/// Referee's own profile of system calls. It denies every call that it does not list, and gives a purpose for each
/// listed one. Every create request contains it, so it holds on remote engines too. gVisor (`runsc`) ignores it.
const SECCOMP: &str = include_str!("seccomp.json");

/// The user `nobody` of every distribution. The user of the image is ignored: it may be root.
pub(super) const USER: u32 = 65534;
/// The host name in every job.
pub(super) const HOSTNAME: &str = "referee";
/// The number of files that a process of a job may have open.
pub(super) const OPEN_FILES: i64 = 4096;

/// gVisor's own threads. With 64 threads in all, simple programs sometimes failed; with 512 none did.
const GVISOR_THREADS: i64 = 512;

/// Bytes of a page, the unit of tmpfs.
const PAGE: u64 = 4096;

pub(super) const LABEL_INSTANCE: &str = "referee.instance";
pub(super) const LABEL_JOB: &str = "referee.job";
pub(super) const LABEL_ROLE: &str = "referee.role";
const LABEL_SPEC: &str = "referee.spec";

/// The purpose of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Role {
    /// Runs the image of a submission or a scorer.
    Job,
    /// Keeps a job's output volume mounted, see [`super::output_keeper`].
    Keeper,
    /// Exceeds a limit on purpose for [`super::self_test`], or is inspected and never started.
    Probe,
}

/// The names of a job's objects on an engine. They contain the instance, so two daemons on one engine cannot mistake
/// each other's containers for their own.
pub(super) struct Names<'a> {
    pub instance: &'a str,
    pub job: &'a str,
}

impl Names<'_> {
    pub(super) fn container(&self, role: Role) -> String {
        let (instance, job) = (self.instance, self.job);
        match role {
            Role::Job | Role::Probe => format!("referee-{instance}-{job}"),
            Role::Keeper => format!("referee-{instance}-{job}-keeper"),
        }
    }

    pub(super) fn volume(&self) -> String {
        format!("referee-{}-{}-output", self.instance, self.job)
    }
}

/// Everything besides the job that decides a container.
pub(super) struct SandboxContext<'a> {
    pub names: Names<'a>,
    pub role: Role,
    pub engine: &'a EngineFacts,
    /// The configured runtime, or the engine's default.
    pub runtime: &'a str,
}

/// The body of `POST /containers/create`. The sources of inputs are paths of the engine's host already.
///
/// # Errors
/// When a number is too large, or a path or name would change the meaning of an option.
pub(super) fn create_body(job: &JobSpec, context: &SandboxContext) -> Result<ContainerCreateBody> {
    check_names_and_paths(job)?;
    Ok(ContainerCreateBody {
        image: Some(job.image.as_str().to_owned()),
        user: Some(format!("{USER}:{USER}")),
        hostname: Some(HOSTNAME.to_owned()),
        // Saves 0.15 s for each container. In return there is no /etc/hosts, and so no `localhost`.
        network_disabled: Some(true),
        attach_stdin: Some(false),
        open_stdin: Some(false),
        tty: Some(false),
        stop_signal: Some("SIGKILL".to_owned()),
        // A health check of the image would run beside the job and print into `inspect`.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        env: Some(environment(job)),
        labels: Some(labels(job, context)),
        host_config: Some(host_config(job, context)?),
        // No working_dir: many honest images rely on `WORKDIR /app` with `python main.py`. `differences` checks the
        // effective one: below /proc, /sys or /dev it could name a file descriptor that leaked from the runtime
        // (CVE-2024-21626). No entrypoint and no cmd: the image's own are used.
        ..ContainerCreateBody::default()
    })
}

/// Refuses names and paths that an engine or a shell would read as something else.
fn check_names_and_paths(job: &JobSpec) -> Result<()> {
    let refuse = |why: String| Err(ExecutorError::Refused(format!("job {}: {why}", job.name)));
    if !is_name(&job.name, 63) {
        return refuse("the name has other characters than a-z, 0-9 and `-`".to_owned());
    }
    let inputs = job.inputs.iter().map(|input| &input.target);
    if let Some(bad) = inputs.chain([&job.output.target]).find(|t| !is_target(t)) {
        return refuse(format!("nothing can be mounted at `{bad}`"));
    }
    let names = job.env.iter().map(|(name, _)| name).chain(&job.env_remove);
    if let Some(bad) = names.into_iter().find(|n| n.is_empty() || n.contains(['=', '\0'])) {
        return refuse(format!("`{bad}` is not a valid name of a variable"));
    }
    Ok(())
}

fn host_config(job: &JobSpec, context: &SandboxContext) -> Result<HostConfig> {
    let limits = &job.limits;
    let memory = signed("memory", limits.memory)?;
    let largest_file = signed("output", largest_file(job))?;
    Ok(HostConfig {
        network_mode: Some("none".to_owned()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        privileged: Some(false),
        security_opt: Some(security(context.engine)),
        readonly_rootfs: Some(true),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        memory: Some(memory),
        memory_swap: Some(memory), // memory and swap together: no swap
        oom_kill_disable: Some(false),
        oom_score_adj: Some(500), // the kernel kills a job before the engine and Referee
        nano_cpus: Some((limits.cpus * 1e9).round() as i64),
        pids_limit: Some(pids_limit(limits.pids, context.runtime)),
        shm_size: Some(signed("shm", limits.shm)?),
        ulimits: Some(vec![ulimit("nofile", OPEN_FILES), ulimit("core", 0), ulimit("fsize", largest_file)]),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), tmp_options(job))])),
        mounts: Some(mounts(job, context)?),
        // At most two files of 8 MB on the engine's disk. `log` keeps the start of the output.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "8m".to_owned()),
                ("max-file".to_owned(), "2".to_owned()),
            ])),
        }),
        init: Some(true),         // or process 1 ignores its own segmentation fault
        auto_remove: Some(false), // or the state of the ended container is lost
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), ..RestartPolicy::default() }),
        publish_all_ports: Some(false),
        runtime: Some(context.runtime.to_owned()),
        device_requests: (!job.gpus.is_empty()).then(|| vec![gpu_request(job)]),
        ..HostConfig::default()
    })
}

fn gpu_request(job: &JobSpec) -> DeviceRequest {
    DeviceRequest {
        driver: Some("nvidia".to_owned()),
        device_ids: Some(job.gpus.iter().map(|gpu| gpu.0.clone()).collect()),
        capabilities: Some(vec![["gpu", "compute", "utility"].map(str::to_owned).to_vec()]),
        ..DeviceRequest::default()
    }
}

/// 0 would mean no limit. gVisor's own threads count against the limit of its sandbox. Without room for them gVisor
/// gives up, and an honest job fails by chance.
fn pids_limit(pids: u32, runtime: &str) -> i64 {
    let runtime_threads = if runtime.starts_with("runsc") { GVISOR_THREADS } else { 0 };
    i64::from(pids.max(1)) + runtime_threads
}

/// Bytes of the largest file. A scratch file in /tmp or a shared tensor in /dev/shm may be larger than the whole
/// output. Each of the three has its own limit, so this one only stops absurdly sparse files.
pub(super) fn largest_file(job: &JobSpec) -> u64 {
    job.output.bytes.max(job.limits.tmp).max(job.limits.shm)
}

/// The mount options of /tmp. They name uid and gid, because `mode` alone is ignored where the image has a /tmp.
pub(super) fn tmp_options(job: &JobSpec) -> String {
    let size = job.limits.tmp;
    format!("rw,nosuid,nodev,noexec,size={size},nr_inodes=100k,uid={USER},gid={USER},mode=0700")
}

fn security(engine: &EngineFacts) -> Vec<String> {
    let mut options = vec!["no-new-privileges:true".to_owned(), format!("seccomp={SECCOMP}")];
    // An engine accepts this option without AppArmor in the kernel, and ignores it.
    if engine.has_apparmor() {
        options.push("apparmor=docker-default".to_owned());
    }
    options
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) }
}

/// A name without `=` removes the variable from the image's environment.
fn environment(job: &JobSpec) -> Vec<String> {
    let set = job.env.iter().map(|(name, value)| format!("{name}={value}"));
    set.chain(job.env_remove.iter().cloned()).collect()
}

/// The owner labels come last, so neither an image nor a caller can replace them.
fn labels(job: &JobSpec, context: &SandboxContext) -> HashMap<String, String> {
    let mut labels = prefixed_labels(&job.labels);
    labels.extend(owner_labels(&context.names, context.role));
    labels.insert(LABEL_SPEC.to_owned(), job.digest().to_string());
    labels
}

/// The labels of a caller. Each begins with `referee.`, whether the caller wrote that or not.
pub(super) fn prefixed_labels(labels: &[(String, String)]) -> HashMap<String, String> {
    let prefixed = |name: &str| match name.strip_prefix("referee.") {
        Some(_) => name.to_owned(),
        None => format!("referee.{name}"),
    };
    labels.iter().map(|(name, value)| (prefixed(name), value.clone())).collect()
}

pub(super) fn owner_labels(names: &Names, role: Role) -> HashMap<String, String> {
    HashMap::from([
        (LABEL_INSTANCE.to_owned(), names.instance.to_owned()),
        (LABEL_JOB.to_owned(), names.job.to_owned()),
        (LABEL_ROLE.to_owned(), role.to_string()),
    ])
}

/// `Mounts`, never `Binds`: a missing source is then an error instead of a new empty directory.
fn mounts(job: &JobSpec, context: &SandboxContext) -> Result<Vec<Mount>> {
    let mut mounts: Vec<_> = job.inputs.iter().map(input_mount).collect::<Result<_>>()?;
    if context.role != Role::Probe {
        mounts.push(output_mount(&job.output, context));
    }
    Ok(mounts)
}

/// `NonRecursive`, because a read-only bind mount leaves the mounts below it writable.
fn input_mount(input: &Input) -> Result<Mount> {
    let source = input
        .source
        .to_str()
        .ok_or_else(|| ExecutorError::Refused(format!("input {} is not UTF-8", input.source.display())))?;
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

/// `NoCopy`, or the image could add files of its own to the volume. The mount contains the driver's options, so a
/// volume that vanished is created again with its limit or not at all.
fn output_mount(output: &OutputSpec, context: &SandboxContext) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(context.names.volume()),
        target: Some(output.target.clone()),
        read_only: Some(false),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(owner_labels(&context.names, Role::Job)),
            driver_config: Some(MountVolumeOptionsDriverConfig {
                name: Some("local".to_owned()),
                options: Some(volume_options(output)),
            }),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// One page and one entry more than the job may use. So a full file system means that the job exceeded the limit, and a
/// job that used exactly its limit passes. The entry of the root directory counts too. The limit of bytes is rounded up
/// to pages.
pub(super) fn volume_options(output: &OutputSpec) -> HashMap<String, String> {
    let size = pages(output.bytes) + PAGE;
    let entries = output.files.saturating_add(2);
    HashMap::from([
        ("type".to_owned(), "tmpfs".to_owned()),
        ("device".to_owned(), "tmpfs".to_owned()),
        (
            "o".to_owned(),
            format!("size={size},nr_inodes={entries},uid={USER},gid={USER},mode=0700,nosuid,nodev,noexec"),
        ),
    ])
}

/// The most bytes of the file system that a file of this length takes.
pub(super) fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE).saturating_mul(PAGE)
}

fn signed(name: &str, value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| ExecutorError::Refused(format!("{name}: {value} bytes are too many")))
}

/// Whether a path leads into a file system of the kernel. Dots and slashes in it are resolved.
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

/// Whether something can be mounted at a path. The path must be absolute, in its shortest form, neither the root nor in
/// a file system of the kernel, and made of characters that no option or report has to escape.
fn is_target(path: &str) -> bool {
    let good = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(good)) && !is_kernel_path(path)
}

/// Whether this instance made a container for this job.
pub(super) fn is_owned(seen: &ContainerInspectResponse, instance: &str, job: &str) -> bool {
    let labels = seen.config.as_ref().and_then(|c| c.labels.as_ref());
    let is = |name, value| labels.and_then(|l| l.get(name)).is_some_and(|v| v == value);
    is(LABEL_INSTANCE, instance) && is(LABEL_JOB, job)
}
