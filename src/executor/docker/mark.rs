//! A label of ours behind each `FROM`, so that every image of a build is known as ours. Pure.
//!
//! The classic builder puts the labels of a build on its last image alone. What an interrupted build
//! leaves behind has no name and, without this, nothing that tells whose it is.
//!
//! It refuses to touch what it does not understand: a file with an escape character of its own, or one
//! that ends where it should go on, is left as it is.

use super::instructions::{has_own_escape, instructions};

/// The label that names the instance of Referee.
pub(super) const MADE_BY: &str = "referee.made-by";

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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dockerfile: &str) -> String {
        let (text, is_marked) = marked(dockerfile, "a=b");
        assert!(is_marked, "{dockerfile}");
        text
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
