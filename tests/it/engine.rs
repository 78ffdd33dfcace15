//! Docker Engines for one test. Each has its own network, so that no bridge of the machine is touched.
//!
//! They need root and `dockerd`. An engine ends with its test, however the test ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{BASE, docker, under_ci};

/// An engine answers or ends within this time.
const ENGINE_WITHIN: Duration = Duration::from_secs(60);

/// An engine of one test.
pub(crate) struct Engine {
    pub socket: String,
    process: Child,
    pid_file: PathBuf,
}

impl Engine {
    /// Starts an engine in this folder. `settings` is its `daemon.json`.
    pub(crate) fn start(folder: &Path, settings: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("daemon.json"), settings).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        let socket = format!("unix://{}", at("engine.sock"));
        let log = File::create(folder.join("log")).unwrap();
        // The kernel ends it with this test.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "unshare", "--net", "dockerd"])
            .args(["--config-file", &at("daemon.json")])
            .args(["--iptables=false", "--host", &socket])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
            .args(["--pidfile", &at("pid")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut engine = Self { socket, process, pid_file: folder.join("pid") };
        let started = Instant::now();
        while docker(&["--host", &engine.socket, "version"]).is_err() {
            let ended = engine.process.try_wait().unwrap();
            let log = || std::fs::read_to_string(folder.join("log")).unwrap();
            assert!(ended.is_none(), "the engine ended: {}", log());
            assert!(started.elapsed() < ENGINE_WITHIN, "no answer: {}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
        engine
    }

    /// The output of `docker` with these arguments on this engine.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let all = [&["--host", &self.socket], arguments].concat();
        docker(&all).unwrap()
    }

    /// All containers, volumes and names of images on the engine.
    pub(crate) fn objects(&self) -> Vec<String> {
        let images = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
        let lists = [
            self.docker(&["ps", "--all", "--format", "container {{.Names}}"]),
            self.docker(&["volume", "ls", "--format", "volume {{.Name}}"]),
            self.docker(&images),
        ];
        let mut all: Vec<_> = lists.iter().flat_map(|l| l.lines()).map(str::to_owned).collect();
        all.sort();
        all
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The process has become the engine, unless the start failed.
        let pid = std::fs::read_to_string(&self.pid_file);
        let pid = pid.unwrap_or_else(|_| self.process.id().to_string());
        let _ = Command::new("kill").args(["-TERM", pid.trim()]).status();
        let asked = Instant::now();
        while asked.elapsed() < ENGINE_WITHIN {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether engines can be started here with these programs. Prints the reason if not, and fails under CI.
pub(crate) fn possible(programs: &[&str]) -> bool {
    let Some(missing) = missing(programs) else {
        return true;
    };
    assert!(!under_ci(), "separate engines cannot be tested: {missing}");
    eprintln!("SKIPPED, separate engines are not tested: {missing}");
    false
}

fn missing(programs: &[&str]) -> Option<String> {
    let message = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
    };
    match message("id", "-u").as_deref() {
        Ok("0") => {}
        _ => return Some("it needs root to start engines".to_owned()),
    }
    let absent = |program: &&str| message(program, "--version").is_err();
    let mut needed = ["dockerd", "setpriv", "unshare"].iter().chain(programs);
    let absent = needed.find(|program| absent(program));
    absent.map(|program| format!("there is no `{program}`"))
}

/// Copies the base image from the machine's own engine to these.
pub(crate) fn copy_base(engines: &[&Engine], file: &Path) {
    let path = file.display().to_string();
    docker(&["save", "--output", &path, BASE]).unwrap();
    std::thread::scope(|scope| {
        for engine in engines {
            scope.spawn(|| engine.docker(&["load", "--quiet", "--input", &path]));
        }
    });
    std::fs::remove_file(file).unwrap();
}
