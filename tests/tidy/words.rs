//! One standard term for each thing: refuses the private words of `words.toml` in names, messages and prose.
//!
//! It reads words, not meanings. A phrase or a path where a word is right is listed beside the term.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use strum::IntoEnumIterator as _;
use toml_edit::{DocumentMut, Item, Table, Value};

use crate::layers::{Language, Layers, is_word};
use crate::source::Violation;

/// The parts of a file that are read apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "lowercase")]
enum Layer {
    Identifier,
    /// A whole name with its case.
    Exact,
    Field,
    String,
    Prose,
}

/// The table of terms.
pub(crate) struct Terms {
    terms: Vec<Term>,
    /// The refused phrases by layer and first word.
    refused: HashMap<(Layer, String), Vec<Refused>>,
}

struct Refused {
    phrase: Vec<String>,
    /// The index of the term to write instead.
    term: usize,
}

struct Term {
    write: String,
    allow: Vec<Vec<String>>,
    allow_in: Vec<String>,
}

struct Token {
    word: String,
    line: usize,
}

impl Terms {
    pub(crate) fn new(table: &str) -> Self {
        let document: DocumentMut = table.parse().unwrap();
        let mut terms = Self { terms: Vec::new(), refused: HashMap::new() };
        for table in document["term"].as_array_of_tables().unwrap() {
            terms.add(table);
        }
        terms
    }

    fn add(&mut self, table: &Table) {
        let index = self.terms.len();
        for (key, item) in table {
            let layers: Vec<Layer> = match key {
                "write" | "allow" | "allow-in" => continue,
                "everywhere" => vec![Layer::Identifier, Layer::Field, Layer::String, Layer::Prose],
                key => {
                    let layer = Layer::iter().find(|layer| layer.to_string() == key);
                    vec![layer.unwrap_or_else(|| panic!("words.toml: unknown key `{key}`"))]
                }
            };
            for phrase in texts(Some(item)) {
                for layer in &layers {
                    let phrase = match layer {
                        Layer::Exact => vec![phrase.clone()],
                        _ => phrase_of(&phrase),
                    };
                    let key = (*layer, phrase[0].clone());
                    self.refused.entry(key).or_default().push(Refused { phrase, term: index });
                }
            }
        }
        self.terms.push(Term {
            write: table["write"].as_str().unwrap().to_owned(),
            allow: texts(table.get("allow")).iter().map(|p| phrase_of(p)).collect(),
            allow_in: texts(table.get("allow-in")),
        });
    }

    /// All refused words of a file and of its path.
    pub(crate) fn check(&self, path: &str, text: &str) -> Vec<Violation> {
        let mut found = BTreeMap::new();
        for (layer, tokens) in layers(path, text) {
            for (at, token) in tokens.iter().enumerate() {
                let refused = self.refused.get(&(layer, token.word.clone()));
                for refused in refused.into_iter().flatten() {
                    let term = &self.terms[refused.term];
                    if matches(&tokens, at, &refused.phrase) && !term.allows(path, &tokens, at) {
                        let phrase = refused.phrase.join(" ");
                        let message = format!("{layer} `{phrase}`: write {}", term.write);
                        // A name is an identifier and often a field as well: one report is enough.
                        found.entry((token.line, phrase)).or_insert(message);
                    }
                }
            }
        }
        let violation = |((line, _), message)| Violation { path: path.to_owned(), line, message };
        found.into_iter().map(violation).collect()
    }
}

impl Term {
    /// Whether the word at an index is part of an allowed phrase, or the path may use it.
    fn allows(&self, path: &str, tokens: &[Token], at: usize) -> bool {
        let in_phrase =
            |phrase: &Vec<String>| (0..phrase.len()).any(|before| before <= at && matches(tokens, at - before, phrase));
        self.allow_in.iter().any(|start| path.starts_with(start.as_str())) || self.allow.iter().any(in_phrase)
    }
}

fn texts(item: Option<&Item>) -> Vec<String> {
    let values = item.and_then(Item::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn phrase_of(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|token| token.word).collect()
}

fn matches(tokens: &[Token], at: usize, phrase: &[String]) -> bool {
    let number = |word: &str| word == "{" || word.chars().all(|c| c.is_ascii_digit());
    tokens[at..].len() >= phrase.len()
        && phrase
            .iter()
            .zip(&tokens[at..])
            .all(|(wanted, token)| *wanted == token.word || (wanted == "#" && number(&token.word)))
}

/// The layers of a file, each as its words and signs.
fn layers(path: &str, text: &str) -> Vec<(Layer, Vec<Token>)> {
    static FIELD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z_]\w*\s*:(?:[^:]|$)").unwrap());
    static ONE_NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""([a-z][a-z0-9_-]*)""#).unwrap());
    static STYLE_NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:[.#\[]|--)[A-Za-z][\w-]*").unwrap());
    static MARKER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^[ \t]*(//[/!]?|#|--|\*)").unwrap());
    static CODE_SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`[^`\n]*`").unwrap());
    static ESCAPE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\[nrt]?").unwrap());

    let Some(language) = Language::of(path) else {
        return Vec::new();
    };
    let split = Layers::new(language, text);
    let only = |regex: &Regex, text: &str| -> Vec<Token> {
        let lines = (1..).zip(text.lines());
        lines.flat_map(|(n, line)| regex.find_iter(line).flat_map(move |m| tokens_at(m.as_str(), n))).collect()
    };
    let mut identifiers = tokens(path);
    let mut fields = Vec::new();
    let mut exact = Vec::new();
    match language {
        Language::Toml => fields = tokens(&split.code),
        Language::Css => identifiers.extend(only(&STYLE_NAME, &split.code)),
        _ => identifiers.extend(tokens(&split.code)),
    }
    if language == Language::Rust {
        fields = only(&FIELD, &split.code);
        fields.extend(only(&ONE_NAME, &split.literals));
        for (line, text) in (1..).zip(split.code.lines()) {
            let names = text.split(|c| !is_word(c)).filter(|name| !name.is_empty());
            exact.extend(names.map(|name| Token { word: name.to_owned(), line }));
        }
    }
    let prose = MARKER.replace_all(&split.comments, "");
    vec![
        (Layer::Identifier, identifiers),
        (Layer::Exact, exact),
        (Layer::Field, fields),
        (Layer::String, tokens(&ESCAPE.replace_all(&split.literals, " "))),
        (Layer::Prose, tokens(&CODE_SPAN.replace_all(&prose, "`"))),
    ]
}

fn tokens(text: &str) -> Vec<Token> {
    tokens_at(text, 1)
}

/// The words and signs of a text. `CommitStatus`, `commit_status` and `commit-status` are two words each.
fn tokens_at(text: &str, first_line: usize) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let (mut line, mut before) = (first_line, ' ');
    for c in text.chars() {
        let camel = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        match found.last_mut() {
            _ if c == '\n' => line += 1,
            _ if c.is_whitespace() || matches!(c, '_' | '-') => {}
            Some(last) if c.is_alphanumeric() && before.is_alphanumeric() && !camel => {
                last.word.extend(c.to_lowercase());
            }
            _ => found.push(Token { word: c.to_lowercase().collect(), line }),
        }
        before = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
[[term]]
write = "commit status"
everywhere = ["lamp", "at home"]
allow = ["lava lamp"]
allow-in = ["src/physics/"]
[[term]]
write = "help"
identifier = ["light"]
exact = ["Scope"]
field = ["fix"]
string = ["revision #"]
prose = ["is no"]
"#;

    fn found(path: &str, text: &str) -> Vec<String> {
        let found = Terms::new(TABLE).check(path, text);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn words_are_refused_in_each_layer() {
        let text = "//! A lamp is no light.\nfn red_lamp(fix: u8) { let Scope = LightLamp { at_home }; }\n\
                    fn x() { y(\"one\\nlamp: revision {n}, or revision 3\"); json(\"fix\") }\n\n\n// A lamp.";
        let expected = [
            "src/a.rs:1: prose `is no`: write help",
            "src/a.rs:1: prose `lamp`: write commit status",
            "src/a.rs:2: exact `Scope`: write help",
            "src/a.rs:2: identifier `at home`: write commit status",
            "src/a.rs:2: field `fix`: write help",
            "src/a.rs:2: identifier `lamp`: write commit status",
            "src/a.rs:2: identifier `light`: write help",
            "src/a.rs:3: field `fix`: write help",
            "src/a.rs:3: string `lamp`: write commit status",
            "src/a.rs:3: string `revision #`: write help",
            "src/a.rs:6: prose `lamp`: write commit status",
        ];
        assert_eq!(found("src/a.rs", text), expected);
        assert_eq!(found("src/lamp.rs", "").len(), 1);
    }

    #[test]
    fn other_languages_have_the_same_layers() {
        for (path, text, layer) in [
            ("a.toml", "x = 1 # a lamp", "prose"),
            ("a.toml", "fix = \"light\"", "field"),
            ("a.sql", "CREATE TABLE lamp ();", "identifier"),
            ("a.sql", "-- Live at\n-- home.", "prose"),
            ("a.css", "a { color: lamp } .light { }", "identifier"),
            ("a.js", "x(`a lamp`)", "string"),
            ("a.sh", "echo \"It's a lamp\"", "string"),
            ("a.md", "A lamp.", "prose"),
            ("a.md", "`a-lamp`", "string"),
        ] {
            let found = found(path, text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains(&format!(" {layer} `")), "{text}: {found:?}");
        }
    }

    #[test]
    fn allowed_phrases_paths_and_longer_words_pass() {
        let text = "// A lava\n// lamp, lamps, `a lamp`; it is not.\nfn scope(light_fix_x: u8) {}";
        let only = found("src/a.rs", text);
        let expected = ["src/a.rs:3: field `fix`: write help", "src/a.rs:3: identifier `light`: write help"];
        assert_eq!(only, expected);
        assert_eq!(found("src/physics/a.rs", "// A lamp."), [""; 0]);
        assert_eq!(found("src/a.py", "# A lamp."), [""; 0]);
    }
}
