//! The inputs that a pattern of `[[task.check]]` selects.
//!
//! Only names are read. Every folder is read once, however many cases there are.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::{CaseId, InputSelection, OutputCheck, PathPattern};

/// A directory of inputs, whose folders are read when a pattern needs them.
#[derive(Debug)]
pub struct InputListing {
    directory: PathBuf,
    /// The names in each folder that was read, sorted, by its path in the directory.
    folders: RefCell<HashMap<String, Vec<String>>>,
}

/// A key of a check that selects no input of some case.
pub(in crate::config) struct MissingInput {
    pub key: &'static str,
    pub message: String,
}

impl InputListing {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), folders: RefCell::default() }
    }

    /// The directory of the inputs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The inputs of a case that a check selects, as paths relative to the directory, sorted.
    ///
    /// # Errors
    /// A folder cannot be read. A folder that does not exist has no inputs.
    pub fn matching(&self, selected: &InputSelection, case: &CaseId) -> io::Result<Vec<String>> {
        let mut found = self.paths_matching(&selected.pattern, case)?;
        found.retain(|path| selected.includes(case, path));
        Ok(found)
    }

    /// The keys of a check that select no input of some case.
    pub(in crate::config) fn missing(&self, check: &OutputCheck, cases: &[CaseId]) -> Vec<MissingInput> {
        let mut missing = Vec::new();
        for (key, selected) in check.inputs() {
            let has_none = |case: &&CaseId| self.matching(&selected, case).map_or(true, |found| found.is_empty());
            if let Some(case) = cases.iter().find(has_none) {
                let message = format!("No input of the case `{case}` matches `{}` of `{key}`.", selected.pattern);
                missing.push(MissingInput { key, message });
            }
        }
        missing
    }

    fn paths_matching(&self, pattern: &PathPattern, case: &CaseId) -> io::Result<Vec<String>> {
        let full = pattern.for_case(case);
        let mut found = vec![String::new()];
        for part in full.split('/') {
            let mut deeper = Vec::new();
            for folder in &found {
                deeper.extend(self.entries_matching(folder, part)?);
            }
            found = deeper;
        }
        found.retain(|path| pattern.matches(case, path) && self.directory.join(path).is_file());
        found.sort();
        Ok(found)
    }

    /// The entries of a folder that one part of a pattern may match.
    fn entries_matching(&self, folder: &str, part: &str) -> io::Result<Vec<String>> {
        let path = |name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        if !part.contains('*') {
            let path = path(part);
            let exists = self.directory.join(&path).exists();
            return Ok(exists.then_some(path).into_iter().collect());
        }
        let mut folders = self.folders.borrow_mut();
        if !folders.contains_key(folder) {
            folders.insert(folder.to_owned(), names_in(&self.directory.join(folder))?);
        }
        let names = &folders[folder];
        let start = part.split('*').next().unwrap_or_default();
        let first = names.partition_point(|name| name.as_str() < start);
        Ok(names[first..].iter().take_while(|name| name.starts_with(start)).map(|name| path(name)).collect())
    }
}

/// The names in a folder that are not hidden, sorted.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::tests::folder_of_inputs;
    use super::*;

    #[test]
    fn a_pattern_selects_inputs_of_a_case() {
        let entries = ["v/", "v/a/", "v/b/", "v/b/n/", "w/", "w.png"];
        let (_folder, inputs) = folder_of_inputs(&entries);
        for file in ["v/a/2.png", "v/a/1.png", "v/a/1.txt", "v/b/3.png", "v/b/.4.png"] {
            fs::write(inputs.join(file), "").unwrap();
        }
        let listing = InputListing::new(&inputs);
        let found = |case: &str, pattern: &str| {
            let case = CaseId::new(case).unwrap();
            listing.paths_matching(&PathPattern(pattern.to_owned()), &case).unwrap()
        };
        assert_eq!(found("v", "{case}/*/*.png"), ["v/a/1.png", "v/a/2.png", "v/b/3.png"]);
        assert_eq!(found("v", "{case}/b/*"), ["v/b/3.png"]);
        assert_eq!(found("w", "{case}.png"), ["w.png"]);
        assert_eq!(found("w", "{case}*"), ["w.png"]);
        assert_eq!(found("w", "{case}/*/*.png"), [""; 0]);
        assert_eq!(found("x", "{case}/*"), [""; 0]);
    }
}
