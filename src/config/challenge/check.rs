//! `[[task.check]]`: the checks of outputs before the scorer reads them.
//!
//! Whether a pattern selects inputs is checked with the names in the public sample. No input is opened.

use std::path::Path;

use strum::{IntoStaticStr, VariantArray};
use toml_edit::Value;

use super::pattern::path_pattern;
use crate::config::data;
use crate::config::reader::{Section, read_file};
use crate::config::values::{ValueResult, integer, invalid, number, path, quoted, text, word};
use crate::model::text::counted;
use crate::model::{
    Contract, ContractMode, ImageFormat, InputSelection, NIFTI_TYPES, OutputCheck, OutputFormat, PNG_TYPES,
    PathPattern, Schema, SpaceCheck, limits,
};

/// The parts of the task and of the file that a check depends on.
pub(super) struct CheckContext<'a> {
    /// The directory of `challenge.toml`.
    pub directory: &'a Path,
    /// `None` if the contract could not be read.
    pub contract: Option<&'a Contract>,
    /// `None` if the path of the sample could not be read.
    pub sample: Option<&'a Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
enum Kind {
    Png,
    Csv,
    Json,
    Nifti,
}

impl Kind {
    fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Keys that exist for some formats only.
const KEYS_OF_KINDS: [(&str, &[Kind]); 8] = [
    ("size-of", &[Kind::Png, Kind::Nifti]),
    ("space-of", &[Kind::Nifti]),
    ("space-tolerance", &[Kind::Nifti]),
    ("types", &[Kind::Png, Kind::Nifti]),
    ("columns", &[Kind::Csv]),
    ("rows-for", &[Kind::Csv]),
    ("schema", &[Kind::Json]),
    ("keys-for", &[Kind::Json]),
];

/// The keys whose inputs `every` reduces.
const KEYS_WITH_EVERY: [&str; 3] = ["one-for", "rows-for", "keys-for"];

/// Reads one `[[task.check]]`.
pub(super) fn check(s: &Section<'_>, context: &CheckContext<'_>) -> Option<OutputCheck> {
    let files = s.required("files", path_pattern);
    let kind = s.required("is", word::<Kind>);
    let size_of = s.optional("size-of", path_pattern);
    let space_of = s.optional("space-of", path_pattern);
    let tolerance = s.optional("space-tolerance", number(0.0, 1000.0));
    let types = s.list("types", |value| type_name(value, kind));
    let columns = s.list("columns", text);
    let schema = s.optional("schema", path(context.directory));
    let schema = schema.and_then(|file| read_schema(s, &file));
    let every = s.optional("every", integer(1, 1_000_000));
    let [one_for, rows_for, keys_for] = KEYS_WITH_EVERY.map(|key| {
        let pattern = s.optional(key, path_pattern)?;
        Some(InputSelection { pattern, every: every.unwrap_or(1) })
    });
    let (files, kind) = (files?, kind?);
    check_keys(s, kind);
    if columns.as_ref().is_some_and(Vec::is_empty) {
        let help = "List the columns, or remove the key.";
        s.invalid("columns", "`columns` is empty.", help);
    }
    if types.as_ref().is_some_and(Vec::is_empty) {
        let help = "List at least one type, or remove the key.";
        s.invalid("types", "`types` is empty.", help);
    }
    if tolerance.is_some() && space_of.is_none() {
        let help = "Add `space-of`, or remove the key.";
        s.contradiction("space-tolerance", "`space-tolerance` has no effect without `space-of`.", help);
    }
    let space_of = space_of.map(|input| SpaceCheck { input, tolerance: tolerance.unwrap_or(limits::SPACE_TOLERANCE) });
    let image = ImageFormat { size_of, space_of, types: types.unwrap_or_default() };
    let check = OutputCheck {
        files,
        one_for,
        format: match kind {
            Kind::Png => OutputFormat::Png(image),
            Kind::Nifti => OutputFormat::Nifti(image),
            Kind::Csv => OutputFormat::Csv { columns, rows_for },
            Kind::Json => OutputFormat::Json { schema, keys_for },
        },
    };
    check_files(s, &check, context.contract);
    check_stars(s, &check);
    check_sample(s, &check, context.sample);
    Some(check)
}

fn type_name(value: &Value, kind: Option<Kind>) -> ValueResult<&'static str> {
    let name = text(value)?;
    let known: Vec<&'static str> = match kind {
        Some(Kind::Nifti) => NIFTI_TYPES.map(|(name, ..)| name).to_vec(),
        _ => PNG_TYPES.map(|(name, ..)| name).to_vec(),
    };
    match known.iter().find(|known| **known == name) {
        Some(found) => Ok(*found),
        None => invalid(format!("cannot contain {}", quoted(&name)), format!("Use any of {}.", list(&known))),
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn read_schema(s: &Section<'_>, file: &Path) -> Option<Schema> {
    let name = file.display();
    if !file.is_file() {
        let message = format!("The file `{name}` does not exist.");
        s.path_missing("schema", message, "Create it, or correct `schema`.");
        return None;
    }
    let text = match read_file(file) {
        Ok(text) => text,
        Err(findings) => {
            s.add(findings);
            return None;
        }
    };
    let read = serde_json::from_str(&text).map_err(|e| format!("`{name}` is not JSON: {e}."));
    let schema =
        read.and_then(|value| Schema::new(value).map_err(|e| format!("`{name}` is not a valid JSON schema: {e}.")));
    schema
        .map_err(|message| {
            let help = "Correct the file. It must hold the complete schema.";
            s.invalid("schema", message, help);
        })
        .ok()
}

/// Reports keys that do not exist for this format, and `every` without a key that it belongs to.
fn check_keys(s: &Section<'_>, kind: Kind) {
    for (key, kinds) in KEYS_OF_KINDS {
        if s.has(key) && !kinds.contains(&kind) {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            s.contradiction(
                key,
                format!("`{key}` does not apply to `{}`.", kind.as_str()),
                format!("Remove it, or correct `is`. The key applies to {}.", list(&kinds)),
            );
        }
    }
    if s.has("every") && !KEYS_WITH_EVERY.into_iter().any(|key| s.has(key)) {
        s.contradiction(
            "every",
            "`every` has no effect without a key that selects inputs.",
            format!("Remove it, or add one of {}.", list(&KEYS_WITH_EVERY)),
        );
    }
}

/// The files of a check must be outputs that the contract expects.
fn check_files(s: &Section<'_>, check: &OutputCheck, contract: Option<&Contract>) {
    let Some(contract) = contract else { return };
    if !contract.expect.contains(&check.files) {
        let all: Vec<&str> = contract.expect.iter().map(|e| e.0.as_str()).collect();
        s.contradiction(
            "files",
            format!("`{}` is not in `expect`.", check.files),
            format!("Write {}, exactly as in `expect`.", list(&all)),
        );
    }
    let shared = contract.mode == ContractMode::WholeSet && !check.files.names_case();
    for (key, inputs) in check.inputs() {
        if shared && matches!(key, "size-of" | "space-of") && inputs.pattern.names_case() {
            s.contradiction(
                key,
                format!("`{}` is one file for all cases, but `{}` is one file per case.", check.files, inputs.pattern),
                format!("Remove `{key}`, or add `{{case}}` to `files`."),
            );
        }
    }
}

/// The stars in a pattern of inputs match the same texts as the stars in `files`, in order.
fn check_stars(s: &Section<'_>, check: &OutputCheck) {
    let output_stars = check.files.stars();
    for (key, inputs) in check.inputs() {
        let pattern: &PathPattern = &inputs.pattern;
        let input_stars = pattern.stars();
        let consistent = match key {
            "one-for" => input_stars == output_stars,
            "size-of" | "space-of" => input_stars == output_stars || input_stars == 0,
            _ => true,
        };
        if !consistent {
            s.contradiction(
                key,
                format!(
                    "`{pattern}` has {}, but `files` has {}.",
                    counted(input_stars, "wildcard"),
                    counted(output_stars, "wildcard")
                ),
                "Write the same number of `*`. Each matches the same text in both patterns, in order.",
            );
        }
        if inputs.every > 1 && input_stars == 0 {
            s.contradiction(
                "every",
                format!("`{pattern}` has no `*`, so there is no number for `every` to use."),
                "Write `*` instead of the number.",
            );
        }
    }
}

/// Each case of the sample must have the inputs that the check selects.
fn check_sample(s: &Section<'_>, check: &OutputCheck, sample: Option<&Path>) {
    let Some(sample) = sample else { return };
    let inputs = data::inputs_of_sample(sample);
    // A sample without cases is reported elsewhere.
    let cases: Vec<_> = data::cases(&inputs).unwrap_or_default().into_iter().map(|case| case.id).collect();
    for missing in data::InputListing::new(&inputs).missing(check, &cases) {
        s.path_missing(
            missing.key,
            format!("{} The sample is in `{}`.", missing.message, inputs.display()),
            "Correct the pattern: a path within the inputs, with `*` for the parts that differ.",
        );
    }
}
