//! A team's working copy: change, commit, push, and read what comes back.
//!
//! Knows git and files; nothing of the platform but the marks of its answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A clone of a team's repository.
pub struct Copy {
    /// Where it is.
    pub path: PathBuf,
}

/// What a push said.
#[derive(Debug)]
pub struct Pushed {
    /// Whether git took it.
    pub accepted: bool,
    /// Everything that git printed.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

impl Pushed {
    /// What the platform said, without git's marks.
    pub fn remote(&self) -> Vec<&str> {
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix("remote: "))
            .map(str::trim_end)
            .collect()
    }

    /// The addresses of the submissions that it told of, in order and each once.
    pub fn tokens(&self) -> Vec<String> {
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

    /// The address of the one submission that it told of.
    pub fn token(&self) -> String {
        let tokens = self.tokens();
        assert_eq!(tokens.len(), 1, "{}", self.text);
        tokens[0].clone()
    }

    /// Asserts that a text is in it; lines that were wrapped are joined.
    pub fn message(&self, text: &str) -> &Self {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let all = words(&self.remote().join(" "));
        assert!(all.contains(&words(text)), "no `{text}` in:\n{}", self.text);
        self
    }
}

/// Git as every machine has it: no person's settings, no questions, no hooks of its own.
fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "protocol.file.allow=always",
        ])
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
    assert!(
        output.status.success(),
        "git {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

impl Copy {
    /// Clones a repository.
    pub fn clone_of(repository: &Path, path: PathBuf) -> Self {
        let parent = path.parent().expect("a parent");
        std::fs::create_dir_all(parent).unwrap();
        let (from, to) = (repository.to_string_lossy(), path.to_string_lossy());
        let arguments = ["clone", "--quiet", &from, &to];
        done(&git(parent, &arguments).output().unwrap(), &arguments);
        Self { path }
    }

    /// Runs git here; what it printed.
    pub fn git(&self, arguments: &[&str]) -> String {
        done(&git(&self.path, arguments).output().unwrap(), arguments)
    }

    /// Runs git here with this on its standard input.
    pub fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let file = self.path.join(".git/input");
        std::fs::write(&file, input).unwrap();
        let mut command = git(&self.path, arguments);
        command.stdin(std::fs::File::open(&file).unwrap());
        done(&command.output().unwrap(), arguments)
    }

    /// Puts a submission's files in place of all others.
    pub fn take(&self, submission: &Path) -> &Self {
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
        // The expected verdict beside an example is no part of it.
        files(submission, &self.path, &["expected.toml"]);
        self
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Commits everything, also when nothing has changed; the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// The commit that stands here.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes with these arguments, whatever git says.
    pub fn push(&self, arguments: &[&str]) -> Pushed {
        let started = Instant::now();
        let output = git(&self.path, &["push"]).args(arguments).output().unwrap();
        Pushed {
            accepted: output.status.success(),
            text: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
        }
    }

    /// Pushes what stands here to `main`; git must take it.
    pub fn push_main(&self) -> Pushed {
        let pushed = self.push(&["origin", "HEAD:main"]);
        assert!(pushed.accepted, "{}", pushed.text);
        pushed
    }

    /// The report on a commit, as the team fetches it.
    pub fn note(&self, sha: &str) -> String {
        self.git(&["fetch", "--quiet", "origin", "+refs/notes/*:refs/notes/*"]);
        self.git(&["notes", "show", sha])
    }
}

/// Copies a folder without the entries of these names. Links stay links.
pub fn files(from: &Path, to: &Path, without: &[&str]) {
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
