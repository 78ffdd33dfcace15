//! The instructions of a Dockerfile: their words and their lines. Pure.
//!
//! The input is a text that the rules have accepted and Referee has emitted. Nothing here judges it. A caller asks
//! [`has_own_escape`] first, because [`instructions`] knows only the usual escape character.

/// One instruction of a Dockerfile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Its lines without comments and without the escape characters at line ends.
    pub text: String,
    /// Index of its last line. `None` if the file ends in the middle of the instruction.
    pub last_line: Option<usize>,
}

impl Instruction {
    /// The first word in capitals, and the rest.
    pub(super) fn parts(&self) -> (String, &str) {
        let text = self.text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        (word.to_ascii_uppercase(), rest.trim_start())
    }
}

/// The instructions of a Dockerfile whose escape character is the usual one.
pub(super) fn instructions(dockerfile: &str) -> Vec<Instruction> {
    let mut all: Vec<Instruction> = Vec::new();
    let mut continues = false;
    for (number, line) in dockerfile.lines().enumerate() {
        let text = line.trim();
        // Neither ends an instruction: the engine removes empty lines and comments first.
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if !continues {
            let (text, last_line) = (String::new(), None);
            all.push(Instruction { text, last_line });
        }
        let part = text.strip_suffix('\\');
        continues = part.is_some();
        if let Some(instruction) = all.last_mut() {
            instruction.text.push_str(part.unwrap_or(text));
            instruction.last_line = (!continues).then_some(number);
        }
    }
    all
}

/// Whether a parser directive sets another escape character. Directives come before everything else.
pub(super) fn has_own_escape(dockerfile: &str) -> bool {
    let mut head =
        dockerfile.trim_start_matches('\u{feff}').lines().map(str::trim).map_while(|line| line.strip_prefix('#'));
    head.any(|comment| {
        let word = comment.trim_start().to_ascii_lowercase();
        let rest = word.strip_prefix("escape").map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_read_over_comments_and_line_ends() {
        let file = "# c\nFROM x \\\n# why\n\n  AS y\nrun a \\\n b\nENV A=1 \\";
        let read: Vec<_> =
            instructions(file).into_iter().map(|i| (i.parts().0, i.parts().1.to_owned(), i.last_line)).collect();
        let owned = |word: &str, rest: &str, line| (word.to_owned(), rest.to_owned(), line);
        let expected = [owned("FROM", "x AS y", Some(4)), owned("RUN", "a b", Some(6)), owned("ENV", "A=1", None)];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_directive_for_the_escape_character_counts_only_at_the_start() {
        for own in ["# escape=`\nFROM x", "# c\n#Escape = `\nFROM x", "\u{feff}# escape=`"] {
            assert!(has_own_escape(own), "{own}");
        }
        for usual in ["FROM x\n# escape=`", "# escapes\nFROM x", ""] {
            assert!(!has_own_escape(usual), "{usual}");
        }
    }
}
