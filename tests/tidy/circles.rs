//! No circle of imports among the files of `src`.
//!
//! A file may use the items of the `mod.rs` above it, and the `mod.rs` uses its files: arrows up to it do not count.
//! A name that a `mod.rs` passes on by `use` counts as the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::{Import, imports, module};
use crate::source::{Source, Violation};

/// How often one name may be passed on until it is defined.
const PASSED_ON_MAX: usize = 8;

/// The files of `src` and the paths that each names.
struct Tree<'a> {
    /// The file of each module.
    files: BTreeMap<Vec<String>, &'a str>,
    imports: BTreeMap<&'a str, Vec<Import>>,
}

/// An arrow leads from a file to a file that it imports, with the first line that does.
type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

/// One violation for each file of a circle. It names the circle and the arrows that leave the file inside it.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let arrows = Tree::new(sources).arrows();
    let reachable_from: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (*file, reachable(&arrows, file))).collect();
    let mut found = Vec::new();
    for (file, targets) in &arrows {
        let circle: BTreeSet<&str> = reachable_from[file]
            .iter()
            .filter(|other| reachable_from.get(*other).is_some_and(|files| files.contains(file)))
            .copied()
            .collect();
        let inside: Vec<_> = targets.iter().filter(|(to, _)| circle.contains(*to)).collect();
        if let Some((_, line)) = inside.first() {
            let list: Vec<String> = inside.iter().map(|(to, line)| format!("{to} (line {line})")).collect();
            found.push(Violation {
                path: (*file).to_owned(),
                line: **line,
                message: format!(
                    "is in an import circle of {} files, because it imports {}",
                    circle.len(),
                    list.join(", ")
                ),
            });
        }
    }
    found
}

impl<'a> Tree<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let mut files = BTreeMap::new();
        let mut imported = BTreeMap::new();
        for source in sources {
            if let Some(module) = module(&source.path)
                && !source.is_unit_test()
                && source.path != "src/main.rs"
            {
                files.insert(module, source.path.as_str());
                imported.insert(source.path.as_str(), imports(source));
            }
        }
        Self { files, imports: imported }
    }

    fn arrows(&self) -> Arrows<'a> {
        let mut arrows = Arrows::new();
        for (file, imports) in &self.imports {
            let targets = arrows.entry(*file).or_default();
            for import in imports {
                if let Some(target) = self.defining_file(&import.path, PASSED_ON_MAX)
                    && target != *file
                    && !is_table_of_contents(target, file)
                {
                    targets.entry(target).or_insert(import.line);
                }
            }
        }
        arrows
    }

    /// The file that defines the item at a path. It follows names that a module imports and passes on.
    fn defining_file(&self, path: &[String], passed_on_max: usize) -> Option<&'a str> {
        let (length, file) =
            (0..=path.len()).rev().find_map(|length| Some((length, *self.files.get(&path[..length])?)))?;
        let passed_on = path.get(length).and_then(|name| {
            let imports = self.imports[file].iter();
            imports
                .filter(|import| import.name.as_ref() == Some(name))
                .map(|import| [import.path.as_slice(), &path[length + 1..]].concat())
                .find(|target| target != path)
        });
        match passed_on {
            Some(target) if passed_on_max > 0 => self.defining_file(&target, passed_on_max - 1),
            _ => Some(file),
        }
    }
}

/// Whether a file is the `mod.rs` of a folder around the other.
fn is_table_of_contents(file: &str, other: &str) -> bool {
    let folder = file.strip_suffix("mod.rs").or(file.strip_suffix("lib.rs"));
    folder.is_some_and(|folder| other.starts_with(folder))
}

/// The files that a file imports, directly or through others.
fn reachable<'a>(arrows: &Arrows<'a>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for target in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(*target) {
                open.push(target);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn circles_are_found_through_other_files_and_through_names_that_are_passed_on() {
        let found = circles(&[
            ("src/m/mod.rs", "mod a; mod b; mod c;\npub use a::A;\npub(crate) use self::c::C;"),
            ("src/m/a.rs", "use super::b;\nuse crate::m::X;"),
            ("src/m/b.rs", "fn x() { crate::m::C::new() }"),
            ("src/m/c.rs", "\nuse super::A as B;"),
            ("src/n.rs", "use crate::m::{A, C};"),
        ]);
        let expected = [
            "src/m/a.rs:1: is in an import circle of 3 files, because it imports src/m/b.rs (line 1)",
            "src/m/b.rs:1: is in an import circle of 3 files, because it imports src/m/c.rs (line 1)",
            "src/m/c.rs:2: is in an import circle of 3 files, because it imports src/m/a.rs (line 2)",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_and_its_files_form_no_circle() {
        let found = circles(&[
            ("src/m/mod.rs", "use self::a::A; use self::n::B;"),
            ("src/m/a.rs", "use super::M;"),
            ("src/m/n/mod.rs", "use crate::m::M;"),
            ("src/lib.rs", "use crate::m::M;"),
            ("src/o.rs", "use crate::m::a::A;\n#[cfg(test)]\nmod tests { use crate::p; }"),
            ("src/p.rs", "use crate::o::O;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
