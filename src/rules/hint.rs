//! What a failed program printed, and what that usually means: RUN005 to RUN013.
//!
//! An honest mistake prints the same few sentences everywhere. Each is known by its sign, and explained
//! beside the finding that the run failed. A hint is advice: it decides nothing, and a program that
//! prints what it likes gains nothing by it. Never asked about hidden data.

use super::catalogue::{
    RUN005, RUN006, RUN007, RUN008, RUN009, RUN010, RUN011, RUN012, RUN013, Rule,
};
use crate::model::{Contract, Finding, LogExcerpt};

/// Hints about one run; more would bury the first.
const HINTS_MAX: usize = 2;
/// Characters of what a hint quotes from the log.
const QUOTED_MAX: usize = 120;

/// Words by which a program says what stopped it. The first sign that a line bears counts.
const SIGNS: &[(&str, Sign)] = &[
    ("invalid load key, 'v'", Sign::Pointer),
    ("version https://git-lfs.github.com", Sign::Pointer),
    ("attempted relative import", Sign::Import),
    ("libcuda.so", Sign::Hardware),
    ("libcudnn", Sign::Hardware),
    ("CUDA out of memory", Sign::Hardware),
    ("nvidia-smi", Sign::Hardware),
    ("No module named", Sign::Import),
    ("cannot open shared object file", Sign::Import),
    ("there is no package called", Sign::Import),
    ("Temporary failure in name resolution", Sign::Network),
    ("Name or service not known", Sign::Network),
    ("Network is unreachable", Sign::Network),
    ("Failed to resolve", Sign::Network),
    ("Could not resolve host", Sign::Network),
    ("Max retries exceeded with url", Sign::Network),
    (
        "couldn't connect to 'https://huggingface.co'",
        Sign::Network,
    ),
    ("Torch not compiled with CUDA enabled", Sign::Hardware),
    ("Found no NVIDIA driver", Sign::Hardware),
    ("CUDA driver version is insufficient", Sign::Hardware),
    ("no kernel image is available for execution", Sign::Hardware),
    (
        "Attempting to deserialize object on a CUDA device",
        Sign::Hardware,
    ),
    ("No CUDA GPUs are available", Sign::Hardware),
    ("no CUDA-capable device is detected", Sign::Hardware),
    ("unable to allocate shared memory", Sign::SharedMemory),
    ("insufficient shared memory", Sign::SharedMemory),
    ("out of shared memory", Sign::SharedMemory),
    ("No space left on device", Sign::Limit),
    ("File too large", Sign::Limit),
    ("can't start new thread", Sign::Limit),
    ("Resource temporarily unavailable", Sign::Limit),
    ("Too many open files", Sign::Limit),
    ("Unable to allocate", Sign::Limit),
    ("Cannot allocate memory", Sign::Limit),
    ("the following arguments are required", Sign::Arguments),
    ("EOF when reading a line", Sign::Arguments),
    ("the input device is not a TTY", Sign::Arguments),
    ("Read-only file system", Sign::NotWritable),
    ("Permission denied", Sign::NotWritable),
    ("Operation not permitted", Sign::NotWritable),
    // That the program of the image is not there is said by the finding itself.
    ("[FATAL tini", Sign::Said),
    ("No such file or directory", Sign::NotThere),
    ("can't open file", Sign::NotThere),
    ("cannot find the path", Sign::NotThere),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    NotThere,
    NotWritable,
    Arguments,
    Hardware,
    Import,
    Limit,
    Network,
    SharedMemory,
    Pointer,
    Said,
}

impl Sign {
    fn rule(self) -> Option<&'static Rule> {
        Some(match self {
            Self::Said => return None,
            Self::Limit => &RUN012,
            Self::Arguments => &RUN013,
            Self::NotThere => &RUN005,
            Self::NotWritable => &RUN006,
            Self::Hardware => &RUN007,
            Self::Import => &RUN008,
            Self::Network => &RUN009,
            Self::SharedMemory => &RUN010,
            Self::Pointer => &RUN011,
        })
    }
}

/// What the last words of a failed run hint at, the last first: programs die of what they print last.
pub fn hints(log: &LogExcerpt, contract: &Contract) -> Vec<Finding> {
    let text = log.text();
    let mut seen: Vec<Sign> = Vec::new();
    let mut hints = Vec::new();
    for line in text.lines().rev() {
        let Some((_, sign)) = SIGNS.iter().find(|(words, _)| line.contains(words)) else {
            continue;
        };
        if seen.contains(sign) {
            continue;
        }
        seen.push(*sign);
        let Some(rule) = sign.rule() else {
            continue;
        };
        hints.push(hint((*sign, rule), line, contract));
        if hints.len() == HINTS_MAX {
            break;
        }
    }
    hints
}

fn hint((sign, rule): (Sign, &Rule), line: &str, contract: &Contract) -> Finding {
    let path = path_in(line);
    match (sign, path) {
        (Sign::NotThere | Sign::NotWritable, Some(path)) if in_a_home(path) => RUN006.finding_with(
            format!("The program wants to use `{}`, a home directory", shown(path)),
            "It runs as user 65534, which has none. Write `ENV HOME=/tmp` into the Dockerfile; what must be there \
             already, COPY it into the image and name its place.",
        ),
        (Sign::NotThere, Some(path)) if path.starts_with("//") => rule.finding_with(
            format!("The program looks for `{}` in the working directory, which is `/`", path.trim_start_matches('/')),
            "Write the whole path into ENTRYPOINT, or `WORKDIR /app` with the directory of your files before it.",
        ),
        (Sign::NotThere, Some(path)) if within(path, &contract.input) => rule.finding_with(
            format!("The program looks for `{}`, which is not among the inputs", shown(path)),
            format!(
                "List what is in {}: names and numbers of inputs differ from data to data.",
                contract.input
            ),
        ),
        (Sign::NotThere, Some(path)) if within(path, &contract.output) => rule.finding_with(
            format!("The program writes to `{}`, whose directory is not there", shown(path)),
            format!("{} is empty at the start: make the directories in it first.", contract.output),
        ),
        (Sign::NotThere, Some(path)) => rule.finding_with(
            format!("The program looks for `{}`, which is not in the image", shown(path)),
            format!(
                "COPY the file into the image, or correct the path: inputs are in {}, outputs go to {}, and \
                 nothing else of your machine is there.",
                contract.input, contract.output
            ),
        ),
        (Sign::NotWritable, Some(path)) => rule.finding_with(
            format!("The program may not use `{}`", shown(path)),
            format!(
                "Write to {} and /tmp only, and make what the program reads readable for everyone \
                 (`chmod -R a+rX`): it runs as user 65534.",
                contract.output
            ),
        ),
        _ => rule.finding(format!("The program says \u{201c}{}\u{201d}", shown(line.trim()))),
    }
}

fn in_a_home(path: &str) -> bool {
    ["/root", "/nonexistent"]
        .iter()
        .any(|home| within(path, home))
}

/// The absolute path that a line speaks of: in quotes, or a word of its own.
fn path_in(line: &str) -> Option<&str> {
    let parts = line.split(|c: char| c.is_whitespace() || "'\"`:,;()[]<>".contains(c));
    let mut paths = parts.filter(|part| part.len() > 1 && part.starts_with('/'));
    paths.next_back()
}

fn within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::samples;

    fn told(log: &str) -> Vec<(&'static str, String, String)> {
        let excerpt = LogExcerpt {
            head: log.to_owned(),
            total_bytes: log.len() as u64,
            ..LogExcerpt::default()
        };
        let contract = samples::contract("{case}.png");
        let all = hints(&excerpt, &contract).into_iter();
        let code = |f: &Finding| crate::rules::rule(&f.code).unwrap().code;
        all.map(|f| (code(&f), f.message, f.help)).collect()
    }

    #[test]
    fn what_programs_print_is_explained() {
        for (log, code, message) in [
            (
                "FileNotFoundError: [Errno 2] No such file or directory: '/home/me/model.pt'\n",
                "RUN005",
                "The program looks for `/home/me/model.pt`, which is not in the image",
            ),
            (
                "FileNotFoundError: [Errno 2] No such file or directory: '/input/case_01.png'\n",
                "RUN005",
                "The program looks for `/input/case_01.png`, which is not among the inputs",
            ),
            (
                "No such file or directory: '/output/Video_01/phases.csv'\n",
                "RUN005",
                "The program writes to `/output/Video_01/phases.csv`, whose directory is not there",
            ),
            (
                "python3: can't open file '/app/predict.py': [Errno 2] No such file or directory\n",
                "RUN005",
                "The program looks for `/app/predict.py`, which is not in the image",
            ),
            (
                "OSError: [Errno 30] Read-only file system: '/app/cache'\n",
                "RUN006",
                "The program may not use `/app/cache`",
            ),
            (
                "PermissionError: [Errno 13] Permission denied: '/root/.cache/torch'\n",
                "RUN006",
                "The program wants to use `/root/.cache/torch`, a home directory",
            ),
            (
                "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/.cache/x'\n",
                "RUN006",
                "a home directory",
            ),
            (
                "python3: can't open file '//main.py': [Errno 2] No such file or directory\n",
                "RUN005",
                "The program looks for `main.py` in the working directory, which is `/`",
            ),
            (
                "OSError: [Errno 28] No space left on device\n",
                "RUN012",
                "No space left on device",
            ),
            (
                "RuntimeError: can't start new thread\n",
                "RUN012",
                "can't start new thread",
            ),
            (
                "main.py: error: the following arguments are required: --input\n",
                "RUN013",
                "--input",
            ),
            (
                "OSError: libcuda.so.1: cannot open shared object file: No such file or directory\n",
                "RUN007",
                "libcuda",
            ),
            (
                "AssertionError: Torch not compiled with CUDA enabled\n",
                "RUN007",
                "The program says \u{201c}AssertionError: Torch not compiled with CUDA enabled\u{201d}",
            ),
            (
                "ModuleNotFoundError: No module named 'cv2'\n",
                "RUN008",
                "No module named 'cv2'",
            ),
            (
                "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>\n",
                "RUN009",
                "name resolution",
            ),
            (
                "RuntimeError: unable to allocate shared memory(shm) for file\n",
                "RUN010",
                "shared memory",
            ),
            (
                "_pickle.UnpicklingError: invalid load key, 'v'.\n",
                "RUN011",
                "invalid load key",
            ),
        ] {
            let told = told(log);
            assert_eq!(told.len(), 1, "{log}: {told:?}");
            assert_eq!(told[0].0, code, "{log}");
            assert!(told[0].1.contains(message), "{log}: {}", told[0].1);
        }
        assert_eq!(told("ValueError: operands could not be broadcast\n"), []);
        assert_eq!(
            told("[FATAL tini (7)] exec /app/run failed: No such file or directory\n"),
            []
        );
    }

    #[test]
    fn the_last_words_come_first_and_each_once() {
        let log = "No module named 'a'\nNo module named 'b'\nRead-only file system: '/x'\nmore\n";
        let codes: Vec<_> = told(log)
            .into_iter()
            .map(|(code, message, _)| (code, message.contains("'a'")))
            .collect();
        assert_eq!(codes, [("RUN006", false), ("RUN008", false)]);
    }

    proptest! {
        #[test]
        fn no_log_does_harm(log in "(\\PC|/|'|\n|No such file or directory|Permission denied){0,80}") {
            for (_, message, _) in told(&log) {
                prop_assert!(message.chars().count() < 3 * QUOTED_MAX);
            }
        }
    }
}
