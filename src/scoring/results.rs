//! Turns the two shapes of `results` into rows, one row per case. Reads no value and no name except `case`.

use std::collections::{BTreeMap, HashMap};

use crate::model::CaseId;

use super::json::Node;
use super::names::{clean, listed, quoted};
use super::problem::Problems;

/// The result of one case.
#[derive(Debug)]
pub(super) struct ResultRow<'a> {
    label: Label<'a>,
    fields: HashMap<&'a str, &'a Node>,
}

/// The address of a row in the file.
#[derive(Debug, Clone, Copy)]
enum Label<'a> {
    /// `results[3]`.
    Index(usize),
    /// The `"3"` of every column.
    Key(&'a str),
}

impl<'a> ResultRow<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.fields.get(key).copied()
    }

    /// In no particular order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.fields.keys().copied()
    }

    /// The path of a value in the file: `results[3].dice` or `results.dice.3`.
    pub(super) fn location(&self, field: &str) -> String {
        let field = clean(field, 64);
        match self.label {
            Label::Index(i) => format!("results[{i}].{field}"),
            Label::Key(key) => format!("results.{field}.{}", clean(key, 64)),
        }
    }
}

/// The rows of the file, in either shape. `None` after a problem was added that leaves no rows to check.
pub(super) fn rows<'a>(root: &'a Node, problems: &mut Problems) -> Option<Vec<ResultRow<'a>>> {
    const SHAPE: &str = "Write one object with `results`, an array with one object per case: \
                         {\"results\": [{\"case\": \"c001\", \"dice\": 0.9}]}.";
    match root.get("results") {
        Some(Node::List(items)) => Some(from_list(items, problems)),
        Some(Node::Object(columns)) => from_columns(columns, problems),
        Some(other) => {
            let message = format!("`results` is {}, not an array.", other.kind());
            problems.add("SCR004", "results", message, SHAPE);
            None
        }
        None if root.get("case").is_some() => {
            let message = "There is no `results`. The values are under `case`, as evalutils writes them.";
            let help = "Write the values as `results`, with the name of each case under `case`.";
            problems.add("SCR004", "the whole file", message, help);
            None
        }
        None => {
            let message = match root {
                Node::Object(_) => "There is no `results`.".to_owned(),
                other => format!("The file holds {}, not an object.", other.kind()),
            };
            problems.add("SCR004", "the whole file", message, SHAPE);
            None
        }
    }
}

fn from_list<'a>(items: &'a [Node], problems: &mut Problems) -> Vec<ResultRow<'a>> {
    let mut rows = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        match item {
            Node::Object(members) => rows.push(ResultRow {
                label: Label::Index(i),
                fields: members.iter().map(|(k, v)| (k.as_str(), v)).collect(),
            }),
            other => problems.add(
                "SCR004",
                format!("results[{i}]"),
                format!("The result is {}, not an object.", other.kind()),
                "Write one object per case, with `case` and the metrics.",
            ),
        }
    }
    rows
}

/// `{"case": {"0": "c001"}, "dice": {"0": 0.91}}`, as `DataFrame.to_dict` writes it.
fn from_columns<'a>(columns: &'a [(String, Node)], problems: &mut Problems) -> Option<Vec<ResultRow<'a>>> {
    let names = columns.iter().find(|(name, _)| name == "case");
    let Some((_, Node::Object(names))) = names else {
        let message = "`results` is an object without a column `case`.";
        let help = "Write an array with one object per case, or columns that include `case`.";
        problems.add("SCR004", "results", message, help);
        return None;
    };
    // Sorted, so that the order of the problems depends on the file alone.
    let mut rows: BTreeMap<&str, HashMap<&str, &Node>> = BTreeMap::new();
    for (key, case) in names {
        rows.entry(key).or_default().insert("case", case);
    }
    for (name, column) in columns.iter().filter(|(name, _)| name != "case") {
        let Node::Object(cells) = column else {
            let message = format!("The column is {}, not an object.", column.kind());
            let help = "Give every column the row keys of the column `case`.";
            problems.add("SCR004", format!("results.{}", clean(name, 64)), message, help);
            continue;
        };
        for (key, cell) in cells {
            match rows.get_mut(key.as_str()) {
                Some(row) => drop(row.insert(name, cell)),
                None => problems.add(
                    "SCR005",
                    format!("results.{}.{}", clean(name, 64), clean(key, 64)),
                    format!("The column `case` has no row {}.", quoted(key)),
                    "Name the case of every row in the column `case`.",
                ),
            }
        }
    }
    let row = |(key, fields)| ResultRow { label: Label::Key(key), fields };
    Some(rows.into_iter().map(row).collect())
}

/// The row of each case, in the order of the manifest. A case without a row has a problem.
pub(super) fn rows_by_case<'r, 'a>(
    rows: &'r [ResultRow<'a>],
    cases: &[CaseId],
    problems: &mut Problems,
) -> Vec<Option<&'r ResultRow<'a>>> {
    let indexes: HashMap<&str, usize> = cases.iter().map(CaseId::as_str).zip(0..).collect();
    let mut found: Vec<Option<&ResultRow<'a>>> = vec![None; cases.len()];
    for row in rows {
        let at = row.location("case");
        let name = match row.get("case") {
            Some(Node::Text(name)) => name,
            other => {
                let kind = other.map_or("absent", Node::kind);
                let help = "Write the name of the case as a string.";
                problems.add("SCR005", at, format!("`case` is {kind}."), help);
                continue;
            }
        };
        match indexes.get(name.as_str()).map(|i| &mut found[*i]) {
            Some(slot @ None) => *slot = Some(row),
            Some(Some(first)) => problems.add(
                "SCR007",
                at,
                format!("{} already has a result at {}.", quoted(name), first.location("case")),
                "Write one result per case.",
            ),
            None => problems.add(
                "SCR006",
                at,
                format!("There is no case with the name {}.", quoted(name)),
                "Use the names of the cases in the scorer's manifest, without folder or extension.",
            ),
        }
    }
    let missing = cases.iter().zip(&found).filter(|(_, row)| row.is_none());
    let missing: Vec<&str> = missing.map(|(case, _)| case.as_str()).collect();
    if !missing.is_empty() {
        let of = format!("{} of {} cases", missing.len(), cases.len());
        let message = format!("{of} have no result: {}.", listed(missing));
        let help = "Write a result for every case, with `null` if there is no value. \
                    Without the result a failure would stay hidden.";
        problems.add("SCR008", "results", message, help);
    }
    found
}
