//! One table of a file while it is read. It looks up keys, converts values and records which keys were requested.
//!
//! It decides nothing about a value: `values` does.

use std::cell::RefCell;

use toml_edit::{InlineTable, Item, TableLike, Value};

use super::{CONTRADICTION, File, INVALID_VALUE, MISSING_KEY, PATH_MISSING, UNKNOWN_KEY, WRONG_TYPE};
use crate::config::values::{ValueError, ValueResult, quoted};
use crate::model::{Finding, suggest};

/// Old names of keys with their present names. An old name is an error like every unknown key. The table only makes
/// its help name the present key.
const RENAMED_KEYS: [(&str, &str); 2] = [("tries-per-day", "submissions-per-day"), ("grid", "disclosure-interval")];

/// A table of the file while it is read.
pub(crate) struct Section<'a> {
    file: &'a File<'a>,
    /// Dotted path; empty for the root.
    name: String,
    /// The table in the file. `None` if only the defaults have it.
    table: Option<&'a dyn TableLike>,
    defaults: Option<&'a dyn TableLike>,
    /// Byte at which the table starts, for problems of the table as a whole.
    start: usize,
    requested: RefCell<Vec<&'a str>>,
    /// Required keys that neither layer has, each with its form in the file.
    missing: RefCell<Vec<(&'static str, String)>>,
}

/// Reading.
impl<'a> Section<'a> {
    pub(super) fn root(file: &'a File<'a>, table: &'a dyn TableLike, defaults: Option<&'a dyn TableLike>) -> Self {
        Self {
            file,
            name: String::new(),
            table: Some(table),
            defaults,
            start: 0,
            requested: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// Reads the table with `read`, then reports unknown and missing keys.
    pub(super) fn read_with<T>(self, read: impl FnOnce(&Section<'_>) -> Option<T>) -> Option<T> {
        let value = read(&self);
        self.report_keys();
        value
    }

    /// A value that the file or the defaults must have.
    pub(crate) fn required<T>(&self, key: &'static str, kind: impl Fn(&Value) -> ValueResult<T>) -> Option<T> {
        let item = self.lookup_required(key, || format!("{key} = …"))?;
        self.convert(key, item, kind)
    }

    /// A value that may be missing. The result is `None` also if the value is invalid, which has been reported then.
    pub(crate) fn optional<T>(&self, key: &'static str, kind: impl Fn(&Value) -> ValueResult<T>) -> Option<T> {
        let item = self.lookup(key)?;
        self.convert(key, item, kind)
    }

    /// A list that the file or the defaults must have, with elements of one kind.
    pub(crate) fn required_list<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&Value) -> ValueResult<T>,
    ) -> Option<Vec<T>> {
        self.lookup_required(key, || format!("{key} = […]"))?;
        self.list(key, kind)
    }

    /// A list that may be missing. `None` if an element is invalid; all invalid elements are reported.
    pub(crate) fn list<T>(&self, key: &'static str, kind: impl Fn(&Value) -> ValueResult<T>) -> Option<Vec<T>> {
        let item = self.lookup(key)?;
        let Some(array) = item.as_array() else {
            return self.report_type(key, item, "a list in `[` `]`".to_owned());
        };
        let read = |value: &Value| {
            let error = match kind(value) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            self.report_value(key, &Item::Value(value.clone()), error);
            None
        };
        let values: Vec<_> = array.iter().map(read).collect();
        values.into_iter().collect()
    }

    /// A table within this one, in the file or in the defaults.
    pub(crate) fn section<T>(&self, key: &'static str, read: impl FnOnce(&Section<'_>) -> Option<T>) -> Option<T> {
        let item = self.lookup_required(key, || format!("[{}]", self.path(key)))?;
        if item.as_table_like().is_none() {
            return self.report_type(key, item, format!("a table: `[{}]`", self.path(key)));
        }
        if !self.has(key) && self.file.has_skipped(key) {
            // Its line has a syntax error. The defaults must not replace the values of that line.
            return None;
        }
        let defaults = self.defaults.and_then(|t| t.get(key));
        self.inner(self.path(key), self.in_file(key), defaults).read_with(read)
    }

    /// A list of at least one table. The first table of the defaults is the layer below each of them. `None` if a
    /// table has a problem.
    pub(crate) fn sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.requested.borrow_mut().push(key);
        let written = format!("[[{}]]", self.path(key));
        let Some(item) = self.in_file(key) else {
            self.missing.borrow_mut().push((key, written));
            return None;
        };
        let tables: Option<Vec<Item>> = match item {
            Item::ArrayOfTables(tables) => Some(tables.iter().cloned().map(Item::Table).collect()),
            Item::Value(Value::Array(array)) => {
                array.iter().map(|v| v.is_inline_table().then(|| Item::Value(v.clone()))).collect()
            }
            _ => None,
        };
        let Some(tables) = tables else {
            return self.report_type(key, item, format!("a list of tables: `{written}`"));
        };
        if tables.is_empty() {
            self.missing.borrow_mut().push((key, written));
        }
        let defaults = self.defaults.and_then(|t| t.get(key));
        let defaults = defaults.and_then(|d| d.get(0));
        // All tables are read before the first `None` counts, so that the problems of all of them are reported.
        let values: Vec<_> = tables
            .iter()
            .map(|table| {
                let inner = self.inner(self.path(key), Some(table), defaults);
                inner.read_with(&mut read)
            })
            .collect();
        values.into_iter().collect()
    }

    /// A list of tables that may be missing.
    pub(crate) fn optional_sections<T>(
        &self,
        key: &'static str,
        read: impl FnMut(&Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if self.has(key) {
            return self.sections(key, read);
        }
        self.requested.borrow_mut().push(key);
        Some(Vec::new())
    }

    /// Tables whose names the user chooses. Those of the file replace those of the defaults.
    pub(crate) fn named_sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&str, &Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let item = self.lookup(key)?;
        let Some(tables) = item.as_table_like() else {
            return self.report_type(key, item, format!("tables: `[{}.name]`", self.path(key)));
        };
        let layers = |item| {
            if self.has(key) { (Some(item), None) } else { (None, Some(item)) }
        };
        let (own, below) = layers(item);
        let parent = self.inner(self.path(key), own, below);
        let mut values = Vec::new();
        for (name, item) in tables.iter() {
            let path = parent.path(name);
            values.push(match item.as_table_like() {
                None => parent.report_type(name, item, format!("a table: `[{path}]`")),
                Some(_) => {
                    let (own, below) = layers(item);
                    let section = parent.inner(path, own, below);
                    section.read_with(|s| read(name, s))
                }
            });
        }
        values.into_iter().collect()
    }

    /// A table whose keys the user chooses, with values of one kind.
    pub(crate) fn pairs<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&str, &Value) -> ValueResult<T>,
    ) -> Option<Vec<(String, T)>> {
        let item = self.lookup(key)?;
        let Some(table) = item.as_table_like() else {
            return self.report_type(key, item, format!("a table: `[{}]`", self.path(key)));
        };
        let inner = self.inner(self.path(key), Some(item), None);
        let read = |(name, item): (&str, &Item)| {
            let value = inner.convert(name, item, |value| kind(name, value))?;
            Some((name.to_owned(), value))
        };
        let values: Vec<_> = table.iter().map(read).collect();
        values.into_iter().collect()
    }

    /// Reports no unknown keys. For a table in which the value of one key decides which other keys exist, if that
    /// value is invalid.
    pub(crate) fn accept_all_keys(&self) {
        let keys = self.table.into_iter().flat_map(|t| t.iter());
        self.requested.borrow_mut().extend(keys.map(|(key, _)| key));
    }

    /// Whether the file itself sets this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.in_file(key).is_some()
    }
}

/// Reporting problems. `key` is the one that the finding points to.
impl Section<'_> {
    /// Two values contradict each other.
    pub(crate) fn contradiction(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report(key, Finding::error(CONTRADICTION, message, help));
    }

    /// Two values are probably a mistake together.
    pub(crate) fn warning(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report(key, Finding::warning(CONTRADICTION, message, help));
    }

    /// A value is not allowed for a reason that its kind cannot know.
    pub(crate) fn invalid(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report(key, Finding::error(INVALID_VALUE, message, help));
    }

    /// A path does not exist.
    pub(crate) fn path_missing(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report(key, Finding::error(PATH_MISSING, message, help));
    }

    /// Adds findings with their own locations.
    pub(crate) fn add(&self, findings: Vec<Finding>) {
        self.file.findings.borrow_mut().extend(findings);
    }

    fn report(&self, key: &str, finding: Finding) {
        let span = self.in_file(key).and_then(Item::span);
        self.file.report(span.map_or(self.start, |s| s.start), finding);
    }

    fn report_value(&self, key: &str, item: &Item, error: ValueError) {
        let (code, message, help) = match error {
            ValueError::Type(expected) => {
                let message = format!("is {}", type_name(item));
                (WRONG_TYPE, message, format!("Write {expected}."))
            }
            ValueError::Value { message, help } => (INVALID_VALUE, message, help),
        };
        let finding = Finding::error(code, format!("{} {message}.", quoted(key)), help);
        // A byte offset within the defaults means nothing in the file.
        let span = item.span().filter(|_| self.has(key));
        self.file.report(span.map_or(self.start, |s| s.start), finding);
    }

    fn report_type<T>(&self, key: &str, item: &Item, expected: String) -> Option<T> {
        self.report_value(key, item, ValueError::Type(expected));
        None
    }

    /// Reports keys that no code requested, and required keys that are missing.
    fn report_keys(&self) {
        let requested = self.requested.borrow();
        let mut missing = self.missing.borrow().clone();
        missing.retain(|(key, _)| !self.file.has_skipped(key));
        for (key, _) in self.table.into_iter().flat_map(|t| t.iter()) {
            if requested.contains(&key) {
                continue;
            }
            let renamed = RENAMED_KEYS.iter().find(|(old, _)| *old == key);
            let renamed = renamed.and_then(|(_, new)| requested.iter().find(|k| *k == new));
            let unset = requested.iter().copied().filter(|k| !self.has(k));
            let meant = renamed.copied().or_else(|| suggest::nearest(key, unset));
            // A misspelt key is one mistake: it is unknown, and the right one is not missing.
            missing.retain(|(key, _)| Some(*key) != meant);
            self.report_unknown(key, meant, &requested);
        }
        let here = self.in_section();
        for (key, written) in missing {
            let message = format!("`{key}` is missing{here}.");
            let help = format!("Add `{written}`{here}.");
            let finding = Finding::error(MISSING_KEY, message, help);
            self.file.report(self.start, finding);
        }
    }

    fn report_unknown(&self, key: &str, meant: Option<&str>, requested: &[&str]) {
        let help = match meant {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => {
                let mut known: Vec<_> = requested.iter().map(|k| format!("`{k}`")).collect();
                known.sort();
                known.dedup();
                format!("Remove it. Known keys are {}.", known.join(", "))
            }
        };
        let written = self.table.and_then(|t| t.get_key_value(key));
        let span = written.and_then(|(key, item)| key.span().or_else(|| item.span()));
        let message = format!("Unknown key {}{}.", quoted(key), self.in_section());
        let finding = Finding::error(UNKNOWN_KEY, message, help);
        self.file.report(span.map_or(self.start, |s| s.start), finding);
    }
}

/// Looking up keys.
impl<'a> Section<'a> {
    fn in_file(&self, key: &str) -> Option<&'a Item> {
        self.table.and_then(|t| t.get(key))
    }

    /// The item in the file, or else in the defaults.
    fn lookup(&self, key: &'static str) -> Option<&'a Item> {
        self.requested.borrow_mut().push(key);
        let below = || self.defaults.and_then(|t| t.get(key));
        self.in_file(key).or_else(below)
    }

    fn lookup_required(&self, key: &'static str, written: impl Fn() -> String) -> Option<&'a Item> {
        let found = self.lookup(key);
        if found.is_none() {
            self.missing.borrow_mut().push((key, written()));
        }
        found
    }

    fn convert<T>(&self, key: &str, item: &Item, kind: impl Fn(&Value) -> ValueResult<T>) -> Option<T> {
        let read = match item.as_value() {
            Some(value) => kind(value),
            // Every kind refuses a table and names the type that it expects.
            None => kind(&Value::InlineTable(InlineTable::new())),
        };
        read.map_err(|error| self.report_value(key, item, error)).ok()
    }

    /// A table within this one, by its layers.
    fn inner<'i>(&self, name: String, own: Option<&'i Item>, defaults: Option<&'i Item>) -> Section<'i>
    where
        'a: 'i,
    {
        let start = own.and_then(Item::span).map_or(self.start, |s| s.start);
        Section {
            file: self.file,
            name,
            table: own.and_then(Item::as_table_like),
            defaults: defaults.and_then(Item::as_table_like),
            start,
            requested: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// The dotted path of a key.
    fn path(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    /// ` in ` and the section's name, for messages. Empty for the root.
    fn in_section(&self) -> String {
        match self.name.as_str() {
            "" => String::new(),
            name => format!(" in `{name}`"),
        }
    }
}

/// The type of a value as messages name it.
fn type_name(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "a text",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "`true` or `false`",
        "datetime" => "a date or time",
        "array" => "a list",
        "array of tables" => "a list of tables",
        _ => "a table",
    }
}
