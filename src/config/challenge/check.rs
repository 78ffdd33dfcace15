//! `[[task.check]]`: what is looked at in outputs before the scorer sees them.
//!
//! Whether inputs fit is asked of the public sample by their names alone; no input is opened.

use std::path::Path;

use toml_edit::Value;

use super::task::paths;
use crate::config::data;
use crate::config::reader::{Section, text_of};
use crate::config::values::{Read, one_of, path, quoted, refused, text, whole};
use crate::model::{
    Contract, ContractMode, ImageFormat, InputSelection, NIFTI_TYPES, OutputCheck, OutputFormat,
    PNG_TYPES, PathPattern, Schema,
};

/// What stands around a check in the file.
pub struct Around<'a> {
    /// Where the file lies.
    pub directory: &'a Path,
    /// The task's contract, if it could be read.
    pub contract: Option<&'a Contract>,
    /// The task's public sample, if it could be read.
    pub sample: Option<&'a Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Csv,
    Json,
    Nifti,
}

const KINDS: [(&str, Kind); 4] = [
    ("png", Kind::Png),
    ("csv", Kind::Csv),
    ("json", Kind::Json),
    ("nifti", Kind::Nifti),
];

/// Keys that mean something for some formats only.
const FITS: [(&str, &[Kind]); 6] = [
    ("size-of", &[Kind::Png, Kind::Nifti]),
    ("types", &[Kind::Png, Kind::Nifti]),
    ("columns", &[Kind::Csv]),
    ("rows-for", &[Kind::Csv]),
    ("schema", &[Kind::Json]),
    ("keys-for", &[Kind::Json]),
];

/// The keys that `every` thins out.
const EVERY_OF: [&str; 3] = ["one-for", "rows-for", "keys-for"];

/// Reads one check.
pub fn read(s: &Section<'_>, around: &Around<'_>) -> Option<OutputCheck> {
    let files = s.required("files", paths);
    let kind = s.required("is", one_of(&KINDS));
    let size_of = s.optional("size-of", paths);
    let types = s.list("types", |value| type_name(value, kind));
    let columns = s.list("columns", text);
    let schema = s.optional("schema", path(around.directory));
    let schema = schema.and_then(|file| schema_at(s, &file));
    let every = s.optional("every", whole(1, 1_000_000));
    let [one_for, rows_for, keys_for] = EVERY_OF.map(|key| {
        let pattern = s.optional(key, paths)?;
        Some(InputSelection {
            pattern,
            every: every.unwrap_or(1),
        })
    });
    let (files, kind) = (files?, kind?);
    misfits(s, kind);
    if columns.as_ref().is_some_and(Vec::is_empty) {
        s.bad(
            "columns",
            "`columns` is empty.",
            "Name the columns, or remove the key.",
        );
    }
    if types.as_ref().is_some_and(Vec::is_empty) {
        s.bad(
            "types",
            "`types` is empty.",
            "Name a type, or remove the key.",
        );
    }
    let grid = ImageFormat {
        size_of,
        types: types.unwrap_or_default(),
    };
    let check = OutputCheck {
        files,
        one_for,
        format: match kind {
            Kind::Png => OutputFormat::Png(grid),
            Kind::Nifti => OutputFormat::Nifti(grid),
            Kind::Csv => OutputFormat::Csv { columns, rows_for },
            Kind::Json => OutputFormat::Json { schema, keys_for },
        },
    };
    check_files(s, &check, around.contract);
    check_stars(s, &check);
    check_sample(s, &check, around.sample);
    Some(check)
}

fn type_name(value: &Value, kind: Option<Kind>) -> Read<&'static str> {
    let name = text(value)?;
    let known: Vec<&'static str> = match kind {
        Some(Kind::Nifti) => NIFTI_TYPES.map(|(name, ..)| name).to_vec(),
        _ => PNG_TYPES.map(|(name, ..)| name).to_vec(),
    };
    match known.iter().find(|known| **known == name) {
        Some(found) => Ok(*found),
        None => refused(
            format!("cannot hold {}", quoted(&name)),
            format!("Write some of {}.", list(&known)),
        ),
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn schema_at(s: &Section<'_>, file: &Path) -> Option<Schema> {
    let name = file.display();
    if !file.is_file() {
        let message = format!("There is no file `{name}`.");
        s.absent("schema", message, "Add it, or correct `schema`.");
        return None;
    }
    let text = match text_of(file) {
        Ok(text) => text,
        Err(findings) => {
            s.add(findings);
            return None;
        }
    };
    let read = serde_json::from_str(&text).map_err(|e| format!("`{name}` is not JSON: {e}."));
    let schema = read.and_then(|value| {
        Schema::new(value).map_err(|why| format!("`{name}` is no JSON schema: {why}."))
    });
    schema
        .map_err(|message| {
            let help = "Correct the file; all of the schema must be in it.";
            s.bad("schema", message, help);
        })
        .ok()
}

fn misfits(s: &Section<'_>, kind: Kind) {
    let word = |kind: Kind| {
        KINDS
            .iter()
            .find(|(_, k)| *k == kind)
            .map_or("", |(w, _)| *w)
    };
    for (key, kinds) in FITS {
        if s.has(key) && !kinds.contains(&kind) {
            let fits: Vec<&str> = kinds.iter().map(|kind| word(*kind)).collect();
            s.contradiction(
                key,
                format!("`{key}` means nothing for `{}`.", word(kind)),
                format!("Remove it, or correct `is`: it is for {}.", list(&fits)),
            );
        }
    }
    if s.has("every") && !EVERY_OF.into_iter().any(|key| s.has(key)) {
        s.contradiction(
            "every",
            "`every` says of no inputs which of them count.",
            format!("Remove it, or add one of {}.", list(&EVERY_OF)),
        );
    }
}

/// The files of a check are outputs that the contract asks for.
fn check_files(s: &Section<'_>, check: &OutputCheck, contract: Option<&Contract>) {
    let Some(contract) = contract else { return };
    if !contract.expect.contains(&check.files) {
        let all: Vec<&str> = contract.expect.iter().map(|e| e.0.as_str()).collect();
        s.contradiction(
            "files",
            format!("`{}` is not in `expect`.", check.files),
            format!("Write {}, just as it is there.", list(&all)),
        );
    }
    let shared = contract.mode == ContractMode::WholeSet && !check.files.names_case();
    for (key, inputs) in check.inputs() {
        if shared && key == "size-of" && inputs.pattern.names_case() {
            s.contradiction(
                key,
                format!(
                    "`{}` is one file for all cases, `{}` another for each.",
                    check.files, inputs.pattern
                ),
                "Leave `size-of` out, or put `{case}` into `files`.",
            );
        }
    }
}

/// Stars of inputs stand for what those of outputs stand for, in their order.
fn check_stars(s: &Section<'_>, check: &OutputCheck) {
    let mine = check.files.stars();
    let stars = |n: usize| format!("{n} {}", if n == 1 { "star" } else { "stars" });
    for (key, inputs) in check.inputs() {
        let pattern: &PathPattern = &inputs.pattern;
        let theirs = pattern.stars();
        let fits = match key {
            "one-for" => theirs == mine,
            "size-of" => theirs == mine || theirs == 0,
            _ => true,
        };
        if !fits {
            s.contradiction(
                key,
                format!(
                    "`{pattern}` has {}, `files` has {}.",
                    stars(theirs),
                    stars(mine)
                ),
                "Write as many: each stands for the same text in both, in their order.",
            );
        }
        if inputs.every > 1 && theirs == 0 {
            s.contradiction(
                "every",
                format!("`{pattern}` has no star, so no number that `every` could go by."),
                "Put a `*` in the place of the number.",
            );
        }
    }
}

/// What the check looks at is in the sample, for each case.
fn check_sample(s: &Section<'_>, check: &OutputCheck, sample: Option<&Path>) {
    let Some(sample) = sample else { return };
    let inputs = data::inputs_of_sample(sample);
    // Where there are no cases, that is told already.
    let cases = data::cases(&inputs).unwrap_or_default();
    for (key, message) in data::misses(&inputs, check, &cases) {
        s.absent(
            key,
            format!("{message} The sample is in `{}`.", inputs.display()),
            "Correct it: a path within the inputs, with `*` for what differs.",
        );
    }
}
