//! The lines of a Markdown text that may be commands: lines of plain paragraphs and list items, from
//! their first character.
//!
//! It ignores text that quotes or only displays something: quotes, code, tables, headings, links,
//! emphasis, footnotes and HTML.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The number of the line in the text, from 1.
    pub number: usize,
    /// As written, without the blanks around it.
    pub text: &'a str,
}

/// The lines of a text that may be commands, in order.
pub(super) fn lines(markdown: &str) -> Vec<Line<'_>> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut scan = Scan::new(markdown);
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        // The range of an end event is that of the whole element.
        let at = match event {
            Event::End(_) => range.end,
            _ => range.start,
        };
        scan.event(&event, at);
    }
    scan.close(markdown.len());
    scan.found
}

struct Scan<'a> {
    markdown: &'a str,
    /// How many ignored elements are open here.
    ignored: usize,
    /// How many HTML elements that quote or show code are open here.
    quoting: usize,
    /// Whether the next piece of text begins a line.
    at_start: bool,
    /// The column of the first line of this block.
    block: Option<usize>,
    /// The byte at which the current line begins.
    open: Option<usize>,
    /// The byte up to which line ends are counted.
    counted_to: usize,
    /// Line ends up to there.
    line_ends: usize,
    found: Vec<Line<'a>>,
}

impl<'a> Scan<'a> {
    fn new(markdown: &'a str) -> Self {
        Self {
            markdown,
            ignored: 0,
            quoting: 0,
            at_start: false,
            block: None,
            open: None,
            counted_to: 0,
            line_ends: 0,
            found: Vec::new(),
        }
    }

    fn event(&mut self, event: &Event<'_>, at: usize) {
        match event {
            Event::Start(Tag::Paragraph | Tag::Item) => self.begin_block(at),
            Event::Start(Tag::List(_)) => self.close(at),
            Event::Start(tag) => {
                if !is_span(tag) {
                    self.close(at);
                }
                self.ignored += 1;
                self.at_start = false;
            }
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::List(_)) => self.begin_block(at),
            Event::End(end) => {
                self.ignored = self.ignored.saturating_sub(1);
                if !is_span_end(*end) {
                    self.begin_block(at);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                self.close(at);
                self.at_start = true;
            }
            Event::Text(_) => {
                if self.at_start {
                    self.begin_line(at);
                }
                self.at_start = false;
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                self.quoting = quoting(html, self.quoting);
                self.at_start = false;
            }
            _ => self.at_start = false,
        }
    }

    fn begin_block(&mut self, at: usize) {
        self.close(at);
        self.at_start = true;
        self.block = None;
    }

    fn begin_line(&mut self, at: usize) {
        let column = self.column(at);
        let block = *self.block.get_or_insert(column);
        // A line indented this far is meant as code, although Markdown continues the paragraph.
        let indented = column >= block + 4;
        // `\/rerun` is how Markdown escapes a command.
        let escaped = self.markdown[..at].ends_with('\\');
        if self.ignored == 0 && self.quoting == 0 && !indented && !escaped {
            self.open = Some(at);
        }
    }

    /// Ends the current line at its line end or at `end`, whichever comes first.
    fn close(&mut self, end: usize) {
        let Some(start) = self.open.take() else {
            return;
        };
        let text = self.markdown.get(start..end.max(start)).unwrap_or_default();
        let text = text.split(['\n', '\r']).next().unwrap_or_default().trim();
        let number = self.number(start);
        self.found.push(Line { number, text });
    }

    /// The number of the line that holds a byte. Calls come with ascending bytes.
    fn number(&mut self, at: usize) -> usize {
        let between = self.markdown.get(self.counted_to..at).unwrap_or_default();
        let line_feeds = between.matches('\n').count();
        let carriage_returns = between.replace("\r\n", "").matches('\r').count();
        self.line_ends += line_feeds + carriage_returns;
        self.counted_to = at;
        self.line_ends + 1
    }

    /// Columns before a byte in its line. A tab counts as four.
    fn column(&self, at: usize) -> usize {
        let before = &self.markdown[..at];
        let line = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let width = |c| if c == '\t' { 4 } else { 1 };
        before[line..].chars().map(width).sum()
    }
}

/// Whether a tag is part of a line rather than a block.
fn is_span(tag: &Tag<'_>) -> bool {
    is_span_end(tag.to_end())
}

fn is_span_end(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image
    )
}

/// How many elements that quote or show code are open after a piece of HTML.
fn quoting(html: &str, open: usize) -> usize {
    const ELEMENTS: [&str; 8] = ["blockquote", "code", "del", "kbd", "pre", "q", "s", "samp"];
    let html = html.to_ascii_lowercase();
    html.split('<').skip(1).fold(open, |open, tag| {
        let (name, step) = match tag.strip_prefix('/') {
            Some(name) => (name, -1),
            None => (tag, 1),
        };
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        if ELEMENTS.contains(&&name[..end.unwrap_or(name.len())]) { open.saturating_add_signed(step) } else { open }
    })
}
