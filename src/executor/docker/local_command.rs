//! A job as a command for a person's own machine, to reproduce a failure. The pipeline does not use it.
//!
//! The command has the limits and the isolation of the job. Four things differ: the engine's own profile of system
//! calls replaces Referee's, a folder that can be read afterwards replaces the output file system of fixed size, the
//! log has no limit, and the GPUs are those of the person's machine.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::sandbox::{HOSTNAME, OPEN_FILES, USER, largest_file, tmp_options};
use crate::executor::JobSpec;

/// Columns of a printed command.
const COLUMNS: usize = 96;

/// The values of a local run that differ from those of the job.
#[derive(Debug, Clone, Copy)]
pub struct LocalRun<'a> {
    /// Any name of the image.
    pub image: &'a str,
    /// The folder that replaces the output file system.
    pub output: &'a str,
    /// Number of GPUs. The GPUs of the job belong to another machine.
    pub gpus: u32,
}

/// A shell command that runs the job, over several lines. Paths may contain variables of the shell.
pub fn local_run_command(job: &JobSpec, run: LocalRun<'_>) -> String {
    let mut lines = vec!["docker run --rm".to_owned()];
    let image = vec![run.image.to_owned()];
    for option in run_options(job, run).into_iter().chain([image]) {
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

/// A shell command that builds an image.
pub(crate) fn local_build_command(dockerfile: &str, image: &str, context: &str) -> String {
    format!("docker build --network none --file {dockerfile} --tag {image} {context}")
}

/// Opens a shell in the job's image and sandbox, on this terminal and on the engine at `socket`, and returns the end of
/// the shell. If standard input is not a terminal, the shell reads commands from it. Blocks.
///
/// # Errors
/// When there is no program `docker`, or it cannot be started.
pub(crate) fn open_local_shell(socket: &str, job: &JobSpec, output: &Path) -> std::io::Result<ExitStatus> {
    use std::io::IsTerminal as _;
    let image = job.image.to_string();
    let run = LocalRun {
        image: &image,
        output: &output.display().to_string(),
        gpus: u32::try_from(job.gpus.len()).unwrap_or(u32::MAX),
    };
    let address =
        if socket.starts_with('/') { format!("unix://{socket}") } else { socket.replacen("http://", "tcp://", 1) };
    let mut command = Command::new("docker");
    command.args(["--host", &address, "run", "--rm", "--interactive"]);
    if std::io::stdin().is_terminal() {
        command.arg("--tty");
    }
    command.args(run_options(job, run).into_iter().flatten());
    command.args(["--entrypoint", "/bin/sh", &image]);
    let status = command.stdin(Stdio::inherit()).status();
    status.map_err(|e| {
        let message = format!("the program `docker` cannot be started: {e}");
        std::io::Error::new(e.kind(), message)
    })
}

/// The options of `docker run`, each with its value.
fn run_options(job: &JobSpec, run: LocalRun<'_>) -> Vec<Vec<String>> {
    let limits = &job.limits;
    let mut options: Vec<Vec<String>> =
        ["--init", "--read-only", "--no-healthcheck"].map(|flag| vec![flag.to_owned()]).to_vec();
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
    for (name, most) in
        [("nofile", OPEN_FILES.to_string()), ("core", "0".to_owned()), ("fsize", largest_file(job).to_string())]
    {
        add("--ulimit", format!("{name}={most}:{most}"));
    }
    add("--tmpfs", format!("/tmp:{}", tmp_options(job)));
    if run.gpus > 0 {
        add("--gpus", run.gpus.to_string());
    }
    for (name, value) in &job.env {
        add("--env", format!("{name}={value}"));
    }
    for input in &job.inputs {
        let (source, target) = (input.source.display(), &input.target);
        add("--mount", format!("type=bind,source={source},target={target},readonly"));
    }
    let (source, target) = (run.output, &job.output.target);
    add("--mount", format!("type=bind,source={source},target={target}"));
    options
}

/// A word for a shell. It has double quotes where it needs them, so that the shell still expands its variables.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=:,./%@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('`', "\\`");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_expand_them() {
        for (word, expected) in [
            ("--cpus", "--cpus"),
            ("type=bind,source=$CHALLENGE/sample,target=/in", "\"type=bind,source=$CHALLENGE/sample,target=/in\""),
            ("a \"b\" `c`", "\"a \\\"b\\\" \\`c\\`\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
