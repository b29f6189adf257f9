//! Secrets, in all the ways in which somebody could write them down.

use countersign_core::encoding::{b64, b64u, hex};

/// A secret, and what to call it when it is found.
pub(crate) struct Planted {
    pub(crate) name: String,
    spellings: Vec<(&'static str, Vec<u8>)>,
}

impl Planted {
    pub(crate) fn new(name: &str, octets: &[u8]) -> Self {
        let mut spellings = vec![("raw", octets.to_vec())];
        // Half of a secret is as bad; fifteen octets are whole characters in either base64.
        for part in [&octets[..15], &octets[octets.len() - 15..]] {
            spellings.push(("raw", part.to_vec()));
            spellings.push(("hex", hex(part).into_bytes()));
            spellings.push(("HEX", hex(part).to_uppercase().into_bytes()));
            for separator in [", ", ",", " "] {
                let list: Vec<_> = part.iter().map(u8::to_string).collect();
                spellings.push(("decimal", list.join(separator).into_bytes()));
                let list: Vec<_> = part.iter().map(|octet| format!("{octet:02x}")).collect();
                spellings.push(("spaced hex", list.join(separator).into_bytes()));
            }
        }
        // At any place in a longer base64 text.
        for shift in 0..3 {
            let whole = &octets[shift..shift + 15];
            spellings.push(("base64", b64(whole).into_bytes()));
            spellings.push(("base64url", b64u(whole).into_bytes()));
        }
        Self { name: name.to_owned(), spellings }
    }

    /// Text that is a secret as it stands.
    pub(crate) fn text(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), spellings: vec![("text", text.as_bytes().to_vec())] }
    }

    /// How it is written down in these octets, if it is.
    pub(crate) fn found_in(&self, octets: &[u8]) -> Option<&'static str> {
        let is_there = |spelling: &[u8]| memchr::memmem::find(octets, spelling).is_some();
        self.spellings.iter().find_map(|(how, spelling)| is_there(spelling).then_some(*how))
    }
}

/// Fails when one of the secrets is in these octets.
#[track_caller]
pub(crate) fn assert_hidden(secrets: &[Planted], place: &str, octets: &[u8]) {
    for secret in secrets {
        assert_eq!(secret.found_in(octets), None, "{} is in {place}", secret.name);
    }
}
