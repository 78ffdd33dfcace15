//! How often comments of `src` use words that make prose hard to read: headless relatives and talking files.

use std::sync::LazyLock;

use regex::Regex;

use crate::source::{Source, line_of};

/// Words, and how often they may occur per 1,000 words of comments. Code in comments does not count.
const RATES: [(&str, f64); 3] = [
    (r"(?i)\b(what|whatever)\b", 2.0),
    (r"(?i)\b(somebody|nobody|whoever|everybody|anybody|someone)\b", 0.0),
    (r"(?i)\b(says?|said)\b", 0.3),
];

/// One message for each rate that is exceeded, with the lines.
pub(crate) fn check(sources: &[Source]) -> Vec<String> {
    static CODE_SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`[^`\n]*`").unwrap());
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z][A-Za-z'-]*").unwrap());
    let comments: Vec<(&str, String)> = sources
        .iter()
        .filter(|source| source.path.starts_with("src/"))
        .map(|source| {
            let text = source.comments.join("\n");
            (source.path.as_str(), CODE_SPAN.replace_all(&text, "").into_owned())
        })
        .collect();
    let words: usize = comments.iter().map(|(_, text)| WORD.find_iter(text).count()).sum();
    let mut found = Vec::new();
    for (pattern, rate_max) in RATES {
        let pattern = Regex::new(pattern).unwrap();
        let mut lines = Vec::new();
        for (path, text) in &comments {
            let hits = pattern.find_iter(text);
            lines.extend(hits.map(|hit| format!("{path}:{}: `{}`", line_of(text, hit.start()), hit.as_str())));
        }
        let rate = 1000.0 * lines.len() as f64 / words.max(1) as f64;
        if rate > rate_max {
            let lines = lines.join("\n");
            found.push(format!("{pattern}: {rate:.2} per 1,000 words, {rate_max} are the most:\n{lines}"));
        }
    }
    found
}

#[test]
fn rates_count_words_of_comments_alone() {
    let source = |path: &str, text: &str| Source::new(path, text);
    let comment = format!("// {}\n", "word ".repeat(499));
    let allowed = format!("{comment}{comment}// What `nobody` is.\nlet what = \"what somebody says\";\n");
    assert_eq!(check(&[source("src/a.rs", &allowed)]), [""; 0]);
    let refused = format!("{allowed}/// It says what\n/// nobody knows, whatever.");
    let found = check(&[source("src/a.rs", &refused), source("tests/a.rs", "// what")]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("what") && found[0].contains("\nsrc/a.rs:5: `what`"), "{found:?}");
    assert!(found[1].contains("\nsrc/a.rs:6: `nobody`"), "{found:?}");
}
