//! Who may know whom: the levels of modules, the parts that a module keeps to itself, and the one module that knows
//! each foreign library.

use crate::imports::imports;
use crate::layers::is_word;
use crate::source::{Source, Violation};

/// A module imports only from lower levels. From `SIBLINGS_FROM` on, it may also import from its own level.
const LEVELS: [&[&str]; 5] = [
    &["model"],
    &["config", "command", "rules", "scoring", "ranking", "report"],
    &["clock", "store", "forge", "executor"],
    &["pipeline"],
    &["web", "cli"],
];
const SIBLINGS_FROM: usize = 3;
/// Levels below this one are pure: they do not wait, and they read no clock.
const PURE_BELOW: usize = 2;

/// The module that alone knows a foreign library. Libraries whose names begin so count as well.
const KEEPERS: [(&str, &str); 6] = [
    ("sqlx", "store"),
    ("bollard", "executor"),
    ("git2", "forge"),
    ("octocrab", "forge"),
    ("gitea", "forge"),
    ("forgejo", "forge"),
];

/// Parts that only their own module names: the kinds of forges and of executors. Everything else asks by capability.
/// `forge::{git, folder, registry, signature}` know no kind of forge and are open to all.
const PRIVATE: [&str; 3] = ["forge::gitea", "forge::local", "executor::docker"];

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|modules| modules.contains(&module))
}

/// The top-level module that a file belongs to. `None` for the roots and for files outside `src`.
fn top_module(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    let name = inner.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!matches!(name, "lib" | "main")).then_some(name)
}

/// Violations of the levels and of the keepers of libraries.
pub(crate) fn check(source: &Source, manifest: &str) -> Vec<Violation> {
    let Some(mine) = top_module(&source.path) else {
        return Vec::new();
    };
    let Some(my_level) = level(mine) else {
        let message = format!("`{mine}` has no level: add it to the drawing");
        return vec![source.violation(1, message)];
    };
    let mut found = upward_imports(source, mine, my_level);
    found.extend(libraries(source, mine, manifest));
    if my_level < PURE_BELOW {
        found.extend(impurities(source));
    }
    found
}

fn upward_imports(source: &Source, mine: &str, my_level: usize) -> Vec<Violation> {
    let mut found = Vec::new();
    for import in imports(source) {
        let Some(name) = import.path.first() else {
            continue;
        };
        let level = level(name);
        let allowed = level
            .is_some_and(|level| name == mine || level < my_level || (level == my_level && level >= SIBLINGS_FROM));
        if !allowed {
            let known = level.map_or("no module of the drawing".into(), |l| format!("L{l}"));
            let message = format!("{mine} (L{my_level}) must not import `{name}` ({known})");
            found.push(source.violation(import.line, message));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Files outside a module that name its private parts.
pub(crate) fn boundaries(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for import in imports(source) {
        let path = import.path.join("::");
        for part in PRIVATE {
            let inside = path == part || path.starts_with(&format!("{part}::"));
            let owner = part.split("::").next();
            if inside && top_module(&source.path) != owner {
                let owner = owner.unwrap_or_default();
                let message = format!("only `{owner}` may name `{part}`: ask by capability");
                found.push(source.violation(import.line, message));
            }
        }
    }
    found.dedup();
    found
}

/// Foreign libraries outside their keeper. Only libraries of the manifest count, because a module of ours may have the
/// name of a library that we do not use.
fn libraries(source: &Source, mine: &str, manifest: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (library, keeper) in kept_libraries(manifest) {
        if keeper == mine {
            continue;
        }
        for (line, code) in source.production() {
            if mentions(code, &library) {
                found.push(source.violation(line, format!("only `{keeper}` may know `{library}`")));
            }
        }
    }
    found
}

/// The libraries of a manifest that have a keeper, by the names that code uses.
fn kept_libraries(manifest: &str) -> Vec<(String, &'static str)> {
    manifest
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().replace('-', "_"))
        .filter_map(|name| {
            let (_, keeper) = KEEPERS.iter().find(|(kept, _)| {
                name.strip_prefix(kept).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            })?;
            Some((name, *keeper))
        })
        .collect()
}

/// Whether code names a library at the root of a path: `library::…` or `use library`.
fn mentions(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + library.len()..]);
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        let root = !before.ends_with("::") || before.trim_start() == "::";
        let used = after.starts_with("::") || before.trim_end().ends_with("use");
        whole && root && used
    })
}

/// Waiting and clocks, which pure code does without.
fn impurities(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, code) in source.production() {
        for word in ["async", "await", "SystemTime", "Instant"] {
            let words = code.split(|c| !is_word(c));
            if words.into_iter().any(|w| w == word) {
                found.push(source.violation(line, format!("`{word}` in a pure level")));
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
        let found = check(&Source::new(path, text), manifest);
        found.iter().map(ToString::to_string).collect()
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
                "src/rules/mod.rs:1: rules (L1) must not import `report` (L1)",
                "src/rules/mod.rs:1: rules (L1) must not import `store` (L2)",
                "src/rules/mod.rs:2: rules (L1) must not import `clock` (L2)",
                "src/rules/mod.rs:2: rules (L1) must not import `web` (L4)",
            ]
        );
        let good = "use crate::store::Store; use crate::web::x; use super::super::cli; super::y();";
        assert_eq!(found("src/web/x.rs", good), [""; 0]);
        assert_eq!(found("src/strange.rs", "").len(), 1);
        assert_eq!(found("src/web/x.rs", "use crate::strange;").len(), 1);
        assert_eq!(found("src/main.rs", "use referee::store;"), [""; 0]);
    }

    #[test]
    fn kinds_of_forges_and_executors_are_named_by_their_module_alone() {
        let found = |path: &str, text: &str| boundaries(&Source::new(path, text)).len();
        let text = "use crate::forge::{git, gitea::Owner};\nfn x() { super::super::executor::docker::run() }";
        assert_eq!(found("src/cli/x.rs", text), 2);
        assert_eq!(found("src/forge/x.rs", "use crate::forge::gitea::Owner;"), 0);
        assert_eq!(found("src/web/x.rs", "use crate::forge::giteas; // crate::forge::local"), 0);
    }

    #[test]
    fn libraries_have_keepers() {
        let bad = found("src/web/mod.rs", "use sqlx::Row;\nfn x() { gitea_rs::y(); bollard ::z }");
        assert_eq!(bad.len(), 2);
        assert_eq!(found("src/store/mod.rs", "use sqlx::Row;"), [""; 0]);
        let ours = "use crate::forge::gitea; let gitea = sqlx_like(); // bollard::x\n\"sqlx::y\";";
        assert_eq!(found("src/web/mod.rs", ours), [""; 0]);
    }

    #[test]
    fn low_levels_are_pure() {
        assert_eq!(found("src/model/x.rs", "pub async fn x() { y.await }").len(), 2);
        assert_eq!(found("src/scoring/x.rs", "std::time::Instant::now()").len(), 1);
        assert_eq!(found("src/store/x.rs", "async fn x() {}"), [""; 0]);
    }
}
