//! Who may know whom: levels of modules, and the one module that knows each foreign library.

use crate::source::{Source, is_word};

/// A module imports only from lower levels; within the last two also from siblings.
const LEVELS: [&[&str]; 5] = [
    &["model"],
    &["config", "command", "rules", "scoring", "ranking", "report"],
    &["clock", "store", "forge", "executor"],
    &["pipeline"],
    &["web", "archive", "cli"],
];
/// From this level on, siblings know each other.
const SIBLINGS_FROM: usize = 3;
/// Levels without waiting, without a clock.
const PURE: usize = 2;

/// What each foreign library is known to. Names that begin so count as well.
const KEEPERS: [(&str, &str); 6] = [
    ("sqlx", "store"),
    ("bollard", "executor"),
    ("git2", "forge"),
    ("octocrab", "forge"),
    ("gitea", "forge"),
    ("forgejo", "forge"),
];

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|modules| modules.contains(&module))
}

/// The top-level module that a file belongs to; none for the roots and for what is not in `src`.
fn module(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    let name = inner.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!matches!(name, "lib" | "main")).then_some(name)
}

/// How many `super::` lead from a file to the root of the package.
fn depth(path: &str) -> usize {
    let folders = path.matches('/').count();
    folders - usize::from(path.ends_with("/mod.rs"))
}

/// All violations of a file.
pub fn check(source: &Source, manifest: &str) -> Vec<String> {
    let Some(mine) = module(&source.path) else {
        return Vec::new();
    };
    let Some(my_level) = level(mine) else {
        return vec![source.at(
            1,
            format!("`{mine}` has no level: where in the drawing is it?"),
        )];
    };
    let mut found = imports(source, (mine, my_level));
    found.extend(libraries(source, mine, manifest));
    if my_level < PURE {
        found.extend(impurities(source));
    }
    found
}

fn imports(source: &Source, (mine, my_level): (&str, usize)) -> Vec<String> {
    let mut found = Vec::new();
    let text = production_text(source);
    for (line, name) in roots(&text, depth(&source.path)) {
        let allowed = match level(&name) {
            None => false,
            Some(level) => {
                name == mine || level < my_level || level == my_level && level >= SIBLINGS_FROM
            }
        };
        if !allowed {
            let known = level(&name).map_or("no module of the drawing".into(), |l| format!("L{l}"));
            found.push(source.at(
                line,
                format!("{mine} (L{my_level}) must not know `{name}` ({known})"),
            ));
        }
    }
    found
}

/// Production code as one text, with its lines where they were.
fn production_text(source: &Source) -> String {
    let mut lines = vec![""; source.code.len()];
    for (n, line) in source.production() {
        lines[n - 1] = line;
    }
    lines.join("\n")
}

/// The modules named right behind the root of the package, `crate::…` or as many `super::` as lead
/// there, each with its line. Groups (`crate::{a, b::c}`) name several.
fn roots(text: &str, depth: usize) -> Vec<(usize, String)> {
    let supers = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", supers.as_str()] {
        for (at, _) in text.match_indices(root) {
            let before = &text[..at];
            if before.ends_with("::") || before.ends_with(is_word) {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            for name in names(&text[at + root.len()..]) {
                found.push((line, name));
            }
        }
    }
    found.retain(|(_, name)| !matches!(name.as_str(), "super" | "self" | ""));
    found.sort();
    found.dedup();
    found
}

/// The first name of a path, or the first names of a group of paths.
fn names(path: &str) -> Vec<String> {
    let first = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect()
    };
    let Some(group) = path.trim_start().strip_prefix('{') else {
        return vec![first(path)];
    };
    let (mut names, mut depth) = (vec![first(group)], 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

/// Foreign libraries in the wrong hands. Only names that the manifest has are looked for: a module
/// of ours may be called as a library that we do not use.
fn libraries(source: &Source, mine: &str, manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (library, keeper) in dependencies(manifest) {
        if keeper == mine {
            continue;
        }
        for (line, code) in source.production() {
            if mentions(code, &library) {
                found.push(source.at(line, format!("only {keeper} may know {library}")));
            }
        }
    }
    found
}

/// The kept libraries of a manifest by the names that code uses, each with its keeper.
fn dependencies(manifest: &str) -> Vec<(String, &'static str)> {
    manifest
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().replace('-', "_"))
        .filter_map(|name| {
            let (_, keeper) = KEEPERS.iter().find(|(kept, _)| {
                name.strip_prefix(kept)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            })?;
            Some((name, *keeper))
        })
        .collect()
}

/// Whether code names a library at the root of a path, as `library::…` or `use library`.
fn mentions(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + library.len()..]);
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        let root = !before.ends_with("::") || before.trim_start() == "::";
        let used = after.starts_with("::") || before.trim_end().ends_with("use");
        whole && root && used
    })
}

/// What pure code has no use for.
fn impurities(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (line, code) in source.production() {
        for word in ["async", "await", "SystemTime", "Instant"] {
            let words = code.split(|c| !is_word(c));
            if words.into_iter().any(|w| w == word) {
                found.push(source.at(line, format!("`{word}` in a level that is pure")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let manifest = "sqlx = 1\nbollard = 2\ngitea-rs = 3\n";
        check(&Source::new(path, text.to_owned()), manifest)
    }

    #[test]
    fn imports_go_down() {
        let bad = found(
            "src/rules/mod.rs",
            "use crate::{model::Finding, store::{Store, x}, report};\n\
             fn x() { crate::web::y(); super::clock::now() }\n\
             // use crate::cli;\n#[cfg(test)]\nmod tests { use crate::pipeline; }\n",
        );
        assert_eq!(
            bad,
            [
                "src/rules/mod.rs:1: rules (L1) must not know `report` (L1)",
                "src/rules/mod.rs:1: rules (L1) must not know `store` (L2)",
                "src/rules/mod.rs:2: rules (L1) must not know `clock` (L2)",
                "src/rules/mod.rs:2: rules (L1) must not know `web` (L4)",
            ]
        );
        let good = "use crate::store::Store; use crate::web::x; use super::super::cli; super::y();";
        assert_eq!(found("src/web/x.rs", good), [""; 0]);
        assert_eq!(found("src/strange.rs", "").len(), 1);
        assert_eq!(found("src/web/x.rs", "use crate::strange;").len(), 1);
        assert_eq!(found("src/main.rs", "use referee::store;"), [""; 0]);
    }

    #[test]
    fn libraries_have_keepers() {
        let bad = found(
            "src/web/mod.rs",
            "use sqlx::Row;\nfn x() { gitea_rs::y(); bollard ::z }",
        );
        assert_eq!(bad.len(), 2);
        assert_eq!(found("src/store/mod.rs", "use sqlx::Row;"), [""; 0]);
        let ours = "use crate::forge::gitea; let gitea = sqlx_like(); // bollard::x\n\"sqlx::y\";";
        assert_eq!(found("src/web/mod.rs", ours), [""; 0]);
    }

    #[test]
    fn low_levels_are_pure() {
        assert_eq!(
            found("src/model/x.rs", "pub async fn x() { y.await }").len(),
            2
        );
        assert_eq!(
            found("src/scoring/x.rs", "std::time::Instant::now()").len(),
            1
        );
        assert_eq!(found("src/store/x.rs", "async fn x() {}"), [""; 0]);
    }
}
