//! Reads `submission.toml`: the tasks that a commit enters, and their Dockerfiles: SUB001 to SUB005.
//!
//! The file can never set limits, commands or mounts. Unknown keys are errors and never ignored.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use super::catalogue::{SUB001, SUB002, SUB003, SUB004, SUB005};
use crate::model::{Finding, Location, TaskSlug, limits, suggest};

/// Name of the file, at the root of the repository.
pub const FILE: &str = "submission.toml";
/// The default Dockerfile.
pub const DOCKERFILE: &str = "Dockerfile";

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// Each entered task once, with the path of its Dockerfile, in the order of the challenge.
    pub tasks: Vec<(TaskSlug, String)>,
    pub title: Option<String>,
    pub authors: Vec<String>,
    pub description: Option<String>,
}

impl Entries {
    /// A commit without the file enters every task of the challenge.
    fn all(tasks: &[TaskSlug]) -> Self {
        let dockerfile = || DOCKERFILE.to_owned();
        Self {
            tasks: tasks.iter().map(|t| (t.clone(), dockerfile())).collect(),
            title: None,
            authors: Vec::new(),
            description: None,
        }
    }

    /// The paths of the Dockerfiles, each once.
    pub fn dockerfiles(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.tasks.iter().map(|(_, path)| path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

const KEYS: [&str; 6] = ["tasks", "dockerfile", "dockerfiles", "title", "authors", "description"];

/// Common names for settings that only organizers can set.
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

/// Reads the file; `None` if the commit has none. The readable parts of a broken file are used, so that the other rules
/// can check them.
pub fn read_submission_toml(bytes: Option<&[u8]>, tasks: &[TaskSlug]) -> (Entries, Vec<Finding>) {
    let mut entries = Entries::all(tasks);
    let Some(bytes) = bytes else {
        return (entries, Vec::new());
    };
    let text = match text(bytes) {
        Ok(text) => text,
        Err(finding) => return (entries, vec![finding.at(Location::file(FILE))]),
    };
    let mut reader = Reader { text, tasks, findings: Vec::new() };
    match Document::parse(text) {
        Ok(document) => reader.file(document.as_table(), &mut entries),
        Err(error) => {
            let reason = error.message().lines().next().unwrap_or("syntax error");
            let message = format!("{FILE} is not valid TOML: {reason}");
            reader.push(SUB001.finding(message), error.span());
        }
    }
    reader.findings.sort_by_key(|f| f.location.as_ref().and_then(|p| p.line));
    (entries, reader.findings)
}

fn text(bytes: &[u8]) -> Result<&str, Box<Finding>> {
    if bytes.len() > limits::SUBMISSION_TOML_BYTES_MAX {
        let message = format!("{FILE} has more than {} KiB", limits::SUBMISSION_TOML_BYTES_MAX / 1024);
        return Err(Box::new(SUB001.finding_with(message, "Keep only the known keys.")));
    }
    std::str::from_utf8(bytes)
        .map_err(|_| Box::new(SUB001.finding_with(format!("{FILE} is not UTF-8"), "Save it as UTF-8.")))
}

/// Reads a parsed file and collects findings.
struct Reader<'a> {
    text: &'a str,
    tasks: &'a [TaskSlug],
    findings: Vec<Finding>,
}

impl Reader<'_> {
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
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let mut location = Location::line(FILE, u32::try_from(line + 1).unwrap_or(u32::MAX));
        location.column = u32::try_from(column).ok();
        location.with_text(self.text.lines().nth(line).unwrap_or_default().trim_end())
    }

    fn file(&mut self, table: &dyn TableLike, entries: &mut Entries) {
        let mut tasks = None;
        let mut dockerfile = None;
        let mut dockerfiles = BTreeMap::new();
        for (key, item) in table.iter() {
            let span = table.get_key_value(key).and_then(|(k, _)| k.span()).or_else(|| item.span());
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
                let message = format!("`dockerfiles.{task}` is for a task that `tasks` does not list");
                self.push(SUB003.finding_with(message, "Add the task to `tasks`, or delete the line."), span.clone());
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
                format!("`{key}` cannot be set here. The organizers set limits, and they are the same for all teams"),
                "Delete the line.",
            )
        } else {
            let help = match suggest::nearest(key, KEYS) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("Delete the line. The keys are `{known}`."),
            };
            SUB002.finding_with(format!("Unknown key `{}`", shortened(key)), help)
        };
        self.push(finding, span);
    }

    fn wrong_type(&mut self, key: &str, span: Option<Range<usize>>, usage: &str) {
        let message = format!("`{key}` has the wrong type");
        self.push(SUB004.finding_with(message, format!("Write it as `{usage}`.")), span);
    }

    fn string(&mut self, item: &Item, key: &str) -> Option<String> {
        let text = item.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(key, item.span(), &format!("{key} = \"text\""));
        }
        text
    }

    fn strings(&mut self, item: &Item, key: &str, span: Option<Range<usize>>) -> Option<Vec<String>> {
        let words: Option<Vec<String>> =
            item.as_array().and_then(|a| a.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        if words.is_none() {
            self.wrong_type(key, item.span().or(span), &format!("{key} = [\"one\", \"two\"]"));
        }
        words
    }

    /// The entered tasks. `None` if the list has no known task.
    fn task_list(&mut self, item: &Item, span: Option<Range<usize>>) -> Option<Vec<TaskSlug>> {
        let names = self.strings(item, "tasks", span.clone())?;
        let values = item.as_array()?.iter().map(Value::span).collect::<Vec<_>>();
        if names.is_empty() {
            let message = "`tasks` is empty, so the submission enters no task";
            self.push(SUB003.finding(message), item.span().or(span));
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
            let near =
                suggest::nearest(name, names()).map_or_else(String::new, |near| format!("Did you mean `{near}`? "));
            let all: Vec<_> = names().map(|n| format!("`{n}`")).collect();
            let finding = SUB003.finding_with(
                format!("The challenge has no task `{}`", shortened(name)),
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
            self.wrong_type("dockerfiles", span, "dockerfiles = { task = \"path/Dockerfile\" }");
            return paths;
        };
        for (name, item) in table.iter() {
            let span = table.get_key_value(name).and_then(|(k, _)| k.span());
            let task = self.task(name, span.clone());
            let path = self.path(item, &format!("dockerfiles.{}", shortened(name)));
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
            && path.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"));
        if !plain {
            let message = format!("`{key}` is not a path within the repository");
            self.push(SUB005.finding(message), item.span());
        }
        plain.then(|| path.to_owned())
    }
}

/// A text of the participant for a message.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tasks() -> Vec<TaskSlug> {
        ["segmentation", "phase-recognition"].map(|t| TaskSlug::new(t).unwrap()).into()
    }

    fn codes(text: &str) -> Vec<String> {
        read_submission_toml(Some(text.as_bytes()), &tasks())
            .1
            .iter()
            .map(|f| format!("{} {}", f.location.as_ref().unwrap().line.unwrap_or(0), f.code))
            .collect()
    }

    fn entered(text: &str) -> Vec<(String, String)> {
        let (entries, findings) = read_submission_toml(Some(text.as_bytes()), &tasks());
        assert_eq!(findings, [], "{text}");
        entries.tasks.into_iter().map(|(t, d)| (t.to_string(), d)).collect()
    }

    #[test]
    fn the_entered_tasks() {
        let both = |d: &str| vec![("segmentation".into(), d.into()), ("phase-recognition".into(), d.into())];
        let one = |d: &str| vec![("segmentation".into(), d.into())];
        assert_eq!(read_submission_toml(None, &tasks()).0, Entries::all(&tasks()));
        for (text, expected) in [
            ("", both("Dockerfile")),
            ("title = \"x\"\nauthors = [\"a\"]\ndescription = \"y\"", both("Dockerfile")),
            ("dockerfile = \"./docker/Dockerfile\"", both("docker/Dockerfile")),
            ("tasks = [\"segmentation\", \"segmentation\"]", one("Dockerfile")),
            ("tasks = [\"segmentation\"]\n[dockerfiles]\nsegmentation = \"seg/Dockerfile\"", one("seg/Dockerfile")),
            (
                "dockerfiles = { segmentation = \"a\" }",
                vec![("segmentation".into(), "a".into()), ("phase-recognition".into(), "Dockerfile".into())],
            ),
        ] {
            assert_eq!(entered(text), expected, "{text}");
        }
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let mut all = String::new();
        for (text, expected) in [
            ("tasks = [\"segmentation\"\ndockerfile = \"x\"", &["2 SUB001"] as &[_]),
            ("tasks = [\"segmentation\"]\ntasks = []", &["2 SUB001"]),
            ("memory = \"64GiB\"", &["1 SUB002"]),
            ("\n[limits]\ngpus = 8", &["2 SUB002"]),
            ("task = [\"segmentation\"]", &["1 SUB002"]),
            ("tasks = [\"segmentaton\"]", &["1 SUB003"]),
            ("tasks = []", &["1 SUB003"]),
            ("tasks = [\"segmentation\"]\ndockerfiles = { phase-recognition = \"x\" }", &["2 SUB003"]),
            ("tasks = \"segmentation\"", &["1 SUB004"]),
            ("tasks = [1]", &["1 SUB004"]),
            ("title = 1\nauthors = \"me\"\ndockerfiles = \"x\"", &["1 SUB004", "2 SUB004", "3 SUB004"]),
            ("dockerfile = \"../x\"", &["1 SUB005"]),
            ("dockerfile = \"/x\"", &["1 SUB005"]),
            ("dockerfile = \"a/\"", &["1 SUB005"]),
            ("dockerfile = \".git/x\"", &["1 SUB005"]),
            ("tasks = [\"x\"]\ngpus = 1\ndockerfile = \"\"", &["1 SUB003", "2 SUB002", "3 SUB005"]),
        ] {
            assert_eq!(codes(text), expected, "{text}");
            let findings = read_submission_toml(Some(text.as_bytes()), &tasks()).1;
            all += &crate::rules::samples::block(format!("{text:?}"), &findings);
        }
        let large = vec![b'#'; limits::SUBMISSION_TOML_BYTES_MAX + 1];
        for bytes in [b"title = \"caf\xe9\"".as_slice(), &large] {
            let findings = read_submission_toml(Some(bytes), &tasks()).1;
            all += &crate::rules::samples::block(format!("{} bytes", bytes.len()), &findings);
        }
        insta::assert_snapshot!("mistakes", all);
        let findings = read_submission_toml(Some(b"tasks = [\"segmentaton\"]"), &tasks()).1;
        assert_eq!(findings[0].location.as_ref().unwrap().to_string(), "submission.toml:1:10");
        assert!(findings[0].help.starts_with("Did you mean `segmentation`?"), "{findings:?}");
        for bytes in [&b"\xff"[..], &[b' '; 70_000]] {
            let findings = read_submission_toml(Some(bytes), &tasks()).1;
            assert_eq!(findings[0].code, "SUB001");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_submission_toml(Some(&bytes), &tasks());
        }

        #[test]
        fn odd_files_never_panic(text in "(tasks|dockerfiles|title|a\\.b|\\[|\\]|\\{|\\}|=|\"|,|\n|é|1| ){0,30}") {
            let (entries, findings) = read_submission_toml(Some(text.as_bytes()), &tasks());
            prop_assert!(!findings.is_empty() || !entries.tasks.is_empty());
        }
    }
}
