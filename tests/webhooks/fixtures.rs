//! Every fixture is read as in its snapshot, and no file of the folder is left over.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::recording::{Recording, files, fixture_forges, fixtures};

/// The three files of a fixture.
const PARTS: [&str; 3] = ["body", "event.snap", "headers.json"];

#[test]
fn every_fixture_is_read_as_in_its_snapshot() {
    for folder in fixture_forges() {
        for name in names(&folder) {
            let outcome = outcome(&Recording::read(&folder, &name));
            insta::with_settings!({
                snapshot_path => &folder,
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_json_snapshot!(format!("{name}.event"), outcome);
            });
        }
    }
}

/// The event, or the answer to the sender and the message in our log.
fn outcome(recording: &Recording) -> Value {
    match recording.accept() {
        Ok(delivery) => serde_json::to_value(delivery.event).unwrap(),
        Err(refusal) => json!({
            "refused": refusal.status().as_u16(),
            "answer": refusal.answer(),
            "log": refusal.to_string(),
        }),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = files(folder).into_iter();
    names.filter_map(|file| Some(file.strip_suffix(".body")?.to_owned())).collect()
}

#[test]
fn no_file_is_left_over() {
    let mut stray = Vec::new();
    for folder in fixture_forges() {
        let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files(&folder) {
            let (name, part) = file.split_once('.').unwrap_or((&file, ""));
            parts.entry(name.into()).or_default().push(part.into());
        }
        parts.retain(|_, parts| *parts != PARTS);
        stray.extend(parts.keys().map(|name| folder.join(name)));
    }
    for file in files(&fixtures()) {
        let known = matches!(file.as_str(), "README.md" | ".gitattributes");
        if !known && !fixtures().join(&file).is_dir() {
            stray.push(fixtures().join(file));
        }
    }
    assert!(stray.is_empty(), "each fixture has {PARTS:?}, but: {stray:#?}");
}
