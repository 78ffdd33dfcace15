//! Texts: the characters that may be shown, and counted nouns. Knows no markup.

use std::fmt::Display;

/// `1 team`, `2 teams`
pub fn counted(n: impl Copy + Display + PartialEq + From<u8>, noun: &str) -> String {
    let plural = if n == 1.into() { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// Whether a character may be shown. Control characters, invisible characters and changes of the writing direction
/// may not.
pub fn is_visible(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}'                    // soft hyphen
        | '\u{34f}'                 // combining grapheme joiner
        | '\u{61c}'                 // Arabic letter direction
        | '\u{115f}' | '\u{1160}'   // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'   // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'   // Mongolian selectors
        | '\u{200b}'..='\u{200f}'   // zero width, direction of writing
        | '\u{2028}'..='\u{202e}'   // line and paragraph separators, embeddings, overrides
        | '\u{2060}'..='\u{206f}'   // word joiner, isolates, deprecated controls
        | '\u{3164}' | '\u{ffa0}'   // Hangul fillers
        | '\u{fe00}'..='\u{fe0f}'   // variation selectors
        | '\u{feff}'                // byte order mark
        | '\u{fff0}'..='\u{fffb}'   // unassigned, interlinear annotation
        | '\u{1bca0}'..='\u{1bca3}' // shorthand controls
        | '\u{1d173}'..='\u{1d17a}' // musical controls
        | '\u{e0000}'..='\u{e0fff}' // tags, more variation selectors
    );
    !c.is_control() && !invisible
}
