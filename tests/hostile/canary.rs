//! Searches bytes for hidden words in plain text and in several encodings.
//!
//! It searches twice. The second search ignores white space and backslashes, which wrap and escape texts.
//!
//! Other test programs include it by `#[path = "../hostile/canary.rs"] mod canary;`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The word in everything that is hidden: the data of the hidden phase, its ground truth, the names of its cases, and
/// the scorer.
pub(crate) const CANARY: &str = "canary-";

/// The first bytes of a gzip file.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// The most bytes that a packed text is unpacked to.
const UNPACKED_MAX: u64 = 1 << 20;

/// The encoding of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Plain,
    Capitals,
    Reversed,
    /// In both alphabets, at any offset in the data.
    Base64,
    Hex,
    /// A gzip file, as bytes, in base64 or in hexadecimal, which holds the word in any of the other forms.
    Packed,
}

/// Words to search for, all at once.
pub(crate) struct Words {
    words: Vec<String>,
    /// The index of a word, its form, and the bytes to search for.
    forms: Vec<(usize, Form, Vec<u8>)>,
    /// Finds the bytes of all forms, and after them the starts of gzip files.
    any: Finder,
}

impl Words {
    pub(crate) fn of<T: AsRef<str>>(words: &[T]) -> Self {
        let words: Vec<String> = words.iter().map(|w| w.as_ref().to_owned()).collect();
        let mut forms = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let all = forms_of(word).into_iter();
            forms.extend(all.map(|(form, bytes)| (at, form, bytes)));
        }
        let bytes = forms.iter().map(|(_, _, bytes)| bytes.clone());
        let any = Finder::of(bytes.chain(gzip_starts()).collect());
        Self { words, forms, any }
    }

    /// The first word in these bytes, with its form.
    pub(crate) fn find(&self, bytes: impl AsRef<[u8]>) -> Option<String> {
        let found = self.found(bytes.as_ref()).into_iter().next();
        found.map(|(word, form)| format!("{} ({form:?})", self.words[word]))
    }

    /// All forms in which these bytes hold the words.
    pub(crate) fn forms(&self, bytes: impl AsRef<[u8]>) -> BTreeSet<Form> {
        let found = self.found(bytes.as_ref()).into_iter();
        found.map(|(_, form)| form).collect()
    }

    fn found(&self, bytes: &[u8]) -> BTreeSet<(usize, Form)> {
        let ignored = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\\';
        let bare: Vec<u8> = bytes.iter().copied().filter(|b| !ignored(b)).collect();
        let mut found = BTreeSet::new();
        for bytes in [bytes, &bare] {
            for (at, which) in self.any.positions(bytes) {
                let Some(gzip_start) = which.checked_sub(self.forms.len()) else {
                    found.insert((self.forms[which].0, self.forms[which].1));
                    continue;
                };
                let unpacked = unpacked(bytes, at, gzip_start).unwrap_or_default();
                let within = self.any.positions(&unpacked).into_iter();
                let words = within.filter_map(|(_, form)| Some(self.forms.get(form)?.0));
                found.extend(words.map(|word| (word, Form::Packed)));
            }
        }
        found
    }
}

fn forms_of(word: &str) -> Vec<(Form, Vec<u8>)> {
    let mut forms = vec![
        (Form::Plain, word.to_owned()),
        (Form::Capitals, word.to_uppercase()),
        (Form::Reversed, word.chars().rev().collect()),
        (Form::Hex, hex::encode(word)),
        (Form::Hex, hex::encode_upper(word)),
    ];
    for before in 0..3 {
        let all = in_base64(word.as_bytes(), before).into_iter();
        forms.extend(all.map(|text| (Form::Base64, text)));
    }
    let bytes = |(form, text): (Form, String)| (form, text.into_bytes());
    forms.into_iter().map(bytes).collect()
}

/// Bytes in base64 at an offset, in both alphabets, without the characters that depend on the neighbouring bytes.
fn in_base64(bytes: &[u8], before: usize) -> [String; 2] {
    let data = [&vec![b'x'; before][..], bytes].concat();
    let (from, to) = (first_in_base64(before), data.len() * 8 / 6);
    [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].map(|engine| engine.encode(&data)[from..to].to_owned())
}

fn first_in_base64(before: usize) -> usize {
    (before * 8).div_ceil(6)
}

/// Searches for many patterns at once. Each has at least two bytes.
struct Finder {
    wanted: Vec<Vec<u8>>,
    /// The indices of the patterns by their first two bytes.
    by_start: BTreeMap<usize, Vec<usize>>,
    is_start: Vec<bool>,
}

/// Two bytes as one number.
fn start(two: &[u8]) -> usize {
    usize::from(two[0]) << 8 | usize::from(two[1])
}

impl Finder {
    fn of(wanted: Vec<Vec<u8>>) -> Self {
        let mut by_start: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut is_start = vec![false; 1 << 16];
        for (at, bytes) in wanted.iter().enumerate() {
            by_start.entry(start(bytes)).or_default().push(at);
            is_start[start(bytes)] = true;
        }
        Self { wanted, by_start, is_start }
    }

    /// The offset of each match and the index of its pattern.
    fn positions(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        for (at, two) in bytes.windows(2).enumerate() {
            if !self.is_start[start(two)] {
                continue;
            }
            for which in &self.by_start[&start(two)] {
                if bytes[at..].starts_with(&self.wanted[*which]) {
                    all.push((at, *which));
                }
            }
        }
        all
    }
}

/// The first bytes of gzip files: in base64 at the offsets 0, 1 and 2, in hexadecimal in both cases, and plain.
fn gzip_starts() -> impl Iterator<Item = Vec<u8>> {
    let in_base64 = (0..3).map(|before| in_base64(&GZIP, before)[0].clone());
    let in_hex = [hex::encode(GZIP), hex::encode_upper(GZIP)];
    let texts = in_base64.chain(in_hex).map(String::into_bytes);
    texts.chain([GZIP.to_vec()])
}

/// The content of the gzip file at a match of `gzip_starts`, also if the file is truncated.
fn unpacked(bytes: &[u8], at: usize, gzip_start: usize) -> Option<Vec<u8>> {
    let packed = match gzip_start {
        before @ 0..3 => from_base64(&bytes[at.checked_sub(first_in_base64(before))?..], before),
        3 | 4 => from_hex(&bytes[at..]),
        _ => Some(bytes[at..].to_vec()),
    };
    packed.map(|packed| unpack(&packed))
}

fn from_base64(text: &[u8], before: usize) -> Option<Vec<u8>> {
    let plain = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let text: Vec<u8> = text.iter().map(plain).take_while(is_base64).collect();
    let whole = text.len() / 4 * 4;
    let bytes = STANDARD_NO_PAD.decode(&text[..whole]).ok()?;
    bytes.get(before..).map(<[u8]>::to_vec)
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let digits: Vec<u8> = digits.copied().collect();
    hex::decode(&digits[..digits.len() / 2 * 2]).ok()
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(packed).take(UNPACKED_MAX);
    // The content before an error counts.
    let _ = reader.read_to_end(&mut unpacked);
    unpacked
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packer, text.as_bytes()).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_word_is_found_in_every_form() {
        let words = Words::of(&["another", CANARY]);
        let secret = format!("a line with {CANARY}quince in it\n");
        let (packed, within) = (gzip(&secret), gzip(&STANDARD.encode(&secret)));
        let base64 = STANDARD.encode(&secret);
        let broken = format!("{}\n{}", &base64[..20], &base64[20..]);
        for (form, text) in [
            (Form::Plain, secret.clone()),
            (Form::Plain, "canary\\-".to_owned()),
            (Form::Capitals, secret.to_uppercase()),
            (Form::Reversed, secret.chars().rev().collect()),
            (Form::Base64, base64),
            (Form::Base64, broken),
            (Form::Base64, STANDARD.encode(format!("1{secret}"))),
            (Form::Base64, STANDARD.encode(format!("12{secret}"))),
            (Form::Hex, hex::encode(&secret)),
            (Form::Hex, hex::encode_upper(&secret)),
            (Form::Packed, format!("log: {} end", STANDARD.encode(&packed))),
            (Form::Packed, STANDARD.encode([b"1", &packed[..]].concat())),
            (Form::Packed, STANDARD.encode([b"12", &packed[..]].concat())),
            (Form::Packed, URL_SAFE_NO_PAD.encode(&packed)),
            (Form::Packed, hex::encode(&packed)),
            (Form::Packed, STANDARD.encode(&within)),
        ] {
            assert!(words.forms(&text).contains(&form), "{form:?}: {text}");
        }
        let bytes = [b"file ", &packed[..packed.len() - 6]].concat();
        assert_eq!(words.find(bytes).unwrap(), "canary- (Packed)");
        assert_eq!(words.find("no word: H4sI, 1f8b08 and Y2Fu"), None);
    }
}
