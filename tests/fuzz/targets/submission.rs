//! `submission.toml`: accepted entries name known tasks and paths inside the repository, and read the same after they
//! are written.

use referee::model::TaskSlug;
use referee::rules::submission_toml::{Entries, read_submission_toml};
use toml_edit::{Array, DocumentMut, InlineTable, value};

use super::assert_fit_to_show;

pub(super) fn keeps(bytes: &[u8]) {
    let tasks = ["segmentation", "phases"].map(|task| TaskSlug::new(task).expect("a task"));
    let (entries, findings) = read_submission_toml(Some(bytes), &tasks);
    assert_fit_to_show(&findings, bytes);
    for (at, (task, path)) in entries.tasks.iter().enumerate() {
        assert!(tasks.contains(task));
        assert!(entries.tasks[..at].iter().all(|(earlier, _)| earlier != task));
        let within = |part: &str| !matches!(part, "" | "." | ".." | ".git");
        assert!(path.split('/').all(within), "{path:?}");
    }
    if findings.is_empty() {
        let written = written(&entries);
        let again = read_submission_toml(Some(written.as_bytes()), &tasks);
        assert_eq!(again, (entries, findings), "{written}");
    }
}

fn written(entries: &Entries) -> String {
    let mut file = DocumentMut::new();
    file["tasks"] = value(entries.tasks.iter().map(|(task, _)| task.as_str()).collect::<Array>());
    let mut paths = InlineTable::new();
    for (task, path) in &entries.tasks {
        paths.insert(task.as_str(), path.as_str().into());
    }
    file["dockerfiles"] = value(paths);
    if let Some(title) = &entries.title {
        file["title"] = value(title.as_str());
    }
    if let Some(description) = &entries.description {
        file["description"] = value(description.as_str());
    }
    file["authors"] = value(entries.authors.iter().map(String::as_str).collect::<Array>());
    file.to_string()
}
