//! One folder of the corpus: the files that are pushed, and the expected result.
//!
//! A key that is missing, unknown or of another type is an error that names the file: a typing error must not make a
//! row that asserts nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use referee::model::{Outcome, Stage};
use toml_edit::{DocumentMut, Item, Table};

use crate::copy;

/// The kind of submission that the row pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A commit of the folder's files.
    Commit,
    /// An image, pushed to a registry.
    Image,
}

/// A change of an image after the platform has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Its tag moves to the image of `moved.json`.
    Moved,
    /// Its manifest is deleted.
    Deleted,
}

/// A row of the table of threats or of mistakes, with its folder in the corpus.
#[derive(Debug)]
pub(crate) struct Row {
    /// The name of the folder and of the team.
    pub name: String,
    pub folder: PathBuf,
    /// The number in the table.
    pub number: u32,
    pub kind: Kind,
    /// The branch to which a commit is pushed: `main` enters the hidden phase, `public` the public one.
    pub branch: String,
    pub after: Option<After>,
    pub outcome: Outcome,
    /// The stage at which the submission ends.
    pub stage: Stage,
    /// The codes of all errors in their first order, each once.
    pub codes: Vec<String>,
    /// Codes of expected warnings. There may be others.
    pub warnings: Vec<String>,
    /// A part of the report.
    pub message: String,
    /// Parts that the participant must not read.
    pub never: Vec<String>,
    /// The least and the greatest value of the metric on the phase's data.
    pub right: Option<(f64, f64)>,
}

/// Keys whose values may depend on the runtime or the builder.
const RESULT_KEYS: [&str; 5] = ["outcome", "stage", "codes", "warnings", "message"];
/// All other keys except the tables.
const OTHER_KEYS: [&str; 5] = ["row", "kind", "branch", "after", "never"];

/// The folder of this suite.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")
}

/// The whole corpus, sorted by name. A row that cannot be read is an error that names its file.
pub(crate) fn all() -> Vec<Row> {
    let mut names = std::fs::read_dir(here().join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect::<Vec<_>>();
    names.sort();
    names
        .iter()
        .map(|name| {
            let file = here().join("corpus").join(name).join("expected.toml");
            let text = std::fs::read_to_string(&file);
            let text = text.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            parse(name, &text, &[&crate::runtime(), &crate::builder()])
                .unwrap_or_else(|e| panic!("{}: {e}", file.display()))
        })
        .collect()
}

/// Reads an `expected.toml`. `environment` names the runtime and the builder, whose tables replace keys.
fn parse(name: &str, text: &str, environment: &[&str]) -> Result<Row, String> {
    let document: DocumentMut = text.parse().map_err(|e| format!("{e}"))?;
    let mut keys = Keys(document.as_table().clone());
    keys.check_names(&[&RESULT_KEYS[..], &OTHER_KEYS, &["under", "scores"]].concat())?;
    if let Some(under) = keys.table("under")? {
        for (name, item) in under.iter() {
            let other = Keys(item.as_table().ok_or("`under` holds tables")?.clone());
            other.check_names(&RESULT_KEYS)?;
            if environment.contains(&name) {
                keys.0.extend(other.0);
                if keys.text("outcome")? != Outcome::Scored.as_str() {
                    keys.0.remove("scores");
                }
            }
        }
    }
    let row = Row {
        name: name.to_owned(),
        folder: here().join("corpus").join(name),
        number: keys.number("row")?,
        kind: keys.choice("kind", &[("commit", Kind::Commit), ("image", Kind::Image)])?,
        branch: keys.optional("branch")?.unwrap_or("main".into()),
        after: keys.one_of("after", &[("moved", After::Moved), ("deleted", After::Deleted)])?,
        outcome: keys.word("outcome", |t| t.parse().ok())?,
        stage: keys.word("stage", |t| t.parse().ok())?,
        codes: keys.required_list("codes")?,
        warnings: keys.list("warnings")?.unwrap_or_default(),
        message: keys.text("message")?,
        never: keys.list("never")?.unwrap_or_default(),
        right: keys.right()?,
    };
    let number = format!("{:02}-", row.number);
    if !name.starts_with(&number) {
        return Err(format!("the folder's name does not begin with `{number}`"));
    }
    if (row.outcome == Outcome::Scored) != row.right.is_some() {
        return Err("`[scores]` with `right` goes with the outcome `scored`".to_owned());
    }
    Ok(row)
}

/// The keys of a table.
struct Keys(Table);

impl Keys {
    /// An error names the first key that is not known.
    fn check_names(&self, known: &[&str]) -> Result<(), String> {
        let unknown = self.0.iter().find(|(key, _)| !known.contains(key));
        unknown.map_or(Ok(()), |(key, _)| Err(format!("`{key}` is not a known key here")))
    }

    fn table(&self, key: &str) -> Result<Option<Table>, String> {
        let table = |item: &Item| item.as_table().cloned().ok_or(format!("`{key}` is a table"));
        self.0.get(key).map(table).transpose()
    }

    fn optional(&self, key: &str) -> Result<Option<String>, String> {
        let text = |item: &Item| item.as_str().map(str::to_owned);
        let wrong = format!("`{key}` is a text");
        self.0.get(key).map(|i| text(i).filter(|t| !t.is_empty()).ok_or(wrong)).transpose()
    }

    fn text(&self, key: &str) -> Result<String, String> {
        self.optional(key)?.ok_or(format!("`{key}` is missing"))
    }

    fn word<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let text = self.text(key)?;
        parse(&text).ok_or(format!("`{key}` cannot be `{text}`"))
    }

    fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Result<Option<T>, String> {
        if !self.0.contains_key(key) {
            return Ok(None);
        }
        let find = |text: &str| known.iter().find(|(name, _)| *name == text).map(|k| k.1);
        self.word(key, find).map(Some)
    }

    /// One of the known values. The first one is the default.
    fn choice<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Result<T, String> {
        Ok(self.one_of(key, known)?.unwrap_or(known[0].1))
    }

    fn list(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let Some(item) = self.0.get(key) else {
            return Ok(None);
        };
        let texts = item.as_array().map(|list| {
            let texts = list.iter().map(|v| v.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()
        });
        Ok(Some(texts.flatten().ok_or(format!("`{key}` is a list of texts"))?))
    }

    fn required_list(&self, key: &str) -> Result<Vec<String>, String> {
        self.list(key)?.ok_or(format!("`{key}` is missing"))
    }

    fn number(&self, key: &str) -> Result<u32, String> {
        let number = self.0.get(key).ok_or(format!("`{key}` is missing"))?;
        let number = number.as_integer().and_then(|n| u32::try_from(n).ok());
        number.ok_or(format!("`{key}` is a number"))
    }

    fn right(&self) -> Result<Option<(f64, f64)>, String> {
        let Some(scores) = self.table("scores")? else {
            return Ok(None);
        };
        let scores = Self(scores);
        scores.check_names(&["right"])?;
        let bounds = scores.0.get("right").and_then(Item::as_array);
        let bound = |at: usize| bounds.and_then(|b| b.get(at)).and_then(|v| v.as_float());
        match (bound(0), bound(1), bounds.map(|b| b.len())) {
            (Some(least), Some(most), Some(2)) => Ok(Some((least, most))),
            _ => Err("`right` is a list of two numbers, as `[1.0, 1.0]`".to_owned()),
        }
    }
}

/// Copies the files of a row into a fresh clone and commits them, unless `make.py` has made commits itself. Returns the
/// commit's id.
pub(crate) fn commit(row: &Row, copy: &copy::Copy) -> String {
    copy.take(&row.folder);
    let _ = std::fs::remove_file(copy.path.join("make.py"));
    make(row, &copy.path);
    head(&copy.path).unwrap_or_else(|| copy.commit("Our method"))
}

fn head(folder: &Path) -> Option<String> {
    let output =
        Command::new("git").args(["rev-parse", "--quiet", "--verify", "HEAD"]).current_dir(folder).output().unwrap();
    let sha = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| sha.trim().to_owned())
}

/// Runs `make.py` of a row in a folder, if there is one. It makes files that this repository cannot hold.
pub(crate) fn make(row: &Row, folder: &Path) {
    let script = row.folder.join("make.py");
    if !script.exists() {
        return;
    }
    let output = Command::new("python3")
        .arg("-B")
        .arg(&script)
        .current_dir(folder)
        .env("PYTHONPATH", here().join("making"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}/make.py: {}", row.name, String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "row = 7\noutcome = \"rejected\"\nstage = \"admission\"\ncodes = [\"DF021\"]\n\
                        message = \"COPY\"\n";

    fn read(text: &str, runtime: &str) -> Result<Row, String> {
        parse("07-copy", text, &[runtime, "classic"])
    }

    #[test]
    fn a_runtime_may_change_the_result_and_nothing_else() {
        let text = format!("{GOOD}[under.runsc]\nmessage = \"gVisor\"\n");
        assert_eq!(read(&text, "runc").unwrap().message, "COPY");
        assert_eq!(read(&text, "runsc").unwrap().message, "gVisor");
        let text = format!("{GOOD}[under.runsc]\nrow = 8\n");
        let message = read(&text, "runc").unwrap_err();
        assert_eq!(message, "`row` is not a known key here");
    }

    #[test]
    fn a_key_that_is_missing_unknown_or_of_another_type_is_named() {
        let without = |key: &str| {
            let kept = GOOD.lines().filter(|line| !line.starts_with(key));
            kept.collect::<Vec<_>>().join("\n")
        };
        for key in ["row", "outcome", "stage", "codes", "message"] {
            let message = read(&without(key), "runc").unwrap_err();
            assert_eq!(message, format!("`{key}` is missing"));
        }
        for (more, message) in [
            ("mesage = \"x\"", "`mesage` is not a known key here"),
            ("warnings = \"x\"", "`warnings` is a list of texts"),
            ("kind = \"disk\"", "`kind` cannot be `disk`"),
            ("after = 3", "`after` is a text"),
            ("never = [1]", "`never` is a list of texts"),
            ("[scores]\nright = [1.0, 1.0]", "`[scores]` with `right` goes with the outcome `scored`"),
            ("[scores]\nright = [1.0]", "`right` is a list of two numbers, as `[1.0, 1.0]`"),
            ("[scores]\ndice = [1.0]", "`dice` is not a known key here"),
        ] {
            assert_eq!(read(&format!("{GOOD}{more}\n"), "runc").unwrap_err(), message);
        }
        let elsewhere = parse("08-copy", GOOD, &["runc"]).unwrap_err();
        assert_eq!(elsewhere, "the folder's name does not begin with `07-`");
    }
}
