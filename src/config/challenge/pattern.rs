//! Patterns of paths in `challenge.toml`. Only their form is checked.

use toml_edit::Value;

use crate::config::values::{ValueResult, parsed};
use crate::model::PathPattern;

/// A relative path in which `{case}` and `*` may appear.
pub(super) fn path_pattern(value: &Value) -> ValueResult<PathPattern> {
    let allowed = "Write a relative path, for example `{case}.png`, without `..` and without empty parts.";
    parsed(allowed, |text| is_path_pattern(text).then(|| PathPattern(text.to_owned())))(value)
}

pub(super) fn is_path_pattern(text: &str) -> bool {
    let valid = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
    text.split('/').all(valid) && !text.replace("{case}", "").contains(['{', '}'])
}
