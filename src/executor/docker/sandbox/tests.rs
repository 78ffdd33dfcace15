//! The create body word for word, and every way in which an engine could apply less than requested.

use std::path::PathBuf;

use bollard::models::MountPoint;
use serde_json::Value;

use super::comparison::json;
use super::*;
use crate::executor::JobLimits;
use crate::model::{Digest, Duration, GpuUuid};

fn job() -> JobSpec {
    JobSpec {
        name: "s7-run1-a9".to_owned(),
        image: Digest::of(b"image"),
        inputs: vec![Input { source: PathBuf::from("/srv/phakir/inputs"), target: "/phakir/inputs".to_owned() }],
        output: OutputSpec { target: "/phakir/outputs".to_owned(), bytes: 1_000_000, files: 100 },
        env: vec![("REFEREE_SEED".to_owned(), "42".to_owned())],
        env_remove: vec!["LD_PRELOAD".to_owned()],
        limits: JobLimits {
            cpus: 1.5,
            memory: 4 << 30,
            pids: 512,
            shm: 1 << 30,
            tmp: 2 << 30,
            time: Duration::seconds(60),
        },
        gpus: vec![GpuUuid("GPU-1".to_owned()), GpuUuid("GPU-2".to_owned())],
        labels: vec![("submission".to_owned(), "7".to_owned())],
    }
}

fn body_of(job: &JobSpec, engine: &EngineFacts) -> Result<ContainerCreateBody> {
    create_body(
        job,
        &SandboxContext { names: Names { instance: "here", job: &job.name }, role: Role::Job, engine, runtime: "runc" },
    )
}

fn body() -> ContainerCreateBody {
    body_of(&job(), &EngineFacts::default()).unwrap()
}

/// The answer of an engine that applies the whole request.
fn applied(body: &ContainerCreateBody) -> ContainerInspectResponse {
    let mut host = body.host_config.clone().unwrap();
    let paths = |paths: &[&str]| Some(paths.iter().map(|p| (*p).to_owned()).collect());
    host.masked_paths = paths(&["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]);
    host.readonly_paths = paths(&["/proc/sys", "/proc/sysrq-trigger"]);
    host.console_size = Some(vec![0, 0]);
    host.cgroup_parent = Some(String::new());
    let point = |mount: &Mount| MountPoint {
        name: (mount.typ == Some(MountType::VOLUME)).then(|| mount.source.clone().unwrap()),
        source: Some(match mount.typ {
            Some(MountType::VOLUME) => "/var/lib/docker/volumes/x/_data".to_owned(),
            _ => mount.source.clone().unwrap(),
        }),
        destination: mount.target.clone(),
        rw: mount.read_only.map(|ro| !ro),
        propagation: Some("rprivate".to_owned()),
        ..MountPoint::default()
    };
    let mounts = host.mounts.as_deref().unwrap().iter().map(point).collect();
    let config = serde_json::from_value(json(body)).unwrap();
    let mut seen = ContainerInspectResponse {
        image: body.image.clone(),
        host_config: Some(host),
        mounts: Some(mounts),
        config: Some(config),
        ..ContainerInspectResponse::default()
    };
    let config = seen.config.as_mut().unwrap();
    let env = ["PATH=/bin", "REFEREE_SEED=42", "LD_PRELOAD"];
    config.env = Some(env.map(str::to_owned).to_vec());
    config.working_dir = Some("/app".to_owned());
    config.cmd = Some(vec!["python3".to_owned()]);
    seen
}

#[test]
fn the_create_body_is_this_and_nothing_else() {
    let mut shown = json(&body());
    shown["HostConfig"]["SecurityOpt"][1] = "seccomp=(our profile)".into();
    shown["Labels"][LABEL_SPEC] = "(digest of the job)".into();
    insta::with_settings!({sort_maps => true}, {
        insta::assert_json_snapshot!(shown);
    });
}

#[test]
fn a_container_as_requested_has_no_differences() {
    assert_eq!(differences(&body(), &applied(&body())), Vec::<String>::new());
}

#[test]
fn every_deviation_of_the_engine_is_detected() {
    type Tamper = fn(&mut HostConfig);
    let tampers: &[(&str, Tamper)] = &[
        ("NetworkMode", |h| h.network_mode = Some("bridge".into())),
        ("CapDrop", |h| h.cap_drop = None),
        ("CapAdd", |h| h.cap_add = Some(vec!["SYS_ADMIN".into()])),
        ("Privileged", |h| h.privileged = Some(true)),
        ("SecurityOpt", |h| h.security_opt = Some(vec!["no-new-privileges:true".into()])),
        ("SecurityOpt", |h| {
            h.security_opt = Some(vec!["no-new-privileges:true".into(), "seccomp=unconfined".into()]);
        }),
        ("ReadonlyRootfs", |h| h.readonly_rootfs = Some(false)),
        ("IpcMode", |h| h.ipc_mode = Some("host".into())),
        ("PidMode", |h| h.pid_mode = Some("host".into())),
        ("UTSMode", |h| h.uts_mode = Some("host".into())),
        ("UsernsMode", |h| h.userns_mode = Some("host".into())),
        ("CgroupnsMode", |h| h.cgroupns_mode = Some(HostConfigCgroupnsModeEnum::HOST)),
        ("Memory", |h| h.memory = Some(0)),
        ("MemorySwap", |h| h.memory_swap = Some(-1)),
        ("OomKillDisable", |h| h.oom_kill_disable = Some(true)),
        ("NanoCpus", |h| h.nano_cpus = None),
        ("PidsLimit", |h| h.pids_limit = Some(-1)),
        ("ShmSize", |h| h.shm_size = Some(1 << 40)),
        ("Ulimits", |h| h.ulimits = None),
        ("Tmpfs", |h| h.tmpfs = Some(HashMap::from([("/tmp".into(), "rw".into())]))),
        ("Binds", |h| h.binds = Some(vec!["/:/host".into()])),
        ("VolumesFrom", |h| h.volumes_from = Some(vec!["other".into()])),
        ("Devices", |h| h.devices = serde_json::from_str(r#"[{"PathOnHost":"/dev/sda"}]"#).unwrap()),
        ("DeviceRequests", |h| h.device_requests.as_mut().unwrap()[0].count = Some(-1)),
        ("DeviceRequests", |h| {
            h.device_requests.as_mut().unwrap()[0].device_ids = Some(vec!["GPU-1".into()]);
        }),
        ("DeviceCgroupRules", |h| h.device_cgroup_rules = Some(vec!["a *:* rwm".into()])),
        ("GroupAdd", |h| h.group_add = Some(vec!["docker".into()])),
        ("Sysctls", |h| h.sysctls = Some(HashMap::from([("kernel.x".into(), "1".into())]))),
        ("ExtraHosts", |h| h.extra_hosts = Some(vec!["a:1.2.3.4".into()])),
        ("Runtime", |h| h.runtime = Some("other".into())),
        ("LogConfig", |h| h.log_config = None),
        ("AutoRemove", |h| h.auto_remove = Some(true)),
        ("RestartPolicy", |h| h.restart_policy.as_mut().unwrap().name = Some(RestartPolicyNameEnum::ALWAYS)),
        ("Init", |h| h.init = None),
        ("Mounts", |h| h.mounts.as_mut().unwrap()[0].read_only = Some(false)),
        ("Mounts", |h| h.mounts.as_mut().unwrap()[0].bind_options = None),
        ("Mounts", |h| h.mounts.as_mut().unwrap()[1].volume_options = None),
        ("/proc/kcore", |h| h.masked_paths = Some(Vec::new())),
        ("/proc/sys ", |h| h.readonly_paths = None),
    ];
    for (field, tamper) in tampers {
        let mut seen = applied(&body());
        tamper(seen.host_config.as_mut().unwrap());
        let found = differences(&body(), &seen);
        assert!(found.iter().any(|f| f.contains(field)), "{field}: {found:?}");
    }
}

#[test]
fn every_addition_of_the_image_is_detected() {
    type Tamper = fn(&mut ContainerInspectResponse);
    let tampers: &[(&str, Tamper)] = &[
        ("Volumes", |s| s.config.as_mut().unwrap().volumes = Some(vec!["/data".into()])),
        ("User", |s| s.config.as_mut().unwrap().user = Some("root".into())),
        ("Healthcheck", |s| s.config.as_mut().unwrap().healthcheck = None),
        ("NetworkDisabled", |s| s.config.as_mut().unwrap().network_disabled = None),
        ("LD_PRELOAD", |s| {
            s.config.as_mut().unwrap().env.as_mut().unwrap().push("LD_PRELOAD=/x.so".into());
        }),
        ("REFEREE_SEED", |s| s.config.as_mut().unwrap().env = None),
        ("working directory", |s| {
            s.config.as_mut().unwrap().working_dir = Some("/app/..//./proc/self/fd/8".into());
        }),
        ("label", |s| s.config.as_mut().unwrap().labels = None),
        ("image", |s| s.image = Some(Digest::of(b"other").to_string())),
        ("did not request", |s| {
            s.mounts.as_mut().unwrap().push(MountPoint { destination: Some("/data".into()), ..MountPoint::default() });
        }),
        ("not mounted", |s| s.mounts.as_mut().unwrap().truncate(1)),
        ("writable", |s| s.mounts.as_mut().unwrap()[0].rw = Some(true)),
        ("has the source", |s| s.mounts.as_mut().unwrap()[0].source = Some("/".into())),
        ("has the source", |s| s.mounts.as_mut().unwrap()[1].name = Some("other".into())),
        ("has the propagation", |s| s.mounts.as_mut().unwrap()[0].propagation = Some("rshared".into())),
    ];
    for (message, tamper) in tampers {
        let mut seen = applied(&body());
        tamper(&mut seen);
        let found = differences(&body(), &seen);
        assert!(found.iter().any(|f| f.contains(message)), "{message}: {found:?}");
    }
}

#[test]
fn ambiguous_names_and_paths_are_refused() {
    let changes: [fn(&mut JobSpec); 10] = [
        |j| j.name = "../x".into(),
        |j| j.output.target = "output".into(),
        |j| j.output.target = "/".into(),
        |j| j.output.target = "/output/".into(),
        |j| j.output.target = "/a/../proc".into(),
        |j| j.inputs[0].target = "/proc/1".into(),
        |j| j.inputs[0].target = "/in,rw".into(),
        |j| j.env_remove = vec!["A=b".into()],
        |j| j.env = vec![("A=b".into(), "c".into())],
        |j| j.limits.memory = u64::MAX,
    ];
    let messages = changes.map(|change| {
        let mut job = job();
        change(&mut job);
        let refused = body_of(&job, &EngineFacts::default());
        refused.expect_err("an ambiguous job").to_string()
    });
    insta::assert_snapshot!(messages.join("\n"));
    assert!(body_of(&job(), &EngineFacts::default()).is_ok());
}

#[test]
fn apparmor_is_requested_only_where_the_kernel_has_it() {
    let engine = EngineFacts {
        security: vec!["name=apparmor".to_owned(), "name=seccomp,profile=default".to_owned()],
        ..EngineFacts::default()
    };
    let body = body_of(&job(), &engine).unwrap();
    let options = body.host_config.unwrap().security_opt.unwrap();
    assert_eq!(options.last().map(String::as_str), Some("apparmor=docker-default"));
}

#[test]
fn labels_of_a_caller_cannot_replace_the_owner() {
    let mut job = job();
    job.labels =
        vec![(LABEL_INSTANCE.to_owned(), "elsewhere".to_owned()), ("referee.kind".to_owned(), "run".to_owned())];
    let labels = body_of(&job, &EngineFacts::default()).unwrap().labels.unwrap();
    assert_eq!(labels[LABEL_INSTANCE], "here");
    assert_eq!(labels["referee.kind"], "run");
}

#[test]
fn the_profile_denies_by_default_and_names_each_call_for_one_purpose() {
    let profile: Value = serde_json::from_str(SECCOMP).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let mut allowed = Vec::new();
    for rule in profile["syscalls"].as_array().unwrap() {
        assert!(rule["comment"].as_str().is_some_and(|c| !c.is_empty()));
        if rule["action"] == "SCMP_ACT_ALLOW" && rule["args"].is_null() {
            allowed.extend(rule["names"].as_array().unwrap().iter().filter_map(Value::as_str));
        }
    }
    let mut unique = allowed.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), allowed.len(), "a call is named twice");
    for dangerous in [
        "socket",
        "clone",
        "clone3",
        "unshare",
        "setns",
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "open_tree",
        "move_mount",
        "fsopen",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "process_madvise",
        "pidfd_getfd",
        "kcmp",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "keyctl",
        "add_key",
        "request_key",
        "init_module",
        "finit_module",
        "delete_module",
        "kexec_load",
        "open_by_handle_at",
        "name_to_handle_at",
        "fanotify_init",
        "quotactl",
        "reboot",
        "swapon",
        "settimeofday",
        "clock_settime",
        "adjtimex",
        "personality",
        "vmsplice",
        "syslog",
        "iopl",
        "ioperm",
        "mq_open",
        "msgget",
        "modify_ldt",
        "io_setup",
        "sync",
    ] {
        assert!(!allowed.contains(&dangerous), "{dangerous}");
    }
}

#[test]
fn gvisor_gets_room_for_its_own_threads() {
    for (pids, runtime, wanted) in [(0, "runc", 1), (64, "runc", 64), (64, "runsc", 576)] {
        assert_eq!(pids_limit(pids, runtime), wanted, "{pids} {runtime}");
    }
}
