//! Which paths of our own package a file names, in `use` lines and in code, each from the root of the package.
//!
//! It reads paths, not Rust: names that a macro produces stay unseen, and so does an inline module's `super`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::source::{Source, line_of};

/// One path that a file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub line: usize,
    /// The path below the root of the package: `store::Store` is `["store", "Store"]`.
    pub path: Vec<String>,
    /// The name that a `use` line gives to the path in this file.
    pub name: Option<String>,
}

static MODULE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bmod\s+(\w+)\s*;").unwrap());
static USE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\buse\s+([^;]+);").unwrap());
static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+(?:\s*::\s*\w+)+").unwrap());

/// The module of a file below the root: `src/a/mod.rs` and `src/a.rs` are `["a"]`. `None` outside `src`.
pub(crate) fn module(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut segments: Vec<String> = inner.split('/').map(str::to_owned).collect();
    let last = segments.last().map(String::as_str);
    if last == Some("mod") || matches!(inner, "lib" | "main") {
        segments.pop();
    }
    Some(segments)
}

/// All paths of our own package that the production code of a file names.
pub(crate) fn imports(source: &Source) -> Vec<Import> {
    let Some(module) = module(&source.path) else {
        return Vec::new();
    };
    let text = source.production_text();
    let mut names: BTreeMap<String, Vec<String>> =
        MODULE.captures_iter(&text).map(|declared| (declared[1].to_owned(), child(&module, &declared[1]))).collect();
    let mut found = Vec::new();
    for used in USE.captures_iter(&text) {
        let line = line_of(&text, used.get(1).unwrap().start());
        for (path, name) in leaves(&used[1]) {
            if let Some(path) = absolute(&module, &path, &names) {
                let name = Some(name);
                found.push(Import { line, path, name });
            }
        }
    }
    let imported = found.iter().map(|i| (i.name.clone().unwrap(), i.path.clone()));
    names.extend(imported.collect::<Vec<_>>());
    let blank = |used: &Captures<'_>| used[0].replace(|c| c != '\n', " ");
    let code = USE.replace_all(&text, blank);
    for path in PATH.find_iter(&code) {
        let before = code[..path.start()].trim_end();
        // A path behind `::` begins with the name of a foreign package, one behind `.` with a method.
        if before.ends_with("::") || before.ends_with('.') {
            continue;
        }
        if let Some(absolute) = absolute(&module, &segments(path.as_str()), &names) {
            found.push(Import { line: line_of(&code, path.start()), path: absolute, name: None });
        }
    }
    found.sort();
    found.dedup();
    found
}

fn segments(path: &str) -> Vec<String> {
    let segments = path.split("::");
    segments.map(|segment| segment.trim().to_owned()).collect()
}

fn child(module: &[String], name: &str) -> Vec<String> {
    [module, &[name.to_owned()]].concat()
}

/// The leaves of a tree of `use`: each path with the name that it gets.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let Some((stem, group)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path = segments(path);
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = match alias.trim() {
            "" => path.last().cloned().unwrap_or_default(),
            alias => alias.to_owned(),
        };
        return vec![(path, name)];
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut members, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    members.push(&group[start..]);
    members
        .into_iter()
        .filter(|member| !member.trim().is_empty())
        .flat_map(|member| leaves(&format!("{stem}{}", member.trim_start())))
        .collect()
}

/// A path from the root of the package. `None` for a path of a foreign package or of a local name.
fn absolute(module: &[String], path: &[String], names: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" | "referee" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module.split_last()?.1.to_vec(),
        name => names.get(name)?.clone(),
    };
    for segment in rest {
        if segment == "super" {
            base.pop();
        } else {
            base.push(segment.clone());
        }
    }
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str, text: &str) -> Vec<String> {
        let imports = imports(&Source::new(path, text));
        imports.iter().map(|i| format!("{} {}", i.line, i.path.join("::"))).collect()
    }

    #[test]
    fn trees_of_use_are_read_to_their_leaves() {
        let text = "use crate::{a::{self, B as C}, d};\npub(super) use super::e::F;\n\
                    use std::fmt; use self::g::H;";
        let expected = ["1 a", "1 a::B", "1 d", "2 x::e::F", "3 x::y::g::H"];
        assert_eq!(paths("src/x/y.rs", text), expected);
    }

    #[test]
    fn paths_in_code_begin_at_the_root_or_at_an_imported_name() {
        let text = "use crate::a;\nfn x() { a::b(); super::c::d; std::mem::take; crate::e ::f }\n\
                    use crate::g::H as I;\nfn y() { I::new(); ::a::z(); s.a::<T>() } // crate::no\n";
        let expected = ["1 a", "2 a::b", "2 c::d", "2 e::f", "3 g::H", "4 g::H::new"];
        assert_eq!(paths("src/x.rs", text), expected);
        assert_eq!(paths("src/x/mod.rs", "super::c::d"), ["1 c::d"]);
        let contents = "mod c;\npub use c::D as E;\nfn x() { E::new(); c::d() }";
        let expected = ["2 x::c::D", "3 x::c::D::new", "3 x::c::d"];
        assert_eq!(paths("src/x/mod.rs", contents), expected);
        assert_eq!(paths("src/main.rs", "use referee::cli::run;"), ["1 cli::run"]);
        assert_eq!(paths("tests/it/x.rs", "use crate::a;"), [""; 0]);
    }
}
