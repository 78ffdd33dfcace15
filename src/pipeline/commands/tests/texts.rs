//! The lines of a Markdown text that are commands.

use super::read;
use crate::model::limits;

fn check(markdown: &str, expected: &[(usize, &str)]) {
    let found: Vec<(usize, String)> =
        read(markdown).into_iter().map(|written| (written.line, written.source)).collect();
    let found: Vec<(usize, &str)> = found.iter().map(|(n, s)| (*n, s.as_str())).collect();
    assert_eq!(found, expected, "{markdown:?}");
}

#[test]
fn lines_of_paragraphs_and_lists_are_read() {
    check("/queue", &[(1, "/queue")]);
    check("Hello.\n/queue\nThanks!\n\n/help", &[(2, "/queue"), (5, "/help")]);
    check("Hello.\r\n/queue\r\n\r\n/help \r\n", &[(2, "/queue"), (4, "/help")]);
    check("a\r/queue\r/help", &[(2, "/queue"), (3, "/help")]);
    check("/queue  \n/help\\\n/quota", &[(1, "/queue"), (2, "/help"), (3, "/quota")]);
    check(
        "- /rerun #1\n- /rerun #2\n  - /rerun #3\n- x\n  /rerun #4",
        &[(1, "/rerun #1"), (2, "/rerun #2"), (3, "/rerun #3"), (5, "/rerun #4")],
    );
    check("1. /queue\n\n   /help\n", &[(1, "/queue"), (3, "/help")]);
    check("   /queue", &[(1, "/queue")]);
    check("/grant team a_b_c 2 *val*", &[(1, "/grant team a_b_c 2 *val*")]);
    check("> quoted\n\n/queue", &[(3, "/queue")]);
    check("<details>\n\n/queue\n\n</details>", &[(3, "/queue")]);
    check("\u{a0}/queue", &[(1, "/queue")]);
}

#[test]
fn quotes_code_and_tables_are_not_read() {
    for markdown in [
        "see /queue",
        "> /queue",
        "> a\n/queue",
        "- > /queue",
        "    /queue",
        "a\n\n\t/queue",
        "Use this:\n    /queue",
        "- a\n      /queue",
        "```\n/queue\n```",
        "~~~~\n```\n/queue\n~~~~",
        "```\n/queue",
        "`/queue`",
        "`a\n/queue\nb`",
        "<!-- /queue -->",
        "<!--\n\n/queue\n\n-->",
        "a <!--\n/queue\n-->",
        "<pre>\n\n/queue\n\n</pre>",
        "<div>\n/queue\n</div>",
        "<blockquote>\n\n/queue\n\n</blockquote>",
        "a <code>\n/queue\n</code>",
        "[a\n/queue](https://example.org)",
        "[/queue](https://example.org)",
        "![/queue](x.png)",
        "**/queue**",
        "*a\n/queue*",
        "~~/queue~~",
        "# /queue",
        "/queue\n===",
        "| a |\n|---|\n| /queue |",
        "- [ ] /queue",
        "[^1]\n\n[^1]: /queue",
        "\\/queue",
        "&#47;queue",
        "@refereeing help",
        "@referee-bot help",
        "a @referee help",
    ] {
        check(markdown, &[]);
    }
}

#[test]
fn paths_and_jokes_are_not_commands() {
    for text in [
        "/",
        "/ 2",
        "// help",
        "/2",
        "/etc",
        "/usr/bin/foo",
        "/tmp",
        "/home",
        "/help/foo",
        "/data",
        "/root",
        "/var",
        "/opt",
        "/shrug",
        "/status.json",
        "/me is waiting",
        "/approve-the-pull-request",
        "/run",
        "/proc/self",
        "/mnt",
        "/srv",
        "/lib",
        "/dev",
        "/bin",
        "/boot",
    ] {
        check(text, &[]);
    }
    for text in
        ["/rescroe validation", "/help.", "/status, please", "/HELP", "/phases open a", "@referee shrug", "@referee"]
    {
        check(text, &[(1, text)]);
    }
}

#[test]
fn a_text_beyond_a_limit_gets_a_reply() {
    let many = "/queue\n".repeat(limits::COMMANDS_PER_TEXT_MAX + 3);
    let found = read(&many);
    assert_eq!(found.len(), limits::COMMANDS_PER_TEXT_MAX + 1);
    assert!(found[..limits::COMMANDS_PER_TEXT_MAX].iter().all(|w| w.command.is_ok()));
    let last = found.last().unwrap();
    assert_eq!(last.line, 21);
    assert_eq!(
        last.command.as_ref().unwrap_err().to_string(),
        "Referee runs at most 20 commands of one text. It did not run this command and the ones after it \
         (3 in total). Write them in another comment."
    );
    let log = "x".repeat(limits::COMMAND_TEXT_BYTES_MAX);
    check(&format!("{log}\nmore"), &[]);
    let found = read(&format!("/queue\n{log}\n/queue"));
    assert_eq!(found.len(), 1);
    let answer = found[0].command.as_ref().unwrap_err().to_string();
    assert!(answer.starts_with("The text is longer than 256 KiB, so Referee ran none"), "{answer}");
    let long = format!("/announce {}", "x".repeat(limits::COMMAND_CHARS_MAX));
    let answer = read(&long)[0].command.clone().unwrap_err().to_string();
    assert_eq!(answer, "The command is longer than 2000 characters. Shorten it.");
}

#[test]
fn hostile_texts_are_read_fast() {
    for part in [">", "[", "- ", "*", "`", "<", "<!--", "![", "_a", "/help ", "\u{200b}", "|", "&", "\\"] {
        let text = part.repeat(limits::COMMAND_TEXT_BYTES_MAX / part.len());
        let found = read(&text);
        assert!(found.len() <= 1, "{part}");
        let lines = format!("{part}\n").repeat(limits::COMMAND_TEXT_BYTES_MAX / (part.len() + 1));
        assert!(read(&lines).len() <= limits::COMMANDS_PER_TEXT_MAX + 1);
    }
}
