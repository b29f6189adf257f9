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
