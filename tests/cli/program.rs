//! The program as a child process, in a new folder and with an empty environment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the project.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The current directory of the program.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        // In /tmp, so that its path always has the same length: lines are wrapped before the path is replaced.
        Self(tempfile::tempdir_in("/tmp").unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs `referee` with these arguments in the folder, and waits for its end.
    pub(crate) fn referee(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_referee"));
        command.args(arguments).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes| self.redacted(&String::from_utf8(bytes).unwrap());
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The text without the path of the folder, and without spaces at the ends of lines.
    fn redacted(&self, text: &str) -> String {
        let real = self.0.path().canonicalize().unwrap();
        let here = |text: &str, path: &Path| text.replace(path.to_str().unwrap(), "[HERE]");
        let text = here(&here(text, &real), self.0.path());
        text.lines().map(|line| line.trim_end()).fold(String::new(), |mut all, line| {
            writeln!(all, "{line}").unwrap();
            all
        })
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Everything that a person at a terminal sees, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::new();
        for (name, printed) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !printed.is_empty() {
                write!(text, "--- {name}\n{printed}").unwrap();
            }
        }
        write!(text, "--- exit {}", self.code.unwrap()).unwrap();
        text
    }
}
