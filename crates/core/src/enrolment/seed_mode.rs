//! The seed's own registration, to the letter: private key = HM(shared key, nonce), MAC = HM(shared key, username ‖
//! nonce).
//!
//! **Its flaw:** the nonce travels in the open. Whoever holds the shared key, which is every member of the group, and
//! recorded a registration, computes that member's private key. A card avoids it by a Diffie-Hellman exchange. The
//! server takes this only with `danger_seed_mode`, marks the keys, and asks their users to enrol again by a card; the
//! client never falls back to it. `tests` shows the flaw.

use crate::encoding::{hex, unhex};
use crate::secret::{MacKey, Root, Secret32};

/// A registration as it travels. Nothing in it is secret, which is the flaw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRegistration {
    username: String,
    nonce: [u8; 32],
    mac: [u8; 32],
}

impl SeedRegistration {
    /// The client's side: the registration of `username` with these 32 random octets, and the private key.
    pub fn new(shared: &Secret32, username: &str, nonce: [u8; 32]) -> (Self, Root) {
        let shared = MacKey::new(shared);
        let mac = shared.mac(&[username.as_bytes(), &nonce]);
        (Self { username: username.to_owned(), nonce, mac }, private_key(&shared, &nonce))
    }

    /// Reads a registration from its members; `nonce` and `mac` are 32 octets each, in lower-case hex.
    ///
    /// The length matters: `username ‖ nonce` has no separator, and only a nonce of fixed length leaves no choice where
    /// one ends and the other begins.
    pub fn from_hex(username: &str, nonce: &str, mac: &str) -> Result<Self, BadRegistration> {
        let octets = |text: &str| unhex(text).and_then(|octets| octets.try_into().ok());
        let nonce = octets(nonce).ok_or(BadRegistration::Nonce)?;
        let mac = octets(mac).ok_or(BadRegistration::Mac)?;
        Ok(Self { username: username.to_owned(), nonce, mac })
    }

    /// Whether the sender holds the shared key; if so, the private key, which becomes the root.
    pub fn verify(&self, shared: &Secret32) -> Result<Root, WrongMac> {
        let shared = MacKey::new(shared);
        if shared.verifies(&[self.username.as_bytes(), &self.nonce], &self.mac) {
            Ok(private_key(&shared, &self.nonce))
        } else {
            Err(WrongMac)
        }
    }

    /// The name as typed; it is what the MAC covers, and is canonicalised afterwards.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The nonce; the server remembers it for ever, so that no registration is taken twice.
    pub const fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// The nonce as it travels.
    pub fn nonce_hex(&self) -> String {
        hex(&self.nonce)
    }

    /// The MAC as it travels.
    pub fn mac_hex(&self) -> String {
        hex(&self.mac)
    }
}

fn private_key(shared: &MacKey, nonce: &[u8; 32]) -> Root {
    Root::new(Secret32::new(shared.mac(&[nonce])))
}

/// Why a registration cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// The nonce is not 32 octets in hex.
    #[error("the nonce is not 32 octets in lower-case hex")]
    Nonce,
    /// The MAC is not 32 octets in hex.
    #[error("the mac is not 32 octets in lower-case hex")]
    Mac,
}

/// The sender does not hold the shared key, or the registration was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the registration does not verify")]
pub struct WrongMac;

#[cfg(test)]
mod tests;
