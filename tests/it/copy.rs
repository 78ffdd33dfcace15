//! A team's working copy: change files, commit, push, and read the answer.
//!
//! It knows git and files. Of the platform it knows only the lines that a push prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A clone of a team's repository.
pub(crate) struct Copy {
    pub path: PathBuf,
}

/// The result of a push.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// Whether git accepted the push.
    pub accepted: bool,
    /// The complete output of git.
    pub text: String,
    /// The time from the start of git to its end.
    pub took: Duration,
}

impl Pushed {
    /// The lines that the platform printed, without git's prefix.
    pub(crate) fn remote(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end).collect()
    }

    /// The tokens in the addresses of the submissions that the platform named, each once and in this order.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let mut tokens: Vec<String> = Vec::new();
        for line in self.remote() {
            if let Some((_, token)) = line.split_once("/submissions/")
                && !tokens.iter().any(|t| t == token)
            {
                tokens.push(token.to_owned());
            }
        }
        tokens
    }

    /// The token of the only submission that the platform named.
    pub(crate) fn token(&self) -> String {
        let tokens = self.tokens();
        assert_eq!(tokens.len(), 1, "{}", self.text);
        tokens[0].clone()
    }

    /// Asserts that the platform printed a text. Wrapped lines are joined first.
    pub(crate) fn message(&self, text: &str) -> &Self {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let all = words(&self.remote().join(" "));
        assert!(all.contains(&words(text)), "no `{text}` in:\n{}", self.text);
        self
    }
}

/// A call of git that is the same on every machine: without personal settings, questions and local hooks.
fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .stdin(Stdio::null())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Team")
        .env("GIT_AUTHOR_EMAIL", "team@localhost")
        .env("GIT_COMMITTER_NAME", "Team")
        .env("GIT_COMMITTER_EMAIL", "team@localhost");
    command
}

fn done(output: &Output, arguments: &[&str]) -> String {
    assert!(output.status.success(), "git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

impl Copy {
    pub(crate) fn clone_of(repository: &Path, path: PathBuf) -> Self {
        let parent = path.parent().expect("a parent");
        std::fs::create_dir_all(parent).unwrap();
        let (from, to) = (repository.to_string_lossy(), path.to_string_lossy());
        let arguments = ["clone", "--quiet", &from, &to];
        done(&git(parent, &arguments).output().unwrap(), &arguments);
        Self { path }
    }

    /// Runs git in the working copy and returns its output.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        done(&git(&self.path, arguments).output().unwrap(), arguments)
    }

    /// Runs git in the working copy with a standard input and returns its output.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let file = self.path.join(".git/input");
        std::fs::write(&file, input).unwrap();
        let mut command = git(&self.path, arguments);
        command.stdin(std::fs::File::open(&file).unwrap());
        done(&command.output().unwrap(), arguments)
    }

    /// Replaces all files by the files of a submission.
    pub(crate) fn take(&self, submission: &Path) -> &Self {
        for entry in std::fs::read_dir(&self.path).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_name() == ".git" {
                continue;
            } else if entry.file_type().unwrap().is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
        // An example has its expected result beside its files.
        files(submission, &self.path, &["expected.toml"]);
        self
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Commits all files, also if none has changed, and returns the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// The id of the commit that is checked out.
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes with these arguments. The push may fail.
    pub(crate) fn push(&self, arguments: &[&str]) -> Pushed {
        let started = Instant::now();
        let output = git(&self.path, &["push"]).args(arguments).output().unwrap();
        Pushed {
            accepted: output.status.success(),
            text: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
        }
    }

    /// Pushes the checked-out commit to `main`. Git must accept it.
    pub(crate) fn push_main(&self) -> Pushed {
        let pushed = self.push(&["origin", "HEAD:main"]);
        assert!(pushed.accepted, "{}", pushed.text);
        pushed
    }

    /// The git note on a commit, as the team fetches it.
    pub(crate) fn note(&self, sha: &str) -> String {
        self.git(&["fetch", "--quiet", "origin", "+refs/notes/*:refs/notes/*"]);
        self.git(&["notes", "show", sha])
    }
}

/// Copies a folder without the entries of these names. Symbolic links stay symbolic links.
pub(crate) fn files(from: &Path, to: &Path, without: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if without.iter().any(|name| entry.file_name() == *name) {
            continue;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source).unwrap(), &target).unwrap();
        } else if kind.is_dir() {
            files(&source, &target, without);
        } else {
            std::fs::copy(&source, &target).unwrap();
        }
    }
}
