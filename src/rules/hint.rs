//! Explains the last lines of a failed program's log: RUN005 to RUN013.
//!
//! Common mistakes print the same few error messages everywhere. Referee recognises them and explains them beside the
//! finding for the failed run. A hint is only advice and decides nothing, so a program gains nothing by printing such
//! messages. Referee never uses hints for runs on hidden data.

use super::catalogue::{RUN005, RUN006, RUN007, RUN008, RUN009, RUN010, RUN011, RUN012, RUN013, Rule};
use crate::model::{Contract, Finding, LogExcerpt};

/// Hints per run. More hints would distract from the first.
const HINTS_MAX: usize = 2;
/// Characters of the log that a hint quotes.
const QUOTED_CHARS_MAX: usize = 120;

/// Parts of error messages. The first one that a line contains decides.
const SIGNS: &[(&str, Sign)] = &[
    ("invalid load key, 'v'", Sign::LfsPointer),
    ("version https://git-lfs.github.com", Sign::LfsPointer),
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
    ("couldn't connect to 'https://huggingface.co'", Sign::Network),
    ("Torch not compiled with CUDA enabled", Sign::Hardware),
    ("Found no NVIDIA driver", Sign::Hardware),
    ("CUDA driver version is insufficient", Sign::Hardware),
    ("no kernel image is available for execution", Sign::Hardware),
    ("Attempting to deserialize object on a CUDA device", Sign::Hardware),
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
    // The finding for the failed run already reports that the program is missing.
    ("[FATAL tini", Sign::AlreadyReported),
    ("No such file or directory", Sign::MissingFile),
    ("can't open file", Sign::MissingFile),
    ("cannot find the path", Sign::MissingFile),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    MissingFile,
    NotWritable,
    Arguments,
    Hardware,
    Import,
    Limit,
    Network,
    SharedMemory,
    LfsPointer,
    AlreadyReported,
}

impl Sign {
    fn rule(self) -> Option<&'static Rule> {
        Some(match self {
            Self::AlreadyReported => return None,
            Self::Limit => &RUN012,
            Self::Arguments => &RUN013,
            Self::MissingFile => &RUN005,
            Self::NotWritable => &RUN006,
            Self::Hardware => &RUN007,
            Self::Import => &RUN008,
            Self::Network => &RUN009,
            Self::SharedMemory => &RUN010,
            Self::LfsPointer => &RUN011,
        })
    }
}

/// Hints for a failed run. The last line comes first, because a program usually prints the cause of its end last.
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
        hints.push(hint(*sign, rule, line, contract));
        if hints.len() == HINTS_MAX {
            break;
        }
    }
    hints
}

fn hint(sign: Sign, rule: &Rule, line: &str, contract: &Contract) -> Finding {
    let (input, output) = (&contract.input, &contract.output);
    let (missing, denied) = (sign == Sign::MissingFile, sign == Sign::NotWritable);
    let path = path_in(line).filter(|_| missing || denied);
    let Some(path) = path else {
        let message = format!("The program printed \u{201c}{}\u{201d}", shortened(line.trim()));
        return rule.finding(message);
    };
    let name = shortened(path);
    if in_home_directory(path) {
        RUN006.finding_with(
            format!("The program uses `{name}`, a home directory"),
            "The program runs as user 65534, which has no home directory. Write `ENV HOME=/tmp` into the Dockerfile. \
             If the program needs existing files, COPY them into the image and use their path.",
        )
    } else if denied {
        rule.finding_with(
            format!("The program is not allowed to use `{name}`"),
            format!(
                "The program runs as user 65534. Write only to {output} and /tmp, and make the files that the program \
                 reads readable for all users (`chmod -R a+rX`)."
            ),
        )
    } else if let Some(relative) = path.strip_prefix("//") {
        let relative = relative.trim_start_matches('/');
        rule.finding_with(
            format!("The program looks for `{relative}` in the working directory, which is `/`"),
            "Write the whole path into ENTRYPOINT, or write `WORKDIR /app` with the directory of your files before it.",
        )
    } else if within(path, input) {
        rule.finding_with(
            format!("The program looks for `{name}`, which is not among the inputs"),
            format!("List the files in {input}. Names and numbers of inputs differ between data sets."),
        )
    } else if within(path, output) {
        rule.finding_with(
            format!("The program writes to `{name}`, but the directory does not exist"),
            format!("{output} is empty at the start. Create the directories in it first."),
        )
    } else {
        rule.finding_with(
            format!("The program looks for `{name}`, which is not in the image"),
            format!(
                "COPY the file into the image, or correct the path. Inputs are in {input}, outputs belong in {output}, \
                 and no other files of your machine are available."
            ),
        )
    }
}

fn in_home_directory(path: &str) -> bool {
    ["/root", "/nonexistent"].iter().any(|home| within(path, home))
}

/// The last absolute path in a line, in quotes or as a separate word.
fn path_in(line: &str) -> Option<&str> {
    let parts = line.split(|c: char| c.is_whitespace() || "'\"`:,;()[]<>".contains(c));
    let mut paths = parts.filter(|part| part.len() > 1 && part.starts_with('/'));
    paths.next_back()
}

fn within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::samples;

    fn hints_of(log: &str) -> Vec<Finding> {
        let excerpt = LogExcerpt { head: log.to_owned(), total_bytes: log.len() as u64, ..LogExcerpt::default() };
        hints(&excerpt, &samples::contract("{case}.png"))
    }

    #[test]
    fn common_error_messages_are_explained() {
        let mut all = String::new();
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
                "The program writes to `/output/Video_01/phases.csv`, but the directory does not exist",
            ),
            (
                "python3: can't open file '/app/predict.py': [Errno 2] No such file or directory\n",
                "RUN005",
                "The program looks for `/app/predict.py`, which is not in the image",
            ),
            (
                "OSError: [Errno 30] Read-only file system: '/app/cache'\n",
                "RUN006",
                "The program is not allowed to use `/app/cache`",
            ),
            (
                "PermissionError: [Errno 13] Permission denied: '/root/.cache/torch'\n",
                "RUN006",
                "The program uses `/root/.cache/torch`, a home directory",
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
            ("OSError: [Errno 28] No space left on device\n", "RUN012", "No space left on device"),
            ("RuntimeError: can't start new thread\n", "RUN012", "can't start new thread"),
            ("main.py: error: the following arguments are required: --input\n", "RUN013", "--input"),
            ("OSError: libcuda.so.1: cannot open shared object file: No such file or directory\n", "RUN007", "libcuda"),
            (
                "AssertionError: Torch not compiled with CUDA enabled\n",
                "RUN007",
                "The program printed \u{201c}AssertionError: Torch not compiled with CUDA enabled\u{201d}",
            ),
            ("ModuleNotFoundError: No module named 'cv2'\n", "RUN008", "No module named 'cv2'"),
            (
                "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>\n",
                "RUN009",
                "name resolution",
            ),
            ("RuntimeError: unable to allocate shared memory(shm) for file\n", "RUN010", "shared memory"),
            ("_pickle.UnpicklingError: invalid load key, 'v'.\n", "RUN011", "invalid load key"),
        ] {
            let hints = hints_of(log);
            assert_eq!(hints.len(), 1, "{log}: {hints:?}");
            assert_eq!(hints[0].code, code, "{log}");
            assert!(hints[0].message.contains(message), "{log}: {hints:?}");
            all += &samples::block(log.trim(), &hints);
        }
        insta::assert_snapshot!("hints", all);
        assert_eq!(hints_of("ValueError: operands could not be broadcast\n"), []);
        assert_eq!(hints_of("[FATAL tini (7)] exec /app/run failed: No such file or directory\n"), []);
    }

    #[test]
    fn the_last_message_comes_first_and_each_kind_once() {
        let log = "No module named 'a'\nNo module named 'b'\nRead-only file system: '/x'\nmore\n";
        let found = hints_of(log);
        let codes: Vec<_> = found.iter().map(|f| (f.code.as_str(), f.message.contains("'a'"))).collect();
        assert_eq!(codes, [("RUN006", false), ("RUN008", false)]);
    }

    proptest! {
        #[test]
        fn hints_for_any_log_are_short(log in "(\\PC|/|'|\n|No such file or directory|Permission denied){0,80}") {
            for hint in hints_of(&log) {
                prop_assert!(hint.message.chars().count() < 3 * QUOTED_CHARS_MAX);
            }
        }
    }
}
