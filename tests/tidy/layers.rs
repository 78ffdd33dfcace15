//! Splits a text into its code, its comments and its literals, so that each check reads one of them alone.
//!
//! It knows the comments and quotes of each language and nothing else of its grammar.

/// A language by its comments and quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Sql,
    Toml,
    JavaScript,
    Css,
    /// Everything but comments is a literal: quotes in here-documents do not pair.
    Shell,
    /// Text is a comment, code is a literal.
    Markdown,
}

impl Language {
    /// The language of a file by its extension. `None` for files that no check reads.
    pub(crate) fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit_once('.')?.1 {
            "rs" => Self::Rust,
            "sql" => Self::Sql,
            "toml" => Self::Toml,
            "js" => Self::JavaScript,
            "css" => Self::Css,
            "sh" => Self::Shell,
            "md" => Self::Markdown,
            _ => return None,
        })
    }

    fn line_comment(self) -> Option<&'static str> {
        match self {
            Self::Rust | Self::JavaScript => Some("//"),
            Self::Sql => Some("--"),
            Self::Toml | Self::Shell => Some("#"),
            Self::Css | Self::Markdown => None,
        }
    }

    fn has_block_comments(self) -> bool {
        matches!(self, Self::Rust | Self::JavaScript | Self::Css)
    }

    /// Quotes that open and close a literal, the longest first.
    fn quotes(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["\""],
            Self::Sql => &["'"],
            Self::Toml => &["\"\"\"", "'''", "\"", "'"],
            Self::JavaScript => &["\"", "'", "`"],
            Self::Css => &["\"", "'"],
            Self::Shell => &[],
            Self::Markdown => &["```", "``", "`"],
        }
    }

    /// The layer of text that is neither a comment nor quoted.
    fn remainder(self) -> Kind {
        match self {
            Self::Shell => Kind::Literal,
            Self::Markdown => Kind::Comment,
            _ => Kind::Code,
        }
    }
}

/// One text in three layers of the same shape. Characters of other layers are blanks, line ends stay.
pub(crate) struct Layers {
    pub code: String,
    pub comments: String,
    pub literals: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Layers {
    pub(crate) fn new(language: Language, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut layers = Self { code: String::new(), comments: String::new(), literals: String::new() };
        let mut at = 0;
        while at < chars.len() {
            let (end, kind) = token(language, &chars, at);
            for &c in &chars[at..end] {
                let blank = if c == '\n' { '\n' } else { ' ' };
                let only = |wanted| if kind == wanted { c } else { blank };
                layers.code.push(only(Kind::Code));
                layers.comments.push(only(Kind::Comment));
                layers.literals.push(only(Kind::Literal));
            }
            at = end;
        }
        layers
    }
}

/// The end and the kind of the token that begins at a character.
fn token(language: Language, chars: &[char], at: usize) -> (usize, Kind) {
    let starts = |prefix: &str| {
        let mut rest = chars[at..].iter();
        prefix.chars().all(|c| rest.next() == Some(&c))
    };
    let after_word = at > 0 && is_word(chars[at - 1]);
    let after_space = at == 0 || chars[at - 1].is_whitespace();
    if language.line_comment().is_some_and(starts) && (language != Language::Shell || after_space) {
        return (line_end(chars, at), Kind::Comment);
    }
    if language.has_block_comments() && starts("/*") {
        return (block_end(chars, at, language), Kind::Comment);
    }
    if language == Language::Rust {
        if chars[at] == 'r' && !after_word && raw_hashes(chars, at).is_some() {
            return (raw_end(chars, at), Kind::Literal);
        }
        if let Some(end) = char_end(chars, at) {
            return (end, Kind::Literal);
        }
    }
    let mut quotes = language.quotes().iter();
    match quotes.find(|quote| starts(quote)) {
        Some(quote) => (string_end(chars, at, quote, language), Kind::Literal),
        None => (at + 1, language.remainder()),
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_end(chars: &[char], at: usize) -> usize {
    let rest = chars[at..].iter().position(|c| *c == '\n');
    rest.map_or(chars.len(), |n| at + n)
}

/// The end of a block comment. Those of Rust nest.
fn block_end(chars: &[char], mut at: usize, language: Language) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) if depth == 0 || language == Language::Rust => {
                (depth, at) = (depth + 1, at + 2);
            }
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// The end of a quoted text. In Markdown and SQL a backslash escapes nothing. A code span of Markdown ends with its
/// paragraph, closed or not.
fn string_end(chars: &[char], at: usize, quote: &str, language: Language) -> usize {
    let quote: Vec<char> = quote.chars().collect();
    let escapes = !matches!(language, Language::Markdown | Language::Sql) && quote[0] != '\'';
    let mut end = at + quote.len();
    while end < chars.len() {
        match chars[end] {
            '\\' if escapes || language == Language::JavaScript => end += 2,
            '\n' if language == Language::Markdown && quote.len() < 3 && chars.get(end + 1) == Some(&'\n') => {
                return end;
            }
            _ if chars[end..].starts_with(&quote) => return end + quote.len(),
            _ => end += 1,
        }
    }
    chars.len()
}

/// The end of a character literal. A lifetime has no closing quote after its first letter.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    if chars[at] != '\'' {
        return None;
    }
    match (chars.get(at + 1)?, chars.get(at + 2)) {
        ('\\', _) => {
            let rest = chars.iter().skip(at + 3).position(|c| *c == '\'');
            Some(rest.map_or(chars.len(), |n| at + 3 + n + 1))
        }
        (_, Some('\'')) => Some(at + 3),
        _ => None,
    }
}

/// The number of `#` of a raw string that begins here.
fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = raw_hashes(chars, at).unwrap_or(0);
    let mut end = at + hashes + 2;
    while end < chars.len() {
        let closing = chars[end + 1..].iter().take_while(|c| **c == '#').count();
        if chars[end] == '"' && closing >= hashes {
            return end + 1 + hashes;
        }
        end += 1;
    }
    chars.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_of_rust_are_not_code() {
        let text = r####"let a = "use x"; // use y
/* use /* z */ */ let c = '"'; let s: &'a str = r#"" // no"#; b'\''; done()"####;
        let layers = Layers::new(Language::Rust, text);
        for word in ["use", "x", "z", "no"] {
            assert!(!layers.code.contains(word), "{word} in the code {}", layers.code);
        }
        for word in ["let a =", "let c =", "&'a str", "done()"] {
            assert!(layers.code.contains(word), "no {word} in the code {}", layers.code);
        }
        assert_eq!(layers.comments.split_whitespace().next(), Some("//"));
        assert!(layers.literals.contains("use x") && layers.literals.contains("// no"), "{}", layers.literals);
        assert_eq!(layers.code.lines().count(), text.lines().count());
    }

    #[test]
    fn other_languages_have_other_comments_and_quotes() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (path, text, code, comments, literals) in [
            ("a.sql", "a -- b\n'c\\' d", "a d", "-- b", "'c\\'"),
            ("a.toml", "a = \"#b\" # c\nd = '''e\n\"f''' # g", "a = d =", "# c # g", "\"#b\" '''e \"f'''"),
            ("a.js", "a /* b /* */ 'c\\'' // `d", "a", "/* b /* */ // `d", "'c\\''"),
            ("a.css", "a // b /* c */ \"d\"", "a // b", "/* c */", "\"d\""),
            ("a.sh", "a$#b # c\nit's", "", "# c", "a$#b it's"),
            ("a.md", "a `b` c\n```\nd\n```\n", "", "a c", "`b` ``` d ```"),
        ] {
            let layers = Layers::new(Language::of(path).unwrap(), text);
            assert_eq!(words(&layers.code), code, "{path}");
            assert_eq!(words(&layers.comments), comments, "{path}");
            assert_eq!(words(&layers.literals), literals, "{path}");
        }
        assert!(Language::of("Dockerfile").is_none() && Language::of("a.py").is_none());
    }
}
