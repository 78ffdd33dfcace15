//! A source file as the rules look at it: its lines as written, and the same lines with comments
//! and literals blanked, so that no rule trips over prose.

/// One source file.
pub struct Source {
    /// Path from the root, `/`-separated.
    pub path: String,
    /// As written.
    pub lines: Vec<String>,
    /// Code alone: comments and the insides of literals are blanks.
    pub code: Vec<String>,
    /// Comments alone.
    pub comments: Vec<String>,
    /// Lines that belong to items under `#[cfg(test)]`.
    pub in_test: Vec<bool>,
}

impl Source {
    pub fn new(path: &str, text: String) -> Self {
        let (code, comments) = split(&text);
        let lines = |text: String| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
        let code = lines(code);
        Self {
            path: path.to_owned(),
            in_test: test_lines(&code, is_test_file(path)),
            code,
            comments: lines(comments),
            lines: lines(text),
        }
    }

    /// Production code, line by line, counted from 1.
    pub fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let of_tests = self.in_test.iter();
        (1..)
            .zip(&self.code)
            .zip(of_tests)
            .filter(|(_, of_test)| !**of_test)
            .map(|((n, line), _)| (n, line.as_str()))
    }

    /// Whether the file is test code beside the code that it tests.
    pub fn is_unit_test(&self) -> bool {
        self.path.starts_with("src/") && is_test_file(&self.path)
    }

    /// A violation at a line of this file.
    pub fn at(&self, line: usize, message: impl std::fmt::Display) -> String {
        format!("{}:{line}: {message}", self.path)
    }
}

/// Whether all of a file is test code.
fn is_test_file(path: &str) -> bool {
    let unit = path.ends_with("/tests.rs") || path.contains("/tests/");
    !path.starts_with("src/") || unit
}

/// The items that follow a `#[cfg(test)]`, up to their closing brace or semicolon.
fn test_lines(code: &[String], whole: bool) -> Vec<bool> {
    let mut marked = vec![whole; code.len()];
    let mut depth = None::<i32>;
    let mut open = false;
    for (line, mark) in code.iter().zip(&mut marked) {
        if depth.is_none() && line.trim_start().starts_with("#[cfg(test)]") {
            (depth, open) = (Some(0), false);
        }
        let Some(level) = &mut depth else {
            continue;
        };
        *mark = true;
        let item = line.replace("#[cfg(test)]", "");
        for c in item.chars() {
            match c {
                '{' => (*level, open) = (*level + 1, true),
                '}' => *level -= 1,
                _ => {}
            }
        }
        let ended = match open {
            true => *level <= 0,
            false => item.trim_end().ends_with(';'),
        };
        if ended {
            depth = None;
        }
    }
    marked
}

/// Splits a text into its code and its comments, both with the same lines.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let mut at = 0;
    while at < chars.len() {
        let (end, what) = token(&chars, at);
        for c in &chars[at..end] {
            let blank = if *c == '\n' { '\n' } else { ' ' };
            code.push(if what == Kind::Code { *c } else { blank });
            comments.push(if what == Kind::Comment { *c } else { blank });
        }
        at = end;
    }
    (code, comments)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// The end of what begins at a character, and what it is.
fn token(chars: &[char], at: usize) -> (usize, Kind) {
    let next = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    let word = at > 0 && is_word(chars[at - 1]);
    match chars[at] {
        '/' if next(1) == '/' => (line_end(chars, at), Kind::Comment),
        '/' if next(1) == '*' => (block_end(chars, at), Kind::Comment),
        '"' => (string_end(chars, at + 1), Kind::Literal),
        'r' if !word && raw_hashes(chars, at).is_some() => (raw_end(chars, at), Kind::Literal),
        // A lifetime has no closing quote behind its first letter.
        '\'' if next(1) == '\\' => (quote_end(chars, at + 3), Kind::Literal),
        '\'' if next(2) == '\'' => (at + 3, Kind::Literal),
        _ => (at + 1, Kind::Code),
    }
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_end(chars: &[char], at: usize) -> usize {
    let rest = chars[at..].iter().position(|c| *c == '\n');
    rest.map_or(chars.len(), |n| at + n)
}

fn block_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn quote_end(chars: &[char], at: usize) -> usize {
    let rest = chars.iter().skip(at).position(|c| *c == '\'');
    rest.map_or(chars.len(), |n| at + n + 1)
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
        let closed = chars[end] == '"'
            && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        if closed {
            return end + 1 + hashes;
        }
        end += 1;
    }
    chars.len()
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = r####"let a = "use x"; // use y
/* use /* z */ */ let c = '"'; let s: &'a str = r#"" // no"#; b'\''; done()"####;
    let (code, comments) = split(text);
    for word in ["use", "x", "z", "no"] {
        assert!(!code.contains(word), "{word} in {code}");
    }
    for word in ["let a =", "let c =", "&'a str", "done()"] {
        assert!(code.contains(word), "{word} not in {code}");
    }
    assert_eq!(comments.split_whitespace().next(), Some("//"));
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn test_items_end_where_they_end() {
    let text = "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod x {\n fn y() {\n }\n}\nc";
    let source = Source::new("src/model/x.rs", text.to_owned());
    let left: Vec<_> = source
        .production()
        .map(|(n, line)| (n, line.to_owned()))
        .collect();
    assert_eq!(left, [(1, "a".into()), (4, "b".into()), (10, "c".into())]);
}
