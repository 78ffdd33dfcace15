//! Splits the `name=value` pairs of ENV, ARG and LABEL as the engine does. Values are not expanded.

use super::lines::BLANKS;

/// Quotes and backslashes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<&'a str>,
}

/// The pairs of an instruction. The old form `ENV name some value` is one pair.
///
/// `None` if the engine would refuse the text: a word without `=` among pairs, an empty name, or a name without a
/// value.
pub(super) fn pairs(text: &str, may_lack_values: bool) -> Option<Vec<Pair<'_>>> {
    let words = split(text);
    let first = words.first()?;
    if !may_lack_values && !first.contains('=') {
        let (name, value) = text.split_once(BLANKS)?;
        return Some(vec![Pair { name, value: Some(value.trim_matches(BLANKS)) }]);
    }
    words
        .into_iter()
        .map(|word| match word.split_once('=') {
            Some(("", _)) => None,
            Some((name, value)) => Some(Pair { name, value: Some(value) }),
            None if may_lack_values => Some(Pair { name: word, value: None }),
            None => None,
        })
        .collect()
}

/// Whether every quote is closed. The engine refuses a text with an open quote.
pub(super) fn is_closed(text: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        (quote, escaped) = step(quote, escaped, c);
    }
    quote.is_none()
}

/// Splits at blanks, except within quotes and after a backslash.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut escaped) = (None, None, false);
    for (i, c) in text.char_indices() {
        if start.is_none() && !BLANKS.contains(&c) {
            start = Some(i);
        }
        if quote.is_none() && !escaped && BLANKS.contains(&c) {
            words.extend(start.take().map(|s| &text[s..i]));
        }
        (quote, escaped) = step(quote, escaped, c);
    }
    words.extend(start.map(|s| &text[s..]));
    words
}

/// Reads one character. Returns the open quote, and whether the next character is escaped.
fn step(quote: Option<char>, escaped: bool, c: char) -> (Option<char>, bool) {
    match (quote, c) {
        _ if escaped => (quote, false),
        // Single quotes allow no escapes.
        (None | Some('"'), '\\') => (quote, true),
        (Some(open), c) if open == c => (None, false),
        (None, '"' | '\'') => (Some(c), false),
        _ => (quote, false),
    }
}

/// Whether this is the plain name of a variable, which the engine neither expands nor unquotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_as_the_engine_does() {
        let names = |text| pairs(text, false).map(|p| p.iter().map(|p| (p.name, p.value.unwrap())).collect::<Vec<_>>());
        assert_eq!(names("A=1 B=\"x y\" C=x\\ y"), Some(vec![("A", "1"), ("B", "\"x y\""), ("C", "x\\ y")]));
        assert_eq!(names("A some = value"), Some(vec![("A", "some = value")]));
        assert_eq!(names("A=1 B"), None);
        assert_eq!(names("A"), None);
        assert_eq!(names("A=1 ="), None);
        assert_eq!(names("A='x\\' B=2"), Some(vec![("A", "'x\\'"), ("B", "2")]));
        assert_eq!(pairs("A B=1", true).unwrap()[0], Pair { name: "A", value: None });
    }
}
