//! One table of a file while it is read: asks for keys, converts values, remembers what was asked.
//!
//! Decides nothing about a value: `values` does.

use std::cell::RefCell;

use toml_edit::{InlineTable, Item, TableLike, Value};

use super::{BAD_VALUE, CONTRADICTION, File, MISSING_KEY, PATH_MISSING, UNKNOWN_KEY, WRONG_TYPE};
use crate::config::values::{Read, Refusal, quoted};
use crate::model::{Finding, suggest};

/// A table of the file while it is read.
pub struct Section<'a> {
    file: &'a File<'a>,
    /// Dotted path; empty at the top.
    name: String,
    /// What the file says; `None` where only the defaults have this table.
    table: Option<&'a dyn TableLike>,
    defaults: Option<&'a dyn TableLike>,
    /// Byte where the table starts, for problems of the whole of it.
    start: usize,
    asked: RefCell<Vec<&'a str>>,
    /// Keys that were asked for in vain, and how to write them.
    missing: RefCell<Vec<(&'static str, String)>>,
}

/// Reading.
impl<'a> Section<'a> {
    /// The top of a file.
    pub(super) fn root(
        file: &'a File<'a>,
        table: &'a dyn TableLike,
        defaults: Option<&'a dyn TableLike>,
    ) -> Self {
        Self {
            file,
            name: String::new(),
            table: Some(table),
            defaults,
            start: 0,
            asked: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// Reads the table with `read`, then tells of keys that nobody asked for, and of those that
    /// were asked for in vain.
    pub(super) fn read_with<T>(self, read: impl FnOnce(&Section<'_>) -> Option<T>) -> Option<T> {
        let value = read(&self);
        self.finish();
        value
    }

    /// A value that must be there, in the file or in the defaults.
    pub fn required<T>(&self, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let item = self.look_or_lack(key, || format!("{key} = …"))?;
        self.convert(key, item, kind)
    }

    /// A value that may be there. `None` too when it is refused, which is then known.
    pub fn optional<T>(&self, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let item = self.look(key)?;
        self.convert(key, item, kind)
    }

    /// A list that must be there, each element of one kind.
    pub fn required_list<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> Option<Vec<T>> {
        self.look_or_lack(key, || format!("{key} = […]"))?;
        self.list(key, kind)
    }

    /// A list that may be there. `None` when any element is refused; all are looked at.
    pub fn list<T>(&self, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Option<Vec<T>> {
        let item = self.look(key)?;
        let Some(array) = item.as_array() else {
            return self.wants(key, item, "a list in `[` `]`".to_owned());
        };
        let read = |value: &Value| {
            let refusal = match kind(value) {
                Ok(good) => return Some(good),
                Err(refusal) => refusal,
            };
            self.refuse(key, &Item::Value(value.clone()), refusal);
            None
        };
        let values: Vec<_> = array.iter().map(read).collect();
        values.into_iter().collect()
    }

    /// A table within this one, in the file or in the defaults.
    pub fn section<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let item = self.look_or_lack(key, || format!("[{}]", self.path(key)))?;
        if item.as_table_like().is_none() {
            return self.wants(key, item, format!("a table: `[{}]`", self.path(key)));
        }
        if !self.has(key) && self.file.has_lost(key) {
            // Its line was left out: what the defaults say instead proves nothing.
            return None;
        }
        let defaults = self.defaults.and_then(|t| t.get(key));
        self.inner(self.path(key), self.own(key), defaults)
            .read_with(read)
    }

    /// A list of tables, each with the first one of the defaults below it; at least one.
    /// `None` when any of them has a problem.
    pub fn sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.asked.borrow_mut().push(key);
        let written = format!("[[{}]]", self.path(key));
        let Some(item) = self.own(key) else {
            self.missing.borrow_mut().push((key, written));
            return None;
        };
        let tables: Option<Vec<Item>> = match item {
            Item::ArrayOfTables(tables) => Some(tables.iter().cloned().map(Item::Table).collect()),
            Item::Value(Value::Array(array)) => array
                .iter()
                .map(|v| v.is_inline_table().then(|| Item::Value(v.clone())))
                .collect(),
            _ => None,
        };
        let Some(tables) = tables else {
            return self.wants(key, item, format!("a list of tables: `{written}`"));
        };
        if tables.is_empty() {
            self.missing.borrow_mut().push((key, written));
        }
        let defaults = self.defaults.and_then(|t| t.get(key));
        let defaults = defaults.and_then(|d| d.get(0));
        // Read all before any `None` counts, so that the second table's problems are told too.
        let values: Vec<_> = tables
            .iter()
            .map(|table| {
                let inner = self.inner(self.path(key), Some(table), defaults);
                inner.read_with(&mut read)
            })
            .collect();
        values.into_iter().collect()
    }

    /// A list of tables that may be there; none where the file has none.
    pub fn optional_sections<T>(
        &self,
        key: &'static str,
        read: impl FnMut(&Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        match self.has(key) {
            true => self.sections(key, read),
            false => {
                self.asked.borrow_mut().push(key);
                Some(Vec::new())
            }
        }
    }

    /// Tables with names of the user's choice. Those of the file replace those of the defaults.
    pub fn named_sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&str, &Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let item = self.look(key)?;
        let Some(tables) = item.as_table_like() else {
            return self.wants(key, item, format!("tables: `[{}.name]`", self.path(key)));
        };
        let layers = |item| match self.has(key) {
            true => (Some(item), None),
            false => (None, Some(item)),
        };
        let (own, below) = layers(item);
        let parent = self.inner(self.path(key), own, below);
        let mut values = Vec::new();
        for (name, item) in tables.iter() {
            let path = parent.path(name);
            values.push(match item.as_table_like() {
                None => parent.wants(name, item, format!("a table: `[{path}]`")),
                Some(_) => {
                    let (own, below) = layers(item);
                    let section = parent.inner(path, own, below);
                    section.read_with(|s| read(name, s))
                }
            });
        }
        values.into_iter().collect()
    }

    /// A table whose keys are of the user's choice, all with values of one kind.
    pub fn pairs<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&str, &Value) -> Read<T>,
    ) -> Option<Vec<(String, T)>> {
        let item = self.look(key)?;
        let Some(table) = item.as_table_like() else {
            return self.wants(key, item, format!("a table: `[{}]`", self.path(key)));
        };
        let inner = self.inner(self.path(key), Some(item), None);
        let read = |(name, item): (&str, &Item)| {
            let value = inner.convert(name, item, |value| kind(name, value))?;
            Some((name.to_owned(), value))
        };
        let values: Vec<_> = table.iter().map(read).collect();
        values.into_iter().collect()
    }

    /// Takes no offence at the other keys, where it is unknown which of them would mean anything.
    pub fn leave_rest(&self) {
        let keys = self.table.into_iter().flat_map(|t| t.iter());
        self.asked.borrow_mut().extend(keys.map(|(key, _)| key));
    }

    /// Whether the file itself sets this key.
    pub fn has(&self, key: &str) -> bool {
        self.own(key).is_some()
    }
}

/// Telling what no single value shows.
impl Section<'_> {
    /// Two values contradict each other; `key` is the one to point at.
    pub fn contradiction(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.notify(key, Finding::error(CONTRADICTION, message, help));
    }

    /// Two values fit badly; `key` is the one to point at.
    pub fn doubt(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.notify(key, Finding::warning(CONTRADICTION, message, help));
    }

    /// A value that is bad for a reason outside of its kind.
    pub fn bad(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.notify(key, Finding::error(BAD_VALUE, message, help));
    }

    /// A path that is named here and is not there.
    pub fn absent(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.notify(key, Finding::error(PATH_MISSING, message, help));
    }

    /// Adds findings that were made elsewhere, as they are.
    pub fn add(&self, findings: Vec<Finding>) {
        self.file.findings.borrow_mut().extend(findings);
    }

    fn notify(&self, key: &str, finding: Finding) {
        let span = self.own(key).and_then(Item::span);
        self.file
            .notify(span.map_or(self.start, |s| s.start), finding);
    }

    fn refuse(&self, key: &str, item: &Item, refusal: Refusal) {
        let (code, message, help) = match refusal {
            Refusal::Type(wanted) => {
                let message = format!("is {}", described(item));
                (WRONG_TYPE, message, format!("Write {wanted}."))
            }
            Refusal::Value { message, help } => (BAD_VALUE, message, help),
        };
        let finding = Finding::error(code, format!("{} {message}.", quoted(key)), help);
        // Bytes of the defaults mean nothing in the file.
        let span = item.span().filter(|_| self.has(key));
        self.file
            .notify(span.map_or(self.start, |s| s.start), finding);
    }

    fn wants<T>(&self, key: &str, item: &Item, wanted: String) -> Option<T> {
        self.refuse(key, item, Refusal::Type(wanted));
        None
    }

    fn finish(&self) {
        let asked = self.asked.borrow();
        let mut missing = self.missing.borrow().clone();
        missing.retain(|(key, _)| !self.file.has_lost(key));
        for (key, _) in self.table.into_iter().flat_map(|t| t.iter()) {
            if asked.contains(&key) {
                continue;
            }
            let unset = asked.iter().copied().filter(|k| !self.has(k));
            let meant = suggest::nearest(key, unset);
            // A misspelt key is one mistake, not an unknown and a missing one.
            missing.retain(|(key, _)| Some(*key) != meant);
            self.unknown(key, meant, &asked);
        }
        let here = self.here();
        for (key, written) in missing {
            let message = format!("`{key}` is missing{here}.");
            let help = format!("Add `{written}`{here}.");
            let finding = Finding::error(MISSING_KEY, message, help);
            self.file.notify(self.start, finding);
        }
    }

    fn unknown(&self, key: &str, meant: Option<&str>, asked: &[&str]) {
        let help = match meant {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => {
                let mut known: Vec<_> = asked.iter().map(|k| format!("`{k}`")).collect();
                known.sort();
                known.dedup();
                format!("Remove it; known here are {}.", known.join(", "))
            }
        };
        let written = self.table.and_then(|t| t.get_key_value(key));
        let span = written.and_then(|(key, item)| key.span().or_else(|| item.span()));
        let message = format!("{} is not known{}.", quoted(key), self.here());
        let finding = Finding::error(UNKNOWN_KEY, message, help);
        self.file
            .notify(span.map_or(self.start, |s| s.start), finding);
    }
}

/// Looking.
impl<'a> Section<'a> {
    /// What the file itself says.
    fn own(&self, key: &str) -> Option<&'a Item> {
        self.table.and_then(|t| t.get(key))
    }

    /// What the file or else the defaults say.
    fn look(&self, key: &'static str) -> Option<&'a Item> {
        self.asked.borrow_mut().push(key);
        let below = || self.defaults.and_then(|t| t.get(key));
        self.own(key).or_else(below)
    }

    fn look_or_lack(&self, key: &'static str, written: impl Fn() -> String) -> Option<&'a Item> {
        let found = self.look(key);
        if found.is_none() {
            self.missing.borrow_mut().push((key, written()));
        }
        found
    }

    fn convert<T>(&self, key: &str, item: &Item, kind: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let read = match item.as_value() {
            Some(value) => kind(value),
            // Every kind of single value refuses a table and says what it wants instead.
            None => kind(&Value::InlineTable(InlineTable::new())),
        };
        read.map_err(|refusal| self.refuse(key, item, refusal)).ok()
    }

    /// A table within this one, by its layers.
    fn inner<'i>(
        &self,
        name: String,
        own: Option<&'i Item>,
        defaults: Option<&'i Item>,
    ) -> Section<'i>
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
            asked: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    fn path(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    fn here(&self) -> String {
        match self.name.as_str() {
            "" => String::new(),
            name => format!(" in `{name}`"),
        }
    }
}

/// The type of a value as a person calls it.
fn described(item: &Item) -> &'static str {
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
