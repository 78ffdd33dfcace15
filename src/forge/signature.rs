//! The webhook signature: a delivery counts only when its sender knows the secret that Referee shares with the forge.
//!
//! Everything here works on the raw bytes as they arrived. The forge signs those, and parsed JSON that is written again
//! has other bytes. Nothing here accepts SHA-1. No forge signs a time, so an old delivery stays valid for ever; the
//! store has to recognize it.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// A header that carries an HMAC-SHA256 of the body in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureHeader {
    /// In lower case.
    pub name: &'static str,
    /// The text before the digits.
    pub prefix: &'static str,
}

/// GitHub's header. Gitea and Forgejo send it, too, so every kind of forge here accepts it.
pub const HUB_SIGNATURE_256: SignatureHeader = SignatureHeader { name: "x-hub-signature-256", prefix: "sha256=" };

/// Bytes of an HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// A shorter text is more likely a typing error than a secret.
const SECRET_CHARS_MIN: usize = 8;

/// A text that cannot be a webhook's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitSecret {
    /// Also the empty text: a forge without a secret signs nothing, so the sender could be anyone.
    #[error("a webhook secret needs at least {SECRET_CHARS_MIN} characters; 32 random ones are good")]
    Short,
    /// Most often the end of a file's line. The forge has no such character in its secret.
    #[error("a webhook secret cannot start or end with white space")]
    Padded,
}

/// The secret that Referee shares with the forge. It is never empty and cannot print itself: only the keyed state of
/// the computation is kept, not the text.
#[derive(Clone)]
pub struct WebhookSecret(Hmac<Sha256>);

impl WebhookSecret {
    /// # Errors
    /// The text is empty, short or padded with white space.
    pub fn new(text: &str) -> Result<Self, UnfitSecret> {
        if text.trim() != text {
            return Err(UnfitSecret::Padded);
        }
        if text.chars().count() < SECRET_CHARS_MIN {
            return Err(UnfitSecret::Short);
        }
        // An HMAC takes keys of every length; the library's type does not show it.
        Hmac::new_from_slice(text.as_bytes()).map(Self).map_err(|_| UnfitSecret::Short)
    }

    /// The signature of a body: hexadecimal digits without a prefix.
    pub fn sign(&self, body: &[u8]) -> String {
        hex::encode(self.keyed(body).finalize().into_bytes())
    }

    fn keyed(&self, body: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(body)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(hidden)")
    }
}

/// Why a delivery does not count as sent by the forge. The reason is for Referee's log, not for the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// No header with a signature that is read.
    #[error("no signature")]
    Missing,
    /// Not 64 hexadecimal digits. Gitea sends an empty header for a hook without a secret.
    #[error("the header `{0}` holds no signature; an empty header means that the hook has no secret")]
    Malformed(&'static str),
    /// The signature belongs to another body or another secret.
    #[error("the signature does not match")]
    Mismatch,
}

/// Verifies that the body was signed with one of the secrets, by the given headers.
///
/// At least one signature must be present. Every one that is present must be right, and all by the same secret: a
/// forge signs once and writes the result into each header, so a sender with contradicting headers is not the forge.
/// Two secrets are valid while one replaces the other: Gitea cannot change the secret of a hook (its `PATCH` ignores
/// it), so the old and the new hook exist side by side for a while. Without any secret every delivery is refused. The
/// comparison takes the same time for every signature.
///
/// # Errors
/// A signature is missing, malformed or wrong.
pub fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[WebhookSecret],
    signatures: &[SignatureHeader],
) -> Result<(), Unverified> {
    let tags = tags(headers, signatures)?;
    let signed_with = |secret: &WebhookSecret| {
        let mac = secret.keyed(body);
        tags.iter().all(|tag| mac.clone().verify_slice(tag).is_ok())
    };
    if secrets.iter().any(signed_with) { Ok(()) } else { Err(Unverified::Mismatch) }
}

/// All signatures in the headers, at least one.
fn tags(headers: &HeaderMap, signatures: &[SignatureHeader]) -> Result<Vec<[u8; TAG_BYTES]>, Unverified> {
    let mut tags = Vec::new();
    for &SignatureHeader { name, prefix } in signatures {
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

    const BODY: &[u8] = b"{\"a\": \"body\"}";

    const HEADERS: [SignatureHeader; 2] =
        [SignatureHeader { name: "x-plain-signature", prefix: "" }, HUB_SIGNATURE_256];

    fn verify(headers: &HeaderMap, body: &[u8], secrets: &[WebhookSecret]) -> Result<(), Unverified> {
        super::verify(headers, body, secrets, &HEADERS)
    }

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text).unwrap()
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
    fn a_signature_is_the_hmac_of_the_standard() {
        let key: String = (1..=25).map(char::from).collect();
        assert_eq!(secret(&key).sign(&[0xcd; 50]), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    }

    #[test]
    fn unfit_secrets_are_refused() {
        assert_eq!(WebhookSecret::new("").unwrap_err(), UnfitSecret::Short);
        assert_eq!(WebhookSecret::new("seven77").unwrap_err(), UnfitSecret::Short);
        assert_eq!(WebhookSecret::new("line-end\n").unwrap_err(), UnfitSecret::Padded);
        assert_eq!(WebhookSecret::new("        ").unwrap_err(), UnfitSecret::Padded);
    }

    #[test]
    fn secrets_do_not_print_themselves() {
        assert_eq!(format!("{:?}", secret("correct-horse")), "WebhookSecret(hidden)");
    }

    #[test]
    fn either_secret_verifies_during_a_rotation_and_none_without_one() {
        let (old, new) = (secret("the-old-one"), secret("the-new-one"));
        let signed = headers(&[("x-plain-signature", &old.sign(BODY))]);
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
        let bad_hub = format!("sha256={bad}");
        let accepted: [&[(&'static str, &str)]; 3] = [
            &[("x-plain-signature", &good)],
            &[("x-hub-signature-256", &hub)],
            &[("x-plain-signature", &good), ("x-hub-signature-256", &hub), ("x-hub-signature", "sha1=anything")],
        ];
        for pairs in accepted {
            assert_eq!(verify(&headers(pairs), BODY, slice::from_ref(&ours)), Ok(()));
        }
        let refused: [&[(&'static str, &str)]; 3] = [
            &[("x-plain-signature", &good), ("x-plain-signature", &bad)],
            &[("x-plain-signature", &good), ("x-hub-signature-256", &bad_hub)],
            &[("x-plain-signature", &bad), ("x-hub-signature-256", &hub)],
        ];
        // Also with both secrets: signatures of two secrets do not come from one sender.
        let both = [ours, other];
        for pairs in refused {
            let refusal = verify(&headers(pairs), BODY, &both);
            assert_eq!(refusal, Err(Unverified::Mismatch));
        }
    }

    #[test]
    fn a_text_that_is_not_a_signature_is_refused() {
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
            let refusal = verify(&headers(&[("x-plain-signature", bad)]), BODY, &ours);
            let malformed = Unverified::Malformed("x-plain-signature");
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
