//! The real program in a folder of its own: its settings, its commands, its daemon.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A daemon that is asked to end is gone by then.
const END_WITHIN: Duration = Duration::from_secs(10);

/// Our own address on the way to a forge.
fn our_side(forge: &str) -> IpAddr {
    let url = reqwest::Url::parse(forge).expect("the forge's address, as http://… or https://…");
    let at = url
        .socket_addrs(|| None)
        .expect("a host that has an address");
    let reached = TcpStream::connect(&at[..]);
    let reached = reached.unwrap_or_else(|e| panic!("{forge} does not answer: {e}"));
    reached.local_addr().unwrap().ip()
}

/// An installation.
pub struct Daemon {
    folder: tempfile::TempDir,
    listen: String,
    child: Option<Child>,
}

impl Daemon {
    /// An installation for a challenge in its folder `challenge`, on this forge.
    pub fn new(forge: &str) -> Self {
        // By the address that the forge sees us at: on one machine the loopback.
        let free = TcpListener::bind((our_side(forge), 0)).unwrap();
        let listen = free.local_addr().unwrap().to_string();
        let folder = tempfile::tempdir().unwrap();
        let secret = hex::encode(referee::clock::random_bytes::<16>());
        let text = format!(
            "challenges = [\"challenge\"]\n[server]\nlisten = \"{listen}\"\n\
             [runner]\ngpus = 0\nslots = 2\n\
             [forge.forge]\nkind = \"gitea\"\nurl = \"{forge}\"\n\
             webhook-secrets = [\"{secret}\"]\ntoken-file = \"bot.token\"\n"
        );
        std::fs::write(folder.path().join("referee.toml"), text).unwrap();
        Self {
            folder,
            listen,
            child: None,
        }
    }

    /// One more key of the forge, for its next start.
    pub fn set(&self, line: &str) {
        let file = self.path("referee.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}{line}\n")).unwrap();
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Writes a token where the settings, or a command, look for it.
    pub fn write_token(&self, file: &str, token: &str) {
        std::fs::write(self.path(file), format!("{token}\n")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_referee"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        for name in [
            "REFEREE_LISTEN",
            "REFEREE_DATA",
            "REFEREE_DATABASE_URL",
            "REFEREE_OWNER_TOKEN_FILE",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command of the program, which must succeed; what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "referee {} should succeed: {}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command of the program, which must fail; what it printed.
    pub fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let message = [output.stdout, output.stderr].concat();
        let message = String::from_utf8_lossy(&message).into_owned();
        let called = arguments.join(" ");
        assert!(
            !output.status.success(),
            "referee {called} should fail: {message}"
        );
        // Lines are broken for terminals.
        message.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Starts it; it answers some moments later.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("referee.log"))
            .unwrap();
        let mut command = self.command(&["serve"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Why it does not run any more, if it should.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        Some(format!("the daemon ended: {status}"))
    }

    /// Asks it to end, and waits for it.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let _ = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        let asked = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if asked.elapsed() > END_WITHIN {
                let _ = child.kill();
                let _ = child.wait();
                eprintln!("the daemon did not end within {END_WITHIN:?} of SIGTERM");
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All that it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("referee.log")).unwrap_or_default()
    }

    /// Its database, once it was started.
    pub fn database(&self) -> String {
        format!("sqlite:{}?mode=ro", self.path("data/referee.db").display())
    }

    /// Its folder of data.
    pub fn data(&self) -> PathBuf {
        Path::new(self.folder.path()).join("data")
    }
}
