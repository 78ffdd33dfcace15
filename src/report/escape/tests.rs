//! The escaped texts, read by a Markdown parser and by the searches of a forge: both find only text.

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::bytes::Regex;

use super::*;

/// The events of a parser with all extensions of pulldown-cmark except curly quotes.
fn parsed(markdown: &str) -> Vec<Event<'_>> {
    let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION - Options::ENABLE_OLD_FOOTNOTES;
    Parser::new_ext(markdown, options).collect()
}

/// The texts between the breaks, each of which a forge searches. Panics at any other markup.
fn nodes(events: &[Event<'_>]) -> Vec<String> {
    let mut nodes = vec![String::new()];
    for event in events {
        match event {
            Event::Text(text) => nodes.last_mut().unwrap().push_str(text),
            Event::InlineHtml(html) if &**html == BREAK => nodes.push(String::new()),
            other => panic!("{other:?} in {events:?}"),
        }
    }
    nodes
}

/// The texts of the only paragraph.
fn paragraph(markdown: &str) -> Vec<String> {
    let events = parsed(markdown);
    let [Event::Start(Tag::Paragraph), inside @ .., Event::End(TagEnd::Paragraph)] = &events[..] else {
        panic!("{markdown:?} gives {events:?}");
    };
    nodes(inside)
}

/// The texts of the first cell in the body of a table.
fn cell(markdown: &str) -> Vec<String> {
    let table = format!("| head | second |\n|---|---|\n| {markdown} | last |\n");
    let events = parsed(&table);
    let row = events.iter().position(|e| *e == Event::Start(Tag::TableRow)).unwrap();
    let ends = |e: &Event<'_>| *e == Event::End(TagEnd::TableCell);
    let end = row + events[row..].iter().position(ends).unwrap();
    let rest = &events[end + 1..];
    let last = [
        Event::Start(Tag::TableCell),
        Event::Text("last".into()),
        Event::End(TagEnd::TableCell),
        Event::End(TagEnd::TableRow),
        Event::End(TagEnd::Table),
    ];
    assert_eq!(rest, last, "{markdown}");
    nodes(&events[row + 2..end])
}

/// The patterns that Gitea 1.26 searches for in the texts of a rendered page (`modules/markup/html.go`,
/// `modules/references/references.go`). In them, `\s` and `\w` match only ASCII.
const SEARCHES: [(&str, &str); 13] = [
    ("mention", r"(?:\s|^|\(|\[)(@[-\w][-.\w]*?|@[-\w][-.\w]*?/[-\w][-.\w]*?)(?:\s|$|[:,;.?!](\s|$)|'|\)|\])"),
    ("issue", r#"(?:\s|^|\(|\[|\'|\")([#!][0-9]+)(?:\s|$|\)|\]|\'|\"|[:;,.?!]\s|[:;,.?!]$)"#),
    ("issue of a tracker", r#"(?:\s|^|\(|\[|\"|\')([A-Z]{1,10}-[1-9][0-9]*)(?:\s|$|\)|\]|:|\.(\s|$)|\"|\'|,)"#),
    (
        "issue elsewhere",
        r"(?:\s|^|\(|\[)([0-9a-zA-Z-_\.]+/[0-9a-zA-Z-_\.]+[#!][0-9]+)(?:\s|$|\)|\]|[:;,.?!]\s|[:;,.?!]$)",
    ),
    (
        "commit elsewhere",
        r"(?:\s|^|\(|\[)([0-9a-zA-Z-_\.]+)/([0-9a-zA-Z-_\.]+)@([0-9a-f]{7,64})(?:\s|$|\)|\]|[:;,.?!]\s|[:;,.?!]$)",
    ),
    ("time", r"(?:\s|^|\(|\[)(@([0-9]+([\.,][0-9]+)?(w|d|m|h))+)(?:\s|$|\)|\]|[:;,.?!]\s|[:;,.?!]$)"),
    ("commit", r"(?:\s|^|\(|\[)([0-9a-f]{7,64})(?:\s|$|\)|\]|[.,:](\s|$))"),
    ("page of a wiki", r"\[\[(.*?)\]\](\w*)"),
    (
        "mail",
        concat!(
            r"\b([-\w.!#$%&'*+/=?^{|}~]*@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?",
            r"(?:\.[a-zA-Z0-9]{2,}(?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+)\b",
        ),
    ),
    ("smiley", r":[-+\w]+:"),
    ("address", r"(?i)[a-z][-+.\w]*://\S"),
    ("address without a host", r"(?i)\b(mailto|xmpp|tel|magnet):\S"),
    ("page of the web", r"(?i)(?:^|[\s*_~(])www\.\S"),
];

fn searches() -> Vec<(&'static str, Regex)> {
    let ascii = |(name, pattern): &(&'static str, &str)| (*name, Regex::new(&format!("(?-u){pattern}")).unwrap());
    SEARCHES.iter().map(ascii).collect()
}

fn assert_nothing_found(searches: &[(&str, Regex)], nodes: &[String]) {
    for node in nodes {
        for (name, pattern) in searches {
            assert!(!pattern.is_match(node.as_bytes()), "{name} in {nodes:?}");
        }
    }
}

/// Texts that a participant could try.
const TRIED: [&str; 40] = [
    "@alpha",
    "see @org/team, please",
    "(@alpha)",
    "a@b.example",
    "@1h30m",
    "#12",
    "!12",
    "fixes #12.",
    "owner/repo#12",
    "owner/repo!12",
    "owner/repo@deadbeef12",
    "GH-12",
    "gh-12",
    "ABC-1: x",
    "deadbeef1",
    "8ed3f6ad685b959ead7022518e1af76cd816f8e8",
    "20240131",
    "https://evil.example/x",
    "http://a.b",
    "ftp://a.b/c",
    "mailto:a@b.example",
    "www.evil.example",
    "WWW.evil.example",
    ":tada:",
    ":+1::tada:",
    "[[wiki|page]]",
    "[text](https://evil.example)",
    "![x](y.png)",
    "<img src=x onerror=y>",
    "<script>alert(1)</script>",
    "a | b",
    "**bold** _it_ ~~no~~ `code`",
    "# heading",
    "- item",
    "1. item",
    "--- ",
    "{#id .class}",
    "$x^2$ \\(y\\) \\[z\\]",
    "[^1]: note",
    "&lt;b&gt; &#64;alpha",
];

#[test]
fn tried_texts_stay_text_and_no_search_finds_them() {
    let searches = searches();
    for tried in TRIED {
        let line = sanitize::line(tried);
        let escaped = markdown_text(tried);
        assert_eq!(paragraph(&escaped).concat(), line, "{escaped}");
        assert_eq!(cell(&escaped).concat(), line, "{escaped}");
        assert_nothing_found(&searches, &paragraph(&escaped));
    }
}

/// A pattern with a mistake would match nothing, and the test above would always pass.
#[test]
fn every_search_finds_an_unescaped_text() {
    for (name, pattern) in searches() {
        assert!(TRIED.iter().any(|tried| pattern.is_match(tried.as_bytes())), "{name}");
    }
}

#[test]
fn harmless_texts_are_unchanged() {
    for text in ["Scored, rank 2 of 7.", "1.2 GiB in 9 layers", "team-1", "5 @ 3", "a: b", "größer als 5 µm"] {
        assert_eq!(markdown_text(text), text);
    }
    assert_eq!(markdown_text("@alpha broke #1"), "\\@<!-- -->alpha broke \\#<!-- -->1");
    assert_eq!(markdown_text(""), "");
}

#[test]
fn paired_backticks_enclose_code_and_a_lone_one_is_dropped() {
    assert_eq!(markdown_prose("Write `a*b`, not *b*."), "Write `a*b`, not \\*b\\*.");
    assert_eq!(markdown_prose("a ` @b"), "a  \\@<!-- -->b");
    // The line begins behind the dropped backtick.
    assert_eq!(markdown_prose("` - b"), markdown_text("- b"));
    assert_eq!(markdown_prose("`` # b"), markdown_text("# b"));
    // The texts around a dropped backtick are escaped as one text.
    assert_eq!(markdown_prose("``1`. b"), markdown_text("1. b"));
    assert_eq!(markdown_prose("see @`name"), markdown_text("see @name"));
    assert_eq!(markdown_prose("`` ``#``1"), markdown_text("#1"));
}

#[test]
fn code_can_contain_backticks_and_bars() {
    assert_eq!(markdown_code("a``b"), "```a``b```");
    assert_eq!(markdown_code("`"), "`` ` ``");
    assert_eq!(markdown_code("a | `b`"), "<code>a &#124; \\`b\\`</code>");
    assert_eq!(markdown_code("\u{202e}\n"), "");
}

#[test]
fn only_addresses_of_the_web_are_links() {
    let url = |text| markdown_url(text);
    assert_eq!(url("https://a.example/b?c=1&d#L1").as_deref(), Some("https://a.example/b?c=1&amp;d#L1"));
    assert_eq!(url("https://a.example/x> y\n|ä").as_deref(), Some("https://a.example/x%3E%20y%0A%7C%C3%A4"));
    assert_eq!(url("javascript://a.example/%0aalert(1)"), None);
    assert_eq!(url("/relative"), None);
}

#[test]
fn blocks_state_the_number_of_omitted_lines() {
    let lines: String = (0..1000).map(|i| format!("line {i}\n")).collect();
    let block = code_block("text", &lines);
    assert!(block.starts_with("```text\nline 0\n") && block.ends_with("line 999\n```"));
    assert!(block.contains("\nline 65\n… 800 lines left out …\nline 866\n"), "{block}");
    assert_eq!(code_block("text", "a\u{1b}[31mb\n"), "```text\nab\n```");
    let endless = code_block("text", &"x".repeat(1_000_000));
    assert!(endless.len() < limits::CODE_LINE_CHARS_MAX + 20 && endless.contains("x…\n"));
}

/// Texts with Markdown syntax, and arbitrary texts.
fn texts() -> impl Strategy<Value = String> {
    let tried = proptest::sample::select(&TRIED[..]).prop_map(str::to_owned);
    let pieces = prop_oneof!["[ -~]{0,8}", "[@#!:.\\[\\]`|\\\\*_<>a-f0-9-]{0,12}", tried];
    let pieces = proptest::collection::vec(pieces, 0..6).prop_map(|p| p.concat());
    prop_oneof![pieces, any::<String>()]
}

proptest! {
    #[test]
    fn text_is_one_paragraph_without_markup(text in texts()) {
        let line = sanitize::line(&text);
        if !line.is_empty() {
            prop_assert_eq!(paragraph(&markdown_text(&text)).concat(), line.clone());
        }
        prop_assert_eq!(cell(&markdown_text(&text)).concat(), line);
    }

    #[test]
    fn no_search_finds_anything_in_escaped_text(text in texts()) {
        thread_local!(static SEARCHES: Vec<(&'static str, Regex)> = searches());
        let line = sanitize::line(&text);
        if !line.is_empty() {
            SEARCHES.with(|s| assert_nothing_found(s, &paragraph(&markdown_text(&text))));
        }
    }

    #[test]
    fn escaped_code_is_one_piece_of_code(text in texts()) {
        let line = sanitize::line(&text);
        let code = markdown_code(&text);
        let table = format!("| head |\n|---|\n| {code} |\n");
        for markdown in [code.clone(), table] {
            let mut found = String::new();
            for event in parsed(&markdown) {
                match event {
                    Event::Code(code) => found.push_str(&code),
                    Event::Text(text) if &*text != "head" => found.push_str(&text),
                    Event::Text(_) | Event::Start(_) | Event::End(_) => {}
                    Event::InlineHtml(html) => {
                        prop_assert!(["<code>", "</code>", BREAK].contains(&&*html));
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert_eq!(found, line.clone(), "{}", markdown);
        }
    }

    #[test]
    fn no_text_ends_its_code_block(text in prop_oneof!["[`a~\n ]{0,60}", any::<String>()]) {
        let block = code_block("text", &text);
        let events = parsed(&block);
        let [Event::Start(Tag::CodeBlock(_)), inside @ .., Event::End(TagEnd::CodeBlock)] = &events[..] else {
            panic!("{block:?} gives {events:?}");
        };
        let content: String = inside.iter().map(|e| match e {
            Event::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }).collect();
        let lines: Vec<String> = sanitize::text(&text).lines().map(str::to_owned).collect();
        let wanted = lines.join("\n");
        prop_assert_eq!(content.trim_end_matches('\n'), wanted.trim_end_matches('\n'));
    }

    #[test]
    fn escaped_html_has_no_tags(text in texts()) {
        let html = html_text(&text);
        prop_assert!(!html.replace(BREAK, "").contains(['<', '>', '"']));
    }
}
