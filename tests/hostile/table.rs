//! Every threat in the table of `README.md` is tested: by a folder of the corpus, or by a test of another suite.

use std::collections::BTreeSet;

use crate::row;

/// The lines of the table: the number, and the names in the last cell.
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

/// The threats that have folders.
const NUMBERS: [u32; 53] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33,
    34, 35, 37, 38, 40, 42, 44, 45, 46, 48, 49, 50, 51, 53, 55, 56, 57, 58, 59, 60, 61, 62,
];
/// The threats of forges. Their lines name tests of other suites, as `suite::module::test`.
const NUMBERS_OF_FORGES: [u32; 6] = [63, 65, 66, 67, 68, 70];

/// The mistakes that have folders.
const NUMBERS_OF_MISTAKES: [u32; 15] = [71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85];

#[test]
fn every_threat_of_the_table_has_a_folder() {
    let lines = lines();
    let numbers: Vec<u32> = lines.iter().map(|(number, _)| *number).collect();
    let all = [&NUMBERS[..], &NUMBERS_OF_FORGES, &NUMBERS_OF_MISTAKES].concat();
    assert_eq!(numbers, all);
    let tested: BTreeSet<u32> = row::all().iter().map(|row| row.number).collect();
    let with_folders = NUMBERS.iter().chain(&NUMBERS_OF_MISTAKES);
    let untested: Vec<_> = with_folders.filter(|n| !tested.contains(n)).collect();
    assert!(untested.is_empty(), "no folder for {untested:?}");
}

#[test]
fn the_tests_of_forges_in_the_table_exist() {
    let of_forges = |number: &u32| NUMBERS_OF_FORGES.contains(number);
    for (number, names) in lines().into_iter().filter(|(n, _)| of_forges(n)) {
        assert!(!names.is_empty(), "no test for {number}");
        for name in names {
            let parts: Vec<&str> = name.split("::").collect();
            let [suite, module, test] = parts[..] else {
                panic!("{number}: `{name}` is not a `suite::module::test`");
            };
            let file = row::here().join(format!("../{suite}/{module}.rs"));
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(text.contains(&format!("fn {test}(")), "{number}: no `{name}`");
        }
    }
}
