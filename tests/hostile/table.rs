//! Every threat of the table in `README.md` is tried: by a folder of the corpus, or by a test elsewhere.

use std::collections::BTreeSet;

use crate::row;

/// A line of the table: number, and the names in its last cell.
fn lines() -> Vec<(u32, Vec<String>)> {
    let text = std::fs::read_to_string(row::here().join("README.md")).unwrap();
    let cells = |line: &str| -> Option<(u32, Vec<String>)> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let number = cells[0].trim().parse().ok()?;
        let names = cells.last()?.split('`').skip(1).step_by(2);
        Some((number, names.map(str::to_owned).collect()))
    };
    text.lines().filter_map(cells).collect()
}

/// Threats that have folders.
const NUMBERS: [u32; 53] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27,
    28, 29, 31, 32, 33, 34, 35, 37, 38, 40, 42, 44, 45, 46, 48, 49, 50, 51, 53, 55, 56, 57, 58, 59,
    60, 61, 62,
];
/// What forges do is tried elsewhere: these name tests, as `suite::module::test`.
const NUMBERS_OF_FORGES: [u32; 6] = [63, 65, 66, 67, 68, 70];

/// Mistakes that have folders.
const NUMBERS_OF_MISTAKES: [u32; 15] = [71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85];

#[test]
fn every_threat_of_the_table_has_a_case() {
    let lines = lines();
    let numbers: Vec<u32> = lines.iter().map(|(number, _)| *number).collect();
    let all = [&NUMBERS[..], &NUMBERS_OF_FORGES, &NUMBERS_OF_MISTAKES].concat();
    assert_eq!(numbers, all);
    let tried: BTreeSet<u32> = row::all().iter().map(|row| row.number).collect();
    let with_folders = NUMBERS.iter().chain(&NUMBERS_OF_MISTAKES);
    let untried: Vec<_> = with_folders.filter(|n| !tried.contains(n)).collect();
    assert!(untried.is_empty(), "no folder for {untried:?}");
}

#[test]
fn the_tests_of_forges_that_the_table_names_are_there() {
    let of_forges = |number: &u32| NUMBERS_OF_FORGES.contains(number);
    for (number, names) in lines().into_iter().filter(|(n, _)| of_forges(n)) {
        assert!(!names.is_empty(), "no test for {number}");
        for name in names {
            let parts: Vec<&str> = name.split("::").collect();
            let [suite, module, test] = parts[..] else {
                panic!("{number}: `{name}` is no `suite::module::test`");
            };
            let file = row::here().join(format!("../{suite}/{module}.rs"));
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(
                text.contains(&format!("fn {test}(")),
                "{number}: no `{name}`"
            );
        }
    }
}
