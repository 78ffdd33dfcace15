//! From `docker push` to a run: an image that came through the registry is the same image.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use referee::executor::docker::{DockerEngine, DockerOptions};
use referee::executor::{
    BuildEnd, BuildLimits, BuildSpec, Builder, ImageStore, JobLimits, JobSpec, JobStatus, LoadEnd, OutputSpec, Runner,
};
use referee::forge::registry::PullEnd;
use referee::model::{Duration, ImageFacts};

use super::image::*;
use super::server::{Access, Server};

const NAME: &str = "phakir/team-a";

/// A static program for x86-64 that prints `hello`: ELF header, program header, code.
fn hello() -> Vec<u8> {
    let code: &[u8] = &[
        0x6a, 0x01, 0x58, // push 1; pop rax (write)
        0x6a, 0x01, 0x5f, // push 1; pop rdi (to standard output)
        0x48, 0x8d, 0x35, 0x0c, 0, 0, 0, // lea rsi, [rip + 12] (behind the code)
        0x6a, 0x06, 0x5a, // push 6; pop rdx
        0x0f, 0x05, // syscall
        0x6a, 0x3c, 0x58, // push 60; pop rax (exit)
        0x31, 0xff, // xor edi, edi (with 0)
        0x0f, 0x05, // syscall
    ];
    let long = (64 + 56 + code.len() + 6) as u64;
    let at = 0x40_0000_u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    file.extend((at + 120).to_le_bytes()); // where to begin
    file.extend(64_u64.to_le_bytes()); // the program header
    file.extend([0; 12]);
    file.extend([64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]); // load, readable and executable
    for word in [0, at, at, long, long, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file.extend(b"hello\n");
    file
}

/// Removes the images of a failed test, too: they have the name of its instance.
impl Drop for Bench {
    fn drop(&mut self) {
        let list = ["images", "--format", "{{.Repository}}:{{.Tag}}", "referee/build"];
        let Ok(listed) = self.command(&list).output() else {
            return;
        };
        let mine = self.tag("");
        for tag in String::from_utf8_lossy(&listed.stdout).lines() {
            if tag.starts_with(&mine) {
                let _ = self.command(&["rmi", "--force", tag]).output();
            }
        }
    }
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// An engine with the names of one test.
pub(crate) struct Bench {
    pub engine: DockerEngine,
    socket: String,
    instance: String,
    dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Option<Self> {
        let socket = super::variable("DOCKER_HOST").unwrap_or("/var/run/docker.sock".into());
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let instance = format!("registry-{}-{number}", std::process::id());
        let engine = DockerEngine::connect(&socket, &instance, DockerOptions::default()).unwrap();
        if let Err(away) = engine.base_image("nothing").await {
            super::missing(&away.to_string());
            return None;
        }
        Some(Self { engine, socket, instance, dir: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let host = if self.socket.starts_with('/') { format!("unix://{}", self.socket) } else { self.socket.clone() };
        let mut command = Command::new("docker");
        command.args(["--host", &host, "--config"]);
        command.arg(self.dir.path()).args(arguments);
        command
    }

    pub(crate) fn docker(&self, arguments: &[&str]) {
        let done = self.command(arguments).output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "docker {arguments:?}: {message}");
    }

    fn tag(&self, name: &str) -> String {
        format!("referee/build:{}.{name}", self.instance)
    }

    async fn build(&self, name: &str) -> ImageFacts {
        let context = self.dir.path().join("context.tar");
        std::fs::write(&context, layer("run", &hello())).unwrap();
        let spec = BuildSpec {
            name: name.into(),
            context,
            dockerfile: "FROM scratch\nCOPY run /run\nUSER 65534\nWORKDIR /app\nENTRYPOINT [\"/run\"]\n".into(),
            limits: BuildLimits {
                time: Duration::seconds(120),
                memory: 256 * MIB,
                cpu_percent: 100,
                log: MIB as usize,
                disk: 4096 * MIB,
                file: 64 * MIB,
                processes: 128,
            },
            network: "none".into(),
            labels: Vec::new(),
            inspection_key: None,
        };
        match self.engine.build(&spec).await.unwrap().end {
            BuildEnd::Built(facts) => *facts,
            other => panic!("{other:?}"),
        }
    }

    /// The output of a run of the image.
    async fn run(&self, image: &ImageFacts) -> String {
        let spec = JobSpec {
            name: "run".into(),
            image: image.id.clone(),
            inputs: Vec::new(),
            output: OutputSpec { target: "/output".into(), bytes: MIB, files: 50 },
            env: Vec::new(),
            env_remove: Vec::new(),
            limits: JobLimits {
                cpus: 1.0,
                memory: 128 * MIB,
                pids: 64,
                shm: MIB,
                tmp: MIB,
                time: Duration::seconds(60),
            },
            gpus: Vec::new(),
            labels: Vec::new(),
        };
        self.engine.prepare(&spec).await.unwrap();
        let job = self.engine.submit(&spec).await.unwrap();
        let end = self.engine.wait(&job, Duration::seconds(60)).await.unwrap();
        let JobStatus::Ended(end) = end else {
            panic!("{end:?}");
        };
        let log = self.engine.logs(&job).await.unwrap().text();
        self.engine.cleanup(&job).await.unwrap();
        assert_eq!(end.exit_code, 0, "{} {log}", end.error);
        log
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_image_comes_back_as_itself_and_runs() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let built = bench.build("made").await;
    let pushed = format!("{}/{NAME}:phase-v2", server.address);
    bench.docker(&["tag", &bench.tag("made"), &pushed]);
    bench.docker(&["push", "--quiet", &pushed]);
    bench.docker(&["rmi", &pushed]);
    bench.engine.remove(&built.id, "made").await.unwrap();
    assert_eq!(bench.engine.inspect(&built.id).await.unwrap(), None);

    let registry = server.registry();
    let pinned = registry.manifest(NAME, "phase-v2").await.unwrap().digest;
    let inspected = registry.inspect_image(NAME, &pinned, &limits(64 * MIB), &policy()).await.unwrap();
    assert_eq!(inspected.findings, []);
    let image = inspected.image.unwrap();
    assert_eq!(image.manifest.config, built.id);
    let file = bench.dir.path().join("image.tar");
    let end = registry.pull(NAME, &image, 64 * MIB, &file).await.unwrap();
    assert!(matches!(end, PullEnd::Pulled { .. }), "{end:?}");

    // Twice, as after a crash, and under another name, as by another team.
    for name in ["first", "first", "second"] {
        let end = bench.engine.load(&file, &built.id, name).await.unwrap();
        assert_eq!(end, LoadEnd::Loaded(Box::new(built.clone())));
    }
    assert_eq!(bench.engine.image_named("first").await.unwrap(), Some(built.clone()));
    assert_eq!(bench.run(&built).await, "hello\n");
    bench.engine.remove(&built.id, "first").await.unwrap();
    assert_eq!(bench.engine.image_named("first").await.unwrap(), None);
    assert_eq!(bench.engine.image_named("second").await.unwrap(), Some(built.clone()));
    bench.engine.remove(&built.id, "second").await.unwrap();
    assert_eq!(bench.engine.inspect(&built.id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_engine_refuses_is_refused() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let registry = server.registry();
    let pull = async |parts: Parts, tag: &str| {
        let pinned = parts.push(&server, NAME, tag).await;
        let inspected = registry.inspect_image(NAME, &pinned, &limits(64 * MIB), &policy()).await.unwrap();
        let image = inspected.image.unwrap();
        let file = bench.dir.path().join(tag);
        let end = registry.pull(NAME, &image, 64 * MIB, &file).await.unwrap();
        assert!(matches!(end, PullEnd::Pulled { .. }), "{end:?}");
        (image.manifest.config, file)
    };
    // A history of more layers than there are.
    let mut odd = parts(&[layer("run", &hello())]);
    odd.config["history"] = serde_json::json!([{}, {}, {}]);
    let (id, file) = pull(odd, "odd").await;
    let end = bench.engine.load(&file, &id, "odd").await.unwrap();
    assert!(matches!(end, LoadEnd::Refused(_)), "{end:?}");
    assert_eq!(bench.engine.image_named("odd").await.unwrap(), None);

    // Another image than was announced.
    let (id, file) = pull(parts(&[layer("run", &hello())]), "good").await;
    let other = referee::model::Digest::of(b"another image");
    assert!(bench.engine.load(&file, &other, "good").await.is_err());
    assert_eq!(bench.engine.image_named("good").await.unwrap(), None);
    let end = bench.engine.load(&file, &id, "good").await.unwrap();
    assert!(matches!(end, LoadEnd::Loaded(_)), "{end:?}");
    bench.engine.remove(&id, "good").await.unwrap();
    assert_eq!(bench.engine.inspect(&id).await.unwrap(), None);
}
