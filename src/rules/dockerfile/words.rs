//! `name=value` pairs of ENV, ARG and LABEL, split as the engine splits them.
//!
//! Values are not expanded. A name that is not written out plainly is not a name here.

use super::lines::BLANKS;

/// One pair; quotes and backslashes are still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<&'a str>,
}

/// The pairs of an instruction. `ENV name some value`, the old form, is one pair.
///
/// None when the engine would refuse the text: a word without `=` among pairs, no name before it,
/// or a name alone.
pub(super) fn pairs(text: &str, may_lack_values: bool) -> Option<Vec<Pair<'_>>> {
    let words = split(text);
    let first = words.first()?;
    if !may_lack_values && !first.contains('=') {
        let (name, value) = text.split_once(BLANKS)?;
        return Some(vec![Pair {
            name,
            value: Some(value.trim_matches(BLANKS)),
        }]);
    }
    words
        .into_iter()
        .map(|word| match word.split_once('=') {
            Some(("", _)) => None,
            Some((name, value)) => Some(Pair {
                name,
                value: Some(value),
            }),
            None if may_lack_values => Some(Pair {
                name: word,
                value: None,
            }),
            None => None,
        })
        .collect()
}

/// Whether every quote is closed; the engine refuses a text where one is not.
pub(super) fn is_closed(text: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        (quote, escaped) = step(quote, escaped, c);
    }
    quote.is_none()
}

/// Words between blanks; blanks within quotes or after a backslash do not separate.
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

/// The open quote, and whether the next character is escaped, after one more character.
fn step(quote: Option<char>, escaped: bool, c: char) -> (Option<char>, bool) {
    match (quote, c) {
        _ if escaped => (quote, false),
        // Nothing can be escaped within single quotes.
        (None | Some('"'), '\\') => (quote, true),
        (Some(open), c) if open == c => (None, false),
        (None, '"' | '\'') => (Some(c), false),
        _ => (quote, false),
    }
}

/// Whether this is a variable's name, written out: nothing in it will be expanded or unquoted.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_as_the_engine_does() {
        let names = |text| {
            pairs(text, false).map(|p| {
                p.iter()
                    .map(|p| (p.name, p.value.unwrap()))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            names("A=1 B=\"x y\" C=x\\ y"),
            Some(vec![("A", "1"), ("B", "\"x y\""), ("C", "x\\ y")])
        );
        assert_eq!(names("A some = value"), Some(vec![("A", "some = value")]));
        assert_eq!(names("A=1 B"), None);
        assert_eq!(names("A"), None);
        assert_eq!(names("A=1 ="), None);
        assert_eq!(names("A='x\\' B=2"), Some(vec![("A", "'x\\'"), ("B", "2")]));
        assert_eq!(
            pairs("A B=1", true).unwrap()[0],
            Pair {
                name: "A",
                value: None
            }
        );
    }
}
