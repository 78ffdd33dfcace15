//! Every public function of the store is called by a contract. This test reads the sources of both.

use std::path::Path;

fn read(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|f| std::fs::read_to_string(f).unwrap()).collect();
    texts.concat()
}

#[test]
fn every_public_function_is_under_contract() {
    let (store, contracts) = (read("src/store"), read("tests/store"));
    // Artifacts are files and not in a database. Their tests are in their module.
    let tested_elsewhere = ["keep_directory", "unpack"];
    let public: Vec<&str> = store
        .split("    pub ")
        .skip(1)
        .filter_map(|rest| rest.strip_prefix("async fn ").or(rest.strip_prefix("fn ")))
        .filter_map(|rest| rest.split('(').next())
        .filter(|name| !tested_elsewhere.contains(name))
        .collect();
    assert!(public.len() > 30, "the pattern does not match the style of the sources");
    let called = |name: &str| [format!(".{name}("), format!("::{name}(")].iter().any(|call| contracts.contains(call));
    let missing: Vec<_> = public.into_iter().filter(|name| !called(name)).collect();
    assert_eq!(missing, [""; 0], "these public functions have no contract");
}
