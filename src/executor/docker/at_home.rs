//! A job as the `docker run` of a person: the same limits and walls, for somebody who wants to see
//! what happened, and not for the pipeline.
//!
//! It differs in what a person cannot have or does not want: our profile of system calls (the engine's
//! own takes its place), the output's file system of fixed size (a folder takes its place, to look at),
//! the limit of the log, and the GPUs' own numbers.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::sandbox::{HOSTNAME, OPEN_FILES, USER, largest_file, tmp_options};
use crate::executor::JobSpec;

/// Columns of a printed command.
const COLUMNS: usize = 96;

/// What a person gives in the place of what an engine has.
#[derive(Debug, Clone, Copy)]
pub struct AtHome<'a> {
    /// The image, by whatever name.
    pub image: &'a str,
    /// The folder that takes the place of the output's file system.
    pub output: &'a str,
    /// How many GPUs; those of the job, if it has any, are another machine's.
    pub gpus: u32,
}

/// The job as a command for a shell, over several lines. Paths may hold variables of the shell.
pub fn docker_run(job: &JobSpec, home: AtHome<'_>) -> String {
    let mut lines = vec!["docker run --rm".to_owned()];
    let options = options(job, home)
        .into_iter()
        .chain([vec![home.image.to_owned()]]);
    for option in options {
        let words: Vec<String> = option.iter().map(|word| quoted(word)).collect();
        let words = words.join(" ");
        match lines.last_mut() {
            Some(line) if line.len() + words.len() < COLUMNS => {
                line.push(' ');
                line.push_str(&words);
            }
            _ => lines.push(words),
        }
    }
    lines.join(" \\\n  ")
}

/// Option by option, each with its value.
fn options(job: &JobSpec, home: AtHome<'_>) -> Vec<Vec<String>> {
    let limits = &job.limits;
    let mut options: Vec<Vec<String>> = ["--init", "--read-only", "--no-healthcheck"]
        .map(|flag| vec![flag.to_owned()])
        .to_vec();
    let mut add = |name: &str, value: String| options.push(vec![name.to_owned(), value]);
    for (name, value) in [
        ("--network", "none"),
        ("--ipc", "private"),
        ("--cap-drop", "ALL"),
        ("--security-opt", "no-new-privileges"),
        ("--hostname", HOSTNAME),
    ] {
        add(name, value.to_owned());
    }
    add("--user", format!("{USER}:{USER}"));
    add("--memory", limits.memory.to_string());
    add("--memory-swap", limits.memory.to_string());
    add("--cpus", limits.cpus.to_string());
    add("--pids-limit", limits.pids.max(1).to_string());
    add("--shm-size", limits.shm.to_string());
    for (name, most) in [
        ("nofile", OPEN_FILES.to_string()),
        ("core", "0".to_owned()),
        ("fsize", largest_file(job).to_string()),
    ] {
        add("--ulimit", format!("{name}={most}:{most}"));
    }
    add("--tmpfs", format!("/tmp:{}", tmp_options(job)));
    if home.gpus > 0 {
        add("--gpus", home.gpus.to_string());
    }
    for (name, value) in &job.env {
        add("--env", format!("{name}={value}"));
    }
    for input in &job.inputs {
        let (source, target) = (input.source.display(), &input.target);
        add(
            "--mount",
            format!("type=bind,source={source},target={target},readonly"),
        );
    }
    let (source, target) = (home.output, &job.output.target);
    add(
        "--mount",
        format!("type=bind,source={source},target={target}"),
    );
    options
}

/// A word of a shell, in double quotes where it needs them, so that variables in it still count.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=:,./%@+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!(
            "\"{}\"",
            word.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('`', "\\`")
        ),
    }
}

/// Opens a shell in the job's image and sandbox, on this terminal, on the engine at `socket`; the
/// shell's own end is returned. Where standard input is no terminal, it reads commands from there.
/// Blocks.
///
/// # Errors
/// When there is no program `docker`, or it cannot be started.
pub fn shell(socket: &str, job: &JobSpec, output: &Path) -> std::io::Result<ExitStatus> {
    use std::io::IsTerminal as _;
    let image = job.image.to_string();
    let output = output.display().to_string();
    let home = AtHome {
        image: &image,
        output: &output,
        gpus: u32::try_from(job.gpus.len()).unwrap_or(u32::MAX),
    };
    let address = match socket.starts_with('/') {
        true => format!("unix://{socket}"),
        false => socket.replacen("http://", "tcp://", 1),
    };
    let mut command = Command::new("docker");
    command.args(["--host", &address, "run", "--rm", "--interactive"]);
    if std::io::stdin().is_terminal() {
        command.arg("--tty");
    }
    command.args(options(job, home).into_iter().flatten());
    command.args(["--entrypoint", "/bin/sh", &image]);
    command.stdin(Stdio::inherit()).status()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        for (word, expected) in [
            ("--cpus", "--cpus"),
            (
                "type=bind,source=$CHALLENGE/sample,target=/in",
                "\"type=bind,source=$CHALLENGE/sample,target=/in\"",
            ),
            ("a \"b\" `c`", "\"a \\\"b\\\" \\`c\\`\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
