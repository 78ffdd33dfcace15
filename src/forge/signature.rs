//! Who sent this? A delivery counts only if its sender knows a secret that we share with the forge.
//!
//! Everything here works on the raw bytes as they arrived: the forge signs those, and JSON that was
//! read and written again is other bytes. It never says to the sender why it refused, knows no
//! clock (no forge signs a time, so an old delivery verifies for ever and the store must recognise
//! it), and looks at no SHA-1.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// Headers with an HMAC-SHA256 of the body in hexadecimal digits, and what stands before the digits.
///
/// Gitea sends the first and the last (services/webhook/deliver.go, `addDefaultHeaders`), Forgejo
/// all three (services/webhook/shared/payloader.go). `X-Gogs-Signature` repeats the first, and
/// `X-Hub-Signature` is SHA-1: neither is read.
const HEADERS: [(&str, &str); 3] = [
    ("x-gitea-signature", ""),
    ("x-forgejo-signature", ""),
    ("x-hub-signature-256", "sha256="),
];

/// The length of an HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// A shorter text is a slip of the keyboard, not a secret.
const SECRET_CHARS_MIN: usize = 8;

/// A text that cannot be a webhook's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitSecret {
    /// Also the empty one: a forge without a secret signs nothing, so anybody could be the sender.
    #[error(
        "a webhook secret needs {SECRET_CHARS_MIN} characters or more; 32 random ones are good"
    )]
    Short,
    /// Most often the end of a file's line. The forge has no such character in its secret.
    #[error("a webhook secret cannot start or end with white space")]
    Padded,
}

/// What we share with the forge. Never empty, and unable to print itself: only the keyed state of
/// the computation is kept, not the text.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// Checks the text and makes a key of it.
    ///
    /// # Errors
    /// When it is empty, short or padded with white space.
    pub fn new(text: &str) -> Result<Self, UnfitSecret> {
        if text.trim() != text {
            return Err(UnfitSecret::Padded);
        }
        if text.chars().count() < SECRET_CHARS_MIN {
            return Err(UnfitSecret::Short);
        }
        // An HMAC takes keys of every length; the library's type cannot say so.
        Hmac::new_from_slice(text.as_bytes())
            .map(Self)
            .map_err(|_| UnfitSecret::Short)
    }

    /// The signature of a body as a forge would send it: hexadecimal digits without a prefix.
    pub fn sign(&self, body: &[u8]) -> String {
        hex::encode(self.keyed(body).finalize().into_bytes())
    }

    fn keyed(&self, body: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(body)
    }
}

/// Shows nothing of it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Why a delivery is not from the forge. For our log; the sender is only told that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// No signature of a kind that we read.
    #[error("no signature")]
    Missing,
    /// Not 64 hexadecimal digits. A hook without a secret sends an empty one: Gitea writes the
    /// headers all the same.
    #[error("the header `{0}` is no signature; an empty one means that the hook has no secret")]
    Malformed(&'static str),
    /// Made of another body or with another secret.
    #[error("the signature does not match")]
    Mismatch,
}

/// Checks that the body was signed with one of the secrets.
///
/// At least one signature must be present. Every one that is present must be right, and all by the
/// same secret: a forge signs once and writes the result into each header, so a sender whose headers
/// disagree is not one. There are several secrets while one replaces another, because a forge cannot
/// change the secret of a hook ("PATCH" ignores it) and two hooks stand side by side for a while.
/// With no secrets at all nothing is verified. The comparison takes the same time for every signature.
///
/// # Errors
/// When a signature is missing, malformed or wrong.
pub fn verify(headers: &HeaderMap, body: &[u8], secrets: &[Secret]) -> Result<(), Unverified> {
    let tags = tags(headers)?;
    let signed_with = |secret: &Secret| {
        let mac = secret.keyed(body);
        tags.iter().all(|tag| mac.clone().verify_slice(tag).is_ok())
    };
    if secrets.iter().any(signed_with) {
        Ok(())
    } else {
        Err(Unverified::Mismatch)
    }
}

/// All signatures of the headers, at least one.
fn tags(headers: &HeaderMap) -> Result<Vec<[u8; TAG_BYTES]>, Unverified> {
    let mut tags = Vec::new();
    for (name, prefix) in HEADERS {
        for value in headers.get_all(name) {
            tags.push(tag(value, prefix).ok_or(Unverified::Malformed(name))?);
        }
    }
    if tags.is_empty() {
        return Err(Unverified::Missing);
    }
    Ok(tags)
}

fn tag(value: &HeaderValue, prefix: &str) -> Option<[u8; TAG_BYTES]> {
    let digits = value.as_bytes().strip_prefix(prefix.as_bytes())?;
    let mut tag = [0; TAG_BYTES];
    hex::decode_to_slice(digits, &mut tag).ok()?;
    Some(tag)
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    const BODY: &[u8] = b"{\"what\": \"a body\"}";

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    /// RFC 4231, test case 4: the only one whose key is a text without padding.
    #[test]
    fn it_is_the_hmac_of_the_standard() {
        let key: String = (1..=25).map(char::from).collect();
        assert_eq!(
            secret(&key).sign(&[0xcd; 50]),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        );
    }

    #[test]
    fn unfit_secrets_do_not_exist() {
        assert_eq!(Secret::new("").unwrap_err(), UnfitSecret::Short);
        assert_eq!(Secret::new("seven77").unwrap_err(), UnfitSecret::Short);
        assert_eq!(Secret::new("line-end\n").unwrap_err(), UnfitSecret::Padded);
        assert_eq!(Secret::new("        ").unwrap_err(), UnfitSecret::Padded);
    }

    #[test]
    fn secrets_do_not_print_themselves() {
        assert_eq!(format!("{:?}", secret("correct-horse")), "Secret(hidden)");
    }

    #[test]
    fn either_secret_verifies_during_a_rotation_and_none_without_one() {
        let (old, new) = (secret("the-old-one"), secret("the-new-one"));
        let signed = headers(&[("x-gitea-signature", &old.sign(BODY))]);
        let both = [new.clone(), old];
        assert_eq!(verify(&signed, BODY, &both), Ok(()));
        assert_eq!(verify(&signed, BODY, &[new]), Err(Unverified::Mismatch));
        assert_eq!(verify(&signed, BODY, &[]), Err(Unverified::Mismatch));
    }

    #[test]
    fn every_signature_that_is_present_must_be_right() {
        let (ours, other) = (secret("shared-by-us"), secret("of-another"));
        let good = ours.sign(BODY);
        let hub = format!("sha256={good}");
        let bad = other.sign(BODY);
        let accepted: [&[(&'static str, &str)]; 4] = [
            &[("x-gitea-signature", &good)],
            &[("x-forgejo-signature", &good)],
            &[("x-hub-signature-256", &hub)],
            &[
                ("x-gitea-signature", &good),
                ("x-forgejo-signature", &good),
                ("x-hub-signature-256", &hub),
                ("x-hub-signature", "sha1=anything"),
            ],
        ];
        for pairs in accepted {
            assert_eq!(
                verify(&headers(pairs), BODY, slice::from_ref(&ours)),
                Ok(())
            );
        }
        let refused: [&[(&'static str, &str)]; 3] = [
            &[("x-gitea-signature", &good), ("x-gitea-signature", &bad)],
            &[("x-gitea-signature", &good), ("x-forgejo-signature", &bad)],
            &[("x-gitea-signature", &bad), ("x-hub-signature-256", &hub)],
        ];
        // Also with both secrets: two senders, or one and a bystander, are not one sender.
        let both = [ours, other];
        for pairs in refused {
            let refusal = verify(&headers(pairs), BODY, &both);
            assert_eq!(refusal, Err(Unverified::Mismatch));
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let ours = [secret("shared-by-us")];
        let good = ours[0].sign(BODY);
        let hub = format!("sha256={good}");
        for bad in [
            "",
            &good[1..],
            &good[2..],
            &format!("{good}00"),
            &good.replace(&good[..1], "g"),
            &format!(" {good}"),
            &hub,
        ] {
            let refusal = verify(&headers(&[("x-gitea-signature", bad)]), BODY, &ours);
            let malformed = Unverified::Malformed("x-gitea-signature");
            assert_eq!(refusal, Err(malformed), "{bad}");
        }
        for bad in ["", "sha256=", &good, &format!("sha1={good}")] {
            let refusal = verify(&headers(&[("x-hub-signature-256", bad)]), BODY, &ours);
            let malformed = Unverified::Malformed("x-hub-signature-256");
            assert_eq!(refusal, Err(malformed), "{bad}");
        }
        let sha1 = headers(&[("x-hub-signature", "sha1=00"), ("x-gogs-signature", &good)]);
        assert_eq!(verify(&sha1, BODY, &ours), Err(Unverified::Missing));
    }
}
