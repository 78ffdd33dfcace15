//! Helpers of all tests here: an engine, images from Dockerfiles, jobs from shell scripts.
//!
//! Nothing of another instance is touched.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use referee::executor::docker::{DockerEngine, DockerOptions};
use referee::executor::{
    BuildEnd, BuildLimits, BuildReport, BuildSpec, Builder, ImageStore, Input, JobLimits, JobRef, JobSpec, JobStatus,
    OutputSpec, Runner,
};
use referee::model::{Duration, ImageFacts, ImageId, OutputListing, RunEnd};

pub(crate) const BASE: &str = "referee/python:3.11";
pub(crate) const MIB: u64 = 1024 * 1024;

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Bench {
    pub engine: DockerEngine,
    instance: String,
    pub dir: tempfile::TempDir,
    built: Mutex<Vec<(ImageId, String)>>,
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn socket() -> String {
    variable("DOCKER_HOST").unwrap_or_else(|| "/var/run/docker.sock".to_owned())
}

impl Bench {
    /// `None` if no engine answers or the base image is missing. Under CI this is an error.
    pub(crate) async fn new() -> Option<Self> {
        Self::with(DockerOptions::default()).await
    }

    pub(crate) async fn with(options: DockerOptions) -> Option<Self> {
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let instance = format!("test-{}-{number}", std::process::id());
        let engine = DockerEngine::connect(&socket(), &instance, options).unwrap();
        let missing = match engine.base_image(BASE).await {
            Ok(Some(_)) => None,
            Ok(None) => Some(format!("no image {BASE}: run examples/base/build.sh")),
            Err(e) => Some(e.to_string()),
        };
        if let Some(missing) = missing {
            let ci = variable("CI").is_some_and(|v| !v.is_empty());
            assert!(!ci, "the executor's tests cannot run: {missing}");
            eprintln!("SKIPPED, the executor is not tested: {missing}");
            return None;
        }
        Some(Self { engine, instance, dir: tempfile::tempdir().unwrap(), built: Mutex::default() })
    }

    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// A second daemon of the same instance, as after a restart.
    pub(crate) fn restarted(&self) -> DockerEngine {
        DockerEngine::connect(&socket(), &self.instance, DockerOptions::default()).unwrap()
    }

    pub(crate) fn build_spec(&self, name: &str, dockerfile: &str, files: &[(&str, &str)]) -> BuildSpec {
        let path = self.dir.path().join(format!("{name}.tar"));
        let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
        for (file, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, file, text.as_bytes()).unwrap();
        }
        tar.finish().unwrap();
        BuildSpec {
            name: name.to_owned(),
            context: path,
            dockerfile: dockerfile.to_owned(),
            limits: BuildLimits {
                time: Duration::seconds(60),
                memory: 256 * MIB,
                cpu_percent: 100,
                log: MIB as usize,
                disk: 1024 * MIB,
                file: 64 * MIB,
                processes: 128,
            },
            network: "none".to_owned(),
            labels: vec![("submission".to_owned(), "7".to_owned())],
            inspection_key: Some(format!("{}-{name}", self.instance)),
        }
    }

    /// Builds an image that is removed at the end of the test.
    pub(crate) async fn build(&self, spec: &BuildSpec) -> BuildReport {
        let report = self.engine.build(spec).await.unwrap();
        if let BuildEnd::Built(facts) = &report.end {
            let entry = (facts.id.clone(), spec.name.clone());
            self.built.lock().unwrap().push(entry);
        }
        report
    }

    pub(crate) async fn image(&self, name: &str, dockerfile: &str) -> ImageFacts {
        let report = self.build(&self.build_spec(name, dockerfile, &[])).await;
        match report.end {
            BuildEnd::Built(facts) => *facts,
            other => panic!("{other:?}\n{}", report.log.text()),
        }
    }

    /// An image that runs the shell script in the job's variable `SCRIPT`.
    pub(crate) async fn shell(&self) -> ImageId {
        let dockerfile = format!("FROM {BASE}\nCMD [\"sh\", \"-c\", \"eval \\\"$SCRIPT\\\"\"]\n");
        self.image("shell", &dockerfile).await.id
    }

    pub(crate) async fn job(&self, name: &str, script: &str) -> JobSpec {
        JobSpec { image: self.shell().await, env: vec![("SCRIPT".to_owned(), script.to_owned())], ..plain_job(name) }
    }

    pub(crate) async fn submit(&self, job: &JobSpec) -> JobRef {
        self.engine.prepare(job).await.unwrap();
        self.engine.submit(job).await.unwrap()
    }

    pub(crate) async fn end_of(&self, job: &JobRef) -> RunEnd {
        match self.engine.wait(job, Duration::seconds(60)).await.unwrap() {
            JobStatus::Ended(end) => end,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn collect(&self, spec: &JobSpec, job: &JobRef) -> (OutputListing, PathBuf) {
        let into = self.dir.path().join(format!("{}-output", job.name));
        let listing = self.engine.collect(job, &spec.output, &into).await.unwrap();
        (listing, into)
    }

    /// Runs a script to its end, and returns the end and the output.
    pub(crate) async fn run(&self, spec: &JobSpec) -> (RunEnd, String) {
        let job = self.submit(spec).await;
        let end = self.end_of(&job).await;
        let log = self.engine.logs(&job).await.unwrap().text();
        (end, log)
    }
}

pub(crate) fn plain_job(name: &str) -> JobSpec {
    JobSpec {
        name: name.to_owned(),
        image: referee::model::Digest::of(b""),
        inputs: Vec::new(),
        output: OutputSpec { target: "/output".to_owned(), bytes: MIB, files: 50 },
        env: Vec::new(),
        env_remove: Vec::new(),
        limits: JobLimits { cpus: 1.0, memory: 128 * MIB, pids: 64, shm: MIB, tmp: MIB, time: Duration::seconds(60) },
        gpus: Vec::new(),
        labels: vec![("submission".to_owned(), "7".to_owned())],
    }
}

pub(crate) fn input(source: &Path, target: &str) -> Input {
    Input { source: source.to_owned(), target: target.to_owned() }
}

/// `drop` cannot await, so a thread with its own runtime cleans up.
impl Drop for Bench {
    fn drop(&mut self) {
        let engine = self.engine.clone();
        let built = std::mem::take(&mut *self.built.lock().unwrap());
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                for job in engine.list_owned().await.unwrap() {
                    engine.cleanup(&job).await.unwrap();
                }
                assert_eq!(engine.list_owned().await.unwrap(), []);
                for (image, name) in built {
                    engine.remove(&image, &name).await.unwrap();
                }
            });
        });
        let cleaned = cleaned.join();
        if !std::thread::panicking() {
            cleaned.expect("everything was removed");
        }
    }
}
