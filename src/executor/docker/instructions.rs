//! Where the instructions of a Dockerfile begin and end, and their words. Pure.
//!
//! It reads texts that the rules have accepted and that Referee has written again. It refuses to judge them, and to
//! read one with an escape character of its own: whoever calls it asks first.

/// One instruction of a Dockerfile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Its lines without comments and the marks that they go on.
    pub text: String,
    /// Index of its last line; `None` if the file ends where it should go on.
    pub last_line: Option<usize>,
}

impl Instruction {
    /// Its word in capitals, and what follows it.
    pub fn parts(&self) -> (String, &str) {
        let text = self.text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        (word.to_ascii_uppercase(), rest.trim_start())
    }
}

/// The instructions of a Dockerfile whose escape character is the usual one.
pub(super) fn instructions(dockerfile: &str) -> Vec<Instruction> {
    let mut all: Vec<Instruction> = Vec::new();
    let mut goes_on = false;
    for (number, line) in dockerfile.lines().enumerate() {
        let text = line.trim();
        // Neither ends what goes on: the engine takes them out before it looks.
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if !goes_on {
            let (text, last_line) = (String::new(), None);
            all.push(Instruction { text, last_line });
        }
        let part = text.strip_suffix('\\');
        goes_on = part.is_some();
        if let Some(instruction) = all.last_mut() {
            instruction.text.push_str(part.unwrap_or(text));
            instruction.last_line = (!goes_on).then_some(number);
        }
    }
    all
}

/// Directives stand above everything else.
pub(super) fn has_own_escape(dockerfile: &str) -> bool {
    let mut head = dockerfile
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .map_while(|line| line.strip_prefix('#'));
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
        let read: Vec<_> = instructions(file)
            .into_iter()
            .map(|i| (i.parts().0, i.parts().1.to_owned(), i.last_line))
            .collect();
        let owned = |word: &str, rest: &str, line| (word.to_owned(), rest.to_owned(), line);
        let expected = [
            owned("FROM", "x AS y", Some(4)),
            owned("RUN", "a b", Some(6)),
            owned("ENV", "A=1", None),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn an_escape_character_of_its_own_is_seen_in_the_head_alone() {
        for own in [
            "# escape=`\nFROM x",
            "# c\n#Escape = `\nFROM x",
            "\u{feff}# escape=`",
        ] {
            assert!(has_own_escape(own), "{own}");
        }
        for usual in ["FROM x\n# escape=`", "# escapes\nFROM x", ""] {
            assert!(!has_own_escape(usual), "{usual}");
        }
    }
}
