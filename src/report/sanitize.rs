//! Makes texts of participants safe to display: removes control characters, escape sequences, invisible characters and
//! changes of the writing direction.
//!
//! HTML and Markdown have other special characters, which their renderers escape.

use crate::model::text::is_visible;

/// The text without control characters (except newline and tab), terminal escape sequences, bidirectional controls and
/// zero-width characters. `\r\n` and a single `\r` become newlines.
pub fn text(dirty: &str) -> String {
    let mut clean = String::with_capacity(dirty.len());
    let mut rest = dirty.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            // The same sequences, started by one character of the C1 set.
            '\u{9b}' => skip_csi(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            _ if is_visible(c) => clean.push(c),
            _ => {}
        }
    }
    clean
}

/// [`text`] on one line. Newlines, tabs and runs of spaces become one space.
pub fn line(dirty: &str) -> String {
    let clean = text(dirty);
    let words: Vec<&str> = clean.split_whitespace().collect();
    words.join(" ")
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips the rest of a sequence after `ESC`: parameters, a string, a designation, or one character.
fn skip_escape(rest: &mut Chars<'_>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_csi(rest);
        }
        Some('P' | 'X' | ']' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(' '..='/') => {
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            rest.next();
        }
        _ => {}
    }
}

/// Skips parameters and one final character. The sequence may be incomplete.
fn skip_csi(rest: &mut Chars<'_>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// Skips to the terminator or to the end of the line, so that an endless string cannot hide a log.
fn skip_string(rest: &mut Chars<'_>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if rest.peek() == Some(&'\\') => {
                rest.next();
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_are_removed_and_other_text_is_kept() {
        for (dirty, clean) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[1;1Hhome", "home"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]0;never ends\nnext line", "\nnext line"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}(Bplain\u{1b}7", "plain"),
            ("end\u{1b}", "end"),
            ("end\u{1b}[12;", "end"),
        ] {
            assert_eq!(text(dirty), clean, "{dirty:?}");
        }
    }

    #[test]
    fn invisible_and_reordering_characters_are_removed() {
        assert_eq!(text("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{0}f\u{7f}g"), "abcdefg");
        assert_eq!(text("tab\there\r\nline\rover"), "tab\there\nline\nover");
        assert_eq!(text("größer als 5 µm ✓ 細胞"), "größer als 5 µm ✓ 細胞");
        assert_eq!(line(" a \n\t b  c\u{200b} "), "a b c");
    }

    proptest! {
            #[test]
            fn the_result_is_visible_and_a_second_call_changes_nothing(dirty in any::<String>()) {
                let clean = text(&dirty);
                prop_assert!(clean.chars().all(|c| matches!(c, '\n' | '\t') || is_visible(c)));
                prop_assert_eq!(text(&clean), clean);
            }

            #[test]
            fn plain_words_are_unchanged(words in "[a-z ]{0,40}") {
                prop_assert_eq!(text(&words), words);
            }

            #[test]
            fn escape_sequences_of_any_shape_leave_no_escape(tail in "[\\x1b\\[\\]P0-9;?a-zA-Z\\\\\u{7}\n ]{0,40}") {
    let dirty = format!("\u{1b}{tail}");
                prop_assert!(!text(&dirty).contains(char::from(27)));
            }
        }
}
