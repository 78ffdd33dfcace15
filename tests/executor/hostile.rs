//! Jobs that try to escape, to exceed their limits, or to deceive the reader of their output.

use super::bench::*;

use referee::executor::Runner;
use referee::model::OutputLimitHit;

/// Tries to escape and to write, and prints one line for each attempt: its name, and `OPEN` or the error.
const PROBE: &str = r#"python3 -u - <<'END'
import ctypes, errno, os, socket
def way(name, f):
    try:
        f(); print(name, "OPEN")
    except OSError as e:
        print(name, errno.errorcode.get(e.errno, e.errno))
def sock(family, kind=socket.SOCK_STREAM):
    return lambda: socket.socket(family, kind)
way("vsock", sock(40))
way("alg", sock(38, socket.SOCK_SEQPACKET))
way("netlink", sock(16, socket.SOCK_RAW))
way("packet", sock(17, socket.SOCK_RAW))
way("raw", sock(socket.AF_INET, socket.SOCK_RAW))
way("bridge", lambda: socket.create_connection(("172.17.0.1", 22), 2))
way("internet", lambda: socket.create_connection(("192.0.2.1", 80), 2))
way("metadata", lambda: socket.create_connection(("169.254.169.254", 80), 2))
way("dns", lambda: socket.getaddrinfo("example.org", 80))
for path in ("/", "/etc/", "/usr/", "/dev/", "/sys/", "/proc/sys/kernel/", "/input/"):
    way("write " + path, lambda: open(path + "x", "w"))
way("write /tmp/", lambda: open("/tmp/x", "w"))
way("write /output/", lambda: open("/output/x", "w"))
way("device", lambda: os.mknod("/output/null", 0o20666, os.makedev(1, 3)))
way("chown", lambda: os.chown("/tmp/x", 0, 0))
way("setuid", lambda: os.setuid(0))
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    def run():
        if libc.syscall(number, *args) < 0:
            raise OSError(ctypes.get_errno(), "")
    return run
for name, number, args in (
    ("unshare", 272, (0x10000000,)), ("mount", 165, (0, 0, 0, 0, 0)), ("ptrace", 101, (0, 0, 0, 0)),
    ("keyctl", 250, (0, 0)), ("bpf", 321, (0, 0, 0)), ("io_uring", 425, (1, 0)),
    ("userfaultfd", 323, (0,)), ("clone-user", 56, (0x10000011, 0, 0, 0, 0)),
):
    way(name, call(number, *args))
for line in open("/proc/self/status"):
    if line.split(":")[0] in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
                              "NoNewPrivs", "Seccomp"):
        print(" ".join(line.split()))
print("interfaces", sorted(l.split(":")[0].strip() for l in open("/proc/net/dev") if ":" in l))
print("cgroup", open("/proc/self/cgroup").read().count("docker"))
print("host", socket.gethostname())
END
"#;

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_way_out() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let inputs = tempfile::tempdir().unwrap();
    let mut job = bench.job("probe", PROBE).await;
    job.inputs = vec![input(inputs.path(), "/input")];
    let (end, log) = bench.run(&job).await;
    println!("{log}");
    assert_eq!(end.exit_code, 0);
    let open: Vec<_> = log.lines().filter(|l| l.ends_with("OPEN")).collect();
    assert_eq!(open, ["write /tmp/ OPEN", "write /output/ OPEN"]);
    let lines: Vec<_> = log.lines().collect();
    for expected in [
        "Uid: 65534 65534 65534 65534",
        "Gid: 65534 65534 65534 65534",
        "CapPrm: 0000000000000000",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "write /input/ EROFS",
        "bridge ENETUNREACH",
        "interfaces ['lo']",
        "cgroup 0",
        "host referee",
    ] {
        assert!(lines.contains(&expected), "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_enforced() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let base = bench.job("limits", "").await;
    let job = |name: &str, script: &str| {
        let mut job = base.clone();
        name.clone_into(&mut job.name);
        script.clone_into(&mut job.env[0].1);
        job
    };
    let (end, _) = bench.run(&job("memory", "exec tail /dev/zero")).await;
    assert_eq!((end.exit_code, end.out_of_memory), (137, true));

    let (end, _) = bench.run(&job("child-memory", "tail /dev/zero; exit 0")).await;
    assert_eq!((end.exit_code, end.out_of_memory), (0, true));

    let bomb = r#"python3 -c 'import os
n = 0
try:
  while True:
    if os.fork() == 0:
      import time; time.sleep(60)
    n += 1
except BlockingIOError:
  print(n)'"#;
    let (end, log) = bench.run(&job("forks", bomb)).await;
    assert_eq!(end.exit_code, 0);
    assert!(log.trim().parse::<u32>().unwrap() < 64, "{log}");

    let fill = "for d in /tmp /dev/shm; do head -c 9M /dev/zero >$d/x; stat -c %s $d/x; done";
    let (_, log) = bench.run(&job("scratch", fill)).await;
    let sizes: Vec<_> = log.lines().filter(|l| l.parse::<u64>().is_ok()).collect();
    assert_eq!(sizes, ["1048576", "1048576"], "{log}");

    let (end, _) = bench.run(&job("sparse", "truncate -s 100G /output/x")).await;
    assert_eq!(end.exit_code, 153);

    let spin = "timeout 2 sh -c 'while :; do :; done'; cat /sys/fs/cgroup/cpuacct/cpuacct.usage || true";
    let mut slow = job("cpu", spin);
    slow.limits.cpus = 0.25;
    let (_, log) = bench.run(&slow).await;
    if let Some(used) = log.lines().find_map(|l| l.parse::<u64>().ok()) {
        assert!(used < 1_200_000_000, "{used} ns in 2 s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_keeps_its_start_and_its_end() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let script = "echo FIRST; yes 0123456789 | head -c 20000000; echo; echo LAST";
    let job = bench.job("flood", script).await;
    let reference = bench.submit(&job).await;
    let end = bench.end_of(&reference).await;
    assert_eq!(end.exit_code, 0);
    let log = bench.engine.logs(&reference).await.unwrap();
    assert!(log.head.starts_with("FIRST\n0123456789\n"));
    let end = &log.tail[log.tail.len().saturating_sub(60)..];
    assert!(end.ends_with("\nLAST\n"), "{end:?} of {}", log.total_bytes);
    assert_eq!((log.head.len(), log.tail.len()), (65536, 65536));
    assert!(log.total_bytes > MIB, "{}", log.total_bytes);
    assert!(log.text().contains("bytes not kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_but_files_is_listed_and_never_followed() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let script = "cd /output; ln -s /etc/shadow link; ln -s / root; mkfifo pipe; echo 1 >a; ln a b; \
        mkdir deep; cd deep; ln -s ../../../../../etc up; echo x >'bad name'; echo x >'<img>'; \
        mkdir -p \"$(printf 'x\\n')\"; echo ok >good.txt; chmod 4777 good.txt; \
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'";
    let job = bench.job("links", script).await;
    let reference = bench.submit(&job).await;
    assert_eq!(bench.end_of(&reference).await.exit_code, 0);
    let (listing, into) = bench.collect(&job, &reference).await;
    let others: Vec<_> = listing.others.iter().map(|(path, kind)| format!("{path} {kind}")).collect();
    let expected = ["b hard link", "deep/up symlink", "link symlink", "pipe fifo", "root symlink"];
    assert_eq!(others, expected);
    assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["a", "deep/good.txt"]);
    assert!(listing.refused_names >= 2, "{}", listing.refused_names);
    for entry in std::fs::read_dir(&into).unwrap() {
        let kind = entry.unwrap().file_type().unwrap();
        assert!(kind.is_file() || kind.is_dir());
    }
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(into.join("deep/good.txt")).unwrap());
    assert_eq!(mode & 0o7000, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_cannot_be_larger_than_allowed() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let base = bench.job("outputs", "").await;
    let hit = async |name: &str, script: &str| {
        let mut job = base.clone();
        name.clone_into(&mut job.name);
        script.clone_into(&mut job.env[0].1);
        let reference = bench.submit(&job).await;
        bench.end_of(&reference).await;
        bench.collect(&job, &reference).await.0.truncated
    };
    let exact = "head -c 1048576 /dev/zero >/output/x";
    assert_eq!(hit("exact-bytes", exact).await, None);
    let full = "head -c 600000 /dev/zero >/output/x; head -c 900000 /dev/zero >/output/y";
    assert_eq!(hit("bytes", full).await, Some(OutputLimitHit::Bytes));
    let exact = "cd /output; for i in $(seq 50); do echo >$i; done";
    assert_eq!(hit("exact-files", exact).await, None);
    let many = "cd /output; for i in $(seq 200); do mkdir $i; done";
    assert_eq!(hit("files", many).await, Some(OutputLimitHit::Files));
    let deep = "cd /output; for i in $(seq 20); do mkdir d; cd d; done; echo >x";
    assert_eq!(hit("depth", deep).await, Some(OutputLimitHit::Depth));
    let sparse = "truncate -s 1000000 /output/x; truncate -s 1000000 /output/y";
    assert_eq!(hit("sparse", sparse).await, Some(OutputLimitHit::Bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_cannot_add_files_to_the_output() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!(
        "FROM {BASE}\nRUN mkdir /output && echo 1 >/output/result.json && chmod 4755 /output/result.json\n\
         CMD [\"sh\", \"-c\", \"ls -A /output | wc -l\"]\n"
    );
    let mut job = plain_job("seeded");
    job.image = bench.image("seeded", &dockerfile).await.id;
    let reference = bench.submit(&job).await;
    bench.end_of(&reference).await;
    assert_eq!(bench.engine.logs(&reference).await.unwrap().text(), "0\n");
    let (listing, _) = bench.collect(&job, &reference).await;
    assert!(listing.files.is_empty() && listing.others.is_empty());
}
