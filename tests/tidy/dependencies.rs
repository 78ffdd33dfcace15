//! The licences, bans and sources of `deny.toml`, checked without cargo-deny, which needs an installation.
//!
//! It knows only the keys that `deny.toml` uses. Advisories need the network: cargo-deny alone checks them.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{DocumentMut, Item, Value};

/// The licence of each package (`name version`), and the lock file with its arrows.
pub(crate) struct Dependencies {
    pub licences: BTreeMap<String, String>,
    pub lock: DocumentMut,
}

/// All violations of `deny.toml`.
pub(crate) fn check(dependencies: &Dependencies, deny: &DocumentMut) -> Vec<String> {
    let allowed = texts(&deny["licenses"]["allow"]);
    let mut found = unlicensed(&dependencies.licences, &allowed);
    for ban in deny["bans"]["deny"].as_array().into_iter().flatten() {
        found.extend(banned(&dependencies.lock, ban));
    }
    found.extend(foreign(&dependencies.lock));
    found
}

fn texts(item: &Item) -> BTreeSet<String> {
    let values = item.as_array().into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Packages that cannot be used under allowed licences alone, and allowed licences that no package has.
fn unlicensed(licences: &BTreeMap<String, String>, allowed: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut named = BTreeSet::new();
    for (package, licence) in licences {
        let message = match spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX) {
            Err(error) => format!("{package}: `{licence}` is not a licence expression: {error}"),
            Ok(expression) => {
                // A licence with an exception, as in `WITH LLVM-exception`, is another licence.
                let plain = |r: &spdx::LicenseReq| r.addition.is_none().then(|| r.license.id())?;
                let requirements = expression.requirements();
                named.extend(requirements.filter_map(|r| Some(plain(&r.req)?.name.to_owned())));
                if expression.evaluate(|r| plain(r).is_some_and(|id| allowed.contains(id.name))) {
                    continue;
                }
                format!("{package}: `{licence}` is not allowed by deny.toml")
            }
        };
        found.push(message);
    }
    let idle = allowed.difference(&named);
    found.extend(idle.map(|l| format!("deny.toml allows {l}, which no package has")));
    found
}

/// Packages that depend on a banned one without being its wrapper.
fn banned(lock: &DocumentMut, ban: &Value) -> Vec<String> {
    let ban = ban.as_inline_table().expect("a ban is a table");
    let name = ban["crate"].as_str().expect("a ban names a crate");
    let wrappers = texts(&Item::Value(ban["wrappers"].clone()));
    let mut found = Vec::new();
    for package in packages(lock) {
        let dependent = package["name"].as_str().unwrap_or_default();
        let dependencies = texts(package.get("dependencies").unwrap_or(&Item::None));
        // `name`, or `name version` where there are several.
        let depends = dependencies.iter().any(|d| d.split(' ').next() == Some(name));
        if depends && !wrappers.contains(dependent) {
            found.push(format!("{dependent} depends on {name}, which deny.toml bans"));
        }
    }
    found
}

/// Packages from other sources than the one registry.
fn foreign(lock: &DocumentMut) -> Vec<String> {
    let sources: BTreeSet<&str> = packages(lock).filter_map(|p| p.get("source").and_then(Item::as_str)).collect();
    let strange = sources.iter().filter(|s| !s.starts_with("registry+"));
    let mut found: Vec<String> = strange.map(|s| format!("{s} is not a registry")).collect();
    if sources.len() > 1 {
        found.push(format!("more than one source of packages: {sources:?}"));
    }
    found
}

fn packages(lock: &DocumentMut) -> impl Iterator<Item = &toml_edit::Table> {
    lock["package"].as_array_of_tables().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
[licenses]
allow = ["MIT", "Zlib"]
[bans]
deny = [{ crate = "openssl-sys", wrappers = ["openssl"] }]
"#;

    fn found(licences: &[(&str, &str)], lock: &str) -> Vec<String> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        let dependencies = Dependencies { licences: licences.iter().map(owned).collect(), lock: lock.parse().unwrap() };
        check(&dependencies, &DENY.parse().unwrap())
    }

    #[test]
    fn licences_are_read_as_expressions() {
        let alone = "[[package]]\nname = \"alone\"\n";
        let good = [("a 1", "GPL-3.0 OR MIT"), ("b 1", "MIT/Zlib"), ("c 1", "MIT AND Zlib")];
        assert_eq!(found(&good, alone), [""; 0]);
        let bad = [
            ("a 1", "GPL-3.0-only"),
            ("b 1", "MIT AND Apache-2.0"),
            ("c 1", "as you like"),
            ("d 1", "Zlib WITH LLVM-exception"),
        ];
        let found = found(&bad, alone);
        let about = |start: &str| found.iter().any(|f| f.starts_with(start));
        assert!(about("a 1: `GPL") && about("b 1: `MIT AND"), "{found:?}");
        assert!(about("c 1: `as you like` is not a licence"), "{found:?}");
        assert!(about("d 1: ") && about("deny.toml allows Zlib"), "{found:?}");
    }

    #[test]
    fn bans_and_sources_are_read_from_the_lock_file() {
        let good = [("a 1", "MIT OR Zlib")];
        let lock = r#"
[[package]]
name = "openssl"
source = "registry+https://one.example"
dependencies = ["openssl-sys 0.9"]
[[package]]
name = "strange"
source = "git+https://two.example"
dependencies = ["openssl-sys"]
"#;
        let found = found(&good, lock);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("strange depends on openssl-sys"), "{found:?}");
        assert!(found[1].ends_with("is not a registry"), "{found:?}");
    }
}
