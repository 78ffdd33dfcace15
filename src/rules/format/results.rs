//! Compares results with inputs: one result is required for each input. Recognises common mistakes.
//!
//! The comparison uses names only. A result is a file, a row of a table or a key of an object.

use std::collections::BTreeSet;

use super::quoted;
use crate::model::Finding;
use crate::rules::catalogue::OUT010;

/// Compares the names of the results with the wanted names, which are in the order of the inputs. `subject` starts the
/// message: a case or a file.
pub fn compare_results(subject: &str, wanted: &[String], found: &BTreeSet<&str>) -> Option<Finding> {
    let wanted_names: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let exists = |name: &&String| found.contains(name.as_str());
    let missing: Vec<&String> = wanted.iter().filter(|name| !exists(name)).collect();
    let unexpected: Vec<&str> = found.difference(&wanted_names).copied().collect();
    if missing.is_empty() && unexpected.is_empty() {
        return None;
    }
    if let Some((result, expected)) = shifted(wanted, found) {
        return Some(OUT010.finding_with(
            format!(
                "{subject}: the numbers are off by one. There is `{}` instead of `{}`",
                quoted(&result),
                quoted(expected)
            ),
            "Take the name of each result from its input, instead of counting.",
        ));
    }
    let all = wanted.len();
    let first_missing = missing.first().map(|name| quoted(name));
    let some_missing = |first: &str| format!("{} of {all} results are missing, such as `{first}`", missing.len());
    let first_unexpected = unexpected.first().map(|name| quoted(name));
    let some_unexpected = |first: &str| format!("{} results match no input, such as `{first}`", unexpected.len());
    Some(match (first_missing, first_unexpected) {
        (None, None) => return None,
        (Some(first), None) => {
            let written = all - missing.len();
            if written > 0 && wanted[..written].iter().all(|name| exists(&name)) {
                let message = format!(
                    "{subject}: the results end after the first {written} of {all}. `{first}` and all after it are \
                     missing"
                );
                let help = "Process all inputs of the case, in each of its folders.";
                OUT010.finding_with(message, help)
            } else {
                OUT010.finding(format!("{subject}: {}", some_missing(&first)))
            }
        }
        (None, Some(first)) => OUT010.finding_with(
            format!(
                "{subject}: there are {} results, but {all} are required. {}",
                found.len(),
                some_unexpected(&first)
            ),
            "Write results only for the inputs that the task requires.",
        ),
        (Some(missing), Some(unexpected)) => {
            OUT010.finding(format!("{subject}: {}. {}", some_missing(&missing), some_unexpected(&unexpected)))
        }
    })
}

/// Compares the number of rows with the number of inputs.
pub fn check_rows(path: &str, rows: u64, inputs: usize) -> Option<Finding> {
    let inputs = inputs as u64;
    (rows != inputs).then(|| {
        OUT010.finding_with(
            format!("`{path}` has {rows} rows below its header, but there are {inputs} inputs"),
            "Write one row for each required input of the case, in each of its folders.",
        )
    })
}

/// The name of the file matches no input.
pub fn stray_file(path: &str) -> Finding {
    OUT010.finding(format!("`{path}` matches no input"))
}

/// The first result and the wanted name instead of it, if all numbers are one too high or one too low.
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

/// Adds `by` to the last number of a name. The number keeps its width.
fn next(name: &str, by: i64) -> Option<String> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    // A character of several bytes may precede the digits. Such a name has no number here.
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

    fn compared(wanted: &[String], found: &[String]) -> Option<Finding> {
        let found = found.iter().map(String::as_str).collect();
        compare_results("Video_01", wanted, &found)
    }

    fn message(wanted: &[String], found: Vec<String>) -> String {
        compared(wanted, &found).map_or_else(String::new, |f| f.message)
    }

    #[test]
    fn common_mistakes_are_recognised() {
        let wanted = frames((0..2000).step_by(25));
        assert_eq!(message(&wanted, wanted.clone()), "");
        assert_eq!(
            message(&wanted, frames((0..1000).step_by(25))),
            "Video_01: the results end after the first 40 of 80. `1000/frame_001000.png` and all after it are missing"
        );
        assert_eq!(
            message(&wanted, frames(0..2000)),
            "Video_01: there are 2000 results, but 80 are required. 1920 results match no input, such as \
             `0/frame_000001.png`"
        );
        assert_eq!(
            message(&wanted, frames((0..2000).step_by(50))),
            "Video_01: 40 of 80 results are missing, such as `0/frame_000025.png`"
        );
        assert_eq!(
            message(&wanted, frames((0..2000).step_by(20))),
            "Video_01: 60 of 80 results are missing, such as `0/frame_000025.png`. 80 results match no input, such as \
             `0/frame_000020.png`"
        );
        let moved: Vec<String> = wanted.iter().filter_map(|name| next(name, 1)).collect();
        let mut all: Vec<Finding> = [
            frames((0..1000).step_by(25)),
            frames(0..2000),
            frames((0..2000).step_by(50)),
            frames((0..2000).step_by(20)),
            moved,
        ]
        .iter()
        .filter_map(|found| compared(&wanted, found))
        .collect();
        all.extend(check_rows("a.csv", 1000, 1112));
        all.push(stray_file("a.png"));
        insta::assert_snapshot!("results", crate::rules::samples::block("results", &all));
    }

    #[test]
    fn numbers_that_are_off_by_one_are_recognised() {
        let wanted = frames(0..1000);
        let from_one = frames(0..1000).iter().filter_map(|name| next(name, 1)).collect();
        assert_eq!(
            message(&wanted, from_one),
            "Video_01: the numbers are off by one. There is `0/frame_000001.png` instead of `0/frame_000000.png`"
        );
        let from_zero: Vec<String> = (0..5).map(|n| format!("slice_{n}")).collect();
        let from_one: Vec<String> = (1..6).map(|n| format!("slice_{n}")).collect();
        let message = message(&from_one, from_zero);
        assert!(message.contains("`slice_0` instead of `slice_1`"), "{message}");
    }

    #[test]
    fn rows_are_counted() {
        assert_eq!(check_rows("a.csv", 3, 3), None);
        let message = check_rows("a.csv", 1000, 1112).unwrap().message;
        assert_eq!(message, "`a.csv` has 1000 rows below its header, but there are 1112 inputs");
    }

    proptest! {
        #[test]
        fn only_the_same_names_pass(
            wanted in prop::collection::btree_set("[a0-9é]{1,4}", 0..6),
            found in prop::collection::btree_set("[a0-9é]{1,4}", 0..6),
        ) {
            let list: Vec<String> = wanted.iter().cloned().collect();
            let names = found.iter().map(String::as_str).collect();
            prop_assert_eq!(compare_results("x", &list, &names).is_none(), wanted == found);
        }
    }
}
