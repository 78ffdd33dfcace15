//! A label of ours behind each `FROM`, so that every image of a build is known as ours. Pure.
//!
//! The classic builder puts the labels of a build on its last image alone. What an interrupted build
//! leaves behind has no name and, without this, nothing that tells whose it is.
//!
//! It reads no more of a Dockerfile than where its instructions begin and end. One with an escape
//! character of its own is left as it is.

/// The label that names the instance of Referee.
pub(super) const MADE_BY: &str = "referee.made-by";

/// The Dockerfile with the instruction `LABEL label` behind each `FROM`, and whether it is there.
pub(super) fn marked(dockerfile: &str, label: &str) -> (String, bool) {
    if has_own_escape(dockerfile) {
        return (dockerfile.to_owned(), false);
    }
    let mut out = String::with_capacity(dockerfile.len() + 128);
    // Whether the line before goes on, and whether what goes on is a `FROM`.
    let (mut goes_on, mut is_from) = (false, false);
    for line in dockerfile.lines() {
        out.push_str(line);
        out.push('\n');
        let text = line.trim();
        // Neither ends what goes on: the engine takes them out before it looks.
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if !goes_on {
            let word = text.split_whitespace().next().unwrap_or_default();
            is_from = word.eq_ignore_ascii_case("FROM");
        }
        goes_on = text.ends_with('\\');
        if is_from && !goes_on {
            push_label(&mut out, label);
            is_from = false;
        }
    }
    if is_from {
        // The file ends where it should go on.
        return (dockerfile.to_owned(), false);
    }
    (out, true)
}

fn push_label(out: &mut String, label: &str) {
    out.push_str("LABEL ");
    out.push_str(label);
    out.push('\n');
}

/// Directives stand above everything else.
fn has_own_escape(dockerfile: &str) -> bool {
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
