//! The real program in its own folder: its settings, its command line and its daemon.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a daemon may take to end after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(10);

/// The address of this machine in the network of a forge.
fn local_address(forge: &str) -> IpAddr {
    let url = reqwest::Url::parse(forge).expect("the forge's address, as http://… or https://…");
    let addresses = url.socket_addrs(|| None).expect("a host with an address");
    let connected = TcpStream::connect(&addresses[..]);
    let connected = connected.unwrap_or_else(|e| panic!("{forge} does not answer: {e}"));
    connected.local_addr().unwrap().ip()
}

pub(crate) struct Daemon {
    folder: tempfile::TempDir,
    listen: String,
    child: Option<Child>,
}

impl Daemon {
    /// An installation for a challenge in the folder `challenge` on a forge.
    pub(crate) fn new(forge: &str) -> Self {
        // The forge reaches this address. On one machine it is the loopback address.
        let free = TcpListener::bind((local_address(forge), 0)).unwrap();
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
        Self { folder, listen, child: None }
    }

    /// Adds a setting of the forge, which the next start reads.
    pub(crate) fn set(&self, line: &str) {
        let file = self.path("referee.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}{line}\n")).unwrap();
    }

    /// A path in the folder of the installation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Writes a token into a file that the settings or a command name.
    pub(crate) fn write_token(&self, file: &str, token: &str) {
        std::fs::write(self.path(file), format!("{token}\n")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_referee"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        for name in ["REFEREE_LISTEN", "REFEREE_DATA", "REFEREE_DATABASE_URL", "REFEREE_OWNER_TOKEN_FILE"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command of the program, which must succeed. Returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
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

    /// Runs a command of the program, which must fail. Returns its output without line breaks.
    pub(crate) fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let message = [output.stdout, output.stderr].concat();
        let message = String::from_utf8_lossy(&message).into_owned();
        let called = arguments.join(" ");
        assert!(!output.status.success(), "referee {called} should fail: {message}");
        message.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Starts the daemon, without waiting until it answers.
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "the daemon runs already");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("referee.log")).unwrap();
        let mut command = self.command(&["serve"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// The reason why a started daemon does not run any more.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        Some(format!("the daemon ended: {status}"))
    }

    /// Sends SIGTERM to the daemon and waits for its end.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
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

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("referee.log")).unwrap_or_default()
    }

    /// The address of the database, which exists after the first start.
    pub(crate) fn database(&self) -> String {
        format!("sqlite:{}?mode=ro", self.path("data/referee.db").display())
    }

    pub(crate) fn data(&self) -> PathBuf {
        Path::new(self.folder.path()).join("data")
    }
}
