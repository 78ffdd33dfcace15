//! A label behind each `FROM`, so that every image of a build has the label of this instance. Pure.
//!
//! The classic builder puts the labels of a build on its last image alone. An interrupted build leaves images without a
//! name, and only this label shows which instance made them. A file that this module cannot read surely stays as it is:
//! one with its own escape character, or one that ends in the middle of an instruction.

use super::instructions::{has_own_escape, instructions};

/// The label that names the instance of Referee.
pub(super) const MADE_BY: &str = "referee.made-by";

/// A Dockerfile for the engine.
pub(super) struct LabelledDockerfile {
    pub text: String,
    /// Whether each stage begins with the label.
    pub is_labelled: bool,
}

/// The Dockerfile with the instruction `LABEL label` behind each `FROM`.
pub(super) fn labelled(dockerfile: &str, label: &str) -> LabelledDockerfile {
    let instructions = instructions(dockerfile);
    let stages: Vec<_> = instructions.iter().filter(|i| i.parts().0 == "FROM").collect();
    let unfinished = stages.iter().any(|stage| stage.last_line.is_none());
    if unfinished || has_own_escape(dockerfile) {
        return LabelledDockerfile { text: dockerfile.to_owned(), is_labelled: false };
    }
    let mut text = String::with_capacity(dockerfile.len() + 128);
    for (number, line) in dockerfile.lines().enumerate() {
        text.push_str(line);
        text.push('\n');
        if stages.iter().any(|stage| stage.last_line == Some(number)) {
            text.push_str(&format!("LABEL {label}\n"));
        }
    }
    LabelledDockerfile { text, is_labelled: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled_text(dockerfile: &str) -> String {
        let labelled = labelled(dockerfile, "a=b");
        assert!(labelled.is_labelled, "{dockerfile}");
        labelled.text
    }

    #[test]
    fn each_stage_begins_with_the_label() {
        assert_eq!(
            labelled_text("FROM x AS y\nRUN a\nFROM scratch\nCOPY --from=y [\"/a\",\"/\"]\n"),
            "FROM x AS y\nLABEL a=b\nRUN a\nFROM scratch\nLABEL a=b\nCOPY --from=y [\"/a\",\"/\"]\n"
        );
        assert_eq!(labelled_text("ARG A\n  from x"), "ARG A\n  from x\nLABEL a=b\n");
    }

    #[test]
    fn text_that_only_looks_like_a_stage_gets_no_label() {
        for text in [
            "RUN echo \\\nFROM x\n",
            "RUN echo \\\n# a comment\n\nFROM x\n",
            "# FROM x\n",
            "FROMAGE x\n",
            "RUN echo a \\ \nFROM x\n",
        ] {
            assert_eq!(labelled_text(text), text);
        }
    }

    #[test]
    fn a_stage_over_several_lines_ends_before_the_label() {
        assert_eq!(labelled_text("FROM x \\\n# why\n  AS y\nRUN a\n"), "FROM x \\\n# why\n  AS y\nLABEL a=b\nRUN a\n");
    }

    #[test]
    fn a_file_that_cannot_be_read_surely_stays_as_it_is() {
        for text in ["# escape=`\nFROM x `\n AS y\n", "# c\n#Escape = `\nFROM x\n", "FROM x \\"] {
            let file = labelled(text, "a=b");
            assert_eq!((file.text.as_str(), file.is_labelled), (text, false));
        }
        assert!(labelled("FROM x\n# escape=`\nRUN a\n", "a=b").is_labelled);
    }
}
