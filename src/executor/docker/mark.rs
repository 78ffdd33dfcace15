//! A label of ours behind each `FROM`, so that every image of a build is known as ours. Pure.
//!
//! The classic builder puts the labels of a build on its last image alone. What an interrupted build
//! leaves behind has no name and, without this, nothing that tells whose it is.
//!
//! It reads no more of a Dockerfile than where its instructions begin and end. One with an escape
//! character of its own is left as it is.

/// The label that names the instance of Referee.
pub(super) const MADE_BY: &str = "referee.made-by";

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

/// The Dockerfile with the instruction `LABEL label` behind each `FROM`, and whether it is there.
pub(super) fn marked(dockerfile: &str, label: &str) -> (String, bool) {
    let instructions = instructions(dockerfile);
    let stages: Vec<_> = instructions
        .iter()
        .filter(|i| i.parts().0 == "FROM")
        .collect();
    let unfinished = stages.iter().any(|stage| stage.last_line.is_none());
    if unfinished || has_own_escape(dockerfile) {
        return (dockerfile.to_owned(), false);
    }
    let mut out = String::with_capacity(dockerfile.len() + 128);
    for (number, line) in dockerfile.lines().enumerate() {
        out.push_str(line);
        out.push('\n');
        if stages.iter().any(|stage| stage.last_line == Some(number)) {
            push_label(&mut out, label);
        }
    }
    (out, true)
}

fn push_label(out: &mut String, label: &str) {
    out.push_str("LABEL ");
    out.push_str(label);
    out.push('\n');
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

    fn of(dockerfile: &str) -> String {
        let (text, is_marked) = marked(dockerfile, "a=b");
        assert!(is_marked, "{dockerfile}");
        text
    }

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
    fn each_stage_begins_with_the_label() {
        assert_eq!(
            of("FROM x AS y\nRUN a\nFROM scratch\nCOPY --from=y [\"/a\",\"/\"]\n"),
            "FROM x AS y\nLABEL a=b\nRUN a\nFROM scratch\nLABEL a=b\nCOPY --from=y [\"/a\",\"/\"]\n"
        );
        assert_eq!(of("ARG A\n  from x"), "ARG A\n  from x\nLABEL a=b\n");
    }

    #[test]
    fn what_only_looks_like_a_stage_is_none() {
        for text in [
            "RUN echo \\\nFROM x\n",
            "RUN echo \\\n# a comment\n\nFROM x\n",
            "# FROM x\n",
            "FROMAGE x\n",
            "RUN echo a \\ \nFROM x\n",
        ] {
            assert_eq!(of(text), text);
        }
    }

    #[test]
    fn a_stage_over_several_lines_ends_before_the_label() {
        assert_eq!(
            of("FROM x \\\n# why\n  AS y\nRUN a\n"),
            "FROM x \\\n# why\n  AS y\nLABEL a=b\nRUN a\n"
        );
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        for text in [
            "# escape=`\nFROM x `\n AS y\n",
            "# c\n#Escape = `\nFROM x\n",
            "FROM x \\",
        ] {
            assert_eq!(marked(text, "a=b"), (text.to_owned(), false));
        }
        assert!(marked("FROM x\n# escape=`\nRUN a\n", "a=b").1);
    }
}
