//! One result for each input: which are missing, which belong to none, and what kind of mistake that
//! looks like.
//!
//! Knows names alone. A result is a file, a row of a table or a key of an object.

use std::collections::BTreeSet;

use super::shown;
use crate::model::Finding;
use crate::rules::catalogue::OUT010;

/// Compares the names of results with those that the inputs ask for, in the order of the inputs.
/// `whose` begins the sentence: a case, or a file.
pub fn compare(whose: &str, wanted: &[String], found: &BTreeSet<&str>) -> Option<Finding> {
    let asked: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let there = |name: &&String| found.contains(name.as_str());
    let missing: Vec<&String> = wanted.iter().filter(|name| !there(name)).collect();
    let extra: Vec<&str> = found.difference(&asked).copied().collect();
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let all = wanted.len();
    if let Some((mine, theirs)) = shifted(wanted, found) {
        return Some(OUT010.finding_with(
            format!(
                "{whose}: the numbers are off by one, `{}` is there in the place of `{}`",
                shown(&mine),
                shown(theirs)
            ),
            "Take the name of each result from its input, instead of counting.",
        ));
    }
    if extra.is_empty() {
        let begun = all - missing.len();
        let stops = begun > 0 && wanted[..begun].iter().all(|name| there(&name));
        return Some(match stops {
            true => OUT010.finding_with(
                format!(
                    "{whose}: the results stop after the first {begun} of {all}, `{}` and all behind it \
                     are missing",
                    shown(missing[0])
                ),
                "Go through all inputs of the case, in every one of its folders.",
            ),
            false => OUT010.finding(format!(
                "{whose}: {} of {all} results are missing, such as `{}`",
                missing.len(),
                shown(missing[0])
            )),
        });
    }
    let strays = format!(
        "{} belong to no input, such as `{}`",
        extra.len(),
        shown(extra[0])
    );
    Some(match missing.first() {
        None => OUT010.finding_with(
            format!(
                "{whose}: there are {} results where {all} are asked for: {strays}",
                found.len()
            ),
            "Write results only for the inputs that the task asks for.",
        ),
        Some(first) => OUT010.finding(format!(
            "{whose}: {} of {all} results are missing, such as `{}`; {strays}",
            missing.len(),
            shown(first)
        )),
    })
}

/// Compares the number of rows with that of inputs.
pub fn rows(path: &str, rows: u64, inputs: usize) -> Option<Finding> {
    let inputs = inputs as u64;
    (rows != inputs).then(|| {
        OUT010.finding_with(
            format!("`{path}` has {rows} rows below its header, for {inputs} inputs"),
            "Write one row for each input of the case that the task asks for, in every one of its folders.",
        )
    })
}

/// A file whose name stands for no input.
pub fn stray(path: &str) -> Finding {
    OUT010.finding(format!("`{path}` belongs to no input"))
}

/// A result and the wanted one in whose place it is, if all results are those of the numbers one
/// higher or one lower.
fn shifted<'a>(wanted: &'a [String], found: &BTreeSet<&str>) -> Option<(String, &'a str)> {
    let first = wanted.first()?;
    if wanted.len() < 2 || wanted.len() != found.len() {
        return None;
    }
    [1, -1].into_iter().find_map(|by| {
        let moved: Vec<String> = wanted.iter().map(|n| next(n, by)).collect::<Option<_>>()?;
        let same = moved.iter().all(|name| found.contains(name.as_str()));
        same.then(|| (moved[0].clone(), first.as_str()))
    })
}

/// The name with its last number higher by `by`, as many digits wide.
fn next(name: &str, by: i64) -> Option<String> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + 1);
    // A character before the digits may be of several bytes; then there is no such file name.
    let number: i64 = name.get(start..end)?.parse().ok()?;
    let moved = number.checked_add(by).filter(|n| *n >= 0)?;
    let wide = end - start;
    Some(format!("{}{moved:0wide$}{}", &name[..start], &name[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
        let name = |n| format!("{}/frame_{n:06}.png", n / 1000 * 1000);
        numbers.into_iter().map(name).collect()
    }

    fn said(wanted: &[String], found: Vec<String>) -> String {
        let finding = compare(
            "Video_01",
            wanted,
            &found.iter().map(String::as_str).collect(),
        );
        finding.map_or_else(String::new, |f| f.message)
    }

    #[test]
    fn the_usual_mistakes_are_recognised() {
        let wanted = frames((0..2000).step_by(25));
        assert_eq!(said(&wanted, wanted.clone()), "");
        assert_eq!(
            said(&wanted, frames((0..1000).step_by(25))),
            "Video_01: the results stop after the first 40 of 80, `1000/frame_001000.png` and all behind \
             it are missing"
        );
        assert_eq!(
            said(&wanted, frames(0..2000)),
            "Video_01: there are 2000 results where 80 are asked for: 1920 belong to no input, such as \
             `0/frame_000001.png`"
        );
        assert_eq!(
            said(&wanted, frames((0..2000).step_by(50))),
            "Video_01: 40 of 80 results are missing, such as `0/frame_000025.png`"
        );
        assert_eq!(
            said(&wanted, frames((0..2000).step_by(20))),
            "Video_01: 60 of 80 results are missing, such as `0/frame_000025.png`; 80 belong to no \
             input, such as `0/frame_000020.png`"
        );
    }

    #[test]
    fn numbers_that_are_off_by_one_are_recognised() {
        let wanted = frames(0..1000);
        let from_one = frames(0..1000)
            .iter()
            .filter_map(|name| next(name, 1))
            .collect();
        assert_eq!(
            said(&wanted, from_one),
            "Video_01: the numbers are off by one, `0/frame_000001.png` is there in the place of \
             `0/frame_000000.png`"
        );
        let from_zero: Vec<String> = (0..5).map(|n| format!("slice_{n}")).collect();
        let from_one: Vec<String> = (1..6).map(|n| format!("slice_{n}")).collect();
        assert!(
            said(&from_one, from_zero).contains("`slice_0` is there in the place of `slice_1`")
        );
    }

    #[test]
    fn rows_are_counted() {
        assert_eq!(rows("a.csv", 3, 3), None);
        let message = rows("a.csv", 1000, 1112).unwrap().message;
        assert_eq!(
            message,
            "`a.csv` has 1000 rows below its header, for 1112 inputs"
        );
    }

    proptest! {
        #[test]
        fn only_the_same_names_pass(
            wanted in prop::collection::btree_set("[a0-9é]{1,4}", 0..6),
            found in prop::collection::btree_set("[a0-9é]{1,4}", 0..6),
        ) {
            let list: Vec<String> = wanted.iter().cloned().collect();
            let names = found.iter().map(String::as_str).collect();
            prop_assert_eq!(compare("x", &list, &names).is_none(), wanted == found);
        }
    }
}
