//! Text of people on terminals and forges: nothing invisible is left, and Markdown sees only text.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use referee::model::limits;
use referee::model::text::is_visible;
use referee::report::{escape, sanitize};

/// Splits a text for the searches of forges.
const BREAK: &str = "<!-- -->";

pub fn keeps(bytes: &[u8]) {
    let dirty = String::from_utf8_lossy(bytes);
    let text = sanitize::text(&dirty);
    assert!(
        text.chars()
            .all(|c| matches!(c, '\n' | '\t') || is_visible(c)),
        "{text:?}"
    );
    assert_eq!(sanitize::text(&text), text);
    assert!(text.len() <= dirty.len());
    let line = sanitize::line(&dirty);
    assert!(
        line.chars().all(is_visible) && line.trim() == line,
        "{line:?}"
    );
    assert_eq!(sanitize::line(&line), line);
    inline(&dirty, &line);
    block(&dirty);
    html(&dirty, &line);
    url(&dirty);
    let cut = escape::cut(&dirty, 20);
    assert!(
        cut.chars().count() <= 21 && line.starts_with(cut.trim_end_matches('…')),
        "{cut:?}"
    );
}

/// What Markdown makes of a text, with every extension that could find something in it.
fn events(markdown: &str) -> Vec<Event<'_>> {
    let options =
        Options::all() - Options::ENABLE_SMART_PUNCTUATION - Options::ENABLE_OLD_FOOTNOTES;
    Parser::new_ext(markdown, options).collect()
}

/// One paragraph of nothing but this text.
fn inline(dirty: &str, line: &str) {
    let escaped = escape::markdown_text(dirty);
    assert_eq!(shown(&escaped, |_| false), line, "{escaped:?}");
    let is_code = |event: &Event<'_>| matches!(event, Event::Code(_));
    let prose = escape::markdown_prose(dirty);
    // Backticks that mark code are not shown, and blanks at the ends of code need not be.
    let bare = |text: &str| text.replace(['`', ' '], "");
    assert_eq!(bare(&shown(&prose, is_code)), bare(line), "{prose:?}");
    let code = escape::markdown_code(dirty);
    if !code.starts_with('<') {
        assert_eq!(shown(&code, is_code), line, "{code:?}");
    }
}

/// The text of a paragraph that holds text, our breaks and these events.
fn shown(markdown: &str, or: impl Fn(&Event<'_>) -> bool) -> String {
    let mut shown = String::new();
    for event in events(markdown) {
        match event {
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            Event::Text(text) => shown.push_str(&text),
            Event::InlineHtml(html) if matches!(&*html, BREAK | "<code>" | "</code>") => {}
            event if or(&event) => match event {
                Event::Code(code) => shown.push_str(&code),
                other => panic!("{other:?} in {markdown:?}"),
            },
            other => panic!("{other:?} in {markdown:?}"),
        }
    }
    shown
}

/// One block of code, no longer than is allowed.
fn block(dirty: &str) {
    let most = 1000;
    let block = escape::code_block_within("text", dirty, most);
    assert!(
        block.len() <= 3 * most + limits::CODE_LINE_CHARS_MAX,
        "{} bytes",
        block.len()
    );
    let events = events(&block);
    let begins = matches!(
        events.first(),
        Some(Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language)))) if &**language == "text"
    );
    assert!(begins, "{events:?}");
    let inside = &events[1..events.len() - 1];
    assert!(
        inside.iter().all(|event| matches!(event, Event::Text(_))),
        "{events:?}"
    );
    assert_eq!(events.last(), Some(&Event::End(TagEnd::CodeBlock)));
    assert!(escape::code_block("", dirty).lines().count() <= limits::CODE_BLOCK_LINES_MAX + 3);
}

/// No tag but the break, and no quote that would end an attribute.
fn html(dirty: &str, line: &str) {
    let html = escape::html_text(dirty).replace(BREAK, "");
    assert!(!html.contains(['<', '>', '"']), "{html:?}");
    let plain = html
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    assert_eq!(plain.replace("&amp;", "&"), line);
}

/// An address stays within its brackets.
fn url(dirty: &str) {
    let Some(url) = escape::markdown_url(dirty) else {
        return;
    };
    assert!(url.starts_with("http"), "{url:?}");
    assert!(
        url.bytes()
            .all(|b| b.is_ascii_graphic() && !b"<>\\|`\"[]".contains(&b)),
        "{url:?}"
    );
    let link = format!("[text](<{url}>)");
    let links = events(&link);
    let is_link = matches!(links.get(1), Some(Event::Start(Tag::Link { .. })));
    assert!(is_link && links.len() == 5, "{links:?}");
}
