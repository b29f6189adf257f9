//! `Content-Digest` (RFC 9530): what the body must hash to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use super::cursor::Cursor;
use super::malformed::Malformed;
use super::octets::Octets;

/// A `Content-Digest` as received. Every algorithm that we know must match; others say nothing (RFC 9530 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDigest {
    sha256: Option<[u8; 32]>,
    sha512: Option<Box<[u8; 64]>>,
}

impl ContentDigest {
    /// The digest of a message that has none. No body matches it, not even the empty one.
    pub(super) const ABSENT: Self = Self { sha256: None, sha512: None };

    /// Reads the field's value. `sha-256` is required; no algorithm may stand there twice.
    pub(super) fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut digest = Self::ABSENT;
        let mut cursor = Cursor::new(value);
        loop {
            let algorithm = cursor.key()?;
            cursor.expect(b"=", "Content-Digest is malformed")?;
            let base64 = cursor.byte_sequence()?;
            match algorithm {
                b"sha-256" => once(&mut digest.sha256, decode(base64)?)?,
                b"sha-512" => once(&mut digest.sha512, Box::new(decode(base64)?))?,
                _ => {}
            }
            if !cursor.next_member()? {
                break;
            }
        }
        if digest.sha256.is_none() { Err(Malformed("Content-Digest lacks sha-256")) } else { Ok(digest) }
    }

    /// A check to be fed with the body.
    pub fn check(&self) -> BodyCheck {
        let sha512 = self.sha512.as_ref().map(|expected| (expected.clone(), Sha512::new()));
        BodyCheck { expected: self.sha256, sha256: None, sha512: sha512.map(Box::new) }
    }
}

fn decode<const N: usize>(base64: &[u8]) -> Result<[u8; N], Malformed> {
    let octets = Octets::padded(base64).and_then(|octets| octets.as_slice().try_into().ok());
    octets.ok_or(Malformed("a digest has another length than its hash, or is not canonical base64"))
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed("Content-Digest has an algorithm twice")),
    }
}

/// The hashes of a body as it streams by.
#[derive(Clone, Debug)]
pub struct BodyCheck {
    expected: Option<[u8; 32]>,
    sha256: Option<Sha256>,
    sha512: Option<Box<(Box<[u8; 64]>, Sha512)>>,
}

impl BodyCheck {
    /// The next octets of the body.
    pub fn update(&mut self, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        self.sha256.get_or_insert_default().update(octets);
        if let Some((_, sha512)) = self.sha512.as_deref_mut() {
            sha512.update(octets);
        }
    }

    /// Whether the body was the one that the digest was made of.
    pub fn matches(self) -> bool {
        let sha512_matches = self.sha512.is_none_or(|sha512| *sha512.0 == *sha512.1.finalize());
        let sha256 = self.sha256.map_or(OF_NOTHING, |state| state.finalize().into());
        self.expected == Some(sha256) && sha512_matches
    }
}

/// SHA-256 of the empty string. Most requests have no body, and need no hashing to see that.
const OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The value of `Content-Digest` for this body.
pub fn sha256_digest_field(body: &[u8]) -> String {
    let mut value = String::with_capacity(54);
    value.push_str("sha-256=:");
    STANDARD.encode_string(Sha256::digest(body), &mut value);
    value.push(':');
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{b64, unhex};

    const EMPTY: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

    fn matches(value: &str, body: &[u8]) -> bool {
        let mut check = ContentDigest::read(value.as_bytes()).unwrap().check();
        body.chunks(5).for_each(|chunk| check.update(chunk));
        check.matches()
    }

    #[test]
    fn every_digest_of_rfc_9530_is_that_of_its_content() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../vectors/rfc9530_digest.json")).unwrap();
        let tests = vectors["tests"].as_array().unwrap();
        let with_values = tests.iter().filter(|test| test["values"].is_object());
        let mut checked = 0;
        for test in with_values {
            let body = unhex(test["content"].as_str().unwrap()).unwrap();
            let members: Vec<_> = test["values"].as_object().unwrap().iter().collect();
            let field: Vec<_> =
                members.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
            assert!(matches(&field.join(", "), &body), "{}", test["id"]);
            assert!(!matches(&field.join(", "), &[body.as_slice(), b"\n"].concat()), "{}", test["id"]);
            assert_eq!(sha256_digest_field(&body), format!("sha-256={}", test["values"]["sha-256"].as_str().unwrap()));
            checked += 1;
        }
        assert_eq!(checked, 5);
    }

    #[test]
    fn every_known_algorithm_must_match_the_same_body() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../vectors/rfc9530_digest.json")).unwrap();
        let tests = vectors["tests"].as_array().unwrap();
        let split = tests.iter().find(|test| test["id"] == "multi-member field").unwrap();
        let field = split["header"].as_str().unwrap();
        assert!(!matches(field, b"{\"hello\": \"world\"}\n"), "the sha-256 is of another form");
        assert!(!matches(field, &unhex("0b09807b2268656c6c6f223a2022776f726c64227d0a03").unwrap()), "the sha-512 is");
    }

    #[test]
    fn an_unknown_algorithm_says_nothing() {
        assert!(matches(&format!("md5=:AAAA:, {EMPTY},unixsum=:AA==:"), b""));
    }

    #[test]
    fn what_is_not_one_clear_digest_is_refused() {
        let sha512 = format!("sha-512=:{}:", b64(&[0; 64]));
        for value in [
            "",
            " ",
            "sha-256",
            "sha-256=",
            "sha-256=?1",
            "sha-256=::",
            "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU:",
            "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:",
            "sha-256=:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg==:",
            "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS:",
            "sha-256=:47DEQpj8 HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "SHA-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            &sha512,
            &format!("{EMPTY},"),
            &format!(",{EMPTY}"),
            &format!("{EMPTY}{EMPTY}"),
            &format!("{EMPTY}, {EMPTY}"),
            &format!("{EMPTY};a=1"),
            &format!("{EMPTY}, {sha512}, {sha512}"),
            &format!("{EMPTY}, sha-512=:AAAA:"),
        ] {
            assert!(ContentDigest::read(value.as_bytes()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn the_digest_of_nothing_is_that_of_the_empty_string() {
        assert_eq!(<[u8; 32]>::from(Sha256::digest(b"")), OF_NOTHING);
        let mut fed_nothing = ContentDigest::read(EMPTY.as_bytes()).unwrap().check();
        fed_nothing.update(b"");
        assert!(fed_nothing.matches());
        assert!(!matches(EMPTY, b"\0"));
    }

    #[test]
    fn no_body_matches_an_absent_digest() {
        assert!(!ContentDigest::ABSENT.check().matches());
    }
}
