//! Docker's wildcard patterns, for `.dockerignore` and for the sources of COPY.
//!
//! The matcher is our own. A crate with the exact rules of `.dockerignore` does not exist, and one automaton of a regex
//! engine per pattern costs too much for a file with thousands of patterns. This matcher follows all ways to match at
//! the same time, character by character. Its cost is at most the product of the lengths, whatever the pattern and the
//! path.

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`: any character except `/`.
    AnyChar,
    /// `*`: any characters except `/`.
    AnyChars,
    /// `**` at the end: anything.
    Rest,
    /// `**/`: nothing, or anything that ends in `/`. [`Token::InDirectories`] always follows.
    Directories,
    /// Within the directories of the token before.
    InDirectories,
    /// `[a-z]`: a character of these ranges, or of none of them if `negated`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Token>);

impl Glob {
    /// Reads a clean path with the wildcards of `.dockerignore`. `None` if the pattern is invalid.
    pub(super) fn of_ignore_file(text: &str) -> Option<Self> {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            match c {
                '*' if chars.get(at) == Some(&'*') => {
                    at += 1;
                    let slash = chars.get(at) == Some(&'/');
                    at += usize::from(slash);
                    let rest = &chars[at..];
                    // Docker compares `**` and plain characters with the end of the path.
                    let is_suffix = tokens.is_empty() && !slash && !rest.iter().any(is_special);
                    if rest.is_empty() || is_suffix {
                        tokens.push(Token::Rest);
                    } else {
                        tokens.extend([Token::Directories, Token::InDirectories]);
                    }
                }
                '*' => tokens.push(Token::AnyChars),
                '?' => tokens.push(Token::AnyChar),
                '[' => tokens.push(class(&chars, &mut at)?),
                '\\' => {
                    tokens.push(Token::Char(*chars.get(at)?));
                    at += 1;
                }
                c => tokens.push(Token::Char(c)),
            }
        }
        Some(Self(tokens))
    }

    /// Reads the source of a COPY, with the wildcards of Go's `filepath.Match`. A class matches any one character, so
    /// that no existing file is reported as missing.
    pub(super) fn of_copy(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            let end_of_class = rest.find(['/', ']']).filter(|end| rest[*end..].starts_with(']'));
            tokens.push(match (c, end_of_class) {
                ('*', _) => Token::AnyChars,
                ('?', _) => Token::AnyChar,
                ('[', Some(end)) => {
                    rest = &rest[end + 1..];
                    Token::AnyChar
                }
                _ => Token::Char(c),
            });
        }
        Self(tokens)
    }

    /// Whether the path, or a directory that contains it, matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut now = States::new(self);
        let mut next = States::new(self);
        now.enter(0);
        for c in path.chars() {
            // The path up to here is the name of a directory.
            if c == '/' && now.accepts() {
                return true;
            }
            next.clear();
            for at in now.active() {
                for to in self.after(at, c).into_iter().flatten() {
                    next.enter(to);
                }
            }
            if next.is_empty() {
                return false;
            }
            std::mem::swap(&mut now, &mut next);
        }
        now.accepts()
    }

    /// The states that follow a state after a character.
    fn after(&self, at: usize, c: char) -> [Option<usize>; 2] {
        let (stay, on) = (Some(at), Some(at + 1));
        match self.0.get(at) {
            Some(Token::Char(wanted)) if *wanted == c => [on, None],
            Some(Token::AnyChar) if c != '/' => [on, None],
            Some(Token::AnyChars) if c != '/' => [stay, None],
            Some(Token::Rest) => [stay, None],
            Some(Token::InDirectories) if c == '/' => [stay, on],
            Some(Token::InDirectories) => [stay, None],
            Some(Token::Class { negated, ranges }) => {
                let within = ranges.iter().any(|(a, z)| (*a..=*z).contains(&c));
                [on.filter(|_| within != *negated), None]
            }
            _ => [None, None],
        }
    }
}

/// A set of states. State n is in front of token n.
struct States<'a> {
    tokens: &'a [Token],
    is_active: Vec<bool>,
    /// All active states are below this one.
    end: usize,
}

impl<'a> States<'a> {
    fn new(glob: &'a Glob) -> Self {
        Self { tokens: &glob.0, is_active: vec![false; glob.0.len() + 1], end: 0 }
    }

    /// Adds a state, and those behind it that need no character.
    fn enter(&mut self, mut at: usize) {
        while !self.is_active[at] {
            self.activate(at);
            match self.tokens.get(at) {
                Some(Token::AnyChars | Token::Rest) => at += 1,
                // The inside is active on its own, because only a `/` leads out of it.
                Some(Token::Directories) => {
                    self.activate(at + 1);
                    at += 2;
                }
                _ => return,
            }
        }
    }

    fn activate(&mut self, at: usize) {
        self.is_active[at] = true;
        self.end = self.end.max(at + 1);
    }

    fn active(&self) -> impl Iterator<Item = usize> {
        (0..self.end).filter(|at| self.is_active[*at])
    }

    fn clear(&mut self) {
        self.is_active[..self.end].fill(false);
        self.end = 0;
    }

    fn is_empty(&self) -> bool {
        self.end == 0
    }

    fn accepts(&self) -> bool {
        self.is_active[self.tokens.len()]
    }
}

fn is_special(c: &char) -> bool {
    matches!(c, '*' | '?' | '[' | ']' | '\\')
}

/// Reads `[^a-z]` behind its opening bracket.
fn class(chars: &[char], at: &mut usize) -> Option<Token> {
    let negated = chars.get(*at) == Some(&'^');
    *at += usize::from(negated);
    let mut ranges = Vec::new();
    while chars.get(*at)? != &']' || ranges.is_empty() {
        let from = class_char(chars, at)?;
        let mut to = from;
        if chars.get(*at)? == &'-' {
            *at += 1;
            to = class_char(chars, at)?;
        }
        ranges.push((from, to));
    }
    *at += 1;
    Some(Token::Class { negated, ranges })
}

fn class_char(chars: &[char], at: &mut usize) -> Option<char> {
    let mut c = *chars.get(*at)?;
    *at += 1;
    match c {
        '-' | ']' => None,
        '\\' => {
            c = *chars.get(*at)?;
            *at += 1;
            Some(c)
        }
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_patterns_match_characters_directories_and_ends() {
        for (pattern, path, expected) in [
            ("a", "a", true),
            ("a", "a/b/c", true),
            ("a", "ab", false),
            ("a/b", "a", false),
            ("*", "a/b", true),
            ("*/b", "a/b", true),
            ("*/b", "b", false),
            ("a*c", "abbc", true),
            ("a*c", "a/c", false),
            ("?", "é", true),
            ("??", "é", false),
            ("**/b", "b", true),
            ("**/b", "x/y/b/z", true),
            ("**/b", "xb", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a/**", "a/x", true),
            ("a/**", "a", false),
            ("a**", "ab/c", true),
            ("**.py", "x/main.py", true),
            ("**.p?", "x/main.py", false),
            ("**.p?", "x/.py", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("a[.]b", "a.b", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a.b", "axb", false),
            ("**/**/x", "x", true),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa", false),
        ] {
            let glob = Glob::of_ignore_file(pattern).unwrap();
            assert_eq!(glob.matches(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn copy_patterns_match_within_a_component() {
        for (pattern, path, expected) in [
            ("*.py", "main.py", true),
            ("*.py", "src/main.py", false),
            ("src/*.p?", "src/main.py", true),
            ("[a-m]ain.py", "main.py", true),
            ("[", "[", true),
            ("[a/b]", "[a/b]", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b", "axxc", false),
            ("?.png", "é.png", true),
            ("[é]?", "ab", true),
            ("", "a", false),
            ("*", "", true),
            ("s*", "src/main.py", true),
        ] {
            assert_eq!(Glob::of_copy(pattern).matches(path), expected, "{pattern} {path}");
        }
    }
}
