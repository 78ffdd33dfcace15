//! A delivery that was changed in transit, at any byte, is refused.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use referee::forge::signature::WebhookSecret;
use referee::forge::webhook::DeliveryRefusal as Refusal;

use crate::recording::{Recording, SIGNATURES, fixture_forges};

/// Bits flipped in each body.
const FLIPS: usize = 8;

#[test]
fn every_change_is_refused() {
    let mut refused = 0;
    for folder in fixture_forges() {
        for original in Recording::read_all(&folder) {
            refused += check(&original);
        }
    }
    assert!(refused > 1000, "only {refused} mutants were tried");
}

/// Checks that every mutant of an accepted delivery is refused, and returns their number.
pub(crate) fn check(original: &Recording) -> usize {
    if original.accept().is_err() {
        return 0;
    }
    let mut mutants = bodies(original);
    mutants.extend(signatures(original));
    for (change, mutant) in &mutants {
        let outcome = mutant.accept();
        let unverified = matches!(outcome, Err(Refusal::Unverified(_)));
        assert!(unverified, "{}: {change}: {outcome:?}", original.name);
    }
    let mut form = original.clone();
    form.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    assert_eq!(form.accept(), Err(Refusal::ContentType));
    mutants.len() + 1
}

fn mutant(
    original: &Recording,
    description: impl Into<String>,
    change: impl FnOnce(&mut Recording),
) -> (String, Recording) {
    let mut changed = original.clone();
    change(&mut changed);
    (description.into(), changed)
}

fn bodies(original: &Recording) -> Vec<(String, Recording)> {
    let length = original.body.len();
    // Bytes all over the body, different ones for each length.
    let locations = (1..=FLIPS).map(|n| (n * 7919 * length / 8191) % length);
    let mut mutants: Vec<_> = locations
        .map(|location| {
            mutant(original, format!("bit of byte {location}"), |changed| {
                changed.body[location] ^= 1 << (location % 8);
            })
        })
        .collect();
    for kept in [length - 1, length / 2, 0] {
        mutants.push(mutant(original, format!("first {kept} bytes"), |changed| {
            changed.body.truncate(kept);
        }));
    }
    mutants.push(mutant(original, "one byte more", |changed| {
        changed.body.push(b'\n');
    }));
    mutants
}

fn signatures(original: &Recording) -> Vec<(String, Recording)> {
    let mut mutants = vec![
        mutant(original, "no signature", |changed| {
            for name in SIGNATURES {
                changed.headers.remove(name);
            }
        }),
        mutant(original, "another secret", |changed| {
            changed.secret = WebhookSecret::new("correct-horse-battery-stapler").unwrap();
        }),
    ];
    for name in SIGNATURES {
        let signature = original.header(name);
        if signature.is_empty() {
            continue;
        }
        let flipped = flip_last_digit(signature);
        let shorter = &signature[..signature.len() - 1];
        for value in [flipped.as_str(), shorter, "sha256=", ""] {
            mutants.push(mutant(original, format!("{name}: {value}"), |changed| {
                let value = HeaderValue::from_str(value).unwrap();
                changed.headers.insert(name, value);
            }));
        }
    }
    mutants
}

fn flip_last_digit(signature: &str) -> String {
    let (start, last) = signature.split_at(signature.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}
