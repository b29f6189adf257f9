//! Mistakes with the key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Mistake;
use crate::encoding::{b64, b64u, hex};
use crate::secret::Secret32;
use crate::signature::received::Received;

/// The keys of whoever seems to have signed.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The key of requests.
    pub c2s: &'a Secret32,
    /// The key of answers, which some sign requests with.
    pub s2c: &'a Secret32,
    /// The root that both come from, which some sign with directly.
    pub root: Option<&'a Secret32>,
}

/// The key that the base was signed with instead of c2s, if it is one of those that are taken for it.
pub(super) fn mistake(received: &Received, keys: &Keys<'_>) -> Option<Mistake> {
    let c2s = keys.c2s.expose();
    let text = |text: String| Zeroizing::new(text.into_bytes());
    let appended = |end: &[u8]| Zeroizing::new([c2s.as_slice(), end].concat());
    let suspects = [
        ("signed with s2c, the key of answers", Zeroizing::new(keys.s2c.expose().to_vec())),
        ("signed with the key and a line feed at its end", appended(b"\n")),
        ("signed with the key and CR LF at its end", appended(b"\r\n")),
        ("signed with the hex text of the key, not decoded", text(hex(c2s))),
        ("signed with the hex text of the key and a line feed at its end", text(hex(c2s) + "\n")),
        ("signed with the upper-case hex text of the key", text(hex(c2s).to_uppercase())),
        ("signed with the base64 text of the key, not decoded", text(b64(c2s))),
        ("signed with the base64url text of the key, not decoded", text(b64u(c2s))),
        ("signed with an empty key", Zeroizing::new(Vec::new())),
    ];
    let root = keys
        .root
        .map(|root| ("signed with the root, which is never used for a MAC", Zeroizing::new(root.expose().to_vec())));
    let found = suspects.into_iter().chain(root).find(|(_, key)| holds(key, received));
    found.map(|(deed, _)| Mistake { component: "key".into(), deed, value: None })
}

fn holds(key: &[u8], received: &Received) -> bool {
    let keyed = Hmac::<Sha256>::new_from_slice(key);
    keyed.is_ok_and(|keyed| keyed.chain_update(received.base.as_str()).verify_slice(received.octets.as_slice()).is_ok())
}
