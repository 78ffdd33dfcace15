//! Names in sentences: shortened, listed, and compared with what was probably meant.

use crate::model::limits;
use crate::model::text::is_visible;

/// A text of the scorer as a sentence may hold it: short, in one line, in backquotes.
pub fn quoted(text: &str) -> String {
    let mut shown: String = clean(text, limits::SLUG_CHARS_MAX).replace('`', "'");
    if text.chars().count() > limits::SLUG_CHARS_MAX {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// At most `most` characters; blanks in the place of those that cannot be seen, or turn a line around.
pub fn clean(text: &str, most: usize) -> String {
    let plain = |c: char| if is_visible(c) { c } else { ' ' };
    text.chars().take(most).map(plain).collect()
}

/// `` `a`, `b` and 7 more ``.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let most = limits::NAMES_LISTED_MAX;
    let shown: Vec<String> = names.iter().take(most).map(|n| quoted(n)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether `given` was probably meant to be `declared`: the same but for case and punctuation, or
/// one slip of the finger (two in names of more than five characters).
pub fn looks_like(given: &str, declared: &str) -> bool {
    let bare = |text: &str| -> Vec<char> {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    // No declared name is longer than this, and the comparison costs the product of the lengths.
    if given.len() > 2 * limits::SLUG_CHARS_MAX {
        return false;
    }
    let (given, declared) = (bare(given), bare(declared));
    let slips = if declared.len() > 5 { 2 } else { 1 };
    given == declared || (declared.len() > 2 && distance(&given, &declared) <= slips)
}

/// Levenshtein distance: insertions, deletions and replacements of characters.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != y);
            row.push(replaced.min(above[j + 1] + 1).min(row[j] + 1));
        }
        above = row;
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_sentence_is_invisible() {
        assert_eq!(quoted("\u{202e}c\u{200b}`1\n"), "` c '1 `");
    }

    #[test]
    fn slips_are_recognised_and_other_metrics_are_not() {
        for (given, declared) in [
            ("Dice", "dice"),
            ("hd_95", "hd95"),
            ("dise", "dice"),
            ("presicion", "precision"),
        ] {
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
