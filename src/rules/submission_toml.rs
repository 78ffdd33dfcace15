//! `submission.toml`: which tasks a commit enters, and with which Dockerfile: SUB001 to SUB005.
//!
//! It can never set limits, commands or mounts, and nothing in it is ignored: what is not known is
//! an error.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use super::catalogue::{Rule, SUB001, SUB002, SUB003, SUB004, SUB005};
use crate::model::{Finding, Location, TaskSlug, limits, suggest};

/// Name of the file, at the root of the repository.
pub const FILE: &str = "submission.toml";
/// The Dockerfile of a submission that names none.
pub const DOCKERFILE: &str = "Dockerfile";

/// What a commit enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// Each task once, with the path of its Dockerfile; in the order of the challenge.
    pub tasks: Vec<(TaskSlug, String)>,
    /// What the team calls its method.
    pub title: Option<String>,
    /// Who made it.
    pub authors: Vec<String>,
    /// How it works.
    pub description: Option<String>,
}

impl Entries {
    /// Without the file, a commit enters every task of the challenge.
    fn all(tasks: &[TaskSlug]) -> Self {
        let dockerfile = || DOCKERFILE.to_owned();
        Self {
            tasks: tasks.iter().map(|t| (t.clone(), dockerfile())).collect(),
            title: None,
            authors: Vec::new(),
            description: None,
        }
    }

    /// The Dockerfiles that are used, each once.
    pub fn dockerfiles(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.tasks.iter().map(|(_, path)| path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

const KEYS: [&str; 6] = [
    "tasks",
    "dockerfile",
    "dockerfiles",
    "title",
    "authors",
    "description",
];

/// What only organizers set, by the words that people try.
const ORGANIZERS_KEYS: [&str; 22] = [
    "limits",
    "memory",
    "gpus",
    "gpu",
    "cpus",
    "cpu",
    "time",
    "timeout",
    "shm",
    "pids",
    "output",
    "input",
    "mounts",
    "volumes",
    "network",
    "command",
    "cmd",
    "entrypoint",
    "env",
    "environment",
    "user",
    "privileged",
];

/// Reads the file; `None` when the commit has none. Where it is wrong, what could be read of it is
/// used, so that the other rules have something to look at.
pub fn read(bytes: Option<&[u8]>, tasks: &[TaskSlug]) -> (Entries, Vec<Finding>) {
    let mut entries = Entries::all(tasks);
    let Some(bytes) = bytes else {
        return (entries, Vec::new());
    };
    let text = match text(bytes) {
        Ok(text) => text,
        Err(finding) => return (entries, vec![finding.at(Location::file(FILE))]),
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let message = error
                .message()
                .lines()
                .next()
                .unwrap_or("not valid TOML")
                .to_owned();
            let mut reader = Reader {
                text,
                tasks,
                findings: Vec::new(),
            };
            reader.say(
                &SUB001,
                error.span(),
                format!("{FILE} is not valid TOML: {message}"),
            );
            return (entries, reader.findings);
        }
    };
    let mut reader = Reader {
        text,
        tasks,
        findings: Vec::new(),
    };
    reader.file(document.as_table(), &mut entries);
    reader
        .findings
        .sort_by_key(|f| f.location.as_ref().and_then(|p| p.line));
    (entries, reader.findings)
}

fn text(bytes: &[u8]) -> Result<&str, Box<Finding>> {
    if bytes.len() > limits::SUBMISSION_TOML_BYTES_MAX {
        let message = format!(
            "{FILE} has more than {} KiB",
            limits::SUBMISSION_TOML_BYTES_MAX / 1024
        );
        return Err(Box::new(
            SUB001.finding_with(message, "Keep only the keys that are known."),
        ));
    }
    std::str::from_utf8(bytes).map_err(|_| {
        Box::new(SUB001.finding_with(format!("{FILE} is not UTF-8"), "Save it as UTF-8."))
    })
}

/// Reads a parsed file and collects what is wrong.
struct Reader<'a> {
    text: &'a str,
    tasks: &'a [TaskSlug],
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn say(&mut self, rule: &Rule, span: Option<Range<usize>>, message: String) {
        self.push(rule.finding(message), span);
    }

    fn push(&mut self, finding: Finding, span: Option<Range<usize>>) {
        let location = match span {
            Some(span) => self.location(span.start),
            None => Location::file(FILE),
        };
        self.findings.push(finding.at(location));
    }

    fn location(&self, offset: usize) -> Location {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count();
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let mut location = Location::line(FILE, u32::try_from(line + 1).unwrap_or(u32::MAX));
        location.column = u32::try_from(column).ok();
        location.with_text(self.text.lines().nth(line).unwrap_or_default().trim_end())
    }

    fn file(&mut self, table: &dyn TableLike, entries: &mut Entries) {
        let mut tasks = None;
        let mut dockerfile = None;
        let mut dockerfiles = BTreeMap::new();
        for (key, item) in table.iter() {
            let span = table
                .get_key_value(key)
                .and_then(|(k, _)| k.span())
                .or_else(|| item.span());
            match key {
                "tasks" => tasks = self.task_list(item, span),
                "dockerfile" => dockerfile = self.path(item, key),
                "dockerfiles" => dockerfiles = self.dockerfiles(item, span),
                "title" => entries.title = self.string(item, key),
                "description" => entries.description = self.string(item, key),
                "authors" => entries.authors = self.strings(item, key, span).unwrap_or_default(),
                other => self.unknown(other, span),
            }
        }
        let entered = tasks.unwrap_or_else(|| self.tasks.to_vec());
        for (task, (_, span)) in &dockerfiles {
            if !entered.contains(task) {
                let message = format!("`dockerfiles.{task}` is for a task that `tasks` leaves out");
                self.push(
                    SUB003.finding_with(message, "Add the task to `tasks`, or delete the line."),
                    span.clone(),
                );
            }
        }
        let default = dockerfile.unwrap_or_else(|| DOCKERFILE.to_owned());
        entries.tasks = self
            .tasks
            .iter()
            .filter(|task| entered.contains(task))
            .map(|task| {
                let own = dockerfiles.get(task).map(|(path, _)| path.clone());
                (task.clone(), own.unwrap_or_else(|| default.clone()))
            })
            .collect();
    }

    fn unknown(&mut self, key: &str, span: Option<Range<usize>>) {
        let known = KEYS.join("`, `");
        let finding = if ORGANIZERS_KEYS.contains(&key.to_ascii_lowercase().as_str()) {
            SUB002.finding_with(
                format!("`{key}` cannot be set here: limits are set by the organizers, the same for everybody"),
                "Delete the line.",
            )
        } else {
            let help = match suggest::nearest(key, KEYS) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("Delete the line. The keys are `{known}`."),
            };
            SUB002.finding_with(format!("Unknown key `{}`", shown(key)), help)
        };
        self.push(finding, span);
    }

    fn wrong_kind(&mut self, key: &str, span: Option<Range<usize>>, right: &str) {
        let message = format!("`{key}` is of the wrong kind");
        self.push(
            SUB004.finding_with(message, format!("Write it as `{right}`.")),
            span,
        );
    }

    fn string(&mut self, item: &Item, key: &str) -> Option<String> {
        let text = item.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_kind(key, item.span(), &format!("{key} = \"text\""));
        }
        text
    }

    fn strings(
        &mut self,
        item: &Item,
        key: &str,
        span: Option<Range<usize>>,
    ) -> Option<Vec<String>> {
        let words: Option<Vec<String>> = item
            .as_array()
            .and_then(|a| a.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        if words.is_none() {
            self.wrong_kind(
                key,
                item.span().or(span),
                &format!("{key} = [\"one\", \"two\"]"),
            );
        }
        words
    }

    /// The tasks that are entered; none if that cannot be told.
    fn task_list(&mut self, item: &Item, span: Option<Range<usize>>) -> Option<Vec<TaskSlug>> {
        let names = self.strings(item, "tasks", span.clone())?;
        let values = item.as_array()?.iter().map(Value::span).collect::<Vec<_>>();
        if names.is_empty() {
            self.say(
                &SUB003,
                item.span().or(span),
                "`tasks` is empty, so nothing is entered".into(),
            );
            return None;
        }
        let mut known = Vec::new();
        for (name, span) in names.iter().zip(values) {
            known.extend(self.task(name, span));
        }
        (!known.is_empty()).then_some(known)
    }

    fn task(&mut self, name: &str, span: Option<Range<usize>>) -> Option<TaskSlug> {
        let task = self.tasks.iter().find(|t| t.as_str() == name).cloned();
        if task.is_none() {
            let names = || self.tasks.iter().map(TaskSlug::as_str);
            let near = suggest::nearest(name, names())
                .map_or_else(String::new, |near| format!("Did you mean `{near}`? "));
            let all: Vec<_> = names().map(|n| format!("`{n}`")).collect();
            let finding = SUB003.finding_with(
                format!("The challenge has no task `{}`", shown(name)),
                format!("{near}The tasks are {}.", all.join(", ")),
            );
            self.push(finding, span);
        }
        task
    }

    fn dockerfiles(
        &mut self,
        item: &Item,
        span: Option<Range<usize>>,
    ) -> BTreeMap<TaskSlug, (String, Option<Range<usize>>)> {
        let mut paths = BTreeMap::new();
        let Some(table) = item.as_table_like() else {
            self.wrong_kind(
                "dockerfiles",
                span,
                "dockerfiles = { task = \"path/Dockerfile\" }",
            );
            return paths;
        };
        for (name, item) in table.iter() {
            let span = table.get_key_value(name).and_then(|(k, _)| k.span());
            let task = self.task(name, span.clone());
            let path = self.path(item, &format!("dockerfiles.{}", shown(name)));
            if let (Some(task), Some(path)) = (task, path) {
                paths.insert(task, (path, span));
            }
        }
        paths
    }

    fn path(&mut self, item: &Item, key: &str) -> Option<String> {
        let text = self.string(item, key)?;
        let path = text.strip_prefix("./").unwrap_or(&text);
        let plain = !path.is_empty()
            && !path.contains(['\\', ':'])
            && !path.chars().any(char::is_control)
            && path.chars().count() <= limits::SOURCE_PATH_CHARS_MAX
            && path
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".." | ".git"));
        if !plain {
            let message = format!("`{key}` is not a path within the repository");
            self.say(&SUB005, item.span(), message);
        }
        plain.then(|| path.to_owned())
    }
}

/// A participant's word, short enough for a sentence.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tasks() -> Vec<TaskSlug> {
        ["segmentation", "phase-recognition"]
            .map(|t| TaskSlug::new(t).unwrap())
            .into()
    }

    fn codes(text: &str) -> Vec<String> {
        read(Some(text.as_bytes()), &tasks())
            .1
            .iter()
            .map(|f| {
                format!(
                    "{} {}",
                    f.location.as_ref().unwrap().line.unwrap_or(0),
                    f.code
                )
            })
            .collect()
    }

    fn entered(text: &str) -> Vec<(String, String)> {
        let (entries, findings) = read(Some(text.as_bytes()), &tasks());
        assert_eq!(findings, [], "{text}");
        entries
            .tasks
            .into_iter()
            .map(|(t, d)| (t.to_string(), d))
            .collect()
    }

    #[test]
    fn what_is_entered() {
        let both = |d: &str| {
            vec![
                ("segmentation".into(), d.into()),
                ("phase-recognition".into(), d.into()),
            ]
        };
        let one = |d: &str| vec![("segmentation".into(), d.into())];
        assert_eq!(read(None, &tasks()).0, Entries::all(&tasks()));
        for (text, expected) in [
            ("", both("Dockerfile")),
            (
                "title = \"x\"\nauthors = [\"a\"]\ndescription = \"y\"",
                both("Dockerfile"),
            ),
            (
                "dockerfile = \"./docker/Dockerfile\"",
                both("docker/Dockerfile"),
            ),
            (
                "tasks = [\"segmentation\", \"segmentation\"]",
                one("Dockerfile"),
            ),
            (
                "tasks = [\"segmentation\"]\n[dockerfiles]\nsegmentation = \"seg/Dockerfile\"",
                one("seg/Dockerfile"),
            ),
            (
                "dockerfiles = { segmentation = \"a\" }",
                vec![
                    ("segmentation".into(), "a".into()),
                    ("phase-recognition".into(), "Dockerfile".into()),
                ],
            ),
        ] {
            assert_eq!(entered(text), expected, "{text}");
        }
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        for (text, expected) in [
            (
                "tasks = [\"segmentation\"\ndockerfile = \"x\"",
                &["2 SUB001"] as &[_],
            ),
            ("tasks = [\"segmentation\"]\ntasks = []", &["2 SUB001"]),
            ("memory = \"64GiB\"", &["1 SUB002"]),
            ("\n[limits]\ngpus = 8", &["2 SUB002"]),
            ("task = [\"segmentation\"]", &["1 SUB002"]),
            ("tasks = [\"segmentaton\"]", &["1 SUB003"]),
            ("tasks = []", &["1 SUB003"]),
            (
                "tasks = [\"segmentation\"]\ndockerfiles = { phase-recognition = \"x\" }",
                &["2 SUB003"],
            ),
            ("tasks = \"segmentation\"", &["1 SUB004"]),
            ("tasks = [1]", &["1 SUB004"]),
            (
                "title = 1\nauthors = \"me\"\ndockerfiles = \"x\"",
                &["1 SUB004", "2 SUB004", "3 SUB004"],
            ),
            ("dockerfile = \"../x\"", &["1 SUB005"]),
            ("dockerfile = \"/x\"", &["1 SUB005"]),
            ("dockerfile = \"a/\"", &["1 SUB005"]),
            ("dockerfile = \".git/x\"", &["1 SUB005"]),
            (
                "tasks = [\"x\"]\ngpus = 1\ndockerfile = \"\"",
                &["1 SUB003", "2 SUB002", "3 SUB005"],
            ),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        let findings = read(Some(b"tasks = [\"segmentaton\"]"), &tasks()).1;
        assert_eq!(
            findings[0].location.as_ref().unwrap().to_string(),
            "submission.toml:1:10"
        );
        assert!(
            findings[0].help.starts_with("Did you mean `segmentation`?"),
            "{findings:?}"
        );
        assert_eq!(read(Some(b"\xff"), &tasks()).1[0].code, "SUB001");
        assert_eq!(read(Some(&[b' '; 70_000]), &tasks()).1[0].code, "SUB001");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(Some(&bytes), &tasks());
        }

        #[test]
        fn odd_files_never_panic(text in "(tasks|dockerfiles|title|a\\.b|\\[|\\]|\\{|\\}|=|\"|,|\n|é|1| ){0,30}") {
            let (entries, findings) = read(Some(text.as_bytes()), &tasks());
            prop_assert!(!findings.is_empty() || !entries.tasks.is_empty());
        }
    }
}
