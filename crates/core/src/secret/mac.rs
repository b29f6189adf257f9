//! HMAC-SHA-256 under a key of exactly 32 octets.

use core::fmt;

use hmac::block_api::HmacCore;
use hmac::digest::block_api::{Buffer, CoreProxy as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Secret32;

/// A key for MACs, kept as the keyed state so that no request pays for the key schedule.
///
/// The length is fixed because HMAC takes `k` and `k‖00` for the same key. The state wipes itself when dropped. It is kept
/// without the buffer of an ongoing computation: 80 octets, which are read from cold memory for most requests.
#[derive(Clone)]
pub struct MacKey(HmacCore<Sha256>);

impl MacKey {
    /// Keys the MAC.
    pub fn new(key: &Secret32) -> Self {
        let mut block = Zeroizing::new([0; 64]);
        for (place, octet) in block.iter_mut().zip(key.expose()) {
            *place = *octet;
        }
        Self(HmacCore::new((&*block).into()))
    }

    /// The MAC over the concatenation of `parts`. Whoever calls this has made that concatenation unambiguous.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Whether `mac` is the MAC over `parts`; takes equally long whether the first octet differs or the last.
    pub fn verifies(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.over(parts).verify_slice(mac).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut state = Hmac::<Sha256>::compose(self.0.clone(), Buffer::<HmacCore<Sha256>>::default());
        for part in parts {
            state.update(part);
        }
        state
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}
