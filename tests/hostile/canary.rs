//! The word that everything hidden carries, and the forms in which a text could tell it.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// No text with this in it may ever be shown: data of the hidden phase, its truth, names of its cases.
pub const CANARY: &str = "canary-";

/// Base64 of what begins a gzip file.
const GZIP_IN_BASE64: &str = "H4sI";
/// What a packed text may unpack to.
const UNPACKED_MAX: u64 = 1 << 20;

/// The form in which a text tells the word: plain, base64 (wherever in the data it stands), hexadecimal,
/// or packed with gzip and written in base64.
pub fn told(text: &str) -> Option<String> {
    let forms = forms();
    let found = forms.iter().find(|form| text.contains(form.as_str()));
    found.cloned().or_else(|| packed(text, &forms))
}

fn forms() -> Vec<String> {
    let mut forms = vec![
        CANARY.to_owned(),
        CANARY.to_uppercase(),
        CANARY.chars().rev().collect(),
        hex::encode(CANARY),
        hex::encode_upper(CANARY),
    ];
    for before in 0..3 {
        let data = [&vec![b'x'; before][..], CANARY.as_bytes()].concat();
        for text in [STANDARD_NO_PAD.encode(&data), URL_SAFE_NO_PAD.encode(&data)] {
            // The first and the last character depend on what stands beside the word.
            let (from, to) = ((before * 8).div_ceil(6), data.len() * 8 / 6);
            forms.push(text[from..to].to_owned());
        }
    }
    forms
}

fn packed(text: &str, forms: &[String]) -> Option<String> {
    text.match_indices(GZIP_IN_BASE64).find_map(|(at, _)| {
        let all: String = text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "+/".contains(*c))
            .collect();
        let whole = all.len() / 4 * 4;
        let bytes = STANDARD.decode(&all[..whole]).ok()?;
        let mut unpacked = Vec::new();
        // Also of what was cut short.
        let _ = flate2::read::GzDecoder::new(&bytes[..])
            .take(UNPACKED_MAX)
            .read_to_end(&mut unpacked);
        let unpacked = String::from_utf8_lossy(&unpacked);
        let found = forms.iter().find(|form| unpacked.contains(form.as_str()));
        found.map(|form| format!("{form}, packed"))
    })
}

#[test]
fn the_word_is_found_in_every_form() {
    let secret = format!("a line with {CANARY}quince in it\n");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, secret.as_bytes()).unwrap();
    let gz = STANDARD.encode(packer.finish().unwrap());
    for text in [
        secret.clone(),
        STANDARD.encode(&secret),
        STANDARD.encode(format!("1{secret}")),
        STANDARD.encode(format!("12{secret}")),
        hex::encode(&secret),
        format!("log: {gz} end"),
    ] {
        assert!(told(&text).is_some(), "{text}");
    }
    assert_eq!(told("nothing of it: H4sI and Y2Fu"), None);
}
