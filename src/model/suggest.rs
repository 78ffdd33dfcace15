//! "Did you mean": finds the known name that is nearest to a mistyped one. Suggests nothing if no name is near.

/// Only this many characters of a name are compared: the cost is the product of the lengths.
const CHARS_MAX: usize = 100;

/// The nearest known name.
///
/// The comparison ignores case. One edit per three characters is allowed, at most three, and always fewer than the
/// known name has characters. An edit inserts, deletes or replaces a character, or swaps two neighbours.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |name: &str| -> String {
        let start = name.chars().take(CHARS_MAX);
        start.flat_map(char::to_lowercase).collect()
    };
    let typed = folded(typed);
    let edits_max = typed.chars().count().div_ceil(3).min(3);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&typed, &folded(name)), name))
        .filter(|(edits, name)| *edits <= edits_max && *edits < name.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// ` Did you mean `x`?` for the end of a sentence, or an empty text.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, known).map_or_else(String::new, |name| format!(" Did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["segmentation", "phase-recognition", "Dockerfile"];
        for (typed, meant) in [
            ("segmentaton", Some("segmentation")),
            ("SEGMENTATION", Some("segmentation")),
            ("segmnetation", Some("segmentation")),
            ("dockerfile", Some("Dockerfile")),
            ("classification", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(did_you_mean("RUNN", ["RUN", "ARG"]), " Did you mean `RUN`?");
    }
}
