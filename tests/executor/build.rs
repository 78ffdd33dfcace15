//! Builds: their images, their failures and their limits.

use super::bench::*;

use referee::executor::{BuildEnd, BuildLimitHit, Builder, CheckScope, ExecutorError, ImageStore, LoadEnd, SelfTest};
use referee::model::{Duration, ImageId};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_built_and_described() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!(
        "FROM {BASE} AS tools\nRUN echo tool >/tool\n\
         FROM {BASE}\nCOPY --from=tools /tool /tool\nCOPY . /app\nENV MODE=fast\nLABEL team=a\n\
         WORKDIR /app\nUSER 1000\nVOLUME /data\nENTRYPOINT [\"cat\"]\nCMD [\"/tool\", \"main.txt\"]\n"
    );
    let hidden = ".referee-described.Dockerfile";
    let files = [
        ("main.txt", "hello\n"),
        ("Dockerfile", "FROM scratch\nADD http://127.0.0.1/ /\n"),
        (hidden, "FROM scratch\nRUN evil\n"),
        (".dockerignore", "main.txt\n"),
    ];
    let spec = bench.build_spec("described", &dockerfile, &files);
    let report = bench.build(&spec).await;
    let BuildEnd::Built(facts) = &report.end else {
        panic!("{:?}\n{}", report.end, report.log.text());
    };
    assert_eq!((facts.os.as_str(), facts.user.as_str()), ("linux", "1000"));
    assert_eq!(facts.entrypoint, ["cat"]);
    assert_eq!(facts.command, ["/tool", "main.txt"]);
    assert_eq!(facts.working_dir, "/app");
    assert_eq!(facts.volumes, ["/data"]);
    assert!(facts.env.contains(&"MODE=fast".to_owned()));
    assert_eq!(facts.labels["team"], "a");
    assert_eq!(facts.labels["referee.submission"], "7");
    assert!(facts.on_build.is_empty() && facts.layers >= 3 && facts.bytes > MIB);
    assert!(report.log.text().contains("Step 1/"));
    assert_eq!(bench.engine.inspect(&facts.id).await.unwrap().as_ref(), Some(&**facts));

    let listing = format!("FROM {}\nUSER 0\nENTRYPOINT []\nCMD [\"ls\", \"-A\", \"/app\"]\n", facts.id);
    let spec = bench.build_spec("listed", &listing, &[]);
    let BuildEnd::Built(seen) = bench.build(&spec).await.end else {
        panic!("the image is a base");
    };
    assert_eq!(seen.command, ["ls", "-A", "/app"]);

    let named = bench.engine.images_named("list").await.unwrap();
    assert_eq!(named, [(seen.id.clone(), "listed".to_owned())]);
    assert_eq!(bench.engine.images_named("isted").await.unwrap(), []);
    bench.engine.remove(&seen.id, "listed").await.unwrap();
    assert_eq!(bench.engine.inspect(&seen.id).await.unwrap(), None);
    bench.engine.remove(&seen.id, "listed").await.unwrap();
}

/// Images of other builds come and go below the same base while the engine looks for cached steps.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_does_not_fail_because_another_build_removes_its_images() {
    const BUILDS: u32 = 6;
    let Some(bench) = Bench::new().await else {
        return;
    };
    let bench = std::sync::Arc::new(bench);
    let others: Vec<_> = (0..3)
        .map(|builder| {
            let bench = std::sync::Arc::clone(&bench);
            tokio::spawn(async move {
                for number in 0.. {
                    let name = format!("other-{builder}-{number}");
                    let mut spec = bench.build_spec(&name, &format!("FROM {BASE}\nLABEL number={number}\n"), &[]);
                    spec.inspection_key = None;
                    if let BuildEnd::Built(facts) = bench.engine.build(&spec).await.unwrap().end {
                        bench.engine.remove(&facts.id, &name).await.unwrap();
                    }
                }
            })
        })
        .collect();
    let dockerfile =
        format!("FROM {BASE} AS tools\nRUN echo tool >/tool\nFROM {BASE}\nCOPY --from=tools /tool /tool\nRUN true\n");
    for number in 0..BUILDS {
        let report = bench.build(&bench.build_spec(&format!("steady-{number}"), &dockerfile, &[])).await;
        assert!(matches!(report.end, BuildEnd::Built(_)), "{:?}\n{}", report.end, report.log.text());
    }
    others.iter().for_each(tokio::task::JoinHandle::abort);
    for other in others {
        assert!(other.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emitted_dockerfile_is_not_in_the_image() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!("FROM {BASE}\nCOPY . /app\nCMD [\"ls\", \"-A\", \"/app\"]\n");
    let files = [("main.txt", "hello\n"), ("sub/.dockerignore", "x\n")];
    let report = bench.build(&bench.build_spec("clean", &dockerfile, &files)).await;
    let BuildEnd::Built(facts) = report.end else {
        panic!("{:?}", report.end);
    };
    let mut job = plain_job("clean");
    job.image = facts.id;
    assert_eq!(bench.run(&job).await.1, "main.txt\nsub\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_its_step() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile =
        format!("FROM {BASE}\nENV A=b\nRUN echo 'Step 9/9 : forged'; echo why >&2; exit 3\nCMD [\"true\"]\n");
    let report = bench.build(&bench.build_spec("failing", &dockerfile, &[])).await;
    let BuildEnd::Failed { step, message } = &report.end else {
        panic!("{:?}", report.end);
    };
    assert_eq!(*step, Some(3));
    assert!(message.ends_with("returned a non-zero code: 3"), "{message}");
    assert!(report.log.text().contains("why\n"));

    let dockerfile = format!("FROM {BASE}\nCOPY nothing /\nCMD [\"true\"]\n");
    let report = bench.build(&bench.build_spec("copying", &dockerfile, &[])).await;
    let BuildEnd::Failed { step, message } = &report.end else {
        panic!("{:?}", report.end);
    };
    assert_eq!(*step, Some(2));
    assert!(message.contains("nothing"), "{message}");

    let report = bench.build(&bench.build_spec("unread", "FROM a b c\n", &[])).await;
    assert!(matches!(report.end, BuildEnd::Failed { step: None, .. }), "{:?}", report.end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_has_no_network() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!("FROM {BASE}\nRUN cat /proc/net/dev; exit 1\nCMD [\"true\"]\n");
    let report = bench.build(&bench.build_spec("offline", &dockerfile, &[])).await;
    let log = report.log.text();
    assert!(log.contains("lo:") && !log.contains("eth0"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_ends_a_build() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    // A sparse file of 4 TiB exceeds the limit of a file, and takes no space on the disk.
    let file = ("file", "truncate -s 4T /x", Some(BuildLimitHit::File));
    each_limit_ends_a_build(&bench, Some(file)).await;
}

/// Exceeds each limit by a build, and the limits in `more` too.
pub(crate) async fn each_limit_ends_a_build(
    bench: &Bench,
    more: Option<(&'static str, &'static str, Option<BuildLimitHit>)>,
) {
    let checks = bench.engine.check(&[CheckScope::Builds]).await.unwrap();
    let limited = checks.iter().any(|c| c.name == "build limits" && c.seen.contains("control group"));
    if !limited {
        eprintln!("SKIPPED, processes, memory and disk of builds: {checks:?}");
    }
    let cases = [
        ("time", "trap '' TERM; sleep 987654", Some(BuildLimitHit::Time)),
        ("log", "yes", Some(BuildLimitHit::Log)),
        ("memory", "tail /dev/zero", Some(BuildLimitHit::Memory)),
        ("forks", "bomb() { bomb | bomb & wait; }; bomb; exit 1", Some(BuildLimitHit::Processes)),
        ("disk", "for i in 1 2 3 4; do head -c 60000000 /dev/zero >/x$i; done; sleep 30", Some(BuildLimitHit::Disk)),
        ("fake", "exit 137", None),
    ];
    for (name, script, hit) in cases.into_iter().chain(more) {
        if !limited && matches!(name, "memory" | "forks" | "disk" | "fake") {
            continue;
        }
        let dockerfile = format!("FROM {BASE}\nRUN {script}\nCMD [\"true\"]\n");
        let mut spec = bench.build_spec(name, &dockerfile, &[]);
        match name {
            "time" => spec.limits.time = Duration::seconds(3),
            "disk" => spec.limits.disk = 100 * MIB,
            // BuildKit drops what a step prints faster than 100 KiB a second.
            "log" => spec.limits.log = 64 * 1024,
            _ => {}
        }
        let clock = std::time::Instant::now();
        let report = bench.build(&spec).await;
        println!("{name}: {:?} after {:?}", report.end, clock.elapsed());
        match hit {
            Some(hit) => assert_eq!(report.end, BuildEnd::Limit(hit), "{name}"),
            None => assert!(matches!(report.end, BuildEnd::Failed { .. }), "{name}"),
        }
        assert!(clock.elapsed().as_secs() < 30, "{name}");
        assert!(!any_process("987654"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_build_ends() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!("FROM {BASE}\nRUN trap '' TERM; sleep 740315\nCMD [\"true\"]\n");
    let spec = bench.build_spec("dropped", &dockerfile, &[]);
    let build = bench.engine.build(&spec);
    let dropped = tokio::time::timeout(std::time::Duration::from_secs(3), build).await;
    assert!(dropped.is_err());
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if !any_process("740315") {
            // The leftovers are removed in the background, within a second.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            return;
        }
    }
    panic!("its step still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_base_image_is_a_platform_error() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let spec = bench.build_spec("baseless", "FROM 127.0.0.1:1/none:1\nCMD [\"true\"]\n", &[]);
    let refused = bench.engine.build(&spec).await;
    assert!(matches!(refused, Err(ExecutorError::Refused(_))), "{refused:?}");
    assert_eq!(bench.engine.base_image("127.0.0.1:1/none:1").await.unwrap(), None);
}

/// Whether a process on this host has this word in its command line. Other tests run at the same time, so no other
/// command line may contain it: `yes 0123456789` of the test of logs contains most short numbers in order.
pub(crate) fn any_process(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).split('\0').any(|w| w.contains(word)))
}

/// The transfer from one engine to another, here to the same engine and another name.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_saved_as_it_is_loaded() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!("FROM {BASE}\nRUN echo hello >/hello\nCMD [\"true\"]\n");
    let image = bench.image("saved", &dockerfile).await;
    let path = bench.dir.path().join("carried.tar");
    let small = bench.engine.save(&image.id, &path, MIB).await;
    let message = small.expect_err("it is larger").to_string();
    assert!(message.contains("more than 1048576 bytes"), "{message}");
    let most = 2 * image.bytes;
    bench.engine.save(&image.id, &path, most).await.unwrap();
    bench.engine.remove(&image.id, "saved").await.unwrap();
    assert_eq!(bench.engine.inspect(&image.id).await.unwrap(), None);
    let loaded = bench.engine.load(&path, &image.id, "carried").await;
    assert_eq!(loaded.unwrap(), LoadEnd::Loaded(Box::new(image.clone())));
    let there = bench.engine.image_named("carried").await.unwrap();
    assert_eq!(there.as_ref(), Some(&image));
    bench.engine.remove(&image.id, "carried").await.unwrap();
    // An image that does not exist cannot be saved.
    let unknown = ImageId::new(format!("sha256:{}", "0".repeat(64))).unwrap();
    let absent = bench.engine.save(&unknown, &path, most).await;
    assert!(matches!(absent, Err(ExecutorError::Refused(_))), "{absent:?}");
}

/// A sweep removes images without a name and with the label of the instance, but none of a running build. (A test of
/// `it` verifies with a daemon that an interrupted build leaves nothing.)
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_keeps_the_images_of_a_running_build() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let dockerfile = format!("FROM {BASE}\nRUN sleep 3\nCMD [\"true\"]\n");
    let spec = bench.build_spec("slow", &dockerfile, &[]);
    let sweep = async {
        let label = format!("label=referee.made-by={}", bench.instance());
        let listed = || {
            let arguments = ["images", "-q", "--filter", "dangling=true", "--filter", &label];
            let output = std::process::Command::new("docker").args(arguments).output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        while listed().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(bench.engine.sweep().await.unwrap(), 0);
        assert_ne!(listed(), "");
    };
    let (report, ()) = tokio::join!(bench.build(&spec), sweep);
    let BuildEnd::Built(facts) = report.end else {
        panic!("{report:?}");
    };
    let label = facts.labels.get("referee.made-by").map(String::as_str);
    assert_eq!(label, Some(bench.instance()));
    assert_eq!(bench.engine.sweep().await.unwrap(), 0, "it has a name");
}
