//! Untrusted text for terminals and forges: it has no invisible character, and Markdown parses it as text only.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use referee::model::limits;
use referee::model::text::is_visible;
use referee::report::{escape, sanitize};

/// The comment that interrupts references and addresses, so that forges do not link them.
const BREAK: &str = "<!-- -->";

pub(super) fn keeps(bytes: &[u8]) {
    let dirty = String::from_utf8_lossy(bytes);
    let text = sanitize::text(&dirty);
    assert!(text.chars().all(|c| matches!(c, '\n' | '\t') || is_visible(c)), "{text:?}");
    assert_eq!(sanitize::text(&text), text);
    assert!(text.len() <= dirty.len());
    let line = sanitize::line(&dirty);
    assert!(line.chars().all(is_visible) && line.trim() == line, "{line:?}");
    assert_eq!(sanitize::line(&line), line);
    inline(&dirty, &line);
    block(&dirty);
    html(&dirty, &line);
    url(&dirty);
    let shortened = escape::shortened(&dirty, 20);
    assert!(shortened.chars().count() <= 21 && line.starts_with(shortened.trim_end_matches('…')), "{shortened:?}");
}

/// The events of a Markdown parser with all extensions that could match.
fn events(markdown: &str) -> Vec<Event<'_>> {
    let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION - Options::ENABLE_OLD_FOOTNOTES;
    Parser::new_ext(markdown, options).collect()
}

/// The escaped text is one paragraph with only this text.
fn inline(dirty: &str, line: &str) {
    let escaped = escape::markdown_text(dirty);
    assert_eq!(paragraph_text(&escaped, false), line, "{escaped:?}");
    let prose = escape::markdown_prose(dirty);
    // The parser removes the backticks around code, and may remove spaces at its ends.
    let bare = |text: &str| text.replace(['`', ' '], "");
    assert_eq!(bare(&paragraph_text(&prose, true)), bare(line), "{prose:?}");
    let code = escape::markdown_code(dirty);
    if !code.starts_with('<') {
        assert_eq!(paragraph_text(&code, true), line, "{code:?}");
    }
}

/// The text of a paragraph. The paragraph may have text, [`BREAK`], and code if it is allowed.
fn paragraph_text(markdown: &str, code_allowed: bool) -> String {
    let mut all = String::new();
    for event in events(markdown) {
        match event {
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            Event::Text(text) => all.push_str(&text),
            Event::InlineHtml(html) if matches!(&*html, BREAK | "<code>" | "</code>") => {}
            Event::Code(code) if code_allowed => all.push_str(&code),
            other => panic!("{other:?} in {markdown:?}"),
        }
    }
    all
}

/// The text is one code block that keeps its limits.
fn block(dirty: &str) {
    let bytes_max = 1000;
    let block = escape::code_block_within("text", dirty, bytes_max);
    assert!(block.len() <= 3 * bytes_max + limits::CODE_LINE_CHARS_MAX, "{} bytes", block.len());
    let events = events(&block);
    let begins = matches!(
        events.first(),
        Some(Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language)))) if &**language == "text"
    );
    assert!(begins, "{events:?}");
    let inside = &events[1..events.len() - 1];
    assert!(inside.iter().all(|event| matches!(event, Event::Text(_))), "{events:?}");
    assert_eq!(events.last(), Some(&Event::End(TagEnd::CodeBlock)));
    assert!(escape::code_block("", dirty).lines().count() <= limits::CODE_BLOCK_LINES_MAX + 3);
}

/// The text has no tag except [`BREAK`], and no quote that would end an attribute.
fn html(dirty: &str, line: &str) {
    let html = escape::html_text(dirty).replace(BREAK, "");
    assert!(!html.contains(['<', '>', '"']), "{html:?}");
    let plain = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    assert_eq!(plain.replace("&amp;", "&"), line);
}

/// An address does not end its angle brackets.
fn url(dirty: &str) {
    let Some(url) = escape::markdown_url(dirty) else {
        return;
    };
    assert!(url.starts_with("http"), "{url:?}");
    assert!(url.bytes().all(|b| b.is_ascii_graphic() && !b"<>\\|`\"[]".contains(&b)), "{url:?}");
    let link = format!("[text](<{url}>)");
    let links = events(&link);
    let is_link = matches!(links.get(1), Some(Event::Start(Tag::Link { .. })));
    assert!(is_link && links.len() == 5, "{links:?}");
}
