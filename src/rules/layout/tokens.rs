//! One pattern of a `.dockerignore`, compared with paths.
//!
//! All ways to match are followed at the same time, letter by letter, so no pattern and no path can
//! make it slow: the cost is at most the product of their lengths.

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This letter.
    Letter(char),
    /// `?`: any letter but `/`.
    One,
    /// `*`: any letters but `/`.
    Many,
    /// `**` at the end: anything.
    Rest,
    /// `**/`: nothing, or anything that ends in `/`. What is within stands at [`Token::Within`].
    Directories,
    /// The inside of the directories before it.
    Within,
    /// `[a-z]`: one letter of these ranges, or with `true` one of all others.
    Class(bool, Vec<(char, char)>),
}

/// A pattern, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens(Vec<Token>);

impl Tokens {
    /// Reads a clean path with wildcards; none if it is no pattern.
    pub(super) fn read(text: &str) -> Option<Self> {
        let letters: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&letter) = letters.get(at) {
            at += 1;
            match letter {
                '*' if letters.get(at) == Some(&'*') => {
                    at += 1;
                    let slash = letters.get(at) == Some(&'/');
                    at += usize::from(slash);
                    let rest = &letters[at..];
                    // Docker compares `**` and plain letters with the path's end.
                    let is_suffix = tokens.is_empty() && !slash && !rest.iter().any(is_special);
                    match rest.is_empty() || is_suffix {
                        true => tokens.push(Token::Rest),
                        false => tokens.extend([Token::Directories, Token::Within]),
                    }
                }
                '*' => tokens.push(Token::Many),
                '?' => tokens.push(Token::One),
                '[' => tokens.push(class(&letters, &mut at)?),
                '\\' => {
                    tokens.push(Token::Letter(*letters.get(at)?));
                    at += 1;
                }
                letter => tokens.push(Token::Letter(letter)),
            }
        }
        Some(Self(tokens))
    }

    /// Whether the path, or a directory that it lies in, matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        let end = self.0.len();
        let (mut now, mut next) = (vec![false; end + 1], vec![false; end + 1]);
        self.enter(&mut now, 0);
        for letter in path.chars() {
            // Here a directory has been named whole.
            if letter == '/' && now[end] {
                return true;
            }
            next.fill(false);
            let mut alive = false;
            for at in (0..end).filter(|at| now[*at]) {
                for to in self.after(at, letter).into_iter().flatten() {
                    self.enter(&mut next, to);
                    alive = true;
                }
            }
            if !alive {
                return false;
            }
            std::mem::swap(&mut now, &mut next);
        }
        now[end]
    }

    /// Where a letter leads from a token.
    fn after(&self, at: usize, letter: char) -> [Option<usize>; 2] {
        let (stay, on) = (Some(at), Some(at + 1));
        match &self.0[at] {
            Token::Letter(wanted) if *wanted == letter => [on, None],
            Token::One if letter != '/' => [on, None],
            Token::Many if letter != '/' => [stay, None],
            Token::Rest => [stay, None],
            Token::Within if letter == '/' => [stay, on],
            Token::Within => [stay, None],
            Token::Class(others, ranges) => {
                let within = ranges.iter().any(|(a, z)| (*a..=*z).contains(&letter));
                [on.filter(|_| within != *others), None]
            }
            _ => [None, None],
        }
    }

    /// Marks a token, and those behind it that can be reached without a letter.
    fn enter(&self, marks: &mut [bool], mut at: usize) {
        while !marks[at] {
            marks[at] = true;
            match self.0.get(at) {
                Some(Token::Many | Token::Rest) => at += 1,
                // The inside is marked by itself: it may not be left without a `/`.
                Some(Token::Directories) => {
                    marks[at + 1] = true;
                    at += 2;
                }
                _ => return,
            }
        }
    }
}

fn is_special(letter: &char) -> bool {
    matches!(letter, '*' | '?' | '[' | ']' | '\\')
}

/// `[^a-z]`, from behind its bracket.
fn class(letters: &[char], at: &mut usize) -> Option<Token> {
    let others = letters.get(*at) == Some(&'^');
    *at += usize::from(others);
    let mut ranges = Vec::new();
    while letters.get(*at)? != &']' || ranges.is_empty() {
        let from = class_letter(letters, at)?;
        let mut to = from;
        if letters.get(*at)? == &'-' {
            *at += 1;
            to = class_letter(letters, at)?;
        }
        ranges.push((from, to));
    }
    *at += 1;
    Some(Token::Class(others, ranges))
}

fn class_letter(letters: &[char], at: &mut usize) -> Option<char> {
    let mut letter = *letters.get(*at)?;
    *at += 1;
    match letter {
        '-' | ']' => None,
        '\\' => {
            letter = *letters.get(*at)?;
            *at += 1;
            Some(letter)
        }
        letter => Some(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_letters_directories_and_ends() {
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
            let tokens = Tokens::read(pattern).unwrap();
            assert_eq!(tokens.matches(path), expected, "{pattern} {path}");
        }
    }
}
