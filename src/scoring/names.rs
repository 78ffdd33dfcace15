//! Names in messages: shortened, listed, and compared with the names that were probably meant.

use crate::model::limits;
use crate::model::text::is_visible;

/// A text of the scorer for a message: short, on one line, in backquotes.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = clean(text, limits::SLUG_CHARS_MAX).replace('`', "'");
    if text.chars().count() > limits::SLUG_CHARS_MAX {
        short.push('…');
    }
    format!("`{short}`")
}

/// The first `chars_max` characters. Spaces replace invisible characters and changes of the writing direction.
pub(super) fn clean(text: &str, chars_max: usize) -> String {
    let visible = |c: char| if is_visible(c) { c } else { ' ' };
    text.chars().take(chars_max).map(visible).collect()
}

/// `` `a`, `b` and 7 more ``.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let listed_max = limits::NAMES_LISTED_MAX;
    let quoted: Vec<String> = names.iter().take(listed_max).map(|n| quoted(n)).collect();
    match names.len().saturating_sub(listed_max) {
        0 => quoted.join(", "),
        more => format!("{} and {more} more", quoted.join(", ")),
    }
}

/// Whether `given` was probably meant to be `declared`. Case and punctuation may differ, and one character may be
/// mistyped (two in names of more than five characters).
pub(super) fn looks_like(given: &str, declared: &str) -> bool {
    let bare = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    // No declared name is longer than this, and the comparison costs the product of the lengths.
    if given.len() > 2 * limits::SLUG_CHARS_MAX {
        return false;
    }
    let (given, declared) = (bare(given), bare(declared));
    let characters = declared.chars().count();
    let edits_max = if characters > 5 { 2 } else { 1 };
    given == declared || (characters > 2 && strsim::levenshtein(&given, &declared) <= edits_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_hold_no_invisible_characters() {
        assert_eq!(quoted("\u{202e}c\u{200b}`1\n"), "` c '1 `");
    }

    #[test]
    fn mistyped_names_are_recognised_and_other_metrics_are_not() {
        for (given, declared) in [("Dice", "dice"), ("hd_95", "hd95"), ("dise", "dice"), ("presicion", "precision")] {
            assert!(looks_like(given, declared), "{given} {declared}");
        }
        for (given, declared) in [("dsc", "dice"), ("f1", "f2"), ("hd95", "dice"), ("", "f1")] {
            assert!(!looks_like(given, declared), "{given} {declared}");
        }
    }

    #[test]
    fn lists_stay_short() {
        let names: Vec<String> = (0..12).map(|i| format!("n{i}")).collect();
        let text = listed(names.iter().map(String::as_str));
        assert!(text.ends_with("`n9` and 2 more"), "{text}");
        assert_eq!(listed(["a\nb`c"]), "`a b'c`");
    }
}
