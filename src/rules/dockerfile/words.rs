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

/// Words between blanks; blanks within quotes or after a backslash do not separate.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote, mut escaped) = (None, None, false);
    for (i, c) in text.char_indices() {
        if start.is_none() && !BLANKS.contains(&c) {
            start = Some(i);
        }
        match (quote, c) {
            _ if escaped => escaped = false,
            // Nothing can be escaped within single quotes.
            (None | Some('"'), '\\') => escaped = true,
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if BLANKS.contains(&c) => {
                words.extend(start.take().map(|s| &text[s..i]));
            }
            (None, _) => {}
        }
    }
    words.extend(start.map(|s| &text[s..]));
    words
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
