//! Words that nobody may be told, and the forms in which bytes could tell them.
//!
//! It refuses to be led astray by what stands between the letters: for a second look all white space and
//! every backslash is left out, with which texts are broken and escaped.
//!
//! Other test programs include it by `#[path = "../hostile/canary.rs"] mod canary;`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What everything hidden carries: data of the hidden phase, its truth, names of its cases, the scorer.
pub const CANARY: &str = "canary-";

/// What begins a gzip file.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// What a packed text may unpack to.
const UNPACKED_MAX: u64 = 1 << 20;

/// How a word is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Plain,
    Capitals,
    Reversed,
    /// Of either alphabet, wherever in the data the word stands.
    Base64,
    Hex,
    /// By gzip, as bytes or in base64 or hexadecimal, and in any of the other forms within.
    Packed,
}

/// Words that are looked for, all at once.
pub struct Words {
    words: Vec<String>,
    /// The word by its place, its form, and the bytes to look for.
    forms: Vec<(usize, Form, Vec<u8>)>,
    /// Finds the forms, and behind them the marks of gzip files.
    any: Finder,
}

impl Words {
    /// Looks for these words in every form.
    pub fn of<T: AsRef<str>>(words: &[T]) -> Self {
        let words: Vec<String> = words.iter().map(|w| w.as_ref().to_owned()).collect();
        let mut forms = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let all = forms_of(word).into_iter();
            forms.extend(all.map(|(form, bytes)| (at, form, bytes)));
        }
        let bytes = forms.iter().map(|(_, _, bytes)| bytes.clone());
        let any = Finder::of(bytes.chain(gzip_marks()).collect());
        Self { words, forms, any }
    }

    /// A word that these bytes tell, and the form.
    pub fn told(&self, bytes: impl AsRef<[u8]>) -> Option<String> {
        let found = self.found(bytes.as_ref()).into_iter().next();
        found.map(|(word, form)| format!("{} ({form:?})", self.words[word]))
    }

    /// All forms in which these bytes tell the words.
    pub fn forms(&self, bytes: impl AsRef<[u8]>) -> BTreeSet<Form> {
        let found = self.found(bytes.as_ref()).into_iter();
        found.map(|(_, form)| form).collect()
    }

    fn found(&self, bytes: &[u8]) -> BTreeSet<(usize, Form)> {
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\\';
        let bare: Vec<u8> = bytes.iter().copied().filter(|b| !is_between(b)).collect();
        let mut found = BTreeSet::new();
        for bytes in [bytes, &bare] {
            for (at, which) in self.any.positions(bytes) {
                let Some(mark) = which.checked_sub(self.forms.len()) else {
                    found.insert((self.forms[which].0, self.forms[which].1));
                    continue;
                };
                let unpacked = unpacked(bytes, at, mark).unwrap_or_default();
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

/// What base64 makes of bytes that so many others stand before, without the characters that depend on
/// what stands beside them.
fn in_base64(bytes: &[u8], before: usize) -> [String; 2] {
    let data = [&vec![b'x'; before][..], bytes].concat();
    let (from, to) = (first_in_base64(before), data.len() * 8 / 6);
    [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].map(|engine| engine.encode(&data)[from..to].to_owned())
}

fn first_in_base64(before: usize) -> usize {
    (before * 8).div_ceil(6)
}

/// Looks for many things at once, each of two bytes at least.
struct Finder {
    wanted: Vec<Vec<u8>>,
    /// By the two bytes that they begin with.
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
        Self {
            wanted,
            by_start,
            is_start,
        }
    }

    /// Where something begins, and what.
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

/// What gzip files begin with: in base64 behind none, one and two bytes, in hexadecimal, as bytes.
fn gzip_marks() -> impl Iterator<Item = Vec<u8>> {
    let in_base64 = (0..3).map(|before| in_base64(&GZIP, before)[0].clone());
    let in_hex = [hex::encode(GZIP), hex::encode_upper(GZIP)];
    let texts = in_base64.chain(in_hex).map(String::into_bytes);
    texts.chain([GZIP.to_vec()])
}

/// What the gzip file at such a mark holds, also if it was cut short.
fn unpacked(bytes: &[u8], at: usize, mark: usize) -> Option<Vec<u8>> {
    let packed = match mark {
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
    let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let text: Vec<u8> = text.iter().map(plain).take_while(is_of_it).collect();
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
    // What comes before an error counts.
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
            (
                Form::Packed,
                format!("log: {} end", STANDARD.encode(&packed)),
            ),
            (Form::Packed, STANDARD.encode([b"1", &packed[..]].concat())),
            (Form::Packed, STANDARD.encode([b"12", &packed[..]].concat())),
            (Form::Packed, URL_SAFE_NO_PAD.encode(&packed)),
            (Form::Packed, hex::encode(&packed)),
            (Form::Packed, STANDARD.encode(&within)),
        ] {
            assert!(words.forms(&text).contains(&form), "{form:?}: {text}");
        }
        let bytes = [b"file ", &packed[..packed.len() - 6]].concat();
        assert_eq!(words.told(bytes).unwrap(), "canary- (Packed)");
        assert_eq!(words.told("nothing of it: H4sI, 1f8b08 and Y2Fu"), None);
    }
}
