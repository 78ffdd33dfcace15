//! Colours, display widths and line breaks of texts for terminals.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The width of a report.
pub const COLUMNS: usize = 100;

/// Whether a text has escape sequences for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For files, notes and pipes.
    Plain,
    /// For terminals.
    Colour,
}

/// A colour of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Red,
    Yellow,
    Green,
    Blue,
    Grey,
}

impl Style {
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Red => "1;31",
            Paint::Yellow => "1;33",
            Paint::Green => "32",
            Paint::Blue => "1;34",
            Paint::Grey => "2",
        };
        self.code(code, text)
    }

    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// The text in grey.
    pub fn faint(self, text: &str) -> String {
        self.paint(Paint::Grey, text)
    }

    fn code(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// Breaks a line at spaces so that it is at most `columns` wide. Further lines are indented by `hang`.
///
/// A word that is too long is broken, unless the line contains an address. Spaces at the start are kept.
pub fn wrap(line: &str, columns: usize, hang: &str) -> String {
    let text = line.trim_start_matches(' ');
    let options = Options::new(columns)
        .initial_indent(&line[..line.len() - text.len()])
        .subsequent_indent(hang)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(!text.contains("://"));
    textwrap::fill(text, options)
}

/// The columns that a text takes on a terminal. East Asian characters take two.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text followed by spaces up to the width.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The start of a text that is wider than `columns`, without the `…` that must follow it. `None` if the whole text
/// fits.
pub(super) fn start_within(text: &str, columns: usize) -> Option<&str> {
    if width(text) <= columns {
        return None;
    }
    let mut taken = 1; // for `…`
    let end = text.char_indices().find(|(_, c)| {
        taken += c.width().unwrap_or(0);
        taken > columns
    });
    Some(&text[..end.map_or(text.len(), |(at, _)| at)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_at_spaces_and_addresses_stay_whole() {
        assert_eq!(wrap("one two three", 7, "  "), "one two\n  three");
        assert_eq!(wrap("short", 10, ""), "short");
        assert_eq!(wrap("  abcdefgh", 6, "    "), "  abcd\n    ef\n    gh");
        let address = format!("see https://{} now", "x".repeat(40));
        assert_eq!(wrap(&address, 20, "").lines().nth(1), Some(&address[4..address.len() - 4]));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(wrap("細胞 細胞", 5, ""), "細胞\n細胞");
        assert_eq!(start_within("細胞細胞", 5), Some("細胞"));
        assert_eq!(start_within("細胞", 4), None);
        assert_eq!(padded("細", 3), "細 ");
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_letter_and_keeps_the_width(line in "[a-zäö細 ]{0,200}", columns in 20usize..60) {
            let wrapped = wrap(&line, columns, "  ");
            let letters = |t: &str| t.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            prop_assert_eq!(letters(&wrapped), letters(&line));
            for l in wrapped.lines() {
                prop_assert!(width(l.trim_end()) <= columns, "{:?}", l);
            }
        }
    }
}
