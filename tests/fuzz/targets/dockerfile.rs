//! Dockerfiles: the emitted text of an accepted Dockerfile parses to the same instructions.

use std::collections::BTreeMap;

use referee::model::finding::any_error;
use referee::model::{Digest, ImageId};
use referee::rules::dockerfile::{Base, Dockerfile, Instruction, check_dockerfile, emit};
use referee::rules::policy::Policy;

use super::assert_fit_to_show;

const BASES: [&str; 3] = ["referee/python:3.11", "python", "scratch"];

pub(super) fn keeps(bytes: &[u8]) {
    let ids: BTreeMap<String, ImageId> = BASES.map(|name| (name.to_owned(), Digest::of(name.as_bytes()))).into();
    let mut policy = Policy::new(BASES, []);
    policy.mounts = vec!["/input".to_owned(), "/output".to_owned()];
    let checked = check_dockerfile("Dockerfile", bytes, &policy);
    assert_fit_to_show(&checked.findings, bytes);
    assert_eq!(checked.parsed.is_none(), any_error(&checked.findings));
    let Some(file) = checked.parsed else {
        return;
    };
    assert_eq!(file, checked.seen);
    let text = emit(&file, &ids).expect("every base has an id");
    assert!(text.len() <= 6 * bytes.len() + 1000, "{} of {}", text.len(), bytes.len());
    policy.bases.extend(ids.values().map(ToString::to_string));
    let again = check_dockerfile("Dockerfile", text.as_bytes(), &policy);
    let again = again.parsed.unwrap_or_else(|| panic!("{text}{:#?}", again.findings));
    assert_eq!(again.steps.len(), text.lines().count());
    for (number, (old, new)) in (1..).zip(file.steps.iter().zip(&again.steps)) {
        assert_eq!(new.line, number);
        assert_eq!(again.line_of_step(number), Some(number));
        assert_eq!(resolved(&old.instruction, &ids), new.instruction);
    }
    is_fixed(&again, &ids, &text);
}

/// The instruction with image ids instead of the names of bases.
fn resolved(instruction: &Instruction, ids: &BTreeMap<String, ImageId>) -> Instruction {
    match instruction {
        Instruction::From { base: Base::Image(image), name } => Instruction::From {
            base: Base::Image(ids.get(image).map_or_else(|| image.clone(), ToString::to_string)),
            name: name.clone(),
        },
        other => other.clone(),
    }
}

/// Emitting an emitted Dockerfile changes nothing.
fn is_fixed(again: &Dockerfile, ids: &BTreeMap<String, ImageId>, text: &str) {
    let named = ids.values().map(|id| (id.to_string(), id.clone())).collect();
    assert_eq!(emit(again, &named).as_deref(), Ok(text));
}
