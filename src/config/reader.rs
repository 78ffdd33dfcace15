//! Reads a TOML file section by section and collects every problem with its line.
//!
//! Never stops at the first problem, and knows no key by itself: the grammar of a file is what the
//! code that reads it asks for. Anything that was not asked for is an unknown key.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, InlineTable, Item, TableLike, Value};

use super::values::{Read, Refusal, nearest, quoted};
use crate::model::{Finding, Place, Severity};

/// The file is no TOML.
pub const SYNTAX: &str = "CFG001";
/// A key that must be there is not.
pub const MISSING_KEY: &str = "CFG002";
/// A value has another type than the key wants.
pub const WRONG_TYPE: &str = "CFG003";
/// A key means nothing here.
pub const UNKNOWN_KEY: &str = "CFG004";
/// The type is right and the value is not.
pub const BAD_VALUE: &str = "CFG005";
/// Two values that are fine alone and cannot both be true.
pub const CONTRADICTION: &str = "CFG006";
/// A file or folder that is named and is not there.
pub const PATH_MISSING: &str = "CFG007";

/// Bytes of a configuration file; a larger one is something else by mistake.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Syntax errors that are looked for behind the first one.
const SYNTAX_ERRORS_MAX: usize = 10;

/// Reads the text of a configuration file.
///
/// # Errors
/// A finding when the file is not there, too large or not UTF-8.
pub fn text_of(path: &Path) -> Result<String, Vec<Finding>> {
    let place = Place::file(shown(path));
    let failed =
        |says: String, remedy: &str| vec![Finding::error(PATH_MISSING, says, remedy).at(place)];
    match std::fs::metadata(path) {
        Ok(about) if about.len() > FILE_BYTES_MAX => Err(failed(
            format!("The file has {} bytes.", about.len()),
            "A configuration of more than 1 MiB is a mistake; check the path.",
        )),
        _ => std::fs::read_to_string(path).map_err(|e| {
            failed(
                format!("The file cannot be read: {e}."),
                "Check the path and its permissions.",
            )
        }),
    }
}

/// A path as findings show it: as it was given, without a leading `./`.
pub fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

/// A text to read, and how to speak of it.
pub struct Source<'a> {
    /// Name of the file in findings.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The layer below: a key that the text does not set is looked up here.
    pub defaults: &'a str,
    /// Findings repeat no value of this file, because values may be secrets.
    pub guarded: bool,
}

/// Reads the whole text with `read` and gives every problem, in the order of the lines.
/// There is no value where a required part of it has a problem.
pub fn read<T>(
    source: &Source<'_>,
    read: impl FnOnce(&Section<'_>) -> Option<T>,
) -> (Option<T>, Vec<Finding>) {
    let parsed = parse(source.text);
    let defaults = Document::parse(source.defaults).ok();
    let file = File {
        source,
        lost: parsed.lost,
        findings: RefCell::default(),
    };
    for (at, message) in parsed.errors {
        file.syntax(at, &message);
    }
    let value = parsed.document.and_then(|document| {
        let root = Section {
            file: &file,
            name: String::new(),
            table: Some(document.as_table()),
            defaults: defaults.as_ref().map(|d| d.as_table() as &dyn TableLike),
            start: 0,
            asked: RefCell::default(),
            missing: RefCell::default(),
        };
        root.read_with(read)
    });
    let mut findings = file.findings.into_inner();
    findings.sort_by_key(|f| {
        let place = f.place.as_ref();
        place.map(|p| (p.file != source.name, p.line, p.column))
    });
    (value, findings)
}

/// What can be made of a text.
struct Parsed {
    document: Option<Document<String>>,
    /// Byte offset and sentence of each syntax error.
    errors: Vec<(usize, String)>,
    /// Keys whose lines were left out.
    lost: Vec<String>,
}

/// Parses, leaving out up to [`SYNTAX_ERRORS_MAX`] faulty `key = value` lines, so that one missing
/// quote does not hide the mistakes behind it. A fault that reaches beyond its line cannot be left
/// out; then the first error is all that is certain.
fn parse(text: &str) -> Parsed {
    let mut work = text.to_owned();
    let (mut errors, mut lost) = (Vec::new(), Vec::new());
    while errors.len() < SYNTAX_ERRORS_MAX {
        let error = match Document::parse(work.clone()) {
            Ok(document) => {
                let document = Some(document);
                return Parsed {
                    document,
                    errors,
                    lost,
                };
            }
            Err(error) => error,
        };
        let at = error.span().map_or(0, |span| span.start);
        let at = text.floor_char_boundary(at);
        errors.push((at, error.message().to_owned()));
        let line = line_around(&work, at);
        let Some((key, _)) = work[line.clone()].split_once('=') else {
            break;
        };
        if key.trim_start().starts_with(['[', '#']) {
            break;
        }
        lost.push(key.trim().to_owned());
        let blank = " ".repeat(line.len());
        work.replace_range(line, &blank);
    }
    errors.truncate(1);
    Parsed {
        document: None,
        errors,
        lost,
    }
}

/// The line that holds this byte, without its end.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}

/// The file under reading.
struct File<'a> {
    source: &'a Source<'a>,
    lost: Vec<String>,
    findings: RefCell<Vec<Finding>>,
}

impl File<'_> {
    fn syntax(&self, at: usize, message: &str) {
        let mut place = self.place(at);
        if self.source.guarded {
            // A broken line may be the inside of a secret.
            place.text = None;
        }
        let finding = Finding::error(
            SYNTAX,
            format!("The file is not valid TOML here: {message}."),
            "Correct the line; a value that is a text needs quotes at both ends.",
        );
        self.findings.borrow_mut().push(finding.at(place));
    }

    fn place(&self, at: usize) -> Place {
        let text = self.source.text;
        let at = text.floor_char_boundary(at);
        let line = line_around(text, at);
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        let mut place = Place::line(
            self.source.name,
            number(text[..at].bytes().filter(|b| *b == b'\n').count()),
        );
        place.column = Some(number(text[line.start..at].chars().count()));
        let written = text[line].trim_end();
        match written.split_once('=') {
            Some((key, _)) if self.source.guarded => place.with_text(format!("{key}= …")),
            None if self.source.guarded && !written.starts_with('[') => place,
            _ => place.with_text(written),
        }
    }
}

/// A table of the file while it is read.
pub struct Section<'a> {
    file: &'a File<'a>,
    /// Dotted path; empty at the top.
    name: String,
    /// `None` when only the defaults have it.
    table: Option<&'a dyn TableLike>,
    defaults: Option<&'a dyn TableLike>,
    /// Byte where the table starts, for problems of the whole of it.
    start: usize,
    asked: RefCell<Vec<&'a str>>,
    /// Keys that were asked for in vain, and how to write them.
    missing: RefCell<Vec<(&'static str, String)>>,
}

impl<'a> Section<'a> {
    /// A value that must be there, in the file or in the defaults.
    pub fn required<T>(&self, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Option<T> {
        if self.look(key).is_none() {
            self.lacks(key, format!("{key} = …"));
        }
        self.optional(key, kind)
    }

    /// A value that may be there. `None` too when it is refused, which is then known.
    pub fn optional<T>(&self, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let item = self.look(key)?;
        self.convert(key, item, kind)
    }

    /// A table whose keys are of the user's choice, all with values of one kind.
    pub fn pairs<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&str, &Value) -> Read<T>,
    ) -> Option<Vec<(String, T)>> {
        let item = self.look(key)?;
        let Some(table) = item.as_table_like() else {
            self.refuse(
                key,
                item,
                Refusal::Type(format!("a table: `[{}]`", self.path(key))),
            );
            return None;
        };
        let inner = self.inner(self.path(key), Some(item), None);
        let read = |(name, item): (&str, &Item)| {
            let value = inner.convert(name, item, |value| kind(name, value))?;
            Some((name.to_owned(), value))
        };
        // Read all before any `None` counts.
        let values: Vec<_> = table.iter().map(read).collect();
        values.into_iter().collect()
    }

    /// A list that must be there.
    pub fn required_list<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&Value) -> Read<T>,
    ) -> Option<Vec<T>> {
        if self.look(key).is_none() {
            self.lacks(key, format!("{key} = […]"));
        }
        self.list(key, kind)
    }

    /// A list whose elements are of one kind; each is checked.
    pub fn list<T>(&self, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Option<Vec<T>> {
        let item = self.look(key)?;
        let Some(array) = item.as_array() else {
            self.refuse(key, item, Refusal::Type("a list in `[` `]`".to_owned()));
            return None;
        };
        let mut all = Some(Vec::new());
        for value in array {
            match kind(value) {
                Ok(good) => {
                    if let Some(all) = &mut all {
                        all.push(good);
                    }
                }
                Err(refusal) => {
                    self.refuse(key, &Item::Value(value.clone()), refusal);
                    all = None;
                }
            }
        }
        all
    }

    /// A table within this one. One that neither the file nor the defaults have is missing.
    pub fn section<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Section<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.look(key).is_none() {
            self.lacks(key, format!("[{}]", self.path(key)));
        }
        self.optional_section(key, read)
    }

    /// A table within this one that may be left out.
    pub fn optional_section<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let item = self.look(key)?;
        let own = self.table.and_then(|t| t.get(key));
        if own.is_none() && self.file.lost.iter().any(|lost| lost == key) {
            // Its line was left out: what the defaults say instead proves nothing.
            return None;
        }
        if let Some(own) = own
            && own.as_table_like().is_none()
        {
            let wanted = format!("a table: `[{}]`", self.path(key));
            self.refuse(key, item, Refusal::Type(wanted));
            return None;
        }
        let defaults = self.defaults.and_then(|t| t.get(key));
        self.inner(self.path(key), own, defaults).read_with(read)
    }

    /// A list of tables, each with the first one of the defaults below it; at least one.
    /// `None` when any of them has a problem.
    pub fn sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let defaults = first_table(self.defaults.and_then(|t| t.get(key)));
        self.asked.borrow_mut().push(key);
        let Some(item) = self.table.and_then(|t| t.get(key)) else {
            self.lacks(key, format!("[[{}]]", self.path(key)));
            return None;
        };
        let inner = |table: &'a dyn TableLike, start: Option<Range<usize>>| Section {
            table: Some(table),
            defaults,
            start: start.map_or(self.start, |span| span.start),
            ..self.inner(self.path(key), None, None)
        };
        let sections: Option<Vec<_>> = match item {
            Item::ArrayOfTables(tables) => {
                Some(tables.iter().map(|t| inner(t, t.span())).collect())
            }
            Item::Value(Value::Array(array)) => array
                .iter()
                .map(|v| Some(inner(v.as_inline_table()?, v.span())))
                .collect(),
            _ => None,
        };
        let Some(sections) = sections else {
            let wanted = format!("a list of tables: `[[{}]]`", self.path(key));
            self.refuse(key, item, Refusal::Type(wanted));
            return None;
        };
        if sections.is_empty() {
            self.lacks(key, format!("[[{}]]", self.path(key)));
        }
        // Read all before any `None` counts, so that the second table's problems are told too.
        let values: Vec<_> = sections
            .into_iter()
            .map(|s| s.read_with(&mut read))
            .collect();
        values.into_iter().collect()
    }

    /// Tables with names of the user's choice. Those of the file replace those of the defaults.
    pub fn named_sections<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&str, &Section<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let item = self.look(key)?;
        let own = self.table.and_then(|t| t.get(key)).is_some();
        let Some(table) = item.as_table_like() else {
            let wanted = format!("tables: `[{}.name]`", self.path(key));
            self.refuse(key, item, Refusal::Type(wanted));
            return None;
        };
        let mut values = Vec::new();
        for (name, item) in table.iter() {
            let path = format!("{}.{name}", self.path(key));
            if item.as_table_like().is_none() {
                self.refuse(name, item, Refusal::Type(format!("a table: `[{path}]`")));
                values.push(None);
                continue;
            }
            let layers = if own {
                (Some(item), None)
            } else {
                (None, Some(item))
            };
            let section = self.inner(path, layers.0, layers.1);
            values.push(section.read_with(|s| read(name, s)));
        }
        values.into_iter().collect()
    }

    /// Takes no offence at keys that were not asked for, where it is unknown which would mean anything.
    pub fn leave_rest(&self) {
        let keys = self.table.into_iter().flat_map(|t| t.iter());
        self.asked.borrow_mut().extend(keys.map(|(key, _)| key));
    }

    /// Whether the file itself sets this key.
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|t| t.contains_key(key))
    }

    /// Two values contradict each other; `key` is the one to point at.
    pub fn contradiction(&self, key: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.tell(
            Severity::Error,
            CONTRADICTION,
            key,
            (says.into(), remedy.into()),
        );
    }

    /// Two values fit badly; `key` is the one to point at.
    pub fn doubt(&self, key: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.tell(
            Severity::Warning,
            CONTRADICTION,
            key,
            (says.into(), remedy.into()),
        );
    }

    /// A value that is bad for a reason outside of its kind.
    pub fn bad(&self, key: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.tell(
            Severity::Error,
            BAD_VALUE,
            key,
            (says.into(), remedy.into()),
        );
    }

    /// A path that is named here and is not there.
    pub fn absent(&self, key: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.tell(
            Severity::Error,
            PATH_MISSING,
            key,
            (says.into(), remedy.into()),
        );
    }

    /// Adds findings that were made elsewhere, as they are.
    pub fn add(&self, findings: Vec<Finding>) {
        self.file.findings.borrow_mut().extend(findings);
    }

    fn tell(&self, severity: Severity, code: &str, key: &str, (says, remedy): (String, String)) {
        let item = self.table.and_then(|t| t.get(key));
        let start = item.and_then(Item::span).map_or(self.start, |s| s.start);
        let finding = Finding::new(severity, code, says, remedy);
        let finding = finding.at(self.file.place(start));
        self.file.findings.borrow_mut().push(finding);
    }

    fn read_with<T>(self, read: impl FnOnce(&Section<'_>) -> Option<T>) -> Option<T> {
        let value = read(&self);
        self.finish();
        value
    }

    /// Tells of keys that nobody asked for, and of those that were asked for in vain.
    fn finish(&self) {
        let asked = self.asked.borrow();
        let mut missing = self.missing.borrow().clone();
        missing.retain(|(key, _)| !self.file.lost.iter().any(|lost| lost == key));
        for (key, _) in self.table.into_iter().flat_map(|t| t.iter()) {
            if asked.contains(&key) {
                continue;
            }
            let unset = asked.iter().copied().filter(|k| !self.has(k));
            let meant = nearest(key, unset);
            // A misspelt key is one mistake, not an unknown and a missing one.
            missing.retain(|(key, _)| Some(*key) != meant);
            self.unknown(key, meant, &asked);
        }
        for (key, written) in missing {
            let here = self.here();
            let finding = Finding::error(
                MISSING_KEY,
                format!("`{key}` is missing{here}."),
                format!("Add `{written}`{here}."),
            );
            let finding = finding.at(self.file.place(self.start));
            self.file.findings.borrow_mut().push(finding);
        }
    }

    fn unknown(&self, key: &str, meant: Option<&str>, asked: &[&str]) {
        let remedy = match meant {
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
        let start = span.map_or(self.start, |s| s.start);
        let says = format!("{} is not known{}.", quoted(key), self.here());
        let finding = Finding::error(UNKNOWN_KEY, says, remedy).at(self.file.place(start));
        self.file.findings.borrow_mut().push(finding);
    }

    fn here(&self) -> String {
        match self.name.as_str() {
            "" => String::new(),
            name => format!(" in `{name}`"),
        }
    }

    fn path(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }

    fn lacks(&self, key: &'static str, written: String) {
        self.missing.borrow_mut().push((key, written));
    }

    fn look(&self, key: &'static str) -> Option<&'a Item> {
        self.asked.borrow_mut().push(key);
        let own = self.table.and_then(|t| t.get(key));
        own.or_else(|| self.defaults.and_then(|t| t.get(key)))
    }

    fn inner(&self, name: String, own: Option<&'a Item>, defaults: Option<&'a Item>) -> Self {
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

    fn convert<T>(&self, key: &str, item: &Item, kind: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let read = match item.as_value() {
            Some(value) => kind(value),
            // Every kind of single value refuses a table and says what it wants instead.
            None => kind(&Value::InlineTable(InlineTable::new())),
        };
        read.map_err(|refusal| self.refuse(key, item, refusal)).ok()
    }

    fn refuse(&self, key: &str, item: &Item, refusal: Refusal) {
        let start = match self.has(key) {
            true => item.span().map_or(self.start, |s| s.start),
            false => self.start,
        };
        let (code, says, remedy) = match refusal {
            Refusal::Type(wanted) => {
                let says = format!("is {}", described(item));
                (WRONG_TYPE, says, format!("Write {wanted}."))
            }
            Refusal::Value { says, remedy } => (BAD_VALUE, says, remedy),
        };
        let says = format!("{} {says}.", quoted(key));
        let finding = Finding::error(code, says, remedy).at(self.file.place(start));
        self.file.findings.borrow_mut().push(finding);
    }
}

/// The first table of a list of tables.
fn first_table(item: Option<&Item>) -> Option<&dyn TableLike> {
    Some(item?.as_array_of_tables()?.get(0)?)
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
